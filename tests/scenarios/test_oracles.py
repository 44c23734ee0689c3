"""The oracles of SPEC §8 that the core must answer: 1, 2, 3, 6 and 7, and the worked refund of 2.6."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from django.db import connections

from backhaul.billing.queries import list_held_bills
from backhaul.billing.refunds import disconnect_customer, preview_refund
from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.billing.services import (
    FundTooLow,
    UpstreamShort,
    sign_up_customer,
    start_billing,
)
from backhaul.catalog.services import ProfileRules, add_billing_profile, set_tariff_price
from backhaul.operators.functions import execute, rows
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, build_customer, new_customer, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import balance, fund, night, noon, trial_balance

NOV_1 = date(2026, 11, 1)


def taken_over(cast: Cast, operator_id: int, billed_until: date = NOV_1, **fields: Any) -> AddedCustomer:
    """A customer that was already there when the operator came: billing starts at `billed_until`."""
    with acting(cast.padma, operator_id):
        added = build_customer(cast, **fields)
        start_billing(subscription_id=added.subscription_id, billed_until=billed_until)
    return added


def invoices(cast: Cast, operator_id: int) -> list[dict[str, Any]]:
    with acting(cast.padma, operator_id):
        return rows("SELECT * FROM invoice ORDER BY id")


def pay(cast: Cast, operator_id: int, customer_id: int, amount_minor: int, day: date) -> Any:
    with acting(cast.padma, operator_id):
        return record_payment(
            customer_id=customer_id,
            amount_minor=amount_minor,
            method="cash",
            received_on=day,
            now=noon(day),
            request_key=request_key(),
        )


def test_every_level_is_debited_at_its_own_wholesale_price(cast: Cast) -> None:
    """SPEC 2.1: 400.00 for North, 450.00 for Riverside, 600.00 for the customer; a fund is never debited at retail."""
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    report = night(cast, NOV_1)
    assert (report.created, report.held, report.billed_minor) == (1, 0, 600_00)
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 400_00
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00
    assert trial_balance(cast, cast.riverside) == {
        "receivable_customers": 600_00, "internet_revenue": -600_00, "wholesale_cost": 450_00,
        "fund": 299_550_00, "paid_to_provider": -300_000_00,
    }  # fmt: skip


def test_oracle_1_a_refund_uses_the_price_that_was_charged(cast: Cast) -> None:
    """Tariff 450 → 500 mid-period, then disconnect on day 12 of 30: 18 days at 450.00 and 400.00 (SPEC 2.6)."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"],
            starts_on=date(2026, 11, 10), price_minor=500_00, today=date(2026, 11, 5),
        )  # fmt: skip
    day_12 = date(2026, 11, 12)
    with acting(cast.padma, cast.riverside):
        promised = preview_refund(subscription_id=customer.subscription_id, on=day_12, now=noon(day_12))
        given = disconnect_customer(
            subscription_id=customer.subscription_id, on=day_12, now=noon(day_12), why="moved away"
        )
    assert promised == given
    assert given.days == 18
    assert given.back_minor == 270_00  # of what North gets back Riverside learns nothing
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00 + 270_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 400_00 + 240_00
    assert given.credit_minor == 360_00 and given.to_advance_minor == 0
    assert balance(cast, cast.riverside, "receivable_customers") == 240_00
    with acting(cast.padma, cast.riverside):
        again = preview_refund(subscription_id=customer.subscription_id, on=day_12, now=noon(day_12))
    assert again.days == 0


def test_a_refund_of_a_paid_bill_becomes_advance(cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 11, 2))
    day = date(2026, 11, 12)
    with acting(cast.padma, cast.riverside):
        given = disconnect_customer(subscription_id=customer.subscription_id, on=day, now=noon(day), why="moved away")
    assert given.to_advance_minor == 360_00
    assert balance(cast, cast.riverside, "customer_advances") == -360_00


def test_disconnect_on_the_last_day_refunds_nothing(cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    last = date(2026, 11, 30)
    with acting(cast.padma, cast.riverside):
        given = disconnect_customer(subscription_id=customer.subscription_id, on=last, now=noon(last), why="moved away")
    assert (given.days, given.credit_minor, given.back_minor) == (0, 0, 0)


def test_oracle_2_short_at_the_grandparent_charges_nobody_and_keeps_the_payment(cast: Cast) -> None:
    """North's fund is short: no charge anywhere, the bill held, the payment kept; after a top-up the retry bills."""
    fill_funds(cast, north=399_99, riverside=300_000_00)
    customer = taken_over(cast, cast.riverside)
    report = night(cast, NOV_1)
    assert (report.created, report.held) == (0, 1)
    assert fund(cast, cast.riverside, cast.north) == 300_000_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 399_99
    assert invoices(cast, cast.riverside) == []

    receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1)
    assert receipt.surplus_minor == 600_00
    fill_funds(cast, north=100_00, riverside=0, on=NOV_1)
    for _ in range(2):
        bill_isp(cast.padma, on=NOV_1, now=noon(NOV_1), only_held=True, top_id=cast.north)
    assert len(invoices(cast, cast.riverside)) == 1
    assert fund(cast, cast.north, cast.padma.isp_id) == 399_99 + 100_00 - 400_00
    assert balance(cast, cast.riverside, "receivable_customers") == 0
    assert balance(cast, cast.riverside, "customer_advances") == 0


def test_a_sign_up_that_some_level_cannot_pay_leaves_nothing_behind(cast: Cast) -> None:
    """All of it or nothing; the child learns its own shortage, and of its provider's only that it cannot serve."""
    fill_funds(cast, north=0, riverside=300_000_00)
    with acting(cast.padma, cast.riverside):
        with pytest.raises(UpstreamShort):
            sign_up_customer(customer=new_customer(cast), on=NOV_1, now=noon(NOV_1))
        assert rows("SELECT 1 FROM customer") == rows("SELECT 1 FROM radius_login") == []
    fill_funds(cast, north=1_000_00, riverside=0, on=NOV_1)
    with acting(cast.padma, cast.north), pytest.raises(FundTooLow):
        for _ in range(3):
            sign_up_customer(customer=new_customer(cast), on=NOV_1, now=noon(NOV_1))


def test_a_held_renewal_stays_online_for_short_days_then_is_cut_and_starts_anew_on_its_return(cast: Cast) -> None:
    """SPEC 2.3: own fund short 1 day; cut, the period starts on return and the lost days are not billed."""
    fill_funds(cast, riverside=100_00)
    customer = taken_over(cast, cast.riverside)
    assert night(cast, NOV_1).cut == 0
    assert night(cast, date(2026, 11, 2)).cut == 1
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "walled"
        assert [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL")] == ["fund_short"]
    fill_funds(cast, north=0, riverside=1_000_00, on=date(2026, 11, 6))
    night(cast, date(2026, 11, 6))
    (bill,) = invoices(cast, cast.riverside)
    assert (bill["starts_on"], bill["ends_on"]) == (date(2026, 11, 6), date(2026, 12, 1))
    assert bill["net_minor"] == 500_00  # 25 of 30 days at 600.00
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "open"
    assert customer.customer_id == bill["customer_id"]


def test_a_held_renewal_that_stays_online_keeps_its_start(cast: Cast) -> None:
    """SPEC 2.3: upstream short is borne for 3 days; paid for within them, the period keeps its start."""
    fill_funds(cast, north=0, riverside=1_000_00)
    taken_over(cast, cast.riverside)
    assert [night(cast, date(2026, 11, day)).cut for day in (1, 2, 3)] == [0, 0, 0]
    fill_funds(cast, north=1_000_00, riverside=0, on=date(2026, 11, 3))
    night(cast, date(2026, 11, 3))
    (bill,) = invoices(cast, cast.riverside)
    assert bill["starts_on"] == NOV_1 and bill["net_minor"] == 600_00


def test_a_held_renewal_is_told_at_the_price_that_it_will_be_billed_at(cast: Cast) -> None:
    fill_funds(cast, riverside=100_00)
    customer = taken_over(cast, cast.riverside, custom_price_minor=550_00)
    october = date(2026, 10, 20)
    with acting(cast.padma, cast.riverside):
        for starts_on, price in ((NOV_1, 700_00), (date(2026, 12, 1), 900_00)):
            set_custom_price(
                subscription_id=customer.subscription_id, price_minor=price, starts_on=starts_on, today=october,
                now=noon(october),
            )  # fmt: skip
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        assert [held["price_minor"] for held in list_held_bills()] == [700_00]
    fill_funds(cast, north=0, riverside=1_000_00, on=NOV_1)
    night(cast, NOV_1, only_held=True)
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [700_00]


def test_oracle_3_three_runs_and_a_sign_up_at_once_bill_once(cast: Cast) -> None:
    fill_funds(cast)
    for operator_id in (cast.riverside, cast.north, cast.padma.isp_id):
        for _ in range(4):
            taken_over(cast, operator_id)
    errors: list[BaseException] = []

    def quietly(work: Any) -> None:
        try:
            work()
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    def sign_up() -> None:
        with acting(cast.padma, cast.riverside):
            sign_up_customer(customer=new_customer(cast), on=NOV_1, now=noon(NOV_1))

    work = [*[lambda: night(cast, NOV_1, slice_bills=2)] * 3, sign_up]
    threads = [threading.Thread(target=quietly, args=(item,)) for item in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    night(cast, NOV_1)
    assert errors == []
    bills = [len(invoices(cast, operator_id)) for operator_id in (cast.riverside, cast.north, cast.padma.isp_id)]
    assert bills == [5, 4, 4]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 5 * 450_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 9 * 400_00


def test_oracle_6_nothing_of_a_sibling_is_reached(cast: Cast) -> None:
    fill_funds(cast, rival=100_000_00)
    theirs = taken_over(cast, cast.rival)
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        for table in (
            "customer",
            "subscription",
            "invoice",
            "entry",
            "posting",
            "charge",
            "radius_login",
            "fund",
            "invoice_open",
        ):
            assert (
                rows(
                    f"SELECT 1 FROM {table} WHERE {'child_id' if table in ('charge', 'fund') else 'operator_id'} = %s",
                    [cast.rival],
                )
                == []
            )
        assert rows("SELECT * FROM search_customers('customer', 10)") == []
        with pytest.raises(Exception, match="no such customer"):
            record_payment(
                customer_id=theirs.customer_id,
                amount_minor=1,
                method="cash",
                received_on=NOV_1,
                now=noon(NOV_1),
                request_key="k",
            )


def test_oracle_7_the_isps_books_do_not_change_when_a_sub_operator_takes_cash(cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    before = trial_balance(cast, cast.padma.isp_id), trial_balance(cast, cast.north)
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 11, 3))
    assert (trial_balance(cast, cast.padma.isp_id), trial_balance(cast, cast.north)) == before
    assert balance(cast, cast.riverside, "cash") == 600_00


def test_a_payment_of_a_suspended_customer_brings_the_service_back_with_a_period_from_today(cast: Cast) -> None:
    """SPEC 2.3: no period begins while blocked; the return starts one, charged on every edge."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        execute(
            "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id) "
            "VALUES (%s, %s, 'unpaid', '2026-11-20', '2026-11-20', 0)",
            [cast.riverside, customer.subscription_id],
        )
    assert night(cast, date(2026, 12, 1)).created == 0
    receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 12, 7))
    assert receipt.service == "back"
    _, december = invoices(cast, cast.riverside)
    assert (december["starts_on"], december["ends_on"]) == (date(2026, 12, 7), date(2027, 1, 1))
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00 - 362_90  # 450.00 × 25/31


def test_a_payment_that_the_chain_cannot_follow_is_kept_and_the_service_waits(cast: Cast) -> None:
    """ "Paid, service pending": the payment stands, the renewal is held, a top-up brings the service back by itself."""
    fill_funds(cast, riverside=500_00)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        execute(
            "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id) "
            "VALUES (%s, %s, 'unpaid', '2026-11-20', '2026-11-20', 0)",
            [cast.riverside, customer.subscription_id],
        )
    receipt = pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 12, 7))
    assert receipt.service == "pending"
    assert balance(cast, cast.riverside, "cash") == 600_00
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "walled"
    fill_funds(cast, north=0, riverside=1_000_00, on=date(2026, 12, 9))
    bill_isp(cast.padma, on=date(2026, 12, 9), now=noon(date(2026, 12, 9)), only_held=True)
    assert invoices(cast, cast.riverside)[-1]["starts_on"] == date(2026, 12, 9)
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "open"


def test_reversing_a_payment_reopens_its_bills_and_takes_its_advance_back_from_later_ones(cast: Cast) -> None:
    """SPEC 2.8, B29: only appended rows; what later bills used of the advance is taken back, newest first."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    receipt = pay(cast, cast.riverside, customer.customer_id, 1_500_00, date(2026, 11, 3))
    night(cast, date(2026, 12, 1))
    night(cast, date(2027, 1, 1))
    assert balance(cast, cast.riverside, "receivable_customers") == 300_00
    with acting(cast.padma, cast.riverside):
        entries = rows("SELECT id FROM entry ORDER BY id")
        day = date(2027, 1, 15)
        reverse_payment(payment_id=receipt.payment_id, on=day, now=noon(day), reason="cheque came back")
        assert [row for row in rows("SELECT id FROM entry ORDER BY id") if row in entries] == entries
        assert [row["open_minor"] for row in rows("SELECT open_minor FROM invoice_open ORDER BY due_on")] == [
            600_00
        ] * 3
        assert rows("SELECT advance_minor FROM customer_advance")[0]["advance_minor"] == 0
    assert balance(cast, cast.riverside, "receivable_customers") == 1_800_00
    assert balance(cast, cast.riverside, "cash") == 0


def test_missed_nights_are_caught_up_each_at_its_own_date(cast: Cast) -> None:
    fill_funds(cast)
    for joined in (date(2026, 10, 2), date(2026, 10, 4)):
        taken_over(
            cast,
            cast.north,
            billed_until=date(2026, 11, joined.day),
            joined_on=joined,
            profile=(cast.padma.isp_id, cast.profiles["Monthly anniversary"]),
        )
    assert [report.on.day for report in bill_missing_nights(cast.padma, today=NOV_1, now=noon(NOV_1))] == [1]
    late = date(2026, 11, 5)
    reports = bill_missing_nights(cast.padma, today=late, now=noon(late))
    assert [(report.on.day, report.created) for report in reports] == [(2, 1), (3, 0), (4, 1), (5, 0)]
    assert [bill["issued_on"].day for bill in invoices(cast, cast.north)] == [2, 4]
    assert bill_missing_nights(cast.padma, today=late, now=noon(late)) == []


def test_a_bill_past_due_and_grace_suspends_and_paying_it_brings_the_service_back(cast: Cast) -> None:
    """SPEC B15, B25: due on the 8th, 2 days of grace: online through the 10th, off from the 11th, back when paid."""
    fill_funds(cast)
    with acting(cast.padma):
        rules = ProfileRules(due_days=7, grace_days=2, auto_suspend=True)
        strict = add_billing_profile(name="Strict", rules=rules, handed_down=True)
    customer = taken_over(cast, cast.riverside, profile=(cast.padma.isp_id, strict))
    suspended = [night(cast, date(2026, 11, day)).suspended for day in (1, 8, 10, 11, 12)]
    assert suspended == [0, 0, 0, 1, 0]
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "walled"
    assert pay(cast, cast.riverside, customer.customer_id, 599_99, date(2026, 11, 13)).service == "unchanged"
    assert pay(cast, cast.riverside, customer.customer_id, 1, date(2026, 11, 13)).service == "back"
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT access FROM radius_login")[0]["access"] == "open"
    assert len(invoices(cast, cast.riverside)) == 1  # the running period was charged already


def test_an_isp_sees_of_its_run_what_its_edges_say_and_no_price_of_its_resellers(cast: Cast) -> None:
    """SPEC §3: a grandparent never sees a price between those below it, nor what their customers pay."""
    fill_funds(cast, riverside=100_00)
    for operator_id in (cast.padma.isp_id, cast.north, cast.riverside):
        taken_over(cast, operator_id)
    report = night(cast, NOV_1)
    assert (report.created, report.held) == (2, 1)
    seen = report.seen_by(cast.padma.isp_id)
    assert (seen.created, seen.held, seen.billed_minor) == (2, 1, 600_00)
    assert [edge["child"] for edge in seen.edges] == ["North"]
    assert [fund["operator"] for fund in report.short] == ["Riverside"] and seen.short == []
