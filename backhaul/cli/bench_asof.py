"""`bench asof`: what one account held on a random day, at a million postings, against a scan of its postings."""

from __future__ import annotations

import random
import statistics
import time
from datetime import timedelta
from typing import Any

from backhaul.cli.bench_server import bench_server, result
from backhaul.cli.bench_statements import LAST, POSTINGS_EACH, fill_book, p95, random_day, scan

RUNS = 300
TAIL = 50  # entries since the last seal, a minute ago


def run(customers: int = 9_260, pairs: int = 5) -> dict[str, Any]:
    """The p95 of an as-of balance in milliseconds; in `ratios` also as known a day before the last."""
    started = time.perf_counter()
    with bench_server() as server, server.admin() as admin:
        from backhaul.identity.queries import get_isp_by_slug
        from backhaul.operators.scope import unit_of_work

        server.fill(1_000, 1)
        fill_book(admin, customers, tail=TAIL)
        days = random.Random(4)
        with unit_of_work(get_isp_by_slug("bench"), 1):
            now = _timed(days, known=False)
            known = _timed(days, known=True)
        ratios = [scan(admin, "scan_account", days) / statistics.median(now) for _ in range(pairs)]
    report = result(
        "asof",
        figure=p95(now) * 1000,
        unit="ms p95 of a balance on a day",
        ratios=ratios,
        against="a scan of the account's postings (times faster)",
        size=customers * POSTINGS_EACH,
        wall_s=time.perf_counter() - started,
    )
    return report | {
        "ratios": {
            "p50 ms": round(statistics.median(now) * 1000, 2),
            "as known the day before the last, p50 ms": round(statistics.median(known) * 1000, 2),
            "as known the day before the last, p95 ms": round(p95(known) * 1000, 2),
        }
    }


def _timed(days: random.Random, *, known: bool) -> list[float]:
    from backhaul.ledger.balances import sum_balance

    times = []
    for _ in range(RUNS):
        on = random_day(days)
        start = time.perf_counter()
        sum_balance("cash", on, known_on=LAST - timedelta(days=1) if known else None)
        times.append(time.perf_counter() - start)
    return times
