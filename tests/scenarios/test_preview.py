"""What a change of terms is said to do is what the next runs do (SPEC A29, B31, B51, C5)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from backhaul.billing.discounts import give_discount
from backhaul.billing.preview import Reach, measured
from backhaul.catalog.services import (
    ProfileRules,
    add_billing_profile,
    set_package_price,
    set_tariff_price,
    set_vat,
    update_billing_profile,
)
from backhaul.operators.functions import rows
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import suspend_subscription
from backhaul.web.console.pages import rehearsal
from tests.builders import acting
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import NOV_1, taken_over

OCT_31 = date(2026, 10, 31)
NOV_20 = date(2026, 11, 20)
NOV_10 = date(2026, 11, 10)


def crowd(cast: Cast) -> dict[str, Any]:
    """Own customers of the ISP on several cycles, with an own price, with a discount, in arrears; one of Riverside; and
    of both one who is off."""
    fill_funds(cast, on=OCT_31)
    isp = cast.padma.isp_id
    with acting(cast.padma):
        arrears = add_billing_profile(name="Arrears", rules=ProfileRules(billed="arrears"))
    crowd = {
        "plain": taken_over(cast, isp),
        "own price": taken_over(cast, isp, custom_price_minor=500_00),
        "anniversary": taken_over(
            cast, isp, NOV_10, profile=(isp, cast.profiles["Monthly anniversary"]), joined_on=date(2026, 2, 10)
        ),
        "arrears": taken_over(cast, isp, profile=(isp, arrears)),
        "discount": taken_over(cast, isp),
        "below": taken_over(cast, cast.riverside),
        "off": taken_over(cast, isp),
        "off below": taken_over(cast, cast.riverside),
    }
    with acting(cast.padma):
        service = crowd["discount"].subscription_id
        give_discount(subscription_id=service, part_bp=1_000, from_on=NOV_1, why="a friend", now=noon(OCT_31))
    for name, operator_id in (("off", isp), ("off below", cast.riverside)):
        with acting(cast.padma, operator_id):
            service = crowd[name].subscription_id
            suspend_subscription(subscription_id=service, why="is away", on=OCT_31, at=noon(OCT_31))
    for day in (NOV_1, NOV_10):
        night(cast, day)
    return crowd


def new_price(cast: Cast, crowd: dict[str, Any]) -> tuple[Reach, Callable[[], object]]:
    package = cast.packages["Home 10"]
    return Reach(NOV_20, package_id=package), lambda: set_package_price(
        package_id=package, price_minor=700_00, starts_on=NOV_20, today=NOV_10, now=noon(NOV_10)
    )


def new_vat(cast: Cast, crowd: dict[str, Any]) -> tuple[Reach, Callable[[], object]]:
    return Reach(NOV_20, by_issue=True, children=None), lambda: set_vat(
        starts_on=NOV_20, registered=True, rate_bp=1_500
    )


def new_rules(cast: Cast, crowd: dict[str, Any]) -> tuple[Reach, Callable[[], object]]:
    profile = cast.profiles["Monthly 1st"]
    rules = ProfileRules(cycle="calendar", due_days=9, round_bill_to_minor=70_00)
    return Reach(NOV_10, profile_id=profile), lambda: update_billing_profile(
        profile_id=profile, name="Monthly 1st", rules=rules, handed_down=True, on=NOV_10, now=noon(NOV_10)
    )


def own_price(cast: Cast, crowd: dict[str, Any]) -> tuple[Reach, Callable[[], object]]:
    service = crowd["plain"].subscription_id
    return Reach(NOV_20, service_id=service), lambda: set_custom_price(
        subscription_id=service, price_minor=450_00, starts_on=NOV_20, today=NOV_10, now=noon(NOV_10)
    )


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        (new_price, ["anniversary", "arrears", "discount", "plain"]),
        (new_vat, ["anniversary", "arrears", "discount", "own price", "plain"]),
        (new_rules, ["discount", "own price", "plain"]),
        (own_price, ["plain"]),
    ],
)
def test_the_bills_that_a_change_is_said_to_make_are_those_that_the_nights_make(
    cast: Cast, change: Callable[..., tuple[Reach, Callable[[], object]]], reached: list[str]
) -> None:
    named = crowd(cast)
    with acting(cast.padma):
        reach, do = change(cast, named)
        with rehearsal():
            shown = measured(reach, do)
        assert measured(reach, do).digest == shown.digest
    for day in (date(2026, 12, 1), date(2026, 12, 10), date(2027, 1, 1)):
        night(cast, day)
    customers = {added.customer_id: name for name, added in named.items()}
    assert sorted(customers[row["customer_id"]] for row in shown.customers) == reached
    assert shown.off == (0 if change is own_price else 1)
    with acting(cast.padma):
        for row in shown.customers:
            bill = rows(
                "SELECT total_minor, due_on FROM invoice WHERE customer_id = %s AND kind = 'period' AND starts_on = %s",
                [row["customer_id"], row["starts_on"]],
            )
            assert bill == [{"total_minor": row["new_minor"], "due_on": row["falls_due_on"]}], row
        assert shown.own.month_new_minor != shown.own.month_old_minor
    charged = {edge["child_id"]: edge["change"] for edge in shown.edges}
    assert set(charged) == ({cast.north} if change is new_vat else set())
    assert_proved()


def test_the_charges_that_a_wholesale_price_is_said_to_make_are_those_that_the_night_makes(cast: Cast) -> None:
    crowd(cast)
    dec_1 = date(2026, 12, 1)
    with acting(cast.padma):
        shown = measured(
            Reach(NOV_20, bills=False, children=(cast.north,)),
            lambda: set_tariff_price(
                child_id=cast.north, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"],
                starts_on=NOV_20, price_minor=430_00, today=NOV_10,
            ),
        )  # fmt: skip
    assert (shown.below.services, shown.below.first_on, shown.below.old_minor) == (1, dec_1, 400_00)
    night(cast, dec_1)
    with acting(cast.padma):
        charged = rows("SELECT sum(net_minor + vat_minor)::bigint AS minor FROM charge WHERE charged_on = %s", [dec_1])
    assert charged[0]["minor"] == shown.below.new_minor == 430_00
    with acting(cast.padma, cast.riverside):  # a grandparent's price is nobody's below
        assert measured(Reach(NOV_20, children=None), lambda: None).edges == []
