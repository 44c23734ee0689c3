"""No function that app or batch may call writes money on a closed day: it refuses, or leaves it for a later one (A3).

Which functions write money is read from the database itself, so a new one fails here until it is tried.
"""

from __future__ import annotations

import re
from contextlib import nullcontext
from datetime import date, timedelta

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.periods import close_books
from backhaul.ledger.services import PeriodClosed
from tests.architecture.catalogue import declared_definers
from tests.builders import acting
from tests.cast import CELL, Cast
from tests.ledger.books import as_admin
from tests.ledger.cash_attempts import CASH_ATTEMPTS
from tests.ledger.closing_attempts import BUSINESS_ATTEMPTS
from tests.scenarios.money import assert_proved, noon

MONEY = (
    "entry", "posting", "invoice", "charge", "charge_refund", "credit_note", "adjustment", "payment", "allocation",
    "fund_movement", "own_event", "deposit",
)  # fmt: skip
ATTEMPTS = BUSINESS_ATTEMPTS | CASH_ATTEMPTS
# Closing itself: its entry is what closes the day, and a reopening opens the day that it writes on.
OF_PERIODS = {"close_books", "close_year", "reopen_books"}
# An outage is recorded on any day; what it credits waits for a night of an open one.
WAITS = {"record_outage"}


def writers_of_money(server: EmbeddedPostgres) -> set[str]:
    """The functions of app and batch that write a row of MONEY, by themselves or through what they call."""
    with as_admin(server) as admin:
        found = admin.execute(
            "SELECT proname, prosrc FROM pg_proc WHERE pronamespace = %s::regnamespace", [CELL]
        ).fetchall()
    bodies: dict[str, str] = {}
    for name, body in found:
        bodies[name] = bodies.get(name, "") + re.sub(r"--.*", "", body)
    writing = {name for name, body in bodies.items() if re.search(rf"INSERT INTO ({'|'.join(MONEY)})\b", body)}
    while True:
        calls = re.compile(rf"\b({'|'.join(sorted(writing))})\s*\(")
        more = {name for name, body in bodies.items() if calls.search(body)} - writing
        if not more:
            break
        writing |= more
    return writing & called_by("app", "batch")


def called_by(*roles: str) -> set[str]:
    """The functions that these roles may call; nights, which batch runs, refuse nothing: they wait for open days."""
    return {function.name for function in declared_definers() if set(roles) & set(function.execute)}


def test_every_function_that_writes_money_is_tried(server: EmbeddedPostgres) -> None:
    assert writers_of_money(server) == set(ATTEMPTS) | OF_PERIODS


def count_rows(server: EmbeddedPostgres) -> dict[str, int]:
    with as_admin(server) as admin:
        return {table: admin.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] for table in MONEY}


def close_all(server: EmbeddedPostgres, cast: Cast, day: date) -> None:
    """Padma's books and those of everybody below it, closed through a day."""
    with as_admin(server) as admin:
        operators = admin.execute("SELECT id FROM operator WHERE isp_id = %s", [cast.padma.isp_id]).fetchall()
    for (operator_id,) in operators:
        with acting(cast.padma, operator_id):
            close_books(through=day, now=noon(day))


@pytest.mark.parametrize("name", sorted(ATTEMPTS))
def test_nothing_is_written_on_a_closed_day_and_all_of_it_on_the_next(
    name: str, cast: Cast, db: EmbeddedPostgres
) -> None:
    day, attempt = ATTEMPTS[name](cast, db)
    close_all(db, cast, day)
    before = count_rows(db)
    waits = name in WAITS or name in called_by("batch")
    with nullcontext() if waits else pytest.raises(PeriodClosed):
        attempt(day)
    assert count_rows(db) == before
    attempt(day + timedelta(days=1))
    assert count_rows(db)["entry"] > before["entry"], "it writes nothing on an open day either: this proves nothing"
    assert_proved()
