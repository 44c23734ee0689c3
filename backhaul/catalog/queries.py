"""Reads of the catalogue as the acting operator sees it."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

# Nearest first: the operator's own, then what its parent hands down, then the parent's parent.
_OFFERED = "(operator_id = %s OR handed_down AND operator_id = ANY (%s::bigint[]))"
_NEAREST = "array_position(%s::bigint[], operator_id) DESC"


def plan_exists(plan_operator_id: int, plan_id: int) -> bool:
    """Whether the acting operator may build on the plan."""
    return bool(rows("SELECT 1 FROM plan WHERE operator_id = %s AND id = %s", [plan_operator_id, plan_id]))


def list_plans() -> list[dict[str, Any]]:
    """The plans of the acting operator's chain, by speed."""
    return rows(
        "SELECT operator_id, id, name, down_kbps, up_kbps, pool_operator_id, pool_id, connection_types FROM plan "
        "WHERE operator_id = ANY (%s) AND withdrawn_on IS NULL ORDER BY down_kbps, name",
        [list(current_scope().path)],
    )


def list_packages_offered(on: date) -> list[dict[str, Any]]:
    """The packages that the acting operator can sell on a day, by name.

    Its own and those handed down, of one name the nearest; only over plans that have a tariff price on every edge from
    the operator up to the ISP. Columns: operator_id, id, name, price_minor (of that day, for the term), term_months,
    handed_down, plan_operator_id, plan_id, plan_name, down_kbps, up_kbps, pool_operator_id, pool_id,
    connection_types (those that the plan is sold for), and own_price_minor: what the operator itself pays a month
    (NULL at the ISP).
    """
    scope = current_scope()
    path = list(scope.path)
    return rows(
        "SELECT DISTINCT ON (k.name) k.operator_id, k.id, k.name, "
        "COALESCE(v.price_minor, k.price_minor) AS price_minor, "
        "k.term_months, k.handed_down, k.plan_operator_id, k.plan_id, "
        "p.name AS plan_name, p.down_kbps, p.up_kbps, p.pool_operator_id, p.pool_id, p.connection_types, "
        "s.own_price_minor "
        f"FROM (SELECT * FROM package WHERE withdrawn_on IS NULL AND {_OFFERED}) k "
        "JOIN plan p ON p.operator_id = k.plan_operator_id AND p.id = k.plan_id AND p.withdrawn_on IS NULL "
        "JOIN sellable_plans(%s) s ON s.plan_operator_id = p.operator_id AND s.plan_id = p.id "
        "LEFT JOIN LATERAL (SELECT price_minor FROM package_price v WHERE v.operator_id = k.operator_id "
        "AND v.package_id = k.id AND v.starts_on <= %s ORDER BY starts_on DESC LIMIT 1) AS v ON true "
        "ORDER BY k.name, array_position(%s::bigint[], k.operator_id) DESC",
        [scope.operator_id, path, on, on, path],
    )


def list_billing_profiles_offered() -> list[dict[str, Any]]:
    """The billing profiles that the acting operator can use, by name; of one name the nearest."""
    scope = current_scope()
    path = list(scope.path)
    return rows(
        "SELECT DISTINCT ON (name) operator_id, id, name, billing_type, cycle, cycle_day, validity_days, due_days, "
        f"grace_days, auto_bill, on_suspend FROM billing_profile WHERE {_OFFERED} ORDER BY name, {_NEAREST}",
        [scope.operator_id, path, path],
    )


def list_tariff_prices(child_id: int, on: date) -> list[dict[str, Any]]:
    """The plans that the acting operator can sell to a direct child, with the price that holds on a day (NULL: none).

    Columns: plan_operator_id, plan_id, plan_name, price_minor, starts_on, next_price_minor, next_starts_on, and
    own_price_minor: what the acting operator pays itself.
    """
    return rows(
        "SELECT p.operator_id AS plan_operator_id, p.id AS plan_id, p.name AS plan_name, "
        "now.price_minor, now.starts_on, next.price_minor AS next_price_minor, next.starts_on AS next_starts_on, "
        "s.own_price_minor "
        "FROM plan p JOIN sellable_plans(%s) s ON s.plan_operator_id = p.operator_id AND s.plan_id = p.id "
        "LEFT JOIN LATERAL (SELECT price_minor, starts_on FROM tariff_price t WHERE t.child_id = %s "
        "AND t.plan_operator_id = p.operator_id AND t.plan_id = p.id AND t.starts_on <= %s "
        "ORDER BY starts_on DESC, set_at DESC LIMIT 1) now ON true "
        "LEFT JOIN LATERAL (SELECT price_minor, starts_on FROM tariff_price t WHERE t.child_id = %s "
        "AND t.plan_operator_id = p.operator_id AND t.plan_id = p.id AND t.starts_on > %s "
        "ORDER BY starts_on, set_at DESC LIMIT 1) next ON true "
        "WHERE p.withdrawn_on IS NULL ORDER BY p.down_kbps, p.name",
        [on, child_id, on, child_id, on],
    )


def get_vat(on: date) -> dict[str, Any]:
    """The acting operator's VAT switches on a day: registered, rate_bp, reclaims_input, relief_on_bad_debt."""
    found = rows(
        "SELECT starts_on, registered, rate_bp, reclaims_input, relief_on_bad_debt FROM vat_setting "
        "WHERE operator_id = %s AND starts_on <= %s ORDER BY starts_on DESC, set_at DESC LIMIT 1",
        [current_scope().operator_id, on],
    )
    none = {"starts_on": None, "registered": False, "rate_bp": 0, "reclaims_input": True, "relief_on_bad_debt": False}
    return found[0] if found else none


def find_next_vat(on: date) -> dict[str, Any] | None:
    """The first change of the acting operator's VAT after a day: starts_on, registered, rate_bp."""
    found = rows(
        "SELECT starts_on, registered, rate_bp FROM vat_setting "
        "WHERE operator_id = %s AND starts_on > %s ORDER BY starts_on, set_at DESC LIMIT 1",
        [current_scope().operator_id, on],
    )
    return found[0] if found else None


def list_vat_versions() -> list[dict[str, Any]]:
    """Every setting of the acting operator's VAT, the last one first: its switches, set_at, by_actor_id, `replaced`:
    another one was set later for its day."""
    return rows(
        "SELECT starts_on, registered, rate_bp, reclaims_input, relief_on_bad_debt, set_at, "
        "COALESCE(by_actor_id, 0) AS by_actor_id, impersonation_id, "
        "set_at < max(set_at) OVER (PARTITION BY starts_on) AS replaced FROM vat_setting "
        "WHERE operator_id = %s ORDER BY starts_on DESC, set_at DESC",
        [current_scope().operator_id],
    )
