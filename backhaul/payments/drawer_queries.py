"""Reads of drawers, hand-overs and shortages, as rows ready to show."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.payments.drawers import Rules

# Who has a drawer at the acting operator: whoever takes cash into one, and whose money is not handed over yet.
_DRAWERS = """
    SELECT COALESCE(m.user_id, d.user_id) AS user_id, m.role, COALESCE(d.held_minor, 0) AS held_minor,
           d.waiting_minor IS NOT NULL AS waits, d.float_limit_minor, d.closed_through,
           COALESCE(d.held_minor > d.float_limit_minor, false) AS above_limit,
           CASE WHEN d.user_id IS NULL THEN 0 ELSE shortage_of(d.operator_id, d.user_id) END AS shortage_minor,
           (SELECT count(*) FROM payment p WHERE p.operator_id = d.operator_id AND p.drawer_user_id = d.user_id
            AND p.drawer_round > d.handed_through AND p.amount_minor > 0) AS receipts
    FROM (SELECT m.user_id, m.role
          FROM membership m JOIN role ro ON ro.operator_id = m.operator_id AND ro.key = m.role
          LEFT JOIN drawer_rule r ON r.operator_id = m.operator_id
          WHERE m.operator_id = %(me)s AND m.ended_at IS NULL
            AND (ro.keeps_drawer OR (r.everyone AND EXISTS (
                SELECT 1 FROM held_permissions(m.operator_id, m.id) h WHERE h.permission = 'payments.collect')))) AS m
    FULL JOIN (SELECT * FROM drawer WHERE operator_id = %(me)s) AS d ON d.user_id = m.user_id
"""


def get_rules() -> Rules:
    """How drawers work at the acting operator."""
    found = rows("SELECT everyone, late_receipts, float_limit_minor FROM drawer_rule WHERE operator_id = %s", [_me()])
    return Rules(**found[0]) if found else Rules()


def list_drawers() -> list[dict[str, Any]]:
    """Every drawer: user_id, role (None: left), held, whether a count waits, limit, closing, shortage, receipts."""
    return rows(
        f"SELECT * FROM ({_DRAWERS}) AS drawers WHERE role IS NOT NULL OR held_minor <> 0 OR shortage_minor <> 0 "
        "ORDER BY held_minor DESC, user_id",
        {"me": _me()},
    )


def get_drawer(user_id: int) -> dict[str, Any]:
    """One person's drawer, as list_drawers has it; raises NotFound."""
    found = rows(
        f"SELECT * FROM ({_DRAWERS}) AS drawers WHERE user_id = %(user)s",
        {"me": _me(), "user": user_id},
    )
    if not found:
        raise NotFound("There is no such drawer.")
    return found[0]


def get_own_drawer() -> dict[str, Any] | None:
    """What a collector may know of its drawer before it has counted it: nothing that tells how much is in it.

    `waits`, `above_limit`, `closed_through`, `receipts` (how many since the last count was received) and
    `shortage_minor`, what it owes. None: whoever acts has no drawer.
    """
    try:
        drawer = get_drawer(current_scope().actor_id)
    except NotFound:
        return None
    told = ("user_id", "waits", "above_limit", "float_limit_minor", "closed_through", "shortage_minor", "receipts")
    return {name: drawer[name] for name in told}


def get_own_warnings(today: date) -> dict[str, Any]:
    """What whoever acts should know before it takes cash: above_limit, float_limit_minor, is_closed (today)."""
    found = rows(
        "SELECT COALESCE(held_minor > float_limit_minor, false) AS above_limit, float_limit_minor, "
        "COALESCE(closed_through >= %s, false) AS is_closed FROM drawer WHERE operator_id = %s AND user_id = %s",
        [today, _me(), current_scope().actor_id],
    )
    return found[0] if found else {"above_limit": False, "float_limit_minor": None, "is_closed": False}


def list_hand_overs(
    *, user_id: int | None = None, waiting: bool | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Hand-overs, latest first: `expected_minor` and `difference_minor` (counted − expected) only once received."""
    return rows(
        """
        SELECT id, user_id, counted_minor, note, counted_at, state, answered_at, answered_by_id, answer, received_on,
               expected_minor, counted_minor - expected_minor AS difference_minor
        FROM hand_over WHERE operator_id = %(me)s AND (%(user)s::bigint IS NULL OR user_id = %(user)s)
          AND (%(waiting)s::boolean IS NULL OR (state = 'waiting') = %(waiting)s)
        ORDER BY id DESC LIMIT %(limit)s
        """,
        {"me": _me(), "user": user_id, "waiting": waiting, "limit": limit},
    )


def get_hand_over(hand_over_id: int) -> dict[str, Any]:
    """One hand-over; raises NotFound."""
    found = rows(
        "SELECT id, user_id, counted_minor, note, counted_at, state FROM hand_over WHERE operator_id = %s AND id = %s",
        [_me(), hand_over_id],
    )
    if not found:
        raise NotFound("There is no such hand-over.")
    return found[0]


def list_settlements(user_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """What became of a person's shortages, latest first; `paid_code` None = forgiven."""
    return rows(
        "SELECT id, amount_minor, paid_code, settled_on, why, actor_id, impersonation_id FROM shortage_settlement "
        "WHERE operator_id = %s AND user_id = %s ORDER BY id DESC LIMIT %s",
        [_me(), user_id, limit],
    )


def list_closings(user_id: int, limit: int = 20) -> list[dict[str, Any]]:
    """When a person's days were closed and opened again, latest first."""
    return rows(
        "SELECT through, was, reason, actor_id, impersonation_id, at, "
        "was IS NOT NULL AND (through IS NULL OR through < was) AS reopened "
        "FROM drawer_closing WHERE operator_id = %s AND user_id = %s ORDER BY id DESC LIMIT %s",
        [_me(), user_id, limit],
    )


def list_receipts_to_look_at(limit: int = 50) -> list[dict[str, Any]]:
    """Receipts that came after their day was closed, or above the limit of the drawer, latest first."""
    return rows(
        """
        SELECT p.id, p.receipt_number AS number, c.name AS customer_name, c.code AS customer_code, p.amount_minor,
               p.received_on, p.recorded_at, p.drawer_user_id AS user_id, p.is_late, p.above_limit
        FROM payment p JOIN customer c ON c.operator_id = p.operator_id AND c.id = p.customer_id
        WHERE p.operator_id = %s AND (p.is_late OR p.above_limit) ORDER BY p.id DESC LIMIT %s
        """,
        [_me(), limit],
    )


def list_taken_back(limit: int = 50) -> list[dict[str, Any]]:
    """Receipts out of drawers that were taken back, latest first; `handed_over`: their money had left the drawer."""
    return rows(
        """
        SELECT p.id, p.receipt_number AS number, c.name AS customer_name, c.code AS customer_code, p.amount_minor,
               p.received_on, p.drawer_user_id AS user_id, r.received_on AS taken_back_on, r.actor_id,
               r.impersonation_id,
               r.reference AS why, r.drawer_user_id IS NULL AS handed_over
        FROM payment r JOIN payment p ON p.operator_id = r.operator_id AND p.id = r.reverses_id
        JOIN customer c ON c.operator_id = p.operator_id AND c.id = p.customer_id
        WHERE r.operator_id = %s AND r.reverses_id IS NOT NULL AND p.drawer_user_id IS NOT NULL
        ORDER BY r.id DESC LIMIT %s
        """,
        [_me(), limit],
    )


def _me() -> int:
    return current_scope().operator_id
