"""An explanation on paper: the same sentences and figures as its page."""

from __future__ import annotations

from datetime import date

from django.utils.translation import gettext as _

from backhaul.operators.scope import current_scope
from backhaul.web.explained import Part, Told
from backhaul.web.paper.document import Column, Document, Fact, Row, Table
from backhaul.web.paper.sheet import sheet
from backhaul.web.templatetags.console import day, money


def explanation_document(told: Told, *, on: date) -> Document:
    """What the page shows, below the acting operator's letterhead; `on`: the day on which it was asked."""
    currency = current_scope().currency
    return sheet(
        _("Explain this amount"),
        dated_on=on,
        subtitle=told.subject,
        facts=(Fact(_("Amount"), f"{currency} {money(told.amount_minor)}"),),
        tables=(*(_table(part) for part in told.parts), *_entries(told)),
        notes=(_("The steps do not give the recorded amount: it was changed after it was made."),)
        if told.differs
        else (),
    )


def _table(part: Part) -> Table:
    if not part.total:
        said = tuple(Row((line.text,)) for line in part.lines)
        return Table((Column(_("What"), share=1),), said, title=part.title)
    rows = [Row((line.text, _figure(line.minor)), note=_on_paper(line.arithmetic)) for line in part.lines]
    rows.append(Row((part.total, money(part.total_minor)), "total"))
    if part.differs:
        rows.append(Row((_("Recorded"), money(part.stored_minor)), "subtotal"))
    return Table((Column(_("What"), share=1), Column(_("Amount"), figure=True)), tuple(rows), title=part.title)


def _on_paper(arithmetic: str) -> str:
    """The fonts that documents are set in have no sign for nearly equal."""
    return arithmetic.replace("≈", "~")


def _entries(told: Told) -> list[Table]:
    """The entries of the books, debits first."""
    columns = (Column(_("Account"), share=1), Column(_("Debit"), figure=True), Column(_("Credit"), figure=True))
    rows: list[Row] = []
    for entry in told.entries:
        rows.append(Row((f"{day(entry['effective_on'])} · {_(entry['title'])} · {entry['number']}",), "heading"))
        for line in entry["lines"]:
            name = " · ".join(filter(None, (_(line["account"]), line["party"])))
            rows.append(Row((name, _figure(line["debit_minor"] or None), _figure(line["credit_minor"] or None))))
    return [Table(columns, tuple(rows), title=_("In the books"))] if rows else []


def _figure(minor: int | None) -> str:
    return "" if minor is None else money(minor)
