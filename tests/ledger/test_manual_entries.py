"""Entries by hand: what an accountant may post, once, into open periods, and take back once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import AlreadyReversed, InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.ledger import queries, services
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.periods import close_books, reopen_books
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import execute, savepoint
from tests.builders import acting, build_person
from tests.ledger.books import DAY, NOW, Chain, balances_by_hand, build_chain, recharge

RENT = (ManualLine("office_expense", "bank", 250_00),)


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    return build_chain(2)


def post(lines: Sequence[ManualLine] = RENT, key: str = "k", reason: str = "Rent of March") -> int:
    return services.post_manual_entry(effective_on=DAY, lines=lines, reason=reason, request_key=key, now=NOW)


def test_the_same_form_sent_twice_posts_once(chain: Chain) -> None:
    with acting(chain.isp):
        first = post()
    with acting(chain.isp):
        assert post() == first
        assert sum_balance("bank", DAY) == -250_00
        assert len(queries.list_journal(from_on=DAY, to_on=DAY)) == 1


def test_a_form_sent_again_after_its_month_was_closed_is_the_first_one(chain: Chain) -> None:
    with acting(chain.isp):
        first = post()
        close_books(through=DAY, now=NOW)
        assert post() == first


def test_a_used_key_with_other_figures_is_refused(chain: Chain) -> None:
    with acting(chain.isp):
        post()
    for lines, reason in (((ManualLine("office_expense", "bank", 1),), "Rent of March"), (RENT, "Rent of April")):
        with pytest.raises(KeyReused), acting(chain.isp):
            post(lines, reason=reason)


def test_two_operators_may_use_the_same_key(chain: Chain) -> None:
    for operator in chain.operators:
        with acting(chain.isp, operator):
            post()
            assert sum_balance("bank", DAY) == -250_00


@pytest.mark.parametrize(
    ("line", "refusal", "says"),
    [
        (ManualLine("cellar", "bank", 5), services.UnknownAccount, "Line 2: there is no account “cellar”"),
        (ManualLine("receivable_customers", "bank", 5), services.AccountOfParties, "Receivable from customers"),
        (ManualLine("cash", "operator_funds", 5), services.AccountOfParties, "Operator funds"),
        (ManualLine("cash", "cash", 5), InvalidInput, "Line 2 debits and credits the same account"),
        (ManualLine("cash", "bank", 0), InvalidInput, "more than zero"),
        (ManualLine("cash", "bank", -5), InvalidInput, "more than zero"),
        (ManualLine("cash", "bank", 10**15 + 1), InvalidInput, "more than zero"),
    ],
)
def test_a_line_that_cannot_be_posted_refuses_the_whole_entry(
    chain: Chain, line: ManualLine, refusal: type[Refusal], says: str
) -> None:
    with acting(chain.isp):
        with pytest.raises(refusal) as refused, savepoint():
            post((*RENT, line))
        assert says in refused.value.message
        assert balances_by_hand(chain.isp.isp_id, DAY) == {}


def test_a_closed_account_takes_nothing_from_its_last_day_on(chain: Chain) -> None:
    with acting(chain.isp):
        post(key="before")
    for closed_on, allowed in ((DAY + timedelta(days=1), True), (DAY, False)):
        with acting(chain.isp):
            execute("UPDATE account SET closed_on = %s WHERE code = 'office_expense'", [closed_on])
            if allowed:
                post(key=f"until {closed_on}")
            else:
                with pytest.raises(services.AccountClosed), savepoint():
                    post(key="after")


def test_nothing_is_posted_into_a_closed_period_by_any_way(chain: Chain) -> None:
    north = chain.operators[1]
    with acting(chain.isp):
        entry = post()
        close_books(through=DAY, now=NOW)
        with pytest.raises(services.PeriodClosed), savepoint():
            post(key="late")
        with pytest.raises(services.PeriodClosed), savepoint():
            services.reverse_entry(entry_id=entry, on=DAY, reason="wrong", now=NOW)
        services.reverse_entry(entry_id=entry, on=DAY + timedelta(days=1), reason="wrong", now=NOW)
    with pytest.raises(services.PeriodClosed):
        recharge(chain, north, 100)
    with acting(chain.isp, north):
        assert balances_by_hand(north, DAY) == {}
    with acting(chain.isp):
        reopen_books(through=None, why="the rent was missing", now=NOW)
        post(key="reopened")


def test_a_reversal_undoes_an_entry_once_and_both_stay(chain: Chain) -> None:
    with acting(chain.isp):
        entry = post()
        later = DAY + timedelta(days=3)
        reversal = services.reverse_entry(entry_id=entry, on=later, reason="posted twice", now=NOW)
        assert sum_balance("bank", DAY) == -250_00
        assert queries.get_trial_balance(on=later)["accounts"] == []
        shown = queries.list_journal(from_on=DAY, to_on=later)
        assert [(row["id"], row["title"]) for row in shown] == [
            (reversal, "Entry by hand taken back"), (entry, "Entry by hand"),
        ]  # fmt: skip
        assert shown[0]["reverses"] == shown[1]["number"]
        with pytest.raises(InvalidInput), savepoint():
            services.reverse_entry(entry_id=post(key="other"), on=DAY - timedelta(days=1), reason="early", now=NOW)
        with pytest.raises(AlreadyReversed), savepoint():
            services.reverse_entry(entry_id=entry, on=later, reason="again", now=NOW)
        with pytest.raises(services.NotByHand), savepoint():
            services.reverse_entry(entry_id=reversal, on=later, reason="back again", now=NOW)


def test_an_event_s_entry_is_not_taken_back_by_hand_and_another_s_entry_is_not_there(chain: Chain) -> None:
    north = chain.operators[1]
    recharge(chain, north, 100)
    with acting(chain.isp):
        entry = queries.list_journal(from_on=DAY, to_on=DAY)[0]["id"]
        with pytest.raises(services.NotByHand), savepoint():
            services.reverse_entry(entry_id=entry, on=DAY, reason="wrong", now=NOW)
        mine = post()
    with acting(chain.isp, north), pytest.raises(NotFound), savepoint():
        services.reverse_entry(entry_id=mine, on=DAY, reason="wrong", now=NOW)


def test_a_reason_is_asked_for(chain: Chain) -> None:
    with acting(chain.isp), pytest.raises(InvalidInput):
        post(reason="  ")


def test_a_collector_posts_nothing_by_hand(chain: Chain) -> None:
    with acting(chain.isp):
        person = build_person(chain.isp.isp_id, "rafiq", "collector")
    with acting(chain.isp, user_id=person), pytest.raises(NotAllowed):
        post()


def test_an_operator_renames_its_accounts_and_its_books_read_on(chain: Chain) -> None:
    with acting(chain.isp):
        post()
        execute("UPDATE account SET number = '10-1', name = 'ব্যাংক' WHERE code = 'bank'")
        names = {row["code"]: (row["number"], row["name"]) for row in queries.get_trial_balance(on=DAY)["accounts"]}
    assert names["bank"] == ("10-1", "ব্যাংক")
