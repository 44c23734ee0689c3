"""What is done about bills: something off one, giving up one or all that are open, money that comes in after all."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.adjustments import (
    discount_bill,
    get_written_off,
    record_recovery,
    write_off_bill,
    write_off_customer,
)
from backhaul.billing.queries import find_standings, get_bill
from backhaul.subscribers.queries import get_customer
from backhaul.web.console.customer_status import Action
from backhaul.web.console.extras_forms import BillDiscountForm, RecoveryForm, WriteOffForm
from backhaul.web.console.pages import PageRequest, page
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.templatetags.console import money


def bill_actions(bill: dict[str, Any], written_off_minor: int, may: Collection[str]) -> list[Action]:
    """What this person may do about this bill."""

    def href(name: str) -> str:
        return reverse(name, args=[bill["id"]])

    is_open = bill["due_minor"] > 0
    shown = [
        (is_open, "billing.discount", Action(href("discount-bill"), icon="rosette-discount", label=_("Discount"))),
        (is_open, "billing.write_off", Action(href("write-off"), icon="eraser", label=_("Write off"))),
        (
            written_off_minor > 0,
            "payments.collect",
            Action(href("recover"), icon="cash", label=_("Money came in after all")),
        ),
    ]
    return [action for is_shown, permission, action in shown if is_shown and permission in may]


@page("billing.discount")
def take_off(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST bills/<id>/discount/"""
    bill = get_bill(pk, today=request.today)
    act = Act(
        _("Discount on bill %(number)s") % bill, _("Give the discount"), reverse("bill", args=[pk]), _("Saved."),
        note=_("Still due: %(sum)s. The VAT on what you take off comes off too.") % {"sum": money(bill["due_minor"])},
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return discount_bill(
            invoice_id=pk, net_minor=given["net_minor"], why=given["why"], on=request.today, now=request.now,
            request_key=str(given["request_key"]),
        )  # fmt: skip

    def look(given: dict[str, Any]) -> Preview:
        off = do(given)
        effects = [(_("Off the bill"), -off.net_minor), (_("VAT that comes off"), -off.vat_minor)]
        due = get_bill(pk, today=request.today)["due_minor"]
        return Preview([each for each in effects if each[1]], [(_("Still due then"), money(due))])

    return two_steps(request, act, bound(request, BillDiscountForm), do=do, look=look)


@page("billing.write_off")
def write_off(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST bills/<id>/write-off/"""
    bill = get_bill(pk, today=request.today)
    act = Act(
        _("Write off bill %(number)s") % bill, _("Write off"), reverse("bill", args=[pk]), _("Written off."),
        note=_("You give up the %(sum)s that is open. It cannot be undone; money that comes in later is recorded here.")
        % {"sum": money(bill["due_minor"])},
        tone="danger",
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return write_off_bill(
            invoice_id=pk, why=given["why"], on=request.today, now=request.now, request_key=str(given["request_key"])
        )

    def look(given: dict[str, Any]) -> Preview:
        lost = do(given)
        effects = [(_("Bad debt"), -lost.net_minor), (_("VAT that you take back"), lost.vat_minor)]
        return Preview([each for each in effects if each[1]], people=_("A suspended service stays suspended."))

    return two_steps(request, act, bound(request, WriteOffForm), do=do, look=look)


@page("billing.write_off")
def write_off_all(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/write-off/: all that the customer owes."""
    customer = get_customer(pk)
    act = Act(
        _("Write off all that %(name)s owes") % customer, _("Write off"), reverse("customer", args=[pk]),
        _("Written off."),
        note=_("You give up the %(sum)s that is open. It cannot be undone; money that comes in later is recorded on "
               "its bill.") % {"sum": money(find_standings([pk])[pk]["due_minor"])},
        tone="danger",
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return write_off_customer(
            customer_id=pk, why=given["why"], on=request.today, now=request.now, request_key=str(given["request_key"])
        )

    def look(given: dict[str, Any]) -> Preview:
        lost = do(given)
        effects = [(_("Bad debt"), -lost.net_minor), (_("VAT that you take back"), lost.vat_minor)]
        return Preview(
            [each for each in effects if each[1]],
            [(_("Bills"), lost.bills)],
            people=_("A suspended service stays suspended."),
        )

    return two_steps(request, act, bound(request, WriteOffForm), do=do, look=look)


@page("payments.collect")
def recover(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST bills/<id>/recover/"""
    bill = get_bill(pk, today=request.today)
    left = get_written_off(pk)
    act = Act(
        _("Money for bill %(number)s, written off") % bill, _("Record"), reverse("bill", args=[pk]), _("Recorded."),
        note=_("%(sum)s of it was given up and has not come in.") % {"sum": money(left)},
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return record_recovery(
            invoice_id=pk, amount_minor=given["amount_minor"], paid=given["paid"], why=given["why"], on=request.today,
            now=request.now, request_key=str(given["request_key"]),
        )  # fmt: skip

    def look(given: dict[str, Any]) -> Preview:
        back = do(given)
        effects = [(_("Bad debt recovered"), back.net_minor), (_("VAT that you owe again"), -back.vat_minor)]
        return Preview([each for each in effects if each[1]], [(_("Still given up"), money(get_written_off(pk)))])

    form = bound(request, RecoveryForm, initial={"amount_minor": left or None, "paid": "cash"})
    return two_steps(request, act, form, do=do, look=look)
