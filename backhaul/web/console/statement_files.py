"""Statements of the books as files for spreadsheets: amounts are numbers there, days are dates, totals are values."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import xlsxwriter
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop as words

from backhaul.ledger.statements import Cell, Column, Row, Statement
from backhaul.operators.scope import current_scope
from backhaul.web.console.downloads import attachment, csv_file, taken
from backhaul.web.currency import amounts_head
from backhaul.web.templatetags.console import dated

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
WIDTHS = {"money": 16, "day": 12, "count": 10, "text": 24}


def statement_csv(statement: Statement) -> HttpResponse:
    """One line a row: section, code, label, note, then the cells; amounts without separators of thousands."""
    decimals = current_scope().currency_decimals
    head: list[object] = [
        _("Section"),
        _("Number"),
        said(statement.label),
        _("Note"),
        *map(_title, statement.columns),
    ]
    table: list[list[object]] = [head]
    for title, row in _all_rows(statement):
        cells = (_plain(cell, column, decimals) for cell, column in zip(row.cells, statement.columns, strict=True))
        table.append([title, row.code, label_of(row), row.note, *cells])
    return csv_file(f"{file_name(statement)}.csv", table)


def statement_xlsx(statement: Statement) -> HttpResponse:
    """A workbook of one sheet, with the same title and days above it as the page has."""
    held = io.BytesIO()
    book = xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    _Sheet(book, statement).write()
    book.close()
    name = f"{file_name(statement)}.xlsx"
    answer = attachment(name, XLSX)
    answer.write(held.getvalue())
    return taken(answer, name, count_rows(statement))


def count_rows(statement: Statement) -> int:
    """How many rows a file of a statement has, beside its head."""
    return sum(1 for _row in _all_rows(statement))


def file_name(statement: Statement) -> str:
    """trial-balance-2026-11-22, income-statement-2026-10-01-2026-10-31 …"""
    days = [each.isoformat() for each in (statement.from_on, statement.to_on) if each]
    known = [f"known-{statement.known_on.isoformat()}"] if statement.known_on else []
    return "-".join([statement.name, *dict.fromkeys(days), *known])


def said(text: str) -> str:
    """Words of the product in the reader's language."""
    return _(text) if text else ""


def label_of(row: Row) -> str:
    """A row's label as the reader reads it: a name stays what it is."""
    return row.label if row.named else said(row.label)


def _all_rows(statement: Statement) -> Iterator[tuple[str, Row]]:
    for section in statement.sections:
        title = section.title if section.named else said(section.title)
        for row in (*section.rows, *((section.total,) if section.total else ())):
            yield title, row
    for row in _ending(statement):
        yield "", row


def _ending(statement: Statement) -> tuple[Row, ...]:
    """The totals, which are of all rows, after a word about those that were left out."""
    if not statement.more:
        return statement.totals
    return (Row(words("There are more rows; choose fewer days."), (None,) * len(statement.columns)), *statement.totals)


def _plain(cell: Cell, column: Column, decimals: int) -> object:
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, int) and column.kind == "money":
        whole, part = divmod(abs(cell), 10**decimals)
        sign = "-" if cell < 0 else ""
        return f"{sign}{whole}.{part:0{decimals}d}" if decimals else f"{sign}{whole}"
    return "" if cell is None else cell


class _Sheet:
    """Writes a statement row by row."""

    def __init__(self, book: Any, statement: Statement) -> None:
        self.statement = statement
        self.decimals = current_scope().currency_decimals
        self.sheet = book.add_worksheet(said(statement.title)[:31].translate(str.maketrans("[]:*?/\\", "       ")))
        money = "#,##0" + ("." + "0" * self.decimals if self.decimals else "")
        numbers = {"money": money, "day": "yyyy-mm-dd", "count": "#,##0", "text": "@"}
        self.formats = {
            (kind, strong): book.add_format({"num_format": number, "bold": strong, "top": int(strong)})
            for kind, number in numbers.items()
            for strong in (False, True)
        }
        self.levels = [book.add_format({"indent": level}) for level in range(4)]
        self.bold = book.add_format({"bold": True})
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.at = 0

    def write(self) -> None:
        statement = self.statement
        for text, look in ((said(statement.title), self.title), (statement.subject, None), (days_of(statement), None),
                            (f"{current_scope().name} · {current_scope().currency}", None)):  # fmt: skip
            if text:
                self.sheet.write_string(self.at, 0, text, look)
                self.at += 1
        self.at += 1
        for n, label in enumerate([_("Number"), said(statement.label), _("Note"), *map(_title, statement.columns)]):
            self.sheet.write_string(self.at, n, label, self.bold)
        self.sheet.freeze_panes(self.at + 1, 0)
        self.at += 1
        for section in statement.sections:
            if section.title:
                self.sheet.write_string(self.at, 0, section.title if section.named else said(section.title), self.bold)
                self.at += 1
            for row in (*section.rows, *((section.total,) if section.total else ())):
                self._row(row)
        for row in _ending(statement):
            self._row(row)
        self.sheet.set_column(0, 0, 12)
        self.sheet.set_column(1, 1, 40)
        self.sheet.set_column(2, 2, 20)
        for n, column in enumerate(statement.columns, start=3):
            self.sheet.set_column(n, n, WIDTHS[column.kind])

    def _row(self, row: Row) -> None:
        strong = row.kind != "line"
        self.sheet.write_string(self.at, 0, row.code)
        self.sheet.write_string(self.at, 1, label_of(row), self.bold if strong else self.levels[min(row.level, 3)])
        self.sheet.write_string(self.at, 2, row.note)
        for n, (cell, column) in enumerate(zip(row.cells, self.statement.columns, strict=True), start=3):
            look = self.formats[column.kind, strong]
            if isinstance(cell, date):
                self.sheet.write_datetime(self.at, n, cell, look)
            elif isinstance(cell, int):
                figure = cell / 10**self.decimals if column.kind == "money" else cell
                self.sheet.write_number(self.at, n, figure, look)
            elif cell is not None:
                self.sheet.write_string(self.at, n, cell, look)
        self.at += 1


def _title(column: Column) -> str:
    return amounts_head(said(column.label)) if column.kind == "money" else said(column.label)


def days_of(statement: Statement) -> str:
    """The days that a statement is about, and the day on which it was known: as pages and files say it."""
    parts = []
    if statement.from_on and statement.to_on and statement.from_on != statement.to_on:
        parts.append(f"{dated(statement.from_on, 'j M Y')} – {dated(statement.to_on, 'j M Y')}")
    elif statement.to_on:
        parts.append(_("as of %(day)s") % {"day": dated(statement.to_on, "j M Y")})
    if statement.known_on:
        parts.append(_("as known on %(day)s") % {"day": dated(statement.known_on, "j M Y")})
    return ", ".join(parts)
