"""What a month's charges on an edge were for: own customers by name, others as counts and sums (SPEC C9)."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

# Charges and refunds of an edge, per service, by the day on which they were posted.
_GROUPED = """
    SELECT owner_id, subscription_id, sum(periods) AS periods, sum(charged) AS charged_minor,
           sum(refunded) AS refunded_minor
    FROM (
        SELECT owner_id, subscription_id, 1 AS periods, net_minor + vat_minor AS charged, 0 AS refunded FROM charge
        WHERE child_id = %(child)s AND charged_on >= %(month)s AND charged_on < %(month)s + interval '1 month'
        UNION ALL
        SELECT r.owner_id, k.subscription_id, 0, 0, r.net_minor + r.vat_minor FROM charge_refund r
        JOIN charge k USING (child_id, owner_id, invoice_id, starts_on, part)
        WHERE r.child_id = %(child)s AND r.refunded_on >= %(month)s AND r.refunded_on < %(month)s + interval '1 month'
    ) AS posted GROUP BY 1, 2"""


def list_own_customers(child_id: int, month: date, limit: int | None = None) -> list[dict[str, Any]]:
    """Per customer of the acting operator, which must be the edge's child: services, periods, charged, refunded."""
    return rows(
        f"""
        SELECT c.id, c.name, c.code, count(*) AS services, sum(g.periods)::bigint AS periods,
               sum(g.charged_minor)::bigint AS charged_minor, sum(g.refunded_minor)::bigint AS refunded_minor,
               sum(g.charged_minor - g.refunded_minor)::bigint AS sum_minor
        FROM ({_GROUPED}) AS g
        JOIN subscription s ON s.operator_id = g.owner_id AND s.id = g.subscription_id
        JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
        WHERE g.owner_id = %(child)s AND g.owner_id = %(me)s
        GROUP BY c.id, c.name, c.code ORDER BY c.name, c.id LIMIT %(limit)s
        """,
        {"child": child_id, "me": current_scope().operator_id, "month": month, "limit": limit},
    )


def sum_charges(child_id: int, month: date) -> dict[str, dict[str, int]]:
    """`own`: of the edge's child's customers; `below`: of operators below it. Counts and sums, no names."""
    found = rows(
        f"""
        SELECT g.owner_id = %(child)s AS own, count(*) AS services, sum(g.periods)::bigint AS periods,
               sum(g.charged_minor)::bigint AS charged_minor, sum(g.refunded_minor)::bigint AS refunded_minor,
               sum(g.charged_minor - g.refunded_minor)::bigint AS sum_minor
        FROM ({_GROUPED}) AS g GROUP BY 1
        """,
        {"child": child_id, "month": month},
    )
    nothing = {"services": 0, "periods": 0, "charged_minor": 0, "refunded_minor": 0, "sum_minor": 0}
    return {
        name: next((row for row in found if row["own"] == own), nothing)
        for name, own in (("own", True), ("below", False))
    }
