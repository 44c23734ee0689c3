"""Padma with its resellers in four levels and their customers on the eve of a month: built through services.

Everything that the recomputation needs to know is appended to `events` as plain tuples: (local instant, what, facts …).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import Any

from backhaul.billing.services import start_billing_many
from backhaul.catalog.services import (
    ProfileRules,
    add_billing_profile,
    add_package,
    add_plan,
    set_tariff_price,
)
from backhaul.funds.services import set_edge_terms
from backhaul.identity.models import IspDirectory
from backhaul.network.services import add_pool
from backhaul.resellers.beginning import Identity, Vat
from backhaul.resellers.services import found_isp
from backhaul.subscribers.rules import NumberFormat
from backhaul.subscribers.services import AddedCustomer, NewCustomer, add_customers
from tests.builders import acting, build_operator
from tests.cast import CELL, START

LEVELS = (6, 9, 8, 6)
BASE = {"Home 10": 400_00, "Home 20": 550_00, "Home 50": 851_00, "Office 100": 1_799_95}
# kind: rules of the product, and what the recomputation is told: (kind, due, grace, suspends, credits, validity)
PROFILES: dict[str, tuple[ProfileRules, tuple[Any, ...]]] = {
    "Monthly": (
        ProfileRules(due_days=7, grace_days=3, auto_suspend=True), ("monthly", 7, 3, True, (), 0)
    ),
    "Caring": (
        ProfileRules(due_days=5, auto_suspend=True, credit_days_for=("operator", "unpaid", "short", "outage")),
        ("monthly", 5, 0, True, ("operator", "unpaid", "short", "outage"), 0),
    ),
    "Anniversary": (
        ProfileRules(cycle="anniversary", due_days=4, grace_days=2, auto_suspend=True, credit_days_for=("operator",)),
        ("anniversary", 4, 2, True, ("operator",), 0),
    ),
    "Arrears": (ProfileRules(billed="arrears", due_days=10), ("arrears", 10, 0, False, (), 0)),
    "Pays first": (
        ProfileRules(billing_type="daily", cycle="validity", validity_days=30, access="pay_first"),
        ("validity", 0, 0, False, (), 30),
    ),
    "Free": (ProfileRules(billing_type="free"), ("free", 0, 0, False, (), 0)),
}  # fmt: skip
WEIGHTS = {"Monthly": 40, "Caring": 15, "Anniversary": 20, "Arrears": 10, "Pays first": 12, "Free": 3}


@dataclass
class Customer:
    """A customer as the test knows it. `price`: about what it pays; `pays_on`: the day of the month, None: never."""

    id: int
    service: int
    operator: int
    profile: str
    package: str
    pays_on: int | None
    is_on: bool = True
    is_gone: bool = False


@dataclass
class Town:
    """Who is there, what happened so far, and the test's own clock."""

    rng: Random
    first: date
    isp: IspDirectory
    at: datetime
    parents: dict[int, int | None] = field(default_factory=dict)
    terms: dict[int, dict[str, Any]] = field(default_factory=dict)
    plans: dict[str, int] = field(default_factory=dict)
    packages: dict[str, tuple[int, int]] = field(default_factory=dict)  # (operator id, id)
    offers: dict[int, list[str]] = field(default_factory=dict)  # what each operator sells beside the ISP's packages
    profiles: dict[str, int] = field(default_factory=dict)
    tariffs: dict[tuple[int, str], int] = field(default_factory=dict)
    customers: list[Customer] = field(default_factory=list)
    events: list[tuple[Any, ...]] = field(default_factory=list)
    usernames: int = 0

    @property
    def on(self) -> date:
        return self.at.date()

    @property
    def now(self) -> datetime:
        """The instant of the clock, which shows Dhaka's time."""
        return (self.at - timedelta(hours=6)).replace(tzinfo=UTC)

    def note(self, what: str, *facts: Any) -> None:
        """A raw event; the clock goes on by a second."""
        self.events.append((self.at, what, *facts))
        self.at += timedelta(seconds=1)

    @contextmanager
    def acting(self, operator: int) -> Iterator[None]:
        with acting(self.isp, operator):
            yield

    def depth(self, operator: int) -> int:
        parent = self.parents[operator]
        return 0 if parent is None else 1 + self.depth(parent)

    def path(self, operator: int) -> list[int]:
        """From an operator up to its top-level one."""
        parent = self.parents[operator]
        return [] if parent is None else [operator, *self.path(parent)]

    def new_customer(self, operator: int, profile: str, joined: date, package: str, own: int | None) -> NewCustomer:
        self.usernames += 1
        return NewCustomer(
            name=f"Customer {self.usernames}",
            username=f"m{self.usernames}",
            password="secret123",
            joined_on=joined,
            package=self.packages[package],
            profile=(self.isp.isp_id, self.profiles[profile]),
            custom_price_minor=own,
        )

    def choose(self, operator: int) -> tuple[str, str, int | None]:
        """A package that an operator sells, a profile and perhaps a price of the customer's own."""
        rng = self.rng
        profile = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        package = rng.choices(["Home 10", "Home 20", "Home 50", "Office 100"], [50, 30, 15, 5])[0]
        if profile == "Monthly" and rng.random() < 0.1:
            package = "Home 10, 3 months"
        elif self.offers[operator] and rng.random() < 0.5:
            package = rng.choice(self.offers[operator])
        own = rng.randrange(500_00, 900_00) if package == "Home 10" and rng.random() < 0.12 else None
        return package, profile, own

    def add(self, one: AddedCustomer, operator: int, profile: str, package: str) -> Customer:
        day = self.rng.choices([self.rng.randint(1, 8), self.rng.randint(9, 27), None], [70, 22, 8])[0]
        self.customers.append(Customer(one.customer_id, one.subscription_id, operator, profile, package, day))
        return self.customers[-1]


def build_town(rng: Random, first: date, *, operators: int, customers: int) -> Town:
    """The ISP, its resellers, catalogue, tariffs and customers who were there before; funds are empty."""
    numbering = NumberFormat(prefix="PAD-")
    vat = Vat(starts_on=START, rate_bp=500)
    isp = found_isp(identity=Identity(slug="padma", name="Padma", numbering=numbering, vat=vat), cell=CELL)
    town = Town(rng, first, isp, datetime.combine(first, time()) - timedelta(days=1))
    town.parents[isp.isp_id] = None
    town.note("operator", isp.isp_id, None)
    town.note("terms", isp.isp_id, {"vat_bp": 500})
    _stock(town)
    _onboard(town, operators)
    _set_tariffs(town)
    _own_packages(town)
    _take_over(town, customers)
    _set_terms(town)
    return town


def _stock(town: Town) -> None:
    isp = town.isp.isp_id
    with town.acting(isp):
        pool = (isp, add_pool(name="home", network="100.64.0.0/16"))
        for name, price in BASE.items():
            town.plans[name] = add_plan(name=name, down_kbps=10_240, up_kbps=10_240, pool=pool)
            _package(town, isp, name, name, price=price * 2, handed_down=True)
        _package(town, isp, "Home 10, 3 months", "Home 10", price=2_250_00, term_months=3, handed_down=True)
        for name, (rules, told) in PROFILES.items():
            town.profiles[name] = add_billing_profile(name=name, rules=rules, handed_down=True)
            town.note("profile", town.profiles[name], *told)


def _package(town: Town, operator: int, name: str, plan: str, *, price: int, **more: Any) -> None:
    package = add_package(
        name=name, plan_operator_id=town.isp.isp_id, plan_id=town.plans[plan], price_minor=price, **more
    )
    town.packages[name] = (operator, package)
    town.note("package", package, town.plans[plan], price, more.get("term_months", 1))


def _onboard(town: Town, operators: int) -> None:
    """Four levels; some charge VAT, one edge is postpaid, one has not started."""
    rng, level = town.rng, [town.isp.isp_id]
    for depth, share in enumerate(LEVELS, start=1):
        children = []
        for n in range(max(1, round(share * operators / sum(LEVELS)))):
            parent = level[n % len(level)] if n < len(level) else rng.choice(level)
            vat_bp = rng.choice((0, 0, 500, 750, 1_500))
            special = {"mode": "postpaid", "credit_limit_minor": 60_000_00} if (depth, n) == (2, 1) else {}
            if (depth, n) == (3, 1):
                special = {"started": False}
            operator = build_operator(
                town.isp, parent, f"o{depth}{chr(97 + n)}", owner=False, may_have_children=True,
                edits_catalog=rng.random() < 0.5, vat=Vat(starts_on=START, rate_bp=vat_bp) if vat_bp else None,
                **special,
            )  # fmt: skip
            town.parents[operator] = parent
            town.note("operator", operator, parent)
            told: dict[str, Any] = {"vat_bp": vat_bp, "mode": special.get("mode", "prepaid")}
            told |= {"started": special.get("started", True), "credit_limit": special.get("credit_limit_minor", 0)}
            town.terms[operator] = told
            town.note("terms", operator, told)
            children.append(operator)
        level = children


def _set_terms(town: Town) -> None:
    """Some edges charge daily, have credit, release the dead, credit days off, or keep something of a refund."""
    resellers = [operator for operator, told in town.terms.items() if told["mode"] == "prepaid" and told["started"]]
    names = {
        "timing": "charge_timing", "credit_limit": "credit_limit_minor", "exposure": "exposure_limit_minor",
        "low_balance": "low_balance_minor", "short_days": "short_days", "release_after": "release_after_days",
        "credits": "credit_days_for", "refund": "refund_policy", "refund_minimum": "refund_minimum_minor",
    }  # fmt: skip
    chosen: list[dict[str, Any]] = [
        {"timing": "daily"}, {"timing": "daily"}, {"release_after": 3}, {"release_after": 5}, {"release_after": 4},
        {"credit_limit": 5_000_00, "exposure": 9_000_00}, {"credit_limit": 3_000_00}, {"low_balance": 1_500_00},
        {"low_balance": 3_000_00, "short_days": 0}, {"short_days": 3}, {"refund": "none"},
        {"refund": "less_minimum", "refund_minimum": 50_00}, {"credits": ("operator", "unpaid", "short", "outage")},
        {"credits": ("operator", "outage")}, {"credits": ("outage",)}, {"credits": ("unpaid", "short")},
        {"credits": ("outage",), "short_days": 2},
    ]  # fmt: skip
    for terms in chosen:
        operator = town.rng.choice(resellers)
        with town.acting(town.parents[operator] or 0):
            given = {names[name]: list(value) if name == "credits" else value for name, value in terms.items()}
            set_edge_terms(child_id=operator, **given)
        town.terms[operator] |= terms
        town.note("terms", operator, terms)


def _set_tariffs(town: Town) -> None:
    """Each level asks a little more than the one above it."""
    for operator, parent in town.parents.items():
        for name, base in BASE.items():
            if parent is not None:
                price = town.tariffs.get((parent, name), base) + town.rng.randint(0, 3_999)
                set_price(town, operator, name, START, price)


def set_price(town: Town, operator: int, plan: str, starts_on: date, price: int) -> None:
    """A tariff version of an operator's parent."""
    parent = town.parents[operator]
    assert parent is not None
    with town.acting(parent):
        set_tariff_price(
            child_id=operator, plan_operator_id=town.isp.isp_id, plan_id=town.plans[plan], starts_on=starts_on,
            price_minor=price, today=town.on if starts_on > town.on else starts_on,
        )  # fmt: skip
    town.tariffs[operator, plan] = price
    town.note("tariff", operator, town.plans[plan], starts_on, price)


def _own_packages(town: Town) -> None:
    for operator in town.parents:
        town.offers[operator] = []
        if town.parents[operator] is not None and town.rng.random() < 0.4:
            plan = town.rng.choice(list(BASE))
            name = f"{plan} of {operator}"
            with town.acting(operator):
                _package(town, operator, name, plan, price=BASE[plan] + town.rng.randrange(300_00, 500_00))
            town.offers[operator] = [name]


def _take_over(town: Town, customers: int) -> None:
    """Those who were there before: billing begins on the first, or on their own day of the month."""
    month = (town.first.replace(day=28) + timedelta(days=4)).replace(day=1) - town.first
    sizes = {operator: town.rng.uniform(0.4, 1.6) for operator in town.parents}
    for operator, size in sizes.items():
        count = round(customers * size / sum(sizes.values()))
        given = []
        for _ in range(count):
            package, profile, own = town.choose(operator)
            to = town.first
            if profile in ("Anniversary", "Pays first"):
                to += timedelta(days=town.rng.randrange(month.days))
            joined = to.replace(year=to.year - 1) if (to.month, to.day) != (2, 29) else to.replace(month=1)
            given.append((package, profile, own, joined, to))
        with town.acting(operator):
            new = [town.new_customer(operator, pr, joined, pa, own) for pa, pr, own, joined, _ in given]
            added = add_customers(customers=new, on=town.on, at=town.now, source="month")
            start_billing_many([(one.subscription_id, row[4]) for one, row in zip(added, given, strict=True)])
        for one, (package, profile, own, joined, to) in zip(added, given, strict=True):
            town.add(one, operator, profile, package)
            ids = town.packages[package][1], town.profiles[profile]
            town.note("taken_over", operator, one.subscription_id, *ids, own, joined, to)
