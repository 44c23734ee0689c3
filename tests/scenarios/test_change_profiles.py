"""Package change as billing profiles have it: fee, downgrade, fresh periods, validity, arrears (SPEC 2.7)."""

from __future__ import annotations

from datetime import date

import pytest

from backhaul.billing.changes import DowngradeWaits, PaysFirst, plan_change
from backhaul.operators.functions import execute
from tests.builders import acting
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over
from tests.scenarios.test_package_change import DAY_12, add_gold, change
from tests.scenarios.test_refunds import profile, promised, spent


@pytest.mark.parametrize("price", [600_33, 600_40, 600_66])
def test_a_bill_credited_in_full_takes_its_rounding_along(db: object, price: int) -> None:
    """VAT 7.5 % and rounding to 1.00, up or down: a change on the first day credits all of the bill, to the unit."""
    cast = build_cast(vat_bp=750)
    fill_funds(cast)
    rounded = profile(cast, "Rounded", due_days=7, round_bill_to_minor=1_00)
    service = taken_over(cast, cast.riverside, profile=rounded, custom_price_minor=price).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    assert change(cast, service, gold, NOV_1).credit_minor == invoices(cast, cast.riverside)[0]["total_minor"]
    assert balance(cast, cast.riverside, "receivable_customers") == 968_00  # 900.00 + 67.50, rounded
    assert_proved()


def test_the_fee_for_an_upgrade_is_a_bill_of_its_own_with_vat(db: object) -> None:
    """VAT 7.5 %: 100.00 + 7.50; a downgrade bears no fee."""
    cast = build_cast(vat_bp=750)
    fill_funds(cast)
    paid = profile(cast, "With fee", due_days=7, upgrade_fee_minor=100_00)
    service = taken_over(cast, cast.riverside, profile=paid).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    assert change(cast, service, gold).fee_minor == 107_50
    fee = invoices(cast, cast.riverside)[-1]
    assert (fee["kind"], fee["net_minor"], fee["vat_minor"], fee["due_on"]) == (
        "change_fee", 100_00, 7_50, date(2026, 11, 19),
    )  # fmt: skip
    down = change(cast, service, (cast.padma.isp_id, cast.packages["Home 10"]), date(2026, 11, 20))
    assert down.fee_minor == 0
    assert_proved()


def test_billed_with_the_next_bill_it_falls_due_with_it(cast: Cast) -> None:
    """The bill is issued at the change, so that what is owed is known; it falls due with December's, on the 8th."""
    fill_funds(cast)
    later = profile(cast, "Later", due_days=7, change_billed="with_next", upgrade_fee_minor=50_00)
    service = taken_over(cast, cast.riverside, profile=later).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    change(cast, service, gold)
    night(cast, date(2026, 12, 1))
    assert [(bill["kind"], bill["due_on"]) for bill in invoices(cast, cast.riverside)][1:] == [
        ("period", date(2026, 12, 8)), ("change_fee", date(2026, 12, 8)), ("period", date(2026, 12, 8)),
    ]  # fmt: skip
    assert_proved()


def test_a_downgrade_not_credited_leaves_the_bill_and_changes_the_edges(cast: Cast) -> None:
    """Gold 900.00 → Home 10: the customer's bill stands to its end; Riverside gets 443.33 back and pays 285.00."""
    fill_funds(cast)
    kept = profile(cast, "Kept", due_days=7, downgrade="not_credited")
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=kept, package=gold).subscription_id
    night(cast, NOV_1)
    done = change(cast, service, (cast.padma.isp_id, cast.packages["Home 10"]))
    assert (done.credit_minor, done.billed_minor) == (0, 0)
    assert spent(cast) == (700_00 - 443_33 + 285_00, 600_00 - 380_00 + 253_33)
    assert [bill["total_minor"] for bill in invoices(cast, cast.riverside)] == [900_00]
    # leaving is still credited at what the customer was billed: 9 of 30 days of 900.00
    assert promised(cast, cast.riverside, service, date(2026, 11, 21)).credit_minor == 270_00
    night(cast, date(2026, 12, 1))
    assert invoices(cast, cast.riverside)[-1]["net_minor"] == 600_00
    assert_proved()


def test_a_downgrade_on_the_first_day_not_credited_charges_the_edges_again(cast: Cast) -> None:
    fill_funds(cast)
    kept = profile(cast, "Kept", due_days=7, downgrade="not_credited")
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=kept, package=gold).subscription_id
    night(cast, NOV_1)
    change(cast, service, (cast.padma.isp_id, cast.packages["Home 10"]), NOV_1)
    assert spent(cast) == (450_00, 400_00)
    assert_proved()


def test_a_downgrade_may_have_to_wait_for_the_next_cycle(cast: Cast) -> None:
    fill_funds(cast)
    waits = profile(cast, "Waits", due_days=7, downgrade="next_cycle")
    gold = add_gold(cast)
    home = (cast.padma.isp_id, cast.packages["Home 10"])
    service = taken_over(cast, cast.riverside, profile=waits, package=gold).subscription_id
    night(cast, NOV_1)
    with pytest.raises(DowngradeWaits):
        change(cast, service, home)
    with acting(cast.padma, cast.riverside):
        assert plan_change(subscription_id=service, package=home, on=DAY_12, now=noon(DAY_12)) == date(2026, 12, 1)
    assert_proved()


def test_a_fresh_period_begins_on_the_day_of_change_and_moves_the_anchor(cast: Cast) -> None:
    """Anniversary of the 1st, changed on the 12th: 900.00 for 12 November to 11 December, then from the 12th on."""
    fill_funds(cast)
    fresh = profile(cast, "Fresh", cycle="anniversary", due_days=7, change_period="fresh")
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=fresh, joined_on=NOV_1).subscription_id
    night(cast, NOV_1)
    assert change(cast, service, gold).billed_minor == 900_00
    new = invoices(cast, cast.riverside)[-1]
    assert (new["starts_on"], new["ends_on"]) == (DAY_12, date(2026, 12, 12))
    assert spent(cast) == (450_00 - 285_00 + 700_00, 400_00 - 253_33 + 600_00)
    assert_proved()


@pytest.mark.parametrize(("period", "billed", "ends_on"), [
    ("days_left", 570_00, date(2026, 12, 1)), ("fresh", 900_00, date(2026, 12, 12)),
])  # fmt: skip
def test_a_validity_keeps_its_end_or_begins_anew(cast: Cast, period: str, billed: int, ends_on: date) -> None:
    """30 days from 1 November, changed on the 12th: the 19 days left, or 30 fresh ones."""
    fill_funds(cast)
    daily = profile(cast, "Thirty", billing_type="daily", cycle="validity", validity_days=30, change_period=period)
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=daily).subscription_id
    night(cast, NOV_1)
    done = change(cast, service, gold)
    assert (done.credit_minor, done.billed_minor) == (380_00, billed)
    assert invoices(cast, cast.riverside)[-1]["ends_on"] == ends_on
    assert_proved()


def test_in_arrears_the_old_days_are_billed_and_a_new_period_runs(cast: Cast) -> None:
    """11 days of Home 10 at 600.00 = 220.00 are billed; 19 days of Gold at their end: 570.00."""
    fill_funds(cast)
    arrears = profile(cast, "At its end", billed="arrears", due_days=7)
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=arrears).subscription_id
    night(cast, NOV_1)
    done = change(cast, service, gold)
    assert (done.credit_minor, done.billed_minor) == (0, 220_00)
    night(cast, date(2026, 12, 1))
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [220_00, 570_00]
    assert spent(cast)[0] == 608_33 + 700_00
    assert_proved()


def test_a_plan_in_arrears_bills_the_old_days_at_the_old_price(cast: Cast) -> None:
    """November is billed at its end, at 600.00; December runs as Gold and is billed at 900.00."""
    fill_funds(cast)
    arrears = profile(cast, "At its end", billed="arrears", due_days=7)
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, profile=arrears).subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        assert plan_change(subscription_id=service, package=gold, on=DAY_12, now=noon(DAY_12)) == date(2026, 12, 1)
    for day in (date(2026, 12, 1), date(2027, 1, 1)):
        night(cast, day)
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [600_00, 900_00]
    assert spent(cast)[0] == 450_00 + 700_00 + 700_00
    assert_proved()


def test_who_pays_first_pays_the_difference_first(cast: Cast) -> None:
    fill_funds(cast)
    first = profile(cast, "First", access="pay_first", due_days=7)
    gold = add_gold(cast)
    customer = taken_over(cast, cast.riverside, profile=first)
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 10, 30))
    night(cast, NOV_1)
    with pytest.raises(PaysFirst):
        change(cast, customer.subscription_id, gold)
    assert len(invoices(cast, cast.riverside)) == 1
    pay(cast, cast.riverside, customer.customer_id, 190_00, DAY_12)
    assert change(cast, customer.subscription_id, gold).net_minor == 190_00
    assert balance(cast, cast.riverside, "receivable_customers") == 0
    assert_proved()


def test_a_period_before_a_planned_change_is_billed_late_at_the_old_package(cast: Cast) -> None:
    """November was never billed; the change is for 1 December, and one night is dated that day: 600.00, then 900.00."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    with acting(cast.padma, cast.riverside):
        execute(
            "INSERT INTO planned_change (operator_id, subscription_id, package_operator_id, package_id, on_date, "
            "planned_at, by_actor_id) VALUES (%s, %s, %s, %s, '2026-12-01', now(), 0)",
            [cast.riverside, service, *gold],
        )
    assert night(cast, date(2026, 12, 1)).created == 2
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [600_00, 900_00]
    assert spent(cast) == (450_00 + 700_00, 400_00 + 600_00)
    assert_proved()
