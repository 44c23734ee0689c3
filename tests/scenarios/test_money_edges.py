"""Money at its edges: leaving and coming back, closed books, dates and amounts out of the ordinary (SPEC 2.3–2.8)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.queries import count_held
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.billing.services import bring_back
from backhaul.catalog.services import set_tariff_price, set_vat
from backhaul.common.errors import InvalidInput, KeyReused, Refusal
from backhaul.common.money import MAX_MINOR
from backhaul.funds.services import LimitInUse, recharge_fund, reverse_recharge, set_edge_terms
from backhaul.ledger.periods import close_books
from backhaul.operators.functions import execute, rows, savepoint
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import disable_subscription, suspend_subscription
from tests.builders import acting, build_operator, request_key
from tests.cast import START, Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, balance, fund, night, noon, trial_balance
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over


def leave(cast: Cast, operator_id: int, subscription_id: int, day: date, *, credit: bool = True) -> Any:
    with acting(cast.padma, operator_id):
        return disconnect_customer(
            subscription_id=subscription_id, on=day, now=noon(day), why="moved", credit_customer=credit
        )


def come_back(cast: Cast, operator_id: int, subscription_id: int, day: date, reason: str = "left") -> Any:
    with acting(cast.padma, operator_id):
        return bring_back(subscription_id=subscription_id, reason=reason, on=day, now=noon(day), hold=False)


def login(cast: Cast, operator_id: int) -> str:
    with acting(cast.padma, operator_id):
        return str(rows("SELECT access FROM radius_login")[0]["access"])


def test_who_is_restored_within_the_period_that_was_given_back_pays_for_the_days_left(cast: Cast) -> None:
    """SPEC 2.6: restore = a new charge for the days left; again and again, no day is billed twice or never."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    service = customer.subscription_id
    night(cast, NOV_1)
    leave(cast, cast.riverside, service, date(2026, 11, 12))
    assert come_back(cast, cast.riverside, service, date(2026, 11, 15)).created == 1
    assert leave(cast, cast.riverside, service, date(2026, 11, 20)).days == 10
    assert come_back(cast, cast.riverside, service, date(2026, 11, 20)).created == 0  # that day was paid for
    assert night(cast, date(2026, 11, 21)).created == 1
    billed = [(bill["starts_on"].day, bill["net_minor"]) for bill in invoices(cast, cast.riverside)]
    assert billed == [(1, 600_00), (15, 320_00), (21, 200_00)]
    # 12 + 6 + 10 of 30 days used, at 450.00 and 400.00
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 420_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 373_33
    assert balance(cast, cast.riverside, "receivable_customers") == 560_00
    assert night(cast, date(2026, 12, 1)).created == 1
    assert_proved()


def test_a_restored_customer_is_charged_on_the_edge_also_where_it_was_given_no_credit(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    assert leave(cast, cast.riverside, service, date(2026, 11, 12), credit=False).credit_minor == 0
    assert come_back(cast, cast.riverside, service, date(2026, 11, 13)).created == 1
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00
    assert_proved()


def test_what_a_stopped_customer_would_cost_waits_for_no_recharge_and_its_stop_stays(cast: Cast) -> None:
    """A held renewal of who has left or was disabled is no call for funds, and never turns a reject into a wall."""
    fill_funds(cast, riverside=100_00)
    gone, stopped, waiting = (taken_over(cast, cast.riverside).subscription_id for _ in range(3))
    assert night(cast, NOV_1).held == 3
    leave(cast, cast.riverside, gone, NOV_1)
    with acting(cast.padma, cast.riverside):
        disable_subscription(subscription_id=stopped, why="abuse", on=NOV_1, at=noon(NOV_1))
        assert count_held()["own"] == 1
    with acting(cast.padma, cast.north):
        assert count_held()["below"] == 1
    report = night(cast, date(2026, 11, 5))
    assert report.cut == 1 and [fund["bills"] for fund in report.short] == [1]
    with acting(cast.padma, cast.riverside):
        found = rows("SELECT subscription_id, access FROM radius_login ORDER BY subscription_id")
        assert [row["access"] for row in found] == ["reject", "reject", "walled"]
        cut = rows("SELECT subscription_id FROM block WHERE reason = 'fund_short'")
        assert cut == [{"subscription_id": waiting}]


def test_a_suspended_service_whose_renewal_is_paid_for_stays_suspended(cast: Cast) -> None:
    """Each block lifts by its own cause only: funds lift fund_short, not what a person or a debt imposed."""
    fill_funds(cast, riverside=100_00)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    night(cast, date(2026, 11, 2))
    day = date(2026, 11, 3)
    with acting(cast.padma, cast.riverside):
        suspend_subscription(subscription_id=service, why="asked", on=day, at=noon(day))
    fill_funds(cast, north=0, riverside=1_000_00, on=day)
    assert night(cast, day).created == 0
    assert come_back(cast, cast.riverside, service, date(2026, 11, 6), "by_hand").created == 0
    assert login(cast, cast.riverside) == "walled"  # the renewal still waits for the night
    assert night(cast, date(2026, 11, 7)).created == 1
    assert login(cast, cast.riverside) == "open"
    assert invoices(cast, cast.riverside)[0]["starts_on"] == date(2026, 11, 7)


def test_one_operators_closed_books_do_not_stop_the_night_of_the_others(cast: Cast) -> None:
    """A missed night lies in Riverside's closed days: the others are billed at its date, Riverside at the next."""
    fill_funds(cast, rival=1_000_00)
    for operator_id in (cast.riverside, cast.north, cast.rival, cast.padma.isp_id):
        taken_over(cast, operator_id)
    bill_missing_nights(cast.padma, today=date(2026, 10, 31), now=noon(date(2026, 10, 31)))
    late = date(2026, 11, 3)
    with acting(cast.padma, cast.riverside):
        close_books(through=date(2026, 11, 1), now=noon(late))
        with pytest.raises(Refusal, match="through today"), savepoint():
            close_books(through=date(2026, 11, 30), now=noon(late))
    reports = bill_missing_nights(cast.padma, today=late, now=noon(late))
    assert [(report.created, report.failed) for report in reports] == [(3, 1), (1, 0), (0, 0)]
    assert [item["reason"] for item in reports[0].exceptions] == ["period_closed"]
    (bill,) = invoices(cast, cast.riverside)
    assert (bill["starts_on"], bill["issued_on"]) == (NOV_1, date(2026, 11, 2))
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00


def test_a_run_dated_ahead_does_not_stop_the_nights_before_it(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.north)
    night(cast, NOV_1)
    bill_isp(cast.padma, on=date(2026, 11, 3), now=noon(date(2026, 11, 2)))  # by hand, to see what comes
    taken_over(cast, cast.north, billed_until=date(2026, 11, 3))
    today = date(2026, 11, 3)
    reports = bill_missing_nights(cast.padma, today=today, now=noon(today))
    assert [(report.on.day, report.created) for report in reports] == [(2, 0), (3, 1)]


def test_a_slip_of_the_year_is_refused_before_anything_is_billed(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.north)
    for dry_run in (True, False):
        with pytest.raises(InvalidInput, match="year ahead"):
            bill_isp(cast.padma, on=date(2099, 1, 1), now=noon(NOV_1), dry_run=dry_run)
    assert night(cast, date(1900, 1, 1)).created == 0
    assert invoices(cast, cast.north) == []


def test_seven_months_behind_come_in_one_run_each_at_its_months_price(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside, billed_until=date(2026, 5, 17))
    assert night(cast, NOV_1).created == 7
    bills = invoices(cast, cast.riverside)
    assert bills[0]["net_minor"] == 290_32 and [bill["net_minor"] for bill in bills[1:]] == [600_00] * 6
    # 15 of May's 31 days at 450.00 and 400.00
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 217_74 - 6 * 450_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 193_55 - 6 * 400_00
    assert_proved()


def test_an_absurd_price_is_refused_and_the_dearest_kept_bills_and_refunds(cast: Cast) -> None:
    """What is not refused at the door must not burst a run or a refund."""
    with acting(cast.padma):
        set_vat(starts_on=START, registered=True, rate_bp=10_000)
    dearest = taken_over(cast, cast.padma.isp_id, custom_price_minor=MAX_MINOR)
    with acting(cast.padma):
        with pytest.raises(InvalidInput, match="larger"):
            set_custom_price(
                subscription_id=dearest.subscription_id, price_minor=MAX_MINOR + 1, starts_on=NOV_1, today=NOV_1,
                now=noon(NOV_1),
            )  # fmt: skip
        with pytest.raises(InvalidInput, match="larger"):
            record_payment(
                customer_id=dearest.customer_id, amount_minor=2**63, method="cash", received_on=NOV_1,
                now=noon(NOV_1), request_key="k",
            )  # fmt: skip
        with pytest.raises(InvalidInput, match="larger"):
            recharge_fund(
                child_id=cast.north, kind="recharge", amount_minor=10**30, on=NOV_1, paid="cash", request_key="k"
            )
        with pytest.raises(InvalidInput, match="negative"):
            set_edge_terms(child_id=cast.north, credit_limit_minor=-1, low_balance_minor=0)
    assert night(cast, NOV_1).billed_minor == 2 * MAX_MINOR
    given = leave(cast, cast.padma.isp_id, dearest.subscription_id, date(2026, 11, 15))
    assert given.credit_minor == MAX_MINOR
    assert_proved()


def test_a_postpaid_edge_stops_at_its_limit_with_a_clear_word(cast: Cast) -> None:
    """SPEC 2.2: a charge raises what is owed up to the limit, to the unit; a refund lowers it; repaid is repaid."""
    limits: dict[str, Any] = {"mode": "postpaid", "credit_limit_minor": 1_000_00}
    wired = build_operator(cast.padma, cast.padma.isp_id, "wired", owner=False, **limits)
    with acting(cast.padma):
        for plan in ("Home 10", "Home 20"):
            set_tariff_price(
                child_id=wired, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans[plan], starts_on=START,
                price_minor=500_00, today=START,
            )  # fmt: skip
    services = [taken_over(cast, wired).subscription_id for _ in range(3)]
    report = night(cast, NOV_1)
    assert (report.created, report.held) == (2, 1)
    with acting(cast.padma):
        with pytest.raises(LimitInUse), savepoint():
            recharge_fund(child_id=wired, kind="recharge_credit", amount_minor=1, on=NOV_1, paid=None, request_key="c")
        with pytest.raises(LimitInUse), savepoint():
            set_edge_terms(child_id=wired, credit_limit_minor=999_99, low_balance_minor=0)
        recharge_fund(
            child_id=wired, kind="recharge_repaid", amount_minor=1_000_00, on=NOV_1, paid="cash", request_key="r"
        )
    leave(cast, wired, services[0], date(2026, 11, 15))  # after it was paid: the parent owes it
    assert trial_balance(cast, wired)["payable_to_provider"] == 250_00
    assert night(cast, date(2026, 11, 16)).created == 1
    assert_proved()


@pytest.mark.parametrize("north_reclaims", [True, False, None])
def test_vat_of_each_seller_with_and_without_reclaim(db: object, north_reclaims: bool | None) -> None:
    """Padma 5 %, North 7.5 % with or without reclaim or not registered, Riverside not; half a period back."""
    cast = build_cast(vat_bp=500)
    later = date(2026, 6, 1)
    with acting(cast.padma, cast.north):
        registered = north_reclaims is not None
        set_vat(
            starts_on=later, registered=registered, rate_bp=750 if registered else 0,
            reclaims_input=bool(north_reclaims),
        )  # fmt: skip
    with acting(cast.padma, cast.riverside):
        set_vat(starts_on=later, registered=False, rate_bp=0)
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    leave(cast, cast.riverside, service, date(2026, 11, 15))
    to_north = 450_00 + (33_75 if registered else 0)
    # half of it comes back; the odd half unit of VAT stays with the seller: 33.75 − 16.88
    back = 225_00 + (16_87 if registered else 0)
    padma, north, riverside = (trial_balance(cast, one) for one in (cast.padma.isp_id, cast.north, cast.riverside))
    assert padma["vat_payable"] == -10_00 and padma["wholesale_revenue"] == -200_00
    assert north.get("input_vat", 0) == (10_00 if north_reclaims else 0)
    assert north["wholesale_cost"] == 200_00 + (0 if north_reclaims else 10_00)
    assert north.get("vat_payable", 0) == (-16_88 if registered else 0)
    assert riverside["wholesale_cost"] == to_north - back and "input_vat" not in riverside
    assert riverside["receivable_customers"] == 300_00 and "vat_payable" not in riverside
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - to_north + back
    assert_proved()


def test_two_services_of_one_customer_share_its_advance_once(cast: Cast) -> None:
    fill_funds(cast)
    first = taken_over(cast, cast.riverside)
    second = taken_over(cast, cast.riverside, custom_price_minor=0)
    third = taken_over(cast, cast.riverside)
    with acting(cast.padma, cast.riverside):
        for other in (second, third):
            execute(
                "UPDATE subscription SET customer_id = %s WHERE id = %s", [first.customer_id, other.subscription_id]
            )
    pay(cast, cast.riverside, first.customer_id, 1_000_00, date(2026, 10, 20))
    night(cast, NOV_1, slice_bills=2)
    with acting(cast.padma, cast.riverside):
        assert [row["open_minor"] for row in rows("SELECT open_minor FROM invoice_open")] == [200_00]
        assert rows("SELECT advance_minor FROM customer_advance") == [{"advance_minor": 0}]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 3 * 450_00  # free for the customer, not for Riverside
    assert_proved()


def test_who_has_paid_its_bill_with_vat_goes_first(db: object) -> None:
    """SPEC 2.3: of equal rank, the one already paid comes first: the whole bill, VAT included."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast, riverside=472_50)
    not_quite, paid = (taken_over(cast, cast.riverside) for _ in range(2))
    pay(cast, cast.riverside, not_quite.customer_id, 629_99, date(2026, 10, 20))
    pay(cast, cast.riverside, paid.customer_id, 630_00, date(2026, 10, 20))
    assert night(cast, NOV_1).held == 1
    assert [bill["subscription_id"] for bill in invoices(cast, cast.riverside)] == [paid.subscription_id]


@pytest.mark.parametrize("refund_first", [True, False])
def test_a_refund_and_the_reversal_of_its_payment_in_either_order_leave_the_days_used(
    cast: Cast, refund_first: bool
) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    receipt = pay(cast, cast.riverside, customer.customer_id, 1_000_00, date(2026, 11, 3))
    day = date(2026, 11, 12)

    def take_back() -> None:
        with acting(cast.padma, cast.riverside):
            reverse_payment(payment_id=receipt.payment_id, on=day, now=noon(day), reason="bounced")

    steps = [lambda: leave(cast, cast.riverside, customer.subscription_id, day), take_back]
    for step in steps if refund_first else reversed(steps):
        step()
    owed = balance(cast, cast.riverside, "receivable_customers") + balance(cast, cast.riverside, "customer_advances")
    assert owed == 240_00 and balance(cast, cast.riverside, "cash") == 0
    with pytest.raises(Refusal, match="before"):
        take_back()
    assert_proved()


def test_a_recharge_on_credit_repaid_and_a_paid_one_taken_back_after_it_was_used(cast: Cast) -> None:
    fill_funds(cast, north=600_00)
    with acting(cast.padma):
        (paid,) = rows("SELECT id FROM fund_movement WHERE child_id = %s", [cast.north])
        set_edge_terms(child_id=cast.north, credit_limit_minor=500_00, low_balance_minor=0)
        recharge_fund(
            child_id=cast.north, kind="recharge_credit", amount_minor=100_00, on=START, paid=None, request_key="c"
        )
    taken_over(cast, cast.north), taken_over(cast, cast.north), taken_over(cast, cast.north)
    assert night(cast, NOV_1).created == 3  # 700.00 and 500.00 of credit: exactly enough
    with acting(cast.padma):
        reverse_recharge(child_id=cast.north, movement_id=paid["id"], on=NOV_1, reason="bounced")
        with pytest.raises(Refusal, match="more than is owed"), savepoint():
            recharge_fund(
                child_id=cast.north, kind="recharge_repaid", amount_minor=700_01, on=NOV_1, paid="cash", request_key="x"
            )
        recharge_fund(
            child_id=cast.north, kind="recharge_repaid", amount_minor=700_00, on=NOV_1, paid="cash", request_key="y"
        )
    assert fund(cast, cast.north, cast.padma.isp_id) == -500_00
    assert "payable_to_provider" not in trial_balance(cast, cast.north)
    assert_proved()


@pytest.mark.parametrize("anchor", [29, 30, 31])
def test_an_anniversary_at_the_end_of_a_month_keeps_its_day_over_two_years(cast: Cast, anchor: int) -> None:
    fill_funds(cast)
    joined = date(2026, 12, anchor)
    profile = (cast.padma.isp_id, cast.profiles["Monthly anniversary"])
    taken_over(cast, cast.padma.isp_id, billed_until=joined, joined_on=joined, profile=profile)
    night(cast, joined + timedelta(days=760))
    bills = invoices(cast, cast.padma.isp_id)
    assert [bill["net_minor"] for bill in bills] == [600_00] * len(bills) and len(bills) == 25
    starts = [bill["starts_on"] for bill in bills]
    for start in starts:
        last = (start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        assert start.day == min(anchor, last.day)
    assert [bill["ends_on"] for bill in bills[:-1]] == starts[1:]


def test_a_key_of_one_customers_payment_is_refused_for_another(cast: Cast) -> None:
    one, two = (taken_over(cast, cast.riverside).customer_id for _ in range(2))
    key = request_key()

    def send(operator_id: int, customer_id: int) -> Any:
        with acting(cast.padma, operator_id):
            return record_payment(
                customer_id=customer_id, amount_minor=5, method="cash", received_on=NOV_1, now=noon(NOV_1),
                request_key=key,
            )  # fmt: skip

    assert send(cast.riverside, one).payment_id == send(cast.riverside, one).payment_id
    with pytest.raises(KeyReused):
        send(cast.riverside, two)
    theirs = taken_over(cast, cast.north).customer_id
    assert not send(cast.north, theirs).repeated  # another operator's keys are its own


def test_prices_of_nothing_move_nothing_and_still_claim_the_period(cast: Cast) -> None:
    """A free plan that Riverside gives away: North pays Padma; leaving gives back what was charged, where it was."""
    fill_funds(cast)
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"],
            starts_on=NOV_1, price_minor=0, today=START,
        )  # fmt: skip
    service = taken_over(cast, cast.riverside, custom_price_minor=0).subscription_id
    assert [night(cast, NOV_1).created for _ in range(2)] == [1, 0]
    assert trial_balance(cast, cast.riverside) == {"fund": 300_000_00, "paid_to_provider": -300_000_00}
    assert leave(cast, cast.riverside, service, date(2026, 11, 15)).back_minor == 0
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 200_00
    assert come_back(cast, cast.riverside, service, date(2026, 11, 16)).created == 1
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 400_00
    assert_proved()


def test_a_payment_brings_back_the_services_that_the_fund_covers_and_the_rest_waits(cast: Cast) -> None:
    """Two services of one payer, one charge that fits: the first is back, the second pending; the top-up brings it."""
    fill_funds(cast, riverside=450_00)
    first, second = (taken_over(cast, cast.riverside) for _ in range(2))
    with acting(cast.padma, cast.riverside):
        execute("UPDATE subscription SET customer_id = %s WHERE id = %s", [first.customer_id, second.subscription_id])
        for one in (first, second):
            suspend_subscription(
                subscription_id=one.subscription_id, why="debt", on=START, at=noon(START), until_paid=True
            )
    assert pay(cast, cast.riverside, first.customer_id, 1_200_00, NOV_1).service == "pending"
    assert [bill["subscription_id"] for bill in invoices(cast, cast.riverside)] == [first.subscription_id]
    fill_funds(cast, north=0, riverside=450_00, on=NOV_1)
    assert night(cast, NOV_1, only_held=True).created == 1
    assert balance(cast, cast.riverside, "customer_advances") == balance(cast, cast.riverside, "receivable_customers")
    assert login(cast, cast.riverside) == "open"
    assert_proved()
