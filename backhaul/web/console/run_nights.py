"""Nights: an ISP is told which were missed; a reseller sees what its next one would do."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse

from backhaul.billing.run_plans import preview_night
from backhaul.billing.run_queries import list_caught_up, missing_night
from backhaul.web.console.pages import ROWS, PageRequest, go, page, show

TOLD_DAYS = 7


def nights_to_tell(request: PageRequest) -> dict[str, Any]:
    """For the ISP: caught_up, nights of the last week that were begun late; missing_night, the first not done."""
    if request.scope.parent_id is not None or "bills.run" not in request.scope.permissions:
        return {}
    return {
        "caught_up": list_caught_up(since=request.now - timedelta(days=TOLD_DAYS)),
        "missing_night": missing_night(today=request.today, now=request.now),
    }


@page("funds.view", in_unit=False)
def next_night(request: PageRequest) -> HttpResponse:
    """GET, POST next-night/: a reseller's own next night; POST rehearses it. The ISP has its billing run instead."""
    if request.scope.parent_id is None:
        return go(request, "billing-run")
    on = request.today + timedelta(days=1)
    night = None
    if request.method == "POST":
        night = preview_night(request.isp, request.scope, on=on, now=request.now)
        night["bills_made"], night["bills"] = len(night["bills"]), night["bills"][:ROWS]
    return show(request, "next_night", {"on": on, "night": night, "most_lines": ROWS})
