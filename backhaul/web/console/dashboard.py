"""The first page: how the operator stands today."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.formats import date_format

from backhaul.billing.promises import count_broken_promises
from backhaul.billing.queries import (
    count_held,
    get_held_for_own_fund,
    list_held_bills,
    sum_billed_by_month,
    sum_dues,
)
from backhaul.ledger.heads import get_stop
from backhaul.network.queries import count_online
from backhaul.payments.queries import list_payments, sum_paid_by_month
from backhaul.subscribers.queries import count_by_status
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.console.run_nights import nights_to_tell

MONTHS = 6
NO_LONGER = ("left",)


@page("dashboard.view")
def dashboard(request: PageRequest) -> HttpResponse:
    """GET /"""
    may = request.scope.permissions
    context: dict[str, Any] = nights_to_tell(request)
    if "books.view" in may:
        context["stop"] = get_stop()
    if "customers.view" in may:
        context |= _customers(request)
    if "billing.promise" in may:
        context["broken_promises"] = count_broken_promises(request.today)
    if {"bills.view", "payments.view"} <= may:
        context |= _money(request)
    return show(request, "dashboard", context)


def _customers(request: PageRequest) -> dict[str, Any]:
    statuses = count_by_status()
    shown = [
        (status, n, f"{reverse('customers')}?status={status}")
        for status, n in statuses.items()
        if n or status == "active"
    ]
    customers = sum(n for status, n in statuses.items() if status not in NO_LONGER)
    online = count_online(now=request.now)["online"]
    return {
        "statuses": shown,
        "customers": customers,
        "presence": {"online": online, "offline": max(customers - online, 0)},  # nobody who left counts as offline
    }


def _money(request: PageRequest) -> dict[str, Any]:
    months = _last_months(request.today)
    billed, paid = sum_billed_by_month(months[0]), sum_paid_by_month(months[0])
    this = months[-1]
    return {
        "months": [
            (
                date_format(month, "M"),
                billed.get(month, {}).get("billed_minor", 0),
                paid.get(month, {}).get("paid_minor", 0),
            )
            for month in months
        ],
        "billed": billed.get(this, {"billed_minor": 0, "bills": 0}),
        "collected": paid.get(this, {"paid_minor": 0, "payments": 0}),
        "dues": sum_dues(request.today),
        "held": list_held_bills(limit=5),
        "held_count": count_held()["own"],
        "held_for_fund": get_held_for_own_fund(),
        "recent": [row | {"href": reverse("payment", args=[row["id"]])} for row in list_payments(limit=6)],
    }


def _last_months(today: date) -> list[date]:
    """The first days of this month and those before it, oldest first."""
    count = today.year * 12 + today.month - 1
    return [date(month // 12, month % 12 + 1, 1) for month in range(count - MONTHS + 1, count + 1)]
