"""Tables as files for spreadsheets, documents as PDF."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping
from typing import TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backhaul.common.spreadsheets import safe_cell
from backhaul.web.console import given
from backhaul.web.console.pages import leave_to
from backhaul.web.paper.document import Document, DocumentTooLong
from backhaul.web.paper.press import PressBusy, print_document

Answer = TypeVar("Answer", bound=HttpResponseBase)
UNSAFE = re.compile(r"-*[^A-Za-z0-9._-]+-*")  # names of operators are in names of files


def csv_file(name: str, table: Iterable[Iterable[object]]) -> HttpResponse:
    """A CSV download. Words that a spreadsheet would take for a formula are made words again."""
    answer = attachment(name, "text/csv; charset=utf-8")
    answer.write("\ufeff")  # so that spreadsheets read Bangla
    writer, lines = csv.writer(answer), 0
    for lines, row in enumerate(table, start=1):  # noqa: B007  how many there were
        writer.writerow([safe_cell(cell) for cell in row])
    return taken(answer, name, max(lines - 1, 0))


def taken(answer: Answer, name: str, rows: int, *, made_of: Mapping[str, object] | None = None) -> Answer:
    """The answer carries a list of so many rows away: the audit log says so (trail). `made_of`: the filters, where they
    do not stand in the address."""
    answer.taken = {"file": name, "rows": rows, "filters": made_of}  # type: ignore[attr-defined]
    return answer


def print_language(request: HttpRequest) -> str:
    """?lang=: the language that a document is wanted in; without it, the person's own."""
    return given.one_of(request, "lang", dict(settings.LANGUAGES)) or get_language() or "en"


def print_choices(path: str, **query: str) -> list[tuple[str, str]]:
    """The name and the address of a document in each language."""
    return [
        (_("PDF, %s") % language, f"{path}?{urlencode(query | {'lang': key})}") for key, language in settings.LANGUAGES
    ]


def pdf_file(
    request: HttpRequest, name: str, document: Document, *, back: str, rows: int | None = None
) -> HttpResponse:
    """A PDF download; what is too long for one, or must wait, is said on the page `back`. To be called outside of units
    of work: printing takes its time. `rows`: of a list, whose taking is written down."""
    try:
        printed = print_document(document)
    except (DocumentTooLong, PressBusy) as refusal:
        messages.error(request, refusal.message)
        return leave_to(request, back)
    answer = attachment(name, "application/pdf")
    answer.write(printed)
    return answer if rows is None else taken(answer, name, rows)


def attachment(name: str, content_type: str) -> HttpResponse:
    """An empty answer that browsers save as a file of that name, made safe."""
    answer = HttpResponse(content_type=content_type)
    answer["Content-Disposition"] = f'attachment; filename="{UNSAFE.sub("-", name)}"'
    return answer
