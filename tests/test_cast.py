"""The cast stands, quickly, and only its edges are visible from each seat."""

from __future__ import annotations

import time
from datetime import date

import pytest
from django.contrib.auth import authenticate

from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered, list_tariff_prices
from backhaul.common.errors import NotFound
from backhaul.funds.queries import get_own_fund, list_child_funds, list_fund_movements
from backhaul.operators.queries import find_below, list_children
from tests.builders import PASSWORD, acting
from tests.cast import PLANS, Cast, build_cast, fill_funds


def test_the_cast_is_built_in_a_moment(db: object) -> None:
    started = time.perf_counter()
    build_cast()
    assert time.perf_counter() - started < 1.5


def test_each_operator_sells_at_its_own_price_over_the_plans_granted_to_it(cast: Cast) -> None:
    for operator_id, paid in ((None, None), (cast.north, 400_00), (cast.riverside, 450_00)):
        with acting(cast.padma, operator_id):
            offered = {row["name"]: row for row in list_packages_offered(date(2026, 2, 1))}
            assert set(offered) == set(PLANS)
            assert (offered["Home 10"]["price_minor"], offered["Home 10"]["own_price_minor"]) == (600_00, paid)
            assert [row["name"] for row in list_billing_profiles_offered()] == [
                "Daily 30", "Monthly 1st", "Monthly anniversary",
            ]  # fmt: skip
    with acting(cast.meghna):
        assert list_packages_offered(date(2026, 2, 1)) == []


def test_nothing_is_offered_before_the_tariff_starts(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        assert list_packages_offered(date(2025, 12, 31)) == []


def test_funds_are_seen_from_both_ends_of_the_edge_and_from_nowhere_else(cast: Cast) -> None:
    fill_funds(cast)
    with acting(cast.padma):
        assert [(fund["slug"], fund["posted_minor"]) for fund in list_child_funds()] == [
            ("north", 1_500_000_00),
            ("rival", 0),
        ]
        assert get_own_fund() is None
        assert list_fund_movements(cast.riverside) == []
    with acting(cast.padma, cast.riverside):
        own = get_own_fund()
        assert own is not None
        assert own["available_minor"] == 300_000_00
        assert [(row["kind"], row["balance_minor"]) for row in list_fund_movements(cast.riverside)] == [
            ("recharge", 300_000_00)
        ]
    with acting(cast.padma, cast.rival):
        assert list_fund_movements(cast.north) == []


def test_a_parent_sees_its_direct_children_and_finds_all_below(cast: Cast) -> None:
    with acting(cast.padma):
        assert [child["slug"] for child in list_children()] == ["north", "rival"]
        assert find_below("riverside") == cast.riverside
        assert find_below("meghna") is None
    with acting(cast.padma, cast.north):
        assert find_below("rival") is None
        assert {row["price_minor"] for row in list_tariff_prices(cast.riverside, date(2026, 2, 1))} == {
            price[3] for price in PLANS.values()
        }


def test_an_owner_signs_in_at_home_and_has_no_seat_elsewhere(cast: Cast) -> None:
    user = authenticate(None, username="north@padma", password=PASSWORD)
    assert user is not None
    with acting(cast.padma, cast.north, user_id=cast.owners["north"]) as scope:
        assert scope.role == "owner"
    for elsewhere in (None, cast.riverside, cast.rival):
        with pytest.raises(NotFound), acting(cast.padma, elsewhere, user_id=cast.owners["north"]):
            pass
