"""Ways into the books of cash in people's hands and of deposits, as attempts on a day; see closing_attempts.py."""

from __future__ import annotations

from datetime import date

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.payments.deposits import DepositAct, record_deposit, reverse_deposit
from backhaul.payments.drawers import count_drawer, receive_hand_over, settle_shortage
from backhaul.payments.services import receive_payment
from tests.builders import acting, build_person, request_key
from tests.cast import Cast
from tests.ledger.closing_attempts import DAY, Attempts, Built, with_a_bill
from tests.scenarios.money import noon
from tests.scenarios.test_oracles import NOV_1


def counted(cast: Cast) -> tuple[int, int, int]:
    """A collector who took 100.00 and counted 90.00; its accountant; the hand-over."""
    customer = with_a_bill(cast)
    with acting(cast.padma, cast.riverside):
        collector, accountant = (build_person(cast.riverside, role, role) for role in ("collector", "accountant"))
    receive_payment(
        cast.padma, cast.riverside, user_id=collector, customer_id=customer.customer_id, amount_minor=100_00,
        method="cash", received_on=NOV_1, now=noon(NOV_1), request_key=request_key(),
    )  # fmt: skip
    with acting(cast.padma, cast.riverside, user_id=collector):
        return collector, accountant, count_drawer(counted_minor=90_00, now=noon(NOV_1), request_key=request_key())


def hand_over(cast: Cast, _db: EmbeddedPostgres) -> Built:
    _, accountant, waiting = counted(cast)

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside, user_id=accountant):
            receive_hand_over(hand_over_id=waiting, on=on, now=noon(on))

    return DAY, attempt


def shortage(cast: Cast, _db: EmbeddedPostgres) -> Built:
    collector, accountant, waiting = counted(cast)
    with acting(cast.padma, cast.riverside, user_id=accountant):
        receive_hand_over(hand_over_id=waiting, on=NOV_1, now=noon(NOV_1))

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside, user_id=accountant):
            settle_shortage(
                user_id=collector, amount_minor=10_00, paid="cash", on=on, now=noon(on), request_key=request_key()
            )

    return DAY, attempt


def deposit(cast: Cast, _db: EmbeddedPostgres) -> Built:
    customer = with_a_bill(cast)

    def attempt(on: date) -> int:
        act = DepositAct(customer.customer_id, "deposit_in", 50_00, on, "for the router", "cash")
        with acting(cast.padma, cast.riverside):
            return record_deposit(act, request_key=request_key(), now=noon(on))

    return DAY, attempt


def deposit_reversed(cast: Cast, db: EmbeddedPostgres) -> Built:
    made = deposit(cast, db)[1](NOV_1)
    assert isinstance(made, int)

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside):
            reverse_deposit(deposit_id=made, on=on, why="typed twice", now=noon(on))

    return DAY, attempt


CASH_ATTEMPTS: Attempts = {
    "receive_hand_over": hand_over,
    "record_deposit": deposit,
    "reverse_deposit": deposit_reversed,
    "settle_shortage": shortage,
}
