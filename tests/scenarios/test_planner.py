"""The recharge planner against the run itself: what was planned for a day is what that day's night charges."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.services import sign_up_customer
from backhaul.catalog.packages import add_package
from backhaul.catalog.profiles import ProfileRules, add_billing_profile
from backhaul.catalog.services import set_tariff_price
from backhaul.common import clock
from backhaul.funds.services import recharge_fund, set_edge_terms
from backhaul.funds.statements import ask_for_recharge
from backhaul.operators.functions import execute, rows
from backhaul.resellers.planner import (
    find_children_needs,
    find_own_run_out,
    find_risk,
    get_child_request,
    get_own_plan,
    get_own_request,
    list_short_children,
    plan_own_charges,
)
from backhaul.subscribers.services import suspend_subscription
from tests.builders import acting, new_customer, request_key
from tests.cast import START, Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon

DAY = timedelta(days=1)
NIGHTS = 35
TODAY = date(2026, 1, 31)


def sign_up(cast: Cast, operator_id: int, on: date, **fields: Any) -> int:
    """A customer of that operator, billed from the day."""
    with acting(cast.padma, operator_id):
        person = new_customer(cast, joined_on=on, **fields)
        return sign_up_customer(customer=person, on=on, now=noon(on)).customer_id


def charged(cast: Cast, child_id: int, on: date) -> int:
    """What an edge was charged on a day, out of its charge rows."""
    with acting(cast.padma, child_id):
        found = rows(
            "SELECT COALESCE(sum(net_minor + vat_minor), 0)::bigint AS minor FROM charge "
            "WHERE child_id = %s AND charged_on = %s",
            [child_id, on],
        )
    return int(found[0]["minor"])


def people(cast: Cast) -> None:
    """Customers of North and Riverside on several plans, cycles, terms, billing types and joining days."""
    isp = cast.padma.isp_id
    with acting(cast.padma):
        profiles = {
            "arrears": ProfileRules(billed="arrears"),
            "free": ProfileRules(billing_type="free"),
            "by the 31st": ProfileRules(cycle="custom_day", cycle_day=31),
            "16 days": ProfileRules(billing_type="daily", cycle="validity", validity_days=16),
        }
        for name, rules in profiles.items():
            cast.profiles[name] = add_billing_profile(name=name, rules=rules, handed_down=True)
        cast.packages["Home 10, a quarter"] = add_package(
            name="Home 10, a quarter", plan_operator_id=isp, plan_id=cast.plans["Home 10"], price_minor=1_700_00,
            term_months=3, handed_down=True,
        )  # fmt: skip
    days = (date(2026, 1, 1), date(2026, 1, 17), date(2026, 1, 30), date(2026, 1, 31))
    for n, day in enumerate(days):
        for operator_id in (cast.north, cast.riverside):
            for package in ("Home 10", "Office 100", "Home 10, a quarter")[n % 2 :]:
                for profile in ("Monthly 1st", "Monthly anniversary", *list(profiles)[n % 3 :]):
                    sign_up(
                        cast, operator_id, day,
                        package=(isp, cast.packages[package]), profile=(isp, cast.profiles[profile]),
                    )  # fmt: skip


def set_terms(cast: Cast, *, north: dict[str, Any], riverside: dict[str, Any]) -> None:
    """The terms of both edges, set by the parent of each."""
    for parent_id, child_id, terms in (
        (cast.padma.isp_id, cast.north, north),
        (cast.north, cast.riverside, riverside),
    ):
        with acting(cast.padma, parent_id):
            set_edge_terms(child_id=child_id, **terms)


def raise_prices(cast: Cast, on: date) -> None:
    """Both edges sell Home 10 dearer from a day on."""
    for parent_id, child_id in ((cast.padma.isp_id, cast.north), (cast.north, cast.riverside)):
        with acting(cast.padma, parent_id):
            set_tariff_price(
                child_id=child_id, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], starts_on=on,
                price_minor=513_13, today=TODAY,
            )  # fmt: skip


UPFRONT, DAILY, WHOLE_TERM = {"charge_timing": "upfront"}, {"charge_timing": "daily"}, {"charge_whole_term": True}


@pytest.mark.parametrize(
    ("north", "riverside"), [(UPFRONT, UPFRONT), (UPFRONT, DAILY), (DAILY, WHOLE_TERM), (WHOLE_TERM, DAILY)]
)
def test_what_was_planned_is_what_each_night_charges_on_both_edges(
    db: object, north: dict[str, Any], riverside: dict[str, Any]
) -> None:
    """35 nights, VAT 5 %, a new tariff on 10 February, the edges charging in every way."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast, on=START)
    set_terms(cast, north=north, riverside=riverside)
    people(cast)
    raise_prices(cast, date(2026, 2, 10))
    night(cast, TODAY)
    planned = {}
    for child_id in (cast.north, cast.riverside):
        with acting(cast.padma, child_id):
            planned[child_id] = {row["on_date"]: row["sum_minor"] for row in plan_own_charges(today=TODAY + DAY)}
    assert all(len(days) >= 8 for days in planned.values())
    for n in range(NIGHTS):
        day = TODAY + (n + 1) * DAY
        night(cast, day)
        for child, days in planned.items():
            assert charged(cast, child, day) == days.get(day, 0), (day, child)
    assert_proved()


@pytest.fixture
def poor(db: object) -> Cast:
    """No VAT. Riverside has 1,100.00 left on 31 January and four customers of its own, its North three.

    By hand, Riverside's plan: 450.00 on 1 February for A, on 2 February for B, on 5 February for C and for D: it runs
    out on 5 February, when 1,800.00 are needed and 1,100.00 are there.
    """
    cast = build_cast()
    joined = {"A": date(2026, 1, 1), "B": date(2026, 1, 2), "C": date(2026, 1, 5), "D": date(2026, 1, 5)}
    fill_funds(cast, on=START, riverside=4 * 450_00 + 1_100_00)
    anniversary = (cast.padma.isp_id, cast.profiles["Monthly anniversary"])
    for name, day in joined.items():
        sign_up(cast, cast.riverside, day, name=name, profile=anniversary)
    sign_up(cast, cast.north, date(2026, 1, 5), name="E", profile=anniversary)
    return cast


def test_when_the_fund_runs_out_and_who_is_at_risk_by_hand(poor: Cast) -> None:
    cast = poor
    today = date(2026, 2, 1)
    with acting(cast.padma, cast.riverside):
        plan = get_own_plan(today=today)
        assert plan is not None
        assert (plan.available_minor, plan.runs_out_on) == (1_100_00, date(2026, 2, 5)) and plan.needs == {
            1: 450_00, 3: 900_00, 7: 1_800_00,
        }  # fmt: skip
        assert [plan.missing_minor(days) for days in (1, 3, 7)] == [0, 0, 700_00]
        assert [(day["on_date"].day, day["services"], day["left_minor"]) for day in plan.days[:3]] == [
            (1, 1, 650_00), (2, 1, 200_00), (5, 2, -700_00),
        ]  # fmt: skip
        risk = find_risk(today=today, plan=plan, days=7)
        assert (risk.own, risk.below, [row["name"] for row in risk.people]) == (2, 0, ["C", "D"])
        assert find_risk(today=today, plan=plan, days=3).own == 0
        assert find_own_run_out(today=today) == date(2026, 2, 5)
    with acting(cast.padma, cast.north):
        assert find_children_needs(today=today)[cast.riverside]["runs_out_on"] == date(2026, 2, 5)
        (row,) = list_short_children(today=today)
        assert (row["child_id"], row["missing"]) == (cast.riverside, {1: 0, 3: 0, 7: 700_00})
        own = get_own_plan(today=today)
        assert own is not None and own.runs_out_on is None and own.needs[7] == 5 * 400_00
        assert find_risk(today=today, plan=own, days=7).people == []


def test_held_bills_wait_on_the_first_day_and_a_stopped_service_needs_nothing(poor: Cast) -> None:
    cast = poor
    for day in range(1, 6):
        night(cast, date(2026, 2, day))  # 5 February: C and D are held
    today = date(2026, 2, 6)
    with acting(cast.padma, cast.riverside):
        first = plan_own_charges(today=today, days=1)[0]
        assert (first["waiting"], first["waiting_minor"], first["services"]) == (2, 900_00, 2)
        held = rows("SELECT subscription_id FROM held_bill ORDER BY subscription_id")[0]["subscription_id"]
        suspend_subscription(subscription_id=held, why="asked for it", on=today, at=noon(today))
        assert plan_own_charges(today=today, days=1)[0]["waiting"] == 1
    night(cast, today)  # cut for want of funds: it begins anew when money comes in
    with acting(cast.padma, cast.riverside):
        later = plan_own_charges(today=date(2026, 2, 9), days=1)[0]
        assert (later["services"], later["sum_minor"]) == (1, prorated(450_00, 4, 28))


def prorated(price: int, off: int, days: int) -> int:
    """A cycle's price less its first days, by the rule of the specification."""
    return price - (2 * price * off + days) // (2 * days)


def test_a_request_stands_until_money_comes_in_and_only_the_parent_sees_it(poor: Cast) -> None:
    cast = poor
    today = date(2026, 2, 1)
    with acting(cast.padma, cast.riverside):
        for key in ("first", "first", "second"):
            amount = 100_00 if key == "first" else 700_00
            ask_for_recharge(amount_minor=amount, note="7 days", now=clock.now(), request_key=key)
        asked = get_own_request()
        assert asked is not None and asked["amount_minor"] == 700_00
    for operator_id in (cast.padma.isp_id, cast.rival):
        with acting(cast.padma, operator_id):
            assert get_child_request(cast.riverside) is None
    with acting(cast.padma, cast.north):
        assert [row["asked_minor"] for row in list_short_children(today=today)] == [700_00]
        recharge_fund(
            child_id=cast.riverside,
            kind="recharge",
            amount_minor=700_00,
            on=today,
            paid="cash",
            request_key=request_key(),
        )
        assert get_child_request(cast.riverside) is None
        assert list_short_children(today=today) == []
    with acting(cast.padma, cast.riverside):
        assert find_own_run_out(today=today) == date(2026, 3, 1)


def test_an_edge_that_has_not_started_needs_nothing_and_the_isp_has_no_plan(poor: Cast) -> None:
    cast = poor
    with acting(cast.padma):
        assert get_own_plan(today=TODAY) is None and plan_own_charges(today=TODAY) == []
    with acting(cast.padma, cast.rival):
        plan = get_own_plan(today=TODAY)
        assert plan is not None and (plan.days, plan.runs_out_on) == ([], None)


def test_of_several_prices_announced_for_one_day_the_last_is_planned(db: object) -> None:
    cast = build_cast()
    fill_funds(cast)
    sign_up(cast, cast.riverside, START)
    for price in (480_00, 455_00, 470_00):
        with acting(cast.padma, cast.north):
            set_tariff_price(
                child_id=cast.riverside,
                plan_operator_id=cast.padma.isp_id,
                plan_id=cast.plans["Home 10"],
                starts_on=date(2026, 2, 1),
                price_minor=price,
                today=START,
            )
    with acting(cast.padma, cast.riverside):
        for scan in ("indexscan", "indexonlyscan", "bitmapscan"):  # whose order might happen to be the right one
            execute(f"SET LOCAL enable_{scan} = off")
        planned = plan_own_charges(today=TODAY, days=3)
    assert [day["net_minor"] for day in planned] == [470_00]
