"""Tables as files for spreadsheets."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from django.http import HttpResponse

FORMULA = ("=", "+", "-", "@", "\t", "\r")
UNSAFE = re.compile(r"-*[^A-Za-z0-9._-]+-*")  # names of operators are in names of files


def csv_file(name: str, table: Iterable[Iterable[object]]) -> HttpResponse:
    """A CSV download. Words that a spreadsheet would take for a formula are made words again."""
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{UNSAFE.sub("-", name)}"'
    answer.write("\ufeff")  # so that spreadsheets read Bangla
    csv.writer(answer).writerows([_safe(cell) for cell in row] for row in table)
    return answer


def _safe(cell: object) -> object:
    is_formula = isinstance(cell, str) and cell.startswith(FORMULA) and not _is_figure(cell)
    return f"'{cell}" if is_formula else cell


def _is_figure(text: str) -> bool:
    return text[1:].replace(".", "", 1).replace(",", "").isdecimal()
