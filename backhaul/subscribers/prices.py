"""A service's own price, by the day from which periods start at it (SPEC 2.1, A29, B31)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.catalog.guards import refuse_outside_band
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.adding import refuse_negative_price


def set_custom_price(
    *, subscription_id: int, price_minor: int | None, starts_on: date, today: date, now: datetime
) -> None:
    """A service's own price for periods from `starts_on` (today at the earliest) on; None: its package's again.

    Retail only: what the operator pays does not change. Raises PriceOutsideBand. Of one day the last one holds.
    """
    scope = current_scope()
    scope.require("customers.edit")
    if starts_on < today:
        raise InvalidInput("A changed price starts today at the earliest: what was billed stays.", field="starts_on")
    service = _lock(subscription_id)
    if price_minor is not None:
        refuse_custom_price(service, price_minor, on=starts_on)
    execute(
        "INSERT INTO custom_price (operator_id, subscription_id, starts_on, price_minor, set_at, by_actor_id) "
        "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id, subscription_id, starts_on) DO UPDATE "
        "SET price_minor = EXCLUDED.price_minor, set_at = EXCLUDED.set_at, by_actor_id = EXCLUDED.by_actor_id, "
        "impersonation_id = EXCLUDED.impersonation_id",
        [scope.operator_id, subscription_id, starts_on, price_minor, now, scope.actor_id],
    )
    record_audit(
        verb="price_set", subject_type="subscription", subject_id=subscription_id, at=now, price_minor=price_minor,
        starts_on=starts_on,
    )  # fmt: skip


def refuse_custom_price(package: dict[str, Any], price_minor: int, *, on: date) -> None:
    """Raises InvalidInput or PriceOutsideBand for an own price over a package's plan and term."""
    refuse_negative_price(price_minor)
    plan = (package["plan_operator_id"], package["plan_id"])
    refuse_outside_band(plan, price_minor, months=package["term_months"], on=on, field="custom_price")


def list_custom_prices(subscription_id: int) -> list[dict[str, Any]]:
    """The own prices of a service, latest first: starts_on, price_minor (NULL: the package's), set_at, by_actor_id."""
    return rows(
        "SELECT starts_on, price_minor, set_at, by_actor_id, impersonation_id FROM custom_price "
        "WHERE operator_id = %s AND subscription_id = %s ORDER BY starts_on DESC",
        [current_scope().operator_id, subscription_id],
    )


def _lock(subscription_id: int) -> dict[str, Any]:
    found = rows(
        "SELECT p.plan_operator_id, p.plan_id, p.term_months FROM subscription s "
        "JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id "
        "WHERE s.operator_id = %s AND s.id = %s FOR NO KEY UPDATE OF s",
        [current_scope().operator_id, subscription_id],
    )
    if not found:
        raise NotFound("There is no such service.")
    return found[0]
