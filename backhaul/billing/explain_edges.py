"""Explain this amount on an edge: what a provider charged for a customer period, and a movement of a fund.

The acting operator is one end of the edge. Row-level security shows it the charges of its own edges alone, so what an
ancestor or a descendant pays on another edge cannot come out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from backhaul.billing.explain_back_rules import Back, Charge, steps_of_back
from backhaul.billing.explain_prices import plan_on, tariff_step
from backhaul.billing.explain_rules import Explanation, Money, Section, Span, Step, Value
from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

MONTH = 31  # a longer cycle is a term charged at once: of others' customers nobody knows how many months' price it is
_CHARGES = """
    SELECT c.*, COALESCE(m.recorded_at, (c.charged_on + 1)::timestamptz) AS known_at, m.request_key,
           COALESCE(edge_vat_rate(c.child_id, c.charged_on), 0) AS rate_bp, f.charge_timing,
           COALESCE(f.started_on > c.starts_on, true) AS before_start
    FROM charge c
    JOIN fund f ON f.child_id = c.child_id
    LEFT JOIN fund_movement m ON m.child_id = c.child_id AND m.id = c.movement_id
    WHERE c.child_id = %(child)s AND c.owner_id = %(owner)s AND c.invoice_id = %(invoice)s
    ORDER BY c.starts_on, c.part
"""


def edge_section(child_id: int, owner_id: int, invoice_id: int) -> list[Section]:
    """What was charged and given back on an edge for a customer period; nothing where the reader is no end of it."""
    charges = rows(_CHARGES, {"child": child_id, "owner": owner_id, "invoice": invoice_id})
    if not charges:
        return []
    backs = _backs(charges[0])
    steps: list[Step] = []
    for _, group in groupby(charges, key=_alike):
        steps += _steps_of_charges(list(group))
    for row in backs:
        if row["invoice_id"] == invoice_id:
            steps += steps_of_back(_back(row, backs), sign=-1)
    stored = sum(row["net_minor"] + row["vat_minor"] for row in charges) - sum(
        row["net_minor"] + row["vat_minor"] for row in backs if row["invoice_id"] == invoice_id
    )
    return [Section("edge", steps, stored, _ends(child_id, charges[0]["parent_id"]))]


def explain_charge(child_id: int, owner_id: int, invoice_id: int) -> Explanation:
    """What an edge of the acting operator was charged for one customer period, and, where it lies between two, what
    its own provider charged it for the same; raises NotFound.
    """
    sections = edge_section(child_id, owner_id, invoice_id)
    if not sections:
        raise NotFound("There is no such charge.")
    subject = Step("charge", sections[0].values)
    amount = sections[0].stored_minor or 0
    me = current_scope().operator_id
    if child_id != me:
        sections += edge_section(me, owner_id, invoice_id)
    return Explanation(subject, amount, sections)


def _ends(child_id: int, parent_id: int) -> dict[str, Value]:
    names = rows("SELECT id, name FROM operator WHERE id IN (%s, %s)", [child_id, parent_id])
    found = {row["id"]: row["name"] for row in names}
    return {"child": found.get(child_id, ""), "parent": found.get(parent_id, "")}


def _alike(row: dict[str, Any]) -> tuple[Any, ...]:
    """What charges that are told together have in common: days of a daily edge at one price."""
    single = (row["ends_on"] - row["starts_on"]).days == 1 and row["charge_timing"] == "daily" and row["part"] == 0
    rest = () if single else (row["starts_on"], row["part"])
    return (row["price_minor"], row["cycle_days"], row["rate_bp"], *rest)


def _charge(row: dict[str, Any]) -> Charge:
    return Charge(
        span=Span(row["starts_on"], row["ends_on"]), price_minor=row["price_minor"], cycle_days=row["cycle_days"],
        from_day=row["from_day"], part=row["part"], net_minor=row["net_minor"], vat_minor=row["vat_minor"],
        rate_bp=row["rate_bp"],
    )  # fmt: skip


def _steps_of_charges(group: list[dict[str, Any]]) -> list[Step]:
    first = group[0]
    steps = [_price_step(first)]
    if first["part"]:
        steps.append(_again_step(first))
    if len(group) == 1:
        return [*steps, *_charge(first).steps()]
    sums: dict[int, list[dict[str, Any]]] = {}
    for row in group:
        sums.setdefault(sum(step.minor or 0 for step in _charge(row).steps()), []).append(row)
    steps.append(Step("daily_rule", {"price": Money(first["price_minor"]), "all": first["cycle_days"]}))
    for minor, alike in sorted(sums.items(), key=lambda item: item[1][0]["starts_on"]):
        steps.append(
            Step(
                "daily_days",
                {"days": len(alike), "span": Span(alike[0]["starts_on"], alike[-1]["ends_on"])},
                (len(alike), "×", Money(minor), "=", Money(len(alike) * minor)),
                len(alike) * minor,
            )
        )
    return steps


def _price_step(row: dict[str, Any]) -> Step:
    """The tariff version that held, or why there is none to name."""
    if not row["price_minor"] and row["before_start"]:
        return Step("not_started", {"span": Span(row["starts_on"], row["ends_on"])})
    mine = row["owner_id"] == current_scope().operator_id
    if not mine and row["cycle_days"] > MONTH:
        return Step("tariff_unknown", {"price": Money(row["price_minor"]), "all": row["cycle_days"]})
    known = plan_on(row["owner_id"], row["subscription_id"], row["starts_on"], row["known_at"]) if mine else None
    for terms in dict.fromkeys((1, known[1] if known else 1)):
        step = tariff_step(row, known[0] if known else None, terms)
        if step:
            return step
    return Step("tariff_unknown", {"price": Money(row["price_minor"]), "all": row["cycle_days"]})


def _again_step(row: dict[str, Any]) -> Step:
    """Why days of a bill were charged again."""
    key = row["request_key"] or ""
    what = "since_start" if key.startswith("start:") else "charged_again"
    return Step(what, {"day": row["charged_on"]})


def _backs(charge: dict[str, Any]) -> list[dict[str, Any]]:
    """What came back on an edge for a service: each with its charge and what its days cost.

    `moved`: the movement, or for days of which nothing came back that of the others of the same day and reason.
    """
    return rows(
        """
        SELECT r.from_on, r.to_on, r.reason, r.refunded_on, r.net_minor, r.vat_minor,
               c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.ends_on, c.part,
               c.price_minor, c.cycle_days, c.from_day, c.net_minor AS charged_net, c.vat_minor AS charged_vat,
               COALESCE(r.movement_id, min(r.movement_id) OVER (PARTITION BY r.refunded_on, r.reason), 0) AS moved,
               COALESCE(edge_vat_rate(c.child_id, c.charged_on), 0) AS rate_bp,
               prorate(c.price_minor, c.from_day + (r.from_on - c.starts_on), c.from_day + (r.to_on - c.starts_on),
                       c.cycle_days) AS value_minor
        FROM charge_refund r
        JOIN charge c ON (c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.part)
                         = (r.child_id, r.owner_id, r.invoice_id, r.starts_on, r.part)
        WHERE r.child_id = %(child)s AND r.owner_id = %(owner)s AND c.subscription_id = %(service)s
        ORDER BY r.refunded_on, r.reason, c.starts_on, c.invoice_id, c.part, r.from_on
        """,
        {"child": charge["child_id"], "owner": charge["owner_id"], "service": charge["subscription_id"]},
    )


def _back(row: dict[str, Any], all_of_service: Iterable[dict[str, Any]]) -> Back:
    """One run of days given back, with what came before it: of the same charge, and of the same reckoning."""
    charge = {**row, "net_minor": row["charged_net"], "vat_minor": row["charged_vat"]}
    others = list(all_of_service)
    together = [other for other in others if _reckoning(other) == _reckoning(row)]
    before = [other for other in together if _place(other) < _place(row)]
    earlier = [other for other in others if _reckoning(other) < _reckoning(row)]
    return Back(
        charge=_charge(charge), span=Span(row["from_on"], row["to_on"]), reason=row["reason"],
        net_minor=row["net_minor"], vat_minor=row["vat_minor"],
        given_net_minor=sum(other["net_minor"] for other in [*earlier, *before] if _of(other) == _of(row)),
        given_vat_minor=sum(other["vat_minor"] for other in earlier if _of(other) == _of(row)),
        kept_minor=sum(other["value_minor"] - other["net_minor"] for other in together),
        before_minor=sum(other["value_minor"] for other in before),
    )  # fmt: skip


def _reckoning(row: dict[str, Any]) -> tuple[Any, ...]:
    """What is given back at once: a policy's minimum is kept of all of it together."""
    return row["refunded_on"], row["moved"]


def _place(row: dict[str, Any]) -> tuple[Any, ...]:
    """Where days stand within their reckoning."""
    return row["starts_on"], row["invoice_id"], row["part"], row["from_on"]


def _of(row: dict[str, Any]) -> tuple[Any, ...]:
    """The charge whose days they were."""
    return row["invoice_id"], row["starts_on"], row["part"]
