"""A document of the acting operator: its letterhead, in the language of who asks."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backhaul.operators.queries import get_brand
from backhaul.operators.scope import current_scope
from backhaul.web.paper.document import Document, Letterhead


def letterhead() -> Letterhead:
    """The acting operator's own; its bare name where it has no brand."""
    brand = get_brand()
    if brand is None:
        return Letterhead(current_scope().name)
    return Letterhead(brand["display_name"], brand["colour"], brand["document_footer"])


def sheet(title: str, *, dated_on: date, **parts: Any) -> Document:
    """A document below that letterhead; `parts` as in Document."""
    return Document(
        title=title,
        head=letterhead(),
        dated_on=dated_on,
        language=(get_language() or "en").split("-")[0],
        page_words=_("Page {page} of {pages}"),
        **parts,
    )
