"""What a list comes to where one figure says it: those that cards of the dashboard open (B6), by the same reckoning."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from backhaul.billing.queries import BillFilter
from backhaul.billing.standing import get_standing
from backhaul.ledger.day_sums import DaySum, sum_days


def sees_sums(permissions: Collection[str]) -> bool:
    """Whether a person is told what the whole business bills and collects: not whose work is to collect. Who keeps the
    books may collect too."""
    return "books.view" in permissions or "payments.collect" not in permissions


def bills_come_to(wanted: BillFilter, today: date, permissions: Collection[str]) -> dict[str, Any] | None:
    """Of the bills of a month, or of all that are open; None of any others: they are too many to add up for a page."""
    if wanted.month is not None and wanted == BillFilter(month=wanted.month):
        if not sees_sums(permissions):
            return None
        until = (wanted.month + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        month = _between(wanted.month, until)
        return {"label": _("Billed"), "sum_minor": month.billed_minor, "bills": month.bills}
    if wanted == BillFilter(state="open"):
        dues = get_standing(today, dues=True).dues
        return {"label": _("Due"), "sum_minor": dues["due_minor"], "dues": dues}
    return None


def payments_come_to(filters: dict[str, Any], today: date, permissions: Collection[str]) -> dict[str, Any] | None:
    """Of the payments of some days; None where they are chosen by anything else."""
    first, last = filters["from_on"], filters["to_on"]
    if not sees_sums(permissions) or first is None or filters["search"] or filters["method"]:
        return None
    return {"label": _("Collected"), "sum_minor": _between(first, last or today).collected_minor}


def _between(first: date, last: date) -> DaySum:
    found = DaySum()
    for on, day in sum_days(first).items():
        if on <= last:
            found.add(day)
    return found
