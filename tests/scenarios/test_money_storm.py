"""Everything at once at four edges of the tree, nights among it: no deadlock, and every proof holds."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import OperationalError
from psycopg.errors import SerializationFailure

from backhaul.billing.adjustments import discount_bill, write_off_bill
from backhaul.billing.changes import change_package
from backhaul.billing.cuts import cut_isp
from backhaul.billing.outages import Outage, record_outage
from backhaul.billing.refunds import disconnect_customer, preview_refund
from backhaul.billing.services import bring_back, sign_up_customer
from backhaul.catalog.services import ProfileRules, add_billing_profile, set_tariff_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import Refusal
from backhaul.funds.services import deduct_from_fund, reverse_recharge, set_edge_terms
from backhaul.ledger.services import seal_all_books
from backhaul.operators.functions import rows
from backhaul.payments.services import receive_payment, record_payment, reverse_payment
from backhaul.resellers.services import receive_child_payment, recharge_child_fund, set_child_terms, transfer_to_child
from backhaul.subscribers.services import AddedCustomer, add_zone, suspend_subscription
from tests.builders import acting, build_operator, new_customer, request_key
from tests.cast import PLANS, START, Cast
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_faults import admin
from tests.scenarios.test_money_races import Side
from tests.scenarios.test_oracles import taken_over

DAYS = [date(2026, 11, 1), date(2026, 11, 10), date(2026, 12, 1), date(2026, 12, 12), date(2027, 1, 1)]


@dataclass(frozen=True)
class Town:
    """Padma → North → Village → Lane → House, with Rival beside North and Hamlet beside Lane."""

    cast: Cast
    seats: tuple[int, ...]
    edges: dict[int, int]  # child → parent
    pairs: tuple[tuple[int, int], ...]
    zones: dict[int, int]
    profile: tuple[int, int]


def build_town(cast: Cast) -> Town:
    """Every edge sells every plan, credits outages and has its own timing; the guard of two of them is on."""
    isp = cast.padma.isp_id
    edges = {cast.north: isp, cast.rival: isp}
    built = [isp, cast.north]
    for level, name in enumerate(("village", "lane", "house")):
        built.append(build_operator(cast.padma, built[-1], name, owner=False, may_have_children=True))
        edges[built[-1]] = built[-2]
        if name == "lane":
            hamlet = build_operator(cast.padma, built[-2], "hamlet", owner=False)
            edges[hamlet] = built[-2]
        for child in [built[-1], *([hamlet] if name == "lane" else [])]:
            with acting(cast.padma, built[-2]):
                for plan, (_, _, _, price, _) in PLANS.items():
                    set_tariff_price(
                        child_id=child, plan_operator_id=isp, plan_id=cast.plans[plan], starts_on=START,
                        price_minor=price + (level + 1) * 10_00, today=START,
                    )  # fmt: skip
    for child, parent in edges.items():
        with acting(cast.padma, parent):
            terms = {"charge_timing": "daily"} if child == built[3] else {}
            guard = {"minimum_balance_minor": 500_00} if child in (built[2], hamlet) else {}
            set_edge_terms(
                child_id=child, credit_days_for=["outage", "operator"], release_after_days=5, **terms, **guard
            )
            recharge_child_fund(
                child_id=child, kind="recharge", amount_minor=20_000_00, on=DAYS[0], now=noon(DAYS[0]), paid="cash",
                request_key=request_key(),
            )  # fmt: skip
    zones = {}
    for seat in (*built, hamlet):
        with acting(cast.padma, seat):
            zones[seat] = add_zone(name="Everywhere")
    with acting(cast.padma):
        rules = ProfileRules(
            due_days=7, auto_suspend=True, credit_days_for=("operator", "outage"), late_fee_minor=10_00
        )
        profile = (isp, add_billing_profile(name="Strict", rules=rules, handed_down=True))
    return Town(cast, (*built, hamlet), edges, ((cast.north, cast.rival), (built[3], hamlet)), zones, profile)


def told_to_try_again(error: OperationalError) -> str:
    """What record_payment says inside somebody's transaction where a night cut the service for which it waited; whoever
    calls it tries again (operators.scope.retried), a hand goes on to something else. A deadlock is raised on."""
    if not isinstance(error.__cause__, SerializationFailure):
        raise error
    return "try_again"


class Hand:
    """One of many who act for `seconds`; what it does next is drawn from its own dice."""

    def __init__(self, town: Town, known: list[tuple[int, AddedCustomer]], seconds: float, seed: int) -> None:
        self.town, self.cast, self.known, self.seconds = town, town.cast, known, seconds
        self.dice = random.Random(seed)
        self.refused: list[str] = []
        self.did: dict[str, int] = {}

    def work(self, ends: float) -> int:
        """Act until then, day after day; how often it was not refused."""
        while (left := ends - time.monotonic()) > 0:
            try:
                self.act(DAYS[int((1 - left / self.seconds) * len(DAYS))])
            except Refusal as refusal:
                self.refused.append(refusal.code)
            except OperationalError as error:
                self.refused.append(told_to_try_again(error))
        return sum(self.did.values())

    def act(self, day: date) -> None:
        alone: list[Callable[[date], None]] = [
            self.night, self.night, self.cut, self.recharge, self.recharge, self.transfer, self.take_back, self.guard,
            self.seal, self.pay_alone,
        ]  # fmt: skip
        seated: list[Callable[[date, AddedCustomer], None]] = [
            self.sign_up, self.pay, self.pay, self.reverse, self.suspend, self.bring_back, self.bring_back, self.leave,
            self.change, self.outage, self.adjust,
        ]  # fmt: skip
        number = self.dice.randrange(len(alone) + len(seated))
        if number < len(alone):
            act = alone[number].__name__
            alone[number](day)
        else:
            step = seated[number - len(alone)]
            act = step.__name__
            self.seat, customer = self.dice.choice(self.known)
            with acting(self.cast.padma, self.seat):
                step(day, customer)
        self.did[act] = self.did.get(act, 0) + 1

    def night(self, day: date) -> None:
        night(self.cast, day, slice_bills=self.dice.choice([2, 20_000]), only_held=self.dice.random() < 0.3)

    def cut(self, day: date) -> None:
        cut_isp(self.cast.padma, on=day, now=noon(day))

    def seal(self, day: date) -> None:
        seal_all_books(self.cast.padma, now=noon(day))

    def recharge(self, day: date) -> None:
        child, parent = self.dice.choice([*self.town.edges.items()])
        given: dict[str, Any] = {
            "child_id": child,
            "on": day,
            "now": noon(day),
            "amount_minor": 500_00,
            "request_key": request_key(),
        }
        with acting(self.cast.padma, parent):
            kind = self.dice.choice(["recharge", "recharge_credit", "bonus", "received"])
            if kind == "received":
                receive_child_payment(to_debt_minor=None, paid="bank", **given)
            else:
                recharge_child_fund(kind=kind, paid="cash" if kind == "recharge" else None, **given)

    def take_back(self, day: date) -> None:
        """A recharge bounces, or a penalty is taken."""
        child, parent = self.dice.choice([*self.town.edges.items()])
        with acting(self.cast.padma, parent):
            if self.dice.random() < 0.5:
                deduct_from_fund(child_id=child, amount_minor=300_00, on=day, request_key=request_key(), reason="late")
                return
            for made in rows(
                "SELECT id FROM fund_movement WHERE child_id = %s AND kind = 'recharge' ORDER BY random() LIMIT 1",
                [child],
            ):
                reverse_recharge(child_id=child, movement_id=made["id"], on=day, reason="bounced")

    def transfer(self, day: date) -> None:
        giver, taker = self.dice.choice(self.town.pairs)[:: self.dice.choice([1, -1])]
        with acting(self.cast.padma, self.town.edges[giver]):
            transfer_to_child(
                child_id=giver, to_child_id=taker, amount_minor=700_00, on=day, now=noon(day), request_key=request_key()
            )

    def guard(self, day: date) -> None:
        child, parent = self.dice.choice([*self.town.edges.items()])
        with acting(self.cast.padma, parent):
            minimum = self.dice.choice([None, 500_00, 15_000_00])
            set_child_terms(child_id=child, on=day, now=noon(day), minimum_balance_minor=minimum)

    def pay_alone(self, day: date) -> None:
        """As the payment page does: a unit of work by itself."""
        seat, customer = self.dice.choice(self.known)
        receive_payment(
            self.cast.padma, seat, customer_id=customer.customer_id, amount_minor=self.dice.choice([1, 700_00]),
            method="cash", received_on=day, now=noon(day), request_key=request_key(),
        )  # fmt: skip

    def sign_up(self, day: date, _: AddedCustomer) -> None:
        customer = new_customer(self.cast, profile=self.town.profile, zone_id=self.town.zones[self.seat])
        sign_up_customer(customer=customer, on=day, now=noon(day))

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

    def change(self, day: date, customer: AddedCustomer) -> None:
        package = (self.cast.padma.isp_id, self.cast.packages[self.dice.choice(["Home 10", "Home 20"])])
        change_package(subscription_id=customer.subscription_id, package=package, on=day, now=noon(day))

    def outage(self, day: date, _: AddedCustomer) -> None:
        first = day - timedelta(days=self.dice.choice([2, 5]))
        ends = datetime.combine(first + timedelta(days=1), datetime.min.time(), noon(day).tzinfo)
        down = Outage(
            from_at=noon(first), to_at=ends, from_on=first, to_on=first + timedelta(days=1), why="a cut fibre",
            zone_id=self.town.zones[self.seat],
        )  # fmt: skip
        record_outage(outage=down, on=day, now=noon(day))

    def adjust(self, day: date, _: AddedCustomer) -> None:
        """Some open bill is discounted, or given up."""
        for bill in rows("SELECT invoice_id FROM invoice_open ORDER BY random() LIMIT 1"):
            given: dict[str, Any] = {
                "invoice_id": bill["invoice_id"],
                "on": day,
                "now": noon(day),
                "request_key": request_key(),
            }
            if self.dice.random() < 0.7:
                discount_bill(net_minor=10_00, why="slow", **given)
            else:
                write_off_bill(why="gone", **given)


def storm(db: EmbeddedPostgres, cast: Cast, *, threads: int, seconds: float) -> None:
    """So many hands at once for so long; then nothing deadlocked, and every proof holds, also after one more night."""
    town = build_town(cast)
    known = [
        (seat, taken_over(cast, seat, profile=town.profile, zone_id=town.zones[seat]))
        for seat in town.seats
        for _ in range(4)
    ]
    hands = [Hand(town, known, seconds, seed) for seed in range(threads)]
    deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = 'backhaul'"
    with admin(db) as connection:
        before = connection.execute(deadlocks.encode()).fetchone()
    ends = time.monotonic() + seconds
    sides = [Side(partial(hand.work, ends)) for hand in hands]
    for side in sides:
        side.thread.join()  # all of them, before the first error ends the test: what goes on would disturb the next
    done = [side.done() for side in sides]
    did = {name for hand in hands for name in hand.did}
    assert min(done) > 0 and sum(done) > 100, [hand.refused for hand in hands]
    with admin(db) as connection:
        assert connection.execute(deadlocks.encode()).fetchone() == before
    assert_proved()
    night(cast, DAYS[-1])
    assert_proved()
    assert len(did) >= 15, did  # of 17


def test_many_hands_at_four_edges_beside_nights_never_deadlock_and_everything_is_proved(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    """Sign-ups, payments, reversals, stops, returns, leavings, changes, outages, funds, guards, nights, cuts, seals."""
    storm(db, cast, threads=12, seconds=12)


@pytest.mark.slow
def test_a_minute_of_sixteen_hands_never_deadlocks(db: EmbeddedPostgres, cast: Cast) -> None:
    storm(db, cast, threads=16, seconds=60)
