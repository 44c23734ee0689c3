"""Postpaid edges: charges raise what is owed, up to the limits, until the statement is paid (SPEC 2.2, §3)."""

from __future__ import annotations

from datetime import date

from backhaul.catalog.services import set_tariff_price
from backhaul.funds.queries import get_fund
from backhaul.funds.services import set_edge_terms
from backhaul.resellers.services import receive_child_payment
from tests.builders import acting, build_operator, request_key
from tests.cast import START, Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_oracles import taken_over

NOV_1, NOV_2 = date(2026, 11, 1), date(2026, 11, 2)


def build_postpaid(cast: Cast, *, customers: int, credit_limit: int, exposure_limit: int | None = None) -> int:
    """A postpaid child of North with customers at 450.00 a month, due from November on."""
    child = build_operator(
        cast.padma, cast.north, "later", owner=False, mode="postpaid", credit_limit_minor=credit_limit
    )
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=child, exposure_limit_minor=exposure_limit)
        set_tariff_price(
            child_id=child, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], starts_on=START,
            price_minor=450_00, today=START,
        )  # fmt: skip
    for _ in range(customers):
        taken_over(cast, child)
    return child


def pay_statement(cast: Cast, child: int, amount: int) -> None:
    with acting(cast.padma, cast.north):
        receive_child_payment(
            child_id=child, amount_minor=amount, to_debt_minor=None, on=NOV_2, now=noon(NOV_2), paid="bank",
            request_key=request_key(),
        )  # fmt: skip


def test_charges_are_owed_up_to_the_limit_and_the_rest_waits_for_the_statement_to_be_paid(cast: Cast) -> None:
    """Three customers at 450.00 under a limit of 900.00; 900.00 paid, the third is billed too."""
    fill_funds(cast)
    child = build_postpaid(cast, customers=3, credit_limit=900_00)
    report = night(cast, NOV_1)
    assert (report.created, report.held) == (2, 1)
    with acting(cast.padma, cast.north):
        fund = get_fund(child)
    assert (fund["posted_minor"], fund["owed_minor"], fund["available_minor"]) == (0, 900_00, 0)
    assert balance(cast, cast.north, "receivable_operators") == 900_00
    assert (balance(cast, child, "payable_to_provider"), balance(cast, child, "wholesale_cost")) == (-900_00, 900_00)
    pay_statement(cast, child, 900_00)
    assert (balance(cast, cast.north, "bank"), balance(cast, cast.north, "receivable_operators")) == (900_00, 0)
    assert (balance(cast, child, "paid_to_provider"), balance(cast, child, "payable_to_provider")) == (-900_00, 0)
    assert night(cast, NOV_2, only_held=True).created == 1
    assert balance(cast, child, "payable_to_provider") == -450_00
    assert_proved()


def test_the_exposure_limit_bounds_what_a_postpaid_edge_is_charged(cast: Cast) -> None:
    """Credit limit 1,000.00 and charges together at most 1,900.00: two customers fit, not three."""
    fill_funds(cast)
    child = build_postpaid(cast, customers=3, credit_limit=1_000_00, exposure_limit=1_900_00)
    assert (night(cast, NOV_1).created, balance(cast, child, "payable_to_provider")) == (2, -900_00)
    pay_statement(cast, child, 449_99)
    assert night(cast, NOV_2, only_held=True).created == 0
    pay_statement(cast, child, 1)
    assert night(cast, NOV_2, only_held=True).created == 1
    assert_proved()
