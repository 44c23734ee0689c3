"""A month played day by day through the public services. Each thing that happens is noted as a plain tuple.

The night runs at 00:10, people act in the morning and in the afternoon, the cut window opens at noon.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from backhaul.billing.changes import change_package
from backhaul.billing.cuts import cut_isp
from backhaul.billing.discounts import give_discount
from backhaul.billing.outages import Outage, record_outage
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.runs import RunReport, bill_isp, bill_missing_nights
from backhaul.billing.services import bring_back, sign_up_customer
from backhaul.billing.starting import start_edge
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import Refusal
from backhaul.funds.services import deduct_from_fund
from backhaul.network.services import register_nas
from backhaul.operators.functions import rows
from backhaul.payments.services import record_payment
from backhaul.resellers.services import recharge_child_fund, transfer_to_child
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import suspend_subscription
from tests.builders import request_key
from tests.scenarios.days import as_owner
from tests.scenarios.month.town import Customer, Town, set_price

DAY = timedelta(days=1)


class Player:
    """Plays a town's days; `missed` are those on which no night's run was made."""

    def __init__(self, town: Town, db: EmbeddedPostgres, missed: set[date]) -> None:
        self.town, self.db, self.missed = town, db, missed
        self.rng = town.rng
        self.suspended: list[Customer] = []
        self.tower = 0

    def outcome(self, operator: int, act: Callable[[], Any]) -> str:
        """Do something as an operator: "ok", or the code of its refusal."""
        try:
            with self.town.acting(operator):
                act()
        except Refusal as refusal:
            return refusal.code
        return "ok"

    # Nights and cuts.

    def night(self, day: date) -> list[RunReport]:
        """The run at 00:10, and those that were missed, each at its own date; or none."""
        town = self.town
        town.at = datetime.combine(day, time(0, 10))
        if day in self.missed:
            return []
        reports = bill_missing_nights(town.isp, today=day, now=town.now, cuts=False)
        for report in reports:
            assert report.failed == 0, report.exceptions
            town.note("night", report.on)
        return reports

    def rehearse(self, day: date) -> RunReport:
        """What the night's run would do."""
        town = self.town
        town.at = datetime.combine(day, time())
        return bill_isp(town.isp, on=day, now=town.now, dry_run=True)

    def cuts(self, day: date) -> None:
        self.town.at = datetime.combine(day, time(12))
        cut_isp(self.town.isp, on=day, now=self.town.now)
        self.town.note("cuts")

    # People.

    def pick(self, count: float, **where: Any) -> list[Customer]:
        """Some customers who are there."""
        number = int(count) + (self.rng.random() < count % 1)
        found = [c for c in self.town.customers if not c.is_gone and all(getattr(c, k) == v for k, v in where.items())]
        return self.rng.sample(found, min(number, len(found)))

    def payments(self) -> None:
        """Who pays on this day of the month: all that is due, half of it, or a little more; the last hour's too."""
        town = self.town
        for customer in [c for c in town.customers if c.pays_on == town.on.day and not c.is_gone]:
            with town.acting(customer.operator):
                due = rows(
                    "SELECT COALESCE(sum(open_minor), 0)::bigint AS due FROM invoice_open "
                    "WHERE operator_id = %s AND customer_id = %s",
                    [customer.operator, customer.id],
                )[0]["due"]
                amount = due or self.rng.choice((500_00, 1_200_00, 2_000_00))
                amount = self.rng.choices((amount, amount // 2 + 1, amount + 250_00), (80, 12, 8))[0]
                record_payment(
                    customer_id=customer.id, amount_minor=amount, method="cash", received_on=town.on, now=town.now,
                    request_key=request_key(),
                )  # fmt: skip
                town.note("paid", customer.service, amount)

    def joins(self, count: float) -> None:
        town = self.town
        for _ in range(int(count) + (self.rng.random() < count % 1)):
            operator = self.rng.choice(list(town.parents))
            package, profile, own = town.choose(operator)
            added: list[Any] = []

            def sign_up(
                operator: int = operator, package: str = package, profile: str = profile, own: int | None = own,
                added: list[Any] = added,
            ) -> None:  # fmt: skip
                new = town.new_customer(operator, profile, town.on, package, own)
                added.append(sign_up_customer(customer=new, on=town.on, now=town.now))

            outcome = self.outcome(operator, sign_up)
            ids = town.packages[package][1], town.profiles[profile]
            service = town.add(added[0], operator, profile, package).service if outcome == "ok" else -1
            town.note("joined", operator, service, *ids, own, outcome)

    def leaves(self, count: float) -> None:
        town = self.town
        for customer in self.pick(count):
            credited = self.rng.random() < 0.8
            with town.acting(customer.operator):
                disconnect_customer(
                    subscription_id=customer.service, on=town.on, now=town.now, why="moved", credit_customer=credited
                )
            customer.is_gone = True
            self.suspended = [c for c in self.suspended if c is not customer]
            town.note("left", customer.service, credited)

    def suspensions(self, count: float) -> None:
        town = self.town
        for customer in self.pick(count, is_on=True):
            with town.acting(customer.operator):
                suspend_subscription(subscription_id=customer.service, why="away", on=town.on, at=town.now)
            customer.is_on = False
            self.suspended.append(customer)
            town.note("suspended", customer.service)

    def resumptions(self, part: float) -> None:
        """Some of those who are away come back."""
        town = self.town
        for customer in [c for c in self.suspended if self.rng.random() < part]:
            outcome = self.outcome(
                customer.operator,
                lambda one=customer: bring_back(  # type: ignore[misc]
                    subscription_id=one.service, reason="by_hand", on=town.on, now=town.now, hold=False
                ),
            )
            if outcome == "ok":
                customer.is_on = True
                self.suspended.remove(customer)
            town.note("resumed", customer.service, outcome)

    def changes(self, count: float) -> None:
        town = self.town
        for customer in self.pick(count):
            names = [name for name in ("Home 10", "Home 20", "Home 50", "Office 100") if name != customer.package]
            if customer.profile == "Pays first":
                continue
            name = self.rng.choice(names + town.offers[customer.operator])
            if name == customer.package:
                continue
            outcome = self.outcome(
                customer.operator,
                lambda one=customer, name=name: change_package(  # type: ignore[misc]
                    subscription_id=one.service, package=town.packages[name], on=town.on, now=town.now
                ),
            )
            if outcome == "ok":
                customer.package = name
            town.note("changed", customer.service, town.packages[name][1], outcome)

    def prices(self, count: float) -> None:
        """Own prices and standing discounts, from now on or from a later day on."""
        town = self.town
        for customer in self.pick(count):
            from_on = town.on + self.rng.randrange(6) * DAY
            with town.acting(customer.operator):
                if self.rng.random() < 0.5 and customer.package != "Home 10, 3 months":
                    price = self.rng.randrange(450_00, 2_000_00)
                    set_custom_price(
                        subscription_id=customer.service, price_minor=price, starts_on=from_on, today=town.on,
                        now=town.now,
                    )  # fmt: skip
                    town.note("own_price", customer.service, price, from_on)
                else:
                    amount, part_bp = self.rng.choice(((50_00, 0), (0, 1_250), (0, 333)))
                    give_discount(
                        subscription_id=customer.service, from_on=from_on, why="old friend", now=town.now,
                        amount_minor=amount or None, part_bp=part_bp or None,
                    )  # fmt: skip
                    town.note("discount", customer.service, from_on, amount, part_bp)

    # Money into funds.

    def recharge(self, child: int, amount: int, kind: str = "recharge") -> None:
        """Into a fund; what waited for it is tried at once, as the job after it does."""
        town = self.town
        parent = town.parents[child]
        assert parent is not None
        paid = "cash" if kind in ("recharge", "recharge_repaid") else None
        if kind == "deduction":
            outcome = self.outcome(
                parent,
                lambda: deduct_from_fund(
                    child_id=child, amount_minor=amount, on=town.on, request_key=request_key(), reason="late papers"
                ),
            )
        else:
            outcome = self.outcome(
                parent,
                lambda: recharge_child_fund(
                    child_id=child, kind=kind, amount_minor=amount, on=town.on, now=town.now, paid=paid,
                    request_key=request_key(),
                ),
            )  # fmt: skip
        town.note("recharged", child, kind, amount, outcome)
        self.retry(child)

    def retry(self, child: int) -> None:
        town = self.town
        top = town.path(child)[-1]
        bill_isp(town.isp, on=town.on, now=town.now, only_held=True, top_id=top, cuts=False)
        town.note("retry", top)

    def transfer(self) -> None:
        """Between two children of one parent."""
        town = self.town
        child = self.rng.choice([o for o, parent in town.parents.items() if parent])
        others = [o for o, parent in town.parents.items() if parent == town.parents[child] and o != child]
        if others:
            to, amount = self.rng.choice(others), self.rng.randrange(100_00, 20_000_00)
            outcome = self.outcome(
                town.parents[child] or 0,
                lambda: transfer_to_child(
                    child_id=child, to_child_id=to, amount_minor=amount, on=town.on, now=town.now,
                    request_key=request_key(),
                ),
            )  # fmt: skip
            town.note("transferred", child, to, amount, outcome)
            self.retry(to)

    def fill(self, operators: list[int], low: float, high: float) -> None:
        """Recharge for a part of what a month of all customers below costs, about."""
        town = self.town
        for child in operators:
            plans = {name: name.split(" of ")[0] for name in town.packages} | {"Home 10, 3 months": "Home 10"}
            below = [c for c in town.customers if child in town.path(c.operator) and not c.is_gone]
            need = sum(town.tariffs[child, plans[c.package]] for c in below)
            self.recharge(child, max(100_00, int(need * self.rng.uniform(low, high)) + self.rng.randrange(100)))

    def change_tariff(self, child: int, plan: str, starts_on: date) -> None:
        set_price(self.town, child, plan, starts_on, self.town.tariffs[child, plan] + self.rng.randrange(1, 60_00))

    def start(self, child: int) -> None:
        """Start an edge; where its fund does not cover it, after a recharge."""
        town = self.town
        parent = town.parents[child] or 0
        for _ in range(2):
            outcome = self.outcome(parent, lambda: start_edge(child_id=child, on=town.on))
            town.note("started", child, outcome)
            if outcome == "ok":
                return
            self.fill([child], 1.2, 1.5)

    # An outage of the ISP's tower.

    def seen_on_tower(self, part: float, day: date) -> list[int]:
        """A part of the customers had a session there until the outage."""
        town = self.town
        with town.acting(town.isp.isp_id):
            self.tower = register_nas(name="Tower", source_address="192.0.2.9", secret="not-a-word", at=town.now)
        hit = sorted(c.service for c in town.customers if not c.is_gone and self.rng.random() < part)
        began = datetime.combine(day, time(), UTC) - timedelta(hours=5)
        as_owner(
            self.db,
            "INSERT INTO radius_session_history (operator_id, nas_operator_id, nas_id, username, acct_session_id, "
            "nonce, login_id, mac, nas_port, started_at, stopped_at, session_seconds, input_bytes, output_bytes, "
            "ended_by, terminate_cause) SELECT operator_id, %s, %s, username, 's' || id, '', id, '', '', %s, %s, 1, 1, "
            "1, 'silence', '' FROM radius_login WHERE subscription_id = ANY (%s)",
            town.isp.isp_id, self.tower, began - DAY, began, hit,
        )  # fmt: skip
        return hit

    def outage(self, first: date, last: date) -> None:
        """The tower was down on the days [first, last); recorded today."""
        town = self.town
        hit = self.seen_on_tower(0.15, first)
        begins = datetime.combine(first, time(), UTC) - timedelta(hours=5)
        ends = datetime.combine(last, time(), UTC) - timedelta(hours=7)
        with town.acting(town.isp.isp_id):
            record_outage(
                outage=Outage(begins, ends, first, last, "fibre cut", nas_id=self.tower), on=town.on, now=town.now
            )
        town.note("outage", hit, first, last)
