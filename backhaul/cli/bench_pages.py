"""`bench pages`: server time of the busiest pages at a million customers, for a leaf, a middle operator and the ISP."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from backhaul.cli.bench_server import BenchServer, bench_server, result, script
from backhaul.cli.bench_statements import p95

# 30 % of the customers are the ISP's own, 40 % a reseller's, 20 % of an operator at the third level; the rest spread.
OWNER = "CASE WHEN n % 10 < 3 THEN 1 WHEN n % 10 < 7 THEN 2 WHEN n % 10 < 9 THEN 102 ELSE 1 + n % 301 END"
SEATS = {"isp": 1, "middle": 2, "leaf": 102}
PASSWORD = "a-long-enough-password"
PAYMENTS = 20_000  # of each seat
AT_ONCE = 500
RUNS = 40
FORBIDDEN = 403  # not for this seat
OF_THE_UNIT = 5  # queries around every page: session, user, ISP, who acts, the unit's settings
PAGES: tuple[tuple[str, str], ...] = (
    ("dashboard", "/"),
    *(
        (f"dashboard, card {card}", f"/dashboard/{card}/")
        for card in ("recent", "expiring", "held", "fund", "children", "books")
    ),
    ("customers", "/customers/"),
    ("customers, next page", "/customers/?after={customer}"),
    ("customers by name", "/customers/?order=name"),
    ("customers, suspended", "/customers/?status=suspended"),
    ("customers of a package", "/customers/?package=1-3"),
    ("customers of a zone", "/customers/?zone={zone}"),
    ("customers, a name", "/customers/?q=nusrat+paul"),
    ("customers, a mobile", "/customers/?q={mobile}"),
    ("customer", "/customers/{customer}/"),
    ("account of a customer", "/customers/{customer}/account/"),
    ("bills", "/bills/"),
    ("bills open", "/bills/?status=open"),
    ("bill", "/bills/{bill}/"),
    ("collect, a search", "/collect/?q=user{customer}"),
    ("collect from", "/collect/{customer}/"),
    ("payments", "/payments/"),
    ("payment", "/payments/{payment}/"),
    ("packages", "/packages/"),
    ("sessions", "/network/sessions/"),
    ("funds", "/funds/"),
    ("resellers", "/resellers/"),
    ("books", "/books/"),
    ("trial balance", "/books/trial-balance/"),
    ("income statement", "/books/income-statement/"),
    ("receivables", "/books/receivables/"),
    ("day book", "/books/day-book/"),
)
SEARCHES = ("exact", "prefix", "4 to 8 characters")


@dataclass
class Measured:
    """A page as one seat opened it: seconds of each visit, and the most queries that one took."""

    seconds: list[float] = field(default_factory=list)
    queries: int = 0
    status: int = 0


def run(customers: int = 1_000_000, pairs: int = 1) -> dict[str, Any]:
    """The slowest p95 of all pages and seats in milliseconds; each one's own in `ratios`. `pairs` has no part in it."""
    started = time.perf_counter()
    with bench_server() as server:
        server.fill(customers, 3, owner=OWNER)
        today = datetime.now(UTC).date()
        with server.admin() as admin:
            admin.execute(script("pages.sql").format(month=today.replace(day=1), **_grants()).encode())
        _bill_and_pay(server, today)
        filled = time.perf_counter() - started
        pages = {f"{seat}: {name}": seen for seat in SEATS for name, seen in _visit(server, seat).items()}
        searches = _search(server)
    slowest = max(p95(page.seconds) for page in pages.values())
    report = result(
        "pages",
        figure=slowest * 1000,
        unit="ms p95 of the slowest page",
        ratios=[slowest / 0.150],
        against="the budget of 150 ms (less is better)",
        size=customers,
        wall_s=time.perf_counter() - started,
    )
    each = {name: _told(page) for name, page in pages.items()}
    return report | {"ratios": each | searches | {"filling the server": f"{filled:.0f} s of wall clock"}}


def _told(page: Measured) -> str:
    p50, worst = statistics.median(page.seconds) * 1000, p95(page.seconds) * 1000
    answer = "" if page.status == 200 else f", answered {page.status}"
    return f"p50 {p50:.0f} ms, p95 {worst:.0f} ms, {page.queries} queries{answer}"


def _grants() -> dict[str, str]:
    from backhaul.operators.rules import PERMISSIONS, grantable

    return {
        name: f"{{{','.join(sorted(of))}}}"
        for name, of in (("permissions", PERMISSIONS), ("grantable", grantable(PERMISSIONS)))
    }


def _bill_and_pay(server: BenchServer, today: date) -> None:
    """This month's bills for everybody, some payments of each seat, all sealed and counted as jobs do."""
    from backhaul.billing.runs import bill_isp
    from backhaul.billing.standing import count_standings
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.ledger.services import seal_all_books
    from backhaul.network.presence import count_all_online
    from backhaul.operators.functions import rows
    from backhaul.operators.scope import unit_of_work

    isp, now = get_isp_by_slug("bench"), datetime.now(UTC)
    bill_isp(isp, on=today, now=now)
    for chunk in range(PAYMENTS // AT_ONCE):
        for operator in SEATS.values():
            with unit_of_work(isp, operator):
                rows(
                    "SELECT count(record_payment(id, 30000 + 1000 * (id %% 40), 'cash', %s, %s, '', "
                    "'bench-' || id, true)::text) "
                    "FROM (SELECT id FROM customer WHERE operator_id = %s ORDER BY id OFFSET %s LIMIT %s) AS payers",
                    [today, now, operator, chunk * AT_ONCE, AT_ONCE],
                )
        if chunk == 0:  # a server in use has statistics
            with server.admin() as admin:
                admin.execute("VACUUM ANALYZE")
    seal_all_books(isp, now=now)
    count_standings(isp, now=now)
    count_all_online(isp, now=now)
    with server.admin() as admin:
        admin.execute("VACUUM ANALYZE")


def _visit(server: BenchServer, seat: str) -> dict[str, Measured]:
    """Each page in turn, so often; as the operator's owner sees it, the same way as a request comes in."""
    from django.test import Client

    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.network.presence import count_all_online
    from backhaul.operators.scope import unit_of_work
    from backhaul.resellers.services import add_staff
    from config import wsgi

    assert wsgi.application  # loaded as a web process loads it, before its first page
    isp, operator = get_isp_by_slug("bench"), SEATS[seat]
    with unit_of_work(isp, operator):
        person = {"name": f"owner.{seat}", "full_name": "Bench", "password": PASSWORD, "must_change_password": False}
        add_staff(operator_id=operator, role="owner", **person)
    ids = _ids(server, operator)
    client = Client(raise_request_exception=False, HTTP_HOST="localhost")
    client.post("/sign-in/", {"username": f"owner.{seat}@bench", "password": PASSWORD})
    seen = {name: Measured() for name, _ in PAGES}
    for n in range(RUNS):
        count_all_online(isp, now=datetime.now(UTC))  # as the worker does each minute
        for name, address in PAGES:
            if seen[name].status != FORBIDDEN:
                _open(client, address.format(**ids[n % len(ids)]), seen[name])
    return {name: page for name, page in seen.items() if page.status != FORBIDDEN}


def _ids(server: BenchServer, operator: int) -> list[dict[str, Any]]:
    """Random customers of an operator, each with a bill, and with a payment."""
    with server.admin() as admin:
        admin.execute("SELECT setseed(0.5)")
        found = admin.execute(
            "SELECT c.id, c.mobile, i.id, p.id FROM payment p JOIN customer c ON c.operator_id = p.operator_id "
            "AND c.id = p.customer_id JOIN invoice i ON i.operator_id = c.operator_id AND i.customer_id = c.id "
            "WHERE p.operator_id = %s ORDER BY random() LIMIT 20",
            [operator],
        ).fetchall()
    names = ("customer", "mobile", "bill", "payment")
    return [dict(zip(names, row, strict=True)) | {"zone": operator * 1000 + 1 + n} for n, row in enumerate(found)]


def _open(client: Any, address: str, page: Measured) -> None:
    with _counted() as count:
        start = time.perf_counter()
        answer = client.get(address)
        page.seconds.append(time.perf_counter() - start)
    page.queries = max(page.queries, count() - OF_THE_UNIT)
    page.status = answer.status_code


@contextmanager
def _counted() -> Iterator[Callable[[], int]]:
    from django.db import connection

    asked = 0

    def one_more(execute: Any, *arguments: Any) -> Any:
        nonlocal asked
        asked += 1
        return execute(*arguments)

    with connection.execute_wrapper(one_more):
        yield lambda: asked


def _search(server: BenchServer) -> dict[str, str]:
    """The search of customers in the database, by kind of what is typed (ARCHITECTURE §7)."""
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.operators.scope import unit_of_work
    from backhaul.subscribers.queries import search_customers

    report = {}
    for seat, operator in SEATS.items():
        ids = _ids(server, operator)
        typed = {
            "exact": [f"user{row['customer']}" for row in ids] + [row["mobile"] for row in ids],
            "prefix": [row["mobile"][:7] for row in ids] + [f"C{row['customer']:07}"[:6] for row in ids],
            "4 to 8 characters": ["nusr", "rat pau", "karim", "husr", "arhana b", "sark", "shafiq a", "7919"],
        }
        with unit_of_work(get_isp_by_slug("bench"), operator):
            for kind, words in typed.items():
                times = []
                for word in words * 3:
                    start = time.perf_counter()
                    search_customers(word)
                    times.append(time.perf_counter() - start)
                report[f"{seat}: search, {kind}"] = (
                    f"p50 {statistics.median(times) * 1000:.1f} ms, p95 {p95(times) * 1000:.1f} ms"
                )
    return report
