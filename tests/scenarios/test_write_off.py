"""All that a customer owes, given up at once (SPEC §3)."""

from __future__ import annotations

from datetime import date

import pytest

from backhaul.billing.adjustments import NothingOpen, WrittenOff, write_off_customer
from backhaul.billing.refunds import disconnect_customer
from backhaul.catalog.services import ProfileRules, add_billing_profile, set_vat
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.operators.functions import rows
from backhaul.subscribers.services import AddedCustomer, add_zone
from tests.builders import acting, build_person
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_extras import bill_of, billed, discount, one_off, write_off
from tests.scenarios.test_oracles import NOV_1, pay, taken_over
from tests.scenarios.test_outage import down, record

DEC_1, DEC_5 = date(2026, 12, 1), date(2026, 12, 5)


def give_up(cast: Cast, customer: AddedCustomer, operator_id: int, key: str, user_id: int | None = None) -> WrittenOff:
    with acting(cast.padma, operator_id, user_id=user_id):
        return write_off_customer(
            customer_id=customer.customer_id, why="gone abroad", on=DEC_5, now=noon(DEC_5), request_key=key
        )


@pytest.fixture
def owing(cast: Cast) -> AddedCustomer:
    """Two months, the first paid in part, beside a neighbour who owes as much."""
    fill_funds(cast)
    customer, _neighbour = taken_over(cast, cast.riverside), taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 100_00, NOV_1)
    night(cast, DEC_1)
    return customer


def test_every_bill_of_the_customer_is_given_up_and_nobody_elses(cast: Cast, owing: AddedCustomer) -> None:
    assert give_up(cast, owing, cast.riverside, "w") == WrittenOff(2, 1_100_00, 0)
    assert balance(cast, cast.riverside, "bad_debt") == 1_100_00
    assert balance(cast, cast.riverside, "receivable_customers") == 1_200_00
    with pytest.raises(NothingOpen):
        give_up(cast, owing, cast.riverside, "again")
    assert_proved()


def test_the_same_form_again_gives_up_nothing_that_came_since(cast: Cast, owing: AddedCustomer) -> None:
    first = give_up(cast, owing, cast.riverside, "w")
    one_off(cast, owing, 50_00)
    assert give_up(cast, owing, cast.riverside, "w") == first
    with acting(cast.padma, cast.riverside):
        open_bills = rows("SELECT 1 FROM invoice_open WHERE customer_id = %s", [owing.customer_id])
    assert len(open_bills) == 1
    assert_proved()


def test_only_who_may_and_only_own_customers(cast: Cast, owing: AddedCustomer) -> None:
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", "collector")
    with pytest.raises(NotAllowed):
        give_up(cast, owing, cast.riverside, "w", collector)
    for other in (cast.north, cast.rival):
        with pytest.raises(NotFound):
            give_up(cast, owing, other, "w")


def leave(cast: Cast, customer: AddedCustomer) -> tuple[int, int]:
    """On the 15th: half of November is unused. The credit, and the part of it that becomes advance."""
    day = date(2026, 11, 15)
    with acting(cast.padma, cast.riverside):
        refund = disconnect_customer(subscription_id=customer.subscription_id, on=day, now=noon(day), why="moved")
    assert_proved()
    return refund.credit_minor, refund.to_advance_minor


def test_days_are_given_back_at_what_the_bill_asked_in_the_end(taxed: Cast) -> None:
    """600.00 + 5 % VAT less 100.00 + 5.00: 525.00 was paid for 30 days, and 262.50 comes back for 15 of them."""
    customer = billed(taxed)
    discount(taxed, bill_of(taxed, customer), 100_00)
    pay(taxed, taxed.riverside, customer.customer_id, 525_00, NOV_1)
    assert leave(taxed, customer) == (262_50, 262_50)


@pytest.mark.parametrize("relief", [False, True])
def test_who_paid_a_part_and_was_forgiven_the_rest_gets_back_of_that_part_only(taxed: Cast, relief: bool) -> None:
    """630.00, of which 210.00 was paid and 420.00 given up: half of what was paid comes back, not half of the bill."""
    with acting(taxed.padma, taxed.riverside):
        set_vat(starts_on=date(2026, 2, 1), registered=True, rate_bp=500, relief_on_bad_debt=relief)
    customer = billed(taxed)
    pay(taxed, taxed.riverside, customer.customer_id, 210_00, NOV_1)
    write_off(taxed, bill_of(taxed, customer))
    assert leave(taxed, customer) == (105_00, 105_00)


def test_an_outage_is_credited_at_what_the_bill_asked_in_the_end(taxed: Cast) -> None:
    """300.00 + 15.00 of 600.00 + 30.00 given up: each of 30 days is worth 10.00 + 0.50."""
    with acting(taxed.padma):
        rules = ProfileRules(credit_days_for=("outage",))
        mild = (taxed.padma.isp_id, add_billing_profile(name="Mild", rules=rules, handed_down=True))
    with acting(taxed.padma, taxed.riverside):
        zone = add_zone(name="Everywhere")
    customer = billed(taxed, profile=mild, zone_id=zone)
    discount(taxed, bill_of(taxed, customer), 300_00)
    pay(taxed, taxed.riverside, customer.customer_id, 315_00, NOV_1)
    hit = record(taxed, taxed.riverside, down(zone_id=zone))
    assert (hit.days, hit.retail_minor, hit.to_advance_minor) == (3, 31_50, 31_50)
    assert_proved()
