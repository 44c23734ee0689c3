"""Who is online, counted: each minute for every operator, kept by the hour for five weeks (SPEC B6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from backhaul.identity.models import IspDirectory
from backhaul.network.queries import count_own_online
from backhaul.operators.announce import CHANNEL
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope, unit_of_work

BATCH = "batch"
KEPT = timedelta(days=35)
WEEK = timedelta(days=7)
FRESH = timedelta(minutes=3)
COUNT_EACH_TIME = 5_000  # so many online are counted for each page; of more the last minute's count is told


@dataclass(frozen=True)
class Presence:
    """Who is online now; `peak` of this hour, `before` in the same hour a week ago (None: not known)."""

    online: int
    before: int | None
    peak: int | None

    @property
    def drop_percent(self) -> int:
        """By how much fewer are online than a week ago; 0 where they are not fewer."""
        return max(0, 100 - 100 * self.online // self.before) if self.before else 0


def get_presence(*, now: datetime) -> Presence:
    """Of the acting operator's customers."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    found = {
        row["hour_at"]: row
        for row in rows(
            "SELECT hour_at, online, peak, counted_at FROM online_hour WHERE operator_id = %s AND hour_at = ANY (%s)",
            [current_scope().operator_id, [hour, hour - WEEK]],
        )
    }
    this, before = found.get(hour), found.get(hour - WEEK)
    if this and this["online"] > COUNT_EACH_TIME and now - this["counted_at"] < FRESH:
        online = this["online"]
    else:
        online = count_own_online(now=now)
    return Presence(online, before["online"] if before else None, max(this["peak"], online) if this else None)


def count_all_online(isp: IspDirectory, *, now: datetime) -> None:
    """Count for every operator of an ISP, note it for this hour, and tell the pages of those for whom it changed."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    given = {"isp": isp.isp_id, "now": now, "hour": hour, "channel": CHANNEL}
    with unit_of_work(isp, using=BATCH):
        rows(
            """
            WITH counted AS (
                SELECT o.id AS operator_id, COALESCE(s.online, 0) AS online FROM operator o LEFT JOIN (
                    SELECT operator_id, count(DISTINCT login_id) AS online FROM radius_session_live
                    WHERE login_id IS NOT NULL AND updated_at > %(now)s - interim_seconds * interval '2 seconds'
                    GROUP BY operator_id) AS s ON s.operator_id = o.id
                WHERE o.isp_id = %(isp)s),
            kept AS (
                INSERT INTO online_hour AS h (operator_id, hour_at, online, peak, counted_at)
                SELECT operator_id, %(hour)s, online, online, %(now)s FROM counted
                ON CONFLICT (operator_id, hour_at) DO UPDATE SET online = EXCLUDED.online,
                    peak = GREATEST(h.peak, EXCLUDED.online), counted_at = EXCLUDED.counted_at)
            SELECT count(pg_notify(%(channel)s, c.operator_id || ' online')) FROM counted c
            LEFT JOIN online_hour h ON h.operator_id = c.operator_id AND h.hour_at = %(hour)s
            WHERE c.online IS DISTINCT FROM h.online
            """,
            given,
            using=BATCH,
        )
        if now.minute == 0:
            execute(
                "DELETE FROM online_hour WHERE hour_at < %s AND operator_id IN (SELECT id FROM operator "
                "WHERE isp_id = %s)",
                [now - KEPT, isp.isp_id],
                using=BATCH,
            )
