"""Plans, packages, profiles, tariffs, VAT: who may make them, and what each operator can offer."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.services import sign_up_customer
from backhaul.catalog.queries import (
    get_vat,
    list_billing_profiles_offered,
    list_packages_offered,
    list_plans,
    list_tariff_prices,
    list_vat_versions,
)
from backhaul.catalog.services import (
    NameInUse,
    PriceExists,
    PriceInThePast,
    ProfileRules,
    add_billing_profile,
    add_package,
    add_plan,
    set_tariff_price,
    set_vat,
)
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators.functions import rows
from tests.builders import NOON, acting, build_person, new_customer
from tests.cast import PLANS, START, Cast, build_cast, fill_funds

FEB, TODAY = date(2026, 2, 1), date(2026, 2, 10)


def offered(cast: Cast, seat: int | None, on: date = TODAY) -> dict[str, tuple[int, int]]:
    """What a seat can sell: package name → (owner, retail price)."""
    with acting(cast.padma, seat):
        return {row["name"]: (row["operator_id"], row["price_minor"]) for row in list_packages_offered(on)}


def price(cast: Cast, child: int, plan: str, starts_on: date, price_minor: int) -> None:
    set_tariff_price(
        child_id=child,
        plan_operator_id=cast.padma.isp_id,
        plan_id=cast.plans[plan],
        starts_on=starts_on,
        price_minor=price_minor,
        today=TODAY,
    )


def test_of_two_packages_of_one_name_the_nearest_is_offered(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        home_10: dict[str, Any] = {"plan_operator_id": cast.padma.isp_id, "plan_id": cast.plans["Home 10"]}
        add_package(name="Home 10", **home_10, price_minor=650_00, handed_down=True)
    assert offered(cast, cast.riverside)["Home 10"] == (cast.north, 650_00)
    assert offered(cast, cast.north)["Home 10"] == (cast.north, 650_00)
    assert offered(cast, cast.rival)["Home 10"] == (cast.padma.isp_id, 600_00)


def test_a_package_not_handed_down_is_its_owners_alone_down_to_the_row(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        add_package(name="Own", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], price_minor=1)
        add_billing_profile(name="Own", rules=ProfileRules())
    assert "Own" in offered(cast, cast.north)
    assert "Own" not in offered(cast, cast.riverside)
    with acting(cast.padma, cast.riverside):
        assert "Own" not in {row["name"] for row in list_billing_profiles_offered()}
        for table in ("package", "billing_profile"):
            assert rows(f"SELECT 1 FROM {table} WHERE name = 'Own'") == []


def test_a_plan_is_sold_only_with_a_price_on_every_edge_above(cast: Cast) -> None:
    with acting(cast.padma):
        plan = add_plan(name="Home 200", down_kbps=204_800, up_kbps=204_800)
        add_package(
            name="Home 200", plan_operator_id=cast.padma.isp_id, plan_id=plan, price_minor=3_000_00, handed_down=True
        )
    cast.plans["Home 200"] = plan
    with acting(cast.padma, cast.north):
        price(cast, cast.riverside, "Home 200", TODAY, 2_500_00)
    assert "Home 200" in offered(cast, None)
    assert "Home 200" not in offered(cast, cast.north)
    assert "Home 200" not in offered(cast, cast.riverside)
    with acting(cast.padma):
        price(cast, cast.north, "Home 200", date(2026, 3, 1), 2_000_00)
    assert "Home 200" not in offered(cast, cast.riverside)
    assert "Home 200" in offered(cast, cast.riverside, date(2026, 3, 1))


def test_a_price_change_starts_tomorrow_at_the_earliest_and_leaves_the_past_alone(cast: Cast) -> None:
    for too_early in (date(2026, 1, 15), TODAY):
        with pytest.raises(PriceInThePast), acting(cast.padma):
            price(cast, cast.north, "Home 10", too_early, 500_00)
    with acting(cast.padma):
        price(cast, cast.north, "Home 10", date(2026, 2, 11), 500_00)
        listed = {row["plan_name"]: row for row in list_tariff_prices(cast.north, TODAY)}
        after = {row["plan_name"]: row for row in list_tariff_prices(cast.north, date(2026, 2, 11))}
    assert (listed["Home 10"]["price_minor"], listed["Home 10"]["next_price_minor"]) == (400_00, 500_00)
    assert listed["Home 10"]["next_starts_on"] == date(2026, 2, 11)
    assert (after["Home 10"]["price_minor"], after["Home 10"]["next_price_minor"]) == (500_00, None)


def test_a_tariff_that_has_not_begun_is_replaced_by_another_for_its_day_and_stays_on_record(cast: Cast) -> None:
    day = date(2026, 2, 11)
    with acting(cast.padma):
        for price_minor in (500_00, 510_00, 400_00):  # the last one withdraws the change
            price(cast, cast.north, "Home 10", day, price_minor)
        listed = {row["plan_name"]: row for row in list_tariff_prices(cast.north, TODAY)}
        kept = rows("SELECT price_minor FROM tariff_price WHERE starts_on = %s ORDER BY set_at", [day])
    assert listed["Home 10"]["next_price_minor"] == 400_00
    assert [row["price_minor"] for row in kept] == [500_00, 510_00, 400_00]
    with pytest.raises(PriceInThePast), acting(cast.padma):
        set_tariff_price(
            child_id=cast.north, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], starts_on=day,
            price_minor=1, today=day,
        )  # fmt: skip


def test_a_price_is_set_for_a_direct_child_on_a_plan_of_the_own_chain(cast: Cast) -> None:
    for seat, child in ((None, cast.riverside), (cast.rival, cast.riverside), (cast.riverside, cast.riverside)):
        with pytest.raises(NotFound), acting(cast.padma, seat):
            price(cast, child, "Home 10", date(2026, 3, 1), 1)
    with pytest.raises(NotFound), acting(cast.padma, cast.north):
        foreign = {"plan_operator_id": cast.meghna.isp_id, "plan_id": 1}
        set_tariff_price(child_id=cast.riverside, **foreign, starts_on=TODAY, price_minor=1, today=TODAY)
    with pytest.raises(InvalidInput), acting(cast.padma):
        price(cast, cast.north, "Home 10", date(2026, 3, 1), -1)


def test_a_sub_operator_makes_nothing_of_the_catalogue_and_sees_no_price_but_its_own(cast: Cast) -> None:
    owner = cast.owners["riverside"]
    home: dict[str, Any] = {"plan_operator_id": cast.padma.isp_id, "plan_id": cast.plans["Home 10"]}
    for command in (
        lambda: add_plan(name="P", down_kbps=1, up_kbps=1),
        lambda: add_package(name="P", price_minor=1, **home),
        lambda: add_billing_profile(name="P", rules=ProfileRules()),
        lambda: price(cast, cast.riverside, "Home 10", date(2026, 3, 1), 1),
    ):
        with pytest.raises(NotAllowed), acting(cast.padma, cast.riverside, user_id=owner):
            command()
    with acting(cast.padma, cast.riverside, user_id=owner):
        assert {row["child_id"] for row in rows("SELECT child_id FROM tariff_price")} == {cast.riverside}
        assert len(rows("SELECT 1 FROM tariff_price")) == len(PLANS)


def test_plans_are_the_isps(cast: Cast) -> None:
    with pytest.raises(NotAllowed, match="Plans belong to the ISP"), acting(cast.padma, cast.north):
        add_plan(name="P", down_kbps=1, up_kbps=1)
    with acting(cast.padma, cast.riverside):
        assert [row["name"] for row in list_plans()] == list(PLANS)
    with acting(cast.meghna):
        assert list_plans() == []
    with pytest.raises(NotFound), acting(cast.meghna):
        add_package(name="P", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], price_minor=1)


def test_names_are_used_once_and_figures_make_sense(cast: Cast) -> None:
    with pytest.raises(NameInUse), acting(cast.padma):
        add_plan(name=" Home 10 ", down_kbps=1, up_kbps=1)
    for command in (
        lambda: add_plan(name="", down_kbps=1, up_kbps=1),
        lambda: add_plan(name="Zero", down_kbps=0, up_kbps=1),
        lambda: add_package(
            name="Minus", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], price_minor=-1
        ),
        lambda: add_billing_profile(name="Half", rules=ProfileRules(cycle="validity")),
        lambda: add_billing_profile(name="Half", rules=ProfileRules(validity_days=30)),
        lambda: set_vat(starts_on=TODAY, registered=False, rate_bp=500),
        lambda: set_vat(starts_on=TODAY, registered=True, rate_bp=10_001),
    ):
        with pytest.raises(InvalidInput), acting(cast.padma):
            command()


def test_vat_holds_from_its_day_and_each_sellers_is_its_own(cast: Cast) -> None:
    with acting(cast.padma):
        set_vat(starts_on=START, registered=True, rate_bp=500)
        set_vat(starts_on=date(2026, 7, 1), registered=True, rate_bp=750, reclaims_input=False)
        assert [get_vat(day)["rate_bp"] for day in (date(2025, 12, 31), START, date(2026, 7, 1))] == [0, 500, 750]
    with pytest.raises(PriceExists), acting(cast.padma):
        set_vat(starts_on=START, registered=True, rate_bp=600)
    with acting(cast.padma, cast.north):
        assert get_vat(date(2026, 8, 1))["registered"] is False


def test_a_vat_rate_that_was_announced_wrongly_is_replaced_until_its_day_comes(cast: Cast) -> None:
    ahead = TODAY + timedelta(days=9)
    for rate in (1_500, 750):
        with acting(cast.padma):
            set_vat(starts_on=ahead, registered=True, rate_bp=rate, today=TODAY)
    with acting(cast.padma):
        assert get_vat(ahead)["rate_bp"] == 750
        assert rows("SELECT vat_rate_on(%s, %s) AS bp", [cast.padma.isp_id, ahead]) == [{"bp": 750}]
        listed = [(row["rate_bp"], row["replaced"]) for row in list_vat_versions() if row["starts_on"] == ahead]
        assert listed == [(750, False), (1_500, True)]
    with pytest.raises(PriceExists), acting(cast.padma):
        set_vat(starts_on=ahead, registered=True, rate_bp=600, today=ahead)


def test_input_vat_that_was_booked_is_given_back_as_it_was_booked(db: object) -> None:
    """A setting dated back would have a refund take from input VAT what the charge had put into the cost."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    with acting(cast.padma, cast.riverside):
        set_vat(starts_on=date(2026, 1, 15), registered=True, rate_bp=500, reclaims_input=False)
        sign_up_customer(customer=new_customer(cast), on=FEB, now=NOON)
    for day in (date(2026, 1, 20), FEB):
        with pytest.raises(InvalidInput, match="until 1 Feb 2026"), acting(cast.padma, cast.riverside):
            set_vat(starts_on=day, registered=True, rate_bp=500)
        with acting(cast.padma, cast.riverside):  # its rate may change: every bill keeps its own
            set_vat(starts_on=day, registered=True, rate_bp=750, reclaims_input=False)
    with acting(cast.padma, cast.riverside):
        set_vat(starts_on=date(2026, 2, 2), registered=True, rate_bp=500)
        collector = build_person(cast.riverside, "rana", "collector")
    with pytest.raises(NotAllowed), acting(cast.padma, cast.riverside, user_id=collector):
        set_vat(starts_on=TODAY, registered=True, rate_bp=500)
