"""Whatever happens, in whatever order and dated however far back, the books hold and read the same by every way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.common.errors import Refusal
from backhaul.funds.services import reverse_recharge
from backhaul.ledger import queries, services
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.rules import ManualLine, Place
from backhaul.operators.functions import call
from backhaul.operators.scope import unit_of_work
from backhaul.resellers.checks import verify
from tests.builders import acting, request_key
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, Chain, balances_by_hand, build_chain, recharge

HAND_ACCOUNTS = ("cash", "bank", "office_expense", "owner_capital", "other_income", "paid_to_provider")

days = st.integers(-40, 40).map(lambda n: DAY + timedelta(days=n))
amounts = st.integers(1, 10**9)
levels = st.integers(1, 2)
events = st.one_of(
    st.tuples(
        st.just("fund"),
        levels,
        st.sampled_from(["recharge", "recharge_credit", "recharge_repaid", "bonus"]),
        amounts,
        days,
    ),
    st.tuples(st.just("take_back"), levels, st.integers(0, 5), days),
    st.tuples(st.just("by_hand"), st.integers(0, 2), st.permutations(HAND_ACCOUNTS), amounts, days),
    st.tuples(st.just("undo"), st.integers(0, 2), st.integers(0, 5), days),
    st.tuples(st.just("seal"), st.integers(0, 2), st.integers(1, 3)),
)


class World:
    """Plays events on a chain; an event that is refused changes nothing."""

    def __init__(self) -> None:
        self.chain: Chain = build_chain()
        self.recharges: dict[int, list[int]] = {1: [], 2: []}
        self.entries: dict[int, list[int]] = {0: [], 1: [], 2: []}

    def play(self, event: tuple[Any, ...]) -> None:
        step: Callable[..., None] = getattr(self, event[0])
        try:
            step(*event[1:])
        except Refusal:
            return

    def fund(self, level: int, kind: str, amount: int, on: date) -> None:
        movement = recharge(self.chain, self.chain.operators[level], amount, kind=kind, on=on)
        if kind == "recharge":
            self.recharges[level].append(movement)

    def take_back(self, level: int, which: int, on: date) -> None:
        child = self.chain.operators[level]
        with acting(self.chain.isp, self.chain.operators[level - 1]):
            for movement in self.recharges[level][which : which + 1]:
                reverse_recharge(child_id=child, movement_id=movement, on=on, reason="wrong")

    def by_hand(self, level: int, accounts: list[str], amount: int, on: date) -> None:
        lines = [ManualLine(accounts[0], accounts[1], amount), ManualLine(accounts[2], accounts[0], 7)]
        with acting(self.chain.isp, self.chain.operators[level]):
            entry = services.post_manual_entry(
                effective_on=on, lines=lines, reason="by hand", request_key=request_key(), now=NOW
            )
        self.entries[level].append(entry)

    def undo(self, level: int, which: int, on: date) -> None:
        with acting(self.chain.isp, self.chain.operators[level]):
            for entry in self.entries[level][which : which + 1]:
                services.reverse_entry(entry_id=entry, on=on, reason="undone", now=NOW)

    def seal(self, level: int, entries: int) -> None:
        with unit_of_work(self.chain.isp, using="batch"):
            call("seal_books", "batch", operator=self.chain.operators[level], at=NOW, entries=entries)


def assert_reads_right(chain: Chain, operator: int, on: date) -> None:
    with acting(chain.isp, operator):
        by_hand = balances_by_hand(operator, on)
        balance = queries.get_trial_balance(on=on)
        shown = {row["code"]: row["debit_minor"] - row["credit_minor"] for row in balance["accounts"]}
        assert {code: net for code, net in shown.items() if net} == by_hand
        assert balance["totals"]["debit_minor"] == balance["totals"]["credit_minor"]
        for account in queries.list_accounts():
            assert sum_balance(account["code"], on) == by_hand.get(account["code"], 0)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(events, min_size=3, max_size=14), asked=st.lists(days, min_size=2, max_size=3))
def test_random_events_leave_books_that_hold_and_read_right_on_any_day(
    db: object, happened: list[tuple[Any, ...]], asked: list[date]
) -> None:
    world = World()
    for event in happened:
        world.play(event)
    for on in (*asked, date.max):
        for operator in world.chain.operators:
            assert_reads_right(world.chain, operator, on)
    assert [check for check in verify([CELL]) if not check.ok] == []
    services.seal_all_books(world.chain.isp, now=NOW)
    assert [check for check in verify([CELL]) if not check.ok] == []
    for operator in world.chain.operators:
        assert_reads_right(world.chain, operator, asked[0])


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(happened=st.lists(events, min_size=6, max_size=14), limit=st.integers(1, 3))
def test_journal_pages_and_account_ledgers_tell_every_entry_once(
    db: object, happened: list[tuple[Any, ...]], limit: int
) -> None:
    world = World()
    for event in happened:
        world.play(event)
    first, last = DAY - timedelta(days=60), DAY + timedelta(days=60)
    with acting(world.chain.isp, world.chain.operators[1]):
        seen: list[dict[str, Any]] = []
        while page := queries.list_journal(from_on=first, to_on=last, before=_end(seen), limit=limit):
            seen += page
        whole = queries.list_journal(from_on=first, to_on=last, limit=1000)
        assert seen == whole == queries.list_entries_after(None, limit=1000)[::-1]
        for entry in whole:
            assert sum(line["debit_minor"] - line["credit_minor"] for line in entry["lines"]) == 0
        for code in ("fund", "operator_funds", "bank"):
            ledger = queries.get_account_ledger(code, from_on=first, to_on=last)
            assert {line["entry_id"] for line in ledger["lines"]} == {
                entry["id"] for entry in queries.list_journal(from_on=first, to_on=last, account=code, limit=1000)
            }
            assert ledger["closing_minor"] == sum_balance(code, last)
            assert [line["balance_minor"] for line in ledger["lines"]][-1:] in ([], [ledger["closing_minor"]])
            assert queries.get_account_ledger(code, from_on=DAY, to_on=last)["opening_minor"] == sum_balance(
                code, DAY - timedelta(days=1)
            )


def _end(page: list[dict[str, Any]]) -> Place | None:
    return Place(page[-1]["effective_on"], page[-1]["id"]) if page else None


def test_an_entry_dated_back_moves_every_later_balance_and_no_earlier_one(db: object) -> None:
    chain = build_chain(2)
    child = chain.operators[1]
    for month in (1, 2, 3):
        recharge(chain, child, 100, on=date(2026, month, 10))
    services.seal_all_books(chain.isp, now=NOW)
    recharge(chain, child, 40, kind="bonus", on=date(2026, 2, 5))
    asked = [date(2026, 1, 31), date(2026, 2, 4), date(2026, 2, 5), date(2026, 2, 28), date(2026, 3, 31)]
    with acting(chain.isp, child):
        assert [sum_balance("fund", on) for on in asked] == [100, 100, 140, 240, 340]
    services.seal_all_books(chain.isp, now=NOW)
    with acting(chain.isp, child):
        assert [sum_balance("fund", on) for on in asked] == [100, 100, 140, 240, 340]
