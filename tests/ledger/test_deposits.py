"""What customers leave for safety: in the books and in its own rows the same, kept for dues, given back, taken back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest

from backhaul.billing.one_off import issue_one_off
from backhaul.billing.queries import find_standings
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import AlreadyReversed, InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.periods import close_books
from backhaul.ledger.services import PeriodClosed
from backhaul.operators.functions import savepoint
from backhaul.payments.deposits import (
    DepositAct,
    DepositTooSmall,
    MoreThanDue,
    list_deposits,
    record_deposit,
    reverse_deposit,
)
from backhaul.payments.queries import list_statement
from backhaul.resellers.checks import verify
from tests.builders import acting, build_customer, build_person, request_key
from tests.cast import CELL, Cast, build_cast
from tests.scenarios.money import noon

ON = date(2026, 3, 2)
LATER = ON + timedelta(days=3)


@dataclass
class Shop:
    """Padma with one customer, who owes 500.00 on two bills."""

    cast: Cast
    customer: int

    def act(self, kind: str, amount: int, *, key: str | None = None, on: date = ON) -> int:
        method = None if kind == "deposit_kept" else "cash"
        act = DepositAct(self.customer, kind, amount, on, "for the router", method)
        return record_deposit(act, request_key=key or request_key(), now=noon(on))

    def held(self) -> dict[str, int]:
        codes = ("cash", "customer_deposits", "customer_advances", "receivable_customers")
        return {code: net for code in codes if (net := sum_balance(code, LATER))}


@pytest.fixture
def shop(db: EmbeddedPostgres) -> Shop:
    cast = build_cast()
    with acting(cast.padma):
        added = build_customer(cast, activate=False)
        for minor in (300_00, 200_00):
            issue_one_off(
                subscription_id=added.subscription_id, title="Router", net_minor=minor, on=ON, due_on=ON, now=noon(ON),
                request_key=request_key(),
            )  # fmt: skip
    return Shop(cast, added.customer_id)


def assert_proved() -> None:
    assert [check for check in verify([CELL]) if not check.ok] == []


def test_a_deposit_comes_in_is_kept_for_the_oldest_dues_and_the_rest_is_given_back(shop: Shop) -> None:
    with acting(shop.cast.padma):
        shop.act("deposit_in", 600_00)
        assert shop.held() == {"cash": 600_00, "customer_deposits": -600_00, "receivable_customers": 500_00}
        shop.act("deposit_kept", 350_00)
        assert shop.held() == {"cash": 600_00, "customer_deposits": -250_00, "receivable_customers": 150_00}
        assert find_standings([shop.customer])[shop.customer]["due_minor"] == 150_00
        shop.act("deposit_given_back", 250_00)
        assert shop.held() == {"cash": 350_00, "receivable_customers": 150_00}
        assert [row["left_minor"] for row in list_deposits(shop.customer)] == [0, 250_00, 600_00]
        assert list_statement(shop.customer)[0]["closing_minor"] == 150_00
    assert_proved()


def test_the_same_form_sent_twice_moves_the_deposit_once(shop: Shop) -> None:
    with acting(shop.cast.padma):
        first = shop.act("deposit_in", 600_00, key="twice")
        assert shop.act("deposit_in", 600_00, key="twice") == first
        assert shop.held()["customer_deposits"] == -600_00
        other_method = DepositAct(shop.customer, "deposit_in", 600_00, ON, "for the router", "bank")
        for other in (replace(other_method, method="cash", amount_minor=601_00), other_method,
                      replace(other_method, method="cash", on=LATER)):  # fmt: skip
            with pytest.raises(KeyReused), savepoint():
                record_deposit(other, request_key="twice", now=noon(ON))


@pytest.mark.parametrize(
    ("kind", "amount", "refusal"),
    [
        ("deposit_kept", 400_01, DepositTooSmall),
        ("deposit_given_back", 400_01, DepositTooSmall),
        ("deposit_in", 0, Refusal),
        ("deposit_in", -1, Refusal),
        ("deposit_lost", 1, InvalidInput),
    ],
)
def test_what_is_not_there_is_neither_kept_nor_given_back(
    shop: Shop, kind: str, amount: int, refusal: type[Refusal]
) -> None:
    with acting(shop.cast.padma):
        shop.act("deposit_in", 400_00)
        before = shop.held()
        with pytest.raises(refusal), savepoint():
            shop.act(kind, amount)
        assert shop.held() == before


def test_no_more_is_kept_than_is_owed(shop: Shop) -> None:
    with acting(shop.cast.padma):
        shop.act("deposit_in", 600_00)
        with pytest.raises(MoreThanDue), savepoint():
            shop.act("deposit_kept", 500_01)
        shop.act("deposit_kept", 500_00)
        assert find_standings([shop.customer])[shop.customer]["due_minor"] == 0
    assert_proved()


def test_each_act_is_taken_back_once_and_the_bills_are_open_again(shop: Shop) -> None:
    with acting(shop.cast.padma):
        taken = shop.act("deposit_in", 600_00)
        kept = shop.act("deposit_kept", 350_00)
        given = shop.act("deposit_given_back", 250_00)
        with pytest.raises(DepositTooSmall), savepoint():
            reverse_deposit(deposit_id=taken, on=LATER, why="wrong", now=noon(LATER))
        for act in (given, kept, taken):
            reverse_deposit(deposit_id=act, on=LATER, why="wrong", now=noon(LATER))
            with pytest.raises(AlreadyReversed), savepoint():
                reverse_deposit(deposit_id=act, on=LATER, why="again", now=noon(LATER))
        assert shop.held() == {"receivable_customers": 500_00}
        assert find_standings([shop.customer])[shop.customer]["due_minor"] == 500_00
        assert list_statement(shop.customer)[0]["closing_minor"] == 500_00
    assert_proved()


def test_closed_days_take_no_deposit_and_no_undoing(shop: Shop) -> None:
    with acting(shop.cast.padma):
        act = shop.act("deposit_in", 600_00)
        close_books(through=ON, now=noon(LATER + timedelta(days=9)))
        with pytest.raises(PeriodClosed), savepoint():
            shop.act("deposit_in", 1)
        with pytest.raises(PeriodClosed), savepoint():
            reverse_deposit(deposit_id=act, on=ON, why="wrong", now=noon(LATER))
        reverse_deposit(deposit_id=act, on=LATER, why="wrong", now=noon(LATER))


def test_another_operator_s_customer_and_deposit_are_not_there(shop: Shop) -> None:
    with acting(shop.cast.padma):
        act = shop.act("deposit_in", 600_00)
        collector = build_person(shop.cast.padma.isp_id, "rafiq", "collector")
    with acting(shop.cast.padma, shop.cast.north):
        with pytest.raises(NotFound), savepoint():
            shop.act("deposit_in", 1)
        with pytest.raises(NotFound), savepoint():
            reverse_deposit(deposit_id=act, on=LATER, why="wrong", now=noon(LATER))
    with acting(shop.cast.padma, user_id=collector), pytest.raises(NotAllowed):
        shop.act("deposit_given_back", 1)


def test_a_deposit_needs_a_way_of_payment_and_what_is_kept_has_none(shop: Shop) -> None:
    paid = DepositAct(shop.customer, "deposit_in", 5, ON, "x", "cash")
    with acting(shop.cast.padma):
        for wrong in (replace(paid, method=None), replace(paid, method="fund"), replace(paid, kind="deposit_kept")):
            with pytest.raises(InvalidInput), savepoint():
                record_deposit(wrong, request_key=request_key(), now=noon(ON))
