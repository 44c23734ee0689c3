"""Reads of funds: the children's with us, and our own with our provider."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import Ask, rows
from backhaul.operators.scope import current_scope

FUND = (
    "f.child_id, f.parent_id, f.mode, f.posted_minor, f.held_minor, f.owed_minor, f.credit_limit_minor, "
    "f.exposure_limit_minor, f.low_balance_minor, f.short_days, f.charge_timing, f.charge_whole_term, "
    "f.trial_customers, f.refund_policy, f.refund_minimum_minor, f.release_after_days, f.credit_days_for, "
    "f.min_recharge_minor, f.capped_by_parent, f.minimum_balance_minor, f.minimum_margin_minor, f.notice_hours, "
    "f.cut_paid_periods, f.reaches_sub_operators, f.step_in_days, f.guard_step, f.guard_since_on, "
    "f.guard_disables_at, f.new_blocked_why, f.emergency_days, f.emergency_fee_minor, "
    "f.started_on IS NOT NULL AS started, "
    "f.started_on IS NOT NULL AND fund_headroom(f) < f.low_balance_minor AS low, "
    "fund_headroom(f) AS available_minor, fund_exposure(f) AS exposure_minor, "
    "CASE WHEN f.guard_step <> 'none' "
    "THEN GREATEST(0, f.minimum_balance_minor + f.minimum_margin_minor - fund_headroom(f)) END AS lifts_with_minor"
)


def ask_fund(child_id: int) -> Ask:
    """For what get_fund returns."""
    return Ask(
        f"SELECT {FUND}, o.name, o.slug FROM fund f JOIN operator o ON o.id = f.child_id WHERE f.child_id = %s",
        [child_id],
    )


def get_fund(child_id: int) -> dict[str, Any]:
    """The fund of one direct child, or the own one; raises NotFound."""
    found = ask_fund(child_id).rows()
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
        f"SELECT {FUND}, o.name, o.slug FROM fund f JOIN operator o ON o.id = f.child_id "
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


def find_child_of_movement(movement_id: int, among: list[int]) -> int | None:
    """Whose fund a movement is of, of some operators; None where it is of none of them."""
    found = rows("SELECT child_id FROM fund_movement WHERE child_id = ANY (%s) AND id = %s", [among, movement_id])
    return int(found[0]["child_id"]) if found else None


def get_unused_bonus(child_id: int, movement_id: int) -> int:
    """How much of a bonus is still in the fund; 0 where it is used up or was taken back."""
    found = rows("SELECT COALESCE(unused_bonus(%s, %s), 0) AS minor", [child_id, movement_id])
    return int(found[0]["minor"])
