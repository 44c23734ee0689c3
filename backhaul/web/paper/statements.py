"""A statement of the books on paper: whatever `backhaul/ledger/statements.py` can hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

from django.utils.translation import gettext as _

from backhaul.ledger import statements as books
from backhaul.operators.scope import current_scope
from backhaul.web.paper.document import Column, Document, Due, Fact, Row, RowKind, Table
from backhaul.web.paper.sheet import sheet
from backhaul.web.templatetags.console import count, day, money, period

KINDS: dict[books.RowKind, RowKind] = {"line": "plain", "sum": "subtotal", "opening": "subtotal", "closing": "subtotal"}
FIGURES = ("money", "count")
UPRIGHT = 5  # columns besides the label that an upright sheet holds
NO_DAY = date(1970, 1, 1)


def statement_document(statement: books.Statement, *, seal: str = "") -> Document:
    """The statement below the acting operator's letterhead; `seal`: the sentence that names the head of its books."""
    columns = (Column(_said(statement.label), share=3), *(_column(each) for each in statement.columns))
    table = Table(columns, tuple(_rows(statement)), empty=_("Nothing is posted yet"))
    return sheet(
        _(statement.title),
        dated_on=statement.known_on or statement.to_on or NO_DAY,
        wide=len(statement.columns) > UPRIGHT,
        subtitle=statement.subject,
        facts=tuple(_facts(statement)),
        tables=(table,),
        notes=tuple(_notes(statement)),
        seal=seal,
    )


def account_document(statement: books.Statement, *, seal: str = "") -> Document:
    """A customer's account for the customer: what it owes at the end in a box, and how that came about."""
    opening, closing = statement.facts["opening_minor"], statement.facts["closing_minor"]
    due = Due(
        _("Amount due") if closing > 0 else _("Nothing is due"),
        _amount(max(closing, 0)),
        (
            Fact(_("Opening"), money(opening)),
            Fact(_("Charged"), money(statement.facts["charged_minor"])),
            Fact(_("Paid or credited"), money(-statement.facts["credited_minor"])),
            Fact(_("Closing"), money(closing)),
        ),
        settled=closing <= 0,
    )
    notes = (_("Below zero: the customer holds it in advance."),) if min(opening, closing) < 0 else ()
    document = statement_document(statement, seal=seal)
    facts = (Fact(_("Customer"), statement.subject), *document.facts)
    return replace(document, subtitle="", facts=facts, due=due, notes=(*notes, *document.notes))


def _amount(minor: int) -> str:
    return f"{current_scope().currency} {money(minor)}"


def _column(column: books.Column) -> Column:
    return Column(_said(column.label), figure=column.kind in FIGURES, share=2 if column.kind == "text" else 0)


def _facts(statement: books.Statement) -> Iterator[Fact]:
    yield Fact(_("Books of"), current_scope().name)
    if statement.from_on and statement.to_on:
        yield Fact(_("Days"), period(statement.from_on, statement.to_on + timedelta(days=1)))
    elif statement.to_on:
        yield Fact(_("As of"), day(statement.to_on))
    if statement.known_on:
        yield Fact(_("As known on"), day(statement.known_on))
    yield Fact(_("Currency"), current_scope().currency)


def _rows(statement: books.Statement) -> Iterator[Row]:
    for section in statement.sections:
        if section.title:
            yield Row((section.title if section.named else _said(section.title),), "heading")
        if not section.rows:
            yield Row((_("Nothing here."),))
        for row in section.rows:
            yield _row(row, statement.columns)
        if section.total:
            yield _row(section.total, statement.columns)
    for row in statement.totals:
        yield _row(row, statement.columns, "total")


def _row(row: books.Row, columns: tuple[books.Column, ...], kind: RowKind | None = None) -> Row:
    label = row.label if row.named else _said(row.label)
    words = f"{row.code} {label}" if row.code else label
    cells = (_cell(cell, column.kind) for cell, column in zip(row.cells, columns, strict=True))
    return Row((words, *cells), kind or KINDS[row.kind], note=row.note, level=row.level)


def _said(words: str) -> str:
    return _(words) if words else ""


def _cell(cell: books.Cell, kind: books.ColumnKind) -> str:
    if cell is None:
        return ""
    if isinstance(cell, date):
        return day(cell)
    if isinstance(cell, int):
        return money(cell) if kind == "money" else count(cell)
    return cell


def _notes(statement: books.Statement) -> Iterator[str]:
    for sentence, holds in statement.proofs:
        yield _(sentence) if holds else _("Not so: %(sentence)s. Run the verification.") % {"sentence": _(sentence)}
    if statement.more:
        yield _("There are more rows; choose fewer days, or take a file, which has them all.")
    yield from (_(note) for note in statement.notes)
