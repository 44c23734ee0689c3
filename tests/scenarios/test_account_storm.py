"""Whatever happens to customers’ money, in any order of days: each statement of it is what the books hold."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.adjustments import discount_bill, record_recovery, write_off_bill
from backhaul.billing.ageing import get_receivable_ageing
from backhaul.billing.one_off import issue_one_off
from backhaul.billing.refunds import disconnect_customer
from backhaul.common.errors import Refusal
from backhaul.ledger.day_book import get_account_statement, get_parties
from backhaul.ledger.reports import get_balance_sheet, get_cash_flow
from backhaul.ledger.services import seal_all_books
from backhaul.operators.functions import rows, savepoint
from backhaul.payments.customer_account import get_customer_account
from backhaul.payments.deposits import DepositAct, record_deposit, reverse_deposit
from backhaul.payments.paid_back import pay_back_advance
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import taken_over

FIRST = date(2026, 11, 1)
NIGHTS = (FIRST, date(2026, 12, 1), date(2027, 1, 1))
DAYS = 90


class Storm:
    """Two customers of Riverside and what the dice do to their money."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast, self.dice = cast, random.Random(seed)
        fill_funds(cast)
        self.customers = [taken_over(cast, cast.riverside) for _ in range(2)]
        self.left: set[int] = set()

    def day(self) -> date:
        return FIRST + timedelta(days=self.dice.randrange(DAYS))

    def blow(self) -> None:
        """One event on a day, known on another; what is refused leaves nothing."""
        on, known = self.day(), self.day()
        act = self.dice.choice(
            [self.pay, self.pay, self.take_back, self.pay_back, self.deposit, self.deposit, self.undo_deposit,
             self.adjust, self.one_off, self.recover]
        )  # fmt: skip
        with acting(self.cast.padma, self.cast.riverside):
            try:
                with savepoint():
                    act(self.dice.choice(self.customers), on, known)
            except Refusal:
                pass

    def amount(self) -> int:
        return self.dice.choice((1, 99_99, 600_00, 1_300_00))

    def one_of(self, sql: str, *values: int) -> int:
        found = rows(sql, list(values))
        return int(self.dice.choice(found)["id"]) if found else 0

    def bill(self, customer: AddedCustomer) -> int:
        return self.one_of("SELECT id FROM invoice WHERE customer_id = %s", customer.customer_id)

    def pay(self, customer: AddedCustomer, on: date, known: date) -> None:
        method = self.dice.choice(("cash", "bank", "tax_withheld"))
        record_payment(customer_id=customer.customer_id, amount_minor=self.amount(), method=method, received_on=on,
                       now=noon(known), request_key=request_key())  # fmt: skip

    def take_back(self, customer: AddedCustomer, on: date, known: date) -> None:
        paid = self.one_of("SELECT id FROM payment WHERE customer_id = %s", customer.customer_id)
        reverse_payment(payment_id=paid, on=on, now=noon(known), reason="bounced")

    def pay_back(self, customer: AddedCustomer, on: date, known: date) -> None:
        pay_back_advance(customer_id=customer.customer_id, amount_minor=self.amount(), method="cash", on=on,
                         now=noon(known), why="asked", request_key=request_key())  # fmt: skip

    def deposit(self, customer: AddedCustomer, on: date, known: date) -> None:
        kind = self.dice.choice(("deposit_in", "deposit_in", "deposit_kept", "deposit_given_back"))
        method = None if kind == "deposit_kept" else "bank"
        act = DepositAct(customer.customer_id, kind, self.amount(), on, "router", method)
        record_deposit(act, request_key=request_key(), now=noon(known))

    def undo_deposit(self, customer: AddedCustomer, on: date, known: date) -> None:
        act = self.one_of("SELECT id FROM deposit WHERE customer_id = %s", customer.customer_id)
        reverse_deposit(deposit_id=act, on=on, why="wrong", now=noon(known))

    def adjust(self, customer: AddedCustomer, on: date, known: date) -> None:
        keyed: dict[str, Any] = {"invoice_id": self.bill(customer), "why": "x", "on": on, "now": noon(known),
                 "request_key": request_key()}  # fmt: skip
        if self.dice.random() < 0.5:
            discount_bill(net_minor=self.dice.choice((1, 33_33)), **keyed)
        else:
            write_off_bill(**keyed)

    def recover(self, customer: AddedCustomer, on: date, known: date) -> None:
        record_recovery(invoice_id=self.bill(customer), amount_minor=self.amount(), paid="cash", on=on,
                        now=noon(known), why="x", request_key=request_key())  # fmt: skip

    def one_off(self, customer: AddedCustomer, on: date, known: date) -> None:
        issue_one_off(subscription_id=customer.subscription_id, title="Router", net_minor=90_00, on=on,
                      due_on=on + timedelta(days=self.dice.randrange(40)), now=noon(known),
                      request_key=request_key())  # fmt: skip

    def leave(self) -> None:
        on = FIRST + timedelta(days=80)
        with acting(self.cast.padma, self.cast.riverside):
            disconnect_customer(subscription_id=self.customers[1].subscription_id, on=on, now=noon(on), why="moved")

    def unproved(self) -> list[str]:
        """What some statement says of itself that does not hold, on random days as known on random others."""
        wrong = []
        for _ in range(12):
            on, known_on = self.day() + timedelta(days=5), self.dice.choice((None, self.day()))
            asked: dict[str, Any] = {"to_on": on, "known_on": known_on}
            statements = [
                get_receivable_ageing(on=on, known_on=known_on),
                get_balance_sheet(on=on, known_on=known_on),
                get_cash_flow(from_on=min(on, FIRST + timedelta(days=9)), **asked),
                *(get_customer_account(each.customer_id, from_on=FIRST, **asked) for each in self.customers),
                *(get_parties(code, on=on, known_on=known_on, names=lambda _kind, _ids: {})
                  for code in ("receivable_customers", "customer_advances", "customer_deposits")),
            ]  # fmt: skip
            wrong += [
                f"{each.name} {on} {known_on}: {says}"
                for each in statements
                for says, holds in each.proofs
                if not holds
            ]
            ledger = get_account_statement("receivable_customers", from_on=FIRST, **asked)
            ageing = statements[0].facts["total_minor"]
            if ledger.facts["closing_minor"] != ageing:
                wrong.append(f"receivable {on} {known_on}: ledger {ledger.facts['closing_minor']}, ageing {ageing}")
        return wrong


@pytest.mark.parametrize("seed", range(2))
def test_every_statement_of_customers_money_is_what_the_books_hold(cast: Cast, seed: int) -> None:
    storm = Storm(cast, seed)
    for on in NIGHTS:
        night(cast, on)
        for _ in range(25):
            storm.blow()
    storm.leave()
    for _ in range(10):
        storm.blow()
    for sealed in (False, True):
        with acting(cast.padma, cast.riverside):
            assert storm.unproved() == []
        if not sealed:
            seal_all_books(cast.padma, now=noon(FIRST))
    assert_proved()
