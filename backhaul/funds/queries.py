"""Reads of funds: the children's with us, and our own with our provider."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_FUND = (
    "f.child_id, f.parent_id, f.mode, f.posted_minor, f.held_minor, f.owed_minor, f.credit_limit_minor, "
    "f.low_balance_minor, f.low, f.posted_minor - f.held_minor + f.credit_limit_minor AS available_minor"
)


def get_fund(child_id: int) -> dict[str, Any]:
    """The fund of one direct child, or the own one; raises NotFound."""
    found = rows(
        f"SELECT {_FUND}, o.name, o.slug FROM fund f JOIN operator o ON o.id = f.child_id WHERE f.child_id = %s",
        [child_id],
    )
    if not found:
        raise NotFound("There is no such fund.")
    return found[0]


def get_own_fund() -> dict[str, Any] | None:
    """What the acting operator holds with its provider; None for the ISP."""
    scope = current_scope()
    return None if scope.parent_id is None else get_fund(scope.operator_id)


def list_child_funds() -> list[dict[str, Any]]:
    """The funds of all direct children, by name."""
    return rows(
        f"SELECT {_FUND}, o.name, o.slug FROM fund f JOIN operator o ON o.id = f.child_id "
        "WHERE f.parent_id = %s ORDER BY o.name, o.id",
        [current_scope().operator_id],
    )


def list_fund_movements(child_id: int, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Movements of a fund, newest first, each with the balance after it; `before` = id of the last one shown.

    `reversed_by_id` names the movement that took a recharge back.
    """
    return rows(
        "SELECT m.id, m.kind, m.fund_minor, m.owed_minor, m.net_minor, m.vat_minor, m.moved_on, m.recorded_at, "
        "m.actor_id, m.paid_code, m.note, m.reverses_id, r.id AS reversed_by_id, "
        "f.posted_minor - COALESCE((SELECT sum(fund_minor) FROM fund_movement l WHERE l.child_id = m.child_id "
        "AND l.id > m.id), 0)::bigint AS balance_minor "
        "FROM fund_movement m JOIN fund f ON f.child_id = m.child_id "
        "LEFT JOIN fund_movement r ON r.child_id = m.child_id AND r.reverses_id = m.id "
        "WHERE m.child_id = %s AND (%s::bigint IS NULL OR m.id < %s) ORDER BY m.id DESC LIMIT %s",
        [child_id, before, before, limit],
    )
