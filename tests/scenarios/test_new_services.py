"""What keeps new customers out, and what lifts it (SPEC 2.4, §3)."""

from __future__ import annotations

import pytest

from backhaul.billing.services import FundTooLow
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import recharge_fund, reverse_recharge, set_edge_terms
from backhaul.resellers.services import receive_child_payment
from backhaul.subscribers.services import FundLow
from tests.builders import acting, build_customer, build_operator, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, fund
from tests.scenarios.test_edge_start import price_home_10
from tests.scenarios.test_guards import NOV_1, drain, local, sign_up, top_up
from tests.scenarios.test_money_races import Side, wait_for_locks


def test_a_low_balance_refuses_new_customers_and_lifts_by_itself(cast: Cast) -> None:
    fill_funds(cast)
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, low_balance_minor=500_00)
    drain(cast, cast.north, cast.padma.isp_id, 499_99)
    with pytest.raises(FundLow, match=r"499\.99 left, below the mark of 500\.00"):
        sign_up(cast, cast.north)
    top_up(cast, cast.north, cast.padma.isp_id, 1_000_00, NOV_1)
    sign_up(cast, cast.north)


def test_an_activation_that_costs_more_than_there_is_is_refused(cast: Cast) -> None:
    fill_funds(cast, north=399_99, riverside=0)
    with pytest.raises(FundTooLow):
        sign_up(cast, cast.north)


def test_nobody_is_added_for_later_whose_activation_the_fund_does_not_cover(cast: Cast) -> None:
    fill_funds(cast, north=449_99, riverside=0)
    with pytest.raises(FundTooLow):
        sign_up(cast, cast.north, activate=False, package=(cast.padma.isp_id, cast.packages["Home 20"]))
    sign_up(cast, cast.north, activate=False)
    assert fund(cast, cast.north, cast.padma.isp_id) == 449_99
    assert_proved()


def test_a_recharge_taken_back_after_it_was_used_keeps_new_customers_out_until_it_is_paid(cast: Cast) -> None:
    """SPEC §3: 5,000 recharged, 4,800 used on customers, the 5,000 taken back: 4,800 are owed."""
    with acting(cast.padma):
        movement = recharge_fund(
            child_id=cast.north,
            kind="recharge",
            amount_minor=5_000_00,
            on=NOV_1,
            paid="cash",
            request_key=request_key(),
        )
    for _ in range(12):
        sign_up(cast, cast.north)
    with acting(cast.padma):
        reverse_recharge(child_id=cast.north, movement_id=movement, on=NOV_1, reason="bounced")
        recharge_fund(
            child_id=cast.north, kind="bonus", amount_minor=2_000_00, on=NOV_1, paid=None, request_key=request_key()
        )
    with pytest.raises(FundLow, match=r"pay the 4,800\.00"):
        sign_up(cast, cast.north)
    with acting(cast.padma):
        receive_child_payment(
            child_id=cast.north, amount_minor=4_800_00, to_debt_minor=None, on=NOV_1, now=local(NOV_1, 10), paid="cash",
            request_key=request_key(),
        )  # fmt: skip
    sign_up(cast, cast.north)
    assert_proved()


def test_two_who_sign_up_at_once_below_an_edge_on_trial_are_not_one_too_many(cast: Cast, db: EmbeddedPostgres) -> None:
    """The one place left is taken by an operator that has not committed yet; another one waits and is refused."""
    trial = build_operator(
        cast.padma, cast.padma.isp_id, "trial", started=False, owner=False, trial_customers=1, may_have_children=True,
        edits_catalog=True,
    )  # fmt: skip
    first, second = (build_operator(cast.padma, trial, slug, owner=False, started=False) for slug in ("one", "two"))
    for parent, child in ((cast.padma.isp_id, trial), (trial, first), (trial, second)):
        price_home_10(cast, parent, child, 500_00)

    def add() -> None:
        with acting(cast.padma, second):
            build_customer(cast)

    with acting(cast.padma, first):
        build_customer(cast)
        late = Side(add)
        wait_for_locks(db, 1)
    with pytest.raises(FundLow, match="cannot take new customers"):
        late.done()
