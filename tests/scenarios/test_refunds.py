"""Leaving: what comes back on every edge and to the customer, once (SPEC 2.6); advances paid back; release (2.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backhaul.billing.refunds import Refund, disconnect_customer, preview_refund
from backhaul.billing.runs import bill_isp
from backhaul.billing.services import FundTooLow, bring_back
from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package
from backhaul.common.errors import KeyReused, NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work
from backhaul.payments.paid_back import AdvanceGone, AdvanceTooSmall, PaidBack, pay_back_advance
from backhaul.payments.queries import list_statement
from backhaul.payments.services import reverse_payment
from backhaul.subscribers.services import StatusRefused, suspend_subscription
from tests.builders import acting
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, fund, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over

NORTH = 1_500_000_00
RIVERSIDE = 300_000_00


def leave(cast: Cast, operator_id: int, service: int, day: date, **options: Any) -> Refund:
    with acting(cast.padma, operator_id):
        return disconnect_customer(subscription_id=service, on=day, now=noon(day), why="moved", **options)


def promised(cast: Cast, operator_id: int, service: int, day: date, **options: Any) -> Refund:
    with acting(cast.padma, operator_id):
        return preview_refund(subscription_id=service, on=day, now=noon(day), **options)


def back(cast: Cast, operator_id: int, service: int, day: date, reason: str = "left") -> Any:
    with acting(cast.padma, operator_id):
        return bring_back(subscription_id=service, reason=reason, on=day, now=noon(day), hold=False)


def edge(cast: Cast, child_id: int, parent_id: int, **terms: object) -> None:
    """What a parent agrees on with a child."""
    with acting(cast.padma, parent_id):
        set_edge_terms(child_id=child_id, **terms)


def profile(cast: Cast, name: str, **rules: Any) -> tuple[int, int]:
    """A billing profile of Padma, handed down."""
    with acting(cast.padma):
        return cast.padma.isp_id, add_billing_profile(name=name, rules=ProfileRules(**rules), handed_down=True)


def spent(cast: Cast) -> tuple[int, int]:
    """What Riverside's and North's funds have been charged in all, less what came back."""
    return RIVERSIDE - fund(cast, cast.riverside, cast.north), NORTH - fund(cast, cast.north, cast.padma.isp_id)


def refunds(cast: Cast, operator_id: int) -> list[dict[str, Any]]:
    with acting(cast.padma, operator_id):
        return rows(
            "SELECT * FROM charge_refund WHERE child_id = %s ORDER BY invoice_id, starts_on, part", [operator_id]
        )


def test_each_edge_gives_back_by_its_own_policy(cast: Cast) -> None:
    """Day 12 of 30, 18 days unused. Padma keeps a minimum of 100.00: 240.00 − 100.00; North gives nothing back."""
    fill_funds(cast)
    edge(cast, cast.north, cast.padma.isp_id, refund_policy="less_minimum", refund_minimum_minor=100_00)
    edge(cast, cast.riverside, cast.north, refund_policy="none")
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    day = date(2026, 11, 12)
    expected = promised(cast, cast.riverside, service, day)
    assert leave(cast, cast.riverside, service, day) == expected
    assert (expected.days, expected.back_minor, expected.credit_minor) == (18, 0, 360_00)
    assert spent(cast) == (450_00, 400_00 - 140_00)
    assert_proved()


def test_a_minimum_above_what_is_left_keeps_it_all(cast: Cast) -> None:
    """18 days of 450.00 are 270.00: with a minimum of 270.01 nothing comes back, and never does."""
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, refund_policy="less_minimum", refund_minimum_minor=270_01)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    assert leave(cast, cast.riverside, service, date(2026, 11, 12)).back_minor == 0
    edge(cast, cast.riverside, cast.north, refund_policy="unused_days")
    assert promised(cast, cast.riverside, service, date(2026, 11, 12)).back_minor == 0
    assert spent(cast) == (450_00, 160_00)
    assert_proved()


def test_leaving_twice_gives_back_once(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    day = date(2026, 11, 12)
    leave(cast, cast.riverside, service, day)
    with pytest.raises(StatusRefused):
        leave(cast, cast.riverside, service, day)
    with acting(cast.padma, cast.riverside):
        again = call("refund_unused_days", subscription=service, on=day, now=noon(day), retail=True, preview=False)
    assert again == {"days": 0, "back_minor": 0, "credit_minor": 0, "to_advance_minor": 0}
    assert spent(cast) == (180_00, 160_00)
    assert_proved()


def test_the_credit_note_is_the_operators_own_decision(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    given = leave(cast, cast.riverside, service, date(2026, 11, 12), credit_customer=False)
    assert (given.credit_minor, given.back_minor) == (0, 270_00)
    assert balance(cast, cast.riverside, "receivable_customers") == 600_00
    assert_proved()


def test_a_bill_paid_in_part_is_credited_up_to_its_due_and_the_rest_is_advance(cast: Cast) -> None:
    """600.00, 400.00 paid, 200.00 due; 360.00 credited: 200.00 against the bill, 160.00 to the advance."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 400_00, date(2026, 11, 3))
    given = leave(cast, cast.riverside, customer.subscription_id, date(2026, 11, 12))
    assert (given.credit_minor, given.to_advance_minor) == (360_00, 160_00)
    assert balance(cast, cast.riverside, "receivable_customers") == 0
    assert balance(cast, cast.riverside, "customer_advances") == -160_00
    assert_proved()


def test_days_of_a_daily_edge_that_were_not_charged_do_not_come_back(cast: Cast) -> None:
    """North charges Riverside by the day: 12 days of 15.00 are charged, none is unused; Padma gives 18 days back."""
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, charge_timing="daily")
    service = taken_over(cast, cast.riverside).subscription_id
    for day in range(1, 13):
        night(cast, date(2026, 11, day))
    given = leave(cast, cast.riverside, service, date(2026, 11, 12))
    assert (given.days, given.back_minor, given.credit_minor) == (18, 0, 360_00)
    assert spent(cast) == (180_00, 160_00)
    night(cast, date(2026, 11, 13))
    assert spent(cast) == (180_00, 160_00)
    assert_proved()


def test_future_cycles_of_a_longer_term_come_back_too(cast: Cast) -> None:
    """Three months at 1,700.00 from 1 November (92 days), left on 12 December (day 42): 50 days are unused.

    Retail: 1,700.00 − A(42) = 1,700.00 − 776.09 = 923.91. North charges the whole term, 3 × 450.00 = 1,350.00:
    A(42) = 616.30, so 733.70 comes back. Padma charges cycle by cycle: December 400.00, 12 of 31 days used: A(12) =
    154.84, so 245.16 comes back; November stays.
    """
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, charge_whole_term=True)
    with acting(cast.padma):
        quarter = add_package(
            name="Quarter", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], price_minor=1_700_00,
            term_months=3, handed_down=True,
        )  # fmt: skip
    service = taken_over(cast, cast.riverside, package=(cast.padma.isp_id, quarter)).subscription_id
    night(cast, NOV_1)
    night(cast, date(2026, 12, 1))
    assert spent(cast) == (1_350_00, 800_00)
    given = leave(cast, cast.riverside, service, date(2026, 12, 12))
    assert (given.days, given.credit_minor, given.back_minor) == (50, 923_91, 733_70)
    assert spent(cast) == (616_30, 400_00 + 154_84)
    assert back(cast, cast.riverside, service, date(2026, 12, 20)).created == 1
    assert_proved()


def test_where_unpaid_days_are_credited_the_refund_begins_after_the_last_enabled_day(cast: Cast) -> None:
    """Cut as unpaid on the 11th, left on the 20th. Edge North → Riverside and the profile credit unpaid days.

    Riverside gets back the 11th to the 30th, 20 days: 300.00; its customer 400.00. Padma does not credit such days:
    10 days from the 21st, 133.33 (A(30) − A(20) = 400.00 − 266.67).
    """
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, credit_days_for=["unpaid"])
    strict = profile(cast, "Strict", due_days=7, grace_days=2, auto_suspend=True, credit_days_for=("unpaid",))
    service = taken_over(cast, cast.riverside, profile=strict).subscription_id
    for day in (1, 11):
        night(cast, date(2026, 11, day))
    leaves_on = date(2026, 11, 20)
    expected = promised(cast, cast.riverside, service, leaves_on)
    assert leave(cast, cast.riverside, service, leaves_on) == expected
    assert (expected.days, expected.back_minor, expected.credit_minor) == (20, 300_00, 400_00)
    assert spent(cast) == (150_00, 266_67)
    assert_proved()


def test_a_period_billed_at_its_end_is_billed_until_the_day_of_leaving(cast: Cast) -> None:
    """In arrears nothing is billed yet: 18 days come back on the edges, and the next night bills the 12 days used."""
    fill_funds(cast)
    arrears = profile(cast, "At its end", billed="arrears", due_days=7)
    service = taken_over(cast, cast.riverside, profile=arrears).subscription_id
    night(cast, NOV_1)
    given = leave(cast, cast.riverside, service, date(2026, 11, 12))
    assert (given.days, given.back_minor, given.credit_minor) == (18, 270_00, 0)
    night(cast, date(2026, 11, 13))
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [240_00]
    assert spent(cast) == (180_00, 160_00)
    assert_proved()


def test_the_refund_of_a_gift_comes_back_out_of_what_the_gift_cost(cast: Cast) -> None:
    fill_funds(cast)
    free = profile(cast, "Staff", billing_type="free")
    service = taken_over(cast, cast.riverside, profile=free).subscription_id
    night(cast, NOV_1)
    assert balance(cast, cast.riverside, "complimentary_service") == 450_00
    assert leave(cast, cast.riverside, service, date(2026, 11, 12)).back_minor == 270_00
    assert balance(cast, cast.riverside, "complimentary_service") == 180_00
    assert balance(cast, cast.riverside, "wholesale_cost") == 0
    assert_proved()


def test_who_comes_back_where_only_an_upper_edge_gave_back_is_charged_there_alone(cast: Cast) -> None:
    """North gives nothing back and the customer gets no credit: the bill runs on. Padma's edge is charged again."""
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, refund_policy="none")
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    leave(cast, cast.riverside, service, date(2026, 11, 12), credit_customer=False)
    assert spent(cast) == (450_00, 160_00)
    assert back(cast, cast.riverside, service, date(2026, 11, 21)).created == 0
    assert spent(cast) == (450_00, 160_00 + 133_33)  # A(30) − A(20)
    assert len(invoices(cast, cast.riverside)) == 1
    assert_proved()


def dead_since(cast: Cast, service: int, day: date) -> None:
    with acting(cast.padma, cast.riverside):
        suspend_subscription(subscription_id=service, why="gone quiet", on=day, at=noon(day))


def release(cast: Cast, day: date) -> int:
    with unit_of_work(cast.padma, using="batch"):
        return int(call("release_dead_services", "batch", isp=cast.padma.isp_id, top=cast.north, on=day, now=noon(day)))


def test_an_edge_that_releases_credits_the_rest_of_the_period_of_a_dead_service(cast: Cast) -> None:
    """Suspended by hand on the 5th: off from the 6th. Released after 5 days, on the 11th: 20 days of 450.00 = 300.00.

    Padma does not release: its 400.00 stand. The customer's bill stands too. Back on the 21st: 10 days are charged
    again to Riverside, 150.00, and leaving that day gives 9 of them back.
    """
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    dead_since(cast, service, date(2026, 11, 5))
    assert release(cast, date(2026, 11, 10)) == 0
    assert [release(cast, date(2026, 11, 11)) for _ in range(2)] == [1, 0]
    assert spent(cast) == (150_00, 400_00)
    assert release(cast, date(2026, 11, 12)) == 0
    assert back(cast, cast.riverside, service, date(2026, 11, 21), "by_hand").created == 0
    assert spent(cast) == (300_00, 400_00)
    assert [(row["reason"], row["part"], row["net_minor"]) for row in refunds(cast, cast.riverside)] == [
        ("released", 0, 300_00)
    ]
    given = leave(cast, cast.riverside, service, date(2026, 11, 21))
    assert (given.days, given.back_minor, given.credit_minor) == (9, 135_00, 180_00)
    assert spent(cast) == (165_00, 400_00 - 120_00)
    assert_proved()


def test_a_released_service_that_its_fund_cannot_pay_again_stays_off(cast: Cast) -> None:
    fill_funds(cast, riverside=450_00)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    dead_since(cast, service, date(2026, 11, 5))
    release(cast, date(2026, 11, 11))
    taken_over(cast, cast.riverside, date(2026, 11, 11))
    night(cast, date(2026, 11, 11))  # 300.00 for the 20 days of another customer
    with pytest.raises(FundTooLow):
        back(cast, cast.riverside, service, date(2026, 11, 21), "by_hand")
    assert_proved()


def test_who_pays_for_a_released_service_waits_for_funds_and_comes_back_with_them(cast: Cast) -> None:
    """Cut as unpaid on the 5th, released on the 10th. Riverside's fund is empty when the customer pays on the 21st.

    The payment stands and the service waits for 150.00; the recharge brings it back, charged once for its 10 days.
    """
    fill_funds(cast, riverside=450_00)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    strict = profile(cast, "Strict", due_days=2, grace_days=1, auto_suspend=True)
    customer = taken_over(cast, cast.riverside, profile=strict)
    night(cast, NOV_1)
    night(cast, date(2026, 11, 5))
    night(cast, date(2026, 11, 10))
    assert [row["net_minor"] for row in refunds(cast, cast.riverside)] == [315_00]  # from the 10th: 21 days
    taken_over(cast, cast.riverside, date(2026, 11, 10))
    night(cast, date(2026, 11, 10))
    assert fund(cast, cast.riverside, cast.north) == 0
    day = date(2026, 11, 21)
    assert pay(cast, cast.riverside, customer.customer_id, 600_00, day).service == "pending"
    with acting(cast.padma, cast.riverside):
        assert [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL")] == ["fund_short"]
        assert rows("SELECT short_minor FROM held_bill") == [{"short_minor": 150_00}]
    fill_funds(cast, north=0, riverside=200_00, on=day)
    for _ in range(2):
        bill_isp(cast.padma, on=day, now=noon(day), only_held=True, top_id=cast.north)
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT 1 FROM block WHERE to_at IS NULL") == rows("SELECT 1 FROM held_bill") == []
        assert {row["access"] for row in rows("SELECT access FROM radius_login")} == {"open"}
    assert fund(cast, cast.riverside, cast.north) == 50_00
    assert_proved()


def test_what_was_charged_again_is_not_charged_a_third_time(cast: Cast) -> None:
    """Released on the 11th and back on the 21st: 150.00 again. Stopped on the 23rd, back on the 25th: nothing more."""
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, release_after_days=5)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    dead_since(cast, service, date(2026, 11, 5))
    release(cast, date(2026, 11, 11))
    back(cast, cast.riverside, service, date(2026, 11, 21), "by_hand")
    dead_since(cast, service, date(2026, 11, 23))
    back(cast, cast.riverside, service, date(2026, 11, 25), "by_hand")
    assert spent(cast) == (300_00, 400_00)
    assert_proved()


def test_a_bill_that_was_not_credited_is_not_credited_with_the_one_that_took_its_days_over(cast: Cast) -> None:
    """Left on the 12th without a credit note, back on the 20th (220.00 for 11 days), left on the 25th: 100.00 back."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    leave(cast, cast.riverside, service, date(2026, 11, 12), credit_customer=False)
    assert back(cast, cast.riverside, service, date(2026, 11, 20)).billed_minor == 220_00
    assert leave(cast, cast.riverside, service, date(2026, 11, 25)).credit_minor == 100_00
    assert_proved()


def test_a_customer_that_left_is_not_released(cast: Cast) -> None:
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, release_after_days=5, refund_policy="none")
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    leave(cast, cast.riverside, service, date(2026, 11, 5))
    assert release(cast, date(2026, 11, 20)) == 0
    assert spent(cast) == (450_00, 66_67)
    assert_proved()


def pay_back(cast: Cast, customer_id: int, amount: int, day: date, key: str = "back-1", **options: Any) -> PaidBack:
    with acting(cast.padma, cast.riverside):
        return pay_back_advance(
            customer_id=customer_id, amount_minor=amount, method=options.get("method", "cash"), on=day, now=noon(day),
            why="closed the account", request_key=key,
        )  # fmt: skip


def test_an_advance_is_paid_back_in_cash_once_and_never_more_than_it_is(cast: Cast) -> None:
    """Paid 600.00, left on day 12: 360.00 of advance. 200.00 go back in cash, then the other 160.00 by bank."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 11, 2))
    day = date(2026, 11, 12)
    leave(cast, cast.riverside, customer.subscription_id, day)
    first, second = (pay_back(cast, customer.customer_id, 200_00, day) for _ in range(2))
    assert (first.left_minor, first.repeated, second.repeated) == (160_00, False, True)
    assert first.payment_id == second.payment_id and first.receipt_number == 2
    with pytest.raises(AdvanceTooSmall):
        pay_back(cast, customer.customer_id, 160_01, day, "back-2")
    with pytest.raises(KeyReused):
        pay_back(cast, customer.customer_id, 100_00, day)
    pay_back(cast, customer.customer_id, 160_00, day, "back-3", method="bank")
    assert balance(cast, cast.riverside, "cash") == 400_00
    assert balance(cast, cast.riverside, "bank") == -160_00
    assert balance(cast, cast.riverside, "customer_advances") == 0
    with acting(cast.padma, cast.riverside):
        (month,) = list_statement(customer.customer_id)
        assert (month["paid_minor"], month["paid_back_minor"], month["closing_minor"]) == (600_00, 360_00, 0)
    assert_proved()


def test_an_advance_paid_back_is_no_payment_to_take_back_and_its_payment_stands(cast: Cast) -> None:
    """1,000.00 for a bill of 600.00, 400.00 paid back: the cheque cannot bounce as if the money were still there."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    day = date(2026, 11, 2)
    receipt = pay(cast, cast.riverside, customer.customer_id, 1_000_00, day)
    given = pay_back(cast, customer.customer_id, 400_00, day)
    for payment, refusal in ((given.payment_id, NotFound), (receipt.payment_id, AdvanceGone)):
        with acting(cast.padma, cast.riverside), pytest.raises(refusal):
            reverse_payment(payment_id=payment, on=day, now=noon(day), reason="bounced")
    assert_proved()
