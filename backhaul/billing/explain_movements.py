"""Explain this amount: a movement of a fund, for either end of its edge."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backhaul.billing.explain import entries_of
from backhaul.billing.explain_back_rules import Charge
from backhaul.billing.explain_rules import Explanation, Money, Rate, Section, Span, Step, Value, Word, vat_of
from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

CHARGES = ("wholesale_charge", "wholesale_charge_postpaid")
REFUNDS = ("wholesale_refund", "wholesale_refund_postpaid")
GROUPS = 30  # kinds of charges told one by one; what is left comes as one sum
_MOVEMENT = """
    SELECT m.*, child.name AS child, parent.name AS parent, r.moved_on AS reversed_on,
           COALESCE((SELECT sum(b.fund_minor) FROM fund_movement b
                     WHERE b.child_id = m.child_id AND b.id < m.id), 0)::bigint AS before_minor,
           (f.posted_minor - COALESCE((SELECT sum(a.fund_minor) FROM fund_movement a
                                       WHERE a.child_id = m.child_id AND a.id > m.id), 0))::bigint AS after_minor
    FROM fund_movement m
    JOIN fund f ON f.child_id = m.child_id
    LEFT JOIN operator child ON child.id = m.child_id
    LEFT JOIN operator parent ON parent.id = m.parent_id
    LEFT JOIN fund_movement r ON r.child_id = m.child_id AND r.id = m.reverses_id
    WHERE m.child_id = %(child)s AND m.id = %(movement)s AND %(me)s IN (m.child_id, m.parent_id)
"""


def explain_movement(child_id: int, movement_id: int, *, books: bool = True) -> Explanation:
    """How a movement of the own fund, or of a direct child's, came about; raises NotFound."""
    me = current_scope().operator_id
    found = rows(_MOVEMENT, {"me": me, "child": child_id, "movement": movement_id})
    if not found:
        raise NotFound("There is no such movement.")
    row = found[0]
    amount = row["fund_minor"] or row["owed_minor"]
    ends: dict[str, Value] = {"child": row["child"] or "", "parent": row["parent"] or ""}
    subject = Step("movement", ends | {"kind": Word("movement", row["kind"]), "day": row["moved_on"]})
    sections = [Section("sum", _steps(row, amount), amount, ends)]
    if row["fund_minor"]:
        carried = [
            Step("fund_before", ends, minor=row["before_minor"]),
            Step("fund_moved", ends, minor=row["fund_minor"]),
        ]
        sections.append(Section("fund", carried, row["after_minor"], ends))
    if row["fund_minor"] and row["owed_minor"]:
        what = "owed_more" if row["owed_minor"] > 0 else "owed_less"
        sections.append(Section("owed", [Step(what, ends, minor=row["owed_minor"])], row["owed_minor"], ends))
    entries = entries_of([(row["kind"], movement_id)]) if books else []
    return Explanation(subject, amount, sections, (), entries)


def _steps(row: dict[str, Any], amount: int) -> list[Step]:
    sign = 1 if amount > 0 else -1
    if row["kind"] in CHARGES:
        return _charge_steps(row, sign)
    if row["kind"] in REFUNDS:
        return _refund_steps(row, sign)
    if row["kind"] == "bonus" and row["request_key"].startswith("slab:"):
        return _slab_steps(row)
    values: dict[str, Value] = {"child": row["child"] or "", "parent": row["parent"] or "", "day": row["moved_on"]}
    if row["reversed_on"]:
        values["reversed"] = row["reversed_on"]
    method = Word("method", row["paid_code"]) if row["paid_code"] else None
    if method and row["kind"] == "recharge":
        return [Step("recharge_by", values | {"method": method}, minor=amount)]
    return [Step(row["kind"], values, minor=amount)]


def _charge_steps(row: dict[str, Any], sign: int) -> list[Step]:
    """The customer periods that were charged, those alike together, each worked out again."""
    groups = rows(
        """
        SELECT price_minor, cycle_days, from_day, ends_on - starts_on AS days, net_minor, vat_minor,
               COALESCE(edge_vat_rate(%(child)s, min(charged_on)), 0) AS rate_bp, count(*) AS periods,
               min(starts_on) AS from_on
        FROM charge WHERE child_id = %(child)s AND movement_id = %(movement)s
        GROUP BY price_minor, cycle_days, from_day, ends_on - starts_on, net_minor, vat_minor
        ORDER BY count(*) * (net_minor + vat_minor) DESC, price_minor, from_day
        """,
        {"child": row["child_id"], "movement": row["id"]},
    )
    steps = [Step("charges_rule")]
    for group in groups[:GROUPS]:
        steps.append(_group_step(group, sign))
    rest = groups[GROUPS:]
    if rest:
        minor = sum(_one(group) * group["periods"] for group in rest)
        periods = sum(group["periods"] for group in rest)
        steps.append(Step("other_periods", {"periods": periods}, minor=sign * minor))
    return steps


def _charge_of(group: dict[str, Any]) -> Charge:
    first = group["from_on"]
    return Charge(
        span=Span(first, first + timedelta(days=group["days"])), price_minor=group["price_minor"],
        cycle_days=group["cycle_days"], from_day=group["from_day"], part=0, net_minor=group["net_minor"],
        vat_minor=group["vat_minor"], rate_bp=group["rate_bp"],
    )  # fmt: skip


def _one(group: dict[str, Any]) -> int:
    """What one charge of a group comes to, net and VAT."""
    return sum(step.minor or 0 for step in _charge_of(group).steps())


def _group_step(group: dict[str, Any], sign: int) -> Step:
    charge = _charge_of(group)
    one = _one(group)
    net = charge.cost_of(charge.span)
    values: dict[str, Value] = {
        "periods": group["periods"], "days": group["days"], "all": group["cycle_days"],
        "price": Money(group["price_minor"]), "net": Money(net), "vat": Money(one - net),
        "rate": Rate(group["rate_bp"]),
    }  # fmt: skip
    arithmetic = (group["periods"], "×", Money(one), "=", Money(group["periods"] * one))
    return Step("periods_with_vat" if one != net else "periods", values, arithmetic, sign * group["periods"] * one)


def _refund_steps(row: dict[str, Any], sign: int) -> list[Step]:
    """Days that were given back, those alike together; each charge explains its own."""
    groups = rows(
        """
        SELECT reason, to_on - from_on AS days, net_minor, vat_minor, count(*) AS times FROM charge_refund
        WHERE child_id = %(child)s AND movement_id = %(movement)s
        GROUP BY reason, to_on - from_on, net_minor, vat_minor ORDER BY count(*) * (net_minor + vat_minor) DESC, reason
        """,
        {"child": row["child_id"], "movement": row["id"]},
    )
    steps = [Step("refunds_rule")]
    for group in groups[:GROUPS]:
        one = group["net_minor"] + group["vat_minor"]
        values: dict[str, Value] = {
            "times": group["times"], "days": group["days"], "reason": Word("reason", group["reason"]),
            "net": Money(group["net_minor"]), "vat": Money(group["vat_minor"]),
        }  # fmt: skip
        arithmetic = (group["times"], "×", Money(one), "=", Money(group["times"] * one))
        steps.append(Step("days_back", values, arithmetic, sign * group["times"] * one))
    if groups[GROUPS:]:
        minor = sum((group["net_minor"] + group["vat_minor"]) * group["times"] for group in groups[GROUPS:])
        times = sum(group["times"] for group in groups[GROUPS:])
        steps.append(Step("other_days_back", {"times": times}, minor=sign * minor))
    return steps


def _slab_steps(row: dict[str, Any]) -> list[Step]:
    """The bonus of a month's volume: the part of the month's net charges that its slab gives back (C8)."""
    found = rows(
        """
        SELECT v.services, v.net_minor, s.from_services, s.bonus_bp FROM (SELECT (%(month)s || '-01')::date AS day) AS m
        CROSS JOIN LATERAL volume_of(%(child)s, m.day) AS v
        CROSS JOIN LATERAL (SELECT * FROM slabs_in(%(child)s, m.day) AS t WHERE t.from_services <= v.services
                            ORDER BY t.from_services DESC LIMIT 1) AS s
        """,
        {"child": row["child_id"], "month": row["request_key"].removeprefix("slab:")},
    )
    if not found:
        return [Step("bonus", {"child": row["child"] or "", "parent": row["parent"] or ""}, minor=row["fund_minor"])]
    slab = found[0]
    bonus = vat_of(slab["net_minor"], slab["bonus_bp"])
    values: dict[str, Value] = {
        "services": slab["services"], "least": slab["from_services"], "rate": Rate(slab["bonus_bp"]),
        "net": Money(slab["net_minor"]),
    }  # fmt: skip
    arithmetic = (Money(slab["net_minor"]), "×", f"{slab['bonus_bp'] / 100:g}", "÷", 100, "≈", Money(bonus))
    return [Step("slab", values, arithmetic, bonus)]
