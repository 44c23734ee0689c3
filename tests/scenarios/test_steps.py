"""A service's billing step by step: bills, cycles and days, each edge in its own timing (SPEC 2.2, 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.services import bring_back
from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package, set_tariff_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import set_edge_terms
from backhaul.operators.functions import rows
from backhaul.subscribers.services import AddedCustomer, suspend_subscription
from tests.builders import acting
from tests.cast import Cast, fill_funds
from tests.scenarios.days import as_owner
from tests.scenarios.money import assert_proved, balance, fund, night, noon, trial_balance
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over

DEC_1, JAN_1, FEB_1 = date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)


@pytest.fixture(autouse=True)
def _proved(cast: Cast) -> Iterator[None]:
    yield
    assert_proved()


def on_profile(cast: Cast, operator_id: int, **rules: Any) -> AddedCustomer:
    """A customer taken over on a profile of its own."""
    isp = cast.padma.isp_id
    with acting(cast.padma):
        profile = add_billing_profile(name="A profile of its own", rules=ProfileRules(**rules), handed_down=True)
    return taken_over(cast, operator_id, profile=(isp, profile))


def charges(cast: Cast, child_id: int) -> list[tuple[Any, ...]]:
    """The charges of an edge: starts, ends, price, net."""
    with acting(cast.padma, child_id):
        found = rows(
            "SELECT starts_on, ends_on, price_minor, net_minor FROM charge "
            "WHERE child_id = %s ORDER BY starts_on, part",
            [child_id],
        )
    return [tuple(row.values()) for row in found]


def own_edge(cast: Cast, **terms: Any) -> None:
    """Change terms of the edge North → Riverside as its owner of the data would, by column."""
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, **terms)


def nights(cast: Cast, first: date, last: date) -> None:
    for n in range((last - first).days + 1):
        night(cast, first + timedelta(days=n))


def sell_terms(cast: Cast, months: int, price_minor: int) -> tuple[int, int]:
    """A package of Padma over Home 10 for a term."""
    isp = cast.padma.isp_id
    with acting(cast.padma):
        package = add_package(
            name=f"Home 10, {months} months",
            plan_operator_id=isp,
            plan_id=cast.plans["Home 10"],
            price_minor=price_minor,
            term_months=months,
            handed_down=True,
        )
    return isp, package


def test_a_long_term_is_billed_once_and_charged_cycle_by_cycle_at_the_tariff_then_in_force(cast: Cast) -> None:
    """SPEC 2.2: three months for 1,650.00; North asks Riverside 450.00 in November, 500.00 from December on."""
    fill_funds(cast)
    package = sell_terms(cast, 3, 1_650_00)
    taken_over(cast, cast.riverside, package=package)
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], starts_on=DEC_1,
            price_minor=500_00, today=date(2026, 11, 20),
        )  # fmt: skip
    for month in (NOV_1, DEC_1, JAN_1):
        night(cast, month)
    bills = invoices(cast, cast.riverside)
    assert [(bill["starts_on"], bill["ends_on"], bill["total_minor"]) for bill in bills] == [(NOV_1, FEB_1, 1_650_00)]
    assert charges(cast, cast.riverside) == [
        (NOV_1, DEC_1, 450_00, 450_00),
        (DEC_1, JAN_1, 500_00, 500_00),
        (JAN_1, FEB_1, 500_00, 500_00),
    ]
    assert night(cast, FEB_1).created == 1


def test_an_edge_may_charge_the_whole_term_at_its_start(cast: Cast) -> None:
    """SPEC 2.2 charge_whole_term: Riverside is charged 3 × 450.00 on 1 November, North month by month."""
    fill_funds(cast)
    own_edge(cast, charge_whole_term=True)
    taken_over(cast, cast.riverside, package=sell_terms(cast, 3, 1_650_00))
    for month in (NOV_1, DEC_1, JAN_1):
        night(cast, month)
    assert charges(cast, cast.riverside) == [(NOV_1, FEB_1, 1_350_00, 1_350_00)]
    assert [row[3] for row in charges(cast, cast.north)] == [400_00, 400_00, 400_00]


def test_a_term_joined_inside_a_month_is_prorated_over_its_real_days(cast: Cast) -> None:
    """From 12 November of a term 1 Nov to 1 Feb, 92 days: A(92) − A(11) of 1,650.00 = 1,650.00 − 197.28 = 1,452.72."""
    fill_funds(cast)
    taken_over(cast, cast.riverside, date(2026, 11, 12), package=sell_terms(cast, 3, 1_650_00))
    night(cast, date(2026, 11, 12))
    (bill,) = invoices(cast, cast.riverside)
    assert (bill["ends_on"], bill["net_minor"], bill["from_day"], bill["cycle_days"]) == (FEB_1, 1_452_72, 11, 92)
    # the edge: 19 of 30 days of 450.00
    assert charges(cast, cast.riverside) == [(date(2026, 11, 12), DEC_1, 450_00, 285_00)]


def test_a_cycle_inside_a_term_that_cannot_be_paid_is_held_and_starts_again_on_its_return(cast: Cast) -> None:
    """Riverside has 450.00: November goes, December is held, cut on the 2nd; 25 days are charged from the 7th."""
    fill_funds(cast, riverside=450_00)
    taken_over(cast, cast.riverside, package=sell_terms(cast, 3, 1_650_00))
    nights(cast, NOV_1, date(2026, 12, 3))
    with acting(cast.padma, cast.riverside):
        assert [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL")] == ["fund_short"]
    fill_funds(cast, north=0, riverside=1_000_00, on=date(2026, 12, 7))
    night(cast, date(2026, 12, 7))
    # A(31) − A(6) of 450.00 over 31 days = 450.00 − 87.10
    assert charges(cast, cast.riverside)[1] == (date(2026, 12, 7), JAN_1, 450_00, 362_90)
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT reason FROM block WHERE to_at IS NULL") == []


def test_a_daily_edge_is_charged_day_by_day_and_the_days_make_the_whole_price(cast: Cast) -> None:
    """SPEC 2.2: North charges Riverside daily, Padma charges North upfront; 30 days of 450.00 are 450.00."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    nights(cast, NOV_1, date(2026, 11, 30))
    days = charges(cast, cast.riverside)
    assert [(row[0], row[1]) for row in days] == [
        (NOV_1 + timedelta(days=n), NOV_1 + timedelta(days=n + 1)) for n in range(30)
    ]
    assert sum(row[3] for row in days) == 450_00
    assert charges(cast, cast.north) == [(NOV_1, DEC_1, 400_00, 400_00)]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00


def test_a_daily_edge_charges_no_day_on_which_the_service_was_off(cast: Cast) -> None:
    """Stopped by a person on the 9th, back on the 15th: the 10th to the 14th are not charged, 375.00 in all."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    nights(cast, NOV_1, date(2026, 11, 9))
    with acting(cast.padma, cast.riverside):
        suspend_subscription(
            subscription_id=customer.subscription_id, why="away", on=date(2026, 11, 9), at=noon(date(2026, 11, 9))
        )
    nights(cast, date(2026, 11, 10), date(2026, 11, 14))
    with acting(cast.padma, cast.riverside):
        back_on = date(2026, 11, 15)
        bring_back(
            subscription_id=customer.subscription_id, reason="by_hand", on=back_on, now=noon(back_on), hold=False
        )
    nights(cast, date(2026, 11, 15), date(2026, 11, 30))
    days = charges(cast, cast.riverside)
    assert {row[0].day for row in days} == set(range(1, 10)) | set(range(15, 31))
    assert sum(row[3] for row in days) == 375_00


def test_a_daily_fund_never_goes_negative_and_an_unpaid_day_is_not_served(cast: Cast) -> None:
    """15.00 a day and 45.00 there: three days, cut on the fourth, back with a recharge, the days between unbilled."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast, riverside=45_00)
    taken_over(cast, cast.riverside)
    nights(cast, NOV_1, date(2026, 11, 6))
    assert [row[0].day for row in charges(cast, cast.riverside)] == [1, 2, 3]
    with acting(cast.padma, cast.riverside):
        (block,) = rows("SELECT reason, from_on FROM block WHERE to_at IS NULL")
    assert block == {"reason": "fund_short", "from_on": date(2026, 11, 4)}
    fill_funds(cast, north=0, riverside=1_000_00, on=date(2026, 11, 7))
    nights(cast, date(2026, 11, 7), date(2026, 11, 8))
    assert [row[0].day for row in charges(cast, cast.riverside)] == [1, 2, 3, 7, 8]


def test_missed_nights_of_a_daily_edge_are_charged_each_at_its_own_day(cast: Cast) -> None:
    own_edge(cast, charge_timing="daily")
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    night(cast, date(2026, 11, 5))
    assert [row[0].day for row in charges(cast, cast.riverside)] == [1, 2, 3, 4, 5]
    assert night(cast, date(2026, 11, 5)).created == 0


def test_an_edge_that_is_not_started_is_charged_nothing_and_those_above_as_ever(
    cast: Cast, db: EmbeddedPostgres
) -> None:
    """SPEC 2.4: a zero-price row on that edge only."""
    fill_funds(cast)
    as_owner(db, "UPDATE fund SET started_on = NULL WHERE child_id = %s", cast.riverside)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    assert charges(cast, cast.riverside) == [(NOV_1, DEC_1, 0, 0)]
    assert charges(cast, cast.north) == [(NOV_1, DEC_1, 400_00, 400_00)]


def test_a_free_customer_is_charged_on_every_edge_and_costs_its_operator(cast: Cast) -> None:
    """SPEC §3: Dr complimentary service · Cr fund; a nil invoice claims the period, once."""
    fill_funds(cast)
    on_profile(cast, cast.riverside, billing_type="free")
    night(cast, NOV_1)
    night(cast, NOV_1)
    assert [(bill["total_minor"], bill["ends_on"]) for bill in invoices(cast, cast.riverside)] == [(0, DEC_1)]
    assert trial_balance(cast, cast.riverside) == {
        "complimentary_service": 450_00, "fund": 299_550_00, "paid_to_provider": -300_000_00,
    }  # fmt: skip
    assert balance(cast, cast.north, "wholesale_cost") == 400_00


def test_who_pays_first_gets_a_period_with_the_payment_and_none_without(cast: Cast) -> None:
    """SPEC 2.5, oracle 2: the last day is 30 November; renewed on 5 December for 30 days it is usable to 3 January."""
    fill_funds(cast)
    customer = on_profile(
        cast,
        cast.riverside,
        billing_type="daily",
        cycle="validity",
        validity_days=30,
        access="pay_first",
        on_suspend="reject",
    )
    pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1)
    night(cast, NOV_1)
    assert [(bill["starts_on"], bill["ends_on"]) for bill in invoices(cast, cast.riverside)] == [(NOV_1, DEC_1)]
    nights(cast, date(2026, 11, 30), date(2026, 12, 2))
    with acting(cast.padma, cast.riverside):
        (block,) = rows("SELECT reason, from_on FROM block WHERE to_at IS NULL")
    assert block == {"reason": "expired", "from_on": DEC_1}
    receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 12, 5))
    assert receipt.service == "back"
    second = invoices(cast, cast.riverside)[1]
    assert (second["starts_on"], second["ends_on"] - timedelta(days=1)) == (date(2026, 12, 5), date(2027, 1, 3))
    assert [(row[0], row[1]) for row in charges(cast, cast.riverside)][1] == (date(2026, 12, 5), date(2027, 1, 4))
    assert len(charges(cast, cast.north)) == 2


def test_who_pays_first_too_little_stays_off_and_the_money_is_kept(cast: Cast) -> None:
    fill_funds(cast)
    customer = on_profile(
        cast, cast.riverside, billing_type="daily", cycle="validity", validity_days=30, access="pay_first"
    )
    night(cast, NOV_1)
    receipt = pay(cast, cast.riverside, customer.customer_id, 599_99, date(2026, 11, 3))
    assert (receipt.service, receipt.surplus_minor) == ("unchanged", 599_99)
    assert invoices(cast, cast.riverside) == [] and charges(cast, cast.riverside) == []
    assert pay(cast, cast.riverside, customer.customer_id, 1, date(2026, 11, 4)).service == "back"
    assert [bill["starts_on"] for bill in invoices(cast, cast.riverside)] == [date(2026, 11, 4)]


def test_an_edge_with_a_validity_of_its_own_charges_by_its_own_days(cast: Cast) -> None:
    """SPEC 2.2: 450.00 for 30 days; the 31 days of December cost A(31) = 465.00."""
    fill_funds(cast)
    with acting(cast.padma, cast.north):
        for validity_days in (20, 30):  # the version set last holds
            set_tariff_price(
                child_id=cast.riverside,
                plan_operator_id=cast.padma.isp_id,
                plan_id=cast.plans["Home 10"],
                starts_on=DEC_1,
                price_minor=450_00,
                today=NOV_1,
                validity_days=validity_days,
            )
    taken_over(cast, cast.riverside, DEC_1)
    night(cast, DEC_1)
    assert charges(cast, cast.riverside) == [(DEC_1, JAN_1, 450_00, 465_00)]
    assert charges(cast, cast.north) == [(DEC_1, JAN_1, 400_00, 400_00)]


def test_an_edge_that_turns_from_daily_to_upfront_charges_what_is_left_of_each_running_cycle(cast: Cast) -> None:
    """Nine days of 450.00 by the day, 135.00; the other 21 at once on the 10th, 315.00; then whole months."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    nights(cast, NOV_1, date(2026, 11, 9))
    own_edge(cast, charge_timing="upfront")
    nights(cast, date(2026, 11, 10), DEC_1)
    *days, rest, december = charges(cast, cast.riverside)
    assert [row[0].day for row in days] == list(range(1, 10))
    assert (rest, december) == (
        (date(2026, 11, 10), DEC_1, 450_00, 315_00),
        (DEC_1, JAN_1, 450_00, 450_00),
    )


def test_an_edge_that_turns_from_upfront_to_daily_charges_days_from_the_next_cycle_on(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    own_edge(cast, charge_timing="daily")
    nights(cast, date(2026, 11, 2), date(2026, 12, 2))
    first, *days = charges(cast, cast.riverside)
    assert first == (NOV_1, DEC_1, 450_00, 450_00)
    assert [(row[0], row[1]) for row in days] == [(DEC_1, date(2026, 12, 2)), (date(2026, 12, 2), date(2026, 12, 3))]


def test_an_edge_that_turns_to_cycles_or_whole_terms_inside_a_term_charges_no_day_twice_or_never(cast: Cast) -> None:
    """Whole term charged: nothing more until its end. By cycles, turned to whole terms: the cycles go on to the end."""
    fill_funds(cast)
    own_edge(cast, charge_whole_term=True)
    package = sell_terms(cast, 3, 1_650_00)
    taken_over(cast, cast.riverside, package=package)
    night(cast, NOV_1)
    own_edge(cast, charge_whole_term=False)
    taken_over(cast, cast.riverside, DEC_1, package=package)
    night(cast, DEC_1)
    own_edge(cast, charge_whole_term=True)
    night(cast, JAN_1)
    assert charges(cast, cast.riverside) == [
        (NOV_1, FEB_1, 1_350_00, 1_350_00),
        (DEC_1, JAN_1, 450_00, 450_00),
        (JAN_1, FEB_1, 450_00, 450_00),
    ]


def test_a_period_billed_late_is_charged_from_the_day_the_edge_was_started(cast: Cast, db: EmbeddedPostgres) -> None:
    """A period from the 1st, an edge started on the 11th, a night on the 20th: 20 of 30 days, 300.00."""
    fill_funds(cast)
    as_owner(db, "UPDATE fund SET started_on = '2026-11-11' WHERE child_id = %s", cast.riverside)
    taken_over(cast, cast.riverside)
    night(cast, date(2026, 11, 20))
    started = date(2026, 11, 11)
    assert charges(cast, cast.riverside) == [(NOV_1, started, 0, 0), (started, DEC_1, 450_00, 300_00)]
