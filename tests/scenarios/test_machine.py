"""Random lives of a whole business, step by step beside a small model of SPEC §2 and §3, at one to five levels.

After each step every fund, debt, due, advance, status and account must be what the model says. The seed is printed when
a life fails; BACKHAUL_SEED plays it again.
"""

from __future__ import annotations

import os
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule, run_state_machine_as_test

from backhaul.billing.adjustments import discount_bill, write_off_bill
from backhaul.billing.changes import change_package
from backhaul.billing.discounts import give_discount
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.runs import bill_isp
from backhaul.billing.services import bring_back
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import (
    deduct_from_fund,
    reverse_bonus,
    reverse_recharge,
    transfer_fund,
)
from backhaul.ledger.queries import get_trial_balance
from backhaul.ledger.rules import ManualLine
from backhaul.ledger.services import post_manual_entry, seal_all_books
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.services import disable_subscription, suspend_subscription
from tests.builders import acting, request_key
from tests.ledger.books import as_admin
from tests.scenarios.business import DAY, Business
from tests.scenarios.model_services import Model
from tests.scenarios.money import assert_proved, noon

some = st.integers(0, 20)
amounts = st.integers(1, 900_00)


class Life(Business):
    """What happens, in any order."""

    # -- days ---------------------------------------------------------------------------------------------------------

    @rule(days=st.sampled_from([0, 1, 1, 2, 3]))
    def few_days(self, days: int) -> None:
        self.night(days)

    @rule(days=st.integers(4, 33))
    def many_days(self, days: int) -> None:
        self.night(days)

    @rule(number=some, late=st.sampled_from([-1, 0, 0, 0, 1, 2]))
    def period_ends(self, number: int, late: int) -> None:
        """The day on which some service is billed next, or one near it."""
        self.night(max(0, (self.one(number)[1].billed_until - self.model.today).days + late))

    @rule(number=some, days=st.sampled_from([0, 1, 1, 1, 2, 3, 4]))
    def period_and_grace(self, number: int, days: int) -> None:
        self.period_ends(number, 0)
        self.night(days)

    def night(self, days: int) -> None:
        """Some days pass; the last one's run bills, and catches up, what is due."""
        self.model.today += days * DAY
        self.model.night()
        tops = {self.operators[self.model.chain(s.owner)[-1] if s.owner else 0] for s in self.model.services}
        for top in sorted(tops):
            bill_isp(self.isp, top_id=top, **self.when())

    @rule(operator=some, ago=st.integers(0, 40), sealed=st.booleans())
    def look_back(self, operator: int, ago: int, sealed: bool) -> None:
        """The trial balance of a day in the past, before and after what is final was sealed."""
        operator %= len(self.operators)
        day = self.model.today - ago * DAY
        if sealed:
            seal_all_books(self.isp, now=noon(self.model.today))
        with acting(self.isp, self.operators[operator]):
            found = get_trial_balance(on=day)["accounts"]
        shown = {row["code"]: row["debit_minor"] - row["credit_minor"] for row in found}
        assert {code: net for code, net in shown.items() if net} == self.model.balances(operator, day)

    # -- funds --------------------------------------------------------------------------------------------------------

    @rule(
        number=some,
        kind=st.sampled_from(["recharge", "recharge", "recharge_credit", "recharge_repaid", "bonus"]),
        amount=amounts,
        ago=st.integers(0, 9),
    )
    def recharge(self, number: int, kind: str, amount: int, ago: int) -> None:
        self.put_in(self.edge(number)[0], kind, amount, self.model.today - ago * DAY)

    @rule(number=some, which=some, kind=st.sampled_from(["recharge", "recharge", "bonus"]), ago=st.integers(0, 9))
    def take_back(self, number: int, which: int, kind: str, ago: int) -> None:
        (child, edge), on = self.edge(number), self.model.today - ago * DAY
        made = self.movements.get((child, kind))
        if made:
            which %= len(made)
            undo = reverse_bonus if kind == "bonus" else reverse_recharge
            step = Model.take_back_bonus if kind == "bonus" else Model.take_back_recharge
            self.both(
                edge.parent,
                lambda model: step(model, child, which, on),
                lambda: undo(child_id=self.operators[child], movement_id=made[which], on=on, reason="bounced"),
            )

    @rule(number=some, left=st.sampled_from([0, 0, 300_00, 500_00, 700_00, 1_000_00]))
    def tighten(self, number: int, left: int) -> None:
        """A penalty, or a lower limit of a postpaid edge, that leaves so much; refused where less is there."""
        child, edge = self.edge(number)
        if edge.postpaid:
            return self.set_limit(child, max(0, edge.owed + left))
        amount, on, key = max(1, edge.available - left), self.model.today, request_key()
        self.both(
            edge.parent,
            lambda model: model.deduct(child, amount, on),
            lambda: deduct_from_fund(
                child_id=self.operators[child], amount_minor=amount, on=on, request_key=key, reason="fine"
            ),
        )

    @rule(amount=amounts, back=st.booleans())
    def transfer(self, amount: int, back: bool) -> None:
        """Between the leaf and its sibling."""
        (giver, taker), on = sorted((self.depth, self.depth + 1), reverse=back), self.model.today
        self.both(
            self.model.edges[giver].parent,
            lambda model: model.transfer(giver, taker, amount, on),
            lambda: transfer_fund(
                child_id=self.operators[giver], to_child_id=self.operators[taker], amount_minor=amount, on=on,
                request_key=request_key(),
            ),
        )  # fmt: skip

    @rule(number=some, limit=st.sampled_from([0, 300_00, 2_000_00]))
    def limit(self, number: int, limit: int) -> None:
        self.set_limit(self.edge(number)[0], limit)

    # -- prices -------------------------------------------------------------------------------------------------------

    @rule(
        whose=st.sampled_from(["edge", "package", "service"]),
        number=some,
        plan=st.integers(0, 1),
        price=st.integers(100_00, 900_00),
        ahead=st.integers(1, 20),
    )
    def new_price(self, whose: str, number: int, plan: int, price: int, ahead: int) -> None:
        if whose == "edge":
            self.tariff(number, plan, price, ahead)
        elif whose == "package":
            self.package_price(plan, price, ahead)
        else:
            self.own_price(number, None if plan and price < 300_00 else price, ahead - 1)

    @rule(number=some, amount=st.one_of(st.none(), amounts), part=st.integers(1, 10_000))
    def standing_discount(self, number: int, amount: int | None, part: int) -> None:
        (number, service, id_), today = self.one(number), self.model.today
        self.both(
            service.owner,
            lambda model: setattr(model.services[number], "discount", (today, amount or 0, part)),
            lambda: give_discount(
                subscription_id=id_, from_on=today, why="loyal", now=noon(today), amount_minor=amount,
                part_bp=None if amount else part,
            ),
        )  # fmt: skip

    # -- customers ----------------------------------------------------------------------------------------------------

    @rule(owner=some, profile=st.integers(0, 2), plan=st.integers(0, 1))
    def join(self, owner: int, profile: int, plan: int) -> None:
        if len(self.subscriptions) < 4:
            self.sign_up(owner % (self.depth + 1), profile, plan)

    @rule(number=some, why=st.sampled_from(["by_hand", "unpaid", "disabled"]))
    def stop(self, number: int, why: str) -> None:
        number, service, id_ = self.one(number)
        given: dict[str, Any] = {
            "subscription_id": id_,
            "why": "asked",
            "on": self.model.today,
            "at": noon(self.model.today),
        }
        self.both(
            service.owner,
            lambda model: model.stop(model.services[number], why),
            lambda: (
                disable_subscription(**given)
                if why == "disabled"
                else suspend_subscription(until_paid=why == "unpaid", **given)
            ),
        )

    @rule(which=some, hold=st.booleans())
    def bring_back(self, which: int, hold: bool) -> None:
        stopped = [
            (number, why)
            for number, service in enumerate(self.model.services)
            for why in sorted(service.blocks - {"fund_short", "upstream_short"})
        ]
        if stopped:
            number, why = stopped[which % len(stopped)]
            _, service, id_ = self.one(number)
            self.both(
                service.owner,
                lambda model: model.bring_back(model.services[number], why, hold=hold),
                lambda: bring_back(subscription_id=id_, reason=why, hold=hold, **self.when()),
            )

    @rule(number=some, credit=st.booleans())
    def leave(self, number: int, credit: bool) -> None:
        number, service, id_ = self.one(number)
        credit = credit or (service.owner > 0 and self.model.edges[service.owner].daily)
        self.both(
            service.owner,
            lambda model: model.leave(model.services[number], credit_customer=credit),
            lambda: disconnect_customer(subscription_id=id_, why="moved", credit_customer=credit, **self.when()),
        )

    @rule(number=some, plan=st.integers(0, 1))
    def change(self, number: int, plan: int) -> None:
        number, service, id_ = self.one(number)
        package = (self.isp.isp_id, self.packages[plan])
        self.both(
            service.owner,
            lambda model: model.change(model.services[number], plan),
            lambda: change_package(subscription_id=id_, package=package, **self.when()),
        )

    @rule(number=some, kind=st.sampled_from(["all", "part", "more", "odd"]), odd=amounts, ago=st.integers(0, 9))
    def pay(self, number: int, kind: str, odd: int, ago: int) -> None:
        (number, service, _), on = self.one(number), self.model.today - (ago if ago > 4 else 0) * DAY
        amount = max(1, {"all": service.due, "part": service.due // 3, "more": service.due + odd, "odd": odd}[kind])
        receipt = self.both(
            service.owner,
            lambda model: model.pay(model.services[number], amount, on),
            lambda: record_payment(
                customer_id=self.subscriptions[number][1], amount_minor=amount, method="cash", received_on=on,
                now=noon(self.model.today), request_key=request_key(),
            ),
        )  # fmt: skip
        self.payments[number].append(receipt.payment_id)

    @rule(number=some, odd=st.sampled_from([1, 99_99, 700_00, 2_000_00]))
    def settle(self, number: int, odd: int) -> None:
        self.pay(number, "more", odd, 0)

    @rule(which=some, ago=st.integers(0, 9))
    def bounce(self, which: int, ago: int) -> None:
        """A payment is taken back, dated today or earlier; a second time it is refused."""
        made = [(n, i) for n, service in enumerate(self.model.services) for i in range(len(service.payments))]
        if made:
            number, index = made[-1 - which % len(made)]
            service = self.model.services[number]
            on = max(self.model.today - ago * DAY, service.payments[index][1])
            self.both(
                service.owner,
                lambda model: model.reverse(model.services[number], index, on),
                lambda: reverse_payment(
                    payment_id=self.payments[number][index], on=on, now=noon(self.model.today), reason="bounced"
                ),
            )

    def open_bill(self, which: int) -> tuple[int, int, int]:
        """Some bill that is open: its service, its index there, its id; the last bill where none is."""
        bills = [(n, i) for n, service in enumerate(self.model.services) for i in range(len(service.bills))]
        bills = [at for at in bills if self.model.services[at[0]].bills[at[1]].open] or bills
        number, index = bills[-1 - which % len(bills)]
        found = self.admin.execute(
            "SELECT id FROM invoice WHERE subscription_id = %s ORDER BY id", [self.subscriptions[number][0]]
        ).fetchall()
        return number, index, int(found[index][0])

    @precondition(lambda self: any(service.bills for service in self.model.services))
    @rule(which=some, part=st.integers(1, 110))
    def later_discount(self, which: int, part: int) -> None:
        number, index, bill = self.open_bill(which)
        service = self.model.services[number]
        net = service.bills[index].open * part // 100
        self.both(
            service.owner,
            lambda model: model.give_discount(model.services[number], index, net),
            lambda: discount_bill(invoice_id=bill, net_minor=net, why="slow", request_key=request_key(), **self.when()),
        )

    @precondition(lambda self: any(service.bills for service in self.model.services))
    @rule(which=some)
    def write_off(self, which: int) -> None:
        number, index, bill = self.open_bill(which)
        self.both(
            self.model.services[number].owner,
            lambda model: model.write_off(model.services[number], index),
            lambda: write_off_bill(invoice_id=bill, why="gone", request_key=request_key(), **self.when()),
        )

    @rule(operator=some, amount=amounts, ago=st.integers(0, 40))
    def by_hand(self, operator: int, amount: int, ago: int) -> None:
        """An entry by hand, dated earlier."""
        operator, on = operator % len(self.operators), self.model.today - ago * DAY
        lines = [ManualLine("office_expense", "cash", amount)]
        self.both(
            operator,
            lambda model: model.post(operator, "office_expense", "cash", amount, on),
            lambda: post_manual_entry(
                effective_on=on, lines=lines, reason="rent", request_key=request_key(), now=noon(self.model.today)
            ),
        )


def kind_of(depth: int, admin: psycopg.Connection[Any]) -> type[Life]:
    return type(f"Life{depth}", (Life,), {"depth": depth, "admin": admin})


def play(server: EmbeddedPostgres, depth: int, lives: int, steps: int) -> None:
    """So many random lives, each of a business of its own: the same ones in every run, others with BACKHAUL_SEED."""
    number = int(os.environ.get("BACKHAUL_SEED") or depth)
    print(f"BACKHAUL_SEED={number}")  # noqa: T201
    with as_admin(server) as admin:
        run_state_machine_as_test(
            seed(number)(kind_of(depth, admin)),
            settings=settings(
                max_examples=lives, stateful_step_count=steps, deadline=None, print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )  # fmt: skip
    assert_proved()


@pytest.mark.parametrize("depth", range(1, 6))
def test_a_random_life_keeps_every_balance_that_the_model_keeps(db: EmbeddedPostgres, depth: int) -> None:
    play(db, depth, lives=6, steps=25)


@pytest.mark.slow
@pytest.mark.parametrize("depth", range(1, 6))
def test_long_random_lives_keep_every_balance_that_the_model_keeps(db: EmbeddedPostgres, depth: int) -> None:
    play(db, depth, lives=15, steps=40)


# Lives that failed once: the depth, and the steps.
LIVED: dict[str, tuple[int, list[tuple[str, dict[str, Any]]]]] = {
    # the service came back on the day that the payment was dated, and the days that it was off were billed
    "a payment dated before the return": (
        2,
        [
            ("begin", {"number": 3, "starts": 0, "vat": True}),
            ("stop", {"number": 0, "why": "unpaid"}),
            ("many_days", {"days": 33}),
            ("pay", {"number": 0, "kind": "more", "odd": 2_000_00, "ago": 9}),
            ("few_days", {"days": 1}),
        ],
    ),
}


@pytest.mark.parametrize("name", LIVED)
def test_a_life_that_failed_once_keeps_every_balance(db: EmbeddedPostgres, name: str) -> None:
    depth, steps = LIVED[name]
    with as_admin(db) as admin:
        life = kind_of(depth, admin)()
        for step, given in steps:
            getattr(life, step)(**given)
            life.every_balance_is_what_the_model_says()
    assert_proved()
