"""`bench statements`: statements of a three-year book on random days, against one plain scan of its postings."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import psycopg

from backhaul.cli.bench_server import bench_server, result, script

MONTHS = 36
FIRST, LAST = date(2023, 11, 1), date(2026, 10, 31)
POSTINGS_EACH = 3 * MONTHS  # of one customer
TAIL = 500  # entries that are not folded yet
RUNS = 40


def run(customers: int = 46_300, pairs: int = 3) -> dict[str, Any]:
    """The p95 of the trial balance, of other statements in `ratios`, all in milliseconds; the ratio is to the scan."""
    started = time.perf_counter()
    with bench_server() as server, server.admin() as admin:
        server.fill(1_000, 1)
        fill_book(admin, customers)
        days = random.Random(4)
        timed = {name: _timed(asked, days) for name, asked in _questions().items()}
        ratios = [scan(admin, "scan", days) / statistics.median(timed["trial balance"]) for _ in range(pairs)]
    found = {
        f"{name}, {part} ms": round(value, 1)
        for name, times in timed.items()
        for part, value in (("p50", statistics.median(times) * 1000), ("p95", p95(times) * 1000))
    }
    report = result(
        "statements",
        figure=p95(timed["trial balance"]) * 1000,
        unit="ms p95 of the trial balance",
        ratios=ratios,
        against="one scan of the postings (times faster)",
        size=customers * POSTINGS_EACH,
        wall_s=time.perf_counter() - started,
    )
    return report | {"ratios": found}


def fill_book(admin: psycopg.Connection[Any], customers: int, tail: int = TAIL) -> None:
    """The long book of benchmarks/book.sql in operator 1, folded, with a tail of so many entries that is not."""
    for month in range(MONTHS):
        for part in ("entries", "postings", "fold"):
            admin.execute(_part(part).format(month=month, customers=customers).encode())
    for part in ("end", "tail"):
        with admin.transaction():
            for statement in _part(part).format(tail=tail).split(";"):
                if statement.strip():
                    admin.execute(statement.encode())
    admin.execute("VACUUM ANALYZE")
    admin.execute("CHECKPOINT")


def scan(admin: psycopg.Connection[Any], part: str, days: random.Random) -> float:
    """How long the plain way takes, in seconds, for a random day."""
    start = time.perf_counter()
    admin.execute(_part(part).format(on=random_day(days)).encode()).fetchall()
    return time.perf_counter() - start


def random_day(days: random.Random) -> date:
    return FIRST + timedelta(days=days.randrange((LAST - FIRST).days))


def p95(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.95)]


def _questions() -> dict[str, Callable[[date], object]]:
    from backhaul.ledger.reports import get_balance_sheet, get_income_statement, get_trial_balance

    def month_of(on: date) -> dict[str, date]:
        return {"from_on": on.replace(day=1), "to_on": on}

    return {
        "trial balance": lambda on: get_trial_balance(on=on),
        "trial balance, known the day before the last": lambda on: get_trial_balance(
            on=on, known_on=LAST - timedelta(days=1)
        ),
        "trial balance, known a month before the last": lambda on: get_trial_balance(
            on=on, known_on=LAST - timedelta(days=30)
        ),
        "income statement of a month": lambda on: get_income_statement(**month_of(on)),
        "balance sheet": lambda on: get_balance_sheet(on=on),
    }


def _timed(asked: Callable[[date], object], days: random.Random) -> list[float]:
    """Seconds per statement, each in a unit of work of its own as a page has it, the first two left out."""
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.operators.scope import unit_of_work

    isp = get_isp_by_slug("bench")
    times = []
    for _ in range(RUNS + 2):
        on = random_day(days)
        start = time.perf_counter()
        with unit_of_work(isp, 1):
            asked(on)
        times.append(time.perf_counter() - start)
    return times[2:]


def _part(name: str) -> str:
    """The statements after "-- :name" in book.sql."""
    return script("book.sql").split(f"-- :{name}\n", 1)[1].split("\n-- :", 1)[0]
