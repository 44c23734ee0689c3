"""The demo's months: every night a billing run, every day payments, sign-ups, and what else happens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from backhaul.billing.finding import CustomerFilter, list_customers
from backhaul.billing.queries import BillFilter, list_bills
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.run_queries import list_runs
from backhaul.billing.runs import bill_isp
from backhaul.billing.services import bring_back, sign_up_customer
from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.cli.demonstration.drawers import hand_over
from backhaul.cli.demonstration.founding import Operator
from backhaul.cli.demonstration.funding import move_money
from backhaul.cli.demonstration.people import METHODS, Person, invent, pace_of, pick
from backhaul.cli.demonstration.script import Script
from backhaul.common.errors import Refusal
from backhaul.operators.scope import unit_of_work
from backhaul.payments.services import record_payment
from backhaul.subscribers.queries import list_blocks, search_customers
from backhaul.subscribers.services import NewCustomer, add_zone, disable_subscription, suspend_subscription

EVERY = 1_000_000
SUSPENDED_AFTER_DAYS = 10  # past the due day
WALLED = "demo-walled"
SIGN_UPS_OF = 12  # one sign-up for so many customers taken over
NOT_YET_ACTIVE = 7  # every so many-th of them waits for its first activation
# How many days after the bill a customer of that pace pays, at least and at most.
DELAYS = {"prompt": (1, 5), "usual": (5, 10), "late": (11, 24), "in parts": (6, 8), "ahead": (1, 3)}
REST_AFTER_DAYS = 8

# (days after the first billed one, operator, its n-th customer, what happens, why)
EVENTS = (
    (9, "padma", 7, "suspend", "away for two weeks, asked for a pause"),
    (12, "north", 5, "leave", "moved to Chattogram"),
    (14, "padma", 9, "disable", "wants no service until the house is finished"),
    (16, "rival", 3, "disable", "equipment not returned"),
    (19, "riverside", 4, "leave", "changed to another provider"),
    (23, "padma", 7, "restore", "back home"),
    (47, "padma", 12, "leave", "moved to Sylhet"),
    (52, "north", 8, "suspend", "router under repair"),
)


@dataclass(frozen=True)
class Receipt:
    """A payment to come."""

    customer_id: int
    amount_minor: int
    method: str
    hour: int
    key: str


def play(stage: list[Operator], script: Script, progress: Callable[[date], None]) -> None:
    """Every day from the first billed one, or from the last one that was begun, to today."""
    isps = {each.isp.isp_id: each.isp for each in stage}.values()
    recruits = {each.slug: _recruits(each, script) for each in stage}
    with unit_of_work(stage[0].isp):
        begun_on = next((run["on_date"] for run in list_runs(limit=1)), script.opens_on)
    for day in script.days():
        if day < begun_on:
            continue
        for isp in isps:
            bill_isp(isp, on=day, now=script.at(day, 0, 10))
        move_money(stage, day, script)
        for operator in stage:
            _spend_day(operator, day, recruits[operator.slug].get(day, []), script)
        progress(day)


def _spend_day(operator: Operator, day: date, recruits: list[tuple[int, Person]], script: Script) -> None:
    with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
        bills = list_bills(BillFilter(state="open"), today=day, limit=EVERY)
        _suspend_unpaid(operator, bills, day, script)
        for offset, slug, number, what, why in EVENTS:
            if slug == operator.slug and script.opens_on + timedelta(days=offset) == day:
                _let_happen(operator.code(number), what, why, day, script)
        for number, person in recruits:
            _sign_up(operator, number, person, day, script)
    receipts = [receipt for bill in bills if (receipt := _receipt(operator, bill, day))]
    if receipts:
        with unit_of_work(operator.isp, operator.id, user_id=operator.cashier):
            for receipt in sorted(receipts, key=lambda receipt: receipt.hour):
                _record(receipt, day, script)
    hand_over(operator, day, script)


# -- paying -------------------------------------------------------------------------------------------------------


def _receipt(operator: Operator, bill: dict[str, Any], day: date) -> Receipt | None:
    """What a customer pays today for an open bill."""
    pace = pace_of(bill["customer_code"], operator.paces)
    dice = Random(f"{bill['customer_code']} {bill['number']}")
    method = pick(dice, METHODS)
    hour = dice.randint(9, 20)
    if pace == "never":
        return None
    pays_on = bill["issued_on"] + timedelta(days=dice.randint(*DELAYS[pace]))
    amount = bill["due_minor"]
    untouched = amount == bill["total_minor"]
    if pace == "in parts" and untouched:
        amount = amount // 2 // 100 * 100
    elif pace == "in parts":
        pays_on += timedelta(days=REST_AFTER_DAYS)
    elif pace == "ahead" and bill["kind"] == "period":
        amount += bill["total_minor"]
    if day < pays_on or amount <= 0:
        return None
    return Receipt(bill["customer_id"], amount, method, hour, f"demo-{bill['id']}-{'first' if untouched else 'rest'}")


def _record(receipt: Receipt, day: date, script: Script) -> None:
    reference = f"TrxID {receipt.key.upper().replace('-', '')}" if receipt.method == "mobile_wallet" else ""
    record_payment(
        customer_id=receipt.customer_id,
        amount_minor=receipt.amount_minor,
        method=receipt.method,
        received_on=day,
        now=script.at(day, receipt.hour),
        request_key=receipt.key,
        reference=reference,
    )


# -- status -------------------------------------------------------------------------------------------------------


def _suspend_unpaid(operator: Operator, bills: list[dict[str, Any]], day: date, script: Script) -> None:
    """Who has not paid ten days after the due day is stopped until the money comes."""
    late = {bill["subscription_id"] for bill in bills if bill["due_on"] + timedelta(days=SUSPENDED_AFTER_DAYS) == day}
    if not late:
        return
    for customer in list_customers(CustomerFilter(status="active"), limit=EVERY):
        if customer["subscription_id"] in late:
            suspend_subscription(
                subscription_id=customer["subscription_id"],
                why=f"not paid {SUSPENDED_AFTER_DAYS} days after the due day",
                on=day,
                at=script.at(day, 12),
                until_paid=True,
            )


def wall_in(operator: Operator, script: Script) -> None:
    """See to it that the customer who never pays is suspended at the end of the story, however short it was."""
    with unit_of_work(operator.isp, operator.id, user_id=operator.owner):
        customer = next(row for row in search_customers(WALLED) if row["username"] == WALLED)
        if customer["status"] == "active":
            suspend_subscription(
                subscription_id=customer["subscription_id"],
                why="not paid",
                on=script.today,
                at=script.now,
                until_paid=True,
            )


def _let_happen(code: str, what: str, why: str, day: date, script: Script) -> None:
    customer = next((row for row in search_customers(code) if row["code"] == code), None)
    if customer is None or any(block["from_on"] == day for block in list_blocks(customer["subscription_id"])):
        return
    service = {"subscription_id": customer["subscription_id"], "on": day}
    at = script.at(day, 14)
    with contextlib.suppress(Refusal):  # a customer who is off already is left as he is
        if what == "suspend":
            suspend_subscription(**service, why=why, at=at)
        elif what == "disable":
            disable_subscription(**service, why=why, at=at)
        elif what == "restore":
            bring_back(**service, reason="by_hand", now=at, hold=True)
        else:
            disconnect_customer(**service, why=why, now=at)


# -- newcomers ----------------------------------------------------------------------------------------------------


def _recruits(operator: Operator, script: Script) -> dict[date, list[tuple[int, Person]]]:
    """Who signs up on which day."""
    days = list(script.days())
    place = operator.role.place(operator.plans, newcomers=True)
    found: dict[date, list[tuple[int, Person]]] = {}
    for number, person in enumerate(invent(place, operator.size(script) // SIGN_UPS_OF, script.cutover_on), start=1):
        day = Random(f"sign-up {operator.slug} {number}").choice(days)
        found.setdefault(day, []).append((number, person))
    return found


def _sign_up(operator: Operator, number: int, person: Person, day: date, script: Script) -> None:
    packages = {row["name"]: (row["operator_id"], row["id"]) for row in list_packages_offered(day)}
    profiles = {row["name"]: (row["operator_id"], row["id"]) for row in list_billing_profiles_offered()}
    cells = person.cells
    customer = NewCustomer(
        name=cells["name"],
        username=cells["username"],
        password=cells["password"],
        joined_on=day,
        package=packages[cells["package"]],
        profile=profiles[cells["billing_profile"]],
        mobile=cells["mobile"],
        zone_id=add_zone(name=cells["zone"]),
        address=cells["address"],
    )
    with contextlib.suppress(Refusal):  # a fund that runs short takes on nobody
        sign_up_customer(
            customer=customer,
            on=day,
            now=script.at(day, 16),
            activate=number % NOT_YET_ACTIVE != 0,
            request_key=f"demo-{number}",
        )
