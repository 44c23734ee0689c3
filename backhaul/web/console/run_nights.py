"""What an ISP is told about its nights: some were missed and caught up, or one that should be done is not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backhaul.billing.run_queries import list_caught_up, missing_night
from backhaul.web.console.pages import PageRequest

TOLD_DAYS = 7


def nights_to_tell(request: PageRequest) -> dict[str, Any]:
    """For the ISP: caught_up, nights of the last week that were begun late; missing_night, the first not done."""
    if request.scope.parent_id is not None or "bills.run" not in request.scope.permissions:
        return {}
    return {
        "caught_up": list_caught_up(since=request.now - timedelta(days=TOLD_DAYS)),
        "missing_night": missing_night(today=request.today, now=request.now),
    }
