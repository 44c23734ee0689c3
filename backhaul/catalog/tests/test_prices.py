"""Prices by day, bands and margins, profiles with all their rules, and when an ISP cuts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from backhaul.billing.margins import (
    list_below_cost,
    list_coming_tariffs,
    list_outside_bands,
    list_turning,
    preview_profile,
)
from backhaul.billing.preview import Reach, measured
from backhaul.billing.services import start_billing
from backhaul.catalog.cuts import (
    HolidayExists,
    add_holiday,
    get_cut_window,
    list_holidays,
    remove_holiday,
    set_cut_window,
)
from backhaul.catalog.guards import PriceOutsideBand, list_price_bands, own_cost, set_price_band
from backhaul.catalog.packages import PriceInThePast, get_package, list_package_prices
from backhaul.catalog.profiles import PRESETS, get_billing_profile, rules_of
from backhaul.catalog.queries import list_packages_offered, list_plans
from backhaul.catalog.services import (
    NameInUse,
    ProfileRules,
    add_billing_profile,
    add_package,
    set_package_price,
    set_tariff_price,
    update_billing_profile,
    update_package,
    withdraw_package,
    withdraw_plan,
)
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators.functions import savepoint
from backhaul.subscribers.prices import list_custom_prices, set_custom_price
from tests.builders import acting, build_customer
from tests.cast import Cast, build_cast

TODAY = date(2026, 2, 10)
LATER = date(2026, 3, 1)
NOW = datetime(2026, 2, 10, 6, tzinfo=UTC)


def plan_of(cast: Cast, name: str = "Home 10") -> tuple[int, int]:
    return (cast.padma.isp_id, cast.plans[name])


def offered(name: str, on: date) -> dict[str, Any]:
    return next(row for row in list_packages_offered(on) if row["name"] == name)


def north_package(cast: Cast, price_minor: int = 600_00, name: str = "Fast", **more: Any) -> int:
    owner, plan = plan_of(cast)
    return add_package(name=name, plan_operator_id=owner, plan_id=plan, price_minor=price_minor, **more)


def new_price(package: int, price_minor: int, starts_on: date = LATER) -> None:
    set_package_price(package_id=package, price_minor=price_minor, starts_on=starts_on, today=TODAY, now=NOW)


def customer_of(cast: Cast, package: int, **fields: Any) -> int:
    added = build_customer(cast, package=(cast.north, package), **fields)
    start_billing(subscription_id=added.subscription_id, billed_until=LATER)
    return added.subscription_id


def test_a_package_has_its_new_price_from_its_day_and_can_be_corrected_before(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        package = north_package(cast)
        for price_minor in (650_00, 640_00):
            new_price(package, price_minor)
        assert [offered("Fast", day)["price_minor"] for day in (TODAY, LATER)] == [600_00, 640_00]
        seen = get_package(package, TODAY)
        assert (seen["price_minor"], seen["next_price_minor"], seen["next_starts_on"]) == (600_00, 640_00, LATER)
        assert len(list_package_prices(package)) == 1
        with pytest.raises(PriceInThePast):
            new_price(package, 1, TODAY)
        with pytest.raises(InvalidInput):
            new_price(package, -1)


def test_a_price_change_says_whom_of_its_own_it_reaches(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        package = north_package(cast)
        for own_price in (None, None, 500_00):
            customer_of(cast, package, custom_price_minor=own_price)
        found = measured(Reach(LATER, package_id=package), lambda: new_price(package, 700_00))
        assert (found.own.services, found.own.first_on, found.own.month_minor) == (2, LATER, 200_00)
    with acting(cast.padma):
        package = cast.packages["Home 10"]
        found = measured(Reach(LATER, package_id=package), lambda: new_price(package, 1))
        assert found.own.services == 0  # those below are not counted


def test_a_package_handed_down_is_sold_below_with_its_price_and_a_withdrawn_one_nowhere(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        package = north_package(cast)
        new_price(package, 650_00)
    with acting(cast.padma, cast.riverside):
        assert "Fast" not in {row["name"] for row in list_packages_offered(LATER)}
    with acting(cast.padma, cast.north):
        update_package(package_id=package, name="Faster", handed_down=True, now=NOW)
    with acting(cast.padma, cast.riverside):
        assert offered("Faster", LATER)["price_minor"] == 650_00
        with pytest.raises(NotFound):
            update_package(package_id=package, name="Mine", handed_down=True, now=NOW)
    with acting(cast.padma, cast.north):
        with pytest.raises(NameInUse):
            add_package(name="Faster", plan_operator_id=plan_of(cast)[0], plan_id=plan_of(cast)[1], price_minor=1)
        withdraw_package(package_id=package, on=TODAY, now=NOW)
    with acting(cast.padma, cast.riverside):
        assert "Faster" not in {row["name"] for row in list_packages_offered(LATER)}


def test_a_withdrawn_plan_is_offered_to_nobody(cast: Cast) -> None:
    with acting(cast.padma):
        withdraw_plan(plan_id=cast.plans["Home 10"], on=TODAY, now=NOW)
    with acting(cast.padma, cast.riverside):
        assert "Home 10" not in {row["name"] for row in [*list_plans(), *list_packages_offered(TODAY)]}


def band(cast: Cast, seat: int | None, floor: int | None, cap: int | None, starts_on: date = TODAY) -> None:
    with acting(cast.padma, seat):
        set_price_band(plan=plan_of(cast), starts_on=starts_on, floor_minor=floor, cap_minor=cap, on=TODAY, now=NOW)


def test_a_price_outside_a_band_is_refused_wherever_it_is_saved_and_names_the_band(cast: Cast) -> None:
    """Padma's cap 700.00, North's floor 500.00: prices below lie between, those of three months too."""
    with acting(cast.padma, cast.north):
        package = north_package(cast)
    band(cast, None, None, 700_00)
    band(cast, cast.north, 500_00, None)
    with acting(cast.padma, cast.riverside):
        service = build_customer(cast).subscription_id
        own: dict[str, Any] = {"subscription_id": service, "starts_on": LATER, "today": TODAY, "now": NOW}
        for wrong, says in (
            (499_99, "at least 500.00 a month, set by North"),
            (700_01, "at most 700.00 a month, set by Padma"),
        ):
            with pytest.raises(PriceOutsideBand, match=says):
                set_custom_price(**own, price_minor=wrong)
            with pytest.raises(PriceOutsideBand), savepoint():
                build_customer(cast, custom_price_minor=wrong, on=TODAY)
        set_custom_price(**own, price_minor=500_00)
        set_custom_price(**own, price_minor=None)
        assert [row["price_minor"] for row in list_custom_prices(service)] == [None]
    with acting(cast.padma, cast.north):
        for wrong in (499_99, 700_01):
            with pytest.raises(PriceOutsideBand):
                new_price(package, wrong)
            with pytest.raises(PriceOutsideBand):
                north_package(cast, wrong, name="Other")
        north_package(cast, 1_500_00, name="Quarter", term_months=3)
        for wrong in (1_499_99, 2_100_01):
            with pytest.raises(PriceOutsideBand):
                north_package(cast, wrong, name="Other", term_months=3)


def test_prices_that_were_outside_before_are_listed_and_a_band_can_be_lifted(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        package = north_package(cast, 450_00)
        customer_of(cast, package, custom_price_minor=440_00)
        customer_of(cast, package, custom_price_minor=520_00)
    band(cast, None, 500_00, 700_00)
    with acting(cast.padma, cast.north):
        assert [row["price_minor"] for row in list_outside_bands(TODAY)] == [450_00, 440_00]
        listed = next(row for row in list_price_bands(TODAY) if row["plan_name"] == "Home 10")
        assert [each.cap_minor for each in listed["above"]] == [700_00]
    band(cast, None, None, None)
    with acting(cast.padma, cast.north):
        assert list_outside_bands(TODAY) == []
    with pytest.raises(InvalidInput):
        band(cast, None, 2, 1)


def test_rivals_and_those_above_are_not_bound_by_a_band(cast: Cast) -> None:
    band(cast, cast.north, 650_00, None)
    with acting(cast.padma):
        north_package(cast, 600_00, name="Padma's")
    with acting(cast.padma, cast.rival):
        build_customer(cast, custom_price_minor=600_00, on=TODAY)


def test_below_cost_counts_the_vat_on_the_own_wholesale_price_and_no_other_edge(db: None) -> None:
    """Riverside pays 450.00 and 22.50 VAT: 472.49 is below cost, 472.50 is not; North's 400.00 does not matter."""
    cast = build_cast(vat_bp=500)
    with acting(cast.padma, cast.riverside):
        assert own_cost(plan_of(cast), TODAY) == 472_50
        for own_price in (472_50, 472_49, None):
            build_customer(cast, custom_price_minor=own_price)
        found = list_below_cost(TODAY)
    assert [(row["price_minor"], row["loss_minor"], row["services"]) for row in found] == [(472_49, 1, 1)]
    with acting(cast.padma):
        assert own_cost(plan_of(cast), TODAY) is None
        assert list_below_cost(TODAY) == []


def test_a_coming_tariff_says_to_the_child_who_turns_negative(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        for own_price in (None, 500_00, 440_00):  # the last one is below cost already
            build_customer(cast, custom_price_minor=own_price)
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside, plan_operator_id=plan_of(cast)[0], plan_id=plan_of(cast)[1], starts_on=LATER,
            price_minor=510_00, today=TODAY,
        )  # fmt: skip
        assert list_coming_tariffs(TODAY) == []  # it is the child's
    with acting(cast.padma, cast.riverside):
        coming = list_coming_tariffs(TODAY)
        assert [(row["old_minor"], row["new_minor"], row["services"], row["turning"]) for row in coming] == [
            (450_00, 510_00, 3, 1)
        ]
        assert [row["price_minor"] for row in list_turning(plan_of(cast), LATER, TODAY)] == [500_00]


def update(profile: int, **changes: Any) -> None:
    update_billing_profile(
        profile_id=profile, name="Mine", rules=ProfileRules(**changes), handed_down=False, on=TODAY, now=NOW
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_a_profile_that_can_be_saved_and_read_back(cast: Cast, preset: str) -> None:
    with acting(cast.padma):
        rules = replace(PRESETS[preset], credit_days_for=("operator", "outage"), late_fee_minor=5)
        assert rules_of(get_billing_profile(add_billing_profile(name=preset, rules=rules))) == rules


@pytest.mark.parametrize(
    ("rules", "field"),
    [
        ({"billing_type": "hourly"}, "billing_type"),
        ({"cycle": "validity"}, "validity_days"),
        ({"billing_type": "daily"}, "cycle"),
        ({"billed": "arrears", "access": "pay_first"}, "billed"),
        ({"grace_days": 91}, "grace_days"),
        ({"round_bill_to_minor": 0}, "round_bill_to_minor"),
        ({"late_fee_minor": -1}, "late_fee_minor"),
        ({"credit_days_for": ("mood",)}, "credit_days_for"),
    ],
)
def test_rules_that_contradict_are_refused_beside_their_field(cast: Cast, rules: dict[str, Any], field: str) -> None:
    with acting(cast.padma), pytest.raises(InvalidInput) as refusal:
        add_billing_profile(name="P", rules=ProfileRules(**rules))
    assert refusal.value.field == field


def test_a_profile_in_use_keeps_its_cycle_also_where_only_those_below_use_it(cast: Cast) -> None:
    with acting(cast.padma):
        own = add_billing_profile(name="Mine", rules=ProfileRules(), handed_down=True)
        update(own, cycle="anniversary")
        update(own)
    with acting(cast.padma, cast.riverside):
        build_customer(cast, profile=(cast.padma.isp_id, cast.profiles["Monthly 1st"]))
    with acting(cast.padma):
        shared = cast.profiles["Monthly 1st"]
        with pytest.raises(InvalidInput):
            update(shared, cycle="anniversary")
        assert preview_profile(shared, auto_suspend=True, grace_days=0, on=TODAY) == {"services": 0, "cut": 0}
    with acting(cast.padma, cast.north), pytest.raises(NotFound):
        update(own, due_days=3)


def test_the_cut_window_is_the_isps_and_read_by_all(cast: Cast) -> None:
    with acting(cast.padma):
        assert get_cut_window() == {"cut_time": time(12), "spared_weekdays": []}
        set_cut_window(cut_time=time(10, 30), spared_weekdays=[5, 6], now=NOW)
        add_holiday(on_date=LATER, name="Victory Day")
        with pytest.raises(HolidayExists):
            add_holiday(on_date=LATER, name="Again")
        with pytest.raises(InvalidInput):
            set_cut_window(cut_time=time(10), spared_weekdays=range(1, 8), now=NOW)
    with acting(cast.padma, cast.riverside):
        assert get_cut_window() == {"cut_time": time(10, 30), "spared_weekdays": [5, 6]}
        assert [row["name"] for row in list_holidays(TODAY)] == ["Victory Day"]
    commands: list[Callable[[], None]] = [
        lambda: set_cut_window(cut_time=time(9), spared_weekdays=[], now=NOW),
        lambda: add_holiday(on_date=TODAY, name="x"),
        lambda: remove_holiday(on_date=LATER),
    ]
    for command in commands:
        with acting(cast.padma, cast.north), pytest.raises(NotAllowed):
            command()
    with acting(cast.padma):
        remove_holiday(on_date=LATER)
        assert list_holidays(TODAY) == []
