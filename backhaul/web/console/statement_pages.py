"""How a statement of the books is shown: one page for all of them, with its files and what each row leads to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import override

from backhaul.ledger.heads import get_latest_head
from backhaul.ledger.statements import Column, Opens, Row, Statement
from backhaul.web.console import given
from backhaul.web.console.downloads import pdf_file, print_choices, print_language
from backhaul.web.console.pages import PageRequest, show, unit_of
from backhaul.web.console.statement_files import (
    count_rows,
    days_of,
    file_name,
    label_of,
    said,
    statement_csv,
    statement_xlsx,
)
from backhaul.web.forms import BOUND
from backhaul.web.paper.document import Document
from backhaul.web.paper.sheet import seal
from backhaul.web.paper.statements import statement_document

FILES = ("csv", "xlsx", "pdf")
PHONE_COLUMNS = 2  # figures that a phone shows beside what they are of; more stand below it
FILE_ROWS = 20_000  # rows of a file where its page shows fewer
# What `Opens.what` is called in addresses, where it is not the name of a page of one key itself.
PAGES_OF_DAYS = ("income-statement", "journal")
STATEMENTS = ("account", "account-parties", "customer-account", "income-statement")


@dataclass(frozen=True)
class Asked:
    """What an address asks of a statement: its days, on which day it is known, and whether it is a file."""

    from_on: date
    to_on: date
    known_on: date | None
    file: str | None

    def rows(self, shown: int) -> int:
        """How many rows: a page shows so many, a file has more."""
        return FILE_ROWS if self.file else shown


def asked_of(request: PageRequest, *, from_on: date | None = None, to_on: date | None = None) -> Asked:
    """?from=&to=&known=&as=; without days this month through today, or the days given here."""
    until = day_of(request, "to", to_on or request.today)
    since = day_of(request, "from", from_on or until.replace(day=1))
    known = given.day(request, "known")
    return Asked(
        min(since, until),
        until,
        known if known and BOUND[0] <= known <= BOUND[1] else None,
        given.one_of(request, "as", FILES),
    )


def day_of(request: PageRequest, name: str, default: date) -> date:
    """A day of the address, or the default; days out of this world are none."""
    found = given.day(request, name)
    return found if found and BOUND[0] <= found <= BOUND[1] else default


def serve(
    request: PageRequest,
    build: Callable[[Asked], Statement],
    *,
    over_days: bool,
    back: tuple[str, str],
    asked: Callable[[PageRequest], Asked] = asked_of,
    paper: Callable[..., Document] = statement_document,
) -> HttpResponse:
    """The statement as its page, or as the file that ?as= names. For views that are not `in_unit`: paper takes time,
    and all figures are of one instant.

    `over_days`: it has a first day too. `back`: the address and label of the page above it.
    """
    with unit_of(request, snapshot=True):
        wanted = asked(request)
        statement = build(wanted)
        if wanted.file == "csv":
            return statement_csv(statement)
        if wanted.file == "xlsx":
            return statement_xlsx(statement)
        if wanted.file is None:
            return show(request, "statement", _context(request, statement, wanted, over_days, back))
        with override(print_language(request)):
            document = paper(statement, seal=seal())
    name = f"{file_name(statement)}.pdf"
    return pdf_file(request, name, document, back=request.path, rows=count_rows(statement))


def _context(
    request: PageRequest, statement: Statement, wanted: Asked, over_days: bool, back: tuple[str, str]
) -> dict[str, Any]:
    query = request.GET.copy()
    files = []
    for kind in FILES[:-1]:
        query["as"] = kind
        files.append((kind.upper(), f"{request.path}?{query.urlencode()}"))
    query["as"] = "pdf"
    files += print_choices(request.path, **{name: str(query[name]) for name in query if name != "lang"})
    return {
        "statement": statement,
        "title": said(statement.title),
        "days": days_of(statement),
        "label": said(statement.label),
        "columns": [
            {"label": said(column.label), "kind": column.kind, "figure": _is_figure(column)}
            for column in statement.columns
        ],
        "sections": [
            {
                "title": section.title if section.named else said(section.title),
                "rows": [drawn(row, statement) for row in section.rows],
                "total": drawn(section.total, statement) if section.total else None,
            }
            for section in statement.sections
        ],
        "totals": [drawn(row, statement) for row in statement.totals],
        "proofs": [(said(sentence), holds) for sentence, holds in statement.proofs],
        "notes": [said(note) for note in statement.notes],
        "files": files,
        "filters": wanted,
        "over_days": over_days,
        "width": len(statement.columns) + 1,
        "many": len(statement.columns) > PHONE_COLUMNS,
        "beside": address_of(statement.beside, statement.known_on) if statement.beside else "",
        "back": {"href": back[0], "label": back[1]},
        "head": get_latest_head(),
    }


def drawn(row: Row, statement: Statement) -> dict[str, Any]:
    """A row as the page's template takes it: label, address, and cells with what they are."""
    cells = [
        {"kind": column.kind, "value": cell, "label": said(column.label), "figure": _is_figure(column)}
        for cell, column in zip(row.cells, statement.columns, strict=True)
    ]
    return {
        "label": label_of(row),
        "code": row.code,
        "note": row.note,
        "level": row.level,
        "strong": row.kind != "line",
        "href": address_of(row.opens, statement.known_on) if row.opens else "",
        "cells": cells,
    }


def address_of(opens: Opens, known_on: date | None) -> str:
    """The page that a row leads to; another statement is of the same knowledge."""
    days = {"from": opens.from_on, "to": opens.to_on, "known": known_on if opens.what in STATEMENTS else None}
    if opens.what == "journal":
        days["kind"] = opens.key  # type: ignore[assignment]
    query = urlencode({name: value for name, value in days.items() if value})
    path = reverse(opens.what, args=[] if opens.what in PAGES_OF_DAYS else [opens.key])
    return f"{path}?{query}" if query else path


def _is_figure(column: Column) -> bool:
    return column.kind in ("money", "count")
