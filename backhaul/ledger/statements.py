"""One shape for every statement of the books: page, CSV, XLSX and PDF all draw the same object.

`Statement` is plain data without Django: reports.py, day_book.py, billing/ageing.py and payments/customer_account.py
build one, a renderer draws it. Amounts are minor units with the sign that is shown; days are dates. Words (titles,
labels, notes) are English msgids which the renderer translates, except where a row or section is `named`: what a person
or an operator called something. `opens` says where a click on the row leads; web/console/statement_pages.py makes an
address of it, paper ignores it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

Cell = int | date | str | None
ColumnKind = Literal["money", "day", "count", "text"]
RowKind = Literal["line", "sum", "opening", "closing"]


@dataclass(frozen=True)
class Opens:
    """What a row leads down to: ("account", code) over days, ("entry", id), ("customer", id), ("bill", id) …"""

    what: str
    key: int | str
    from_on: date | None = None
    to_on: date | None = None


@dataclass(frozen=True)
class Column:
    """A column after the first, which is always the row's label."""

    label: str
    kind: ColumnKind = "money"


@dataclass(frozen=True)
class Row:
    """One line: a label, and a cell for each column (None = left empty). `level` is how far it is set in."""

    label: str
    cells: tuple[Cell, ...]
    code: str = ""  # the number of an account, the code of a customer: shown before the label
    note: str = ""  # what a person wrote: shown after the label, never translated
    named: bool = False  # the label is a name: not translated
    level: int = 0
    kind: RowKind = "line"
    opens: Opens | None = None


@dataclass(frozen=True)
class Section:
    """Rows under a heading; `total`, if any, stands below them."""

    title: str
    rows: tuple[Row, ...]
    total: Row | None = None
    named: bool = False


@dataclass(frozen=True)
class Statement:
    """A whole statement. `totals` stand at the end; `proofs` are sentences that hold or do not, by figures."""

    name: str  # stable, for file names: "trial-balance"
    title: str
    label: str  # heading of the first column
    columns: tuple[Column, ...]
    sections: tuple[Section, ...]
    totals: tuple[Row, ...] = ()
    proofs: tuple[tuple[str, bool], ...] = ()
    notes: tuple[str, ...] = ()
    from_on: date | None = None  # None: as of to_on
    to_on: date | None = None
    known_on: date | None = None  # None: as known now
    subject: str = ""  # whom or what it is about, where it is not the whole books: never translated
    more: bool = False  # rows were left out: the file has them all
    beside: Opens | None = None  # the same figures in another way: an account by its parties …
    facts: dict[str, int] = field(default_factory=dict)  # figures by name for who reads the object, not a table

    @property
    def is_empty(self) -> bool:
        return not any(section.rows for section in self.sections)


def summed(label: str, rows: tuple[Row, ...], columns: tuple[Column, ...], *, kind: RowKind = "sum") -> Row:
    """The row that adds up the amounts of `rows`, column by column; other columns stay empty."""
    cells: list[Cell] = []
    for n, column in enumerate(columns):
        if column.kind in ("money", "count"):
            cells.append(sum(amount(row, n) for row in rows))
        else:
            cells.append(None)
    return Row(label, tuple(cells), kind=kind)


def amount(row: Row, n: int) -> int:
    """The figure of a row in its column `n`; nothing counts as zero."""
    cell = row.cells[n]
    return cell if isinstance(cell, int) else 0


def section(
    title: str, rows: list[Row], columns: tuple[Column, ...], total: str = "", *, named: bool = False
) -> Section:
    """A section of `rows`, with their sum under the label `total` if one is given."""
    kept = tuple(rows)
    return Section(title, kept, summed(total, kept, columns) if total else None, named)


def about(statement: Statement, subject: str) -> Statement:
    """The same statement, said to be about `subject`."""
    return replace(statement, subject=subject)
