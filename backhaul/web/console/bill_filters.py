"""Which bills an address names, and how an address names them."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from backhaul.billing.queries import STATES, BillFilter
from backhaul.web.console import given
from backhaul.web.console.pages import PageRequest
from backhaul.web.templatetags.console import dated

MONTHS = 13  # that the list offers


def read_bill_filter(request: PageRequest) -> BillFilter:
    """?q=&state=&month=yyyy-mm&zone="""
    return BillFilter(
        given.one_of(request, "state", STATES),
        given.text(request, "q"),
        given.month(request, "month"),
        given.number(request, "zone"),
    )


def shown_bill_filter(wanted: BillFilter) -> dict[str, Any]:
    """What the list shows as chosen."""
    return {**_as_query(wanted), "active": wanted != BillFilter()}


def bill_query(wanted: BillFilter) -> str:
    """The query of an address that names these bills."""
    return urlencode({name: value for name, value in _as_query(wanted).items() if value})


def as_json(wanted: BillFilter) -> dict[str, Any]:
    """To be kept for a job."""
    month = wanted.month.isoformat() if wanted.month else None
    return {"state": wanted.state, "search": wanted.search, "month": month, "zone_id": wanted.zone_id}


def from_json(kept: dict[str, Any]) -> BillFilter:
    """What as_json kept."""
    return BillFilter(**kept | {"month": date.fromisoformat(kept["month"]) if kept["month"] else None})


def recent_months(today: date) -> list[tuple[str, str]]:
    """This month and those before it, to choose from."""
    months = (date(today.year + (today.month - 1 - n) // 12, (today.month - 1 - n) % 12 + 1, 1) for n in range(MONTHS))
    return [(f"{month:%Y-%m}", dated(month, "F Y")) for month in months]


def _as_query(wanted: BillFilter) -> dict[str, Any]:
    month = f"{wanted.month:%Y-%m}" if wanted.month else ""
    return {"q": wanted.search, "state": wanted.state or "", "month": month, "zone": wanted.zone_id or ""}
