"""Customers' cash in people's hands: one's own drawer, and all drawers for those who receive them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import NotFound
from backhaul.identity.queries import find_staff_names
from backhaul.payments import drawer_queries as queries
from backhaul.payments.drawers import (
    Rules,
    close_drawer,
    count_drawer,
    move_closing,
    receive_hand_over,
    send_back_hand_over,
    set_drawer_rules,
    set_float_limit,
    settle_shortage,
)
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.drawer_forms import CountForm, DaysForm, LimitForm, RulesForm, SettleForm, WhyForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.templatetags.console import day, money


@page("payments.collect")
def my_drawer(request: PageRequest) -> HttpResponse:
    """GET drawer/: nothing here tells what should be in it, so that the count is blind."""
    own = queries.get_own_drawer()
    handed = queries.list_hand_overs(user_id=request.scope.actor_id, limit=20) if own else []
    context = {"drawer": own, "today": request.today, "hand_overs": by_whom(request, handed, "answered_by_id")}
    return show(request, "my_drawer", context)


@page("payments.collect")
def hand_over(request: PageRequest) -> HttpResponse:
    """GET, POST drawer/hand-over/: what was counted, told before anybody says what should be there."""
    own = _own(request)
    act = Act(
        _("Count and hand over"), _("Hand over"), reverse("my-drawer"),
        _("Recorded. Give the cash to who receives it."),
        note=_("Count the cash in your drawer and write down what there is. What should be there is shown once "
               "somebody has received it."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        count_drawer(
            counted_minor=given["counted_minor"], note=given["note"], now=request.now,
            request_key=str(given["request_key"]),
        )  # fmt: skip
        if given["close_day"]:
            close_drawer(through=request.today, now=request.now)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        closes = _("Your day is closed.") if given["close_day"] else ""
        figures = [(_("You hand over"), money(given["counted_minor"])), (_("Receipts since then"), own["receipts"])]
        return Preview([], figures, people=" ".join(filter(None, [_("What is missing is due from you."), closes])))

    return two_steps(request, act, bound(request, CountForm), do=do, look=look)


@page("payments.collect")
def close_mine(request: PageRequest) -> HttpResponse:
    """GET, POST drawer/close/"""
    _own(request)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            close_drawer(through=request.today, now=request.now)
            messages.success(request, _("Your day is closed."))
            return go(request, "my-drawer")
    panel = Panel(
        _("Close your day?"), _("Close the day"), reverse("my-drawer"), tone="warning",
        money=_("No money moves. Cash that you take today after this is late, or refused, as your office wants it."),
        people=_("Only your office opens the day again."),
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


def _own(request: PageRequest) -> dict[str, Any]:
    own = queries.get_own_drawer()
    if own is None:
        raise NotFound("You have no drawer.")
    return own


def _named(request: PageRequest, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with `person`: whose drawer it is."""
    names = find_staff_names(request.scope.isp_id, request.scope.operator_id, {row["user_id"] for row in rows})
    return [row | {"person": names.get(row["user_id"]) or str(row["user_id"])} for row in rows]


def _drawer(request: PageRequest, user_id: int) -> dict[str, Any]:
    return _named(request, [queries.get_drawer(user_id)])[0]


@page("drawers.receive")
def drawers(request: PageRequest) -> HttpResponse:
    """GET drawers/"""
    found = _named(request, queries.list_drawers())
    context = {
        "drawers": found,
        "held_minor": sum(row["held_minor"] for row in found),
        "shortage_minor": sum(row["shortage_minor"] for row in found),
        "waiting": _named(request, queries.list_hand_overs(waiting=True)),
        "to_look_at": _named(request, queries.list_receipts_to_look_at()),
        "taken_back": by_whom(request, _named(request, queries.list_taken_back()), "actor_id"),
    }
    return show(request, "drawers", context)


@page("drawers.receive")
def drawer(request: PageRequest, pk: int) -> HttpResponse:
    """GET drawers/<user id>/: one person's."""
    context = {
        "drawer": _drawer(request, pk),
        "hand_overs": by_whom(request, queries.list_hand_overs(user_id=pk), "answered_by_id"),
        "settlements": by_whom(request, queries.list_settlements(pk), "actor_id"),
        "closings": by_whom(request, queries.list_closings(pk), "actor_id"),
    }
    return show(request, "drawer", context)


@page("drawers.receive")
def receive(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST drawers/hand-overs/<id>/receive/"""
    given_over = _named(request, [queries.get_hand_over(pk)])[0]
    named = {"person": given_over["person"], "sum": money(given_over["counted_minor"])}
    act = Act(
        _("Receive %(sum)s from %(person)s") % named, _("Receive"), reverse("drawers"), _("Received."),
        note=_("Count the cash yourself first. If it is not %(sum)s, send it back.") % named,
    )  # fmt: skip

    def do(_given: dict[str, Any]) -> Any:
        return receive_hand_over(hand_over_id=pk, on=request.today, now=request.now)

    def look(given: dict[str, Any]) -> Preview:
        done = do(given)
        effects = [
            (_("Into your cash"), done.counted_minor),
            (_("Due from %(person)s: missing") % named, done.shortage_minor),
            (_("More than there should be"), done.surplus_minor),
        ]
        expected = (_("There should be"), money(done.expected_minor))
        return Preview([each for each in effects if each[1]], [expected])

    return two_steps(request, act, bound(request, forms.Form), do=do, look=look)


@page("drawers.receive")
def send_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST drawers/hand-overs/<id>/send-back/"""
    given_over = _named(request, [queries.get_hand_over(pk)])[0]
    form = WhyForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            send_back_hand_over(hand_over_id=pk, why=form.cleaned_data["why"], now=request.now)
            messages.success(request, _("Sent back, to be counted again."))
            return go(request, "drawers")
    panel = Panel(
        _("Send it back to %(person)s?") % given_over, _("Send back"), reverse("drawers"), tone="warning",
        money=_("No money moves: it stays in the drawer."),
        people=_("%(person)s counts again, with what came in since.") % given_over,
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


@page("drawers.receive")
def settle(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST drawers/<user id>/settle/: a shortage is paid or forgiven."""
    row = _drawer(request, pk)
    act = Act(
        _("What %(person)s owes") % row, _("Record"), reverse("drawer", args=[pk]), _("Recorded."),
        note=_("%(sum)s is due of what was missing.") % {"sum": money(row["shortage_minor"])},
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        settle_shortage(
            user_id=pk, amount_minor=given["amount_minor"], paid=given["how"] or None, on=request.today,
            now=request.now, why=given["why"], request_key=str(given["request_key"]),
        )  # fmt: skip

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        label = _("You receive") if given["how"] else _("You give up")
        effect = (label, given["amount_minor"] if given["how"] else -given["amount_minor"])
        return Preview([effect], [(_("Still due"), money(queries.get_drawer(pk)["shortage_minor"]))])

    may_forgive = "drawers.edit" in request.scope.permissions
    initial = {"amount_minor": row["shortage_minor"] or None, "how": "cash"}
    form = SettleForm(sent(request), may_forgive=may_forgive, initial=initial)
    return two_steps(request, act, form, do=do, look=look)


@page("drawers.edit")
def limit(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST drawers/<user id>/limit/"""
    row = _drawer(request, pk)
    form = LimitForm(sent(request), initial={"float_limit_minor": row["float_limit_minor"]})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_float_limit(user_id=pk, limit_minor=form.cleaned_data["float_limit_minor"], now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "drawer", pk)
    context = {"title": _("How much %(person)s may hold") % row, "cancel_href": reverse("drawer", args=[pk])}
    return show(request, "settings_form", context, form=form)


@page("drawers.edit")
def days(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST drawers/<user id>/days/: a person's days closed, or opened again."""
    row = _drawer(request, pk)
    act = Act(_("Days of %(person)s") % row, _("Save"), reverse("drawer", args=[pk]), _("Saved."))

    def do(given: dict[str, Any]) -> None:
        move_closing(user_id=pk, through=given["through"], why=given["why"], now=request.now)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        none = _("no day")
        told = [(_("Closed through"), row["closed_through"]), (_("Then"), given["through"])]
        return Preview([], [(label, day(on) if on else none) for label, on in told])

    form = bound(request, DaysForm, initial={"through": row["closed_through"]})
    return two_steps(request, act, form, do=do, look=look)


@page("drawers.edit")
def rules(request: PageRequest) -> HttpResponse:
    """GET, POST drawers/rules/"""
    now = queries.get_rules()
    form = RulesForm(sent(request), initial=vars(now))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_drawer_rules(Rules(**form.cleaned_data), now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "drawers")
    context = {"title": _("How drawers work"), "cancel_href": reverse("drawers")}
    return show(request, "settings_form", context, form=form)
