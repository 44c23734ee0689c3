"""What is sold below cost or outside a price band, and whom a new price reaches: own customers only (SPEC C5, C6).

Cost is the operator's own wholesale price with the VAT on it, for the months of the package's term.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.catalog.guards import bands_on
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

# A running service of the acting operator that somebody pays for, with its price of the day %(on)s.
_SERVICE = """
    SELECT s.id AS subscription_id, c.id AS customer_id, c.name AS customer_name, c.code AS customer_code,
           k.operator_id AS package_operator_id, k.id AS package_id, k.name AS package, k.term_months,
           k.plan_operator_id, k.plan_id, k.minor AS package_price_minor,
           own.price_minor IS NOT NULL AS has_own_price, COALESCE(own.price_minor, k.minor) AS price_minor
    FROM subscription s
    JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
    JOIN (SELECT *, package_price_on(operator_id, id, %(on)s) AS minor FROM package
          WHERE operator_id = ANY (%(path)s)) AS k
        ON k.operator_id = s.package_operator_id AND k.id = s.package_id
    JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id
    CROSS JOIN LATERAL (SELECT CASE WHEN v.starts_on IS NULL THEN s.custom_price_minor ELSE v.price_minor END
        AS price_minor FROM (SELECT 1) AS one LEFT JOIN LATERAL (
            SELECT starts_on, price_minor FROM custom_price v WHERE v.operator_id = s.operator_id
            AND v.subscription_id = s.id AND v.starts_on <= %(on)s ORDER BY starts_on DESC LIMIT 1) AS v ON true) AS own
    WHERE s.operator_id = %(me)s AND s.left_on IS NULL AND bp.billing_type <> 'free'
"""
# Those with a price of their own, or that had one.
_OWN_PRICED = """
    SELECT id FROM subscription WHERE operator_id = %(me)s AND custom_price_minor IS NOT NULL
    UNION SELECT subscription_id FROM custom_price WHERE operator_id = %(me)s
"""
_COST = "((o.net_minor + o.vat_minor) * v.term_months)::bigint"
# Services below cost: looked for among the packages first, then only where the package is, or the price is their own.
_BELOW_COST = f"""
    WITH cost AS MATERIALIZED (SELECT * FROM own_costs(%(on)s)),
    lossy AS MATERIALIZED (
        SELECT v.operator_id, v.id FROM package v JOIN cost o USING (plan_operator_id, plan_id)
        WHERE v.operator_id = ANY (%(path)s) AND package_price_on(v.operator_id, v.id, %(on)s) < {_COST}),
    found AS MATERIALIZED (
        SELECT s.id FROM lossy l CROSS JOIN LATERAL (
            SELECT id FROM subscription WHERE operator_id = %(me)s AND package_operator_id = l.operator_id
            AND package_id = l.id OFFSET 0) AS s
        UNION ({_OWN_PRICED}))
    SELECT v.*, {_COST} AS cost_minor, {_COST} - v.price_minor AS loss_minor
    FROM found CROSS JOIN LATERAL ({_SERVICE} AND s.id = found.id OFFSET 0) AS v
    JOIN cost o USING (plan_operator_id, plan_id)
    WHERE v.price_minor < {_COST}
"""


def list_below_cost(on: date, limit: int = 200) -> list[dict[str, Any]]:
    """Services whose price of a day does not cover what the operator pays for them on that day, worst first.

    Columns of the service, cost_minor, loss_minor, and `services`: how many there are in all.
    """
    return rows(
        f"SELECT v.*, count(*) OVER () AS services FROM ({_BELOW_COST}) AS v "
        "ORDER BY loss_minor DESC, subscription_id LIMIT %(limit)s",
        _given(on, limit=limit),
    )


def count_below_cost(on: date, at_most: int = 1000) -> dict[str, Any]:
    """How many `services` list_below_cost finds, counted no further than `at_most`, and whether there are `more`."""
    found = rows(
        "SELECT LEAST(count(*), %(most)s) AS services, count(*) > %(most)s AS more "
        f"FROM ({_BELOW_COST} LIMIT %(most)s + 1) AS v",
        _given(on, most=at_most),
    )
    return found[0]


def list_coming_tariffs(on: date) -> list[dict[str, Any]]:
    """Prices that the provider has announced to the acting operator, soonest first, with what they do to its margin.

    Columns: plan_name, starts_on, old_minor and new_minor (a month, net), services on the plan, turning: how many of
    them are sold at a profit now and below cost then.
    """
    coming = rows(
        "SELECT DISTINCT ON (t.plan_operator_id, t.plan_id, t.starts_on) t.plan_operator_id, t.plan_id, t.starts_on, "
        "t.price_minor AS new_minor, p.name AS plan_name FROM tariff_price t "
        "JOIN plan p ON p.operator_id = t.plan_operator_id AND p.id = t.plan_id "
        "WHERE t.child_id = %s AND t.starts_on > %s "
        "ORDER BY t.plan_operator_id, t.plan_id, t.starts_on, t.set_at DESC",
        [current_scope().operator_id, on],
    )
    coming.sort(key=lambda row: (row["starts_on"], row["plan_name"]))
    return [row | _effect(row, on) for row in coming]


def list_turning(plan: tuple[int, int], starts_on: date, on: date, limit: int = 200) -> list[dict[str, Any]]:
    """The services of a plan that a coming tariff sells below cost and today's does not: those with the columns of
    list_below_cost, at the prices that hold on `starts_on`."""
    return rows(
        f"SELECT v.* FROM ({_BELOW_COST}) AS v JOIN own_costs(%(today)s) AS b USING (plan_operator_id, plan_id) "
        "WHERE v.plan_operator_id = %(plan_operator)s AND v.plan_id = %(plan)s "
        "AND price_on(%(me)s, v.subscription_id, %(today)s) >= (b.net_minor + b.vat_minor) * v.term_months "
        "ORDER BY loss_minor DESC, v.subscription_id LIMIT %(limit)s",
        _given(starts_on, limit=limit, today=on, plan_operator=plan[0], plan=plan[1]),
    )


def list_outside_bands(on: date, limit: int = 200) -> list[dict[str, Any]]:
    """Own packages and own prices of services that lie outside a band of the day, and what it `says`."""
    packages = rows(
        "SELECT name AS what, id AS package_id, NULL::bigint AS customer_id, plan_operator_id, plan_id, term_months, "
        "package_price_on(operator_id, id, %s) AS price_minor FROM package "
        "WHERE operator_id = %s AND withdrawn_on IS NULL ORDER BY name",
        [on, current_scope().operator_id],
    )
    services = rows(
        "SELECT customer_name AS what, NULL::bigint AS package_id, customer_id, plan_operator_id, plan_id, "
        f"term_months, price_minor FROM ({_OWN_PRICED}) AS found "
        f"CROSS JOIN LATERAL ({_SERVICE} AND s.id = found.id OFFSET 0) AS v "
        "WHERE has_own_price ORDER BY customer_name",
        _given(on),
    )
    priced = [*packages, *services]
    bands = bands_on([(row["plan_operator_id"], row["plan_id"]) for row in priced], on)
    outside = [
        row | {"says": band.says()}
        for row in priced
        for band in bands.get((row["plan_operator_id"], row["plan_id"]), [])
        if not band.holds(row["price_minor"], row["term_months"])
    ]
    return outside[:limit]


def preview_profile(profile_id: int, *, auto_suspend: bool, grace_days: int, on: date) -> dict[str, int]:
    """Whom a change of an own profile reaches: services (own), and `cut`: how many of them the changed rules of cutting
    would cut at the next cut of `on`."""
    return rows(
        "SELECT count(*) AS services, count(*) FILTER (WHERE %(auto)s AND EXISTS (SELECT 1 FROM invoice_open o "
        "WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id "
        "AND cut_on(o.due_on, %(grace)s, s.suspend_on) <= %(on)s) AND NOT EXISTS (SELECT 1 FROM block b "
        "WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id AND b.to_at IS NULL) "
        "AND NOT spared_from_cut(s.operator_id, s.id, %(on)s)) AS cut "
        "FROM subscription s WHERE s.operator_id = %(me)s AND s.profile_operator_id = %(me)s "
        "AND s.profile_id = %(profile)s AND s.left_on IS NULL",
        {"auto": auto_suspend, "grace": grace_days, "on": on, "me": current_scope().operator_id, "profile": profile_id},
    )[0]


def _effect(row: dict[str, Any], on: date) -> dict[str, Any]:
    plan = (row["plan_operator_id"], row["plan_id"])
    now = rows(
        "SELECT net_minor FROM own_costs(%s) WHERE plan_operator_id = %s AND plan_id = %s",
        [on, *plan],
    )
    services = rows(
        f"SELECT count(*) AS services FROM ({_SERVICE}) AS v "
        "WHERE v.plan_operator_id = %(plan_operator)s AND v.plan_id = %(plan)s",
        _given(on, plan_operator=plan[0], plan=plan[1]),
    )
    turning = len(list_turning(plan, row["starts_on"], on, limit=100_000))
    return {"old_minor": now[0]["net_minor"] if now else None, **services[0], "turning": turning}


def _given(on: date, **more: Any) -> dict[str, Any]:
    scope = current_scope()
    return {"on": on, "me": scope.operator_id, "path": list(scope.path), **more}
