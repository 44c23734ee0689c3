"""The recharge planner against the run itself: what was planned for a day is what that day's night charges, on its own edge."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.services import sign_up_customer
from backhaul.operators.functions import execute, rows
from backhaul.resellers.planner import (
    find_children_needs,
    find_own_run_out,
    find_risk,
    get_own_plan,
    list_short_children,
    plan_own_charges,
)
from tests.builders import acting, new_customer
from tests.cast import START, Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon

DAY = timedelta(days=1)
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
    """Customers of North and Riverside on several plans, cycles and joining days."""
    isp = cast.padma.isp_id
    days = (date(2026, 1, 1), date(2026, 1, 17), date(2026, 1, 30), date(2026, 1, 31))
    for n, day in enumerate(days):
        for operator_id in (cast.north, cast.riverside):
            for plan in ("Home 10", "Office 100")[: 1 + n % 2]:
                for profile in ("Monthly 1st", "Monthly anniversary"):
                    sign_up(
                        cast, operator_id, day,
                        package=(isp, cast.packages[plan]), profile=(isp, cast.profiles[profile]),
                    )  # fmt: skip


@pytest.fixture
def town(db: object) -> Cast:
    """The cast with 5 % VAT, money and customers, billed until the last day of January."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast, on=START)
    people(cast)
    return cast


def test_what_was_planned_is_what_each_night_charges_on_both_edges(town: Cast) -> None:
    planned = {}
    for child_id in (town.north, town.riverside):
        with acting(town.padma, child_id):
            planned[child_id] = {row["on_date"]: row["sum_minor"] for row in plan_own_charges(today=TODAY)}
    assert all(len(days) >= 4 for days in planned.values())
    for n in range(62):
        day = TODAY + n * DAY
        signed_up_today = {child: charged(town, child, day) for child in planned}
        night(town, day)
        for child, days in planned.items():
            assert charged(town, child, day) - signed_up_today[child] == days.get(day, 0), (day, child)
    assert_proved()
