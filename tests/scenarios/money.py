"""What scenarios ask of the books: balances, funds, and that everything still proves itself."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from backhaul.billing.runs import RunReport, bill_isp
from backhaul.operators.functions import rows
from backhaul.operators.scope import survey
from backhaul.resellers.checks import verify
from tests.builders import acting
from tests.cast import CELL, Cast


def noon(day: date) -> datetime:
    """An instant on that day, in UTC."""
    return datetime(day.year, day.month, day.day, 6, tzinfo=UTC)


def night(cast: Cast, day: date, **options: Any) -> RunReport:
    """Padma's billing run of a date."""
    return bill_isp(cast.padma, on=day, now=noon(day), **options)


def balance(cast: Cast, operator_id: int, code: str) -> int:
    """Debits less credits of an account in an operator's books, from its postings alone."""
    with acting(cast.padma, operator_id):
        found = rows(
            "SELECT COALESCE(sum(CASE WHEN debit_code = %s THEN amount_minor ELSE 0 END "
            "- CASE WHEN credit_code = %s THEN amount_minor ELSE 0 END), 0)::bigint AS minor FROM posting",
            [code, code],
        )
    return int(found[0]["minor"])


def trial_balance(cast: Cast, operator_id: int) -> dict[str, int]:
    """Every account that is not zero: debits less credits."""
    with acting(cast.padma, operator_id):
        found = rows(
            "SELECT code, sum(minor)::bigint AS minor FROM ("
            "SELECT debit_code AS code, amount_minor AS minor FROM posting UNION ALL "
            "SELECT credit_code, -amount_minor FROM posting) AS sides GROUP BY code HAVING sum(minor) <> 0"
        )
    return {row["code"]: row["minor"] for row in found}


def fund(cast: Cast, child_id: int, parent_id: int) -> int:
    """What the fund row itself says is posted."""
    with acting(cast.padma, parent_id):
        return int(rows("SELECT posted_minor FROM fund WHERE child_id = %s", [child_id])[0]["posted_minor"])


def assert_proved() -> None:
    """Every proof over the whole business holds, and each login has what the plan of its service says."""
    assert [check for check in verify([CELL]) if not check.ok] == []
    with survey(CELL):
        assert rows(_OTHERWISE, using="batch") == []


# Who has left in a way that the plan is no longer sold for keeps what it was sold (56_plan_edit.sql).
_OTHERWISE = """
    SELECT l.username, l.rate_limit, n.name AS plan
    FROM radius_login l
    JOIN subscription s ON s.operator_id = l.operator_id AND s.id = l.subscription_id
    JOIN package k ON k.operator_id = s.package_operator_id AND k.id = s.package_id
    JOIN plan n ON n.operator_id = k.plan_operator_id AND n.id = k.plan_id
    WHERE (l.down_kbps, l.up_kbps, l.pool_operator_id, l.pool_id)
          IS DISTINCT FROM (n.down_kbps, n.up_kbps, n.pool_operator_id, n.pool_id)
       OR COALESCE(l.plan_connections, ARRAY['pppoe', 'hotspot', 'static', 'other']) <> n.connection_types
          AND (s.left_on IS NULL OR l.connection_type = ANY (n.connection_types))"""
