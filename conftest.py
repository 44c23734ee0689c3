"""One embedded PostgreSQL per test process, set up as in production; tests connect as the app role."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.pq import TransactionStatus

_HOME = Path(tempfile.mkdtemp(prefix="backhaul-test-"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_PORT = _free_port()
os.environ["BACKHAUL_HOME"] = str(_HOME)
os.environ["DATABASE_URL"] = f"postgresql://127.0.0.1:{_PORT}/backhaul"
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connections  # noqa: E402

# Argon2 costs what it costs on purpose; tests sign in often.
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

from backhaul.cli.embedded import EmbeddedPostgres  # noqa: E402
from backhaul.operators.database import setup_database  # noqa: E402
from tests.cast import Cast, build_cast  # noqa: E402

_admin: list[psycopg.Connection[Any]] = []  # the superuser's, which empties the tables

LONGEST = ("tests/browser/", "tests/scenarios/", "tests/ledger/", "tests/test_demo.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no process ends long after the others."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedPostgres]:
    """A running, set-up database server. BACKHAUL_TEST_PG_BIN runs the suite on another PostgreSQL."""
    binaries = os.environ.get("BACKHAUL_TEST_PG_BIN")
    postgres = EmbeddedPostgres(
        _HOME / "postgres",
        _PORT,
        settings={"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "100"},
        bin_dir=Path(binaries) if binaries else None,
    )
    postgres.ensure_started()
    try:
        setup_database(postgres.admin_url)
        yield postgres
    finally:
        connections.close_all()
        postgres.stop()
        shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture
def db(server: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A clean database before and after the test."""
    yield server
    clean(server)


@pytest.fixture
def cast(db: EmbeddedPostgres) -> Cast:
    """Padma, North, Riverside, Rival and Meghna, without customers and money."""
    return build_cast()


def clean(server: EmbeddedPostgres) -> None:
    """Empty every table that a test filled; templates and migrations stay.

    Sound connections of this thread stay, too: a new one would compile every SQL function anew.
    """
    for connection in connections.all(initialized_only=True):
        if connection.connection is not None and not _is_sound(connection.connection):
            connection.close()
    if not _admin or not _is_sound(_admin[0]):
        url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
        _admin[:] = [psycopg.connect(url, autocommit=True, options="-c session_replication_role=replica")]
    filled = _filled(_admin[0])
    if filled:
        _admin[0].execute("; ".join(f"DELETE FROM {name}" for name in filled))


def _is_sound(connection: psycopg.Connection[Any]) -> bool:
    """In no transaction, and its server is still there: some tests end it."""
    if connection.closed or connection.info.transaction_status != TransactionStatus.IDLE:
        return False
    try:
        connection.execute("SELECT 1")
    except psycopg.OperationalError:
        return False
    return True


def _filled(admin: psycopg.Connection[Any]) -> list[str]:
    """The tables that have rows, but those that stay."""
    keep = ("django_migrations", "django_content_type", "auth_permission", "chart_template", "posting_template",
            "xid_epoch")  # fmt: skip
    found = admin.execute(
        "SELECT format('%%I.%%I', schemaname, relname) FROM pg_stat_user_tables "
        "WHERE schemaname = ANY (%s) AND NOT relname = ANY (%s)",
        [["public", *settings.CELLS], list(keep)],
    ).fetchall()
    asked = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT FROM {name})" for (name,) in found)
    return [name for (name,) in admin.execute(asked).fetchall()]
