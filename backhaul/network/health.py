"""How the acting operator's network does now: routers nobody is online at, sessions begun and ended, lost records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from backhaul.network.queries import list_nas
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Health:
    """Of the last hour: sessions `started`, and `lost`, those whose router fell silent or began anew; `unbooked`
    accounting records of the last day; `waiting` disconnects; `silent` own routers, of `routers`: nobody is online.
    """

    started: int
    lost: int
    unbooked: int
    waiting: int
    routers: int
    silent: list[dict[str, Any]] = field(default_factory=list)


def get_health(*, now: datetime) -> Health:
    found = rows(
        """
        SELECT (SELECT count(*) FROM radius_session_live WHERE operator_id = %(me)s AND started_at > %(hour)s)
             + (SELECT count(*) FROM radius_session_history WHERE operator_id = %(me)s AND stopped_at > %(hour)s
                AND started_at > %(hour)s) AS started,
               (SELECT count(*) FROM radius_session_history WHERE operator_id = %(me)s AND stopped_at > %(hour)s
                AND ended_by IN ('silence', 'nas_restart')) AS lost,
               (SELECT count(*) FROM radius_accounting_error WHERE operator_id = %(me)s AND at > %(day)s) AS unbooked,
               (SELECT count(*) FROM disconnect_request WHERE operator_id = %(me)s AND NOT done) AS waiting
        """,
        {"me": current_scope().operator_id, "hour": now - HOUR, "day": now - 24 * HOUR},
    )[0]
    own = [router for router in list_nas(now=now) if router["own"] and router["enabled"]]
    return Health(**found, routers=len(own), silent=[router for router in own if not router["sessions"]])
