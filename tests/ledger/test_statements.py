"""Statements of the books: equal to what anybody adds up posting by posting, on any day and as known on any other."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput
from backhaul.ledger import balances, chart, services
from backhaul.ledger.day_book import get_account_statement, get_day_book
from backhaul.ledger.periods import close_year, set_year_start
from backhaul.ledger.queries import get_entry, list_accounts
from backhaul.ledger.reports import get_balance_sheet, get_cash_flow, get_income_statement, get_trial_balance
from backhaul.ledger.rules import ManualLine, pair_lines, period_before
from backhaul.ledger.statements import Statement
from backhaul.operators.functions import rows
from backhaul.resellers.checks import verify
from tests.builders import acting, request_key
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, Chain, build_chain, recharge
from tests.ledger.test_random_events import World, amounts, days, events

TODAY = date(2026, 3, 31)
CODES = ("cash", "bank", "office_expense", "owner_capital", "other_income", "retained_earnings", "vat_payable")
late_entries = st.tuples(st.just("late"), st.integers(0, 2), st.permutations(CODES), amounts, days, st.integers(-3, 30))


class TimedWorld(World):
    """Entries by hand become known on days of their own, before and after the day that they are dated."""

    def late(self, level: int, accounts: list[str], amount: int, on: date, known_after: int) -> None:
        with acting(self.chain.isp, self.chain.operators[level]):
            services.post_manual_entry(
                effective_on=on, lines=[ManualLine(accounts[0], accounts[1], amount)], reason="late",
                request_key=request_key(), now=NOW + timedelta(days=known_after),
            )  # fmt: skip


def sides_by_hand(operator: int, on: date, known_on: date | None) -> dict[str, tuple[int, int]]:
    """Each account's parties in debit and in credit at the end of a day, added up posting by posting."""
    known = balances.known_before(known_on) or datetime.max.replace(tzinfo=UTC)
    nets: dict[tuple[str, int | None], int] = defaultdict(int)
    for posting in rows(
        "SELECT p.*, e.recorded_at FROM posting p JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id "
        "WHERE p.operator_id = %s AND p.effective_on <= %s",
        [operator, on],
    ):
        if posting["recorded_at"] < known:
            nets[posting["debit_code"], posting["debit_party"]] += posting["amount_minor"]
            nets[posting["credit_code"], posting["credit_party"]] -= posting["amount_minor"]
    found: dict[str, tuple[int, int]] = {}
    for (code, _party), net in nets.items():
        debit, credit = found.get(code, (0, 0))
        found[code] = (debit + max(net, 0), credit + max(-net, 0))
    return {code: sides for code, sides in found.items() if any(sides)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    happened=st.lists(st.one_of(events, late_entries), min_size=4, max_size=16),
    asked=st.lists(st.tuples(days, st.one_of(st.none(), days)), min_size=2, max_size=4),
)
def test_a_trial_balance_on_any_day_as_known_on_any_other_is_what_adding_up_gives(
    db: EmbeddedPostgres, happened: list[tuple[Any, ...]], asked: list[tuple[date, date | None]]
) -> None:
    world = TimedWorld()
    for event in happened:
        world.play(event)
    for sealed in (False, True):
        for operator in world.chain.operators:
            with acting(world.chain.isp, operator):
                for on, known_on in (*asked, (TODAY, None)):
                    shown = balances.list_balances(on=on, known_on=known_on)
                    assert {row["code"]: (row["debit_minor"], row["credit_minor"]) for row in shown} == sides_by_hand(
                        operator, on, known_on
                    )
                    assert_statements_agree(on, known_on)
        if not sealed:
            services.seal_all_books(world.chain.isp, now=NOW)
    assert [check for check in verify([CELL]) if not check.ok] == []


def assert_statements_agree(on: date, known_on: date | None) -> None:
    """Assets are liabilities and equity; the income statement is the change of equity that nobody posted there; money
    flows add up; every account's ledger ends where the trial balance stands."""
    from_on = on - timedelta(days=20)
    sheet = get_balance_sheet(on=on, known_on=known_on)
    before = get_balance_sheet(on=from_on - timedelta(days=1), known_on=known_on)
    income = get_income_statement(from_on=from_on, to_on=on, known_on=known_on)
    assert all_proved(sheet, get_trial_balance(on=on, known_on=known_on))
    posted_there = sum(
        balances.sum_balance(code, from_on - timedelta(days=1), known_on=known_on)
        - balances.sum_balance(code, on, known_on=known_on)
        for code in (account["code"] for account in list_accounts() if account["kind"] == "equity")
    )
    grown = sheet.facts["equity_minor"] - before.facts["equity_minor"]
    assert income.facts["result_minor"] == grown - posted_there
    flow = get_cash_flow(from_on=from_on, to_on=on, known_on=known_on)
    assert all_proved(flow)
    later = get_cash_flow(from_on=on + timedelta(days=1), to_on=on + timedelta(days=9), known_on=known_on)
    assert flow.facts["closing_minor"] == later.facts["opening_minor"]
    for code in ("cash", "fund", "other_income"):
        ledger = get_account_statement(code, from_on=from_on, to_on=on, known_on=known_on)
        assert ledger.facts["closing_minor"] == balances.sum_balance(code, on, known_on=known_on)


def all_proved(*statements: Statement) -> bool:
    return all(holds for statement in statements for _sentence, holds in statement.proofs)


@pytest.mark.parametrize("sealed_between", [False, True])
def test_a_party_dated_back_to_the_wrong_side_is_shown_there(db: EmbeddedPostgres, sealed_between: bool) -> None:
    """Repaid before it was lent: for five days the reseller stands in credit, whatever it owes since."""
    chain = build_chain(2)
    lent_on, repaid_on = DAY + timedelta(days=10), DAY + timedelta(days=5)
    recharge(chain, chain.operators[1], 100, kind="recharge_credit", on=lent_on)
    if sealed_between:
        services.seal_all_books(chain.isp, now=NOW)
    recharge(chain, chain.operators[1], 40, kind="recharge_repaid", on=repaid_on)
    for _ in range(2):
        with acting(chain.isp):
            shown = [
                [(row["debit_minor"], row["credit_minor"]) for row in balances.list_balances(on=on)
                 if row["code"] == "receivable_operators"]
                for on in (DAY, repaid_on, lent_on)
            ]  # fmt: skip
        assert shown == [[], [(0, 40)], [(60, 0)]]
        services.seal_all_books(chain.isp, now=NOW)
    assert [check for check in verify([CELL]) if not check.ok] == []


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    return build_chain(1)


def post(debit: str, credit: str, amount: int, on: date = DAY, now: datetime = NOW) -> int:
    return services.post_manual_entry(
        effective_on=on, lines=[ManualLine(debit, credit, amount)], reason="by hand", request_key=request_key(), now=now
    )


def test_a_statement_as_known_then_leaves_out_what_was_dated_back_later(chain: Chain) -> None:
    with acting(chain.isp):
        post("cash", "other_income", 500)
        post("rent", "cash", 200, now=NOW + timedelta(days=40))
        result = {
            known: get_income_statement(from_on=DAY, to_on=TODAY, known_on=known).facts["result_minor"]
            for known in (DAY - timedelta(days=1), DAY, DAY + timedelta(days=39), DAY + timedelta(days=40), None)
        }
    assert list(result.values()) == [0, 500, 500, 300, 300]


def test_a_day_ends_at_midnight_where_the_isp_is(chain: Chain) -> None:
    """In Dhaka the 2nd of March begins at 18:00 UTC of the 1st."""
    with acting(chain.isp):
        post("cash", "other_income", 500, now=datetime(2026, 3, 1, 17, 59, 59, tzinfo=UTC))
        post("cash", "other_income", 70, now=datetime(2026, 3, 1, 18, 0, tzinfo=UTC))
        assert balances.sum_balance("cash", TODAY, known_on=date(2026, 3, 1)) == 500


def test_a_closed_year_is_no_income_and_its_result_stands_in_retained_earnings(chain: Chain) -> None:
    last_on, year = date(2025, 12, 31), {"from_on": date(2025, 1, 1), "to_on": date(2025, 12, 31)}
    with acting(chain.isp):
        post("cash", "other_income", 900, on=date(2025, 5, 1))
        post("rent", "cash", 200, on=last_on)
        before = get_income_statement(**year)
        assert labels(get_balance_sheet(on=last_on))["Result of the year"] == 700
        close_year(last_on=last_on, now=NOW)
        assert get_income_statement(**year) == before
        closed = get_balance_sheet(on=last_on)
        assert (labels(closed)["Retained earnings"], closed.facts["result_minor"]) == (700, 0)
        assert all_proved(closed, get_balance_sheet(on=DAY))
        post("cash", "other_income", 11)
        assert labels(get_balance_sheet(on=DAY))["Result of the year"] == 11
        assert get_income_statement(from_on=date(2026, 1, 1), to_on=DAY).facts["before_result_minor"] != 0


def test_years_that_nobody_closed_stand_apart_from_the_running_one(chain: Chain) -> None:
    with acting(chain.isp):
        post("cash", "other_income", 900, on=date(2024, 5, 1))
        post("cash", "other_income", 50)
        found = labels(get_balance_sheet(on=DAY))
    assert found["Result of earlier years, not closed yet"] == 900
    assert found["Result of the year"] == 50


def test_a_year_that_nobody_closed_leads_to_its_own_result_and_not_to_that_of_closed_ones(chain: Chain) -> None:
    with acting(chain.isp):
        post("cash", "other_income", 700, on=date(2023, 5, 1))
        close_year(last_on=date(2023, 12, 31), now=NOW)
        post("cash", "other_income", 900, on=date(2024, 5, 1))
        post("cash", "other_income", 50)
        sheet = get_balance_sheet(on=DAY)
        for row in (row for section in sheet.sections for row in section.rows if row.label.startswith("Result")):
            assert row.opens is not None and row.opens.from_on is not None and row.opens.to_on is not None
            income = get_income_statement(from_on=row.opens.from_on, to_on=row.opens.to_on)
            assert (income.facts["result_minor"],) == row.cells


def test_a_year_that_is_closed_stays_so_when_years_begin_in_another_month(chain: Chain) -> None:
    with acting(chain.isp):
        post("cash", "other_income", 900, on=date(2025, 8, 1))
        close_year(last_on=date(2025, 12, 31), now=NOW)
        set_year_start(month=7)
        post("cash", "other_income", 50)
        sheet = get_balance_sheet(on=DAY)
    results = [row for section in sheet.sections for row in section.rows if row.label.startswith("Result")]
    assert [(row.label, row.cells) for row in results] == [("Result of the year", (50,))]
    assert results[0].opens is not None and results[0].opens.from_on == date(2026, 1, 1)


def labels(statement: Statement) -> dict[str, Any]:
    return {row.label: row.cells[-1] for section in statement.sections for row in section.rows}


def test_money_moved_between_own_accounts_is_no_cash_flow_and_an_own_bank_counts_as_money(chain: Chain) -> None:
    with acting(chain.isp):
        bank = chart.add_account(number="1015", name="Bank 2", kind="asset", is_money=True, now=NOW)
        post("cash", "owner_capital", 1000)
        post(bank, "cash", 400)
        post("rent", bank, 150)
        flow = get_cash_flow(from_on=DAY, to_on=TODAY)
        assert flow.facts == {"opening_minor": 0, "in_minor": 1000, "out_minor": 150, "closing_minor": 850}
        notes = {row.note: row.cells for row in flow.sections[1].rows}
    assert notes == {"Owner's capital": (1000, None, 1000), "Rent": (None, 150, -150)}


def test_an_overdrawn_account_is_shown_on_the_other_side(chain: Chain) -> None:
    with acting(chain.isp):
        post("rent", "bank", 80)
        sheet = get_balance_sheet(on=DAY)
    assert [[row.label for row in section.rows] for section in sheet.sections[:2]] == [[], ["Bank"]]
    assert sheet.facts["liabilities_minor"] == 80


def test_an_account_tells_its_balance_on_its_own_side(chain: Chain) -> None:
    """What was earned is no minus; what is spent beyond a bank's money is one."""
    with acting(chain.isp):
        post("cash", "other_income", 300)
        post("rent", "bank", 80)
        income, bank = (
            get_account_statement(code, from_on=DAY, to_on=TODAY).totals[0].cells for code in ("other_income", "bank")
        )
    assert (income[1:], bank[1:]) == ((0, 300, 300), (0, 80, -80))


def test_an_account_of_many_entries_tells_the_sums_of_all_of_them(chain: Chain) -> None:
    with acting(chain.isp):
        for amount in (1, 20, 300):
            post("cash", "other_income", amount)
        found = get_account_statement("cash", from_on=DAY, to_on=TODAY, limit=2)
    assert (found.more, found.totals[0].cells) == (True, (TODAY, 321, 0, 321))


def test_the_day_book_tells_every_entry_once_and_what_each_kind_comes_to(chain: Chain) -> None:
    with acting(chain.isp):
        for amount in (1, 20, 300):
            entry = post("cash", "other_income", amount)
        services.reverse_entry(entry_id=entry, on=DAY, reason="wrong", now=NOW)
        book = get_day_book(on=DAY, limit=2)
        assert (book.facts["entries"], book.facts["amount_minor"], book.more) == (4, 621, True)
        assert {row.label: row.cells for row in book.sections[0].rows} == {
            "Entry by hand": (3, 321, 321), "Entry by hand taken back": (1, 300, 300),
        }  # fmt: skip
        found = get_entry(entry)
        assert found["reversed_by"] is not None
        assert get_entry(found["reversed_by_id"])["reverses_id"] == entry


def test_accounts_are_renamed_added_and_closed_but_never_those_that_events_need(chain: Chain) -> None:
    with acting(chain.isp):
        chart.edit_account(code="bank", number="1011", name="City Bank", now=NOW)
        code = chart.add_account(number="5900", name="Tea & snacks", kind="expense", now=NOW)
        assert (code, chart.add_account(number="5901", name="Tea snacks", kind="expense", now=NOW)) == (
            "own_tea_snacks", "own_tea_snacks_2",
        )  # fmt: skip
        assert chart.add_account(number="5902", name="চা", kind="expense", now=NOW) == "own_account"
        for number, name in (("1011", "Other"), ("", "Other"), ("5903", " ")):
            with pytest.raises(InvalidInput):
                chart.add_account(number=number, name=name, kind="expense", now=NOW)
        for kept in ("cash", "receivable_customers", "retained_earnings", "internet_revenue"):
            with pytest.raises(chart.AccountInUse):
                chart.close_account(code=kept, on=DAY, now=NOW)
        post(code, "bank", 5)
        chart.close_account(code=code, on=DAY, now=NOW)
        assert labels(get_trial_balance(on=DAY))["City Bank"] == 5
    with acting(chain.isp), pytest.raises(services.AccountClosed):
        post(code, "bank", 5)
    with acting(chain.isp):
        chart.open_account(code=code, now=NOW)
        post(code, "bank", 5)


def test_an_asset_that_holds_something_stays_open(chain: Chain) -> None:
    with acting(chain.isp):
        safe = chart.add_account(number="1016", name="Safe", kind="asset", now=NOW)
        post(safe, "cash", 5)
        with pytest.raises(chart.AccountInUse, match="still holds something"):
            chart.close_account(code=safe, on=DAY, now=NOW)


@given(
    debits=st.lists(st.integers(1, 10**9), min_size=1, max_size=8),
    cuts=st.lists(st.integers(1, 10**9), max_size=7),
)
def test_lines_of_any_number_become_pairs_that_come_to_the_same(debits: list[int], cuts: list[int]) -> None:
    total = sum(debits)
    at = sorted({cut for cut in cuts if cut < total} | {0, total})
    credits = [later - earlier for earlier, later in pairwise(at)]
    lines = [(f"d{n}", minor, 0) for n, minor in enumerate(debits)]
    lines += [(f"c{n}", 0, minor) for n, minor in enumerate(credits)]
    found: dict[str, int] = defaultdict(int)
    for pair in pair_lines(lines):
        assert pair.amount_minor > 0
        found[pair.debit_code] += pair.amount_minor
        found[pair.credit_code] += pair.amount_minor
    assert found == {code: debit + credit for code, debit, credit in lines}
    assert len(pair_lines(lines)) < len(lines)


@pytest.mark.parametrize(
    ("period", "before"),
    [
        (("2026-03-01", "2026-03-31"), ("2026-02-01", "2026-02-28")),
        (("2026-01-01", "2026-03-31"), ("2025-10-01", "2025-12-31")),
        (("2025-07-01", "2026-06-30"), ("2024-07-01", "2025-06-30")),
        (("2026-03-01", "2026-03-14"), ("2026-02-15", "2026-02-28")),
        (("2026-03-05", "2026-03-05"), ("2026-03-04", "2026-03-04")),
    ],
)
def test_a_period_is_compared_with_as_many_months_or_days_before_it(
    period: tuple[str, str], before: tuple[str, str]
) -> None:
    first, last = map(date.fromisoformat, period)
    assert period_before(first, last) == tuple(map(date.fromisoformat, before))
