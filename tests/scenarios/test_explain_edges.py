"""Explain this amount on edges: refunds with their policies, days, movements; and who may read what."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.billing.adjustments import discount_bill
from backhaul.billing.days import next_price_on
from backhaul.billing.discounts import give_discount
from backhaul.billing.explain import explain_bill, explain_credit_note
from backhaul.billing.explain_edges import explain_charge
from backhaul.billing.explain_movements import explain_movement
from backhaul.billing.explain_rules import Explanation, Who
from backhaul.catalog.services import set_tariff_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.operators.functions import rows
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import add_zone, update_customer
from conftest import clean
from tests.builders import acting, request_key
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.days import credit_nights, edge_credits, off, profile_credits
from tests.scenarios.explaining import (
    assert_agrees,
    assert_all_agree,
    bill_explained,
    everything,
    figures,
    steps_of,
    sums,
    told,
)
from tests.scenarios.money import night, noon
from tests.scenarios.test_explain import FIVE_DAYS
from tests.scenarios.test_oracles import NOV_1, pay, taken_over
from tests.scenarios.test_outage import down, record
from tests.scenarios.test_refunds import edge, leave, profile

DEC_1, DAY_12 = date(2026, 12, 1), date(2026, 11, 12)


@pytest.fixture
def funded(cast: Cast) -> Cast:
    fill_funds(cast)
    return cast


def charge_explained(cast: Cast, viewer: int, child: int) -> Explanation:
    """The one charge of Riverside's one customer on an edge, as one end reads it."""
    with acting(cast.padma, cast.riverside):
        bill = rows("SELECT id FROM invoice")[0]["id"]
    with acting(cast.padma, viewer):
        found = explain_charge(child, cast.riverside, bill)
    assert_agrees(found)
    return found


def note_explained(cast: Cast, operator: int) -> Explanation:
    with acting(cast.padma, operator):
        found = explain_credit_note(rows("SELECT max(id) AS id FROM credit_note")[0]["id"])
    assert_agrees(found)
    return found


def test_leaving_on_day_12_gives_back_270_and_240_at_the_rates_charged(funded: Cast) -> None:
    """SPEC 2.6 and oracle 1: the tariff rose meanwhile; 18 of 30 days come back at 450.00 and 400.00."""
    service = taken_over(funded, funded.riverside).subscription_id
    night(funded, NOV_1)
    with acting(funded.padma, funded.north):
        set_tariff_price(
            child_id=funded.riverside, plan_operator_id=funded.padma.isp_id, plan_id=funded.plans["Home 10"],
            starts_on=date(2026, 11, 10), price_minor=500_00, today=date(2026, 11, 5),
        )  # fmt: skip
    leave(funded, funded.riverside, service, DAY_12)
    note = note_explained(funded, funded.riverside)
    assert sums(note.section("sum")) == [
        "600.00 × 30 ÷ 30 = 600.00", "600.00 × 12 ÷ 30 = 240.00", "600.00 − 240.00 = 360.00",
    ]  # fmt: skip
    assert figures(bill_explained(funded, funded.riverside).section("edge")) == [450_00, -270_00]
    north = charge_explained(funded, funded.north, funded.riverside)
    assert [figures(section) for section in north.sections] == [[450_00, -270_00], [400_00, -240_00]]
    assert north.sections[0].steps[0].values["who"] == Who("you")


def test_vat_goes_back_with_its_days_and_the_rest_becomes_advance(db: EmbeddedPostgres) -> None:
    """SPEC §3: 360.00 + 18.00 of 600.00 + 30.00; the edge 270.00 + 13.50; 200.00 were paid: nothing to advance."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 630_00, NOV_1)
    leave(cast, cast.riverside, customer.subscription_id, DAY_12)
    note = note_explained(cast, cast.riverside)
    assert figures(note.section("sum")) == [360_00, 18_00]
    assert sums(note.section("sum"))[-2:] == ["30.00 × 240.00 ÷ 600.00 = 12.00", "30.00 − 12.00 = 18.00"]
    assert figures(note.section("destination")) == [378_00]
    assert figures(bill_explained(cast, cast.riverside).section("edge")) == [450_00, 22_50, -270_00, -13_50]
    assert_all_agree(cast, cast.padma.isp_id, cast.north, cast.riverside)


def test_what_was_discounted_since_is_not_given_back(db: EmbeddedPostgres) -> None:
    """600.00 less 100.00 later asks for 500.00 and 25.00: 15 of 30 days give back 250.00 and 12.50."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        bill = rows("SELECT id FROM invoice")[0]["id"]
        discount_bill(
            invoice_id=bill, net_minor=100_00, why="slow", on=NOV_1, now=noon(NOV_1), request_key=request_key()
        )
    leave(cast, cast.riverside, service, date(2026, 11, 15))
    note = note_explained(cast, cast.riverside).section("sum")
    assert figures(note) == [250_00, 12_50]
    assert sums(note)[0] == "600.00 − 100.00 = 500.00"
    assert "500.00 × 300.00 ÷ 600.00 = 250.00" in sums(note)


def test_each_edge_s_policy_is_said(funded: Cast) -> None:
    """Padma keeps a minimum of 100.00 of North's 240.00; North gives Riverside nothing back."""
    edge(funded, funded.north, funded.padma.isp_id, refund_policy="less_minimum", refund_minimum_minor=100_00)
    edge(funded, funded.riverside, funded.north, refund_policy="none")
    service = taken_over(funded, funded.riverside).subscription_id
    night(funded, NOV_1)
    leave(funded, funded.riverside, service, DAY_12)
    assert figures(bill_explained(funded, funded.riverside).section("edge")) == [450_00]
    own = charge_explained(funded, funded.north, funded.riverside).sections[1]
    assert figures(own) == [400_00, -240_00, 100_00]
    assert "minimum_kept" in steps_of(own)
    assert charge_explained(funded, funded.padma.isp_id, funded.north).amount_minor == 400_00 - 140_00


def test_five_days_off_come_back_as_75(db: EmbeddedPostgres, funded: Cast) -> None:
    """Oracle 5 in advance: 450.00 and a credit note of 75.00."""
    profile_credits(db, funded.profiles["Monthly 1st"], "operator")
    edge_credits(db, funded.riverside, "operator")
    service = taken_over(funded, funded.riverside, custom_price_minor=450_00).subscription_id
    night(funded, NOV_1)
    off(funded, funded.riverside, service, "by_hand", FIVE_DAYS)
    credit_nights(funded, DEC_1, noon(DEC_1))
    note = note_explained(funded, funded.riverside)
    assert (figures(note.section("sum")), note.amount_minor) == ([75_00], 75_00)
    bill = bill_explained(funded, funded.riverside)
    assert [(run.span.days, run.state) for run in bill.days] == [(9, "billed"), (5, "credited"), (16, "billed")]
    assert figures(bill.section("edge")) == [450_00, -75_00]


def test_days_of_an_outage_are_credited(funded: Cast) -> None:
    """Three days of Riverside's own zone: 60.00 of 600.00."""
    customer = taken_over(funded, funded.riverside)
    night(funded, NOV_1)
    with acting(funded.padma, funded.riverside):
        zone = add_zone(name="Harbour")
        update_customer(customer_id=customer.customer_id, at=noon(NOV_1), zone_id=zone)
    record(funded, funded.riverside, down(zone_id=zone))
    note = note_explained(funded, funded.riverside)
    assert (note.amount_minor, "an outage" in "\n".join(told(note))) == (60_00, True)


def test_a_daily_edge_tells_its_days_together(db: EmbeddedPostgres) -> None:
    """30 days at 15.00 + 0.75: 472.50, each day with its own VAT."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, charge_timing="daily")
    taken_over(cast, cast.riverside)
    for n in range(30):
        night(cast, NOV_1 + timedelta(days=n))
    section = bill_explained(cast, cast.riverside).section("edge")
    assert steps_of(section) == ["tariff", "daily_rule", "daily_days"]
    assert (sums(section), section.total_minor) == (["30 × 15.75 = 472.50"], 472_50)
    assert_all_agree(cast, cast.padma.isp_id, cast.north, cast.riverside)


def test_movements_of_a_fund_are_made_of_periods(funded: Cast) -> None:
    for _ in range(3):
        taken_over(funded, funded.riverside)
    night(funded, NOV_1)
    for viewer in (funded.riverside, funded.north):
        with acting(funded.padma, viewer):
            movements = rows("SELECT id, kind FROM fund_movement WHERE child_id = %s ORDER BY id", [funded.riverside])
            recharge, charge = (explain_movement(funded.riverside, row["id"]) for row in movements)
        for one in (recharge, charge):
            assert_agrees(one)
            assert len(one.entries) == 1
        assert sums(charge.section("sum")) == ["3 × 450.00 = 1,350.00"]
        assert figures(charge.section("fund")) == [300_000_00, -1_350_00]
        assert recharge.amount_minor == 300_000_00


def test_nobody_reads_what_another_edge_pays(funded: Cast) -> None:
    """Padma → North at 400.00 stays unknown to Riverside, Riverside's 600.00 to North and Padma, all to Rival."""
    service = taken_over(funded, funded.riverside).subscription_id
    night(funded, NOV_1)
    leave(funded, funded.riverside, service, DAY_12)
    read = {name: everything(funded, getattr(funded, name)) for name in ("riverside", "north", "rival")}
    read["padma"] = everything(funded, funded.padma.isp_id)
    secrets = {
        "riverside": ("400.00", "40000", "160.00"),
        "north": ("600.00", "60000", "360.00", "36000"),
        "padma": ("600.00", "60000", "450.00", "45000"),
        "rival": ("400.00", "450.00", "600.00"),
    }
    known = {name: [each for each in those if says(read[name], each)] for name, those in secrets.items()}
    assert known == {name: [] for name in secrets}
    assert says(read["riverside"], "450.00") and says(read["north"], "450.00") and says(read["padma"], "400.00")


def says(text: str, figure: str) -> bool:
    """Whether a figure stands there by itself, not as a part of another one."""
    return re.search(rf"(?<![\d,.]){re.escape(figure)}(?![\d,])", text) is not None


@pytest.mark.parametrize("who", ["rival", "riverside", "padma"])
def test_an_edge_is_explained_to_its_two_ends_alone(funded: Cast, who: str) -> None:
    taken_over(funded, funded.riverside)
    night(funded, NOV_1)
    viewer = funded.padma.isp_id if who == "padma" else getattr(funded, who)
    child = funded.riverside if who in ("rival", "padma") else funded.north
    with acting(funded.padma, funded.riverside):
        bill = rows("SELECT id FROM invoice")[0]["id"]
    with acting(funded.padma, viewer):
        with pytest.raises(NotFound):
            explain_charge(child, funded.riverside, bill)
        with pytest.raises(NotFound):
            explain_movement(child, 1)


@pytest.fixture(scope="module")
def taxed(server: EmbeddedPostgres) -> Iterator[Cast]:
    """A cast in which everybody charges VAT of 7.5 %, for the lives below."""
    cast = build_cast(vat_bp=750)
    fill_funds(cast)
    yield cast
    clean(server)


@settings(max_examples=15, deadline=None)
@given(
    price=st.integers(1, 999_99),
    starts=st.integers(1, 30),
    rules=st.fixed_dictionaries(
        {
            "prices_include_vat": st.booleans(),
            "round_bill_to_minor": st.sampled_from([1, 50, 100]),
            "billed": st.sampled_from(["advance", "arrears"]),
        }
    ),
    events=st.lists(st.sampled_from(["off", "pay", "price", "discount"]), max_size=3),
    stays=st.integers(0, 45),
)
def test_every_amount_of_a_random_life_is_explained(
    taxed: Cast, *, price: int, starts: int, rules: dict[str, Any], events: list[str], stays: int
) -> None:
    """Whatever the price, the days, the profile and what happens: steps and recorded amounts agree at all levels."""
    cast, first = taxed, date(2026, 11, starts)
    name = str(sorted(rules.items()))
    with acting(cast.padma):
        known = rows("SELECT id FROM billing_profile WHERE name = %s", [name])
    chosen = (cast.padma.isp_id, known[0]["id"]) if known else profile(cast, name, cycle="calendar", **rules)
    customer = taken_over(
        cast, cast.riverside, first, joined_on=first, profile=chosen, custom_price_minor=price
    )  # fmt: skip
    service = customer.subscription_id
    if "discount" in events:
        with acting(cast.padma, cast.riverside):
            give_discount(
                subscription_id=service, amount_minor=None, part_bp=1_234, from_on=first, until_on=None, why="w",
                now=noon(first),
            )  # fmt: skip
    night(cast, first)
    if "pay" in events:
        pay(cast, cast.riverside, customer.customer_id, price, first)
    if "price" in events:
        with acting(cast.padma, cast.riverside):
            day = next_price_on(service, first + timedelta(days=1))
            set_custom_price(
                subscription_id=service, price_minor=price // 2, starts_on=day, today=first, now=noon(first)
            )
    if "off" in events:
        begins = datetime(2026, 11, starts, 8, tzinfo=UTC)
        off(cast, cast.riverside, service, "by_hand", (begins, begins + timedelta(days=3)))
    last = first + timedelta(days=stays)
    if last >= DEC_1:
        night(cast, DEC_1)
    leave(cast, cast.riverside, service, last)
    night(cast, date(2027, 1, 1))
    with acting(cast.padma, cast.riverside):
        made = [row["id"] for row in rows("SELECT id FROM invoice WHERE subscription_id = %s", [service])]
    assert_life_agrees(cast, service, made)


def assert_life_agrees(cast: Cast, service: int, made: list[int]) -> None:
    """Bills and notes for Riverside, the charges on both edges for North."""
    with acting(cast.padma, cast.riverside):
        for bill in made:
            assert_agrees(explain_bill(bill))
        for row in rows("SELECT id FROM credit_note WHERE invoice_id = ANY (%s)", [made]):
            assert_agrees(explain_credit_note(row["id"]))
    with acting(cast.padma, cast.north):
        charged = rows("SELECT DISTINCT invoice_id FROM charge WHERE subscription_id = %s", [service])
        for row in charged:
            assert_agrees(explain_charge(cast.riverside, cast.riverside, row["invoice_id"]))
