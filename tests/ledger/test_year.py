"""A random year of a whole business, judged by hledger and beancount: every book adds up there as it does here."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from backhaul.billing.adjustments import discount_bill, write_off_customer
from backhaul.common.errors import NotFound, Refusal
from backhaul.funds.services import deduct_from_fund, recharge_fund, reverse_recharge, transfer_fund
from backhaul.ledger import events, services
from backhaul.ledger.periods import close_year
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import rows
from backhaul.payments.deposits import DepositAct, record_deposit
from backhaul.payments.services import record_payment, reverse_payment
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.ledger.judges import exported, judged_by_beancount, judged_by_hledger, our_totals
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import taken_over

YEAR = 2026
HAND_ACCOUNTS = ("cash", "bank", "mobile_wallet", "office_expense", "owner_capital", "other_income")
METHODS = ("cash", "bank", "mobile_wallet")
KINDS_EXPECTED = {
    "advance_applied", "bill_discount", "bonus", "customer_payment", "deduction", "deposit_in", "deposit_kept",
    "expense", "manual", "payment_reversed", "recharge", "recharge_credit", "recharge_reversed", "retail_invoice",
    "reversal:manual", "supplier_bill", "transfer_in", "transfer_out", "wholesale_charge", "write_off", "year_close",
}  # fmt: skip


class Year:
    """Plays a business by dice; what is refused changes nothing, as at a counter."""

    def __init__(self, cast: Cast, dice: random.Random) -> None:
        self.cast, self.dice = cast, dice
        self.books = (cast.padma.isp_id, cast.north, cast.riverside, cast.rival)
        self.made: dict[str, list[tuple[Any, ...]]] = {"payment": [], "recharge": [], "manual": []}
        fill_funds(cast, north=50_000_00, riverside=20_000_00, rival=10_000_00)
        self.customers = [
            (operator, taken_over(cast, operator, date(YEAR, 1, 1)).customer_id)
            for operator in (*self.books, cast.riverside, cast.north)
        ]

    def play(self) -> None:
        steps: list[Callable[[date], object]] = [
            self.pay, self.pay, self.take_payment_back, self.recharge, self.take_recharge_back, self.deduct,
            self.transfer, self.own, self.own, self.by_hand, self.undo, self.deposit, self.discount, self.write_off,
        ]  # fmt: skip
        for month in range(1, 13):
            night(self.cast, date(YEAR, month, 1))
            for step in self.dice.sample(steps, len(steps)):
                try:
                    step(date(YEAR, month, 2) + timedelta(days=self.dice.randrange(26)))
                except Refusal:
                    continue
            if month == 7:
                services.seal_all_books(self.cast.padma, now=noon(date(YEAR, month, 28)))
        last_on = date(YEAR, 12, 31)
        with acting(self.cast.padma, self.cast.riverside):
            close_year(last_on=last_on, now=noon(last_on + timedelta(days=1)))

    def amount(self) -> int:
        return self.dice.randint(1, 2_000_00)

    def chosen(self, what: str) -> tuple[Any, ...]:
        """One of those made so far."""
        if not self.made[what]:
            raise NotFound("There is none yet.")
        return self.dice.choice(self.made[what])

    def pay(self, on: date) -> None:
        operator, customer = self.dice.choice(self.customers)
        with acting(self.cast.padma, operator):
            receipt = record_payment(
                customer_id=customer, amount_minor=self.amount(), method=self.dice.choice(METHODS), received_on=on,
                now=noon(on), request_key=request_key(),
            )  # fmt: skip
        self.made["payment"].append((operator, receipt.payment_id))

    def take_payment_back(self, on: date) -> None:
        operator, payment = self.chosen("payment")
        with acting(self.cast.padma, operator):
            reverse_payment(payment_id=payment, on=on, now=noon(on), reason="came back")

    def edge(self) -> tuple[int, int]:
        cast = self.cast
        return self.dice.choice(
            [(cast.padma.isp_id, cast.north), (cast.padma.isp_id, cast.rival), (cast.north, cast.riverside)]
        )

    def recharge(self, on: date) -> None:
        parent, child = self.edge()
        for kind, paid in (("recharge", "bank"), ("recharge_credit", None), ("bonus", None)):
            with acting(self.cast.padma, parent):
                movement = recharge_fund(
                    child_id=child, kind=kind, amount_minor=self.amount(), on=on, paid=paid, request_key=request_key()
                )
            if kind == "recharge":
                self.made["recharge"].append((parent, child, movement))

    def take_recharge_back(self, on: date) -> None:
        parent, child, movement = self.chosen("recharge")
        with acting(self.cast.padma, parent):
            reverse_recharge(child_id=child, movement_id=movement, on=on, reason="wrong")

    def deduct(self, on: date) -> None:
        parent, child = self.edge()
        with acting(self.cast.padma, parent):
            deduct_from_fund(
                child_id=child,
                amount_minor=self.dice.randint(1, 100_00),
                on=on,
                request_key=request_key(),
                reason="late",
            )

    def transfer(self, on: date) -> None:
        with acting(self.cast.padma):
            transfer_fund(
                child_id=self.cast.north, to_child_id=self.cast.rival, amount_minor=self.amount(), on=on,
                request_key=request_key(),
            )  # fmt: skip

    def own(self, on: date) -> None:
        kind = self.dice.choice(sorted(set(events.OWN_KINDS) - {events.OPENING, "vat_return"}))
        asks, total = events.OWN_KINDS[kind], self.amount()
        event = events.OwnEvent(
            kind, total, on, "own",
            vat_minor=total // 21 if asks.has_vat else 0,
            paid="cash" if asks.moves_money else None,
            chosen={"cost": "office_expense", "method": "bank"}.get(asks.chosen),
        )  # fmt: skip
        with acting(self.cast.padma, self.dice.choice(self.books)):
            made = events.record_own_event(event, request_key=request_key(), now=noon(on))
            if self.dice.random() < 0.2:
                events.reverse_own_event(event_id=made, on=on, reason="twice", now=noon(on))

    def by_hand(self, on: date) -> None:
        operator, pairs = self.dice.choice(self.books), [self.dice.sample(HAND_ACCOUNTS, 2) for _ in range(3)]
        with acting(self.cast.padma, operator):
            entry = services.post_manual_entry(
                effective_on=on, lines=[ManualLine(debit, credit, self.amount()) for debit, credit in pairs],
                reason='by "hand"; | = 5', request_key=request_key(), now=noon(on),
            )  # fmt: skip
        self.made["manual"].append((operator, entry))

    def undo(self, on: date) -> None:
        operator, entry = self.chosen("manual")
        with acting(self.cast.padma, operator):
            services.reverse_entry(entry_id=entry, on=on, reason="undone", now=noon(on))

    def deposit(self, on: date) -> None:
        operator, customer = self.dice.choice(self.customers)
        for kind, method, minor in (
            ("deposit_in", "cash", 500_00),
            ("deposit_kept", None, self.dice.randint(1, 300_00)),
        ):
            with acting(self.cast.padma, operator):
                act = DepositAct(customer, kind, minor, on, "router", method)
                record_deposit(act, request_key=request_key(), now=noon(on))

    def discount(self, on: date) -> None:
        operator, _ = self.dice.choice(self.customers)
        with acting(self.cast.padma, operator):
            for bill in rows("SELECT invoice_id FROM invoice_open ORDER BY invoice_id LIMIT 1"):
                discount_bill(
                    invoice_id=bill["invoice_id"], net_minor=self.dice.randint(1, 50_00), why="slow", on=on,
                    now=noon(on), request_key=request_key(),
                )  # fmt: skip

    def write_off(self, on: date) -> None:
        if self.dice.random() < 0.3:
            operator, customer = self.dice.choice(self.customers)
            with acting(self.cast.padma, operator):
                write_off_customer(customer_id=customer, why="gone", on=on, now=noon(on), request_key=request_key())


@pytest.fixture
def year(cast: Cast) -> Year:
    played = Year(cast, random.Random(20261231))
    played.play()
    return played


def kinds(year: Year) -> dict[int, list[str]]:
    found = {}
    for operator in year.books:
        with acting(year.cast.padma, operator):
            found[operator] = [row["kind"] for row in rows("SELECT kind FROM entry WHERE operator_id = %s", [operator])]
    return found


def test_beancount_comes_to_the_totals_of_every_book(year: Year) -> None:
    posted = kinds(year)
    assert {kind for of_book in posted.values() for kind in of_book} >= KINDS_EXPECTED
    assert_proved()
    for operator in year.books:
        judged = judged_by_beancount(exported(year.cast.padma, "beancount", operator))
        assert judged == (len(posted[operator]), our_totals(year.cast.padma, operator))


@pytest.mark.slow
def test_hledger_comes_to_the_totals_of_every_book(year: Year, tmp_path: Path) -> None:
    for operator in year.books:
        journal = exported(year.cast.padma, "hledger", operator)
        assert judged_by_hledger(journal, tmp_path / "books.journal") == our_totals(year.cast.padma, operator)
