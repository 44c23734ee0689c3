"""Reads of customers, rows ready to show."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import STATUSES

LAST = 200  # so many of the newest customers tell what is usual
_STATUS = (
    "service_status(ARRAY(SELECT b.reason FROM block b WHERE b.operator_id = s.operator_id "
    "AND b.subscription_id = s.id AND b.to_at IS NULL))"
)
_ROW = (
    "c.id AS customer_id, c.code, c.name, c.mobile, c.username, c.address, c.joined_on, c.left_on, c.zone_id, "
    "c.latitude, c.longitude, "
    "z.name AS zone, s.id AS subscription_id, s.custom_price_minor, s.activated_on, s.anchor_day, "
    "s.package_operator_id, s.package_id, p.name AS package, p.plan_operator_id, p.plan_id, p.term_months, "
    "price_on(s.operator_id, s.id, 'infinity') AS price_minor, "  # the one set last, if it begins later
    "s.profile_operator_id, s.profile_id, f.name AS profile, f.on_suspend, "
    f"l.id AS login_id, l.connection_type, l.mac, host(l.static_address) AS static_ip, {_STATUS} AS status"
)
_FROM = (
    "FROM customer c JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id "
    "LEFT JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id "
    "LEFT JOIN billing_profile f ON f.operator_id = s.profile_operator_id AND f.id = s.profile_id "
    "LEFT JOIN zone z ON z.operator_id = c.operator_id AND z.id = c.zone_id "
    "LEFT JOIN radius_login l ON l.operator_id = s.operator_id AND l.subscription_id = s.id"
)


def get_customer(customer_id: int) -> dict[str, Any]:
    """One customer of the acting operator with its service, login and status; raises NotFound."""
    found = rows(
        f"SELECT {_ROW} {_FROM} WHERE c.operator_id = %s AND c.id = %s", [current_scope().operator_id, customer_id]
    )
    if not found:
        raise NotFound("There is no such customer.")
    return found[0]


def find_services(subscription_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Customers with these services, rows as in get_customer, by subscription id."""
    me = current_scope().operator_id
    found = rows(f"SELECT {_ROW} {_FROM} WHERE s.operator_id = %s AND s.id = ANY (%s)", [me, subscription_ids])
    return {row["subscription_id"]: row for row in found}


def search_customers(text: str, limit: int = 10) -> list[dict[str, Any]]:
    """The customers whose id, name, mobile or user name contains the text, best match first."""
    return rows(
        f"SELECT {_ROW} {_FROM} JOIN search_customers(%s, %s) WITH ORDINALITY AS k (customer_id, n) "
        "ON k.customer_id = c.id WHERE c.operator_id = %s ORDER BY k.n",
        [text, limit, current_scope().operator_id],
    )


def find_customers_of(subscription_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Whose these services of the acting operator are: customer_id, code and name by subscription id."""
    found = rows(
        "SELECT s.id AS subscription_id, c.id AS customer_id, c.code, c.name FROM subscription s "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE s.operator_id = %s AND s.id = ANY (%s)",
        [current_scope().operator_id, subscription_ids],
    )
    return {row["subscription_id"]: row for row in found}


def count_by_status() -> dict[str, int]:
    """How many services of the acting operator have each status; every status is there."""
    found = rows(
        "SELECT status, count(*) AS customers FROM (SELECT service_status(array_agg(b.reason)) AS status FROM block b "
        "WHERE b.operator_id = %s AND b.to_at IS NULL GROUP BY b.subscription_id) AS off GROUP BY status",
        [current_scope().operator_id],
    )
    counts = dict.fromkeys(STATUSES, 0) | {row["status"]: row["customers"] for row in found}
    every = rows("SELECT count(*) AS n FROM subscription WHERE operator_id = %s", [current_scope().operator_id])
    counts["active"] = every[0]["n"] - sum(counts.values())
    return counts


def find_usual_profile() -> tuple[int, int] | None:
    """The billing profile, (operator id, id), that most of the acting operator's last customers have; None: no one."""
    found = rows(
        "SELECT profile_operator_id, profile_id FROM (SELECT s.profile_operator_id, s.profile_id FROM subscription s "
        "WHERE s.operator_id = %s AND s.left_on IS NULL ORDER BY s.id DESC LIMIT %s) AS last "
        "GROUP BY 1, 2 ORDER BY count(*) DESC, 1, 2 LIMIT 1",
        [current_scope().operator_id, LAST],
    )
    return (found[0]["profile_operator_id"], found[0]["profile_id"]) if found else None


def list_blocks(subscription_id: int) -> list[dict[str, Any]]:
    """Why a service is or was off, newest first: reason, from, to, who, why."""
    return rows(
        "SELECT id, reason, from_on, from_at, to_on, to_at, by_actor_id, impersonation_id, why FROM block "
        "WHERE operator_id = %s AND subscription_id = %s ORDER BY from_at DESC, id DESC",
        [current_scope().operator_id, subscription_id],
    )


def list_zones() -> list[dict[str, Any]]:
    """The acting operator's zones by name."""
    return rows(
        "SELECT id, parent_id, name, code FROM zone WHERE operator_id = %s AND removed_on IS NULL ORDER BY name, id",
        [current_scope().operator_id],
    )


def list_zone_ids(zone_id: int) -> list[int]:
    """A zone of the acting operator and all that lie in it."""
    found = rows(
        "WITH RECURSIVE inside AS (SELECT id FROM zone WHERE operator_id = %(me)s AND id = %(zone)s UNION "
        "SELECT z.id FROM inside i JOIN zone z ON z.operator_id = %(me)s AND z.parent_id = i.id) SELECT id FROM inside",
        {"me": current_scope().operator_id, "zone": zone_id},
    )
    return [row["id"] for row in found]


def has_customers() -> bool:
    """Whether the acting operator has, or had, any customer: their ids keep the prefix."""
    return bool(rows("SELECT 1 FROM customer WHERE operator_id = %s LIMIT 1", [current_scope().operator_id]))


def get_numbering() -> dict[str, Any] | None:
    """How the acting operator's customer ids look, with the next number."""
    found = rows(
        "SELECT prefix, infix, digits, postfix, next_number FROM customer_numbering WHERE operator_id = %s",
        [current_scope().operator_id],
    )
    return found[0] if found else None
