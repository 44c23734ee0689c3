"""How an operator stands today, and what changed since yesterday and last week (SPEC B6)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from backhaul.billing.owed import count_owed
from backhaul.billing.queries import sum_dues
from backhaul.common.clock import local_date
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope, unit_of_work
from backhaul.subscribers.queries import count_by_status
from backhaul.subscribers.rules import STATUSES

BATCH = "batch"
COUNT_EACH_TIME = 20_000  # so many services are counted for each page; of more the last count is told
PLANNED_DAYS = 62
AGO = (0, 1, 7)


@dataclass(frozen=True)
class Standing:
    """`statuses`: services by status. `dues`: due_minor, overdue_minor, customers. `counted_at` None: counted now."""

    statuses: dict[str, int]
    dues: dict[str, int]
    before: dict[int, dict[str, int]]
    counted_at: datetime | None = None

    def change(self, status: str, days: int) -> int | None:
        """How many more services have a status than some days ago; None where that is not known."""
        then = self.before.get(days)
        return None if then is None else self.statuses[status] - then[status]


def get_standing(today: date, *, dues: bool) -> Standing:
    """The acting operator's; without `dues` nothing is said of money."""
    found = {
        (today - row["on_date"]).days: row
        for row in rows(
            "SELECT on_date, services, statuses::text AS statuses, due_minor, overdue_minor, debtors, counted_at "
            "FROM operator_day WHERE operator_id = %s AND on_date = ANY (%s)",
            [current_scope().operator_id, [today - timedelta(days=days) for days in AGO]],
        )
    }
    before = {days: _statuses(row) for days, row in found.items() if days}
    latest = found.get(0)
    if latest is not None and latest["services"] > COUNT_EACH_TIME:
        told = {key: latest[key] for key in ("due_minor", "overdue_minor")} | {"customers": latest["debtors"]}
        return Standing(_statuses(latest), told if dues else {}, before, latest["counted_at"])
    return Standing(count_by_status(), sum_dues(today) if dues else {}, before)


def count_standings(isp: IspDirectory, *, now: datetime) -> None:
    """Count for every operator of an ISP how it stands, as today's row; the last count of a day stays."""
    today = local_date(now, isp.time_zone)
    with unit_of_work(isp, using=BATCH):
        execute(
            """
            INSERT INTO operator_day AS d (operator_id, on_date, services, statuses, due_minor, overdue_minor, debtors,
                                           ending, counted_at)
            SELECT o.id, %(today)s, COALESCE(s.services, 0), COALESCE(b.statuses, '{}'), COALESCE(i.due_minor, 0),
                   COALESCE(i.overdue_minor, 0), COALESCE(i.debtors, 0),
                   COALESCE(e.ending, '{}'), %(now)s
            FROM operator o
            LEFT JOIN (SELECT operator_id, count(*) AS services FROM subscription GROUP BY 1) AS s
                ON s.operator_id = o.id
            LEFT JOIN (
                SELECT operator_id, jsonb_object_agg(status, n) AS statuses FROM (
                    SELECT operator_id, status, count(*) AS n FROM (
                        SELECT operator_id, service_status(array_agg(reason)) AS status FROM block
                        WHERE to_at IS NULL GROUP BY operator_id, subscription_id) AS off
                    GROUP BY operator_id, status) AS counted
                GROUP BY operator_id) AS b ON b.operator_id = o.id
            LEFT JOIN (
                SELECT operator_id, sum(open_minor) AS due_minor, count(DISTINCT customer_id) AS debtors,
                       sum(open_minor) FILTER (WHERE due_on < %(today)s) AS overdue_minor
                FROM invoice_open GROUP BY 1) AS i ON i.operator_id = o.id
            LEFT JOIN (
                SELECT operator_id, jsonb_object_agg(ends_on, services) AS ending FROM (
                    SELECT t.operator_id, GREATEST(t.billed_until, t.charged_until) AS ends_on, count(*) AS services
                    FROM billing_state t
                    JOIN subscription s ON s.operator_id = t.operator_id AND s.id = t.subscription_id
                    WHERE GREATEST(t.billed_until, t.charged_until) BETWEEN %(today)s AND %(today)s + 6
                        AND s.left_on IS NULL AND s.activated_on IS NOT NULL GROUP BY 1, 2) AS days
                GROUP BY operator_id) AS e ON e.operator_id = o.id
            WHERE o.isp_id = %(isp)s
            ON CONFLICT (operator_id, on_date) DO UPDATE SET services = EXCLUDED.services,
                statuses = EXCLUDED.statuses, due_minor = EXCLUDED.due_minor, overdue_minor = EXCLUDED.overdue_minor,
                debtors = EXCLUDED.debtors, ending = EXCLUDED.ending, counted_at = EXCLUDED.counted_at
            """,
            {"isp": isp.isp_id, "today": today, "now": now},
            using=BATCH,
        )
        _plan_charges(isp, today)
        for operator_id in _large(isp, today):
            count_owed(operator_id, today=today, now=now, using=BATCH)


def _plan_charges(isp: IspDirectory, today: date) -> None:
    """Count ahead what every operator will be charged, in an ISP of too many services to do so for each page."""
    counted = rows(
        "SELECT sum(d.services) AS services FROM operator_day d JOIN operator o ON o.id = d.operator_id "
        "WHERE o.isp_id = %s AND d.on_date = %s",
        [isp.isp_id, today],
        using=BATCH,
    )
    if counted[0]["services"] <= COUNT_EACH_TIME:
        return
    execute(
        """
        UPDATE operator_day d SET charges = COALESCE(plan.charges, '{}')
        FROM operator o LEFT JOIN (
            SELECT p.child_id, jsonb_object_agg(p.on_date, p.net_minor + p.vat_minor) AS charges
            FROM plan_charges((SELECT array_agg(id) FROM operator WHERE isp_id = %(isp)s), %(today)s, %(days)s) AS p
            GROUP BY p.child_id) AS plan ON plan.child_id = o.id
        WHERE o.isp_id = %(isp)s AND d.operator_id = o.id AND d.on_date = %(today)s
        """,
        {"isp": isp.isp_id, "today": today, "days": PLANNED_DAYS},
        using=BATCH,
    )


def _large(isp: IspDirectory, today: date) -> list[int]:
    """The operators of an ISP with too many services to add up their bills for each page."""
    found = rows(
        "SELECT d.operator_id FROM operator_day d JOIN operator o ON o.id = d.operator_id "
        "WHERE o.isp_id = %s AND d.on_date = %s AND d.services > %s",
        [isp.isp_id, today, COUNT_EACH_TIME],
        using=BATCH,
    )
    return [row["operator_id"] for row in found]


def count_expiring(today: date) -> list[dict[str, Any]]:
    """Services in use whose billed days end: ends_on (today and the six days after it), services."""
    last = rows(
        "SELECT services, ending::text AS ending FROM operator_day WHERE operator_id = %s AND on_date = %s",
        [current_scope().operator_id, today],
    )
    if last and last[0]["services"] > COUNT_EACH_TIME:
        ending = sorted(json.loads(last[0]["ending"]).items())
        return [{"ends_on": date.fromisoformat(day), "services": services} for day, services in ending]
    return rows(
        "SELECT GREATEST(t.billed_until, t.charged_until) AS ends_on, count(*) AS services "
        "FROM billing_state t JOIN subscription s ON s.operator_id = t.operator_id AND s.id = t.subscription_id "
        "WHERE t.operator_id = %s AND GREATEST(t.billed_until, t.charged_until) BETWEEN %s AND %s "
        "AND s.left_on IS NULL AND s.activated_on IS NOT NULL GROUP BY 1 ORDER BY 1",
        [current_scope().operator_id, today, today + timedelta(days=6)],
    )


def _statuses(row: dict[str, Any]) -> dict[str, int]:
    counts: dict[str, int] = dict.fromkeys(STATUSES, 0) | json.loads(row["statuses"])
    return counts | {"active": row["services"] - sum(n for status, n in counts.items() if status != "active")}
