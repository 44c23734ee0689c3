"""Standing discounts: what a service's bills carry while they last (SPEC §3 "discount at issue")."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit


class NoDiscount(Refusal):
    """The service has no discount that could be ended."""

    code = "no_discount"


def give_discount(
    *,
    subscription_id: int,
    from_on: date,
    why: str,
    now: datetime,
    amount_minor: int | None = None,
    part_bp: int | None = None,
    until_on: date | None = None,
) -> int:
    """Give a service a discount: a net amount per bill or a part of it (hundredths of a percent), never more than it.

    It holds for bills of periods that start on or after `from_on` and before `until_on`; one that the service has
    ends now. Returns its id.
    """
    scope = current_scope()
    scope.require("billing.discount")
    _refuse_wrong_terms(amount_minor, part_bp, from_on, until_on, why)
    _lock_service(subscription_id)
    _end(subscription_id, now)
    added = rows(
        "INSERT INTO discount (operator_id, subscription_id, amount_minor, part_bp, from_on, until_on, why, given_at, "
        "by_actor_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            scope.operator_id,
            subscription_id,
            amount_minor,
            part_bp,
            from_on,
            until_on,
            why.strip(),
            now,
            scope.actor_id,
        ],
    )
    terms = {"amount_minor": amount_minor, "part_bp": part_bp, "from_on": from_on, "until_on": until_on}
    record_audit(
        verb="discount_given", subject_type="subscription", subject_id=subscription_id, at=now, why=why.strip(), **terms
    )
    return int(added[0]["id"])


def end_discount(*, subscription_id: int, now: datetime) -> None:
    """End a service's discount: bills that are issued from now on carry none. Raises NoDiscount."""
    current_scope().require("billing.discount")
    if not _end(subscription_id, now):
        raise NoDiscount("This service has no discount; reload the page to see its bills.")
    record_audit(verb="discount_ended", subject_type="subscription", subject_id=subscription_id, at=now)


def get_discount(subscription_id: int) -> dict[str, Any] | None:
    """A service's discount: amount_minor or part_bp, from_on, until_on, why, given_at, by_actor_id; None: none."""
    found = rows(
        "SELECT id, amount_minor, part_bp, from_on, until_on, why, given_at, by_actor_id, impersonation_id "
        "FROM discount "
        "WHERE operator_id = %s AND subscription_id = %s AND ended_at IS NULL",
        [current_scope().operator_id, subscription_id],
    )
    return found[0] if found else None


def list_discounts(on: date, limit: int = 500) -> list[dict[str, Any]]:
    """Who has a discount that may still apply, with what it takes off a term now: `off_minor` of `price_minor`."""
    return rows(
        "SELECT d.id, d.subscription_id, c.id AS customer_id, c.name AS customer_name, c.code AS customer_code, "
        "d.amount_minor, d.part_bp, d.from_on, d.until_on, d.why, d.by_actor_id, d.impersonation_id, "
        "p.minor AS price_minor, "
        "discount_of(d.operator_id, d.subscription_id, GREATEST(d.from_on, %s), p.minor) AS off_minor "
        "FROM discount d JOIN subscription s ON s.operator_id = d.operator_id AND s.id = d.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "CROSS JOIN LATERAL (SELECT price_on(d.operator_id, d.subscription_id, GREATEST(d.from_on, %s)) AS minor) AS p "
        "WHERE d.operator_id = %s AND d.ended_at IS NULL AND (d.until_on IS NULL OR d.until_on > %s) "
        "AND s.left_on IS NULL ORDER BY off_minor DESC, d.id LIMIT %s",
        [on, on, current_scope().operator_id, on, limit],
    )


def get_next_bill(subscription_id: int, on: date) -> dict[str, Any]:
    """What a whole term costs a service at its next bill: starts_on, net, discount, vat and total in minor units.

    A change of package that is planned for that day counts: its price, and no price of its own any more.
    """
    found = rows(
        "SELECT b.starts_on, b.package, n.minor AS net_minor, d.minor AS discount_minor, v.minor AS vat_minor, "
        "rounded_to(n.minor - d.minor + v.minor, b.step) AS total_minor "
        "FROM (SELECT s.operator_id, s.id, GREATEST(t.billed_until, %s) AS starts_on, f.prices_include_vat AS incl, "
        "f.round_bill_to_minor AS step, f.billing_type = 'free' AS free, c.package_operator_id, c.package_id, "
        "p.name AS package FROM billing_state t "
        "JOIN subscription s ON s.operator_id = t.operator_id AND s.id = t.subscription_id "
        "JOIN billing_profile f ON f.operator_id = s.profile_operator_id AND f.id = s.profile_id "
        "LEFT JOIN planned_change c ON c.operator_id = s.operator_id AND c.subscription_id = s.id "
        "AND GREATEST(t.charged_until, c.on_date) <= GREATEST(t.billed_until, %s) "
        "LEFT JOIN package p ON p.operator_id = c.package_operator_id AND p.id = c.package_id "
        "WHERE t.operator_id = %s AND t.subscription_id = %s) AS b "
        "CROSS JOIN LATERAL (SELECT CASE WHEN free THEN 0 WHEN b.package_id IS NOT NULL "
        "THEN package_price_on(b.package_operator_id, b.package_id, b.starts_on) "
        "ELSE price_on(b.operator_id, b.id, b.starts_on) END AS base, "
        "vat_rate_on(b.operator_id, b.starts_on) AS rate OFFSET 0) AS p "  # worked out once, not wherever it is used
        "CROSS JOIN LATERAL (SELECT CASE WHEN incl THEN net_of_gross(p.base, p.rate) ELSE p.base END AS minor) AS n "
        "CROSS JOIN LATERAL (SELECT discount_of(b.operator_id, b.id, b.starts_on, n.minor) AS minor OFFSET 0) AS d "
        "CROSS JOIN LATERAL (SELECT retail_vat(p.base, n.minor, p.rate, b.incl, d.minor) AS minor) AS v",
        [on, on, current_scope().operator_id, subscription_id],
    )
    return found[0] if found else {}


def _end(subscription_id: int, now: datetime) -> int:
    return execute(
        "UPDATE discount SET ended_at = %s WHERE operator_id = %s AND subscription_id = %s AND ended_at IS NULL",
        [now, current_scope().operator_id, subscription_id],
    )


def _lock_service(subscription_id: int) -> None:
    """One discount at a time: whoever gives another one waits."""
    me = current_scope().operator_id
    if not rows(
        "SELECT 1 FROM subscription WHERE operator_id = %s AND id = %s FOR NO KEY UPDATE", [me, subscription_id]
    ):
        raise NotFound("There is no such service.")


def _refuse_wrong_terms(
    amount_minor: int | None, part_bp: int | None, from_on: date, until_on: date | None, why: str
) -> None:
    if (amount_minor is None) == (part_bp is None):
        raise InvalidInput("Give an amount or a percentage, not both.", field="amount_minor")
    if amount_minor is not None and refuse_beyond_limit(amount_minor, field="amount_minor") <= 0:
        raise InvalidInput("The amount must be more than zero.", field="amount_minor")
    if part_bp is not None and not 0 < part_bp <= 10_000:
        raise InvalidInput("A percentage lies above 0 and up to 100.", field="part_bp")
    if until_on is not None and until_on <= from_on:
        raise InvalidInput("The last day lies after the first.", field="until_on")
    if not why.strip():
        raise InvalidInput("Give the reason; it stays in the history.", field="why")
