"""The recharge planner: what the days to come will be charged, until when a fund lasts, who is at risk (SPEC C1, A39).

Everybody plans on its own edges, at their own prices; of an edge further up or down nothing is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

HORIZON_DAYS = 62
SPANS = (1, 3, 7)


@dataclass(frozen=True)
class Plan:
    """The own fund's days to come. `days`: on_date, services, net_minor, vat_minor, sum_minor, left_minor after it,
    waiting, waiting_minor. `needs`: span in days → what it needs. `runs_out_on` None: the fund outlasts the horizon.
    """

    available_minor: int
    days: list[dict[str, Any]]
    needs: dict[int, int]
    runs_out_on: date | None

    def missing_minor(self, days: int) -> int:
        """What must come in so that the fund covers that many days."""
        return max(0, self.needs[days] - max(0, self.available_minor))


@dataclass(frozen=True)
class Risk:
    """Services whose charges a fund will not cover: own customers' (`people` names the first), and those below."""

    own: int
    below: int
    people: list[dict[str, Any]]


def plan_own_charges(*, today: date, days: int = HORIZON_DAYS) -> list[dict[str, Any]]:
    """Per day what the provider will charge the acting operator; nothing for the ISP. `days`: at most HORIZON_DAYS."""
    return rows(
        "SELECT on_date, services, net_minor, vat_minor, net_minor + vat_minor AS sum_minor, waiting, waiting_minor "
        "FROM plan_own_charges(%s, %s) ORDER BY on_date",
        [today, days],
    )


def get_own_plan(*, today: date) -> Plan | None:
    """The acting operator's own plan; None for the ISP."""
    found = rows(
        "SELECT fund_headroom(f) AS available_minor, renewable_minor(f) AS renewable_minor FROM fund f "
        "WHERE f.child_id = %s",
        [_me()],
    )
    if not found:
        return None
    own, spent, runs_out_on = found[0], 0, None
    days = plan_own_charges(today=today)
    for day in days:
        spent += day["sum_minor"]
        day["left_minor"] = own["available_minor"] - spent
        if runs_out_on is None and day["sum_minor"] and spent > own["renewable_minor"]:
            runs_out_on = day["on_date"]
    ends = {span: today + timedelta(days=span) for span in SPANS}
    needs = {span: sum(day["sum_minor"] for day in days if day["on_date"] < end) for span, end in ends.items()}
    return Plan(own["available_minor"], days, needs, runs_out_on)


def find_own_run_out(*, today: date) -> date | None:
    """The first day whose charges the own fund will not cover; None where it lasts, and for the ISP."""
    forecast = _forecast(today, children=False)
    return forecast[0]["runs_out_on"] if forecast else None


def find_children_needs(*, today: date) -> dict[int, dict[str, Any]]:
    """Direct children's funds by id: available_minor, need_1_minor, need_3_minor, need_7_minor, runs_out_on."""
    return {row["child_id"]: row for row in _forecast(today, children=True)}


def list_short_children(*, today: date) -> list[dict[str, Any]]:
    """Direct children that run short within the longest span or have asked for money, soonest first.

    Each with its forecast, its held renewals, what is missing for each span, and its request if one stands.
    """
    longest = today + timedelta(days=SPANS[-1])
    found = rows(
        "SELECT f.*, o.name, o.slug, o.kind, COALESCE(h.bills, 0)::bigint AS held_bills, h.since_on AS held_since, "
        "r.amount_minor AS asked_minor, r.note AS asked_note, r.asked_at "
        "FROM forecast_funds(%(today)s, %(days)s, true) f JOIN operator o ON o.id = f.child_id "
        "LEFT JOIN count_held_below() h ON h.child_id = f.child_id "
        f"LEFT JOIN LATERAL ({_STANDING}) r ON true "
        "WHERE f.runs_out_on < %(longest)s OR r.amount_minor IS NOT NULL OR h.bills > 0 "
        "ORDER BY f.runs_out_on NULLS LAST, o.name, o.id",
        {"today": today, "days": HORIZON_DAYS, "longest": longest},
    )
    for row in found:
        row["missing"] = {span: max(0, row[f"need_{span}_minor"] - max(0, row["available_minor"])) for span in SPANS}
    return found


def find_risk(*, today: date, plan: Plan, days: int, limit: int = 50) -> Risk:
    """Who is at risk within `days`: whose charges fall on or after the day on which the own fund runs out."""
    until = today + timedelta(days=days)
    if plan.runs_out_on is None or plan.runs_out_on >= until:
        return Risk(0, 0, [])
    given = {"me": _me(), "today": today, "since": plan.runs_out_on, "until": until, "limit": limit}
    counted = rows("SELECT own, below FROM count_planned(%(today)s, %(since)s, %(until)s)", given)[0]
    people = rows(
        "SELECT c.id, c.name, c.code, due.on_date AS due_on "
        "FROM planned_services(ARRAY[%(me)s]::bigint[], %(today)s) s "
        "JOIN fund f ON f.child_id = s.operator_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "CROSS JOIN LATERAL ("
        "SELECT due_at_first(f.charge_timing, s.charged_until, s.day_from, %(today)s) AS on_date) due "
        "WHERE s.operator_id = %(me)s AND due.on_date < %(until)s "
        "AND (due.on_date >= %(since)s OR f.charge_timing = 'daily') "
        "ORDER BY due.on_date, s.priority, s.subscription_id LIMIT %(limit)s",
        given,
    )
    return Risk(counted["own"], counted["below"], people)


# A child's last request, until money came in after it. f.child_id is the child.
_STANDING = """
    SELECT q.amount_minor, q.note, q.asked_at FROM fund_request q
    WHERE q.child_id = f.child_id AND NOT EXISTS (
        SELECT 1 FROM fund_movement m WHERE m.child_id = q.child_id AND m.recorded_at > q.asked_at
        AND m.fund_minor > 0 AND m.kind IN ('recharge', 'recharge_credit', 'bonus', 'transfer_in', 'emergency_loan'))
    ORDER BY q.id DESC LIMIT 1"""


def get_own_request() -> dict[str, Any] | None:
    """The acting operator's last request for a recharge, while it stands: amount_minor, note, asked_at."""
    return _request(_me())


def get_child_request(child_id: int) -> dict[str, Any] | None:
    """What a direct child has asked for, while it stands."""
    return _request(child_id)


def _request(child_id: int) -> dict[str, Any] | None:
    found = rows(f"SELECT r.* FROM fund f CROSS JOIN LATERAL ({_STANDING}) r WHERE f.child_id = %s", [child_id])
    return found[0] if found else None


def _forecast(today: date, *, children: bool) -> list[dict[str, Any]]:
    return rows("SELECT * FROM forecast_funds(%s, %s, %s)", [today, HORIZON_DAYS, children])


def _me() -> int:
    return current_scope().operator_id
