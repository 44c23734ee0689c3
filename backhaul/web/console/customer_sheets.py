"""The list of customers as CSV and as a workbook: however many, a page at a time."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import date
from typing import IO, Any

import xlsxwriter
from django.utils.translation import gettext as _

from backhaul.common.spreadsheets import safe_cell
from backhaul.web.console.customer_columns import Column, plain
from backhaul.web.currency import amounts_head, decimals

Pages = Iterable[list[dict[str, Any]]]
MOST_ROWS = 1_000_000  # of a sheet
DIGITS = 15  # of a number there


def write_csv(target: IO[bytes], pages: Pages, columns: list[Column]) -> int:
    """Days as 2026-11-22, amounts as 1500.00, words that look like a formula made words again; how many customers."""
    target.write(b"\xef\xbb\xbf")  # so that spreadsheets read Bangla
    lines = _Lines(target)
    lines.write([_("Name"), *map(_head, columns)])
    written = 0
    for page in pages:
        for row in page:
            lines.write([row["name"], *(_text(plain(row, column), column) for column in columns)])
        written += len(page)
    return written


def write_xlsx(target: IO[bytes], pages: Pages, columns: list[Column]) -> int:
    """As many sheets as it takes; days are days and amounts numbers there, words never formulas. How many customers."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(target, options)
    places = decimals()
    looks = {
        "money": book.add_format({"num_format": "#,##0" + ("." + "0" * places if places else "")}),
        "day": book.add_format({"num_format": "yyyy-mm-dd"}),
    }
    looks["head"] = book.add_format({"bold": True})
    sheet = _sheet(book, columns, looks["head"])
    written = at = 0
    for row in _rows(pages):
        if at == MOST_ROWS:
            sheet, at = _sheet(book, columns, looks["head"]), 0
        at, written = at + 1, written + 1
        sheet.write_string(at, 0, row["name"])
        for n, column in enumerate(columns, start=1):
            value = plain(row, column)
            if isinstance(value, date):
                sheet.write_datetime(at, n, value, looks["day"])
            elif isinstance(value, int) and column.kind == "money":
                sheet.write_number(at, n, value / 10**places, looks["money"])
            elif column.kind == "number" and _is_exact(value):
                sheet.write_number(at, n, float(value))
            elif value not in (None, ""):
                sheet.write_string(at, n, str(value))
    book.close()
    return written


def _sheet(book: xlsxwriter.Workbook, columns: list[Column], bold: Any) -> Any:
    """A further sheet, with its head."""
    n = len(book.worksheets())
    sheet = book.add_worksheet(_("Customers")[:27] + (f" {n + 1}" if n else ""))
    sheet.freeze_panes(1, 0)
    sheet.set_column(0, len(columns), 18)
    for at, label in enumerate([_("Name"), *map(_head, columns)]):
        sheet.write_string(0, at, label, bold)
    return sheet


WRITERS = {"csv": write_csv, "xlsx": write_xlsx}


def _head(column: Column) -> str:
    return amounts_head(column.label) if column.kind == "money" else str(column.label)


def _is_exact(text: str | None) -> bool:
    """Whether a spreadsheet keeps all digits of a number: those of an identity card have 17."""
    return 0 < sum(each.isdigit() for each in text or "") <= DIGITS


def _rows(pages: Pages) -> Iterator[dict[str, Any]]:
    return (row for page in pages for row in page)


class _Lines:
    """Lines of CSV into a file of bytes."""

    def __init__(self, target: IO[bytes]) -> None:
        self.target = target
        self.held = io.StringIO()
        self.writer = csv.writer(self.held)

    def write(self, cells: list[object]) -> None:
        self.writer.writerow([safe_cell(cell) for cell in cells])
        self.target.write(self.held.getvalue().encode())
        self.held.seek(0)
        self.held.truncate()


def _text(value: Any, column: Column) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int) and column.kind == "money":
        whole, part = divmod(abs(value), 10 ** decimals())
        sign = "-" if value < 0 else ""
        return f"{sign}{whole}.{part:0{decimals()}d}" if decimals() else f"{sign}{whole}"
    return "" if value is None else value
