"""The terms of an edge, its start, and what was taken back of it: each shown before it holds."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.starting import preview_start, start_edge
from backhaul.funds.queries import get_unused_bonus
from backhaul.funds.services import reverse_bonus, reverse_recharge
from backhaul.resellers.queries import get_movement, get_reseller
from backhaul.resellers.services import set_child_terms
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.fund_forms import TermsForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show
from backhaul.web.console.payments import ReverseForm
from backhaul.web.templatetags.console import count, money
from backhaul.web.words import named


@page("resellers.edit")
def limits(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/limits/: the first POST shows what changes, the one with `confirmed` sets it."""
    row = get_reseller(pk)
    form = TermsForm(sent(request), row=row)
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        given = {"child_id": pk, "on": request.today, "now": request.now, **form.terms()}
        with refusals_to(form):
            if "confirmed" in request.POST:
                set_child_terms(**given)
                messages.success(request, _("The limits are set."))
                return go(request, "reseller", pk)
            with rehearsal():
                set_child_terms(**given)
                after = get_reseller(pk)
            preview = {"lines": _changes(form, row, after), "before": row, "after": after}
    context = {"reseller": row, "preview": preview, "back": reverse("reseller", args=[pk])}
    return show(request, "limits", context, form=form)


def _changes(form: TermsForm, before: dict[str, Any], after: dict[str, Any]) -> list[dict[str, Any]]:
    """The terms that would be others, in words."""
    found = []
    for name, field in form.fields.items():
        old, new = (_term(name, row) for row in (before, after))
        if old != new:
            found.append({"label": field.label, "before": old, "after": new})
    return found


def _term(name: str, row: dict[str, Any]) -> str:
    value = name.removeprefix("credit_") in row["credit_days_for"] if name not in row else row[name]
    if value is None:
        return "–"
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if name.endswith("_minor"):
        return str(money(value))
    words = {"charge_timing": "timing", "refund_policy": "refund"}
    return str(named(value, words[name])) if name in words else str(value)


@page("resellers.edit")
def start(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/start/: from today on it is charged."""
    row = get_reseller(pk)
    form = Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            start_edge(child_id=pk, on=request.today)
            messages.success(request, _("%(name)s is started.") % row)
            return go(request, "reseller", pk)
    if row["started"]:
        return go(request, "reseller", pk)
    planned = preview_start(child_id=pk, on=request.today)
    told = {"n": count(planned.services), "sum": money(planned.total_minor)}
    panel = Panel(
        _("Start %(name)s?") % row,
        _("Start"),
        reverse("reseller", args=[pk]),
        tone="primary",
        money=_("Running services below: %(n)s. Today and the days left of their periods cost %(sum)s.") % told,
        people=_("Nobody goes offline. From now on every period and every new customer is charged to this fund."),
        effects=[
            {"label": _("Out of its fund now"), "minor": -planned.total_minor},
            {"label": _("Available to it then"), "minor": row["available_minor"] - planned.total_minor},
        ],
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("funds.reverse")
def take_back(request: PageRequest, pk: int, movement: int) -> HttpResponse:
    """GET, POST resellers/<id>/movements/<id>/take-back/: a recharge, or what is unused of a bonus."""
    row = get_reseller(pk)
    moved = get_movement(pk, movement)
    is_bonus = moved["kind"] == "bonus"
    form = ReverseForm(sent(request))
    if request.method == "POST" and form.is_valid():
        take = reverse_bonus if is_bonus else reverse_recharge
        with refusals_to(form):
            take(child_id=pk, movement_id=movement, on=request.today, reason=form.cleaned_data["why"])
            done = _("The unused bonus is taken back.") if is_bonus else _("The recharge is taken back.")
            messages.success(request, done)
            return go(request, "reseller", pk)
    panel = _bonus_panel(row, moved) if is_bonus else _recharge_panel(row, moved)
    return show(request, "confirm", {"panel": panel}, form=form)


def _recharge_panel(row: dict[str, Any], moved: dict[str, Any]) -> Panel:
    left = min(moved["fund_minor"], max(0, row["posted_minor"]))
    debt = moved["fund_minor"] - left
    people = _("Customers stay online; renewals that the fund no longer covers are held.")
    if debt:
        people += " " + _("It can take on no new customers until that debt is paid.")
    return Panel(
        _("Take back a recharge of %(sum)s?") % {"sum": money(moved["fund_minor"])},
        _("Take back"),
        reverse("reseller", args=[row["id"]]),
        money=_("What the fund still holds of it leaves the fund; the rest becomes a debt of %(name)s.") % row,
        people=people,
        effects=[
            {"label": _("Out of the fund"), "minor": -left},
            {"label": _("Owed to you from now on"), "minor": debt},
        ],
    )


def _bonus_panel(row: dict[str, Any], moved: dict[str, Any]) -> Panel:
    unused = get_unused_bonus(row["id"], moved["id"])
    return Panel(
        _("Take back a bonus of %(sum)s?") % {"sum": money(moved["fund_minor"])},
        _("Take back"),
        reverse("reseller", args=[row["id"]]),
        money=_("Only what is unused of it leaves the fund: what came in first is used first."),
        people=_("Customers stay online; renewals that the fund no longer covers are held."),
        effects=[{"label": _("Out of the fund"), "minor": -unused}],
    )
