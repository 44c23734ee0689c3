"""Explain this amount: the worked numbers of SPEC §2 step by step, for every kind of bill."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from backhaul.billing.discounts import give_discount
from backhaul.billing.explain import explain_bill
from backhaul.billing.explain_rules import Money, Who
from backhaul.billing.one_off import issue_one_off
from backhaul.billing.services import sign_up_customer
from backhaul.catalog.services import set_package_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.payments.deposits import DepositAct, record_deposit
from backhaul.payments.explain import explain_payment, explain_statement
from backhaul.subscribers.prices import set_custom_price
from tests.builders import acting, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.days import as_owner, off
from tests.scenarios.explaining import assert_agrees, bill_explained, figures, steps_of, sums, told
from tests.scenarios.money import night, noon
from tests.scenarios.test_oracles import NOV_1, pay, taken_over
from tests.scenarios.test_package_change import add_gold, change
from tests.scenarios.test_refunds import profile

DEC_1, DAY_12 = date(2026, 12, 1), date(2026, 11, 12)
FIVE_DAYS = (datetime(2026, 11, 9, 6, tzinfo=UTC), datetime(2026, 11, 15, 6, tzinfo=UTC))  # off on the 10th to the 14th


@pytest.fixture
def taxed(db: EmbeddedPostgres) -> Cast:
    """Everybody charges 5 %; funds are full."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    return cast


@pytest.fixture
def funded(cast: Cast) -> Cast:
    fill_funds(cast)
    return cast


def test_a_whole_period_with_vat_and_what_the_provider_charged(taxed: Cast) -> None:
    """600.00 + 30.00; Riverside's own edge 450.00 + 22.50 at North's tariff since 1 January."""
    taken_over(taxed, taxed.riverside)
    night(taxed, NOV_1)
    found = bill_explained(taxed, taxed.riverside)
    assert figures(found.section("sum")) == [600_00, 30_00]
    assert sums(found.section("sum")) == ["600.00 × 5 ÷ 100 = 30.00"]
    edge = found.section("edge")
    assert figures(edge) == [450_00, 22_50]
    assert (edge.steps[0].what, edge.steps[0].values["day"]) == ("tariff", date(2026, 1, 1))
    assert edge.steps[0].values["who"] == Who("operator", "North")
    assert steps_of(found.section("price")) == ["package_first_of"]
    assert [(run.span.days, run.state) for run in found.days] == [(30, "billed")]
    assert [entry["title"] for entry in found.entries] == ["Bill"]


def test_joined_on_day_12_of_30(funded: Cast) -> None:
    """A(30) − A(11) = 600.00 − 220.00 = 380.00."""
    with acting(funded.padma, funded.riverside):
        sign_up_customer(customer=new_customer(funded, joined_on=DAY_12), on=DAY_12, now=noon(DAY_12))
    found = bill_explained(funded, funded.riverside)
    assert sums(found.section("sum")) == [
        "600.00 × 30 ÷ 30 = 600.00", "600.00 × 11 ÷ 30 = 220.00", "600.00 − 220.00 = 380.00",
    ]  # fmt: skip
    assert found.amount_minor == 380_00
    assert "joined_inside" in steps_of(found.section("price"))
    assert "12 Nov 2026 is day 12 of the cycle's 30." in "\n".join(told(found))


def test_a_price_set_inside_a_billed_period_holds_from_the_next_and_says_who_set_it(funded: Cast) -> None:
    service = taken_over(funded, funded.riverside).subscription_id
    night(funded, NOV_1)
    with acting(funded.padma, funded.riverside, user_id=funded.owners["riverside"]):
        set_custom_price(subscription_id=service, price_minor=500_00, starts_on=DAY_12, today=DAY_12, now=noon(DAY_12))
    night(funded, DEC_1)
    november, december = (bill_explained(funded, funded.riverside, number) for number in (1, 2))
    later = november.section("price").steps[-1]
    assert (later.what, later.values["price"], later.values["day"]) == ("later_price", Money(500_00), DAY_12)
    assert november.amount_minor == 600_00
    held = december.section("price").steps[0]
    assert (held.what, held.values["day"]) == ("own_price", DAY_12)
    assert held.values["who"] == Who("person", "Riverside")
    assert december.amount_minor == 500_00


def test_who_set_a_package_price_is_named_to_its_own_people_only(funded: Cast) -> None:
    """Padma's package at a new price from December: Padma reads its person's name, Riverside that of Padma."""
    with acting(funded.padma, user_id=funded.owners["padma"]):
        set_package_price(
            package_id=funded.packages["Home 10"], price_minor=660_00, starts_on=DEC_1, today=NOV_1, now=noon(NOV_1)
        )
    for operator in (funded.padma.isp_id, funded.riverside):
        taken_over(funded, operator, DEC_1)
    night(funded, DEC_1)
    mine, theirs = (bill_explained(funded, operator) for operator in (funded.padma.isp_id, funded.riverside))
    assert mine.section("price").steps[0].values["who"] == Who("person", "Padma")
    assert theirs.section("price").steps[0].values["who"] == Who("operator", "Padma")
    assert mine.amount_minor == theirs.amount_minor == 660_00


@pytest.mark.parametrize(("month", "total"), [(11, 375_00), (10, 377_42)])
def test_enabled_days_in_arrears_less_five_days_off(funded: Cast, month: int, total: int) -> None:
    """Oracle 5: 450.00 less 5 days of 30 = 375.00; a month of 31, off on days 10–14: 377.42."""
    begins = date(2026, month, 1)
    rules = profile(funded, "In arrears", cycle="calendar", billed="arrears")
    service = taken_over(
        funded, funded.riverside, begins, custom_price_minor=450_00, profile=rules, joined_on=begins
    ).subscription_id
    night(funded, begins)
    off(
        funded, funded.riverside, service, "by_hand",
        (datetime(2026, month, 9, 6, tzinfo=UTC), datetime(2026, month, 15, 6, tzinfo=UTC)),
    )  # fmt: skip
    night(funded, date(2026, month + 1, 1))
    found = bill_explained(funded, funded.riverside)
    assert found.amount_minor == total
    assert [(run.span.days, run.state, run.reason) for run in found.days][:2] == [
        (9, "billed", None), (5, "off", "operator"),
    ]  # fmt: skip
    if month == 10:
        assert sums(found.section("sum"))[-3:] == [
            "450.00 × 14 ÷ 31 = 203.225806… ≈ 203.23", "450.00 × 9 ÷ 31 = 130.645161… ≈ 130.65",
            "203.23 − 130.65 = 72.58",
        ]  # fmt: skip


def test_days_off_inside_a_bill_in_advance_are_said_and_billed(funded: Cast) -> None:
    service = taken_over(funded, funded.riverside).subscription_id
    night(funded, NOV_1)
    off(funded, funded.riverside, service, "by_hand", FIVE_DAYS)
    found = bill_explained(funded, funded.riverside)
    assert found.amount_minor == 600_00
    assert "days_off" in steps_of(found.section("days"))


def test_a_term_a_validity_and_a_free_service(funded: Cast) -> None:
    """Three months at 1,700.00; 30 days of validity; a gift, of which the provider charges all the same."""
    quarter = add_gold(funded, 1_700_00, term_months=3, name="Quarter")
    taken_over(funded, funded.riverside, package=quarter)
    taken_over(funded, funded.riverside, profile=profile(funded, "Staff", billing_type="free"))
    night(funded, NOV_1)
    gift, term = (bill_explained(funded, funded.riverside, number) for number in (1, 2))
    assert "by_term" in steps_of(term.section("price"))
    assert (term.amount_minor, term.section("days").steps[0].values["all"]) == (1_700_00, 92)
    assert (gift.amount_minor, steps_of(gift.section("price"))) == (0, ["free_profile"])
    assert gift.section("edge").total_minor == 450_00
    night(funded, DEC_1)
    assert bill_explained(funded, funded.riverside, 2).section("edge").total_minor == 2 * 700_00
    with acting(funded.padma, funded.riverside):
        customer = new_customer(funded, joined_on=DEC_1, profile=(funded.padma.isp_id, funded.profiles["Daily 30"]))
        added = sign_up_customer(customer=customer, on=DEC_1, now=noon(DEC_1))
    pay(funded, funded.riverside, added.customer_id, 600_00, DEC_1)
    with acting(funded.padma, funded.riverside):
        bill = rows("SELECT id FROM invoice WHERE customer_id = %s", [added.customer_id])[0]["id"]
        found = explain_bill(bill)
    assert_agrees(found)
    assert "by_validity" in steps_of(found.section("price"))


@pytest.mark.parametrize("part", [False, True])
def test_a_discount_comes_off_before_vat(taxed: Cast, part: bool) -> None:
    """SPEC §3: 600.00 less 100.00, VAT 25.00: 525.00; in hundredths of a percent: 10 % of 600.00."""
    service = taken_over(taxed, taxed.riverside).subscription_id
    given = {"part_bp": 1_000} if part else {"amount_minor": 100_00}
    with acting(taxed.padma, taxed.riverside):
        give_discount(
            subscription_id=service, from_on=NOV_1, until_on=None, why="neighbour", now=noon(NOV_1),
            **({"amount_minor": None, "part_bp": None} | given),
        )  # fmt: skip
    night(taxed, NOV_1)
    found = bill_explained(taxed, taxed.riverside)
    expected = [600_00, -60_00, 27_00] if part else [600_00, -100_00, 25_00]
    assert figures(found.section("sum")) == expected
    assert "neighbour" in "\n".join(told(found))


def test_a_price_with_vat_in_it_and_a_bill_that_is_rounded(taxed: Cast) -> None:
    """333.33 with 5 % inside: net 317.46, VAT 15.87; rounded to whole units: −0.33."""
    rules = profile(taxed, "Gross", prices_include_vat=True, round_bill_to_minor=100)
    taken_over(taxed, taxed.riverside, profile=rules, custom_price_minor=333_33)
    night(taxed, NOV_1)
    found = bill_explained(taxed, taxed.riverside)
    assert figures(found.section("sum")) == [317_46, 15_87, -33]
    assert sums(found.section("sum"))[0] == "333.33 × 100 ÷ 105 = 317.457142… ≈ 317.46"


def test_one_off_late_fee_and_opening_due(taxed: Cast) -> None:
    rules = profile(taxed, "Strict", due_days=5, late_fee_minor=20_00, late_fee_after_days=3)
    customer = taken_over(taxed, taxed.riverside, profile=rules)
    night(taxed, NOV_1)
    with acting(taxed.padma, taxed.riverside):
        issue_one_off(
            subscription_id=customer.subscription_id, title="Router", net_minor=1_000_00, on=NOV_1, due_on=DEC_1,
            now=noon(NOV_1), request_key=request_key(),
        )  # fmt: skip
    night(taxed, DAY_12)
    router, fee = (bill_explained(taxed, taxed.riverside, number) for number in (2, 3))
    assert figures(router.section("sum")) == [1_000_00, 50_00]
    assert (fee.section("sum").steps[0].what, fee.section("sum").steps[0].values["number"]) == ("late_fee_of", 1)
    assert fee.amount_minor == 20_00
    assert len(router.entries) == len(fee.entries) == 1


def test_a_change_on_day_12_of_30_nets_190(funded: Cast) -> None:
    """SPEC 2.7: 570.00 of the new, 380.00 of the old credited: 190.00."""
    service = taken_over(funded, funded.riverside).subscription_id
    gold = add_gold(funded)
    night(funded, NOV_1)
    change(funded, service, gold)
    found = bill_explained(funded, funded.riverside, 2)
    assert figures(found.section("change")) == [570_00, -380_00]
    assert found.section("change").total_minor == 190_00
    old = bill_explained(funded, funded.riverside, 1)
    assert figures(old.section("edge")) == [450_00, -285_00]


def test_a_payment_goes_to_the_oldest_due_and_a_month_of_the_statement_adds_up(funded: Cast) -> None:
    customer = taken_over(funded, funded.riverside).customer_id
    night(funded, NOV_1)
    night(funded, DEC_1)
    receipt = pay(funded, funded.riverside, customer, 1_500_00, date(2026, 12, 5))
    with acting(funded.padma, funded.riverside):
        found = explain_payment(receipt.payment_id)
        month = explain_statement(customer, DEC_1)
        with pytest.raises(NotFound):
            explain_statement(customer, date(2026, 10, 1))
    for one in (found, month):
        assert_agrees(one)
    assert [(step.what, step.values.get("number"), step.minor) for step in found.section("sum").steps[1:]] == [
        ("to_bill", 1, 600_00), ("to_bill", 2, 600_00), ("kept_as_advance", None, 300_00),
    ]  # fmt: skip
    assert figures(month.section("month")) == [600_00, 600_00, -1_500_00]
    due = bill_explained(funded, funded.riverside, 1).section("due")
    assert (figures(due), due.total_minor) == ([600_00, -600_00], 0)


def test_what_is_kept_of_a_deposit_stands_in_its_month(funded: Cast) -> None:
    customer = taken_over(funded, funded.riverside).customer_id
    night(funded, NOV_1)
    with acting(funded.padma, funded.riverside):
        for kind, method in (("deposit_in", "cash"), ("deposit_kept", None)):
            act = DepositAct(customer, kind, 200_00, DAY_12, "router", method)
            record_deposit(act, request_key=request_key(), now=noon(DAY_12))
        month = explain_statement(customer, NOV_1)
    assert_agrees(month)
    assert figures(month.section("month")) == [600_00, -200_00]
    assert figures(bill_explained(funded, funded.riverside).section("due")) == [600_00, -200_00]


def test_a_bill_that_somebody_changed_says_so(db: EmbeddedPostgres, funded: Cast) -> None:
    taken_over(funded, funded.riverside)
    night(funded, NOV_1)
    as_owner(db, "UPDATE invoice SET net_minor = net_minor + 100, total_minor = total_minor + 100")
    with acting(funded.padma, funded.riverside):
        found = explain_bill(rows("SELECT id FROM invoice")[0]["id"])
    assert found.differs
    assert (found.section("sum").total_minor, found.section("sum").stored_minor) == (600_00, 601_00)
