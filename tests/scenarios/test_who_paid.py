"""Who has paid is served first, and is not cut (SPEC 2.3, 2.5)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from backhaul.billing.cuts import cut_isp
from backhaul.catalog.services import ProfileRules, add_billing_profile
from backhaul.operators.functions import rows
from backhaul.payments.services import receive_payment
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over
from tests.scenarios.test_steps import charges, nights, own_edge, sell_terms

DEC_1 = date(2026, 12, 1)


@pytest.fixture(autouse=True)
def _proved(cast: Cast) -> Iterator[None]:
    yield
    assert_proved()


def pays_first(cast: Cast) -> AddedCustomer:
    """A customer of Riverside that is paid for until 1 November."""
    rules = ProfileRules(billing_type="daily", cycle="validity", validity_days=30, access="pay_first")
    with acting(cast.padma):
        profile = add_billing_profile(name="Thirty days", rules=rules, handed_down=True)
    return taken_over(cast, cast.riverside, profile=(cast.padma.isp_id, profile))


def off(cast: Cast) -> list[Any]:
    with acting(cast.padma, cast.riverside):
        return [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL ORDER BY reason")]


def held(cast: Cast) -> list[int]:
    with acting(cast.padma, cast.riverside):
        return [row["subscription_id"] for row in rows("SELECT subscription_id FROM held_bill ORDER BY 1")]


@pytest.mark.parametrize("alone", [False, True])
def test_who_pays_first_on_the_last_day_before_the_cut_goes_on_without_one(cast: Cast, alone: bool) -> None:
    """Invoice, charge and payment are one event, also while the service is still on (SPEC 2.5)."""
    fill_funds(cast)
    customer = pays_first(cast)
    night(cast, NOV_1, cuts=False)
    if alone:
        receipt = receive_payment(
            cast.padma, cast.riverside, customer_id=customer.customer_id, amount_minor=600_00, method="cash",
            received_on=NOV_1, now=noon(NOV_1), request_key=request_key(),
        )  # fmt: skip
    else:
        receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1)
    cut_isp(cast.padma, on=NOV_1, now=noon(NOV_1))
    assert (receipt.service, off(cast)) == ("back", [])
    assert [(bill["starts_on"], bill["ends_on"]) for bill in invoices(cast, cast.riverside)] == [(NOV_1, DEC_1)]
    assert len(charges(cast, cast.riverside)) == len(charges(cast, cast.north)) == 1


def test_who_paid_in_time_stays_on_while_its_renewal_is_held(cast: Cast) -> None:
    """SPEC 2.3: a held renewal stays online for short_days; a recharge in time lets the period keep its start."""
    fill_funds(cast, riverside=1_00)
    customer = pays_first(cast)
    night(cast, NOV_1, cuts=False)
    assert pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1).service == "pending"
    cut_isp(cast.padma, on=NOV_1, now=noon(NOV_1))
    assert off(cast) == []
    second = date(2026, 11, 2)
    night(cast, second, cuts=False)
    cut_isp(cast.padma, on=second, now=noon(second))
    assert off(cast) == ["fund_short"]


def test_a_term_that_is_paid_comes_before_bills_that_are_not(cast: Cast) -> None:
    """Three months were paid in October; in November the fund covers one of two: the one that has paid (SPEC 2.3)."""
    fill_funds(cast, riverside=900_00)
    unpaid = taken_over(cast, cast.riverside, NOV_1)
    paid = taken_over(cast, cast.riverside, date(2026, 10, 1), package=sell_terms(cast, 3, 1_650_00))
    night(cast, date(2026, 10, 1))
    pay(cast, cast.riverside, paid.customer_id, 1_650_00, date(2026, 10, 2))
    assert unpaid.subscription_id < paid.subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        assert [row["subscription_id"] for row in rows("SELECT subscription_id FROM held_bill")] == [
            unpaid.subscription_id
        ]


def test_a_day_that_is_paid_comes_before_one_that_is_not(cast: Cast) -> None:
    """Days of a daily edge, 15.00 each, and enough for one: the one whose bill is paid."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast, riverside=75_00)
    first, second = (taken_over(cast, cast.riverside) for _ in range(2))
    night(cast, NOV_1)
    pay(cast, cast.riverside, second.customer_id, 600_00, NOV_1)
    nights(cast, date(2026, 11, 2), date(2026, 11, 3))
    with acting(cast.padma, cast.riverside):
        assert [row["subscription_id"] for row in rows("SELECT subscription_id FROM held_bill")] == [
            first.subscription_id
        ]


def test_a_renewal_waits_from_the_night_that_came_for_it_not_from_the_one_before(cast: Cast) -> None:
    """November waited since the 1st and is paid for on 2 December; December is short then, and has its short_days."""
    fill_funds(cast, riverside=1_00)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1, cuts=False)
    fill_funds(cast, north=0, riverside=450_00, on=NOV_1)
    second = date(2026, 12, 2)
    assert (night(cast, second).created, off(cast)) == (1, [])
    night(cast, date(2026, 12, 3))
    assert off(cast) == ["fund_short"]
    assert_proved()


def test_a_retry_charges_every_day_until_today_not_only_the_one_that_was_held(cast: Cast) -> None:
    """Held on the 1st and online since, paid for on the 3rd: the 1st to the 3rd at 15.00, before another night."""
    own_edge(cast, charge_timing="daily", short_days=5)
    fill_funds(cast, riverside=1_00)
    taken_over(cast, cast.riverside)
    third = date(2026, 11, 3)
    for day in (NOV_1, date(2026, 11, 2), third):
        night(cast, day, cuts=False)
    fill_funds(cast, north=0, riverside=1_000_00, on=third)
    night(cast, third, only_held=True, top_id=cast.north, cuts=False)
    assert [row[0].day for row in charges(cast, cast.riverside)] == [1, 2, 3]
    assert held(cast) == []
