"""The emergency fund: a loan of some days' charges that a child takes itself, once a month (SPEC C2)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from django.db import connections

from backhaul.billing.services import sign_up_customer
from backhaul.common.errors import NotAllowed, Refusal
from backhaul.funds.queries import get_fund
from backhaul.funds.services import ExposureExceeded, recharge_fund, set_edge_terms
from backhaul.operators.functions import rows
from backhaul.resellers.emergency import (
    Loan,
    LoanNotNeeded,
    LoanThisMonth,
    LoanUnpaid,
    NoEmergencyFund,
    SumChanged,
    TooManyDays,
    sum_emergency_loan,
    take_emergency_loan,
)
from tests.builders import acting, build_person, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon

JOINED, SHORT = date(2026, 1, 1), date(2026, 2, 1)
FEE = 25_00


@pytest.fixture
def short(db: object) -> Cast:
    """Riverside, VAT 5 %: three customers since January, whose February renewals of 472.50 its fund does not cover."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast, on=JOINED, riverside=3 * 472_50 + 100_00)
    with acting(cast.padma, cast.riverside):
        for _ in range(3):
            sign_up_customer(customer=new_customer(cast, joined_on=JOINED), on=JOINED, now=noon(JOINED))
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, emergency_days=3, emergency_fee_minor=FEE)
    night(cast, SHORT)
    return cast


def take(cast: Cast, today: date = SHORT, days: int = 3, key: str | None = None, amount: int | None = None) -> Loan:
    with acting(cast.padma, cast.riverside):
        given = sum_emergency_loan(days=days, today=today) if amount is None else amount
        return take_emergency_loan(
            days=days, amount_minor=given, today=today, now=noon(today), request_key=key or request_key()
        )


def repay(cast: Cast, amount: int, on: date) -> None:
    with acting(cast.padma, cast.north):
        recharge_fund(
            child_id=cast.riverside,
            kind="recharge_repaid",
            amount_minor=amount,
            on=on,
            paid="cash",
            request_key=request_key(),
        )


def held(cast: Cast) -> int:
    with acting(cast.padma, cast.riverside):
        return int(rows("SELECT count(*) AS n FROM held_bill")[0]["n"])


def test_a_loan_brings_the_held_renewals_back_and_is_owed_with_its_fee(short: Cast) -> None:
    cast = short
    assert held(cast) == 3
    before = {who: balance(cast, who, "other_income") for who in (cast.north, cast.riverside)}
    loan = take(cast)
    assert (loan.amount_minor, loan.fee_minor) == (3 * 472_50, FEE)
    with acting(cast.padma, cast.riverside):
        fund = get_fund(cast.riverside)
        assert (fund["available_minor"], fund["owed_minor"]) == (100_00 + 3 * 472_50, 3 * 472_50 + FEE)
        queued = rows("SELECT args ->> 'top_id' AS top FROM procrastinate_jobs WHERE task_name LIKE '%%retry_held'")
        assert [row["top"] for row in queued] == [str(cast.north)]
    assert balance(cast, cast.north, "other_income") - before[cast.north] == -FEE
    assert balance(cast, cast.riverside, "finance_cost") == FEE
    assert balance(cast, cast.riverside, "payable_to_provider") == -(3 * 472_50 + FEE)
    night(cast, SHORT, only_held=True)
    assert held(cast) == 0
    assert_proved()


def test_two_taps_give_one_loan(short: Cast) -> None:
    cast = short

    def tap(key: str) -> object:
        try:
            return take(cast, key=key, amount=3 * 472_50)
        except Refusal as refusal:
            return type(refusal)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        same = list(pool.map(tap, ["tap", "tap", "other", "another"]))
    loans = [each for each in same if isinstance(each, Loan)]
    assert len({loan.movement_id for loan in loans}) == 1
    with acting(cast.padma, cast.riverside):
        kinds = rows("SELECT kind FROM fund_movement WHERE kind LIKE 'emergency%%' ORDER BY id")
    assert [row["kind"] for row in kinds] == ["emergency_loan", "emergency_fee"]
    assert_proved()


def test_the_same_form_again_returns_the_first_loan(short: Cast) -> None:
    first = take(short, key="form")
    assert take(short, key="form", amount=1) == first


def test_once_a_calendar_month_and_never_while_a_loan_is_unpaid(short: Cast) -> None:
    cast = short
    loan = take(cast)
    night(cast, SHORT, only_held=True)
    owed = loan.amount_minor + loan.fee_minor
    with pytest.raises(LoanUnpaid):
        take(cast, date(2026, 3, 1))
    with acting(cast.padma, cast.north):  # a later debt is not the loan's: repayments go to the oldest first
        recharge_fund(
            child_id=cast.riverside,
            kind="recharge_credit",
            amount_minor=10_00,
            on=SHORT,
            paid=None,
            request_key=request_key(),
        )
    repay(cast, owed - 1, date(2026, 2, 2))
    with pytest.raises(LoanUnpaid):
        take(cast, date(2026, 3, 1))
    repay(cast, 1, date(2026, 2, 2))
    with pytest.raises(LoanThisMonth):
        take(cast, date(2026, 2, 28), amount=3 * 472_50)
    night(cast, date(2026, 3, 1))
    assert take(cast, date(2026, 3, 1)).amount_minor == 3 * 472_50
    assert_proved()


def test_it_stays_within_what_the_provider_allows(short: Cast) -> None:
    cast = short
    with pytest.raises(TooManyDays):
        take(cast, days=4)
    with pytest.raises(SumChanged):
        take(cast, amount=472_50)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, exposure_limit_minor=3 * 472_50 + FEE - 1)
    with pytest.raises(ExposureExceeded):
        take(cast)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, emergency_days=0)
    with pytest.raises(NoEmergencyFund):
        take(cast)
    with acting(cast.padma), pytest.raises(NoEmergencyFund):
        take_emergency_loan(days=1, amount_minor=1, today=SHORT, now=noon(SHORT), request_key="x")
    assert_proved()


def test_a_fund_that_covers_the_days_needs_none(short: Cast) -> None:
    cast = short
    with acting(cast.padma, cast.north):
        recharge_fund(
            child_id=cast.riverside,
            kind="recharge",
            amount_minor=2_000_00,
            on=SHORT,
            paid="cash",
            request_key=request_key(),
        )
    with pytest.raises(LoanNotNeeded):
        take(cast)


def test_only_the_owner_takes_it(short: Cast) -> None:
    cast = short
    with acting(cast.padma, cast.riverside):
        clerk = build_person(cast.riverside, "clerk", "accountant")
    with acting(cast.padma, cast.riverside, user_id=clerk), pytest.raises(NotAllowed):
        take_emergency_loan(days=1, amount_minor=1, today=SHORT, now=noon(SHORT), request_key="x")
