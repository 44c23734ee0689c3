"""A whole business that is played in step with the model: how it is founded, how a step is made, what must agree."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant

from backhaul.billing.services import sign_up_customer
from backhaul.catalog.services import (
    ProfileRules,
    add_billing_profile,
    add_package,
    add_plan,
    set_package_price,
    set_tariff_price,
    set_vat,
)
from backhaul.common.errors import Refusal
from backhaul.funds.services import recharge_fund, set_edge_terms
from backhaul.resellers.beginning import Identity, Terms
from backhaul.resellers.services import found_isp, onboard_operator
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import NewCustomer
from tests.builders import acting, numbers, request_key
from tests.cast import CELL
from tests.scenarios.model import Edge, Refused, Seller
from tests.scenarios.model_services import Model, Service
from tests.scenarios.money import noon

FIRST = date(2028, 1, 20)
RETAIL = (600_00, 900_00)
ANCHORS = (1, 15, 31)
DAY = timedelta(days=1)


class Business(RuleBasedStateMachine):
    """The product and the model, played in step. `operators`: ids from the ISP down, the leaf's sibling last."""

    depth = 3
    admin: psycopg.Connection[Any]

    @initialize(
        number=st.integers(0, 10**6),
        starts=st.integers(0, 45),
        vat=st.booleans(),
    )
    def begin(self, number: int, starts: int, vat: bool) -> None:
        dice = random.Random(number)
        today = FIRST + starts * DAY
        rates = [dice.choice([0, 500, 750]) if vat else 0 for _ in range(self.depth + 2)]
        sellers = [Seller(rate, dice.random() < 0.7, dice.random() < 0.5) for rate in rates]
        edges = {}
        for child in range(1, self.depth + 2):
            parent = self.depth - 1 if child > self.depth else child - 1
            prices = [{FIRST: price * (20 - self.depth + child) // 20 - 7 * child} for price in RETAIL]
            edges[child] = Edge(parent, dice.random() < 0.3, dice.random() < 0.3, prices)
        self.model = Model(sellers, edges, today, packages=[{FIRST: price} for price in RETAIL])
        self.movements: dict[tuple[int, str], list[int]] = {}
        self.payments: list[list[int]] = []
        self.subscriptions: list[tuple[int, int]] = []
        self.build()
        for child, edge in edges.items():
            self.set_limit(child, dice.choice([700_00, 90_000_00]) if edge.postpaid else dice.choice([0, 300_00]))
            self.put_in(child, "recharge", dice.choice([400_00, 1_500_00, 2_500_00, 50_000_00]), today)
        for owner in (self.depth, self.depth, dice.randrange(self.depth + 1)):
            self.sign_up(owner, dice.choice([0, 1, 2]), dice.randrange(2))
        if not self.subscriptions:  # no fund could bear any of them; the ISP's own customers pass none
            self.sign_up(0, 0, 0)

    def build(self) -> None:
        slug = f"m{next(numbers)}"
        self.isp = found_isp(identity=Identity(slug=slug, name=slug), cell=CELL)
        self.operators = [self.isp.isp_id]
        for child, edge in self.model.edges.items():
            with acting(self.isp, self.operators[edge.parent]):
                terms = Terms(
                    mode="postpaid" if edge.postpaid else "prepaid", may_have_children=True, edits_catalog=True
                )
                name = f"{slug}-{child}"
                self.operators.append(onboard_operator(identity=Identity(slug=name, name=name), terms=terms))
                set_edge_terms(child_id=self.operators[-1], charge_timing="daily" if edge.daily else "upfront")
        with acting(self.isp):
            self.plans = [add_plan(name=name, down_kbps=1000, up_kbps=1000) for name in ("A", "B")]
            self.packages = [
                add_package(
                    name=str(plan), plan_operator_id=self.isp.isp_id, plan_id=plan, price_minor=price, handed_down=True
                )
                for plan, price in zip(self.plans, RETAIL, strict=True)
            ]
            self.profiles = [
                add_billing_profile(
                    name=str(day), rules=ProfileRules(cycle="custom_day", cycle_day=day, due_days=7), handed_down=True
                )
                for day in ANCHORS
            ]
        for number, seller in enumerate(self.model.sellers):
            with acting(self.isp, self.operators[number]):
                if seller.rate:
                    set_vat(
                        starts_on=FIRST, registered=True, rate_bp=seller.rate, reclaims_input=seller.reclaims,
                        relief_on_bad_debt=seller.relief,
                    )  # fmt: skip
                seller.relief = seller.relief and seller.rate > 0
                for child, edge in self.model.edges.items():
                    for plan in (0, 1):
                        if edge.parent == number:
                            self.set_tariff(child, plan, FIRST, edge.prices[plan][FIRST])

    def set_tariff(self, child: int, plan: int, starts_on: date, price: int) -> None:
        set_tariff_price(
            child_id=self.operators[child], plan_operator_id=self.isp.isp_id, plan_id=self.plans[plan],
            starts_on=starts_on, price_minor=price, today=self.model.today if starts_on > FIRST else FIRST,
        )  # fmt: skip

    # -- how a step is made -------------------------------------------------------------------------------------------

    def both(self, operator: int, expected: Callable[[Model], Any], done: Callable[[], Any]) -> Any:
        """The step in the model and, as that operator, in the product: refused by both, or done by both."""
        after = deepcopy(self.model)
        try:
            expected(after)
        except Refused:
            with pytest.raises(Refusal), acting(self.isp, self.operators[operator]):
                done()
            return None
        with acting(self.isp, self.operators[operator]):
            made = done()
        self.model = after
        return made

    def one(self, number: int) -> tuple[int, Service, int]:
        """A service: its number in the model, what the model knows of it, its id."""
        number %= len(self.model.services)
        return number, self.model.services[number], self.subscriptions[number][0]

    def edge(self, number: int) -> tuple[int, Edge]:
        child = 1 + number % len(self.model.edges)
        return child, self.model.edges[child]

    def when(self) -> dict[str, Any]:
        return {"on": self.model.today, "now": noon(self.model.today)}

    def put_in(self, child: int, kind: str, amount: int, on: date) -> None:
        made = self.both(
            self.model.edges[child].parent,
            lambda model: model.recharge(child, kind, amount, on),
            lambda: recharge_fund(
                child_id=self.operators[child], kind=kind, amount_minor=amount, on=on, request_key=request_key(),
                paid="cash" if kind in ("recharge", "recharge_repaid") else None,
            ),
        )  # fmt: skip
        if made is not None:
            self.movements.setdefault((child, kind), []).append(made)

    def set_limit(self, child: int, limit: int) -> None:
        self.both(
            self.model.edges[child].parent,
            lambda model: model.set_limit(child, limit),
            lambda: set_edge_terms(child_id=self.operators[child], credit_limit_minor=limit),
        )

    def tariff(self, number: int, plan: int, price: int, ahead: int) -> None:
        (child, edge), day = self.edge(number), self.model.today + ahead * DAY
        self.both(
            edge.parent,
            lambda model: model.edges[child].prices[plan].update({day: price}),
            lambda: self.set_tariff(child, plan, day, price),
        )

    def package_price(self, plan: int, price: int, ahead: int) -> None:
        day, today = self.model.today + ahead * DAY, self.model.today
        self.both(
            0,
            lambda model: model.packages[plan].update({day: price}),
            lambda: set_package_price(
                package_id=self.packages[plan], price_minor=price, starts_on=day, today=today, now=noon(today)
            ),
        )

    def own_price(self, number: int, price: int | None, ahead: int) -> None:
        (number, service, id_), today = self.one(number), self.model.today
        day = today + ahead * DAY
        self.both(
            service.owner,
            lambda model: model.services[number].own_prices.update({day: price}),
            lambda: set_custom_price(
                subscription_id=id_, price_minor=price, starts_on=day, today=today, now=noon(today)
            ),
        )

    def sign_up(self, owner: int, profile: int, plan: int) -> None:
        isp, today = self.isp.isp_id, self.model.today
        customer = NewCustomer(
            name="Somebody", username=f"u{next(numbers)}", password="secret123", joined_on=today,
            package=(isp, self.packages[plan]), profile=(isp, self.profiles[profile]),
        )  # fmt: skip
        added = self.both(
            owner,
            lambda model: model.sign_up(owner, ANCHORS[profile], plan),
            lambda: sign_up_customer(customer=customer, **self.when()),
        )
        if added is not None:
            self.subscriptions.append((added.subscription_id, added.customer_id))
            self.payments.append([])

    # -- what must agree ----------------------------------------------------------------------------------------------

    @invariant()
    def every_balance_is_what_the_model_says(self) -> None:
        """Funds, debts, dues, advances, status, and every account of every books."""
        found, wanted = self.found(), self.expected()
        wrong = {what: (found.get(what), wanted[what]) for what in wanted if found.get(what) != wanted[what]}
        assert not wrong, f"what: (found, wanted) {wrong}"

    def expected(self) -> dict[Any, Any]:
        model = self.model
        wanted: dict[Any, Any] = {("fund", n): (edge.posted, edge.owed, 0) for n, edge in model.edges.items()}
        for n, s in enumerate(model.services):
            wanted["service", n] = (s.due, s.advance, s.billed_until, sorted(s.blocks), s.held is not None)
        for n in range(len(model.sellers)):
            wanted["books", n] = model.balances(n)
        return wanted

    def found(self) -> dict[Any, Any]:
        funds = self.admin.execute(
            "SELECT child_id, posted_minor, owed_minor, held_minor FROM fund WHERE child_id = ANY (%s)",
            [self.operators],
        ).fetchall()
        seen: dict[Any, Any] = {("fund", self.operators.index(child)): tuple(sums) for child, *sums in funds}
        services = self.admin.execute(STANDING, [[id_ for id_, _ in self.subscriptions]]).fetchall()
        for id_, *standing in services:
            seen["service", [known for known, _ in self.subscriptions].index(id_)] = tuple(standing)
        books: dict[int, dict[str, int]] = {operator: {} for operator in self.operators}
        for operator, code, net in self.admin.execute(BALANCES, {"them": self.operators}):
            books[operator][code] = net
        return seen | {("books", n): books[operator] for n, operator in enumerate(self.operators)}


STANDING = """
    SELECT s.id, COALESCE((SELECT sum(open_minor) FROM invoice_open o
                           WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id), 0)::bigint,
           COALESCE(a.advance_minor, 0), b.billed_until,
           ARRAY(SELECT reason FROM block k WHERE k.operator_id = s.operator_id AND k.subscription_id = s.id
                 AND k.to_at IS NULL ORDER BY 1), h.subscription_id IS NOT NULL
    FROM subscription s JOIN billing_state b ON b.operator_id = s.operator_id AND b.subscription_id = s.id
    LEFT JOIN customer_advance a ON a.operator_id = s.operator_id AND a.customer_id = s.customer_id
    LEFT JOIN held_bill h ON h.operator_id = s.operator_id AND h.subscription_id = s.id
    WHERE s.id = ANY (%s)"""
BALANCES = """
    SELECT operator_id, code, sum(minor)::bigint FROM (
        SELECT operator_id, debit_code AS code, amount_minor AS minor FROM posting WHERE operator_id = ANY (%(them)s)
        UNION ALL SELECT operator_id, credit_code, -amount_minor FROM posting WHERE operator_id = ANY (%(them)s)) AS s
    GROUP BY operator_id, code HAVING sum(minor) <> 0"""
