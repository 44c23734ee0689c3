"""Whatever column of the books, of their seals or of what they are made from a superuser changes, `verify` says so.

Every column of these tables is tried in rows from the first to the last. What nothing vouches for stands below.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger import services
from backhaul.ledger.heads import make_heads
from backhaul.ledger.periods import close_books
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import rows
from backhaul.resellers.checks import verify
from tests.builders import acting, request_key
from tests.cast import CELL, Cast
from tests.ledger.books import as_admin
from tests.ledger.test_verify import DEC, NOV, business, stored_columns
from tests.scenarios.money import noon

__all__ = ["business"]  # a fixture of that file
ROWS = 6  # of a table, one after the other
SEALED = ("entry", "posting", "seal")
TABLES = (
    *SEALED, "daily_head", "account_day", "party_day", "party_standing", "books", "books_lock", "manual_entry",
    "own_event", "invoice", "credit_note", "adjustment", "allocation", "payment", "charge",
)  # fmt: skip
# Keys against a second sending, the words and the hand of an event whose entry has its own (sealed); settings; what a
# bill was worked out from, which its explanation says; the second of an instant; what only makes a look longer.
UNVOUCHED = {
    "daily_head": "made_at", "party_standing": "crossed", "books": "year_starts_month",
    "books_lock": "id why recorded_at actor_id xid", "manual_entry": "request_key", "own_event": "request_key",
    "invoice": "starts_on ends_on revision price_minor cycle_days from_day due_on run_id title request_key",
    "credit_note": "from_on reason", "adjustment": "why request_key recorded_at actor_id paid_code",
    "payment": "recorded_at actor_id reference reverses_id drawer_round is_late above_limit",
    "charge": "from_day charged_on",
}  # fmt: skip
OTHER = {
    "bigint": "{c} + 1", "integer": "{c} + 1", "smallint": "{c} + 1", "date": "{c} + 1", "text": "{c} || 'x'",
    "timestamp with time zone": "{c} + interval '1 second'", "bytea": "{c} || '\\x00'", "boolean": "NOT {c}",
    "xid8": "xid_after({c}, 1)", "jsonb": "replace({c}::text, '5', '6')::jsonb",
}  # fmt: skip


def found() -> dict[str, str]:
    return {check.name: check.detail for check in verify([CELL]) if not check.ok}


@contextmanager
def put_back(admin: psycopg.Connection[Any], table: str) -> Iterator[None]:
    admin.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}".encode())
    yield
    columns = ", ".join(stored_columns(admin, table))
    admin.execute(f"DELETE FROM {table}".encode())
    admin.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept".encode())
    admin.execute("DROP TABLE kept")


def changes(admin: psycopg.Connection[Any], table: str, column: str) -> Iterator[None]:
    """Another value in one row after the other that has one, at most ROWS of them from the first to the last."""
    kind = admin.execute(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        [table, column],
    ).fetchall()[0][0]
    other = OTHER.get(kind, "{c}").format(c=column)
    told = f"SELECT {table}::text FROM {table} WHERE ({other})::text <> {column}::text ORDER BY 1"
    rows_of = [row for (row,) in admin.execute(told.encode()).fetchall()]
    for row in dict.fromkeys(rows_of[round(n * (len(rows_of) - 1) / ROWS)] for n in range(ROWS + 1) if rows_of):
        with put_back(admin, table):
            try:
                admin.execute(f"UPDATE {table} SET {column} = {other} WHERE {table}::text = %s".encode(), [row])
            except (psycopg.errors.CheckViolation, psycopg.errors.UniqueViolation):
                continue
            yield


@pytest.fixture
def sealed(business: Cast) -> Cast:
    """All that the business has, an entry by hand, closed days and heads besides."""
    with acting(business.padma, business.riverside):
        services.post_manual_entry(
            effective_on=NOV, lines=[ManualLine("cash", "bank", 5)], reason="moved", request_key=request_key(),
            now=noon(NOV),
        )  # fmt: skip
        close_books(through=NOV, now=noon(NOV))
    services.seal_all_books(business.padma, now=noon(NOV))
    make_heads(business.padma, today=DEC, now=noon(DEC))
    assert found() == {}
    return business


@pytest.mark.parametrize("table", TABLES)
def test_a_changed_column_is_found(db: EmbeddedPostgres, sealed: Cast, table: str) -> None:
    missed, tried = set(), 0
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        for column in stored_columns(admin, table):
            for _changed in changes(admin, table, column):
                tried += 1
                wrong = found()
                if not wrong:
                    missed.add(column)
                elif table in SEALED:
                    assert ", block " in wrong["books.seals"], (column, wrong)
    assert missed <= set(UNVOUCHED.get(table, "").split())
    assert tried > 3
    assert found() == {}


@pytest.mark.parametrize(
    ("statement", "check"),
    [
        ("UPDATE account SET kind = 'expense' WHERE code = 'cash'", "books.accounts"),
        ("UPDATE account SET party_kind = 'operator' WHERE code = 'receivable_customers'", "books.accounts"),
        ("DELETE FROM manual_entry", "books.manual_entries"),
        ("UPDATE own_event SET chosen_code = 'bank' WHERE chosen_code IS NOT NULL", "books.own_events"),
    ],
)
def test_what_gives_figures_another_meaning_is_found(
    db: EmbeddedPostgres, sealed: Cast, statement: str, check: str
) -> None:
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        assert admin.execute(statement.encode()).rowcount > 0
    assert check in found()


@pytest.mark.parametrize("kind", ["manual", "expense", "of_my_own", "year_close"])
def test_an_entry_that_the_owner_writes_beside_the_functions_is_found(
    db: EmbeddedPostgres, sealed: Cast, kind: str
) -> None:
    """Balanced, of today, in an open period, and then sealed as all others are."""
    with as_admin(db) as admin:
        admin.execute("SET ROLE backhaul_owner")
        admin.execute(
            "INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id) "
            "VALUES (%s, nextval('entry_id'), %s, 999, %s, now(), 0)", [sealed.north, kind, DEC],
        )  # fmt: skip
        admin.execute(
            "INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, effective_on) "
            "VALUES (%s, currval('entry_id'), 1, 'drawings', 'cash', 100, %s)", [sealed.north, DEC],
        )  # fmt: skip
    services.seal_all_books(sealed.padma, now=noon(DEC))
    assert [wrong for wrong in found().values() if "north" in wrong]


def test_a_tail_block_that_is_gone_with_its_entries_is_missed_by_its_head(db: EmbeddedPostgres, sealed: Cast) -> None:
    """Everything that the ledger keeps is put back to the day before; the mail that waits or went still says it."""
    with acting(sealed.padma, sealed.riverside):
        last = rows("SELECT max(no) AS no FROM seal WHERE operator_id = %s", [sealed.riverside])[0]["no"]
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO head_mail (operator_id, on_date, address) SELECT operator_id, on_date, 'a@example.net' "
            "FROM daily_head WHERE operator_id = %s", [sealed.riverside],
        )  # fmt: skip
        assert found() == {}
        admin.execute("DELETE FROM daily_head WHERE operator_id = %s", [sealed.riverside])
        admin.execute("DELETE FROM seal WHERE operator_id = %s AND no = %s", [sealed.riverside, last])
    assert "is missing" in found()["books.heads"]


def test_a_head_is_of_the_day_after_which_it_was_made(db: EmbeddedPostgres, sealed: Cast) -> None:
    for statement in (
        "UPDATE daily_head SET on_date = on_date + 1", "UPDATE daily_head SET on_date = on_date - 1",
        "UPDATE seal SET sealed_at = %s",
    ):  # fmt: skip
        with as_admin(db) as admin:
            admin.execute("SET session_replication_role = replica")
            with put_back(admin, statement.split()[1]):
                admin.execute(statement.encode(), [datetime(2026, 12, 2, tzinfo=UTC)] if "%s" in statement else None)
                assert "is of another day" in found()["books.heads"]
