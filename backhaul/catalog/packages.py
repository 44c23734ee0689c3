"""Packages: retail offers over a plan, and their prices by day (SPEC §1, A29)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.catalog import queries
from backhaul.catalog.guards import refuse_outside_band
from backhaul.catalog.naming import insert_named, update_named, withdraw_named
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

TERMS = (1, 3, 6, 12)


class PriceInThePast(Refusal):
    """A later version of a price would change what was charged already."""

    code = "price_in_the_past"


def add_package(
    *,
    name: str,
    plan_operator_id: int,
    plan_id: int,
    price_minor: int,
    term_months: int = 1,
    handed_down: bool = False,
    on: date | None = None,
) -> int:
    """Add a retail offer over a plan of the acting operator's chain; `handed_down`: those below sell it too.

    `price_minor` is for the whole term; price bands of the day `on` bind it, else the latest (PriceOutsideBand).
    """
    scope = current_scope()
    scope.require("catalog.edit")
    _refuse_wrong_price(price_minor)
    if term_months not in TERMS:
        raise InvalidInput("A term is 1, 3, 6 or 12 months.", field="term_months")
    if plan_operator_id not in scope.path or not queries.plan_exists(plan_operator_id, plan_id):
        raise NotFound("There is no such plan.", field="plan")
    refuse_outside_band((plan_operator_id, plan_id), price_minor, months=term_months, on=on or date.max)
    return insert_named(
        "package",
        name,
        {
            "plan_operator_id": plan_operator_id,
            "plan_id": plan_id,
            "price_minor": price_minor,
            "term_months": term_months,
            "handed_down": handed_down,
        },
    )


def update_package(*, package_id: int, name: str, handed_down: bool, now: datetime) -> None:
    """Rename an own package, hand it down or stop that: whoever below sells it already keeps it for its customers."""
    current_scope().require("catalog.edit")
    update_named("package", package_id, name, {"handed_down": handed_down})
    _hand_prices_down(package_id, handed_down)
    record_audit(
        verb="changed",
        subject_type="package",
        subject_id=package_id,
        at=now,
        name=name.strip(),
        handed_down=handed_down,
    )


def set_package_price(*, package_id: int, price_minor: int, starts_on: date, today: date, now: datetime) -> None:
    """A new price of an own package for periods that start on `starts_on` or later; what was billed stays.

    It starts tomorrow at the earliest. A price that has not begun is replaced by another one for its day.
    """
    scope = current_scope()
    scope.require("catalog.edit")
    package = get_package(package_id, today)
    _refuse_wrong_price(price_minor)
    if starts_on <= today:
        raise PriceInThePast(
            "A changed price starts tomorrow at the earliest: what was billed stays.", field="starts_on"
        )
    plan = (package["plan_operator_id"], package["plan_id"])
    refuse_outside_band(plan, price_minor, months=package["term_months"], on=starts_on)
    execute(
        "INSERT INTO package_price (operator_id, package_id, starts_on, price_minor, handed_down, set_at, by_actor_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id, package_id, starts_on) DO UPDATE "
        "SET price_minor = EXCLUDED.price_minor, set_at = EXCLUDED.set_at, by_actor_id = EXCLUDED.by_actor_id, "
        "impersonation_id = EXCLUDED.impersonation_id",
        [scope.operator_id, package_id, starts_on, price_minor, package["handed_down"], now, scope.actor_id],
    )
    record_audit(
        verb="price_set", subject_type="package", subject_id=package_id, at=now, price_minor=price_minor,
        starts_on=starts_on,
    )  # fmt: skip


def withdraw_package(*, package_id: int, on: date, now: datetime) -> None:
    """Sell an own package no more, here and below; customers who have it keep it."""
    current_scope().require("catalog.edit")
    withdraw_named("package", package_id, on, now)


def get_package(package_id: int, on: date) -> dict[str, Any]:
    """An own package with the price that holds on a day and its coming one (next_price_minor, next_starts_on)."""
    found = rows(
        "SELECT k.operator_id, k.id, k.name, k.plan_operator_id, k.plan_id, p.name AS plan_name, k.term_months, "
        "k.handed_down, k.withdrawn_on, COALESCE(v.price_minor, k.price_minor) AS price_minor, "
        "n.price_minor AS next_price_minor, n.starts_on AS next_starts_on "
        "FROM package k JOIN plan p ON p.operator_id = k.plan_operator_id AND p.id = k.plan_id "
        "LEFT JOIN LATERAL (SELECT price_minor FROM package_price v WHERE v.operator_id = k.operator_id "
        "AND v.package_id = k.id AND v.starts_on <= %s ORDER BY starts_on DESC LIMIT 1) v ON true "
        "LEFT JOIN LATERAL (SELECT price_minor, starts_on FROM package_price v WHERE v.operator_id = k.operator_id "
        "AND v.package_id = k.id AND v.starts_on > %s ORDER BY starts_on LIMIT 1) n ON true "
        "WHERE k.operator_id = %s AND k.id = %s",
        [on, on, current_scope().operator_id, package_id],
    )
    if not found:
        raise NotFound("There is no such package.")
    return found[0]


def list_package_prices(package_id: int) -> list[dict[str, Any]]:
    """Every later price of an own package, latest first: starts_on, price_minor, set_at, by_actor_id."""
    return rows(
        "SELECT starts_on, price_minor, set_at, by_actor_id, impersonation_id FROM package_price "
        "WHERE operator_id = %s AND package_id = %s ORDER BY starts_on DESC",
        [current_scope().operator_id, package_id],
    )


def _hand_prices_down(package_id: int, handed_down: bool) -> None:
    execute(
        "UPDATE package_price SET handed_down = %s WHERE operator_id = %s AND package_id = %s",
        [handed_down, current_scope().operator_id, package_id],
    )


def _refuse_wrong_price(price_minor: int) -> None:
    if refuse_beyond_limit(price_minor, field="price") < 0:
        raise InvalidInput("A price is not negative.", field="price")
