"""A bill and a receipt on paper, as the customer gets them: nothing of what the operator pays for the service."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.operators.scope import current_scope
from backhaul.web.paper.document import Column, Document, Fact, Row, Table
from backhaul.web.paper.sheet import sheet
from backhaul.web.templatetags.console import count, day, moment, money, period, state_label
from backhaul.web.words import named

Rows = list[dict[str, Any]]


def bill_document(
    bill: dict[str, Any],
    *,
    customer: dict[str, Any],
    bill_days: Rows,
    payments: Rows,
    credit_notes: Rows,
    adjustments: Rows,
) -> Document:
    """A bill with its lines and days, and what was paid and credited since; arguments as pages show them."""
    settled = [*_payment_rows(payments), *_credit_rows(credit_notes), *_adjustment_rows(adjustments)]
    tables = [_made_of(bill)]
    if bill_days:
        tables.append(_days(bill_days))
    tables.append(
        Table(
            (Column(_("What"), share=1), Column(_("On")), Column(_("Amount"), figure=True)),
            tuple(settled),
            title=_("Paid and credited"),
            empty=_("Nothing yet."),
        )
    )
    return sheet(
        _("Bill %(n)s") % {"n": bill["number"]},
        dated_on=bill["issued_on"],
        state=str(state_label(bill["state"])),
        facts=(
            Fact(_("Billed to"), "\n".join(filter(None, (customer["name"], customer["address"], customer["mobile"])))),
            Fact(_("Customer id"), bill["customer_code"]),
            Fact(_("Issued"), day(bill["issued_on"])),
            Fact(_("Due on"), day(bill["due_on"])),
        ),
        tables=tuple(tables),
        sum=Fact(_("Still due"), _sum(bill["due_minor"])),
    )


def receipt_document(
    payment: dict[str, Any], *, allocations: Rows, surplus_minor: int, standing: dict[str, Any], code: str
) -> Document:
    """A payment, which bills it paid, and how the customer stands now; arguments as receipt pages show them.

    `code`: what proves it.
    """
    facts = [
        Fact(_("Customer"), payment["customer_name"]),
        Fact(_("Customer id"), payment["customer_code"]),
        Fact(_("Received"), moment(payment["recorded_at"])),
        Fact(_("Method"), str(named(payment["method"], "payment_method"))),
        Fact(_("Taken by"), payment["by"]),
    ]
    if payment["reference"]:
        facts.append(Fact(_("Reference"), payment["reference"]))
    facts.append(Fact(_("Code"), code))
    paid = [Row((_("Bill %(n)s") % {"n": part["number"]}, money(part["amount_minor"]))) for part in allocations]
    if surplus_minor and not payment["pays_back"]:
        paid.append(Row((_("Kept as advance"), money(surplus_minor))))
    stands = [
        Row((_("Still due"), money(standing["due_minor"])), "subtotal"),
        Row((_("Advance"), money(standing["advance_minor"]))),
    ]
    return sheet(
        _("Receipt %(n)s") % {"n": payment["number"]},
        dated_on=payment["received_on"],
        paper="a5",
        state=_receipt_state(payment),
        facts=tuple(facts),
        tables=(Table((Column(_("What"), share=1), Column(_("Amount"), figure=True)), tuple(paid + stands)),),
        sum=Fact(_("Payment"), _sum(payment["amount_minor"])),
    )


def _receipt_state(payment: dict[str, Any]) -> str:
    if payment["reverses_id"]:
        return _("Payment taken back")
    if payment["pays_back"]:
        return _("Advance paid back")
    return _("Payment received, and taken back later") if payment["reversed_by_id"] else _("Payment received")


def _made_of(bill: dict[str, Any]) -> Table:
    rows = [Row((_line(bill), money(bill["net_minor"])), note=_price_words(bill))]
    if bill["discount_minor"]:
        rows.append(Row((_("Discount"), money(-bill["discount_minor"]))))
    if bill["vat_minor"] or bill["kind"] == "period":
        rows.append(Row((_("VAT"), money(bill["vat_minor"]))))
    if bill["rounding_minor"]:
        rows.append(Row((_("Rounding"), money(bill["rounding_minor"]))))
    rows.append(Row((f"{_('Total')} · {current_scope().currency}", money(bill["total_minor"])), "total"))
    return Table((Column(_("What"), share=1), Column(_("Amount"), figure=True)), tuple(rows))


def _line(bill: dict[str, Any]) -> str:
    if bill["kind"] == "period":
        return period(bill["starts_on"], bill["ends_on"])
    if bill["kind"] == "opening":
        return _("What was owed when the customer was taken over")
    return bill["title"] or str(named(bill["kind"], "bill"))


def _price_words(bill: dict[str, Any]) -> str:
    """How the period's amount comes about: its days at the price of a whole period."""
    if bill["kind"] != "period":
        return ""
    days, price = (bill["ends_on"] - bill["starts_on"]).days, money(bill["price_minor"])
    if days == bill["cycle_days"]:
        words = ngettext("%(n)s day, a whole period at %(price)s", "%(n)s days, a whole period at %(price)s", days)
        return words % {"n": days, "price": price}
    return _("%(n)s of %(all)s days at %(price)s") % {"n": days, "all": bill["cycle_days"], "price": price}


def _days(bill_days: Rows) -> Table:
    """Days of one kind in a row as one line: which, how many, what they come to."""
    rows = []
    for (state, reason), group in groupby(bill_days, key=lambda each: (each["state"], each["reason"])):
        days = list(group)
        words = str(named(state, "bill_day"))
        if reason:
            words = f"{words} · {named(reason, 'day_reason')}"
        span = period(days[0]["day"], days[-1]["day"] + timedelta(days=1))
        rows.append(Row((span, words, count(len(days)), money(sum(each["net_minor"] for each in days)))))
    columns = (
        Column(_("Days"), share=1),
        Column(_("What it was"), share=1),
        Column(_("Number"), figure=True),
        Column(_("Billed, net"), figure=True),
    )
    return Table(columns, tuple(rows), title=_("The days behind it"))


def _payment_rows(payments: Rows) -> list[Row]:
    rows = []
    for part in payments:
        words = _("Out of the customer's advance")
        if part["payment_id"]:
            words = f"{_('Receipt %(n)s') % {'n': part['number']}} · {named(part['method'], 'payment_method')}"
        rows.append(Row((words, day(part["allocated_on"]), money(part["amount_minor"]))))
    return rows


def _credit_rows(credit_notes: Rows) -> list[Row]:
    rows = []
    for note in credit_notes:
        kept = ""
        if note["to_advance_minor"]:
            kept = _("%(sum)s in all, %(part)s of it kept as advance") % {
                "sum": money(note["total_minor"]),
                "part": money(note["to_advance_minor"]),
            }
        words = f"{_('Credit note')} · {named(note['reason'], 'day_reason')}"
        rows.append(Row((words, day(note["issued_on"]), money(note["to_invoice_minor"])), note=kept))
    return rows


def _adjustment_rows(adjustments: Rows) -> list[Row]:
    """Money recovered after a write-off closes nothing: it stands in brackets, as on the page. Why something was
    written off is the operator's own business; why a discount was given is the customer's too."""
    rows = []
    for one in adjustments:
        amount = money(one["total_minor"])
        words = str(named(one["kind"], "adjustment"))
        shown = f"({amount})" if one["kind"] == "recovered" else amount
        why = one["why"] if one["kind"] == "discount" else ""
        rows.append(Row((words, day(one["adjusted_on"]), shown), note=why))
    return rows


def _sum(minor: int) -> str:
    return f"{current_scope().currency} {money(minor)}"
