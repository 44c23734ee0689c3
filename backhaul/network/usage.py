"""How much a subscription's sessions carried by day and by month, from accounting."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_BYTES = "floor({column} * {until} / s.seconds) - floor({column} * {since} / s.seconds)"


def list_usage(*, subscription_id: int, since: date, until: date, by: str = "day") -> list[dict[str, Any]]:
    """Bytes of the days [since, until) of the acting operator's subscription: on, down_bytes, up_bytes, sessions.

    `by`: day or month (on: its first day); each is there, with 0 where nothing was carried. What a session over
    midnight carried is split by time; its parts add up to the whole.
    """
    scope = current_scope()
    until_in = "LEAST(s.seconds, GREATEST(0, extract(epoch FROM day_end - s.started_at)))"
    since_in = "LEAST(s.seconds, GREATEST(0, extract(epoch FROM day_start - s.started_at)))"
    down, up = (_BYTES.format(column=column, until=until_in, since=since_in) for column in ("s.down", "s.up"))
    return rows(
        f"""
        WITH session AS (
            SELECT h.id, h.started_at, h.stopped_at, h.output_bytes AS down, h.input_bytes AS up,
                   GREATEST(extract(epoch FROM h.stopped_at - h.started_at), 1) AS seconds
            FROM radius_login l JOIN radius_session_history h ON h.operator_id = l.operator_id AND h.login_id = l.id
            WHERE l.operator_id = %(me)s AND l.subscription_id = %(service)s
              AND h.stopped_at >= %(since)s::timestamp AT TIME ZONE %(zone)s
            UNION ALL
            SELECT v.id, v.started_at, v.updated_at, v.output_bytes, v.input_bytes,
                   GREATEST(extract(epoch FROM v.updated_at - v.started_at), 1)
            FROM radius_login l JOIN radius_session_live v ON v.operator_id = l.operator_id AND v.login_id = l.id
            WHERE l.operator_id = %(me)s AND l.subscription_id = %(service)s
        ), day AS (
            SELECT d::date AS on_day, d AT TIME ZONE %(zone)s AS day_start,
                   (d + interval '1 day') AT TIME ZONE %(zone)s AS day_end
            FROM generate_series(%(since)s::timestamp, %(until)s::timestamp - interval '1 day', '1 day') AS d
        ), part AS (
            SELECT d.on_day, s.id, {down} AS down, {up} AS up
            FROM day d JOIN session s ON s.started_at < d.day_end
                 AND GREATEST(s.stopped_at, s.started_at + interval '1 second') > d.day_start
        )
        SELECT date_trunc(%(by)s, d.on_day)::date AS "on", COALESCE(sum(p.down), 0)::bigint AS down_bytes,
               COALESCE(sum(p.up), 0)::bigint AS up_bytes, count(DISTINCT p.id) AS sessions
        FROM day d LEFT JOIN part p ON p.on_day = d.on_day GROUP BY 1 ORDER BY 1
        """,
        {"me": scope.operator_id, "service": subscription_id, "since": since, "until": until, "zone": scope.time_zone,
         "by": by},
    )  # fmt: skip
