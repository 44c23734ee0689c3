"""The page of one customer: a head that is the same on every tab, and the tab that was opened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backhaul.billing.days import list_prices_ahead, list_service_history
from backhaul.billing.queries import find_standings, get_planned_change, list_bills_of
from backhaul.network.queries import list_live_sessions, list_past_sessions
from backhaul.network.usage import list_usage
from backhaul.payments.queries import list_payments_of, list_statement
from backhaul.subscribers.custom_fields import list_values
from backhaul.subscribers.queries import get_customer, list_blocks
from backhaul.web.console import given
from backhaul.web.console.customer_status import actions_for, lifted_by
from backhaul.web.console.extras import agreed_with, extra_actions
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.console.people import by_whom
from backhaul.web.own_fields import filled_in
from backhaul.web.templatetags.console import dated
from backhaul.web.words import named

MANY = 200
DAYS, MONTHS = 30, 12


@dataclass(frozen=True)
class Tab:
    url_name: str
    label: Any
    permission: str = "customers.view"


TABS = (
    Tab("customer", gettext_lazy("Service")),
    Tab("customer-statement", gettext_lazy("Statement"), "bills.view"),
    Tab("customer-bills", gettext_lazy("Bills"), "bills.view"),
    Tab("customer-payments", gettext_lazy("Payments"), "payments.view"),
    Tab("customer-usage", pgettext_lazy("data", "Usage")),
    Tab("customer-sessions", gettext_lazy("Sessions")),
    Tab("customer-documents", gettext_lazy("Documents")),
    Tab("customer-timeline", gettext_lazy("Timeline")),
)


def show_tab(
    request: PageRequest, pk: int, url_name: str, context: dict[str, Any], *, form: Any = None
) -> HttpResponse:
    """Draw a tab of a customer that exists; its head is worked out only where it is drawn (not when tabs change)."""
    row = context.get("customer") or get_customer(pk)
    may = request.scope.permissions
    tabs = [
        {"href": reverse(tab.url_name, args=[pk]), "label": tab.label, "active": tab.url_name == url_name}
        for tab in TABS
        if tab.permission in may
    ]
    head = SimpleLazyObject(lambda: _head(request, row, context.get("open_blocks")))
    template = url_name.replace("-", "_") if url_name != "customer" else "customer_service"
    return show(request, template, {**context, "customer": row, "tabs": tabs, "head": head}, form=form)


def _head(request: PageRequest, row: dict[str, Any], open_blocks: list[dict[str, Any]] | None) -> dict[str, Any]:
    code_and_mobile = " · ".join(filter(None, (row["code"], row["mobile"])))
    line = row | find_standings([row["customer_id"]]).get(row["customer_id"], {}) | {"code_and_mobile": code_and_mobile}
    may = request.scope.permissions
    blocks = list_blocks(row["subscription_id"]) if open_blocks is None else open_blocks
    reasons = {block["reason"] for block in blocks if block["to_at"] is None}
    actions = [*actions_for(line, reasons, may), *extra_actions(line, reasons, may)]
    actions.sort(key=lambda action: action.is_grave)
    return {"customer": line, "actions": actions, "session": _connection(request, row["subscription_id"])}


def _connection(request: PageRequest, subscription_id: int) -> dict[str, Any]:
    live, past = _sessions(request, subscription_id, 1)
    online = next((session for session in live if session["online"]), None)
    if online:
        since = dated(localtime(online["started_at"]), "j M, H:i")
        note = _("since %(time)s · %(address)s") % {"time": since, "address": online["framed_address"] or "–"}
    elif past:
        note = _("last seen %(time)s") % {"time": dated(localtime(past[0]["stopped_at"]), "j M, H:i")}
    else:
        note = _("never seen yet")
    state = "online" if online else "offline"
    return {"state": state, "name": named(state, "session"), "note": note}


def _sessions(
    request: PageRequest, subscription_id: int, limit: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    mine = {"operator_id": request.scope.operator_id, "subscription_id": subscription_id}
    return list_live_sessions(**mine, now=request.now), list_past_sessions(**mine, limit=limit)


@page("customers.view")
def customer(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/: the service, what holds it off, what was agreed."""
    row = get_customer(pk)
    service = row["subscription_id"]
    history = by_whom(request, list_service_history(service), "by_actor_id")
    held_off = [event for event in history if event["what"] == "block" and not event["to_at"]]
    planned = get_planned_change(service)
    context = {
        "customer": row,
        "prices": _prices(service, planned, request) if "bills.view" in request.scope.permissions else [],
        "open_blocks": [block | {"lifted_by": lifted_by(block["reason"])} for block in held_off],
        "agreed": agreed_with(service, request) if "bills.view" in request.scope.permissions else {},
        "planned": planned,
        "fields": filled_in(list_values(pk)),
        "history": history,
    }
    return show_tab(request, pk, "customer", context)


def _prices(service: int, planned: dict[str, Any] | None, request: PageRequest) -> list[dict[str, Any]]:
    """The price of today and those set for later, as far as a change of package does not end them."""
    ahead = list_prices_ahead(service, request.today)
    return [ahead[0], *(price for price in ahead[1:] if planned is None or price["from_on"] < planned["on_date"])]


@page("bills.view")
def statement(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/statement/"""
    row = get_customer(pk)
    return show_tab(request, pk, "customer-statement", {"customer": row, "statement": list_statement(pk)})


@page("bills.view")
def bills(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/bills/"""
    row = get_customer(pk)
    found = list_bills_of(pk, today=request.today, limit=MANY)
    return show_tab(request, pk, "customer-bills", {"customer": row, "bills": found, "many": len(found) == MANY})


@page("payments.view")
def payments(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/payments/"""
    row = get_customer(pk)
    found = list_payments_of(pk, limit=MANY)
    return show_tab(request, pk, "customer-payments", {"customer": row, "payments": found, "many": len(found) == MANY})


@page("customers.view")
def usage(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/usage/?by=: the last 30 days, or the last 12 months."""
    row = get_customer(pk)
    by = given.one_of(request, "by", ("day", "month")) or "day"
    until = request.today + timedelta(days=1)
    since = until - timedelta(days=DAYS)
    if by == "month":
        months = request.today.year * 12 + request.today.month - MONTHS
        since = request.today.replace(year=months // 12, month=months % 12 + 1, day=1)
    used = list_usage(subscription_id=row["subscription_id"], since=since, until=until, by=by)
    sums = {name: sum(part[name] for part in used) for name in ("down_bytes", "up_bytes")}
    return show_tab(request, pk, "customer-usage", {"customer": row, "by": by, "chart": columns_of(used), **sums})


@dataclass(frozen=True)
class Column:
    """A bar of two parts, in the units of the drawing: up stands on top of down."""

    x: int
    width: int
    down_top: int
    down_height: int
    up_top: int
    up_height: int
    labelled: bool
    row: dict[str, Any]

    @property
    def middle(self) -> int:
        return self.x + self.width // 2


HEIGHT, STEP = 160, 24


def columns_of(used: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """A chart of usage rows: its bars, the width of the drawing, and what the top line stands for."""
    top = max((row["down_bytes"] + row["up_bytes"] for row in used), default=0)
    every = 1 if len(used) <= 12 else 5
    bars = []
    for n, row in enumerate(used):
        down, up = (round(HEIGHT * row[name] / top) if top else 0 for name in ("down_bytes", "up_bytes"))
        is_labelled = (len(used) - 1 - n) % every == 0
        bars.append(Column(n * STEP + 3, STEP - 6, HEIGHT - down, down, HEIGHT - down - up, up, is_labelled, row))
    return {"bars": bars, "width": max(1, len(used)) * STEP, "height": HEIGHT, "top_bytes": top}


@page("customers.view")
def sessions(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/sessions/"""
    row = get_customer(pk)
    live, past = _sessions(request, row["subscription_id"], MANY)
    context = {"live": live, "past": past, "filled": bool(live or past), "many": len(past) == MANY}
    return show_tab(request, pk, "customer-sessions", {"customer": row, **context})
