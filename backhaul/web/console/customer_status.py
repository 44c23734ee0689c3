"""What a person does to a customer's service. Each action says first what it will do, in money and in people."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.refunds import disconnect_customer, preview_refund
from backhaul.billing.services import bring_back
from backhaul.common.errors import Refusal
from backhaul.funds.queries import get_own_fund
from backhaul.network.queries import find_online
from backhaul.subscribers.queries import get_customer, list_blocks
from backhaul.subscribers.services import disable_subscription, reset_password, suspend_subscription
from backhaul.web.console.customer_forms import LeaveForm, PasswordResetForm, WhyForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show, tell
from backhaul.web.templatetags.console import count, money
from backhaul.web.words import named

LIFTED = ("not_activated", "by_hand", "disabled", "left")  # by a person; other blocks go by their own cause only


@dataclass
class Panel:
    """What a confirmation says."""

    title: str
    submit: str
    cancel_href: str
    tone: str = "danger"
    money: str = ""
    people: str = ""
    session: str = ""
    lifted: str = ""
    effects: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""


@dataclass(frozen=True)
class Action:
    href: str
    icon: str
    label: str
    is_page: bool = False  # opens as a page, not in the panel
    is_grave: bool = False  # stands last, apart from what is done each day


def actions_for(customer: dict[str, Any], blocks: Collection[str], may: Collection[str]) -> list[Action]:
    """What this person may do to this service as it stands."""
    pk = customer["customer_id"]
    shown: list[tuple[bool, Action]] = [
        (
            reason in blocks and _lift_permission(reason) in may,
            Action(icon="player-play", href=reverse("lift-block", args=[pk, reason]), label=str(named(reason, "lift"))),
        )
        for reason in LIFTED
    ]
    running = not {"left", "not_activated"} & set(blocks)
    edits = "customers.edit" in may
    shown += [
        (running and "by_hand" not in blocks and "customers.suspend" in may, _action("suspend", pk)),
        (edits, _action("edit", pk)),
        (edits and running, _action("package", pk)),
        (edits and "left" not in blocks, _action("password", pk)),
        ("payments.reverse" in may and bool(customer.get("advance_minor")), _action("pay-back", pk)),
        ("payments.reverse" in may, _action("deposit", pk)),
        ("payments.reverse" in may and bool(customer.get("due_minor")), _action("withheld", pk)),
        (edits, _action("copy", pk)),
        ("left" not in blocks and "disabled" not in blocks and "customers.disable" in may, _action("disable", pk)),
        ("left" not in blocks and "customers.disable" in may, _action("leave", pk)),
    ]
    return [action for is_shown, action in shown if is_shown]


def _action(name: str, pk: int) -> Action:
    made = {
        "suspend": lambda: Action(icon="player-pause", href=reverse("suspend", args=[pk]), label=_("Suspend")),
        "disable": lambda: Action(icon="ban", href=reverse("disable", args=[pk]), label=_("Disable"), is_grave=True),
        "leave": lambda: Action(
            icon="door-exit", href=reverse("leave", args=[pk]), label=_("Customer leaves"), is_grave=True
        ),
        "package": lambda: Action(icon="package", href=reverse("change-package", args=[pk]), label=_("Change package")),
        "pay-back": lambda: Action(
            icon="cash-banknote", href=reverse("pay-back", args=[pk]), label=_("Pay the advance back")
        ),
        "withheld": lambda: Action(
            icon="receipt-tax", href=reverse("tax-withheld", args=[pk]), label=_("Tax withheld")
        ),
        "deposit": lambda: Action(icon="shield-dollar", href=reverse("deposit", args=[pk]), label=_("Deposit")),
        "edit": lambda: Action(icon="edit", href=reverse("edit-customer", args=[pk]), label=_("Edit")),
        "copy": lambda: Action(
            icon="copy", href=f"{reverse('add-customer')}?like={pk}", label=_("Add another like this"), is_page=True
        ),
        "password": lambda: Action(icon="key", href=reverse("reset-password", args=[pk]), label=_("Reset password")),
    }
    return made[name]()


def _lift_permission(reason: str) -> str:
    return {"not_activated": "customers.edit", "by_hand": "customers.suspend"}.get(reason, "customers.disable")


def lifted_by(reason: str) -> str:
    """What ends a block: each lifts by its own cause only."""
    return {
        "not_activated": _("A person activates it."),
        "unpaid": _("A payment of what is overdue lifts it by itself, or a promise to pay."),
        "by_hand": _("A person lifts the suspension; a payment does not."),
        "disabled": _("A person enables the service again; a payment does not."),
        "left": _("A person takes the customer back."),
        "expired": _("A payment that covers the next period lifts it by itself."),
        "fund_short": _("A recharge of your fund lifts it by itself."),
        "upstream_short": _("Your provider must act; you need not."),
        "operator_minimum": _("Your fund above its minimum lifts it by itself."),
    }.get(reason, "")


def _session_of(request: PageRequest, row: dict[str, Any], then: str) -> str:
    """What becomes of the session that is open now, if one is."""
    if find_online(subscription_ids=[row["subscription_id"]], now=request.now):
        return _("The running session ends at once, or as soon as the router answers.") + " " + then
    return _("No session is open now.") + " " + then


def _walled(row: dict[str, Any]) -> str:
    if row["on_suspend"] == "walled":
        return _("Who logs in then comes into the suspended pool, where only the pay page opens.")
    return _("Logins are then refused.")


@page("customers.suspend")
def suspend(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/suspend/"""
    row = get_customer(pk)
    panel = Panel(
        _("Suspend %(name)s?") % row,
        _("Suspend"),
        reverse("customer", args=[pk]),
        tone="warning",
        money=_("No money moves. The running period is not credited; no new one begins while it is suspended."),
        people=_("One customer goes offline now."),
        session=_session_of(request, row, _walled(row)),
        lifted=lifted_by("by_hand"),
    )
    return _confirm(request, row, panel, suspend_subscription, (_("%(name)s is suspended.") % row, "by_hand"))


@page("customers.disable")
def disable(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/disable/"""
    row = get_customer(pk)
    panel = Panel(
        _("Disable %(name)s?") % row,
        _("Disable"),
        reverse("customer", args=[pk]),
        money=_("No money moves. The running period is not credited; no new one begins while it is disabled."),
        people=_("One customer goes offline now."),
        session=_session_of(request, row, _("Logins are then refused.")),
        lifted=lifted_by("disabled"),
    )
    return _confirm(request, row, panel, disable_subscription, (_("%(name)s is disabled.") % row, "disabled"))


def _confirm(
    request: PageRequest, row: dict[str, Any], panel: Panel, act: Callable[..., object], done: tuple[str, str]
) -> HttpResponse:
    """`done`: what is said afterwards, and the block that is then there, lifted again by one click."""
    form = WhyForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            act(subscription_id=row["subscription_id"], why=form.cleaned_data["why"], on=request.today, at=request.now)
            said, block = done
            tell(request, said, undo=reverse("lift-block", args=[row["customer_id"], block]))
            return go(request, "customer", row["customer_id"])
    return show(request, "confirm", {"panel": panel}, form=form)


@page("customers.disable")
def leave(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/leave/: with what the unused days give back."""
    row = get_customer(pk)
    form = LeaveForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            disconnect_customer(
                subscription_id=row["subscription_id"],
                on=request.today,
                now=request.now,
                why=form.cleaned_data["why"],
                credit_customer=form.cleaned_data["credit"],
            )
            messages.success(request, _("%(name)s has left.") % row)
            return go(request, "customer", pk)
    return show(request, "confirm", {"panel": _leave_panel(request, row)}, form=form)


def _leave_panel(request: PageRequest, row: dict[str, Any]) -> Panel:
    refund = preview_refund(subscription_id=row["subscription_id"], on=request.today, now=request.now)
    days = _("%(days)s unused days are given back; today counts as used.") % {"days": count(refund.days)}
    effects = [
        {"label": _("Back into your fund"), "minor": refund.back_minor},
        {"label": _("Credited to the customer, if you choose so"), "minor": refund.credit_minor},
        {"label": _("Of that, kept as the customer's advance"), "minor": refund.to_advance_minor},
    ]
    return Panel(
        _("%(name)s leaves?") % row,
        _("Customer leaves"),
        reverse("customer", args=[row["customer_id"]]),
        money=days if refund.days else _("No unused days are left to give back."),
        people=_("One customer goes offline now and is not billed any more. What is due stays due."),
        session=_session_of(request, row, _("Logins are then refused.")),
        lifted=_("A person takes the customer back; the days left of the period are then charged anew."),
        effects=[effect for effect in effects if effect["minor"]],
    )


@page("customers.view")
def lift_block(request: PageRequest, pk: int, reason: str) -> HttpResponse:
    """GET, POST customers/<id>/lift/<reason>/: activation, and the end of what a person imposed."""
    if reason not in LIFTED:
        raise Http404
    request.scope.require(_lift_permission(reason))
    row = get_customer(pk)
    act = {
        "subscription_id": row["subscription_id"],
        "reason": reason,
        "on": request.today,
        "now": request.now,
        "hold": False,
    }
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            bring_back(**act)
            works = get_customer(pk)["status"] == "active"
            tell(request, (_("The service of %(name)s works again.") if works else _("%(name)s: lifted.")) % row)
            return go(request, "customer", pk)
    return show(request, "confirm", {"panel": _lift_panel(row, reason, act)}, form=form)


def _lift_panel(row: dict[str, Any], reason: str, act: dict[str, Any]) -> Panel:
    """Does it, looks at what it did, and undoes it: the preview is what will happen."""
    panel = Panel(
        _("%(action)s: %(name)s") % {"action": named(reason, "lift"), "name": row["name"]},
        str(named(reason, "lift")),
        reverse("customer", args=[row["customer_id"]]),
        tone="success",
        people=_("One customer can log in again, if nothing else holds the service off."),
        session=_("A session in the suspended pool ends and comes back open; nothing happens to who is offline."),
    )
    if row["status"] != "active":
        others = [block["reason"] for block in list_blocks(row["subscription_id"]) if not block["to_at"]]
        panel.lifted = " ".join(f"{named(other, 'block')}: {lifted_by(other)}" for other in others if other != reason)
    before = get_own_fund()
    try:
        with rehearsal():
            billed = bring_back(**act)
            after = get_own_fund()
            if billed.created:
                panel.effects.append({"label": _("Billed to the customer"), "minor": billed.billed_minor})
            if before and after and before["posted_minor"] != after["posted_minor"]:
                panel.effects.append({"label": _("Your fund"), "minor": after["posted_minor"] - before["posted_minor"]})
                panel.money = _("Your fund then has %(sum)s available.") % {"sum": money(after["available_minor"])}
    except Refusal as refusal:
        panel.problem = refusal.message
    if not panel.effects and not panel.problem:
        panel.money = _("Nothing is billed now: the running period is billed already, or the next one begins later.")
    return panel


@page("customers.edit")
def reset_customer_password(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/password/"""
    row = get_customer(pk)
    form = PasswordResetForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            reset_password(customer_id=pk, password=form.cleaned_data["password"], at=request.now)
            messages.success(request, _("The new password of %(username)s is set.") % row)
            return go(request, "customer", pk)
    panel = Panel(
        _("New password for %(name)s") % row,
        _("Set password"),
        reverse("customer", args=[pk]),
        tone="warning",
        people=_("The running session ends; the router must log in with the new password."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
