"""Everything at once at three levels of the tree, nights among it: no deadlock, and every proof holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import date
from functools import partial

from backhaul.billing.refunds import disconnect_customer, preview_refund
from backhaul.billing.services import bring_back, sign_up_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import Refusal
from backhaul.funds.services import recharge_fund
from backhaul.operators.functions import rows
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.services import AddedCustomer, suspend_subscription
from tests.builders import acting, new_customer, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_faults import admin
from tests.scenarios.test_money_races import Side, strict_profile
from tests.scenarios.test_oracles import invoices, taken_over

SECONDS = 12
THREADS = 12
DAYS = [date(2026, 11, 1), date(2026, 11, 10), date(2026, 12, 1), date(2026, 12, 12), date(2027, 1, 1)]


class Hand:
    """One of many who act; what it does next is drawn from its own dice."""

    def __init__(self, cast: Cast, known: list[tuple[int, AddedCustomer]], profile: tuple[int, int], seed: int) -> None:
        self.cast, self.known, self.profile = cast, known, profile
        self.dice = random.Random(seed)
        self.refused: list[str] = []

    def work(self, ends: float) -> int:
        """Act until then, day after day; how often it was not refused."""
        count = 0
        while (left := ends - time.monotonic()) > 0:
            try:
                self.act(DAYS[int((1 - left / SECONDS) * len(DAYS))])
                count += 1
            except Refusal as refusal:
                self.refused.append(refusal.code)
        return count

    def act(self, day: date) -> None:
        alone: list[Callable[[date], None]] = [self.night, self.recharge]
        seated: list[Callable[[date, AddedCustomer], None]] = [
            self.sign_up, self.pay, self.pay, self.reverse, self.suspend, self.bring_back, self.leave,
        ]  # fmt: skip
        number = self.dice.randrange(len(alone) + len(seated))
        if number < len(alone):
            alone[number](day)
            return
        seat, customer = self.dice.choice(self.known)
        with acting(self.cast.padma, seat):
            seated[number - len(alone)](day, customer)

    def night(self, day: date) -> None:
        night(self.cast, day, slice_bills=self.dice.choice([2, 20_000]), only_held=self.dice.random() < 0.3)

    def recharge(self, day: date) -> None:
        cast = self.cast
        parent, child = self.dice.choice([(cast.padma.isp_id, cast.north), (cast.north, cast.riverside)])
        with acting(cast.padma, parent):
            recharge_fund(
                child_id=child, kind="recharge", amount_minor=500_00, on=day, paid="cash", request_key=request_key()
            )

    def sign_up(self, day: date, _: AddedCustomer) -> None:
        sign_up_customer(customer=new_customer(self.cast, profile=self.profile), on=day, now=noon(day))

    def pay(self, day: date, customer: AddedCustomer) -> None:
        record_payment(
            customer_id=customer.customer_id, amount_minor=self.dice.choice([1, 300_00, 1_300_00]), method="cash",
            received_on=day, now=noon(day), request_key=request_key(),
        )  # fmt: skip

    def reverse(self, day: date, _: AddedCustomer) -> None:
        for paid in rows("SELECT id FROM payment WHERE amount_minor > 0 ORDER BY random() LIMIT 1"):
            reverse_payment(payment_id=paid["id"], on=day, now=noon(day), reason="bounced")

    def suspend(self, day: date, customer: AddedCustomer) -> None:
        suspend_subscription(
            subscription_id=customer.subscription_id, why="asked", on=day, at=noon(day),
            until_paid=self.dice.random() < 0.5,
        )  # fmt: skip

    def bring_back(self, day: date, customer: AddedCustomer) -> None:
        reason = self.dice.choice(["by_hand", "unpaid", "left"])
        bring_back(
            subscription_id=customer.subscription_id,
            reason=reason,
            on=day,
            now=noon(day),
            hold=self.dice.random() < 0.5,
        )

    def leave(self, day: date, customer: AddedCustomer) -> None:
        if self.dice.random() < 0.5:
            preview_refund(subscription_id=customer.subscription_id, on=day, now=noon(day))
            return
        disconnect_customer(
            subscription_id=customer.subscription_id, on=day, now=noon(day), why="moved",
            credit_customer=self.dice.random() < 0.8,
        )  # fmt: skip


def test_many_hands_at_three_levels_beside_nights_never_deadlock_and_everything_is_proved(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    """Sign-ups, payments, reversals, suspensions, returns, leavings, recharges and nights, all at once."""
    fill_funds(cast, north=30_000_00, riverside=10_000_00)
    seats = [cast.padma.isp_id, cast.north, cast.riverside]
    profile = strict_profile(cast)
    known = [(seat, taken_over(cast, seat, profile=profile)) for seat in seats for _ in range(6)]
    hands = [Hand(cast, known, profile, seed) for seed in range(THREADS)]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'backhaul'"
    with admin(db) as connection:
        before = connection.execute(deadlocks.encode()).fetchone()
    ends = time.monotonic() + SECONDS
    sides = [Side(partial(hand.work, ends)) for hand in hands]
    done = [side.done() for side in sides]
    assert min(done) > 0 and sum(done) > 100, [hand.refused for hand in hands]
    with admin(db) as connection:
        assert connection.execute(deadlocks.encode()).fetchone() == before
    assert_proved()
    night(cast, DAYS[-1])
    assert_proved()
    assert len(invoices(cast, cast.riverside)) > 12
