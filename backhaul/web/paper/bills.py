"""A bill and a receipt on paper, as the customer gets them: nothing of what the operator pays for the service."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext

from backhaul.common.file_names import numbered_name
from backhaul.operators.scope import current_scope
from backhaul.web.own_fields import own_words
from backhaul.web.paper.document import (
    STRIPS,
    Column,
    Document,
    Due,
    Fact,
    Letterhead,
    Panel,
    Paper,
    Row,
    Table,
)
from backhaul.web.paper.sheet import letterhead, sheet
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
    own: Rows | None = None,
    earlier_minor: int = 0,
    head: Letterhead | None = None,
) -> Document:
    """A bill with its lines and days, and what was paid and credited since; arguments as find_bill_facts has them.

    `head`: the acting operator's letterhead, where many are printed.
    """
    settled = [*_payment_rows(payments), *_credit_rows(credit_notes), *_adjustment_rows(adjustments)]
    settled.append(Row((_("Still due"), "", money(bill["due_minor"])), "total"))
    tables = [_made_of(bill)]
    if bill_days:
        tables.append(_days(bill_days))
    columns = (Column(_("What"), share=1), Column(_("On")), Column(_("Amount"), figure=True))
    tables.append(Table(columns, tuple(settled), title=_("Paid and credited")))
    head = head or letterhead()
    return sheet(
        _("Bill %(n)s") % {"n": bill["number"]},
        head=head,
        file_name=numbered_name(bill["number"], bill["customer_name"], ".pdf"),
        dated_on=bill["issued_on"],
        state=str(state_label(bill["state"])),
        facts=(*_bill_facts(bill, customer), *_own_facts(own or [])),
        due=_asked_for(bill, earlier_minor),
        tables=tuple(tables),
        panels=_how_to_pay(bill["customer_code"], head) if bill["due_minor"] or earlier_minor else (),
    )


def _bill_facts(bill: dict[str, Any], customer: dict[str, Any]) -> Iterator[Fact]:
    yield Fact(_("Billed to"), "\n".join(filter(None, (customer["name"], customer["address"], customer["mobile"]))))
    yield Fact(_("Customer id"), bill["customer_code"])
    yield Fact(_("Issued"), day(bill["issued_on"]))
    yield Fact(_("Due on"), day(bill["due_on"]))
    if bill["kind"] == "period":
        days = (bill["ends_on"] - bill["starts_on"]).days
        counted = ngettext("%(n)s day", "%(n)s days", days) % {"n": count(days)}
        yield Fact(_("Period"), f"{period(bill['starts_on'], bill['ends_on'])}\n{counted}")
        if customer["package"]:
            yield Fact(_("Package"), customer["package"])


def _own_facts(values: Rows) -> Iterator[Fact]:
    """The operator's own fields that it prints, as far as the customer has them."""
    yield from (Fact(field["label"], own_words(field)) for field in values if field["value"])


def _asked_for(bill: dict[str, Any], earlier_minor: int) -> Due:
    """What this bill asks for; with earlier bills that are open, all that the customer owes through it."""
    due = bill["due_minor"]
    facts = []
    if earlier_minor:
        facts = [Fact(_("This bill"), money(due)), Fact(_("Earlier bills"), money(earlier_minor))]
    if due:
        facts.append(Fact(_("Due on"), day(bill["due_on"])))
    asked = due + earlier_minor
    return Due(_("Amount due") if asked else _("Nothing is due"), _sum(asked), tuple(facts), settled=not asked)


def _how_to_pay(code: str, head: Letterhead) -> tuple[Panel, ...]:
    lines = (
        _("Pay %(name)s at its office or to its collector; say the customer id %(code)s.")
        % {"name": head.name, "code": code},
        _("What you pay goes to the bill that is due first. You get a receipt with a number and a code."),
    )
    return (Panel(_("How to pay"), lines),)


def receipt_document(
    payment: dict[str, Any],
    *,
    allocations: Rows,
    surplus_minor: int,
    standing: dict[str, Any],
    own: Rows,
    code: str,
    check_at: str = "",
    paper: Paper = "a4",
) -> Document:
    """A payment, which bills it paid, and how the customer stands now; arguments as receipt pages show them.

    `code`: what proves it; `check_at`: the whole address that does. `paper`: a sheet, or a strip of a thermal printer.
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
    facts += _own_facts(own)
    paid = [Row((_("Bill %(n)s") % {"n": part["number"]}, money(part["amount_minor"]))) for part in allocations]
    if surplus_minor and not payment["pays_back"]:
        paid.append(Row((_("Kept as advance"), money(surplus_minor))))
    stands = [
        Row((_("Still due"), money(standing["due_minor"])), "subtotal"),
        Row((_("Advance"), money(standing["advance_minor"]))),
    ]
    total = _sum(payment["amount_minor"])
    is_strip = paper in STRIPS
    proof = _("Scan to see whether this receipt is real.") if check_at else _("It proves that this receipt is real.")
    return sheet(
        _("Receipt %(n)s") % {"n": payment["number"]},
        dated_on=payment["received_on"],
        paper=paper,
        state=_receipt_state(payment),
        facts=tuple(facts),
        due=None if is_strip else Due(_("Payment"), total),
        tables=(Table((Column(_("What"), share=1), Column(_("Amount"), figure=True)), tuple(paid + stands)),),
        sum=Fact(_("Payment"), total) if is_strip else None,
        panels=(Panel(_("Code"), (proof,), code=code, qr=check_at),),
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
    if bill["discount_minor"] and bill["vat_minor"]:
        rows.append(Row((_("Before VAT"), money(bill["net_minor"] - bill["discount_minor"])), "subtotal"))
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
        return words % {"n": count(days), "price": price}
    told = {"n": count(days), "all": count(bill["cycle_days"]), "price": price}
    return _("%(n)s of %(all)s days at %(price)s") % told


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
        Column(pgettext("how many", "Number"), figure=True),
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
