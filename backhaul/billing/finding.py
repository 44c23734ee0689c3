"""The list of customers at any size: filters, orders, pages in both directions, and an honest count (SPEC B18, B19).

Three ways to read a page. Where some filter leaves few, those are gathered and sorted, and looked at until the page is
full. Else the list is read along the index of its order, some thousand customers: mostly that fills the page. Where it
does not, the filter that leaves the fewest is gathered after all, or the list is read on to its end.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from django.db import DatabaseError

from backhaul.billing.finding_conditions import Condition, CustomerFilter, conditions_of
from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import execute, rows, savepoint
from backhaul.operators.scope import current_scope
from backhaul.subscribers.queries import find_services

__all__ = ["Count", "CustomerFilter", "count_customers", "list_customers", "select_matching", "walk_customers"]

FEW = 5_000
MANY = 100_000
READ = 3_000
COUNTED = 10_000
COUNTING_MS = 1_500
STEP = 1_000
_ID = re.compile(r"[0-9]{1,18}")
_EXPIRES = "GREATEST(billed_until, charged_until)"
_READ: dict[str, Callable[[str], Any]] = {"expires_on": date.fromisoformat, "due_minor": int}


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
            "WHERE t.operator_id = %(me)s AND t.subscription_id = s.subscription_id OFFSET 0) AS e",
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
            "WHERE o.operator_id = %(me)s AND o.customer_id = s.customer_id HAVING count(*) > 0) AS e",
            "e.due_minor",
        ),
    ),
}


@dataclass(frozen=True)
class Count:
    """How many customers match: exactly `n`, or more than `n`, or (of a whole list) about `n`; `kind` unknown: counting
    them takes too long."""

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
    """How many match: exact up to 10,000; beyond that it says "more than", of the whole list about how many."""
    by, _turned = _order(order)
    try:
        with savepoint():
            execute(f"SET LOCAL statement_timeout = {COUNTING_MS}")
            sql, values = _List(wanted, by).every(COUNTED + 1)
            n: int = rows(f"SELECT count(*) AS n FROM ({sql}) AS every", values)[0]["n"]
            execute("SET LOCAL statement_timeout = 0")
    except DatabaseError as error:
        if not isinstance(error.__cause__, psycopg.errors.QueryCanceled):
            raise
        return Count(0, "unknown")
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
        raise InvalidInput("Choose an order: %(orders)s.", orders=", ".join(ORDERS), field="order")
    return ORDERS[plain], plain != name


def _place(order: Order, row: dict[str, Any]) -> str:
    """Where a row stands in its order, to go on from it: what sorts it may have changed when the next page is read."""
    return "~".join(str(row[key]) for key in order.keys)


def _position(order: Order, place: str | None) -> list[Any] | None:
    """The values of a place; None for a place that is none: the list begins anew."""
    first, dash, last = (place or "").rpartition("~")
    if not _ID.fullmatch(last) or "\0" in first or bool(dash) != (len(order.keys) > 1):
        return None
    try:
        known = _READ.get(order.keys[0], str)(first)
    except ValueError:
        return None
    return [known, int(last)] if dash else [int(last)]


class _List:
    """A filter and an order as SQL."""

    def __init__(self, wanted: CustomerFilter, order: Order) -> None:
        self.order = order
        self.values: dict[str, Any] = {"me": current_scope().operator_id}
        self.conditions = conditions_of(wanted, self.values)

    def page(self, position: list[Any] | None, *, falls: bool, limit: int) -> list[dict[str, Any]]:
        """customer_id, subscription_id and what sorts, of one page."""
        read = _Read(self, position, falls=falls, limit=limit)
        few = self.fewest(FEW)
        if few is not None:
            return read.from_spine(self._gathered(few), known=few)
        if not self.conditions:
            return read.from_spine(self.order.spine)
        found = read.from_spine(self.order.spine, at_most=READ)
        if len(found) == limit or read.ends_within(READ):
            return found
        few = self.fewest(MANY)
        return read.from_spine(self.order.spine if few is None else self._gathered(few), known=few)

    def every(self, limit: int | None) -> tuple[str, dict[str, Any]]:
        """All that match, at most so many, in no order."""
        few = self.fewest(MANY)
        values = self.values | {"limit": limit}
        if few is not None and len(self.conditions) == 1 and few.is_exact and limit and not self.order.adds[0]:
            return f"SELECT DISTINCT x.{few.of} FROM ({few.source}) AS x LIMIT %(limit)s", values
        spine = self.order.spine if few is None else self._gathered(few)
        looked_at = self.looked_at(self.order.by if few is None else "subscription_id", known=few)
        return f"SELECT m.* FROM ({spine}) AS k JOIN LATERAL ({looked_at}) AS m ON true LIMIT %(limit)s", values

    def fewest(self, most: int) -> Condition | None:
        """The filter that leaves the fewest, if they are at most so many."""
        sources = [condition for condition in self.conditions if condition.source]
        if not sources:
            return None
        counts = ", ".join(
            f"(SELECT count(*) FROM ({condition.source} LIMIT {most + 1}) AS x) AS n{n}"
            for n, condition in enumerate(sources)
        )
        counted = rows(f"SELECT {counts}", self.values)[0]
        fewest = min(range(len(sources)), key=lambda n: counted[f"n{n}"])
        return sources[fewest] if counted[f"n{fewest}"] <= most else None

    def looked_at(self, by: str, *, known: Condition | None = None) -> str:
        """One customer `k` with its service, if it matches; `known`: the filter that it was gathered by, which holds.

        OFFSET keeps it apart: whoever plans it knows one row.
        """
        found = "s.id = k.subscription_id" if by == "subscription_id" else "s.customer_id = k.customer_id"
        asked = [each for each in self.conditions if each is not known or not each.is_exact]
        matching = "".join(f" AND {condition.holds}" for condition in asked)
        return (
            "SELECT c.id AS customer_id, s.id AS subscription_id FROM subscription s "
            "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
            f"WHERE s.operator_id = %(me)s AND {found}{matching} OFFSET 0"
        )

    def _gathered(self, few: Condition) -> str:
        """Those that a filter leaves, with what sorts them."""
        found = "s.id = d.subscription_id" if few.of == "subscription_id" else "s.customer_id = d.customer_id"
        source, key = self.order.adds
        sorts = f", {key}" if key else ""
        joined = f"CROSS JOIN LATERAL {source} " if source else ""
        if self.order.keys[0] in ("name", "code"):
            sorts = f", e.{self.order.keys[0]}"
            joined = (
                f"CROSS JOIN LATERAL (SELECT c.{self.order.keys[0]} FROM customer c WHERE c.operator_id = %(me)s "
                "AND c.id = s.customer_id OFFSET 0) AS e "
            )
        service = (
            "SELECT s.customer_id, s.id AS subscription_id FROM subscription s "
            f"WHERE s.operator_id = %(me)s AND {found} OFFSET 0"
        )
        return (
            f"WITH d AS MATERIALIZED (SELECT DISTINCT x.{few.of} FROM ({few.source}) AS x) "
            f"SELECT s.customer_id, s.subscription_id{sorts} FROM d CROSS JOIN LATERAL ({service}) AS s {joined}"
        )


class _Read:
    """One page of a list, from a place on, one way or the other."""

    def __init__(self, listed: _List, position: list[Any] | None, *, falls: bool, limit: int) -> None:
        keys = [f"k.{key}" for key in listed.order.keys]
        self.listed = listed
        self.by = ", ".join(f"{key} {'DESC' if falls else 'ASC'}" for key in keys)
        self.values = listed.values | {"limit": limit}
        self.goes_on = ""
        if position is not None:
            self.values |= {f"place_{n}": value for n, value in enumerate(position)}
            places = ", ".join(f"%(place_{n})s" for n in range(len(position)))
            self.goes_on = f"WHERE ({', '.join(keys)}) {'<' if falls else '>'} ({places})"

    def from_spine(
        self, spine: str, *, at_most: int | None = None, known: Condition | None = None
    ) -> list[dict[str, Any]]:
        """Rows of the page among those of a spine that come next: all of them, or the first so many. `known`: what the
        spine was gathered by.
        """
        order = self.listed.order
        by = "subscription_id" if "subscription_id" in spine else order.by
        read, goes_on = f"SELECT * FROM ({spine}) AS k {self.goes_on} ORDER BY {self.by}", ""
        if at_most is not None:
            read += f" LIMIT {at_most}"
        elif spine != order.spine or "GROUP BY" in spine:
            read += " OFFSET 0"  # sorted before anybody is looked at
        else:
            read, goes_on = spine, self.goes_on  # along its index, as far as it takes
        sorts = "".join(f", k.{key}" for key in order.keys if not key.endswith("_id"))
        return rows(
            f"SELECT m.*{sorts} FROM ({read}) AS k JOIN LATERAL ({self.listed.looked_at(by, known=known)}) AS m "
            "ON true "
            f"{goes_on} ORDER BY {self.by} LIMIT %(limit)s",
            self.values,
        )

    def ends_within(self, most: int) -> bool:
        """Whether the list, whoever matches, has fewer than so many customers from here on."""
        spine = f"SELECT 1 FROM ({self.listed.order.spine}) AS k {self.goes_on} LIMIT {most}"
        return bool(rows(f"SELECT count(*) < {most} AS ends FROM ({spine}) AS x", self.values)[0]["ends"])
