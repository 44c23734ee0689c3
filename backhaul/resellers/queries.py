"""Reads of the business of reselling: direct children with their funds, and what waits for money."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import NotFound
from backhaul.funds.queries import FUND
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_RESELLER = f"""
    SELECT o.id, o.name, o.slug, o.kind, {FUND},
           COALESCE(h.bills, 0)::bigint AS held_bills, COALESCE(h.needed_minor, 0)::bigint AS needed_minor,
           h.since_on AS held_since
    FROM operator o
    JOIN fund f ON f.child_id = o.id
    LEFT JOIN count_held_below() h ON h.child_id = o.id
"""


def list_resellers() -> list[dict[str, Any]]:
    """The direct children by name, each with its fund and the renewals that wait for it (bills, sum, since)."""
    return rows(f"{_RESELLER} WHERE o.parent_id = %s ORDER BY o.name, o.id", [_me()])


def get_reseller(child_id: int) -> dict[str, Any]:
    """One direct child; raises NotFound."""
    found = rows(f"{_RESELLER} WHERE o.parent_id = %s AND o.id = %s", [_me(), child_id])
    if not found:
        raise NotFound("There is no such reseller.")
    return found[0]


def get_movement(child_id: int, movement_id: int) -> dict[str, Any]:
    """One movement of the own fund or a direct child's; raises NotFound."""
    found = rows(
        "SELECT m.id, m.child_id, o.name AS child_name, m.kind, m.fund_minor, m.owed_minor, m.net_minor, m.vat_minor, "
        "m.moved_on, m.recorded_at, m.paid_code, m.note, m.reverses_id, r.id AS reversed_by_id FROM fund_movement m "
        "JOIN operator o ON o.id = m.child_id "
        "LEFT JOIN fund_movement r ON r.child_id = m.child_id AND r.reverses_id = m.id "
        "WHERE m.child_id = %s AND m.id = %s AND (m.parent_id = %s OR m.child_id = %s)",
        [child_id, movement_id, _me(), _me()],
    )
    if not found:
        raise NotFound("There is no such movement.")
    return found[0]


def is_stopped_by_provider() -> bool:
    """Whether the acting operator begins no periods because one above it is below its minimum balance (SPEC 2.4)."""
    return bool(
        rows(
            "SELECT 1 FROM operator_block "
            "WHERE operator_id = %s AND reason = 'provider_minimum_balance' AND to_at IS NULL",
            [_me()],
        )
    )


def _me() -> int:
    return current_scope().operator_id
