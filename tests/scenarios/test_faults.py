"""Runs at once and runs killed in the middle end in the very state of one quiet run (SPEC A38, LEDGER 2d)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connections

from backhaul.billing.runs import RunReport
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.functions import rows
from backhaul.operators.scope import retried
from backhaul.payments.services import record_payment
from tests.builders import acting
from tests.cast import CELL, Cast, build_cast, fill_funds
from tests.scenarios.lines import CommitSwallower
from tests.scenarios.money import assert_proved, night, noon
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
    "payment": "operator_id, customer_id, amount_minor",
    "allocation": "operator_id, customer_id, amount_minor",
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
# Where a slice is stopped: a lock makes it wait there, with all that it wrote before uncommitted.
STOPS = {
    "while it locks the funds": f"SELECT 1 FROM {CELL}.fund FOR UPDATE",
    "while it locks the customers": f"SELECT 1 FROM {CELL}.customer FOR UPDATE",
    "at what is held": f"LOCK TABLE {CELL}.held_bill IN SHARE MODE",
    "before the first invoice": f"SELECT 1 FROM {CELL}.invoice_numbering FOR UPDATE",
    "at the invoices": f"LOCK TABLE {CELL}.invoice IN SHARE MODE",
    "at the movements of the funds": f"LOCK TABLE {CELL}.fund_movement IN SHARE MODE",
    "at the charges": f"LOCK TABLE {CELL}.charge IN SHARE MODE",
    "at what is open": f"LOCK TABLE {CELL}.invoice_open IN SHARE MODE",
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

    def running() -> None:
        assert process.poll() is None, process.stderr.read().decode() if process.stderr else ""

    wait_for_lock(server, running)


def wait_for_lock(server: EmbeddedPostgres, meanwhile: Callable[[], None] = lambda: None) -> None:
    """Until somebody who bills waits for a lock."""
    deadline = time.monotonic() + 30
    with admin(server) as connection:
        while time.monotonic() < deadline:
            waiting = connection.execute(
                "SELECT 1 FROM pg_stat_activity WHERE application_name = 'backhaul-batch' AND wait_event_type = 'Lock'"
            ).fetchone()
            if waiting:
                return
            meanwhile()
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
    """SIGKILL of a run at ten points of a slice, then two runs at once: the state of a quiet run, to the row."""
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


def test_a_connection_cut_after_commit_was_sent_leaves_one_effect_of_a_slice_and_of_a_payment(
    db: EmbeddedPostgres, crowded: Cast
) -> None:
    """The server has committed, the client never hears: said again with the same key, it is there once."""
    with copied(db) as restore:
        night(crowded, NOV_1, slice_bills=3)
        customer = customer_of(crowded)
        pay_with_key(crowded, customer)
        quiet = state(db)
        restore()
        for commits in (1, 2, 4):  # the run is opened; its first slice is done; its third is
            with not_told(db, "batch", commits):
                night(crowded, NOV_1, slice_bills=3)
        night(crowded, NOV_1, slice_bills=3)
        with not_told(db, "default", 1):
            pay_with_key(crowded, customer)
        pay_with_key(crowded, customer)
        assert state(db) == quiet


def customer_of(cast: Cast) -> int:
    with acting(cast.padma, cast.riverside):
        return int(rows("SELECT min(id) AS id FROM customer")[0]["id"])


def pay_with_key(cast: Cast, customer_id: int) -> None:
    with acting(cast.padma, cast.riverside):
        record_payment(
            customer_id=customer_id,
            amount_minor=900_00,
            method="cash",
            received_on=NOV_1,
            now=noon(NOV_1),
            request_key="the same key",
        )


@contextmanager
def not_told(server: EmbeddedPostgres, alias: str, commits: int) -> Iterator[None]:
    """What happens inside goes by a line that is cut when the n-th COMMIT was carried out."""
    settings = connections[alias].settings_dict
    before = settings["PORT"]
    connections[alias].close()
    with CommitSwallower(("127.0.0.1", server.port), commits) as line:
        settings["PORT"] = line.port
        try:
            with pytest.raises(OperationalError):
                yield
        finally:
            connections[alias].close()
            settings["PORT"] = before
        assert line.swallowed


def test_a_slice_that_a_deadlock_undid_is_done_again(db: EmbeddedPostgres, crowded: Cast) -> None:
    """40P01: whoever holds a customer and asks for its fund meets the run, which is undone and tries again."""
    done: list[RunReport] = []

    def run_the_night() -> None:
        done.append(night(crowded, NOV_1))
        connections.close_all()

    run = threading.Thread(target=run_the_night)
    with admin(db) as other, other.transaction():
        other.execute("SET LOCAL deadlock_timeout = '60s'")  # so that the run is the one that is undone
        other.execute(f"SELECT 1 FROM {CELL}.customer WHERE operator_id = {crowded.north} FOR UPDATE".encode())
        run.start()
        wait_for_lock(db)
        other.execute(f"SELECT 1 FROM {CELL}.fund FOR UPDATE".encode())
    run.join(30)
    assert done and done[0].created > 10
    assert deadlocks(db) >= 1
    assert_proved()


def deadlocks(server: EmbeddedPostgres) -> int:
    """As the server counts them; sessions report when they end."""
    with admin(server) as connection:
        found = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = 'backhaul'").fetchone()
    return int(found[0]) if found else 0


def test_what_is_tried_again_is_tried_five_times_and_only_after_a_deadlock() -> None:
    tried: list[int] = []

    def fail(sqlstate: str) -> None:
        tried.append(1)
        raise OperationalError from psycopg.errors.lookup(sqlstate)()

    for sqlstate, times in (("40P01", 5), ("40001", 5), ("57014", 1)):
        tried.clear()
        with pytest.raises(OperationalError):
            retried(lambda sqlstate=sqlstate: fail(sqlstate))  # type: ignore[misc]
        assert len(tried) == times
