"""A month of a fund on paper, the same for both ends: what they confirm is the fingerprint printed on it (SPEC C9)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from backhaul.operators.scope import current_scope
from backhaul.web.paper.document import Column, Document, Fact, Row, Table
from backhaul.web.paper.sheet import seal, sheet
from backhaul.web.templatetags.console import count, dated, day, moment, money, state_label
from backhaul.web.words import named

Rows = list[dict[str, Any]]


def fund_document(
    row: dict[str, Any],
    *,
    title: str,
    state: str,
    signed: Rows,
    lines: Rows,
    customers: Rows,
    charges: dict[str, dict[str, int]],
) -> Document:
    """A month of a fund; arguments as the statement's page shows them, `customers` all of them."""
    tables = [_figures(row), _movements(row, lines), _charged(charges, customers)]
    return sheet(
        dated(row["month_on"], "F Y"),
        dated_on=row["month_on"],
        subtitle=title,
        state=str(state_label(state)),
        facts=(*_prepared(row, signed), Fact(_("Currency"), current_scope().currency)),
        tables=tuple(tables),
        sum=Fact(_("Closing"), f"{current_scope().currency} {money(row['closing_minor'])}"),
        seal=seal(),
        notes=(f"{_('Fingerprint')}: {row['digest']}",) if row["prepared"] else (),
    )


def _prepared(row: dict[str, Any], signed: Rows) -> tuple[Fact, ...]:
    if not row["prepared"]:
        return ()
    sides = (
        Fact(side["name"], _("confirmed %(at)s") % {"at": moment(side["at"])} if side["at"] else _("not confirmed yet"))
        for side in signed
    )
    return (Fact(_("Prepared"), moment(row["prepared_at"])), *sides)


def _figures(row: dict[str, Any]) -> Table:
    """Opening to closing; beside it, where the month was prepared, the same as both sides confirm it."""
    words = (
        ("opening", _("Opening")),
        ("credits", _("In")),
        ("debits", _("Out")),
        ("closing", _("Closing")),
        ("owed", _("Owed")),
    )
    columns = [Column(_("What"), share=1), Column(_("As it stands now"), figure=True)]
    if row["prepared"]:
        columns.insert(1, Column(_("As it was prepared"), figure=True))
    rows = []
    for key, label in words:
        cells = [label, money(row[f"{key}_minor"])]
        if row["prepared"]:
            cells.insert(1, money(row[f"prepared_{key}_minor"]))
        rows.append(Row(tuple(cells), "subtotal" if key == "closing" else "plain"))
    return Table(tuple(columns), tuple(rows))


def _movements(row: dict[str, Any], lines: Rows) -> Table:
    columns = (
        Column(_("On")),
        Column(_("What"), share=1),
        Column(_("Fund"), figure=True),
        Column(_("Owed"), figure=True),
        Column(_("Balance"), figure=True),
    )
    rows = [Row(("", _("Opening"), "", "", money(row["opening_minor"])), "subtotal")]
    for line in lines:
        what = str(named(line["kind"], "movement"))
        if line["note"]:
            what = f"{what} · {line['note']}"
        if line["is_late"]:
            what = f"{what} ({_('after the statement')})"
        amounts = (money(line[key]) if line[key] else "" for key in ("fund_minor", "owed_minor"))
        rows.append(Row((day(line["moved_on"]), what, *amounts, money(line["balance_minor"]))))
    rows.append(Row(("", _("Closing"), "", "", money(row["closing_minor"])), "subtotal"))
    return Table(columns, tuple(rows), title=_("Every movement"))


def _charged(charges: dict[str, dict[str, int]], customers: Rows) -> Table:
    """Own customers by name where the reader may know them; the rest as sums."""
    columns = (
        Column(_("Customer"), share=1),
        Column(_("Services"), figure=True),
        Column(_("Charged"), figure=True),
        Column(_("Given back"), figure=True),
        Column(_("Sum"), figure=True),
    )
    rows = [Row((f"{each['name']} · {each['code']}", *_sums(each))) for each in customers]
    rows.append(Row((_("Customers of the fund's owner"), *_sums(charges["own"])), "subtotal"))
    rows.append(Row((_("Customers of operators below"), *_sums(charges["below"])), "subtotal"))
    return Table(columns, tuple(rows), title=_("Charges by customer"))


def _sums(of: dict[str, Any]) -> tuple[str, ...]:
    amounts = (money(of[f"{key}_minor"]) for key in ("charged", "refunded", "sum"))
    return (count(of["services"]), *amounts)
