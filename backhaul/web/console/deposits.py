"""A customer's deposit: left for safety, kept for dues, given back; each act is looked at before it is done."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.billing.queries import find_standings
from backhaul.common.errors import NotFound
from backhaul.payments.deposits import DepositAct, get_deposit, list_deposits, record_deposit, reverse_deposit
from backhaul.subscribers.queries import get_customer
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.record_forms import TakeBackForm
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.forms import DayField, KeyedForm, MoneyField
from backhaul.web.templatetags.console import money
from backhaul.web.words import choices, named

TITLES = {
    "in": gettext_lazy("Take a deposit from %(name)s"),
    "kept": gettext_lazy("Keep of the deposit what %(name)s owes"),
    "given_back": gettext_lazy("Give %(name)s the deposit back"),
}


class DepositForm(KeyedForm):
    """How much, when and why; how it is paid where money moves."""

    amount_minor = MoneyField(label=gettext_lazy("Amount"))
    on = DayField(label=gettext_lazy("Day"))
    method = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        choices=lambda: choices("method"),
        initial="cash",
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    why = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("It stays in the books, with your name.")
    )

    def __init__(self, *args: Any, moves_money: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not moves_money:
            del self.fields["method"]


@page("payments.view")
def deposit(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/deposit/: what is there and how it came about."""
    acts = [
        act | {"label": named("reversal" if act["reverses_id"] else act["kind"], "deposit")}
        for act in by_whom(request, list_deposits(pk), "actor_id")
    ]
    context = {
        "customer": get_customer(pk),
        "acts": acts,
        "held_minor": _held(pk),
        "due_minor": find_standings([pk])[pk]["due_minor"],
    }
    return show(request, "deposit", context)


@page("payments.reverse")
def act_on(request: PageRequest, pk: int, what: str) -> HttpResponse:
    """GET, POST customers/<id>/deposit/<in|kept|given_back>/"""
    row = get_customer(pk)
    if what not in TITLES:
        raise NotFound("A deposit is taken in, kept or given back.")
    act = Act(str(TITLES[what]) % row, _("Record it"), reverse("deposit", args=[pk]), _("Recorded."))
    held, due = _held(pk), find_standings([pk])[pk]["due_minor"]
    initial = {
        "on": request.today,
        "amount_minor": {"in": None, "kept": min(held, due), "given_back": held}[what] or None,
    }
    form = bound(request, DepositForm, moves_money=what != "kept", initial=initial)

    def do(values: dict[str, Any]) -> int:
        asked = {name: value for name, value in values.items() if name != "request_key"}
        return record_deposit(
            DepositAct(customer_id=pk, kind=f"deposit_{what}", **asked),
            request_key=str(values["request_key"]),
            now=request.now,
        )

    def look(values: dict[str, Any]) -> Preview:
        do(values)
        return _standing(pk)

    return two_steps(request, act, form, do=do, look=look)


@page("payments.reverse")
def take_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST deposits/<id>/take-back/"""
    found = get_deposit(pk)
    customer = found["customer_id"]
    act = Act(
        _("Take back: %(what)s") % {"what": found["reason"]}, _("Take it back"), reverse("deposit", args=[customer]),
        _("Taken back."), tone="danger",
        note=_("Nothing is removed: a second entry undoes the first, on the day that you choose."),
    )  # fmt: skip

    def do(values: dict[str, Any]) -> int:
        return reverse_deposit(deposit_id=pk, on=values["on"], why=values["reason"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        do(values)
        return _standing(customer)

    form = bound(request, TakeBackForm, initial={"on": max(request.today, found["moved_on"])})
    return two_steps(request, act, form, do=do, look=look)


def _held(customer_id: int) -> int:
    acts = list_deposits(customer_id)
    return int(acts[0]["left_minor"]) if acts else 0


def _standing(customer_id: int) -> Preview:
    """How the customer stands after the act."""
    standing = find_standings([customer_id])[customer_id]
    return Preview(
        figures=[
            (_("The deposit is then"), money(_held(customer_id))),
            (_("The customer then owes"), money(standing["due_minor"])),
        ]
    )
