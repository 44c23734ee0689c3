"""The list of customers at any size: filters, orders, pages in both directions, and an honest count (SPEC B18, B19).

Two ways to read it. Where some filter leaves few, those are gathered, looked at one by one, and sorted. Where each of
them leaves many, the list is read along the index of its order, each customer looked at, until the page is full.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from django.db import DatabaseError

from backhaul.billing.finding_conditions import GATHERED, GATHERED_OF_SEVERAL, Condition, CustomerFilter, conditions_of
from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import execute, rows, savepoint
from backhaul.operators.scope import current_scope
from backhaul.subscribers.queries import find_services

__all__ = ["Count", "CustomerFilter", "count_customers", "list_customers", "select_matching", "walk_customers"]

COUNTED = 10_000
COUNTING_MS = 1_500
STEP = 1_000
_EXPIRES = "GREATEST(billed_until, charged_until)"


@dataclass(frozen=True)
class Order:
    """What sorts, which way at first, and the rows along whose index the list is read; `adds`: whom it leaves out."""

    keys: tuple[str, str] | tuple[str]
    spine: str
    falls: bool = False
    adds: tuple[str, str] = ("", "")

    @property
    def by(self) -> str:
        return self.keys[-1]


ORDERS = {
    "newest": Order(("customer_id",), "SELECT id AS customer_id FROM customer WHERE operator_id = %(me)s", falls=True),
    "name": Order(("name", "customer_id"), "SELECT id AS customer_id, name FROM customer WHERE operator_id = %(me)s"),
    "code": Order(("code", "customer_id"), "SELECT id AS customer_id, code FROM customer WHERE operator_id = %(me)s"),
    "expiry": Order(
        ("expires_on", "subscription_id"),
        f"SELECT subscription_id, {_EXPIRES} AS expires_on FROM billing_state WHERE operator_id = %(me)s",
        adds=(
            f"(SELECT {_EXPIRES} AS expires_on FROM billing_state t "
            "WHERE t.operator_id = s.operator_id AND t.subscription_id = s.id) AS e",
            "e.expires_on",
        ),
    ),
    "due": Order(
        ("due_minor", "customer_id"),
        "SELECT customer_id, sum(open_minor)::bigint AS due_minor FROM invoice_open WHERE operator_id = %(me)s "
        "GROUP BY customer_id",
        falls=True,
        adds=(
            "(SELECT sum(open_minor)::bigint AS due_minor FROM invoice_open o "
            "WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id HAVING count(*) > 0) AS e",
            "e.due_minor",
        ),
    ),
}


@dataclass(frozen=True)
class Count:
    """How many customers match: exactly `n`, or more than `n`, or (of a whole list) about `n`."""

    n: int
    kind: str = "exact"


def list_customers(
    wanted: CustomerFilter | None = None,
    *,
    order: str = "newest",
    after: str | None = None,
    before: str | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """A page of customers with their services. `after`: the `place` of the last row of the page before; `before`: that
    of the first row of the page after.

    `order`: newest, name, code, expiry (those that are billed), due (those who owe something, the most first); with a
    dash in front the other way round. With `search`, the best 500 matches are looked at.
    """
    by, turned = _order(order)
    found = _List(wanted or CustomerFilter(), by)
    falls = by.falls != turned
    position = _position(by, after or before)
    page = found.page(position, falls=falls != bool(before), limit=limit)
    services = find_services([row["subscription_id"] for row in page])
    listed = [services[row["subscription_id"]] | {"place": _place(by, row)} for row in page]
    return listed[::-1] if before else listed


def walk_customers(
    wanted: CustomerFilter, *, order: str = "newest", step: int = STEP
) -> Iterator[list[dict[str, Any]]]:
    """All that match, page after page."""
    after = None
    while page := list_customers(wanted, order=order, after=after, limit=step):
        yield page
        after = page[-1]["place"]


def count_customers(wanted: CustomerFilter, *, order: str = "newest") -> Count:
    """How many match: exact up to 10,000; beyond that it says "more than", and of the whole list about how many."""
    by, _turned = _order(order)
    sql, values = _List(wanted, by).every(COUNTED + 1)
    try:
        with savepoint():
            execute(f"SET LOCAL statement_timeout = {COUNTING_MS}")
            n: int = rows(f"SELECT count(*) AS n FROM ({sql}) AS every", values)[0]["n"]
            execute("SET LOCAL statement_timeout = 0")
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        return Count(0, "more")
    if n <= COUNTED:
        return Count(n)
    return Count(_numbered(), "about") if wanted == CustomerFilter() and not by.adds[0] else Count(COUNTED, "more")


def select_matching(wanted: CustomerFilter) -> tuple[str, dict[str, Any]]:
    """A SELECT of customer_id and subscription_id of all that match, with its values."""
    return _List(wanted, ORDERS["newest"]).every(None)


def _numbered() -> int:
    """How many customers the acting operator ever had: their numbers have no gaps, and none is ever removed."""
    found = rows(
        "SELECT next_number - 1 AS n FROM customer_numbering WHERE operator_id = %s", [current_scope().operator_id]
    )
    return max(COUNTED, found[0]["n"] if found else 0)


def _order(name: str) -> tuple[Order, bool]:
    plain = name.removeprefix("-")
    if plain not in ORDERS:
        raise InvalidInput(f"Choose an order: {', '.join(ORDERS)}.", field="order")
    return ORDERS[plain], plain != name


def _place(order: Order, row: dict[str, Any]) -> str:
    """Where a row stands in its order, to go on from it: what sorts it may have changed when the next page is read."""
    return "~".join(str(row[key]) for key in order.keys)


def _position(order: Order, place: str | None) -> list[Any] | None:
    """The values of a place; None for a place that is none: the list begins anew."""
    first, dash, last = (place or "").rpartition("~")
    if not last.isascii() or not last.isdecimal() or bool(dash) != (len(order.keys) > 1):
        return None
    try:
        known = {"expires_on": date.fromisoformat, "due_minor": int}.get(order.keys[0], str)(first)
    except ValueError:
        return None
    return [known, int(last)] if dash else [int(last)]


class _List:
    """A filter and an order as SQL."""

    def __init__(self, wanted: CustomerFilter, order: Order) -> None:
        self.order = order
        self.values: dict[str, Any] = {"me": current_scope().operator_id}
        self.conditions = conditions_of(wanted, self.values)
        self.few = self._few()

    def page(self, position: list[Any] | None, *, falls: bool, limit: int) -> list[dict[str, Any]]:
        """customer_id, subscription_id and what sorts, of one page."""
        keys = [f"k.{key}" for key in self.order.keys]
        values = self.values | {"limit": limit}
        goes_on = ""
        if position is not None:
            values |= {f"place_{n}": value for n, value in enumerate(position)}
            places = ", ".join(f"%(place_{n})s" for n in range(len(position)))
            goes_on = f"WHERE ({', '.join(keys)}) {'<' if falls else '>'} ({places})"
        by = ", ".join(f"{key} {'DESC' if falls else 'ASC'}" for key in keys)
        if self.few is not None:
            sql = f"SELECT * FROM ({self._gathered()}) AS k {goes_on} ORDER BY {by} LIMIT %(limit)s"
        else:
            spine = self.order.spine
            if "GROUP BY" in spine:  # sorted before anybody is looked at
                spine += f" ORDER BY {by.replace('k.', '')} OFFSET 0"
            own = ", ".join(f"k.{key}" for key in self.order.keys)
            rest = {"customer_id", "subscription_id"} - set(self.order.keys)
            sql = (
                f"SELECT {own}, {', '.join(f'm.{key}' for key in sorted(rest))} FROM ({spine}) AS k "
                f"JOIN LATERAL ({self._looked_at('k')}) AS m ON true {goes_on} ORDER BY {by} LIMIT %(limit)s"
            )
        return rows(sql, values)

    def every(self, limit: int | None) -> tuple[str, dict[str, Any]]:
        """All that match, at most so many, in no order."""
        if self.few is not None:
            return f"SELECT * FROM ({self._gathered()}) AS k LIMIT %(limit)s", self.values | {"limit": limit}
        return (
            f"SELECT m.* FROM ({self.order.spine}) AS k JOIN LATERAL ({self._looked_at('k')}) AS m ON true "
            "LIMIT %(limit)s"
        ), self.values | {"limit": limit}

    def _few(self) -> Condition | None:
        """The filter that leaves the fewest, if they are few enough to look at each; the more filters, the more pay."""
        sources = [condition for condition in self.conditions if condition.source]
        if not sources:
            return None
        most = GATHERED if len(sources) == 1 else GATHERED_OF_SEVERAL
        counts = ", ".join(
            f"(SELECT count(*) FROM ({condition.source} LIMIT {most + 1}) AS x) AS n{n}"
            for n, condition in enumerate(sources)
        )
        counted = rows(f"SELECT {counts}", self.values)[0]
        fewest = min(range(len(sources)), key=lambda n: counted[f"n{n}"])
        return sources[fewest] if counted[f"n{fewest}"] <= most else None

    def _gathered(self) -> str:
        assert self.few is not None
        return (
            f"WITH d AS MATERIALIZED (SELECT DISTINCT x.{self.few.of} FROM ({self.few.source}) AS x) "
            f"SELECT m.* FROM d JOIN LATERAL ({self._looked_at('d', self.few.of, sorts=True)}) AS m ON true"
        )

    def _looked_at(self, alias: str, by: str = "", *, sorts: bool = False) -> str:
        """One customer with its service, if it matches. OFFSET keeps it apart: whoever plans it knows one row."""
        by = by or self.order.by
        found = f"s.id = {alias}.subscription_id" if by == "subscription_id" else f"s.customer_id = {alias}.customer_id"
        source, key = self.order.adds if sorts else ("", "")
        extra = f"CROSS JOIN LATERAL {source} " if source else ""
        sorted_by = f", {key}" if key else ", c.name, c.code"
        matching = "".join(f" AND {condition.holds}" for condition in self.conditions)
        return (
            f"SELECT c.id AS customer_id, s.id AS subscription_id{sorted_by} FROM subscription s "
            f"JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id {extra}"
            f"WHERE s.operator_id = %(me)s AND {found}{matching} OFFSET 0"
        )
