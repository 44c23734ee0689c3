"""A dump restored into another database server keeps every trial balance and every chain of seals."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backhaul.cli.embedded import EmbeddedPostgres, wheel_bin_dir
from backhaul.cli.tests.test_command import environment, run
from backhaul.cli.tests.test_embedded import free_port
from backhaul.ledger import services
from backhaul.ledger.heads import make_heads
from tests.cast import CELL, Cast
from tests.ledger.test_stopped_books import DEC, business, verify
from tests.scenarios.money import noon

pytestmark = pytest.mark.slow
__all__ = ["business"]  # a fixture of that file

TRIAL_BALANCE = """
    SELECT operator_id, code, sum(amount)::bigint FROM (
        SELECT operator_id, debit_code AS code, amount_minor AS amount FROM posting
        UNION ALL SELECT operator_id, credit_code, -amount_minor FROM posting) AS sides
    GROUP BY 1, 2 ORDER BY 1, 2"""
NETS = "SELECT operator_id, code, sum(debit_minor - credit_minor)::bigint FROM account_day GROUP BY 1, 2 ORDER BY 1, 2"
CHAINS = "SELECT operator_id, no, hash FROM seal ORDER BY 1, 2"
HEADS = "SELECT operator_id, on_date, seal_no, hash, debits_minor FROM daily_head ORDER BY 1, 2"


@pytest.fixture
def other(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    """Another server, with a cluster of its own."""
    binaries = os.environ.get("BACKHAUL_TEST_PG_BIN")
    found = EmbeddedPostgres(
        tmp_path / "theirs" / "postgres", free_port(), bin_dir=Path(binaries) if binaries else None
    )
    found.ensure_started()
    yield found
    found.stop()


def tool(name: str, *arguments: str) -> None:
    folder = Path(os.environ.get("BACKHAUL_TEST_PG_BIN") or wheel_bin_dir())
    done = subprocess.run([folder / name, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def in_database(server: EmbeddedPostgres) -> str:
    return server.admin_url.removesuffix("/postgres") + "/backhaul"


def figures(server: EmbeddedPostgres) -> list[list[Any]]:
    with psycopg.connect(in_database(server), options=f"-c search_path={CELL},public,ext") as admin:
        return [admin.execute(query.encode()).fetchall() for query in (TRIAL_BALANCE, NETS, CHAINS, HEADS)]


def test_a_dump_restored_elsewhere_keeps_trial_balances_and_chains(
    db: EmbeddedPostgres, business: Cast, other: EmbeddedPostgres, tmp_path: Path
) -> None:
    services.seal_all_books(business.padma, now=noon(DEC))
    make_heads(business.padma, today=DEC, now=noon(DEC))
    assert verify(business) == {}
    before = figures(db)
    assert all(before)

    env = environment(tmp_path / "ours") | {"DATABASE_URL": in_database(other)}
    env["BACKHAUL_CELLS"] = os.environ.get("BACKHAUL_CELLS", "1")
    assert run(env, "setup-database", "--admin-url", other.admin_url).returncode == 0  # the roles
    with psycopg.connect(other.admin_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE backhaul")
        admin.execute("CREATE DATABASE backhaul")
    dump = tmp_path / "books.dump"
    tool("pg_dump", "--format=custom", f"--file={dump}", in_database(db))
    tool("pg_restore", "--exit-on-error", f"--dbname={in_database(other)}", str(dump))
    done = run(env, "setup-database", "--admin-url", other.admin_url)
    assert done.returncode == 0, done.stderr

    assert figures(other) == before
    proved = run(env, "verify", "--json")
    assert proved.returncode == 0, proved.stdout + proved.stderr
    file = tmp_path / "books.jsonl"
    assert run(env, "export-books", "--isp", "padma", str(file)).returncode == 0
    with psycopg.connect(in_database(db), options=f"-c search_path={CELL},public,ext") as admin:
        kept = admin.execute("SELECT on_date, encode(hash, 'hex') FROM daily_head").fetchall()
    pins = [part for on, digest in kept for part in ("--head", str(on), digest)]
    checked = run(env, "check-books", str(file), *pins)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("all is as it was when the head of") == len(kept) > 1
    assert json.loads(proved.stdout)["ok"]
