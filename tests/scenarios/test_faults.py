"""Runs at once and runs killed in the middle end in the very state of one quiet run (SPEC A38, LEDGER 2d)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from tests.cast import CELL, Cast, build_cast, fill_funds
from tests.scenarios.money import night
from tests.scenarios.test_oracles import NOV_1, pay, taken_over

STATE = {
    "invoice": "operator_id, subscription_id, number, starts_on, ends_on, total_minor, due_on",
    "charge": "child_id, owner_id, subscription_id, starts_on, net_minor, vat_minor",
    "fund": "child_id, posted_minor, owed_minor",
    "billing_state": "operator_id, subscription_id, billed_until",
    "invoice_open": "operator_id, customer_id, number, open_minor",
    "customer_advance": "operator_id, customer_id, advance_minor",
    "held_bill": "operator_id, subscription_id, starts_on, short_child_id, short_minor",
    "invoice_numbering": "operator_id, next_number",
}
BOOKS = (
    "SELECT operator_id, code, sum(minor)::bigint FROM (SELECT operator_id, debit_code AS code, amount_minor AS minor "
    "FROM posting UNION ALL SELECT operator_id, credit_code, -amount_minor FROM posting) s GROUP BY 1, 2 ORDER BY 1, 2"
)
RUN = (
    "from datetime import UTC, date, datetime\n"
    "import django; django.setup()\n"
    "from backhaul.billing.runs import bill_isp\n"
    "from backhaul.identity.queries import get_isp_by_slug\n"
    "now = datetime(2026, 11, 1, 6, tzinfo=UTC)\n"
    "bill_isp(get_isp_by_slug('padma'), on=date(2026, 11, 1), now=now, slice_bills=3)\n"
)
# Where a slice is stopped: a lock on these rows makes it wait there, with all that it wrote before uncommitted.
STOPS = {
    "while it locks the funds": f"SELECT 1 FROM {CELL}.fund FOR UPDATE",
    "before the first invoice": f"SELECT 1 FROM {CELL}.invoice_numbering FOR UPDATE",
    "after the charges, at the advance": f"SELECT 1 FROM {CELL}.customer_advance FOR UPDATE",
    "at the very end": f"SELECT 1 FROM {CELL}.billing_state FOR UPDATE",
}


def admin(server: EmbeddedPostgres, database: str = "backhaul") -> psycopg.Connection[Any]:
    return psycopg.connect(server.admin_url.rsplit("/", 1)[0] + f"/{database}", autocommit=True)


def state(server: EmbeddedPostgres) -> dict[str, Any]:
    """Everything that a run decides, row by row, and every book by account."""
    with admin(server) as connection:
        connection.execute(f"SET search_path = {CELL}".encode())
        found = {
            table: connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}".encode()).fetchall()
            for table, columns in STATE.items()
        }
        found["books"] = connection.execute(BOOKS.encode()).fetchall()
    return found


@contextmanager
def copied(server: EmbeddedPostgres) -> Iterator[Callable[[], None]]:
    """Yields what brings the database back to how it is now."""
    connections.close_all()
    with admin(server, "postgres") as connection:
        connection.execute("DROP DATABASE IF EXISTS before")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'backhaul'")
        connection.execute("CREATE DATABASE before TEMPLATE backhaul")

        def restore() -> None:
            connections.close_all()
            connection.execute("DROP DATABASE backhaul WITH (FORCE)")
            connection.execute("CREATE DATABASE backhaul TEMPLATE before OWNER backhaul_owner")
            connection.execute("REVOKE ALL ON DATABASE backhaul FROM PUBLIC")
            roles = "backhaul_app, backhaul_batch, backhaul_owner, backhaul_radius, backhaul_auditor, backhaul_books"
            connection.execute(f"GRANT CONNECT ON DATABASE backhaul TO {roles}")
            connection.execute("GRANT TEMP ON DATABASE backhaul TO backhaul_books, backhaul_batch")

        yield restore
        connection.execute("DROP DATABASE before")


def start_run() -> subprocess.Popen[bytes]:
    """A run in a process of its own, in slices of three bills."""
    return subprocess.Popen([sys.executable, "-c", RUN], env=os.environ, stderr=subprocess.PIPE)


def crowd(cast: Cast) -> None:
    """Customers at every level, some with an advance, and a fund that covers only some of them."""
    fill_funds(cast, north=20_000_00, riverside=3_000_00, rival=50_000_00)
    for operator_id, count in ((cast.riverside, 9), (cast.north, 6), (cast.rival, 5), (cast.padma.isp_id, 5)):
        added = [taken_over(cast, operator_id) for _ in range(count)]
        for customer in added[::3]:
            pay(cast, operator_id, customer.customer_id, 700_00, date(2026, 10, 20))


def wait_until_blocked(server: EmbeddedPostgres, process: subprocess.Popen[bytes]) -> None:
    """Until the run waits for a lock of ours (or has ended, which is a mistake of the test)."""
    deadline = time.monotonic() + 30
    with admin(server) as connection:
        while time.monotonic() < deadline:
            waiting = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'backhaul-batch' AND wait_event_type = 'Lock'"
            ).fetchone()
            if waiting:
                return
            assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""
            connection.execute("SELECT pg_sleep(0.02)")
    raise AssertionError("the run never came to the lock")


def wait_until_gone(server: EmbeddedPostgres) -> None:
    """Until the killed run's connection has ended and its transaction is undone."""
    with admin(server) as connection:
        for _ in range(500):
            left = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'backhaul-batch' AND state <> 'idle'"
            ).fetchone()
            if left is None:
                return
            connection.execute("SELECT pg_sleep(0.02)")
    raise AssertionError("the killed run's transaction is still open")


@pytest.fixture
def crowded(db: EmbeddedPostgres) -> Cast:
    cast = build_cast(vat_bp=500)
    crowd(cast)
    return cast


def test_killed_runs_and_runs_at_once_end_like_one_quiet_run(db: EmbeddedPostgres, crowded: Cast) -> None:
    """SIGKILL of a run at four points of a slice, then two runs at once: the state of a quiet run, to the row."""
    with copied(db) as restore:
        night(crowded, NOV_1)
        quiet = state(db)
        assert len(quiet["held_bill"]) > 0 and len(quiet["invoice"]) > 10
        restore()
        for where, statement in STOPS.items():
            with admin(db) as blocker, blocker.transaction():
                blocker.execute(statement.encode())
                process = start_run()
                wait_until_blocked(db, process)
                process.send_signal(signal.SIGKILL)
                process.wait()
            wait_until_gone(db)
            assert state(db)["books"] != quiet["books"], where
        for process in [start_run(), start_run()]:
            assert process.wait(60) == 0, process.stderr.read().decode() if process.stderr else ""
        assert state(db) == quiet
        night(crowded, NOV_1)
        assert state(db) == quiet
