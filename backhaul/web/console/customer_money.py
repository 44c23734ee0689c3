"""A customer's package and what it holds: changed, planned, paid back; each looked at before it is done."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.billing.changes import Change, cancel_planned_change, change_package, plan_change
from backhaul.billing.queries import find_standings, get_planned_change
from backhaul.catalog.queries import list_packages_offered
from backhaul.common.errors import NotFound
from backhaul.funds.queries import get_own_fund
from backhaul.payments.paid_back import pay_back_advance
from backhaul.payments.services import Receipt, record_payment
from backhaul.subscribers.queries import get_customer
from backhaul.web.console.customer_forms import offer, package_choice, pair_of
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show, tell
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.console.undo import ChangedSince, give_back, is_undo, undo_at
from backhaul.web.forms import KeyedForm, MoneyField
from backhaul.web.templatetags.console import day, money
from backhaul.web.words import choices


class ChangePackageForm(forms.Form):
    package = forms.ChoiceField(label=gettext_lazy("New package"))
    when = forms.ChoiceField(
        label=gettext_lazy("When"),
        choices=[
            ("now", gettext_lazy("Today: the day belongs to the new package")),
            ("next", gettext_lazy("At the next cycle")),
        ],
        initial="now",
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    price = MoneyField(
        label=gettext_lazy("Price of its own"),
        required=False,
        may_be_zero=True,
        help_text=gettext_lazy("Leave it empty for the package's price. For a change today only."),
    )

    def __init__(self, *args: Any, today: date, connection_type: str | None, **options: Any) -> None:
        super().__init__(*args, **options)
        sold = [row for row in list_packages_offered(today) if connection_type in (None, *row["connection_types"])]
        offer(self, "package", [("", _("Choose a package")), *map(package_choice, sold)])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("when") == "next" and given.get("price") is not None:
            self.add_error(
                "price", _("A price of its own is given with a change today; set it again after the change.")
            )
        return given


class PayBackForm(KeyedForm):
    amount = MoneyField(label=gettext_lazy("Amount paid back"))
    method = forms.ChoiceField(
        label=gettext_lazy("Paid out of"),
        choices=lambda: choices("method"),
        initial="cash",
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    why = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("It stays in the books, with your name.")
    )


class WithheldForm(KeyedForm):
    amount = MoneyField(label=gettext_lazy("Tax withheld"))
    reference = forms.CharField(
        label=gettext_lazy("Number of the certificate"),
        max_length=100,
        help_text=gettext_lazy("With it you set the tax against your own."),
    )


@page("customers.edit")
def change(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/package/: the first POST shows what will happen, the one with `confirmed` does it."""
    row = get_customer(pk)
    if is_undo(request):
        return _plan_as_it_was(request, row)
    form = ChangePackageForm(sent(request), today=request.today, connection_type=row["connection_type"])
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        given = form.cleaned_data
        act = {
            "subscription_id": row["subscription_id"],
            "package": pair_of(given["package"]),
            "on": request.today,
            "now": request.now,
        }
        with refusals_to(form):
            if "confirmed" in request.POST:
                _carry_out(request, row, given, act)
                return go(request, "customer", pk)
            preview = _preview(row, given, act)
    planned = get_planned_change(row["subscription_id"])
    return show(request, "package_change", {"customer": row, "preview": preview, "planned": planned}, form=form)


def _carry_out(request: PageRequest, row: dict[str, Any], given: dict[str, Any], act: dict[str, Any]) -> None:
    if given["when"] == "now":
        change_package(**act, custom_price_minor=given["price"])
        messages.success(request, _("The package is changed."))
        return
    was = _planned(act["subscription_id"])
    on = plan_change(**act)
    tell(request, _("The package changes on %(day)s.") % {"day": day(on)}, undo=_replan(request, row, was))


def _planned(subscription_id: int) -> dict[str, Any]:
    planned = get_planned_change(subscription_id) or dict.fromkeys(("package_operator_id", "package_id", "on_date"))
    return {name: planned[name] for name in ("package_operator_id", "package_id", "on_date")}


def _replan(request: PageRequest, row: dict[str, Any], was: dict[str, Any]) -> str:
    """The undo of what was planned, or is not planned any more."""
    page_of = "change-package" if was["package_id"] else "cancel-change"
    address = reverse(page_of, args=[row["customer_id"]])
    return undo_at(request, address, was=was, now=_planned(row["subscription_id"]))


def _plan_as_it_was(request: PageRequest, row: dict[str, Any]) -> HttpResponse:
    service = row["subscription_id"]

    def do(was: dict[str, Any]) -> None:
        if was["package_id"] is None:
            return cancel_planned_change(subscription_id=service, now=request.now)
        package = (was["package_operator_id"], was["package_id"])
        on = plan_change(subscription_id=service, package=package, on=request.today, now=request.now)
        if on.isoformat() != was["on_date"]:
            raise ChangedSince("The change would come on another day by now; plan it by hand.")

    to = reverse("customer", args=[row["customer_id"]])
    return give_back(request, to, now=lambda left: _planned(service), do=do)


def _preview(row: dict[str, Any], given: dict[str, Any], act: dict[str, Any]) -> dict[str, Any]:
    """What the change does to the customer and to the own fund, out of the real thing done and undone."""
    seen: dict[str, Any] = {"when": given["when"], "before": find_standings([row["customer_id"]])[row["customer_id"]]}
    fund = get_own_fund()
    with rehearsal():
        if given["when"] == "next":
            seen["on"] = plan_change(**act)
        else:
            done: Change = change_package(**act, custom_price_minor=given["price"])
            seen |= {"change": done, "net_minor": done.net_minor}
        after = get_own_fund()
        seen["after"] = find_standings([row["customer_id"]])[row["customer_id"]]
        seen["customer"] = get_customer(row["customer_id"])
    if fund and after:
        seen |= {"fund_minor": after["posted_minor"] - fund["posted_minor"], "fund": after}
    return seen


@page("customers.edit")
def cancel_change(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/package/cancel/"""
    row = get_customer(pk)
    if is_undo(request):
        return _plan_as_it_was(request, row)
    planned = get_planned_change(row["subscription_id"])
    if planned is None:
        raise NotFound("No change is planned for this service.")
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            was = _planned(row["subscription_id"])
            cancel_planned_change(subscription_id=row["subscription_id"], now=request.now)
            tell(request, _("The planned change is cancelled."), undo=_replan(request, row, was))
            return go(request, "customer", pk)
    panel = Panel(
        _("Keep %(package)s?") % row,
        _("Keep the package"),
        reverse("customer", args=[pk]),
        tone="warning",
        money=_("No money moves. The next period is billed at the present package's price."),
        people=_("%(name)s stays on %(package)s; the change to %(planned)s on %(day)s does not happen.")
        % {**row, "planned": planned["package"], "day": day(planned["on_date"])},
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("payments.reverse")
def pay_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/pay-back/: the same form sent twice pays once."""
    row = get_customer(pk)
    held = find_standings([pk])[pk]["advance_minor"]
    form = PayBackForm(sent(request), initial={"amount": held or None})
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with refusals_to(form):
            done = pay_back_advance(
                customer_id=pk,
                amount_minor=given["amount"],
                method=given["method"],
                on=request.today,
                now=request.now,
                why=given["why"],
                request_key=str(given["request_key"]),
            )
            messages.success(request, _("Paid back. %(sum)s are still held.") % {"sum": money(done.left_minor)})
            return go(request, "payment", done.payment_id)
    panel = Panel(
        _("Pay %(name)s back?") % row,
        _("Pay back"),
        reverse("customer", args=[pk]),
        money=_("%(sum)s are held in advance. What you pay back leaves the account that you choose.")
        % {"sum": money(held)},
        people=_("The next bill finds that much less advance."),
        problem="" if held else _("This customer holds nothing in advance."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("payments.reverse")
def tax_withheld(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/tax-withheld/: what a company kept of its bill for the tax office pays that bill."""
    row = get_customer(pk)
    act = Act(
        _("Tax withheld by %(name)s") % row, _("Record it"), reverse("customer", args=[pk]), _("Recorded."),
        note=_("For a company that pays you less and the rest to the tax office. The rest pays its bills too."),
    )  # fmt: skip

    def do(filled: dict[str, Any]) -> Receipt:
        return record_payment(
            customer_id=pk, amount_minor=filled["amount"], method="tax_withheld", received_on=request.today,
            now=request.now, request_key=str(filled["request_key"]), reference=filled["reference"],
        )  # fmt: skip

    def look(filled: dict[str, Any]) -> Preview:
        receipt = do(filled)
        effects = [(_("Paid on bills"), receipt.applied_minor), (_("Kept as advance"), receipt.surplus_minor)]
        return Preview(
            [(label, minor) for label, minor in effects if minor],
            [(_("The customer then owes"), money(receipt.due_minor))],
        )

    return two_steps(request, act, bound(request, WithheldForm), do=do, look=look)
