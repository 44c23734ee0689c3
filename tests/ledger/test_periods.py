"""Accounting periods: closed for everybody, opened again with a reason, and years that end (SPEC A3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotAllowed
from backhaul.ledger import periods, queries, services
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.choices import YEAR_CLOSE, YEAR_CLOSE_REVERSAL
from backhaul.ledger.period_rules import FiscalYear
from backhaul.ledger.periods import AlreadyClosed, NotClosed
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import rows, savepoint
from backhaul.resellers.checks import verify
from tests.builders import acting, build_person, request_key
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, Chain, as_admin, balances_by_hand, build_chain
from tests.ledger.test_sealing import wrong

DEC_31, JAN_31 = date(2025, 12, 31), date(2026, 1, 31)
YEAR = FiscalYear(date(2025, 1, 1), date(2026, 1, 1))
LATER = NOW + timedelta(days=1)


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    return build_chain(2)


def post(on: date, debit: str = "bank", credit: str = "internet_revenue", amount: int = 1_000_00) -> int:
    """An entry by hand of whoever acts: a sale for cash in the bank unless told otherwise."""
    return services.post_manual_entry(
        effective_on=on, lines=(ManualLine(debit, credit, amount),), reason="told", request_key=request_key(), now=NOW
    )


def trade(chain: Chain) -> None:
    """In 2025: sales of 1,000.00 and 400.00, and 250.00 for the office; in January 2026 a sale of 70.00."""
    with acting(chain.isp):
        post(date(2025, 3, 1))
        post(DEC_31, amount=400_00)
        post(date(2025, 11, 5), "office_expense", "bank", 250_00)
        post(date(2026, 1, 2), amount=70_00)


def year_end_entries(chain: Chain) -> list[tuple[str, date]]:
    return [
        (row["kind"], row["effective_on"])
        for row in rows("SELECT kind, effective_on FROM entry WHERE kind IN (%s, %s) ORDER BY id",
                        [YEAR_CLOSE, YEAR_CLOSE_REVERSAL])
    ]  # fmt: skip


def test_a_closing_is_history_and_holds_through_its_day(chain: Chain) -> None:
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
        with pytest.raises(services.PeriodClosed), savepoint():
            post(JAN_31)
        post(date(2026, 2, 1))
        for again in (JAN_31, DEC_31):
            with pytest.raises(AlreadyClosed), savepoint():
                periods.close_books(through=again, now=LATER)
        periods.close_books(through=date(2026, 2, 28), now=LATER)
        found = [(row["kind"], row["locked_before"], row["locked_through"]) for row in periods.list_locks()]
    assert found == [("close", JAN_31, date(2026, 2, 28)), ("close", None, JAN_31)]


def test_days_to_come_stay_open(chain: Chain) -> None:
    with acting(chain.isp):
        periods.close_books(through=DAY, now=NOW)
        with pytest.raises(InvalidInput), savepoint():
            periods.close_books(through=DAY + timedelta(days=1), now=NOW)
        with pytest.raises(InvalidInput), savepoint():
            periods.close_year(last_on=date(2026, 12, 31), now=NOW)


def test_tomorrow_stays_open_in_the_evening_too(chain: Chain) -> None:
    """At 18:00 in Dhaka it is tomorrow already on some island; its night would find the books closed."""
    with acting(chain.isp), pytest.raises(InvalidInput), savepoint():
        periods.close_books(through=DAY + timedelta(days=1), now=NOW.replace(hour=12))


def test_books_are_opened_again_with_a_reason_and_only_where_they_are_closed(chain: Chain) -> None:
    with acting(chain.isp):
        with pytest.raises(NotClosed), savepoint():
            periods.reopen_books(through=None, why="early", now=NOW)
        periods.close_books(through=JAN_31, now=NOW)
        for through, why, refusal in ((DEC_31, " ", InvalidInput), (JAN_31, "x", NotClosed), (DAY, "x", NotClosed)):
            with pytest.raises(refusal), savepoint():
                periods.reopen_books(through=through, why=why, now=LATER)
        periods.reopen_books(through=DEC_31, why="a bill was missing", now=LATER)
        post(date(2026, 1, 1))
        with pytest.raises(services.PeriodClosed), savepoint():
            post(DEC_31)
        newest = periods.list_locks()[0]
    assert (newest["kind"], newest["locked_through"], newest["why"]) == ("reopen", DEC_31, "a bill was missing")


def test_who_may_close_and_who_may_open_again(chain: Chain) -> None:
    with acting(chain.isp):
        people = {role: build_person(chain.isp.isp_id, role, role) for role in ("owner", "accountant", "collector")}
    with pytest.raises(NotAllowed), acting(chain.isp, user_id=people["collector"]):
        periods.close_books(through=DEC_31, now=NOW)
    with acting(chain.isp, user_id=people["accountant"]):
        periods.close_books(through=DEC_31, now=NOW)
        with pytest.raises(NotAllowed):
            periods.reopen_books(through=None, why="mine", now=NOW)
    with acting(chain.isp, user_id=people["owner"]):
        periods.reopen_books(through=None, why="asked for", now=NOW)
        assert [row["actor_id"] for row in periods.list_locks()] == [people["owner"], people["accountant"]]


def test_one_operators_closing_is_nobody_elses(chain: Chain) -> None:
    below = chain.operators[1]
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
    with acting(chain.isp, below):
        post(JAN_31)
        assert periods.get_books()["locked_through"] is None
        assert periods.list_locks() == []


@pytest.mark.parametrize("seal_after", [0, 2, 4], ids=["nothing sealed", "half sealed", "all sealed"])
def test_a_year_end_moves_income_and_expense_to_retained_earnings(chain: Chain, seal_after: int) -> None:
    """By hand: 1,000.00 + 400.00 − 250.00 = 1,150.00; the 70.00 of January are the next year's."""
    sales = [(date(2025, 3, 1), "bank", "internet_revenue", 1_000_00), (DEC_31, "bank", "internet_revenue", 400_00)]
    costs = [(date(2025, 11, 5), "office_expense", "bank", 250_00), (date(2026, 1, 2), "bank", "late_fees", 70_00)]
    for number, line in enumerate([*sales, *costs], start=1):
        with acting(chain.isp):
            post(*line)
        if number == seal_after:
            services.seal_all_books(chain.isp, now=NOW)
    with acting(chain.isp):
        closed = periods.close_year(last_on=DEC_31, now=NOW)
        assert closed.entry_id is not None
        moved = {line["code"]: line["result_minor"] for line in periods.list_year_end_lines(closed.entry_id)}
        assert moved == {"internet_revenue": 1_400_00, "office_expense": -250_00}
        assert balances_by_hand(chain.isp.isp_id, DEC_31) == {"bank": 1_150_00, "retained_earnings": -1_150_00}
        assert sum_balance("late_fees", DAY) == -70_00
        assert year_end_entries(chain) == [(YEAR_CLOSE, DEC_31)]
        assert periods.is_year_closed(YEAR)
        with pytest.raises(services.PeriodClosed), savepoint():
            post(DEC_31)
        post(date(2026, 1, 1))
    assert all(check.ok for check in verify([CELL]))


def test_reopening_takes_the_year_end_back_on_its_own_day_and_closing_again_makes_a_new_one(chain: Chain) -> None:
    trade(chain)
    with acting(chain.isp):
        periods.close_year(last_on=DEC_31, now=NOW)
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
    with acting(chain.isp):
        periods.reopen_books(through=DEC_31, why="January only", now=NOW)
        assert year_end_entries(chain) == [(YEAR_CLOSE, DEC_31)]
    with acting(chain.isp):
        periods.reopen_books(through=date(2025, 11, 30), why="December was wrong", now=LATER)
        assert year_end_entries(chain) == [(YEAR_CLOSE, DEC_31), (YEAR_CLOSE_REVERSAL, DEC_31)]
        assert sum_balance("retained_earnings", DEC_31) == 0
        assert not periods.is_year_closed(YEAR)
        post(DEC_31, amount=5_00)
    with acting(chain.isp):
        periods.close_year(last_on=DEC_31, now=LATER)
        assert sum_balance("retained_earnings", DEC_31) == -1_155_00
    assert all(check.ok for check in verify([CELL]))
    services.seal_all_books(chain.isp, now=LATER)
    assert all(check.ok for check in verify([CELL]))


def test_a_year_whose_months_are_closed_is_closed_and_one_behind_closed_months_is_not(chain: Chain) -> None:
    trade(chain)
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
        with pytest.raises(services.PeriodClosed), savepoint():
            periods.close_year(last_on=DEC_31, now=NOW)
        periods.reopen_books(through=DEC_31, why="year end", now=NOW)
    with acting(chain.isp):
        periods.close_year(last_on=DEC_31, now=LATER)
        with pytest.raises(AlreadyClosed), savepoint():
            periods.close_year(last_on=DEC_31, now=LATER)
    assert all(check.ok for check in verify([CELL]))


def test_a_year_that_is_closed_says_so_whatever_was_closed_or_opened_after_it(chain: Chain) -> None:
    trade(chain)
    with acting(chain.isp):
        periods.close_year(last_on=DEC_31, now=NOW)
        periods.close_books(through=JAN_31, now=NOW)
        with pytest.raises(AlreadyClosed), savepoint():
            periods.close_year(last_on=DEC_31, now=LATER)
        periods.reopen_books(through=DEC_31, why="January only", now=NOW)
        with pytest.raises(AlreadyClosed), savepoint():
            periods.close_year(last_on=DEC_31, now=LATER)


def test_a_year_ends_where_these_books_say(chain: Chain) -> None:
    with acting(chain.isp):
        periods.set_year_start(month=7)
        for month in (0, 13):
            with pytest.raises(InvalidInput):
                periods.set_year_start(month=month)
        post(date(2025, 6, 30))
        for other in (DEC_31, date(2025, 6, 29)):
            with pytest.raises(InvalidInput), savepoint():
                periods.close_year(last_on=other, now=NOW)
        assert periods.get_fiscal_year(DAY) == FiscalYear(date(2025, 7, 1), date(2026, 7, 1))
        periods.close_year(last_on=date(2025, 6, 30), now=NOW)
        assert sum_balance("retained_earnings", date(2025, 6, 30)) == -1_000_00


def test_a_year_without_income_closes_without_an_entry(chain: Chain) -> None:
    with acting(chain.isp):
        assert periods.close_year(last_on=DEC_31, now=NOW).entry_id is None
        assert periods.is_year_closed(YEAR)
        assert queries.list_journal(from_on=YEAR.starts_on, to_on=DAY) == []


def test_months_tell_who_closed_them_and_what_happened_in_them_without_the_year_end(chain: Chain) -> None:
    trade(chain)
    with acting(chain.isp):
        periods.close_books(through=date(2025, 11, 15), now=NOW)
    with acting(chain.isp):
        before = periods.list_periods(YEAR, today=DAY)
    assert [month["state"] for month in before] == ["closed"] * 10 + ["part", "open"]
    with acting(chain.isp):
        periods.close_year(last_on=DEC_31, now=LATER)
    services.seal_all_books(chain.isp, now=LATER)
    with acting(chain.isp):
        after = periods.list_periods(YEAR, today=DAY)
        next_year = periods.list_periods(FiscalYear(date(2026, 1, 1), date(2027, 1, 1)), today=DAY)
    for months, entries in ((before, [1, 1]), (after, [1, 2])):
        assert [months[2]["result_minor"], months[10]["result_minor"], months[11]["result_minor"]] == [
            1_000_00, -250_00, 400_00,
        ]  # fmt: skip
        assert (months[10]["income_minor"], months[10]["expense_minor"]) == (0, 250_00)
        assert [months[10]["entries"], months[11]["entries"]] == entries
    assert {month["state"] for month in after} == {"closed"}
    assert [month["closing"]["kind"] for month in (after[9], after[10], after[11])] == [
        "close", "year_close", "year_close",
    ]  # fmt: skip
    assert sum(month["late_entries"] for month in after) == 0
    assert [month["state"] for month in next_year[:4]] == ["open", "open", "open", "to_come"]
    assert next_year[0]["result_minor"] == 70_00


def test_money_that_is_on_its_way_is_told(chain: Chain) -> None:
    with acting(chain.isp):
        post(DEC_31, "paid_to_provider", "bank", 30_00)
        post(JAN_31, "bank", "paid_to_provider", 30_00)
        assert [(row["code"], row["net_minor"]) for row in periods.list_on_its_way(DEC_31)] == [
            ("paid_to_provider", 30_00)
        ]
        assert periods.list_on_its_way(JAN_31) == []


def smuggle(db: EmbeddedPostgres, operator_id: int, on: date, recorded_at: datetime) -> None:
    """An entry that somebody with the owner's rights writes, with its event, at whatever instant it claims."""
    lines = '[{"debit_code": "bank", "credit_code": "internet_revenue", "amount_minor": 1}]'
    with as_admin(db) as admin:
        admin.execute(
            "INSERT INTO manual_entry (operator_id, id, request_key, effective_on, reason, lines) "
            "VALUES (%s, 999999, 'smuggled', %s, 'a sale', %s)",
            [operator_id, on, lines],
        )
        (entry_id,) = admin.execute(
            "INSERT INTO entry (operator_id, kind, source_id, effective_on, recorded_at, actor_id, reason) "
            "VALUES (%s, 'manual', 999999, %s, %s, 0, 'a sale') RETURNING id",
            [operator_id, on, recorded_at],
        ).fetchall()[0]
        admin.execute(
            "INSERT INTO posting (operator_id, entry_id, n, debit_code, credit_code, amount_minor, effective_on) "
            "VALUES (%s, %s, 1, 'bank', 'internet_revenue', 1, %s)",
            [operator_id, entry_id, on],
        )


def test_what_an_owner_writes_into_a_closed_period_is_found_for_good(db: EmbeddedPostgres, chain: Chain) -> None:
    """With an instant before the closing too; opening and closing the period again does not hide it."""
    isp = chain.isp.isp_id
    trade(chain)
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
    assert all(check.ok for check in verify([CELL]))
    smuggle(db, isp, JAN_31 + timedelta(days=1), NOW - timedelta(days=300))
    assert all(check.ok for check in verify([CELL]))  # that day is open
    smuggle_on = date(2025, 12, 5)
    with as_admin(db) as admin:
        admin.execute("DELETE FROM posting WHERE entry_id IN (SELECT id FROM entry WHERE source_id = 999999)")
        admin.execute("DELETE FROM entry WHERE source_id = 999999")
        admin.execute("DELETE FROM manual_entry WHERE id = 999999")
    smuggle(db, isp, smuggle_on, NOW - timedelta(days=300))
    assert "recorded after that day was closed" in wrong("books.locked_periods")
    with acting(chain.isp):
        periods.reopen_books(through=None, why="to look", now=LATER)
    with acting(chain.isp):
        post(DEC_31)
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=LATER)
    assert wrong("books.locked_periods").startswith("1 of")
    with acting(chain.isp):
        months = periods.list_periods(YEAR, today=DAY)
    assert [month["month_on"] for month in months if month["late_entries"]] == [date(2025, 12, 1)]


def test_a_closing_that_waited_for_one_that_was_asked_for_later_is_the_next_of_its_history(chain: Chain) -> None:
    with acting(chain.isp):
        periods.close_books(through=DEC_31, now=LATER)
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
    assert all(check.ok for check in verify([CELL]))


def test_a_lock_that_was_moved_without_history_is_found(db: EmbeddedPostgres, chain: Chain) -> None:
    with acting(chain.isp):
        periods.close_books(through=JAN_31, now=NOW)
    with as_admin(db) as admin:
        admin.execute("UPDATE books SET locked_through = '2025-06-30' WHERE locked_through IS NOT NULL")
    assert "closed through 2025-06-30, where its history says 2026-01-31" in wrong("books.locked_periods")
