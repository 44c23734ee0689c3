"""Every way into the books, as an attempt on a given day: what is needed before is built, then it can be tried.

Each builder gets the cast and returns the first day to try it on, and the attempt itself. Whatever it needs was there
before that day; tried on an open day it writes at least one entry.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from backhaul.billing.adjustments import discount_bill, record_recovery, write_off_bill
from backhaul.billing.changes import change_package
from backhaul.billing.one_off import issue_one_off
from backhaul.billing.outages import Outage, record_outage
from backhaul.billing.services import bill_subscription, issue_opening_dues
from backhaul.billing.starting import start_edge
from backhaul.billing.unearned import release_unearned
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import (
    deduct_from_fund,
    pay_back_fund,
    receive_from_child,
    recharge_fund,
    reverse_bonus,
    reverse_recharge,
    transfer_fund,
)
from backhaul.ledger.events import OwnEvent, record_own_event, reverse_own_event
from backhaul.ledger.rules import ManualLine
from backhaul.ledger.services import post_manual_entry, reverse_entry
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work
from backhaul.payments.paid_back import pay_back_advance
from backhaul.payments.services import reverse_payment
from backhaul.resellers.emergency import sum_emergency_loan, take_emergency_loan
from backhaul.resellers.slabs import Slab
from backhaul.subscribers.services import AddedCustomer, add_zone, update_customer
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.days import credit_nights, edge_credits, off, profile_credits
from tests.scenarios.money import night, noon
from tests.scenarios.test_edge_start import build_unstarted, running
from tests.scenarios.test_edge_start import recharge as recharge_child
from tests.scenarios.test_enabled_days import FIVE_DAYS
from tests.scenarios.test_extras import bill_of, billed, fees, profile
from tests.scenarios.test_oracles import NOV_1, pay, taken_over
from tests.scenarios.test_refunds import back, dead_since, edge, leave, release
from tests.scenarios.test_slabs import post, set_slabs, sign_up
from tests.scenarios.test_unearned import quarter

DAY = date(2026, 11, 20)
DEC_1 = date(2026, 12, 1)
Attempt = Callable[[date], object]
Built = tuple[date, Attempt]
Attempts = dict[str, Callable[[Cast, EmbeddedPostgres], Built]]


def with_a_bill(cast: Cast) -> AddedCustomer:
    """Riverside's customer with November's bill of 600.00."""
    fill_funds(cast)
    return billed(cast)


def recharged(cast: Cast, kind: str = "recharge") -> int:
    """A movement of North's fund by Padma."""
    with acting(cast.padma):
        return recharge_fund(
            child_id=cast.north, kind=kind, amount_minor=500_00, on=NOV_1, paid="cash" if kind == "recharge" else None,
            request_key=request_key(),
        )  # fmt: skip


def last_id(table: str) -> int:
    """The newest row that the acting operator has."""
    return int(rows(f"SELECT max(id) AS id FROM {table}")[0]["id"])


def in_riverside(cast: Cast, do: Callable[..., object], **arguments: Any) -> Attempt:
    """A command with on=, now= and its own arguments, acting for Riverside."""

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside):
            do(on=on, now=noon(on), **arguments)

    return attempt


def in_padma(cast: Cast, do: Callable[..., object], **arguments: Any) -> Attempt:
    def attempt(on: date) -> None:
        with acting(cast.padma):
            do(on=on, **arguments)

    return attempt


def payment(cast: Cast, _db: EmbeddedPostgres) -> Built:
    customer = with_a_bill(cast)
    return DAY, lambda on: pay(cast, cast.riverside, customer.customer_id, 600_00, on)


def payment_reversed(cast: Cast, _db: EmbeddedPostgres) -> Built:
    customer = with_a_bill(cast)
    paid = pay(cast, cast.riverside, customer.customer_id, 700_00, NOV_1).payment_id
    return DAY, in_riverside(cast, reverse_payment, payment_id=paid, reason="bounced")


def advance_paid_back(cast: Cast, _db: EmbeddedPostgres) -> Built:
    customer = with_a_bill(cast)
    pay(cast, cast.riverside, customer.customer_id, 700_00, NOV_1)
    return DAY, in_riverside(
        cast, pay_back_advance, customer_id=customer.customer_id, amount_minor=100_00, method="cash", why="asked",
        request_key=request_key(),
    )  # fmt: skip


def one_bill(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    return DAY, in_riverside(cast, bill_subscription, subscription_id=service, hold=False)


def a_night(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    return DAY, lambda on: night(cast, on)


def opening_dues(cast: Cast, _db: EmbeddedPostgres) -> Built:
    customer = taken_over(cast, cast.riverside)
    dues = [(customer.customer_id, customer.subscription_id, 9_99)]
    return DAY, in_riverside(cast, issue_opening_dues, dues=dues, due_on=DEC_1)


def leaving(cast: Cast, _db: EmbeddedPostgres) -> Built:
    service = with_a_bill(cast).subscription_id
    return DAY, lambda on: leave(cast, cast.riverside, service, on)


def package_change(cast: Cast, _db: EmbeddedPostgres) -> Built:
    service = with_a_bill(cast).subscription_id
    package = (cast.padma.isp_id, cast.packages["Home 20"])
    return DAY, in_riverside(cast, change_package, subscription_id=service, package=package)


def released(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    dead_since(cast, service, date(2026, 11, 5))
    return DAY, lambda on: release(cast, on)


def back_after_release(cast: Cast, db: EmbeddedPostgres) -> Built:
    _, let_go = released(cast, db)
    let_go(date(2026, 11, 11))
    with acting(cast.padma, cast.riverside):
        service = last_id("subscription")
    return DAY, lambda on: back(cast, cast.riverside, service, on, "by_hand")


def waiting_for_funds(cast: Cast, _db: EmbeddedPostgres) -> Built:
    """Released as unpaid, paid on the 21st with an empty fund, which was recharged since."""
    fill_funds(cast, riverside=450_00)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    strict = profile(cast, due_days=2, grace_days=1)
    customer = taken_over(cast, cast.riverside, profile=strict)
    for day in (NOV_1, date(2026, 11, 5), date(2026, 11, 10)):
        night(cast, day)
    taken_over(cast, cast.riverside, date(2026, 11, 10))
    night(cast, date(2026, 11, 10))
    paid_on = date(2026, 11, 21)
    pay(cast, cast.riverside, customer.customer_id, 600_00, paid_on)
    fill_funds(cast, north=0, riverside=200_00, on=paid_on)

    def attempt(on: date) -> None:
        with unit_of_work(cast.padma, using="batch"):
            call("retry_released", "batch", isp=cast.padma.isp_id, top=cast.north, on=on, now=noon(on))

    return date(2026, 11, 22), attempt


def edge_started(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    child = build_unstarted(cast, cast.north)
    running(cast, child)
    night(cast, NOV_1)
    recharge_child(cast, cast.north, child, 1_000_00)

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.north):
            start_edge(child_id=child, on=on)

    return DAY, attempt


def emergency_loan(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast, riverside=460_00)
    billed(cast)
    edge(cast, cast.riverside, cast.north, emergency_days=20)

    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside):
            amount = sum_emergency_loan(days=20, today=on)
            take_emergency_loan(days=20, amount_minor=amount, today=on, now=noon(on), request_key=request_key())

    return DAY, attempt


def volume_bonus(cast: Cast, _db: EmbeddedPostgres) -> Built:
    february, march = date(2026, 2, 1), date(2026, 3, 1)
    fill_funds(cast)
    set_slabs(cast, february, date(2026, 1, 20), [Slab(1, 500)])
    sign_up(cast, cast.north, february)
    return march, lambda on: post(cast, on)


def credits_of_a_night(cast: Cast, db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    for child in (cast.riverside, cast.north):
        edge_credits(db, child, "operator")
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    return DEC_1, lambda on: credit_nights(cast, on, noon(on))


def outage(cast: Cast, db: EmbeddedPostgres) -> Built:
    edge_credits(db, cast.riverside, "outage")
    customer = with_a_bill(cast)
    with acting(cast.padma, cast.riverside):
        zone = add_zone(name="Harbour")
        update_customer(customer_id=customer.customer_id, at=noon(NOV_1), zone_id=zone)
    began, ended = datetime(2026, 11, 10, 1, tzinfo=UTC), datetime(2026, 11, 12, 19, tzinfo=UTC)
    what = Outage(began, ended, date(2026, 11, 10), date(2026, 11, 13), "fibre cut", zone_id=zone)
    return DAY, in_riverside(cast, record_outage, outage=what)


def one_off(cast: Cast, _db: EmbeddedPostgres) -> Built:
    service = taken_over(cast, cast.riverside).subscription_id
    return DAY, in_riverside(
        cast, issue_one_off, subscription_id=service, title="Router", net_minor=90_00, due_on=DEC_1,
        request_key=request_key(),
    )  # fmt: skip


def late_fees(cast: Cast, _db: EmbeddedPostgres) -> Built:
    fill_funds(cast)
    billed(cast, profile=profile(cast, auto_suspend=False, late_fee_minor=50_00, late_fee_after_days=3))
    return DAY, lambda on: fees(cast, on)


def adjusted(cast: Cast, do: Callable[..., object], **arguments: Any) -> Built:
    bill = bill_of(cast, with_a_bill(cast))["id"]
    return DAY, in_riverside(cast, do, invoice_id=bill, why="x", request_key=request_key(), **arguments)


def recovery(cast: Cast, _db: EmbeddedPostgres) -> Built:
    bill = bill_of(cast, with_a_bill(cast))["id"]
    in_riverside(cast, write_off_bill, invoice_id=bill, why="gone", request_key=request_key())(NOV_1)
    return DAY, in_riverside(
        cast, record_recovery, invoice_id=bill, amount_minor=5_00, paid="cash", request_key=request_key()
    )


def of_the_fund(cast: Cast, do: Callable[..., object], **arguments: Any) -> Built:
    """Something that Padma does with North's fund, which is full."""
    fill_funds(cast)
    return DAY, in_padma(cast, do, child_id=cast.north, **arguments)


def by_hand(cast: Cast, _db: EmbeddedPostgres) -> Built:
    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside):
            post_manual_entry(
                effective_on=on, lines=(ManualLine("office_expense", "bank", 1),), reason="rent",
                request_key=request_key(), now=noon(on),
            )  # fmt: skip

    return DAY, attempt


def by_hand_reversed(cast: Cast, db: EmbeddedPostgres) -> Built:
    by_hand(cast, db)[1](NOV_1)
    with acting(cast.padma, cast.riverside):
        entry = last_id("entry")
    return DAY, in_riverside(cast, reverse_entry, entry_id=entry, reason="wrong")


def own_event(cast: Cast, _db: EmbeddedPostgres) -> Built:
    def attempt(on: date) -> None:
        with acting(cast.padma, cast.riverside):
            event = OwnEvent("owner_puts_in", 100_00, on, "to begin with", paid="cash")
            record_own_event(event, request_key=request_key(), now=noon(on))

    return DAY, attempt


def own_event_reversed(cast: Cast, db: EmbeddedPostgres) -> Built:
    own_event(cast, db)[1](NOV_1)
    with acting(cast.padma, cast.riverside):
        event = last_id("own_event")
    return DAY, in_riverside(cast, reverse_own_event, event_id=event, reason="wrong")


def month_ended(cast: Cast, _db: EmbeddedPostgres) -> Built:
    """A bill for three months from November on; the month of the day that is tried is ended."""
    quarter(cast)
    night(cast, NOV_1)
    return date(2026, 11, 30), lambda on: release_unearned(cast.padma, month=on.replace(day=1), now=noon(on))


# The function of the database that each goes through → how it is tried.
BUSINESS_ATTEMPTS: Attempts = {
    "bill_slice": a_night,
    "bill_subscription": one_bill,
    "change_package": package_change,
    "charge_late_fees": late_fees,
    "charge_released": back_after_release,
    "credit_off_days": credits_of_a_night,
    "deduct_from_fund": lambda cast, db: of_the_fund(
        cast, deduct_from_fund, amount_minor=1_00, request_key=request_key(), reason="late"
    ),
    "discount_bill": lambda cast, db: adjusted(cast, discount_bill, net_minor=10_00),
    "issue_one_off": one_off,
    "issue_opening_dues": opening_dues,
    "pay_back_advance": advance_paid_back,
    "pay_back_fund": lambda cast, db: of_the_fund(
        cast, pay_back_fund, amount_minor=1_00, paid="cash", request_key=request_key()
    ),
    "post_manual_entry": by_hand,
    "post_volume_bonuses": volume_bonus,
    "receive_from_child": lambda cast, db: of_the_fund(
        cast, receive_from_child, amount_minor=1_00, to_debt_minor=None, paid="cash", request_key=request_key()
    ),
    "recharge_fund": lambda cast, db: of_the_fund(
        cast, recharge_fund, kind="bonus", amount_minor=1_00, paid=None, request_key=request_key()
    ),
    "record_outage": outage,
    "record_own_event": own_event,
    "record_payment": payment,
    "recover_bad_debt": recovery,
    "refund_unused_days": leaving,
    "release_dead_services": released,
    "release_unearned": month_ended,
    "retry_released": waiting_for_funds,
    "reverse_bonus": lambda cast, db: of_the_fund(
        cast, reverse_bonus, movement_id=recharged(cast, "bonus"), reason="x"
    ),
    "reverse_entry": by_hand_reversed,
    "reverse_own_event": own_event_reversed,
    "reverse_payment": payment_reversed,
    "reverse_recharge": lambda cast, db: of_the_fund(cast, reverse_recharge, movement_id=recharged(cast), reason="x"),
    "start_edge": edge_started,
    "take_emergency_loan": emergency_loan,
    "transfer_fund": lambda cast, db: of_the_fund(
        cast, transfer_fund, to_child_id=cast.rival, amount_minor=1_00, request_key=request_key()
    ),
    "write_off_bill": lambda cast, db: adjusted(cast, write_off_bill),
}
