"""`bench billing`: bills per second, and the ratio to the floor: the same rows inserted without any guard."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from backhaul.cli.bench_server import BenchServer, bench_server, result, script

FLOOR_TABLES = ("invoice", "charge", "entry", "posting", "invoice_open", "fund_movement")
MONTHS = [date(2026, 10, 1), date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1), date(2027, 3, 1)]


def run(customers: int = 200_000, pairs: int = 3) -> dict[str, Any]:
    """Interleaved pairs: bill one month with every guard on, then insert that month's rows into the floor's tables."""
    started = time.perf_counter()
    with bench_server() as server:
        server.fill(customers, pairs + 1)
        with server.admin() as admin:
            _make_floor(admin)
            speeds, ratios = [], []
            for month in MONTHS[:pairs]:
                engine_s, bills = _bill(server, admin, month)
                floor_s = _floor(admin)
                speeds.append(bills / engine_s)
                ratios.append(floor_s / engine_s)
    return result(
        "billing",
        figure=statistics.median(speeds),
        unit="bills/s",
        ratios=ratios,
        against="INSERT … SELECT of the same rows into identically indexed tables without guards",
        size=customers,
        wall_s=time.perf_counter() - started,
    )


def _bill(server: BenchServer, admin: psycopg.Connection[Any], month: date) -> tuple[float, int]:
    """One month's run as the batch role; leaves the run's id and first entry in the session for the floor."""
    from backhaul.billing.runs import bill_isp
    from backhaul.identity.queries import get_isp_by_slug

    first = admin.execute("SELECT last_value + 1 FROM entry_id").fetchone()
    admin.execute("CHECKPOINT")
    start = time.perf_counter()
    report = bill_isp(get_isp_by_slug("bench"), on=month, now=datetime(month.year, month.month, month.day, tzinfo=UTC))
    elapsed = time.perf_counter() - start
    run_id = admin.execute("SELECT max(id) FROM billing_run").fetchone()
    assert first is not None and run_id is not None
    for statement in _part("capture").format(run=run_id[0], first_entry=first[0]).split(";"):
        if statement.strip():
            admin.execute(statement.encode())
    return elapsed, report.created


def _floor(admin: psycopg.Connection[Any]) -> float:
    admin.execute("CHECKPOINT")
    start = time.perf_counter()
    with admin.transaction():
        for statement in _part("floor").split(";"):
            if statement.strip():
                admin.execute(statement.encode())
    elapsed = time.perf_counter() - start
    admin.execute(_part("drop").encode())
    return elapsed


def _make_floor(admin: psycopg.Connection[Any]) -> None:
    admin.execute("CREATE SCHEMA floor")
    for table in FLOOR_TABLES:
        admin.execute(f"CREATE TABLE floor.{table} (LIKE {table} INCLUDING INDEXES)".encode())
    admin.execute("CREATE TABLE floor.billing_state (LIKE billing_state INCLUDING INDEXES) WITH (fillfactor = 50)")
    admin.execute("INSERT INTO floor.billing_state SELECT * FROM billing_state")


def _part(name: str) -> str:
    """The statements after "-- :name" in floor.sql."""
    return script("floor.sql").split(f"-- :{name}\n", 1)[1].split("\n-- :", 1)[0]
