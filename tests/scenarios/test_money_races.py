"""Money while many act at once: every race ends as some quiet order could have, and none deadlocks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import connections

from backhaul.billing.adjustments import discount_bill, write_off_customer
from backhaul.billing.changes import plan_change
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.runs import RunReport
from backhaul.billing.services import bring_back
from backhaul.catalog.services import ProfileRules, add_billing_profile
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import KeyReused, Refusal
from backhaul.operators.functions import rows
from backhaul.operators.scope import retried
from backhaul.payments.services import Received, receive_payment, record_payment, reverse_payment
from backhaul.subscribers.services import suspend_subscription
from tests.builders import acting, build_operator, request_key
from tests.cast import CELL, Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_faults import admin
from tests.scenarios.test_oracles import NOV_1, pay, taken_over

NOV_20 = date(2026, 11, 20)


class Side:
    """Work in a thread with connections of its own."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._run, args=(work,))
        self.thread.start()

    def _run(self, work: Callable[[], Any]) -> None:
        try:
            self.result = work()
        except BaseException as error:
            self.error = error
        finally:
            connections.close_all()

    def done(self) -> Any:
        self.thread.join()  # a deadlock is PostgreSQL's to break; how long a busy machine takes proves nothing
        if self.error is not None:
            raise self.error
        return self.result


@contextmanager
def stopped_at(db: EmbeddedPostgres, statement: str) -> Iterator[None]:
    """Whoever comes to these rows waits there until the block ends."""
    with admin(db) as blocker, blocker.transaction():
        blocker.execute(statement.format(cell=CELL).encode())
        yield


def wait_for_locks(db: EmbeddedPostgres, count: int) -> None:
    """Until so many connections wait for a lock."""
    deadline = time.monotonic() + 20
    with admin(db) as connection:
        while time.monotonic() < deadline:
            found = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            ).fetchone()
            if found is not None and found[0] >= count:
                return
            time.sleep(0.02)
    raise AssertionError("nobody waits")


def numbering(cast: Cast) -> str:
    """Where a slice with Riverside's bills waits: after staging, before its first invoice."""
    return f"SELECT 1 FROM {CELL}.invoice_numbering WHERE operator_id = {cast.riverside} FOR UPDATE"


def strict_profile(cast: Cast) -> tuple[int, int]:
    with acting(cast.padma):
        rules = ProfileRules(due_days=7, auto_suspend=True)
        return cast.padma.isp_id, add_billing_profile(name="Strict", rules=rules, handed_down=True)


def access(cast: Cast, operator_id: int) -> str:
    with acting(cast.padma, operator_id):
        return str(rows("SELECT access FROM radius_login")[0]["access"])


def test_a_payment_while_its_bill_is_made_pays_that_bill(db: EmbeddedPostgres, cast: Cast) -> None:
    """Not an advance beside a due: the payment waits for the slice, or the slice for the payment."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    with stopped_at(db, numbering(cast)):
        run = Side(lambda: night(cast, NOV_1))
        wait_for_locks(db, 1)
        payment = Side(lambda: pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1))
        time.sleep(0.3)
    run.done()
    payment.done()
    assert balance(cast, cast.riverside, "receivable_customers") == 0
    assert balance(cast, cast.riverside, "customer_advances") == 0
    assert_proved()


def test_a_dry_run_makes_no_collector_wait(db: EmbeddedPostgres, cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    with stopped_at(db, "SELECT 1 FROM {cell}.billing_state FOR UPDATE"):
        run = Side(lambda: night(cast, NOV_1, dry_run=True))
        wait_for_locks(db, 1)
        assert pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1).surplus_minor == 600_00
    run.done()


def test_an_advance_taken_back_while_a_bill_uses_it(db: EmbeddedPostgres, cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 10, 20))

    def take_back() -> None:
        with acting(cast.padma, cast.riverside):
            reverse_payment(payment_id=receipt.payment_id, on=NOV_1, now=noon(NOV_1), reason="bounced")

    with stopped_at(db, "SELECT 1 FROM {cell}.receipt_numbering FOR UPDATE"):
        reversal = Side(take_back)
        wait_for_locks(db, 1)
        run = Side(lambda: night(cast, NOV_1))
        wait_for_locks(db, 2)
    reversal.done()
    assert run.done().created == 1
    assert balance(cast, cast.riverside, "receivable_customers") == 600_00
    assert balance(cast, cast.riverside, "customer_advances") == 0
    assert_proved()


def test_who_pays_while_the_night_suspends_is_online_afterwards(db: EmbeddedPostgres, cast: Cast) -> None:
    """Either the payment comes first and nothing is cut, or the cut is seen and lifted: never paid and off."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside, profile=strict_profile(cast))
    night(cast, NOV_1)
    with stopped_at(db, "SELECT 1 FROM {cell}.receipt_numbering FOR UPDATE"):
        payment = Side(lambda: pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_20))
        wait_for_locks(db, 1)
        run = Side(lambda: night(cast, NOV_20))
        time.sleep(0.5)
    payment.done()
    assert run.done().suspended == 0
    assert access(cast, cast.riverside) == "open"


@pytest.mark.parametrize("alone", [True, False])
def test_a_payment_that_waits_for_the_suspending_night_lifts_the_suspension(
    db: EmbeddedPostgres, cast: Cast, alone: bool
) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside, profile=strict_profile(cast))
    night(cast, NOV_1)
    with stopped_at(db, "SELECT 1 FROM {cell}.radius_login FOR UPDATE"):
        run = Side(lambda: night(cast, NOV_20))
        wait_for_locks(db, 1)
        money: Received = {
            "customer_id": customer.customer_id, "amount_minor": 600_00, "method": "cash", "received_on": NOV_20,
            "now": noon(NOV_20), "request_key": request_key(),
        }  # fmt: skip
        payment = Side(
            (lambda: receive_payment(cast.padma, cast.riverside, **money))
            if alone
            else (lambda: retried(lambda: pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_20)))
        )
        wait_for_locks(db, 2)
    assert run.done().suspended == 1
    assert payment.done().service == "back"
    assert access(cast, cast.riverside) == "open"


def test_a_suspension_while_funds_bring_the_service_back_holds(db: EmbeddedPostgres, cast: Cast) -> None:
    fill_funds(cast, riverside=100_00)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    night(cast, date(2026, 11, 2))
    day = date(2026, 11, 3)
    fill_funds(cast, north=0, riverside=1_000_00, on=day)

    def suspend() -> None:
        with acting(cast.padma, cast.riverside):
            suspend_subscription(subscription_id=service, why="asked", on=day, at=noon(day))

    with stopped_at(db, numbering(cast)):
        run = Side(lambda: night(cast, day))
        wait_for_locks(db, 1)
        Side(suspend).done()
    assert run.done().created == 1
    assert access(cast, cast.riverside) == "walled"


@pytest.mark.parametrize("what", ["leaves", "comes back"])
def test_a_change_of_status_and_a_night_that_cuts_the_same_service_do_not_lock_each_other_out(
    db: EmbeddedPostgres, cast: Cast, what: str
) -> None:
    fill_funds(cast, riverside=100_00)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    day = date(2026, 11, 5)

    def change() -> None:
        with acting(cast.padma, cast.riverside):
            act: dict[str, Any] = {"subscription_id": service, "on": day, "now": noon(day)}
            if what == "leaves":
                disconnect_customer(**act, why="moved")
            else:
                bring_back(**act, reason="by_hand", hold=True)

    if what == "comes back":
        with acting(cast.padma, cast.riverside):
            suspend_subscription(subscription_id=service, why="asked", on=day, at=noon(day))
    with stopped_at(db, "LOCK {cell}.audit_event"):
        changing = Side(change)
        wait_for_locks(db, 1)
        run = Side(lambda: night(cast, day))
        time.sleep(0.5)
    changing.done()
    run.done()
    assert access(cast, cast.riverside) == ("reject" if what == "leaves" else "walled")


def test_one_key_sent_at_once_for_two_customers_is_one_payment_and_one_clear_refusal(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    key = request_key()

    def send(customer_id: int) -> Any:
        with acting(cast.padma, cast.riverside):
            return record_payment(
                customer_id=customer_id, amount_minor=5, method="cash", received_on=NOV_1, now=noon(NOV_1),
                request_key=key,
            )  # fmt: skip

    customers = [taken_over(cast, cast.riverside).customer_id for _ in range(2)]
    with stopped_at(db, "SELECT 1 FROM {cell}.receipt_numbering FOR UPDATE"):
        sides = [Side(partial(send, customer_id)) for customer_id in customers]
        wait_for_locks(db, 2)
    for side in sides:
        side.thread.join(20)
    errors = [side.error for side in sides if side.error is not None]
    assert len(errors) == 1 and isinstance(errors[0], KeyReused)


def test_two_hands_that_take_the_same_step_leave_one(db: EmbeddedPostgres, cast: Cast) -> None:
    """Leaving, coming back and taking a payment back: of two at once one is done, the other told so."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    receipt = pay(cast, cast.riverside, customer.customer_id, 700_00, NOV_1)
    day = date(2026, 11, 12)
    act: dict[str, Any] = {"subscription_id": customer.subscription_id, "on": day, "now": noon(day)}
    steps: list[Callable[[], Any]] = [
        lambda: disconnect_customer(**act, why="moved"),
        lambda: bring_back(**act, reason="left", hold=False),
        lambda: reverse_payment(payment_id=receipt.payment_id, on=day, now=noon(day), reason="bounced"),
    ]

    def within(step: Callable[[], Any]) -> Any:
        with acting(cast.padma, cast.riverside):
            return step()

    for step in steps:
        sides = [Side(partial(within, step)) for _ in range(3)]
        for side in sides:
            side.thread.join(20)
        assert sorted(isinstance(side.error, Refusal) for side in sides) == [False, True, True]
        assert not any(isinstance(side.error, psycopg.Error) for side in sides)
    assert_proved()


def test_a_night_comes_for_the_deepest_fund_of_its_shard_first_whatever_it_does_there(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    """A planned change at Riverside, a fund deeper than its own taken: the night waits for that one and holds no other.

    Whoever charges comes upwards too, so none waits for another with what that one needs.
    """
    town = build_operator(cast.padma, cast.north, "town", owner=False, may_have_children=True)
    deep = build_operator(cast.padma, town, "deep", owner=False)
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    december = date(2026, 12, 1)
    gold = (cast.padma.isp_id, cast.packages["Home 20"])
    with acting(cast.padma, cast.riverside):
        plan_change(subscription_id=customer.subscription_id, package=gold, on=NOV_20, now=noon(NOV_20))
    with stopped_at(db, f"SELECT 1 FROM {CELL}.fund WHERE child_id = {deep} FOR UPDATE"):
        batch = Side(lambda: night(cast, december))
        wait_for_locks(db, 1)
        with admin(db) as other, other.transaction():
            free = f"SELECT child_id FROM {CELL}.fund WHERE child_id = ANY (%s) FOR NO KEY UPDATE NOWAIT"
            assert len(other.execute(free.encode(), [[cast.north, cast.riverside]]).fetchall()) == 2
    assert batch.done().created == 1


def test_a_night_that_closes_a_shard_holds_no_bills_of_it_meanwhile(db: EmbeddedPostgres, cast: Cast) -> None:
    """Credits, fees and cuts wait for customers: its bills are written by then, and their numbers free."""
    customer = taken_over(cast, cast.riverside, profile=strict_profile(cast))
    fill_funds(cast)
    night(cast, NOV_1)
    taken_over(cast, cast.riverside)
    with stopped_at(db, f"SELECT 1 FROM {CELL}.customer WHERE id = {customer.customer_id} FOR UPDATE"):
        batch = Side(lambda: night(cast, date(2026, 11, 20)))
        wait_for_locks(db, 1)
        with admin(db) as other, other.transaction():
            assert other.execute(f"{numbering(cast)} NOWAIT".encode()).fetchone()
    report = batch.done()
    assert (report.created, report.suspended) == (1, 1)


def test_runs_that_come_for_the_same_waiting_services_all_come_to_an_end(cast: Cast) -> None:
    """Nothing in the funds, slices of one: beside each slice of the night a retry comes for the same services."""
    for _ in range(3):
        taken_over(cast, cast.riverside)
    retries: list[int] = []

    def beside(_report: RunReport) -> None:
        assert len(retries) < 50
        retries.append(night(cast, NOV_1, only_held=True, slice_bills=1).held)

    assert night(cast, NOV_1, slice_bills=1, progress=beside).held == 3
    assert max(retries) == 3
    assert_proved()


def test_a_fee_and_a_bill_of_the_isp_s_own_customers_do_not_wait_for_each_other(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    """Its customers pass no fund: who charges them locks the ISP itself, before customers and numbers."""
    isp = cast.padma.isp_id
    customer = taken_over(cast, isp)
    night(cast, NOV_1)
    with stopped_at(db, f"SELECT 1 FROM {CELL}.customer WHERE id = {customer.customer_id} FOR UPDATE"):
        batch = Side(lambda: night(cast, date(2026, 12, 1)))
        wait_for_locks(db, 1)
        with admin(db) as other, other.transaction():
            numbers = f"SELECT 1 FROM {CELL}.invoice_numbering WHERE operator_id = {isp} FOR NO KEY UPDATE NOWAIT"
            assert other.execute(numbers.encode()).fetchone()
    assert batch.done().created == 1


@pytest.mark.parametrize("what", ["discount", "write-off"])
def test_what_may_bring_a_service_back_locks_funds_before_the_customer(
    db: EmbeddedPostgres, cast: Cast, what: str
) -> None:
    """A return charges; a night that holds the fund may wait for the customer, so nobody waits the other way round."""
    customer = taken_over(cast, cast.riverside, profile=strict_profile(cast))
    fill_funds(cast)
    night(cast, NOV_1)
    given: dict[str, Any] = {"on": NOV_20, "now": noon(NOV_20), "why": "slow", "request_key": request_key()}

    def act() -> None:
        with acting(cast.padma, cast.riverside):
            if what == "discount":
                bill = rows("SELECT invoice_id FROM invoice_open")[0]["invoice_id"]
                discount_bill(invoice_id=bill, net_minor=1_00, **given)
            else:
                write_off_customer(customer_id=customer.customer_id, **given)

    with stopped_at(db, f"SELECT 1 FROM {CELL}.fund WHERE child_id = {cast.riverside} FOR UPDATE"):
        side = Side(act)
        wait_for_locks(db, 1)
        with admin(db) as other, other.transaction():
            free = f"SELECT 1 FROM {CELL}.customer WHERE id = {customer.customer_id} FOR NO KEY UPDATE NOWAIT"
            assert other.execute(free.encode()).fetchone()
    side.done()
    assert_proved()
