"""Random lives of services: what was used and what came back add to what was charged, at every level (SPEC 2.6)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.billing.changes import change_package
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.functions import call, rows
from conftest import clean
from tests.builders import acting
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import invoices, taken_over
from tests.scenarios.test_package_change import add_gold
from tests.scenarios.test_refunds import leave, profile, spent


@pytest.fixture(scope="module")
def taxed(server: EmbeddedPostgres) -> Iterator[Cast]:
    """A cast in which everybody charges VAT of 7.5 %, for the tests that play many lives on it."""
    cast = build_cast(vat_bp=750)
    fill_funds(cast)
    yield cast
    clean(server)


@settings(max_examples=25, deadline=None)
@given(
    price=st.integers(1, 999_99),
    starts=st.integers(1, 30),
    stays=st.integers(0, 29),
    include_vat=st.booleans(),
)
def test_what_was_used_and_what_came_back_add_to_what_was_charged(
    taxed: Cast, price: int, starts: int, stays: int, include_vat: bool
) -> None:
    """Bill + refund = price at every level, by the days: what stays charged is A(k) of the cycle, and its VAT."""
    cast = taxed
    name = f"gross {include_vat}"
    with acting(cast.padma):
        known = rows("SELECT id FROM billing_profile WHERE name = %s", [name])
    chosen = (cast.padma.isp_id, known[0]["id"]) if known else profile(cast, name, prices_include_vat=include_vat)
    first = date(2026, 11, starts)
    before = spent(cast)
    service = taken_over(
        cast, cast.riverside, first, joined_on=first, profile=chosen, custom_price_minor=price
    ).subscription_id
    night(cast, first)
    (bill,) = [one for one in invoices(cast, cast.riverside) if one["subscription_id"] == service]
    last = min(first + timedelta(days=stays), date(2026, 11, 30))
    given = leave(cast, cast.riverside, service, last)
    used = (last - first).days + 1
    for index, wholesale in enumerate((450_00, 400_00)):
        kept = upto(wholesale, starts - 1 + used) - upto(wholesale, starts - 1)
        charged = spent(cast)[index] - before[index]
        assert kept <= charged - vat(kept) + 1 and abs(charged - kept - vat(kept)) <= 1
    kept_bill = bill["total_minor"] - given.credit_minor
    asked = upto(price, starts - 1 + used) - upto(price, starts - 1)
    tolerance = 2
    assert abs(kept_bill - (asked if include_vat else asked + vat(asked))) <= tolerance
    if last == date(2026, 11, 30):
        assert given.credit_minor == 0
    with acting(cast.padma, cast.riverside):
        again = call("refund_unused_days", subscription=service, on=last, now=noon(last), retail=True, preview=False)
    assert (again["back_minor"], again["credit_minor"]) == (0, 0)


@settings(max_examples=20, deadline=None)
@given(old=st.integers(1, 999_99), new=st.integers(1, 999_99), changes=st.integers(1, 30), stays=st.integers(0, 29))
def test_a_life_with_a_change_pays_each_package_for_its_own_days(
    taxed: Cast, gold: tuple[int, int], *, old: int, new: int, changes: int, stays: int
) -> None:
    """The days before the change at the old price, those from it to the last at the new one, on every edge."""
    cast, start = taxed, date(2026, 11, 1)
    before = spent(cast)
    service = taken_over(cast, cast.riverside, start, custom_price_minor=old).subscription_id
    night(cast, start)
    day = start + timedelta(days=changes - 1)
    with acting(cast.padma, cast.riverside):
        change_package(subscription_id=service, package=gold, on=day, now=noon(day), custom_price_minor=new)
    last = min(changes + stays, 30)
    leave(cast, cast.riverside, service, date(2026, 11, last))
    for index, (was, is_now) in enumerate(((450_00, 700_00), (400_00, 600_00))):
        used = upto(was, changes - 1) + upto(is_now, last) - upto(is_now, changes - 1)
        assert abs(spent(cast)[index] - before[index] - used - vat(used)) <= 2
    used = upto(old, changes - 1) + upto(new, last) - upto(new, changes - 1)
    bills = [bill for bill in invoices(cast, cast.riverside) if bill["subscription_id"] == service]
    with acting(cast.padma, cast.riverside):
        notes = rows(
            "SELECT COALESCE(sum(net_minor), 0)::bigint AS net, "
            "COALESCE(sum(net_minor + vat_minor), 0)::bigint AS total "
            "FROM credit_note WHERE invoice_id = ANY (%s)",
            [[bill["id"] for bill in bills]],
        )[0]
    assert sum(bill["net_minor"] for bill in bills) - notes["net"] == used
    assert abs(sum(bill["total_minor"] for bill in bills) - notes["total"] - used - vat(used)) <= 2


@pytest.fixture(scope="module")
def gold(taxed: Cast) -> tuple[int, int]:
    """The package that they change to."""
    return add_gold(taxed)


def upto(price: int, days: int, cycle: int = 30) -> int:
    """A(k) of SPEC 2.5."""
    return (2 * price * days + cycle) // (2 * cycle)


def vat(net: int) -> int:
    return (net * 750 + 5_000) // 10_000


def test_all_those_lives_are_proved(taxed: Cast) -> None:
    assert_proved()
