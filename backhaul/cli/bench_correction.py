"""`bench correction`: rows that an entry dated back writes, with nothing, 1,000 and 100,000 entries after its day."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import psycopg

from backhaul.cli.bench_server import bench_server, result, script

if TYPE_CHECKING:
    from backhaul.identity.models import IspDirectory

DAY = date(2024, 1, 1)
NOW = datetime(2026, 11, 1, 6, tzinfo=UTC)
LATER = (0, 1_000, 100_000)
OPERATOR = 1


def run(customers: int = LATER[-1], pairs: int = 5) -> dict[str, Any]:
    """The most rows that one correction writes, sealed and folded; `customers` entries lie after it in the last round.

    The ratio is of rows written with all of them after it to rows written with none; `ratios` has each round's rows
    and milliseconds.
    """
    started = time.perf_counter()
    rounds: dict[int, list[tuple[int, float]]] = {}
    with bench_server() as server, server.admin() as admin:
        from backhaul.identity.queries import get_isp_by_slug

        server.fill(1_000, 1)
        isp = get_isp_by_slug("bench")
        _seal(isp)
        there = 0
        for later in sorted({*LATER[:-1], customers}):
            _add_later(admin, there, later)
            _seal(isp)
            there = max(there, later)
            rounds[later] = [_correct(admin, isp, f"{later}-{n}") for n in range(pairs)]
    written = {later: [rows for rows, _ in found] for later, found in rounds.items()}
    report = result(
        "correction",
        figure=max(max(found) for found in written.values()),
        unit="rows written by a correction at most",
        ratios=[most / least for most, least in zip(written[customers], written[0], strict=True)],
        against="those that it writes with nothing after it",
        size=customers,
        wall_s=time.perf_counter() - started,
    )
    return report | {
        "ratios": {
            f"{later:,} later entries": f"{sorted(set(written[later]))} rows, "
            f"{statistics.median(seconds for _, seconds in found) * 1000:.1f} ms"
            for later, found in rounds.items()
        }
    }


def _add_later(admin: psycopg.Connection[Any], there: int, wanted: int) -> None:
    """Entries on the days after DAY in the same accounts, until there are so many."""
    parts = script("later.sql").split(";")
    with admin.transaction():
        for part in parts:
            if part.strip():
                admin.execute(part.format(first=there + 1, last=wanted).encode())


def _correct(admin: psycopg.Connection[Any], isp: IspDirectory, key: str) -> tuple[int, float]:
    """Post an entry on DAY, seal it and fold it: the rows that were inserted or updated, and the time it took."""
    from django.db import connections

    from backhaul.ledger.rules import ManualLine
    from backhaul.ledger.services import post_manual_entry
    from backhaul.operators.scope import unit_of_work

    before = _rows_written(admin)
    for connection in connections.all():
        connection.ensure_connection()
    start = time.perf_counter()
    with unit_of_work(isp, OPERATOR):
        post_manual_entry(
            effective_on=DAY, lines=[ManualLine("cash", "other_income", 100)], reason="late", request_key=key, now=NOW
        )
    _seal(isp)
    seconds = time.perf_counter() - start
    return _rows_written(admin) - before, seconds


def _seal(isp: IspDirectory) -> None:
    from backhaul.ledger.services import seal_all_books

    seal_all_books(isp, now=NOW)


def _rows_written(admin: psycopg.Connection[Any]) -> int:
    """Rows inserted and updated in any table since the server began, once every connection has told its own."""
    from django.db import connections

    connections.close_all()
    while admin.execute(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND backend_type = 'client backend'"
    ).fetchone():
        time.sleep(0.01)
    admin.execute("SELECT pg_stat_force_next_flush()")
    found = admin.execute("SELECT sum(n_tup_ins + n_tup_upd)::bigint FROM pg_stat_user_tables").fetchone()
    assert found
    return int(found[0])
