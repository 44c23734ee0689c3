"""Customers' cash in people's hands (SPEC C10): blind counts, shortages, late receipts, money back from where it is."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from backhaul.billing.adjustments import record_recovery, write_off_bill
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, KeyReused, NotAllowed, NotFound
from backhaul.operators.functions import rows
from backhaul.payments import drawer_queries as queries
from backhaul.payments.drawers import (
    DrawerClosed,
    HandedOver,
    HandOverAnswered,
    HandOverWaits,
    MoreThanOwed,
    NoDrawer,
    OwnHandOver,
    Rules,
    close_drawer,
    count_drawer,
    move_closing,
    receive_hand_over,
    send_back_hand_over,
    set_drawer_rules,
    set_float_limit,
    settle_shortage,
)
from backhaul.payments.paid_back import pay_back_advance
from backhaul.payments.queries import get_payment
from backhaul.payments.receipt_codes import check_receipt, get_receipt_code
from backhaul.payments.services import Receipt, receive_payment, reverse_payment
from tests.builders import acting, build_person, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon, trial_balance
from tests.scenarios.test_money_races import Side, stopped_at, wait_for_locks
from tests.scenarios.test_oracles import taken_over

NOV_1 = date(2026, 11, 1)
DAY = date(2026, 11, 5)
NEXT = date(2026, 11, 6)


@dataclass
class Office:
    """Riverside with two collectors, an accountant, its owner, and two customers who owe 600.00 each."""

    cast: Cast
    rahim: int
    salma: int
    accountant: int
    owner: int
    customers: tuple[int, int]

    def acting(self, user_id: int) -> Any:
        return acting(self.cast.padma, self.cast.riverside, user_id=user_id)

    def take(self, user_id: int, amount: int, *, customer: int = 0, method: str = "cash", day: date = DAY) -> Receipt:
        return receive_payment(
            self.cast.padma, self.cast.riverside, user_id=user_id, customer_id=self.customers[customer],
            amount_minor=amount, method=method, received_on=day, now=noon(day), request_key=request_key(),
        )  # fmt: skip

    def count(self, user_id: int, amount: int, day: date = DAY) -> int:
        with self.acting(user_id):
            return count_drawer(counted_minor=amount, now=noon(day), request_key=request_key())

    def receive(self, hand_over: int, *, by: int | None = None, day: date = DAY) -> HandedOver:
        with self.acting(by or self.accountant):
            return receive_hand_over(hand_over_id=hand_over, on=day, now=noon(day))

    def take_back(self, receipt: Receipt, day: date = NEXT) -> None:
        with self.acting(self.accountant):
            reverse_payment(payment_id=receipt.payment_id, on=day, now=noon(day), reason="typed twice")

    def held(self, user_id: int) -> int:
        with self.acting(self.accountant):
            return int(queries.get_drawer(user_id)["held_minor"])

    def books(self) -> dict[str, int]:
        """What cash and shortages stand at."""
        balances = trial_balance(self.cast, self.cast.riverside)
        codes = ("cash", "cash_with_collector", "due_from_staff", "cash_over", "bank")
        return {code: balances[code] for code in codes if code in balances}

    def rule(self, **rules: Any) -> None:
        with self.acting(self.owner):
            set_drawer_rules(Rules(**rules), now=noon(DAY))


@pytest.fixture
def office(cast: Cast) -> Office:
    fill_funds(cast)
    people = tuple(taken_over(cast, cast.riverside).customer_id for _ in range(2))
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        staff = {name: build_person(cast.riverside, name, role) for name, role in (
            ("rahim", "collector"), ("salma", "collector"), ("accountant", "accountant"))}  # fmt: skip
    return Office(cast, **staff, owner=cast.owners["riverside"], customers=(people[0], people[1]))


def test_a_worked_day_with_a_shortage(office: Office) -> None:
    """800.00 taken in cash, 750.00 counted: 50.00 are due from the collector; 30.00 it pays, 20.00 are forgiven."""
    office.take(office.rahim, 600_00)
    office.take(office.rahim, 200_00, customer=1)
    office.take(office.rahim, 300_00, customer=1, method="bank")
    assert office.books() == {"cash_with_collector": 800_00, "bank": 300_00}
    hand_over = office.count(office.rahim, 750_00)
    assert office.receive(hand_over) == HandedOver(750_00, 800_00, 50_00, 0)
    assert office.books() == {"cash": 750_00, "due_from_staff": 50_00, "bank": 300_00}
    act: dict[str, Any] = {"user_id": office.rahim, "on": NEXT, "now": noon(NEXT)}
    with office.acting(office.accountant):
        settle_shortage(**act, amount_minor=30_00, paid="cash", request_key="paid")
        settle_shortage(**act, amount_minor=30_00, paid="cash", request_key="paid")  # the same form again
        with pytest.raises(NotAllowed):
            settle_shortage(**act, amount_minor=20_00, paid=None, why="honest", request_key=request_key())
    with office.acting(office.owner), pytest.raises(MoreThanOwed):
        settle_shortage(**act, amount_minor=20_01, paid="cash", request_key=request_key())
    with office.acting(office.owner):
        settle_shortage(**act, amount_minor=20_00, paid=None, why="honest", request_key=request_key())
        assert queries.get_drawer(office.rahim)["shortage_minor"] == 0
    assert office.books() == {"cash": 780_00, "cash_over": 20_00, "bank": 300_00}
    assert_proved()


def test_a_count_is_blind_until_it_is_received(office: Office) -> None:
    office.take(office.rahim, 600_00)
    with office.acting(office.rahim):
        own = queries.get_own_drawer()
        assert own is not None and own["receipts"] == 1 and not {"held_minor", "waiting_minor"} & own.keys()
        hand_over = count_drawer(counted_minor=610_00, now=noon(DAY), request_key=request_key())
        assert queries.list_hand_overs()[0]["expected_minor"] is None
    with pytest.raises(HandOverWaits):
        office.count(office.rahim, 600_00)
    assert office.receive(hand_over) == HandedOver(610_00, 600_00, 0, 10_00)
    with office.acting(office.rahim):
        assert queries.list_hand_overs(user_id=office.rahim)[0]["difference_minor"] == 10_00
    assert office.books() == {"cash": 610_00, "cash_over": -10_00}
    assert_proved()


def test_two_collectors_have_two_drawers(office: Office) -> None:
    office.take(office.rahim, 600_00)
    office.take(office.salma, 250_00, customer=1)
    first, second = office.count(office.rahim, 600_00), office.count(office.salma, 200_00)
    office.take(office.salma, 10_00, customer=1)  # after the count: the next round's
    assert office.receive(second) == HandedOver(200_00, 250_00, 50_00, 0)
    assert (office.held(office.rahim), office.held(office.salma)) == (600_00, 10_00)
    office.receive(first)
    with office.acting(office.accountant):
        drawers = {row["user_id"]: row for row in queries.list_drawers()}
        owed = rows(
            "SELECT debit_party, amount_minor FROM posting WHERE debit_code = 'due_from_staff' ORDER BY entry_id"
        )
    assert owed == [{"debit_party": office.salma, "amount_minor": 50_00}]
    assert (drawers[office.rahim]["shortage_minor"], drawers[office.salma]["shortage_minor"]) == (0, 50_00)
    assert office.books() == {"cash": 800_00, "cash_with_collector": 10_00, "due_from_staff": 50_00}
    assert_proved()


def test_a_receipt_taken_back_leaves_the_place_where_its_money_is(office: Office) -> None:
    """Out of the drawer; out of the count that waits; and, handed over, out of the cash. Never twice."""
    early, counted, late = (office.take(office.rahim, amount) for amount in (100_00, 200_00, 250_00))
    office.take_back(early)
    assert office.books() == {"cash_with_collector": 450_00}
    hand_over = office.count(office.rahim, 250_00)
    office.take(office.rahim, 300_00, customer=1)
    office.take_back(counted)
    assert office.held(office.rahim) == 550_00
    assert office.receive(hand_over) == HandedOver(250_00, 250_00, 0, 0)
    assert office.books() == {"cash": 250_00, "cash_with_collector": 300_00}
    office.take_back(late)
    assert office.books() == {"cash_with_collector": 300_00}
    with office.acting(office.accountant):
        listed = [(row["amount_minor"], row["handed_over"], row["why"]) for row in queries.list_taken_back()]
    assert listed == [(250_00, True, "typed twice"), (200_00, False, "typed twice"), (100_00, False, "typed twice")]
    assert_proved()


def test_what_is_sent_back_is_counted_again_with_what_came_since(office: Office) -> None:
    office.take(office.rahim, 100_00)
    hand_over = office.count(office.rahim, 90_00)
    office.take(office.rahim, 50_00)
    with office.acting(office.accountant), pytest.raises(InvalidInput):
        send_back_hand_over(hand_over_id=hand_over, why=" ", now=noon(DAY))
    with office.acting(office.accountant):
        send_back_hand_over(hand_over_id=hand_over, why="I count 100", now=noon(DAY))
    with office.acting(office.accountant), pytest.raises(HandOverAnswered):
        receive_hand_over(hand_over_id=hand_over, on=DAY, now=noon(DAY))
    assert office.receive(office.count(office.rahim, 150_00)) == HandedOver(150_00, 150_00, 0, 0)
    assert_proved()


def test_nobody_receives_its_own_cash_and_strangers_find_nothing(office: Office) -> None:
    office.rule(everyone=True)
    office.take(office.owner, 100_00)
    assert office.books() == {"cash_with_collector": 100_00}
    hand_over = office.count(office.owner, 90_00)
    with office.acting(office.owner), pytest.raises(OwnHandOver):
        receive_hand_over(hand_over_id=hand_over, on=DAY, now=noon(DAY))
    with acting(office.cast.padma, office.cast.rival, user_id=office.cast.owners["rival"]), pytest.raises(NotFound):
        receive_hand_over(hand_over_id=hand_over, on=DAY, now=noon(DAY))
    with office.acting(office.rahim), pytest.raises(NotAllowed):
        receive_hand_over(hand_over_id=hand_over, on=DAY, now=noon(DAY))
    office.receive(hand_over)
    with office.acting(office.owner), pytest.raises(OwnHandOver):
        settle_shortage(
            user_id=office.owner, amount_minor=10_00, paid="cash", on=DAY, now=noon(DAY), request_key=request_key()
        )
    assert_proved()


def test_who_has_no_drawer_takes_cash_for_the_office(office: Office) -> None:
    office.take(office.owner, 100_00)
    assert office.books() == {"cash": 100_00}
    with office.acting(office.owner), pytest.raises(NoDrawer):
        count_drawer(counted_minor=1, now=noon(DAY), request_key=request_key())
    with office.acting(office.owner):
        assert queries.get_own_drawer() is None


def test_cash_above_the_limit_is_recorded_told_and_listed(office: Office) -> None:
    """SPEC 2.3: the customer has paid, so the payment is never refused."""
    with office.acting(office.owner):
        set_float_limit(user_id=office.rahim, limit_minor=500_00, now=noon(DAY))
    assert not office.take(office.rahim, 500_00).above_limit
    assert not office.take(office.rahim, 100_00, method="mobile_wallet").above_limit
    above = office.take(office.rahim, 1, customer=1)
    assert above.above_limit
    with office.acting(office.rahim):
        assert queries.get_own_warnings(DAY)["above_limit"]
    with office.acting(office.accountant):
        assert [row["id"] for row in queries.list_receipts_to_look_at()] == [above.payment_id]
        assert queries.get_drawer(office.rahim)["above_limit"]
    office.receive(office.count(office.rahim, 500_01))
    assert not office.take(office.rahim, 500_00, customer=1).above_limit


def test_a_closed_day_makes_receipts_late_listed_or_refused(office: Office) -> None:
    with office.acting(office.rahim):
        close_drawer(through=DAY, now=noon(DAY))
        close_drawer(through=NOV_1, now=noon(DAY))  # opens nothing again
    with office.acting(office.rahim), pytest.raises(InvalidInput, match="has come"):
        close_drawer(through=date(2026, 11, 7), now=noon(DAY))
    late = office.take(office.rahim, 100_00)
    office.take(office.salma, 100_00, customer=1)
    with office.acting(office.accountant):
        assert [row["id"] for row in queries.list_receipts_to_look_at()] == [late.payment_id]
    office.rule(late_receipts="refused")
    with pytest.raises(DrawerClosed, match="5 Nov 2026"):
        office.take(office.rahim, 100_00)
    office.take(office.rahim, 100_00, method="bank")
    office.take(office.rahim, 100_00, day=NEXT)
    with office.acting(office.accountant), pytest.raises(NotAllowed):
        move_closing(user_id=office.rahim, through=None, why="x", now=noon(DAY))
    with office.acting(office.owner):
        move_closing(user_id=office.rahim, through=None, why="forgot one", now=noon(DAY))
        assert [(row["through"], row["reopened"]) for row in queries.list_closings(office.rahim)] == [
            (None, True), (DAY, False)]  # fmt: skip
    office.take(office.rahim, 100_00, customer=1)
    assert_proved()


def test_what_is_recovered_and_paid_back_in_cash_goes_by_the_drawer(office: Office) -> None:
    with office.acting(office.owner):
        bill = int(rows("SELECT id FROM invoice WHERE customer_id = %s", [office.customers[1]])[0]["id"])
        write_off_bill(invoice_id=bill, on=DAY, now=noon(DAY), why="gone", request_key=request_key())
    with office.acting(office.rahim):
        record_recovery(
            invoice_id=bill, amount_minor=70_00, paid="cash", on=DAY, now=noon(DAY), request_key=request_key()
        )
    assert office.books() == {"cash_with_collector": 70_00}
    office.rule(everyone=True)
    office.take(office.owner, 700_00)  # 100.00 more than is due

    def pay_back(amount: int) -> None:
        with office.acting(office.owner):
            pay_back_advance(
                customer_id=office.customers[0], amount_minor=amount, method="cash", on=DAY, now=noon(DAY), why="x",
                request_key=request_key(),
            )  # fmt: skip

    pay_back(60_00)
    assert office.held(office.owner) == 640_00
    office.count(office.owner, 640_00)
    pay_back(40_00)  # what was counted is no longer in the drawer: the office pays
    assert office.books() == {"cash": -40_00, "cash_with_collector": 710_00}
    assert_proved()


def test_a_payment_while_its_drawer_is_counted_is_in_the_count_or_after_it(
    db: EmbeddedPostgres, office: Office
) -> None:
    office.take(office.rahim, 100_00)
    with stopped_at(db, "SELECT 1 FROM {cell}.receipt_numbering FOR UPDATE"):
        payment = Side(lambda: office.take(office.rahim, 200_00))
        wait_for_locks(db, 1)
        count = Side(lambda: office.count(office.rahim, 300_00))
        wait_for_locks(db, 2)
    payment.done()
    assert office.receive(count.done()) == HandedOver(300_00, 300_00, 0, 0)
    assert_proved()


def test_many_take_count_receive_and_take_back_at_once_and_no_money_is_lost(office: Office) -> None:
    start = threading.Barrier(4)

    def collect(user_id: int, customer: int) -> list[Receipt]:
        start.wait()
        return [office.take(user_id, 10_00, customer=customer) for _ in range(6)]

    def hand_over() -> int:
        start.wait()
        handed = 0
        for _ in range(4):
            handed += office.receive(office.count(office.rahim, 0)).shortage_minor
        return handed

    def undo() -> None:
        start.wait()
        for _ in range(6):
            with office.acting(office.accountant):
                found = rows(
                    "SELECT id FROM payment p WHERE amount_minor > 0 AND NOT EXISTS (SELECT 1 FROM payment r WHERE "
                    "r.operator_id = p.operator_id AND r.reverses_id = p.id) ORDER BY id LIMIT 1"
                )
                if found:
                    reverse_payment(payment_id=found[0]["id"], on=DAY, now=noon(DAY), reason="x")

    sides = [Side(lambda: collect(office.rahim, 0)), Side(lambda: collect(office.rahim, 1)), Side(hand_over),
             Side(undo)]  # fmt: skip
    for side in sides:
        side.done()
    assert_proved()


def test_a_hand_over_sent_twice_is_one(office: Office) -> None:
    office.take(office.rahim, 100_00)
    with office.acting(office.rahim):
        first = count_drawer(counted_minor=100_00, now=noon(DAY), request_key="same")
        assert count_drawer(counted_minor=100_00, now=noon(DAY), request_key="same") == first
        with pytest.raises(KeyReused):
            count_drawer(counted_minor=90_00, now=noon(DAY), request_key="same")


def test_a_code_proves_its_receipt_and_no_other(office: Office) -> None:
    receipt = office.take(office.rahim, 100_00)
    with office.acting(office.rahim):
        code = get_receipt_code(get_payment(receipt.payment_id))
        assert get_receipt_code(get_payment(receipt.payment_id)) == code and len(code) == 11
        shown = check_receipt(receipt.receipt_number, code.lower().replace("-", " "))
        assert (shown["amount_minor"], shown["taken_back"]) == (100_00, False) and "customer_id" not in shown
        for number, wrong in ((receipt.receipt_number, "AAAAA-AAAAA"), (99, code), (receipt.receipt_number, "é")):
            with pytest.raises(NotFound):
                check_receipt(number, wrong)
    office.take_back(receipt)
    with office.acting(office.accountant):
        assert check_receipt(receipt.receipt_number, code)["taken_back"]
