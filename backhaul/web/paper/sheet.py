"""A document of the acting operator: its letterhead, in the language of who asks."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backhaul.ledger.heads import get_latest_head
from backhaul.operators.branding import OperatorBrand, Picture, brand_of, get_picture
from backhaul.web.paper.document import PRODUCT_COLOUR, Document, Letterhead
from backhaul.web.templatetags.console import day


def letterhead() -> Letterhead:
    """The acting operator's own."""
    brand = brand_of()
    return Letterhead(
        brand.display_name,
        brand.colour or PRODUCT_COLOUR,
        brand.document_footer,
        lines=tuple(_lines(brand)),
        provider=brand.isp_information,
        logo=_logo(brand.logo) if brand.logo else "",
    )


def _lines(brand: OperatorBrand) -> Iterator[str]:
    if brand.legal_name not in ("", brand.display_name):
        yield brand.legal_name
    if brand.address:
        yield ", ".join(brand.address.splitlines())
    if brand.support_phone or brand.support_email:
        yield " · ".join(filter(None, (brand.support_phone, brand.support_email)))
    numbers = ((_("VAT registration %s"), brand.vat_number), (_("Licence %s"), brand.licence_number))
    if any(number for _words, number in numbers):
        yield " · ".join(words % number for words, number in numbers if number)


@lru_cache(maxsize=64)
def _logo(picture: Picture) -> str:
    """What is in it follows from its digest, so many documents read it once."""
    return b64encode(get_picture(picture)).decode()


def seal() -> str:
    """The head of the acting operator's books, for the foot of what is taken from them; empty before the first."""
    head = get_latest_head()
    if head is None:
        return ""
    return _("Sealed through %(day)s: %(hash)s") % {"day": day(head["on_date"]), "hash": head["hash"]}


def sheet(title: str, *, dated_on: date, head: Letterhead | None = None, **parts: Any) -> Document:
    """A document below that letterhead; `parts` as in Document. `head`: the letterhead, where it is known already."""
    return Document(
        title=title,
        head=head or letterhead(),
        dated_on=dated_on,
        language=(get_language() or "en").split("-")[0],
        page_words=_("Page {page} of {pages}"),
        **parts,
    )
