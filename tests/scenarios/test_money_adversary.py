"""Where two rules of money meet: terms and holds, arrears and leavings, credits and write-offs, runs made ahead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest

from backhaul.billing.adjustments import write_off_bill
from backhaul.billing.cuts import cut_isp
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.runs import bill_isp
from backhaul.billing.services import Billed, bring_back
from backhaul.catalog.services import set_tariff_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.periods import close_books
from backhaul.operators.functions import rows
from backhaul.subscribers.services import AddedCustomer, suspend_subscription
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.days import notes, profile_credits
from tests.scenarios.money import assert_proved, balance, fund, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over
from tests.scenarios.test_steps import DEC_1, FEB_1, JAN_1, charges, nights, on_profile, own_edge, sell_terms

MAY_1 = date(2027, 5, 1)


@pytest.fixture(autouse=True)
def _proved(cast: Cast) -> Iterator[None]:
    yield
    assert_proved()


def nov(day: int) -> date:
    return date(2026, 11, day)


def bills(cast: Cast, operator_id: int) -> list[tuple[date, date, int]]:
    """Starts, ends, total of an operator's bills."""
    return [(bill["starts_on"], bill["ends_on"], bill["total_minor"]) for bill in invoices(cast, operator_id)]


def suspend(cast: Cast, operator_id: int, service: AddedCustomer, on: date) -> None:
    with acting(cast.padma, operator_id):
        suspend_subscription(subscription_id=service.subscription_id, why="asked", on=on, at=noon(on))


def back(cast: Cast, operator_id: int, service: AddedCustomer, on: date, reason: str = "by_hand", **how: Any) -> Billed:
    with acting(cast.padma, operator_id):
        return bring_back(
            subscription_id=service.subscription_id, reason=reason, on=on, now=noon(on), hold=how.get("hold", False)
        )


def leave(cast: Cast, operator_id: int, service: AddedCustomer, on: date, **how: Any) -> None:
    with acting(cast.padma, operator_id):
        disconnect_customer(subscription_id=service.subscription_id, on=on, now=noon(on), why="moved away", **how)


def away_from_the_10th_to_the_14th(cast: Cast, service: AddedCustomer) -> None:
    nights(cast, NOV_1, nov(9))
    suspend(cast, cast.riverside, service, nov(9))
    back(cast, cast.riverside, service, nov(15))


def test_a_cycle_held_until_its_term_is_over_begins_a_new_term(cast: Cast) -> None:
    """Short in December, cut, the term ends on 1 February: nights go on, and the recharge of the 5th begins anew."""
    fill_funds(cast, riverside=450_00)
    taken_over(cast, cast.riverside, package=sell_terms(cast, 3, 1_650_00))
    nights(cast, NOV_1, NOV_1)
    nights(cast, DEC_1, date(2026, 12, 2))
    back_on = date(2027, 2, 5)
    for day in (FEB_1, date(2027, 2, 3)):
        assert night(cast, day).held == 1
    fill_funds(cast, north=0, riverside=1_000_00, on=back_on)
    assert night(cast, back_on).created == 1
    first, second = bills(cast, cast.riverside)
    assert first == (NOV_1, FEB_1, 1_650_00)
    assert second[:2] == (back_on, MAY_1)
    assert charges(cast, cast.riverside) == [
        (NOV_1, DEC_1, 450_00, 450_00),
        (back_on, date(2027, 3, 1), 450_00, 385_71),  # 24 of 28 days
    ]


def test_a_day_of_a_price_for_its_own_days_costs_its_part_so_that_all_make_the_price(cast: Cast) -> None:
    """100.00 for 30 days, charged daily: 3.33 or 3.34 a day, 100.00 for the thirty."""
    own_edge(cast, charge_timing="daily")
    fill_funds(cast)
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"],
            starts_on=NOV_1, price_minor=100_00, today=date(2026, 10, 20), validity_days=30,
        )  # fmt: skip
    taken_over(cast, cast.riverside)
    nights(cast, NOV_1, nov(30))
    assert sum(row[3] for row in charges(cast, cast.riverside)) == 100_00


def test_who_leaves_in_arrears_and_comes_back_is_billed_for_the_days_on_both_sides(cast: Cast) -> None:
    """The ISP's own customer: billed to the 12th at its leaving, from the 20th on its return, 600.00 a month."""
    isp = cast.padma.isp_id
    service = on_profile(cast, isp, billed="arrears")
    nights(cast, NOV_1, nov(12))
    leave(cast, isp, service, nov(12))
    nights(cast, nov(13), nov(19))
    assert bills(cast, isp) == [(NOV_1, nov(13), 240_00)]
    back(cast, isp, service, nov(20), "left")
    nights(cast, nov(20), DEC_1)
    assert bills(cast, isp)[1:] == [(nov(20), DEC_1, 220_00)]


def test_in_arrears_an_edge_that_keeps_the_month_keeps_the_period_open_for_a_return(cast: Cast) -> None:
    """North gives Riverside nothing back: one bill at the month's end, 12 + 11 days, and no day charged there twice."""
    fill_funds(cast)
    own_edge(cast, refund_policy="none")
    service = on_profile(cast, cast.riverside, billed="arrears")
    nights(cast, NOV_1, nov(12))
    leave(cast, cast.riverside, service, nov(12))
    nights(cast, nov(13), nov(19))
    assert bills(cast, cast.riverside) == []
    back(cast, cast.riverside, service, nov(20), "left")
    nights(cast, nov(20), DEC_1)
    assert bills(cast, cast.riverside) == [(NOV_1, DEC_1, 460_00)]
    assert charges(cast, cast.riverside)[0] == (NOV_1, DEC_1, 450_00, 450_00)
    assert charges(cast, cast.north)[:2] == [(NOV_1, DEC_1, 400_00, 400_00), (nov(20), DEC_1, 400_00, 146_67)]


def test_in_arrears_who_stays_gone_is_billed_to_the_day_of_leaving_when_the_kept_month_ends(cast: Cast) -> None:
    fill_funds(cast)
    own_edge(cast, refund_policy="none")
    service = on_profile(cast, cast.riverside, billed="arrears")
    nights(cast, NOV_1, nov(12))
    leave(cast, cast.riverside, service, nov(12))
    for day in (DEC_1, date(2026, 12, 2), JAN_1):
        night(cast, day)
    assert bills(cast, cast.riverside) == [(NOV_1, nov(13), 240_00)]


def test_a_stop_of_some_hours_takes_no_days_from_a_renewal_that_waits(cast: Cast) -> None:
    """Held since the 1st and online; stopped and back on the 4th, with funds: the period keeps its start."""
    fill_funds(cast, riverside=1_00)
    own_edge(cast, short_days=5)
    service = taken_over(cast, cast.riverside)
    nights(cast, NOV_1, nov(3))
    fill_funds(cast, north=0, riverside=1_000_00, on=nov(4))
    suspend(cast, cast.riverside, service, nov(4))
    assert back(cast, cast.riverside, service, nov(4)).billed_minor == 600_00
    assert bills(cast, cast.riverside) == [(NOV_1, DEC_1, 600_00)]
    assert fund(cast, cast.riverside, cast.north) == 1_001_00 - 450_00


def test_days_off_early_in_a_long_term_are_credited_at_its_end(cast: Cast, db: EmbeddedPostgres) -> None:
    """Off on the 10th to the 14th of the first of six months, 3,000.00 for 181 days: A(14) − A(9) = 82.87."""
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    service = taken_over(cast, cast.riverside, package=sell_terms(cast, 6, 3_000_00))
    away_from_the_10th_to_the_14th(cast, service)
    for month in (DEC_1, JAN_1, FEB_1, date(2027, 3, 1), date(2027, 4, 1)):
        night(cast, month)
    assert notes(cast, cast.riverside) == []
    for day in (MAY_1, date(2027, 5, 2)):
        night(cast, day)
    (note,) = notes(cast, cast.riverside)
    assert (note["from_on"], note["to_on"], note["net_minor"]) == (nov(10), nov(15), 82_87)


def test_what_was_written_off_is_not_credited_into_an_advance(cast: Cast, db: EmbeddedPostgres) -> None:
    """A bill that nobody paid and nobody will: its days off make nobody a creditor."""
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    service = taken_over(cast, cast.riverside)
    away_from_the_10th_to_the_14th(cast, service)
    (bill,) = invoices(cast, cast.riverside)
    with acting(cast.padma, cast.riverside):
        write_off_bill(
            invoice_id=bill["id"], on=nov(20), now=noon(nov(20)), why="gone abroad", request_key=request_key()
        )
    night(cast, DEC_1)
    assert notes(cast, cast.riverside) == []
    assert balance(cast, cast.riverside, "customer_advances") == 0


def test_a_run_bills_a_period_again_whose_bill_was_credited_in_full(cast: Cast) -> None:
    """December was billed ahead; left and back on 29 November: credited, and billed anew as its revision 1."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    bill_isp(cast.padma, on=DEC_1, now=noon(nov(28)))
    leave(cast, cast.riverside, service, nov(29))
    back(cast, cast.riverside, service, nov(29), "left")
    assert [night(cast, day).created for day in (nov(30), DEC_1, date(2026, 12, 2))] == [1, 1, 0]
    assert bills(cast, cast.riverside)[2:] == [(nov(30), DEC_1, 20_00), (DEC_1, JAN_1, 600_00)]
    assert invoices(cast, cast.riverside)[-1]["revision"] == 1
    assert balance(cast, cast.riverside, "receivable_customers") == 1_200_00


def test_a_period_billed_already_and_not_credited_stops_nobody_else_in_the_run(cast: Cast) -> None:
    """Left without a credit after December was billed ahead: back, December waits for a person, others are billed."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    bill_isp(cast.padma, on=DEC_1, now=noon(nov(28)))
    leave(cast, cast.riverside, service, nov(29), credit_customer=False)
    back(cast, cast.riverside, service, nov(29), "left")
    night(cast, nov(30))
    taken_over(cast, cast.riverside, DEC_1)
    report = night(cast, DEC_1)
    assert (report.created, report.failed) == (1, 1)
    assert report.exceptions[0]["reason"] == "already_billed"
    assert night(cast, DEC_1).failed == 1


def test_who_paid_first_is_not_cut_because_a_provider_closed_its_books(cast: Cast) -> None:
    """Paid on the morning of the last day; North's books are closed on it: served, and billed the next night."""
    fill_funds(cast)
    service = on_profile(
        cast, cast.riverside, billing_type="daily", cycle="validity", validity_days=30, access="pay_first"
    )
    pay(cast, cast.riverside, service.customer_id, 600_00, NOV_1)
    night(cast, NOV_1)
    with acting(cast.padma, cast.north):
        close_books(through=DEC_1, now=noon(DEC_1))
    night(cast, DEC_1, cuts=False)
    pay(cast, cast.riverside, service.customer_id, 600_00, DEC_1)
    assert cut_isp(cast.padma, on=DEC_1, now=noon(DEC_1)).expired == 0
    night(cast, date(2026, 12, 2))
    assert bills(cast, cast.riverside)[1:] == [(DEC_1, date(2026, 12, 31), 600_00)]


def test_the_bill_in_arrears_of_who_is_cut_for_want_of_funds_brings_nobody_back(cast: Cast) -> None:
    """100.00 for days of 15.00: cut on the 7th. November's bill is made on 1 December; the fund is short still."""
    fill_funds(cast, riverside=100_00)
    own_edge(cast, charge_timing="daily")
    on_profile(cast, cast.riverside, billed="arrears")
    nights(cast, NOV_1, nov(8))
    nights(cast, nov(30), date(2026, 12, 3))
    assert bills(cast, cast.riverside) == [(NOV_1, DEC_1, 120_00)]
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT reason, from_on FROM block WHERE to_at IS NULL") == [
            {"reason": "fund_short", "from_on": nov(7)}
        ]
