"""A document of the acting operator: its letterhead, in the language of who asks."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backhaul.ledger.heads import get_latest_head
from backhaul.operators.branding import brand_of
from backhaul.web.paper.document import PRODUCT_COLOUR, Document, Letterhead
from backhaul.web.templatetags.console import day


def letterhead() -> Letterhead:
    """The acting operator's own."""
    brand = brand_of()
    return Letterhead(brand.display_name, brand.colour or PRODUCT_COLOUR, brand.document_footer)


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
