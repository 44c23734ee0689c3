"""Reads of customers, rows ready to show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import STATUSES

FEW = 500
_STATUS = (
    "service_status(ARRAY(SELECT b.reason FROM block b WHERE b.operator_id = s.operator_id "
    "AND b.subscription_id = s.id AND b.to_at IS NULL))"
)
_ROW = (
    "c.id AS customer_id, c.code, c.name, c.mobile, c.username, c.address, c.joined_on, c.left_on, c.zone_id, "
    "z.name AS zone, s.id AS subscription_id, s.custom_price_minor, s.activated_on, s.anchor_day, "
    "s.package_operator_id, s.package_id, p.name AS package, p.plan_operator_id, p.plan_id, p.term_months, "
    "price_on(s.operator_id, s.id, 'infinity') AS price_minor, "  # the one set last, if it begins later
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
    me = current_scope().operator_id
    narrowed = _narrow(wanted or CustomerFilter())
    if after is not None:
        last = rows(f"SELECT {key} FROM customer c WHERE c.operator_id = %s AND c.id = %s", [me, after])
        if not last:
            return []
        narrowed.customers.append(f"({key}) {goes_on} ({', '.join(['%s'] * len(last[0]))})")
        narrowed.customer_values += last[0].values()
    by = ", ".join(f"{part} {'DESC' if goes_on == '<' else 'ASC'}" for part in key.split(", "))
    page, values = narrowed.page(by)
    return rows(
        f"SELECT {_ROW} {_FROM} WHERE s.operator_id = %s AND s.id = ANY (ARRAY({page})) ORDER BY {by}",
        [me, me, *values, max(1, limit)],
    )


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


@dataclass
class _Narrowed:
    """A filter as SQL: what holds of the customer `c`, what of its service `s`, and whether few are left.

    Row-level security makes the planner expect few rows and sort them all. So unless few are left indeed, the page is
    read along the order's index, each service looked up by itself, until it is full.
    """

    customers: list[str] = field(default_factory=list)
    customer_values: list[Any] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    service_values: list[Any] = field(default_factory=list)
    are_few: bool = False

    def to_services(self, column: str, source: str, values: list[Any]) -> None:
        """Narrow to the services that `column` of `source` names: by their ids if they are few, else one by one."""
        found = rows(f"SELECT DISTINCT {column} AS id {source} LIMIT %s", [*values, FEW + 1])
        if len(found) <= FEW:
            self.services.append("s.id = ANY (%s)")
            self.service_values.append([row["id"] for row in found])
            self.are_few = True
        else:
            self.services.append(f"EXISTS (SELECT {source} AND {column} = s.id)")
            self.service_values += values

    def page(self, by: str) -> tuple[str, list[Any]]:
        """The services of the page in an order; the first value is the operator's id, the last the limit."""
        walk = "" if self.are_few else " OFFSET 0"
        services = "".join(f" AND {condition}" for condition in self.services)
        customers = "".join(f" AND {condition}" for condition in self.customers)
        page = (
            "SELECT s.id FROM (SELECT * FROM customer WHERE operator_id = %s) c "
            "JOIN LATERAL (SELECT * FROM subscription s "
            f"WHERE s.operator_id = c.operator_id AND s.customer_id = c.id{services}{walk}) s ON true "
            f"WHERE true{customers} ORDER BY {by} LIMIT %s"
        )
        return page, [*self.service_values, *self.customer_values]


def _narrow(wanted: CustomerFilter) -> _Narrowed:
    narrowed = _Narrowed()
    simple = [
        ("c.zone_id = %s", wanted.zone_id),
        ("c.joined_on >= %s", wanted.joined_from),
        ("c.joined_on <= %s", wanted.joined_until),
    ]
    for condition, value in simple:
        if value is not None:
            narrowed.customers.append(condition)
            narrowed.customer_values.append(value)
    for column, pair in (("package", wanted.package), ("profile", wanted.profile)):
        if pair is not None:
            narrowed.services.append(f"s.{column}_operator_id = %s AND s.{column}_id = %s")
            narrowed.service_values += pair
    if wanted.connection_type is not None:
        logins = "FROM radius_login l WHERE l.operator_id = %s AND l.connection_type = %s"
        values = [current_scope().operator_id, wanted.connection_type]
        narrowed.to_services("l.subscription_id", logins, values)
    narrowed.are_few = narrowed.are_few or wanted.package is not None or wanted.profile is not None
    if wanted.search.strip():
        found = rows("SELECT customer_id FROM search_customers(%s, %s)", [wanted.search, FEW])
        narrowed.customers.append("c.id = ANY (%s)")
        narrowed.customer_values.append([row["customer_id"] for row in found])
        narrowed.are_few = True
    if wanted.status is not None:
        _narrow_by_status(narrowed, wanted.status)
    return narrowed


def _narrow_by_status(narrowed: _Narrowed, status: str) -> None:
    """Those that are on have no open block; the others are looked for among the blocks."""
    blocks = "FROM block b WHERE b.operator_id = %s AND b.to_at IS NULL"
    me = current_scope().operator_id
    if status == "active":
        narrowed.services.append(f"NOT EXISTS (SELECT {blocks} AND b.subscription_id = s.id)")
        narrowed.service_values.append(me)
        return
    narrowed.to_services("b.subscription_id", f"{blocks} AND b.reason = ANY (%s)", [me, _REASONS.get(status, [status])])
    narrowed.services.append(f"{_STATUS} = %s")
    narrowed.service_values.append(status)
