"""What a person does about a customer's bills beside the monthly run. Each act shows first what it will do."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.days import next_price_on
from backhaul.billing.discounts import end_discount, get_discount, get_next_bill, give_discount, list_discounts
from backhaul.billing.one_off import issue_one_off
from backhaul.billing.preview import Reach
from backhaul.billing.promises import (
    get_sparing,
    list_promises,
    make_promise,
    set_suspend_date,
    withdraw_promise,
)
from backhaul.billing.queries import find_standings
from backhaul.billing.services import bill_subscription
from backhaul.catalog.guards import bands_on, own_cost
from backhaul.common.errors import InvalidInput
from backhaul.funds.queries import get_own_fund
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.queries import get_customer
from backhaul.web.console.customer_status import Action
from backhaul.web.console.extras_forms import (
    OneOffForm,
    OwnPriceForm,
    PromiseForm,
    StandingDiscountForm,
    SuspendDateForm,
)
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps, weighed
from backhaul.web.console.undo import give_back, is_undo, undo_at
from backhaul.web.templatetags.console import day, money


def extra_actions(customer: dict[str, Any], blocks: Collection[str], may: Collection[str]) -> list[Action]:
    """What this person may do about this customer's bills; of one who left, only give up what is owed."""

    def href(name: str) -> str:
        return reverse(name, args=[customer["customer_id"]])

    shown = [
        ("billing.make", Action(href("bill-now"), icon="file-invoice", label=_("Bill now"))),
        ("billing.make", Action(href("one-off"), icon="file-plus", label=_("One-off bill"))),
        ("billing.discount", Action(href("give-discount"), icon="rosette-discount", label=_("Discount"))),
        ("billing.promise", Action(href("promise"), icon="calendar-check", label=_("Promise to pay"))),
        ("billing.promise", Action(href("suspend-date"), icon="calendar-time", label=_("Suspend date"))),
        ("customers.edit", Action(href("own-price"), icon="tag", label=_("Own price"))),
    ]
    if "left" in blocks:
        shown = []
    if customer.get("due_minor", 0) > 0:
        what = _("Write off what is due")
        shown.append(("billing.write_off", Action(href("write-off-customer"), icon="eraser", label=what)))
    return [action for permission, action in shown if permission in may]


def agreed_with(subscription_id: int, request: PageRequest) -> dict[str, Any]:
    """What was agreed with a customer: its discount, its promise, its own suspend date, its price at the next bill."""
    return {
        "discount": get_discount(subscription_id),
        "sparing": get_sparing(subscription_id, request.today),
        "next_bill": get_next_bill(subscription_id, request.today),
    }


def _next_bill(service: int, request: PageRequest) -> list[tuple[str, int]]:
    bill = get_next_bill(service, request.today)
    shown = [
        (_("Next bill, a whole term"), bill.get("net_minor") or 0),
        (_("Discount"), -(bill.get("discount_minor") or 0)),
        (_("VAT"), bill.get("vat_minor") or 0),
        (_("The customer pays"), bill.get("total_minor") or 0),
    ]
    return [(label, minor) for label, minor in shown if minor]


@page("billing.make")
def bill_now(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/bill-now/: the period that is due, also where the profile bills by hand only."""
    row = get_customer(pk)
    service = row["subscription_id"]
    act = Act(
        _("Bill %(name)s now") % row, _("Bill now"), reverse("customer", args=[pk]), _("Billed."),
        note=_("The period that has begun and is not billed yet, whatever the profile says about billing by itself."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return bill_subscription(subscription_id=service, on=request.today, now=request.now, hold=False)

    def look(given: dict[str, Any]) -> Preview:
        before = get_own_fund()
        billed = do(given)
        if not billed.created:
            raise InvalidInput(_("Nothing is due: the running period is billed already, or the service is off."))
        after = get_own_fund()
        preview = Preview(effects=[(_("Billed to the customer"), billed.billed_minor)])
        if before and after and before["posted_minor"] != after["posted_minor"]:
            preview.effects.append((_("Your fund"), after["posted_minor"] - before["posted_minor"]))
        return preview

    return two_steps(request, act, bound(request, forms.Form), do=do, look=look)


@page("billing.make")
def one_off(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/one-off/"""
    row = get_customer(pk)
    act = Act(
        _("One-off bill to %(name)s") % row, _("Make the bill"), reverse("customer", args=[pk]), _("The bill is made."),
        note=_("For an installation, a router, a visit: with your VAT, paid and overdue like every other bill."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return issue_one_off(
            subscription_id=row["subscription_id"], title=given["title"], net_minor=given["net_minor"],
            on=request.today, due_on=given["due_on"], now=request.now, request_key=str(given["request_key"]),
        )  # fmt: skip

    def look(given: dict[str, Any]) -> Preview:
        made = do(given)
        due = find_standings([pk])[pk]["due_minor"]
        effects = [(_("Billed, VAT included"), made.total_minor)]
        if made.applied_minor:
            effects.append((_("Paid out of the advance"), -made.applied_minor))
        return Preview(effects, [(_("VAT in it"), money(made.vat_minor)), (_("The customer then owes"), money(due))])

    form = bound(request, OneOffForm, initial={"due_on": request.today})
    return two_steps(request, act, form, do=do, look=look)


@page("billing.discount")
def give(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/discount/: on the bills to come; one that the service has ends."""
    row = get_customer(pk)
    service = row["subscription_id"]
    act = Act(
        _("Discount for %(name)s") % row, _("Give the discount"), reverse("customer", args=[pk]), _("Saved."),
        note=_("Every bill of the service carries it, never more than the bill. What is billed already stays."),
    )  # fmt: skip
    form = bound(request, StandingDiscountForm, initial={"from_on": request.today})

    def do(given: dict[str, Any]) -> Any:
        assert isinstance(form, StandingDiscountForm)
        return give_discount(subscription_id=service, now=request.now, **form.terms())

    def look(given: dict[str, Any]) -> Preview:
        had = get_discount(service)
        do(given)
        return Preview(_next_bill(service, request), people=_("The discount it has now ends.") if had else "")

    return two_steps(request, act, form, do=do, look=look)


@page("billing.discount")
def end(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/discount/end/"""
    row = get_customer(pk)
    service = row["subscription_id"]
    act = Act(_("End the discount of %(name)s") % row, _("End it"), reverse("customer", args=[pk]), _("Saved."))

    def do(given: dict[str, Any]) -> None:
        end_discount(subscription_id=service, now=request.now)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        return Preview(_next_bill(service, request))

    return two_steps(request, act, bound(request, forms.Form), do=do, look=look)


@page("billing.promise")
def promise(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/promise/"""
    row = get_customer(pk)
    if is_undo(request):
        return _promised_as_it_was(request, row)
    act = Act(
        _("%(name)s promises to pay") % row, _("Note the promise"), reverse("customer", args=[pk]), _("Saved."),
        note=_("Until that day the service is not suspended for what is overdue; one suspended as unpaid comes back."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> Any:
        return make_promise(
            subscription_id=row["subscription_id"], until_on=given["until_on"], why=given["why"], on=request.today,
            now=request.now,
        )  # fmt: skip

    def look(given: dict[str, Any]) -> Preview:
        outcome = do(given).service
        people = {
            "back": _("The service comes back now."),
            "pending": _("The service stays off: funds are short for its renewal."),
        }
        figures = [
            (_("Owed now"), money(find_standings([pk])[pk]["due_minor"])),
            (_("Pays by"), day(given["until_on"])),
        ]
        return Preview(figures=figures, people=people.get(outcome, ""))

    return two_steps(request, act, bound(request, PromiseForm, initial={"until_on": request.today}), do=do, look=look)


@page("billing.promise")
def withdraw(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/promise/withdraw/"""
    row = get_customer(pk)
    was = _promised(request, row)
    act = Act(
        _("Withdraw the promise of %(name)s") % row, _("Withdraw it"), reverse("customer", args=[pk]), _("Saved."),
        undo=lambda: undo_at(request, reverse("promise", args=[pk]), was=was, now=_promised(request, row)),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        withdraw_promise(subscription_id=row["subscription_id"], now=request.now)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        return _cut_preview(row["subscription_id"], request)

    return two_steps(request, act, bound(request, forms.Form), do=do, look=look)


def _promised(request: PageRequest, row: dict[str, Any]) -> dict[str, Any]:
    """The promise of a service, and whether the service is on: a cut since is nothing to undo by a button."""
    found = get_sparing(row["subscription_id"], request.today)
    return {"until_on": found["promised_until"], "why": found["why"], "status": row["status"]}


def _promised_as_it_was(request: PageRequest, row: dict[str, Any]) -> HttpResponse:
    def do(was: dict[str, Any]) -> None:
        until_on = date.fromisoformat(was["until_on"])
        make_promise(
            subscription_id=row["subscription_id"], until_on=until_on, why=was["why"], on=request.today, now=request.now
        )

    to = reverse("customer", args=[row["customer_id"]])
    return give_back(request, to, now=lambda left: _promised(request, row), do=do)


@page("billing.promise")
def suspend_date(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/suspend-date/"""
    row = get_customer(pk)
    service = row["subscription_id"]
    if is_undo(request):
        return _suspend_date_as_it_was(request, row)
    was = _suspended_on(request, row)
    act = Act(
        _("When %(name)s is suspended") % row, _("Save"), reverse("customer", args=[pk]), _("Saved."),
        undo=lambda: undo_at(request, request.path, was=was, now=_suspended_on(request, row)),
        note=_("For the bills that are due by that day; later bills follow the billing profile again."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        set_suspend_date(
            subscription_id=service, suspend_on=given["suspend_on"], why=given["why"], on=request.today, now=request.now
        )

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        return _cut_preview(service, request)

    return two_steps(request, act, bound(request, SuspendDateForm, initial=was), do=do, look=look)


def _suspended_on(request: PageRequest, row: dict[str, Any]) -> dict[str, Any]:
    return {"suspend_on": get_sparing(row["subscription_id"], request.today)["suspend_on"]}


def _suspend_date_as_it_was(request: PageRequest, row: dict[str, Any]) -> HttpResponse:
    def do(was: dict[str, Any]) -> None:
        suspend_on = date.fromisoformat(was["suspend_on"]) if was["suspend_on"] else None
        set_suspend_date(
            subscription_id=row["subscription_id"], suspend_on=suspend_on, why=_("Undone"), on=request.today,
            now=request.now,
        )  # fmt: skip

    to = reverse("customer", args=[row["customer_id"]])
    return give_back(request, to, now=lambda left: _suspended_on(request, row), do=do)


def _cut_preview(service: int, request: PageRequest) -> Preview:
    cut_on = get_sparing(service, request.today)["cut_on"]
    if cut_on is None:
        return Preview(people=_("Nothing is open that the service would be suspended for."))
    return Preview(figures=[(_("Suspended on, if nothing is paid"), day(max(cut_on, request.today)))])


@page("customers.edit")
def own_price(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/price/: from the next period on; what the operator pays does not change."""
    row = get_customer(pk)
    service = row["subscription_id"]
    act = Act(
        _("Own price for %(name)s") % row, _("Set price"), reverse("customer", args=[pk]), _("The price is set."),
        note=_("For periods that begin from that day on; what is billed already stays."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        set_custom_price(
            subscription_id=service, price_minor=given["custom_price"], starts_on=given["starts_on"],
            today=request.today, now=request.now,
        )  # fmt: skip

    def more(given: dict[str, Any]) -> Preview:
        plan, price = (row["plan_operator_id"], row["plan_id"]), given["custom_price"]
        allowed = bands_on([plan], given["starts_on"]).get(plan, [])
        preview = Preview(figures=[(_("Allowed"), band.says()) for band in allowed])
        cost = own_cost(plan, given["starts_on"])
        if price is not None and cost is not None and price < cost * row["term_months"]:
            preview.warning = _("Below cost: you pay your provider %(sum)s for it, VAT included.") % {
                "sum": money(cost * row["term_months"])
            }
        return preview

    initial = {"custom_price": row["custom_price_minor"], "starts_on": next_price_on(service, request.today)}
    form = bound(request, OwnPriceForm, initial=initial)
    return weighed(
        request, act, form, do=do, more=more, reach=lambda given: Reach(given["starts_on"], service_id=service)
    )


@page("billing.promise")
def promises(request: PageRequest) -> HttpResponse:
    """GET promises/: broken ones first, then those that run."""
    lists = {
        name: by_whom(request, list_promises(request.today, broken=broken), "by_actor_id")
        for name, broken in (("broken", True), ("running", False))
    }
    return show(request, "promises", lists)


@page("billing.discount")
def discounts(request: PageRequest) -> HttpResponse:
    """GET discounts/: who has one, dearest first."""
    found = by_whom(request, list_discounts(request.today), "by_actor_id")
    return show(request, "discounts", {"rows": found, "total_minor": sum(row["off_minor"] for row in found)})
