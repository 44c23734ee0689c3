"""Reads of customers, rows ready to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import STATUSES

SEARCHED = 500
_STATUS = (
    "service_status(ARRAY(SELECT b.reason FROM block b WHERE b.operator_id = s.operator_id "
    "AND b.subscription_id = s.id AND b.to_at IS NULL))"
)
_ROW = (
    "c.id AS customer_id, c.code, c.name, c.mobile, c.username, c.address, c.joined_on, c.left_on, c.zone_id, "
    "z.name AS zone, s.id AS subscription_id, s.custom_price_minor, s.activated_on, s.anchor_day, "
    "s.package_operator_id, s.package_id, p.name AS package, "
    "COALESCE(s.custom_price_minor, p.price_minor) AS price_minor, "
    "s.profile_operator_id, s.profile_id, f.name AS profile, "
    f"l.id AS login_id, l.connection_type, l.mac, host(l.static_address) AS static_ip, {_STATUS} AS status"
)
_FROM = (
    "FROM customer c JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id "
    "LEFT JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id "
    "LEFT JOIN billing_profile f ON f.operator_id = s.profile_operator_id AND f.id = s.profile_id "
    "LEFT JOIN zone z ON z.operator_id = c.operator_id AND z.id = c.zone_id "
    "LEFT JOIN radius_login l ON l.operator_id = s.operator_id AND l.subscription_id = s.id"
)
# order: what sorts, and how the next page goes on from a row
_ORDERS = {"newest": ("c.id", "<"), "name": ("c.name, c.id", ">"), "code": ("c.code", ">")}
_REASONS = {
    "suspended": ["by_hand", "unpaid"],
    "short": ["fund_short", "upstream_short"],
}


@dataclass(frozen=True)
class CustomerFilter:
    """What a list is narrowed to; None = everything. `package` and `profile` are (operator id, id)."""

    search: str = ""
    status: str | None = None
    zone_id: int | None = None
    package: tuple[int, int] | None = None
    profile: tuple[int, int] | None = None
    connection_type: str | None = None
    joined_from: date | None = None
    joined_until: date | None = None


def get_customer(customer_id: int) -> dict[str, Any]:
    """One customer of the acting operator with its service, login and status; raises NotFound."""
    found = rows(
        f"SELECT {_ROW} {_FROM} WHERE c.operator_id = %s AND c.id = %s", [current_scope().operator_id, customer_id]
    )
    if not found:
        raise NotFound("There is no such customer.")
    return found[0]


def list_customers(
    wanted: CustomerFilter | None = None, *, order: str = "newest", after: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """A page of customers; `after` = customer_id of the last row of the page before. `order`: newest, name, code.

    With `search`, the best 500 matches are what the other filters and the order look at.
    """
    if order not in _ORDERS:
        raise InvalidInput(f"Choose an order: {', '.join(_ORDERS)}.", field="order")
    key, goes_on = _ORDERS[order]
    where, parameters = _conditions(wanted or CustomerFilter())
    if after is not None:
        where.append(f"({key}) {goes_on} (SELECT {key} FROM customer c WHERE c.operator_id = %s AND c.id = %s)")
        parameters += [current_scope().operator_id, after]
    direction = "DESC" if goes_on == "<" else "ASC"
    return rows(
        f"SELECT {_ROW} {_FROM} WHERE {' AND '.join(where)} ORDER BY {key} {direction} LIMIT %s",
        [*parameters, max(1, limit)],
    )


def search_customers(text: str, limit: int = 10) -> list[dict[str, Any]]:
    """The customers whose id, name, mobile or user name contains the text, best match first."""
    return rows(
        f"SELECT {_ROW} {_FROM} JOIN search_customers(%s, %s) WITH ORDINALITY AS k (customer_id, n) "
        "ON k.customer_id = c.id WHERE c.operator_id = %s ORDER BY k.n",
        [text, limit, current_scope().operator_id],
    )


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


def list_blocks(subscription_id: int) -> list[dict[str, Any]]:
    """Why a service is or was off, newest first: reason, from, to, who, why."""
    return rows(
        "SELECT id, reason, from_on, from_at, to_on, to_at, by_actor_id, why FROM block "
        "WHERE operator_id = %s AND subscription_id = %s ORDER BY from_at DESC, id DESC",
        [current_scope().operator_id, subscription_id],
    )


def list_zones() -> list[dict[str, Any]]:
    """The acting operator's zones by name."""
    return rows(
        "SELECT id, parent_id, name, code FROM zone WHERE operator_id = %s ORDER BY name, id",
        [current_scope().operator_id],
    )


def get_numbering() -> dict[str, Any] | None:
    """How the acting operator's customer ids look, with the next number."""
    found = rows(
        "SELECT prefix, infix, digits, postfix, next_number FROM customer_numbering WHERE operator_id = %s",
        [current_scope().operator_id],
    )
    return found[0] if found else None


def _conditions(wanted: CustomerFilter) -> tuple[list[str], list[Any]]:
    where = ["c.operator_id = %s"]
    parameters: list[Any] = [current_scope().operator_id]
    simple: list[tuple[str, Any]] = [
        ("c.zone_id = %s", wanted.zone_id),
        ("l.connection_type = %s", wanted.connection_type),
        ("c.joined_on >= %s", wanted.joined_from),
        ("c.joined_on <= %s", wanted.joined_until),
    ]
    for condition, value in simple:
        if value is not None:
            where.append(condition)
            parameters.append(value)
    _add_status(where, parameters, wanted.status)
    for column, pair in (("package", wanted.package), ("profile", wanted.profile)):
        if pair is not None:
            where.append(f"s.{column}_operator_id = %s AND s.{column}_id = %s")
            parameters += pair
    if wanted.search.strip():
        where.append("c.id IN (SELECT customer_id FROM search_customers(%s, %s))")
        parameters += [wanted.search, SEARCHED]
    return where, parameters


def _add_status(where: list[str], parameters: list[Any], status: str | None) -> None:
    """Open blocks lead to the few that are off; those that are on have none."""
    if status is None:
        return
    blocks = "FROM block b WHERE b.operator_id = c.operator_id AND b.to_at IS NULL"
    if status == "active":
        where.append(f"NOT EXISTS (SELECT {blocks} AND b.subscription_id = s.id)")
        return
    where.append(f"s.id IN (SELECT b.subscription_id {blocks.replace('c.operator_id', '%s')} AND b.reason = ANY (%s))")
    where.append(f"{_STATUS} = %s")
    parameters += [current_scope().operator_id, _REASONS.get(status, [status]), status]
