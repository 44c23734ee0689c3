"""Money in and out of a fund beyond the plain recharge, and the terms that bound it (SPEC 2.2, 2.4, §3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from backhaul.common.errors import AlreadyReversed, InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.funds.queries import get_fund, list_fund_movements
from backhaul.funds.services import (
    AmountNotPositive,
    BelowMinimum,
    BeyondOwnFund,
    ExposureExceeded,
    LimitInUse,
    MoreThanAvailable,
    MoreThanOwed,
    deduct_from_fund,
    pay_back_fund,
    receive_from_child,
    reverse_bonus,
    reverse_recharge,
    set_edge_terms,
    transfer_fund,
)
from backhaul.funds.tests.test_funds import ON, balances, recharge
from backhaul.operators.functions import rows
from tests.builders import acting, build_operator, build_person, request_key
from tests.cast import Cast


def receive(child: int, amount: int, to_debt: int | None = None, **more: Any) -> list[int]:
    given = {"paid": "cash", "request_key": request_key()} | more
    return receive_from_child(child_id=child, amount_minor=amount, to_debt_minor=to_debt, on=ON, **given)


def deduct(child: int, amount: int, reason: str = "late papers", **more: Any) -> int:
    given = {"request_key": request_key()} | more
    return deduct_from_fund(child_id=child, amount_minor=amount, on=ON, reason=reason, **given)


def transfer(child: int, to: int, amount: int, **more: Any) -> int:
    given = {"request_key": request_key()} | more
    return transfer_fund(child_id=child, to_child_id=to, amount_minor=amount, on=ON, **given)


def pay_back(child: int, amount: int, **more: Any) -> int:
    given = {"paid": "bank", "request_key": request_key()} | more
    return pay_back_fund(child_id=child, amount_minor=amount, on=ON, **given)


def figures(child: int) -> tuple[int, int]:
    """What the fund holds and what is owed."""
    fund = get_fund(child)
    return fund["posted_minor"], fund["owed_minor"]


def test_a_payment_goes_to_the_debt_first_and_the_rest_into_the_fund(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 2_000_00, "recharge_credit")
        receive(cast.north, 1_500_00)
        assert figures(cast.north) == (2_000_00, 500_00)
        receive(cast.north, 1_500_00, paid="bank")
        assert figures(cast.north) == (3_000_00, 0)
        assert balances(cast.padma.isp_id) == {"cash": 1_500_00, "bank": 1_500_00, "operator_funds": -3_000_00}


def test_the_form_may_split_a_payment_otherwise(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 2_000_00, "recharge_credit")
        receive(cast.north, 1_500_00, 400_00)
        assert figures(cast.north) == (3_100_00, 1_600_00)
        receive(cast.north, 1_500_00, 0)
        assert figures(cast.north) == (4_600_00, 1_600_00)
    for amount, to_debt, refusal in (
        (100, 101, InvalidInput),
        (2_000_00, 1_600_01, MoreThanOwed),
        (100, -1, InvalidInput),
        (100, 10**30, InvalidInput),
    ):
        with pytest.raises(refusal), acting(cast.padma):
            receive(cast.north, amount, to_debt)


def test_a_payment_sent_twice_counts_once(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 1_000_00, "recharge_credit")
        first = receive(cast.north, 1_500_00, request_key="form")
        assert len(first) == 2
        assert receive(cast.north, 1_500_00, request_key="form") == first
        assert figures(cast.north) == (1_500_00, 0)
    for amount, to_debt in ((1_600_00, None), (1_500_00, 0)):
        with pytest.raises(KeyReused), acting(cast.padma):
            receive(cast.north, amount, to_debt, request_key="form")


def test_less_than_the_smallest_recharge_is_refused_but_debts_are_paid_in_any_sum(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, min_recharge_minor=500_00)
        recharge(cast.north, 900_00, "recharge_credit")
        receive(cast.north, 100_00)
        receive(cast.north, 1_000_00)  # 800 of it for the debt: what was received is large enough
        recharge(cast.north, 10_00, "bonus")
        assert figures(cast.north) == (1_110_00, 0)
    for kind in ("recharge", "recharge_credit"):
        with pytest.raises(BelowMinimum), acting(cast.padma):
            recharge(cast.north, 499_99, kind)
    with pytest.raises(BelowMinimum), acting(cast.padma):
        receive(cast.north, 499_99)


def test_5000_taken_back_with_200_left_as_the_table_says_and_new_customers_wait_for_the_debt(cast: Cast) -> None:
    """SPEC §3: Dr operator funds 200, Dr receivable 4,800 · Cr paid 5,000; child Cr fund 200, Cr payable 4,800."""
    with acting(cast.padma):
        movement = recharge(cast.north, 5_000_00)
        pay_back(cast.north, 4_800_00, paid="cash")  # how it came to be used does not matter here
        before = balances(cast.padma.isp_id)
        reverse_recharge(child_id=cast.north, movement_id=movement, on=ON, reason="bounced")
        after = balances(cast.padma.isp_id)
        assert before == {"cash": 200_00, "operator_funds": -200_00}
        assert after == {"cash": -4_800_00, "receivable_operators": 4_800_00}
        assert get_fund(cast.north)["new_blocked_why"] == "recharge_reversed"
        recharge(cast.north, 300_00, "recharge_credit")  # lent after it: not the debt that blocks
        receive(cast.north, 4_799_00)
        assert get_fund(cast.north)["new_blocked_why"] == "recharge_reversed"
        receive(cast.north, 1_00)
        assert get_fund(cast.north)["new_blocked_why"] is None
        assert figures(cast.north) == (300_00, 300_00)
    with acting(cast.padma, cast.north):
        assert balances(cast.north) == {"fund": 300_00, "payable_to_provider": -300_00}


def test_a_recharge_taken_back_while_it_is_all_there_blocks_nobody(cast: Cast) -> None:
    with acting(cast.padma):
        movement = recharge(cast.north, 5_000_00)
        reverse_recharge(child_id=cast.north, movement_id=movement, on=ON, reason="typed twice")
        assert (get_fund(cast.north)["new_blocked_why"], figures(cast.north)) == (None, (0, 0))


def test_of_a_bonus_only_what_is_unused_is_taken_back_and_once(cast: Cast) -> None:
    """Money is used in the order in which it came: of 100 + bonus 300 + 1,000, 250 used leaves 150 of the bonus."""
    with acting(cast.padma):
        recharge(cast.north, 100_00)
        bonus = recharge(cast.north, 300_00, "bonus")
        recharge(cast.north, 1_000_00)
        deduct(cast.north, 250_00)
        reverse_bonus(child_id=cast.north, movement_id=bonus, on=ON, reason="target missed")
        assert figures(cast.north) == (1_000_00, 0)
        assert balances(cast.padma.isp_id) == {
            "cash": 1_100_00, "operator_funds": -1_000_00, "discounts_given": 150_00, "other_income": -250_00,
        }  # fmt: skip
    with acting(cast.padma, cast.north):
        assert balances(cast.north) == {
            "fund": 1_000_00, "paid_to_provider": -1_100_00, "other_income": -150_00, "penalties": 250_00,
        }  # fmt: skip
    with pytest.raises(AlreadyReversed), acting(cast.padma):
        reverse_bonus(child_id=cast.north, movement_id=bonus, on=ON, reason="again")
    with acting(cast.padma):
        used = recharge(cast.north, 50_00, "bonus")
        deduct(cast.north, 1_050_00)
    with pytest.raises(MoreThanAvailable), acting(cast.padma):
        reverse_bonus(child_id=cast.north, movement_id=used, on=ON, reason="used up")
    with pytest.raises(NotFound), acting(cast.padma):
        reverse_bonus(child_id=cast.rival, movement_id=used, on=ON, reason="foreign")


def test_a_deduction_has_a_reason_and_takes_no_more_than_there_is(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=50_00)
        recharge(cast.north, 100_00)
    with pytest.raises(InvalidInput), acting(cast.padma):
        deduct(cast.north, 10_00, reason=" ")
    with pytest.raises(MoreThanAvailable), acting(cast.padma):
        deduct(cast.north, 150_01)
    with acting(cast.padma):
        deduct(cast.north, 150_00)
        assert figures(cast.north) == (-50_00, 0)


def test_a_transfer_stands_in_three_books_and_both_funds(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 1_000_00)
        recharge(cast.rival, 100_00)
        first = transfer(cast.north, cast.rival, 400_00, request_key="form")
        assert transfer(cast.north, cast.rival, 400_00, request_key="form") == first
        assert (figures(cast.north), figures(cast.rival)) == ((600_00, 0), (500_00, 0))
        assert balances(cast.padma.isp_id) == {"cash": 1_100_00, "operator_funds": -1_100_00}
        moved = [list_fund_movements(child)[0] for child in (cast.north, cast.rival)]
        assert [(row["kind"], row["fund_minor"]) for row in moved] == [
            ("transfer_out", -400_00),
            ("transfer_in", 400_00),
        ]
        parties = rows(
            "SELECT party, sum(minor)::bigint AS minor FROM posting CROSS JOIN LATERAL (VALUES "
            "(debit_code, debit_party, amount_minor), (credit_code, credit_party, -amount_minor)) "
            "AS s (code, party, minor) "
            "WHERE code = 'operator_funds' GROUP BY party"
        )
        assert {row["party"]: row["minor"] for row in parties} == {cast.north: -600_00, cast.rival: -500_00}
    with acting(cast.padma, cast.north):
        assert balances(cast.north) == {"fund": 600_00, "paid_to_provider": -600_00}
    with acting(cast.padma, cast.rival):
        assert balances(cast.rival) == {"fund": 500_00, "paid_to_provider": -500_00}


def test_a_transfer_is_between_two_children_of_one_parent_and_no_more_than_there_is(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=500_00)
        recharge(cast.north, 1_000_00)
        transfer(cast.north, cast.rival, 100_00, request_key="form")
    refused = (
        (cast.north, cast.north, 1_00, InvalidInput),
        (cast.north, cast.riverside, 1_00, NotFound),
        (cast.riverside, cast.north, 1_00, NotFound),
        (cast.north, cast.meghna.isp_id, 1_00, NotFound),
        (cast.north, cast.rival, 0, AmountNotPositive),
        (cast.north, cast.rival, -1, AmountNotPositive),
        (cast.north, cast.rival, 900_01, MoreThanAvailable),
    )
    for child, to, amount, refusal in refused:
        with pytest.raises(refusal), acting(cast.padma):
            transfer(child, to, amount)
    for child, to, amount in ((cast.north, cast.rival, 1_00), (cast.rival, cast.north, 100_00)):
        with pytest.raises(KeyReused), acting(cast.padma):
            transfer(child, to, amount, request_key="form")
    with pytest.raises(NotFound), acting(cast.padma, cast.north):
        transfer(cast.riverside, cast.rival, 1_00)
    with acting(cast.padma):
        recharge(cast.north, 300_00, "recharge_credit")
    with pytest.raises(MoreThanAvailable), acting(cast.padma):
        transfer(cast.north, cast.rival, 900_01)  # what was lent is not passed on
    with acting(cast.padma):
        transfer(cast.north, cast.rival, 900_00)
        assert figures(cast.north) == (300_00, 300_00)


def test_at_closing_the_fund_is_paid_back_but_not_what_covers_a_debt(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 1_000_00)
        recharge(cast.north, 200_00, "recharge_credit")
    with pytest.raises(MoreThanAvailable), acting(cast.padma):
        pay_back(cast.north, 1_000_01)
    with pytest.raises(InvalidInput), acting(cast.padma):
        pay_back(cast.north, 1, paid=None)
    with acting(cast.padma):
        pay_back(cast.north, 1_000_00, request_key="form")
        pay_back(cast.north, 1_000_00, request_key="form")
        receive(cast.north, 200_00)
        pay_back(cast.north, 200_00)
        assert figures(cast.north) == (0, 0)
        assert balances(cast.padma.isp_id) == {"cash": 1_200_00, "bank": -1_200_00}
    with acting(cast.padma, cast.north):
        assert balances(cast.north) == {}


def test_a_postpaid_statement_is_paid(cast: Cast) -> None:
    """SPEC §3 "statement paid": Dr paid · Cr receivable; the child Dr payable · Cr paid to provider."""
    postpaid = build_operator(cast.padma, cast.padma.isp_id, "later", mode="postpaid", credit_limit_minor=1_000_00)
    with acting(cast.padma):
        recharge(postpaid, 900_00, "recharge_credit")
    with pytest.raises(LimitInUse), acting(cast.padma):
        recharge(postpaid, 100_01, "recharge_credit")
    with acting(cast.padma):
        receive(postpaid, 900_00, paid="bank")
        assert figures(postpaid) == (900_00, 0)
        assert balances(cast.padma.isp_id) == {"bank": 900_00, "operator_funds": -900_00}
    with acting(cast.padma, postpaid):
        assert balances(postpaid) == {"fund": 900_00, "paid_to_provider": -900_00}


def test_credit_limit_and_debts_together_stay_below_the_exposure_limit(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=600_00, exposure_limit_minor=1_000_00)
        recharge(cast.north, 400_00, "recharge_credit")
        assert get_fund(cast.north)["exposure_minor"] == 1_000_00
    with pytest.raises(ExposureExceeded), acting(cast.padma):
        recharge(cast.north, 1, "recharge_credit")
    for terms in ({"credit_limit_minor": 600_01}, {"exposure_limit_minor": 999_99}):
        with pytest.raises(ExposureExceeded), acting(cast.padma):
            set_edge_terms(child_id=cast.north, **terms)
    with acting(cast.padma):
        receive(cast.north, 400_00)
        set_edge_terms(child_id=cast.north, credit_limit_minor=1_000_00)


def test_credit_beyond_the_exposure_limit_is_not_available(cast: Cast) -> None:
    """A recharge taken back is booked whatever the limits say; the credit limit then gives way to the debt."""
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=600_00, exposure_limit_minor=1_000_00)
        movement = recharge(cast.north, 700_00)
        pay_back(cast.north, 700_00)
        reverse_recharge(child_id=cast.north, movement_id=movement, on=ON, reason="bounced")
        fund = get_fund(cast.north)
        assert (fund["exposure_minor"], fund["available_minor"]) == (1_300_00, 300_00)
    with pytest.raises(MoreThanAvailable), acting(cast.padma):
        deduct(cast.north, 300_01)
    with acting(cast.padma):
        deduct(cast.north, 300_00)


def test_a_recharge_may_be_capped_by_the_parents_own_fund(cast: Cast) -> None:
    with acting(cast.padma):
        recharge(cast.north, 1_000_00)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, capped_by_parent=True)
        recharge(cast.riverside, 900_00)
    with pytest.raises(BeyondOwnFund), acting(cast.padma, cast.north):
        recharge(cast.riverside, 100_01)
    with acting(cast.padma, cast.north):
        recharge(cast.riverside, 100_00)
        set_edge_terms(child_id=cast.riverside, capped_by_parent=False)
        recharge(cast.riverside, 5_000_00)
        assert get_fund(cast.north)["posted_minor"] == 1_000_00


def test_terms_that_are_not_named_stay_and_who_changed_what_is_kept(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(
            child_id=cast.north, credit_limit_minor=100_00, notice_hours=48, credit_days_for=["unpaid", "outage"]
        )
        set_edge_terms(child_id=cast.north, charge_timing="daily", release_after_days=14)
        set_edge_terms(child_id=cast.north, charge_timing="daily")
        fund = get_fund(cast.north)
        assert (fund["credit_limit_minor"], fund["notice_hours"], fund["charge_timing"]) == (100_00, 48, "daily")
        assert (fund["credit_days_for"], fund["release_after_days"]) == (["unpaid", "outage"], 14)
        written = rows("SELECT detail::text FROM audit_event WHERE verb = 'terms_changed' ORDER BY id")
        assert len(written) == 2
        assert '"charge_timing": ["upfront", "daily"]' in written[1]["detail"]


@pytest.mark.parametrize(
    "terms",
    [
        {"posted_minor": 5},
        {"mode": "postpaid"},
        {"new_blocked_why": "recharge_reversed"},
        {"notice_hours": 721},
        {"charge_timing": "yearly"},
        {"credit_days_for": ["weather"]},
        {"min_recharge_minor": -1},
        {"short_days": None},
        {"short_days": 99_999},
    ],
)
def test_only_terms_within_their_range_are_set(cast: Cast, terms: dict[str, object]) -> None:
    with pytest.raises(InvalidInput), acting(cast.padma):
        set_edge_terms(child_id=cast.north, **terms)


def test_nobody_moves_a_foreign_fund(cast: Cast) -> None:
    moves: tuple[Callable[[int], object], ...] = (
        lambda child: receive(child, 1_00),
        lambda child: deduct(child, 1_00),
        lambda child: pay_back(child, 1_00),
        lambda child: transfer(child, cast.rival, 1_00),
        lambda child: transfer(cast.rival, child, 1_00),
        lambda child: reverse_bonus(child_id=child, movement_id=1, on=ON, reason="x"),
        lambda child: set_edge_terms(child_id=child, short_days=2),
    )
    for isp, seat, child in (
        (cast.padma, None, cast.riverside),
        (cast.padma, cast.rival, cast.north),
        (cast.padma, cast.north, cast.north),
        (cast.padma, cast.riverside, cast.north),
        (cast.meghna, None, cast.north),
    ):
        for move in moves:
            with pytest.raises(NotFound), acting(isp, seat):
                move(child)


def test_who_may_not_recharge_moves_nothing_at_all(cast: Cast) -> None:
    with acting(cast.padma):
        accountant = build_person(cast.padma.isp_id, "accountant", role="accountant")
    moves: tuple[Callable[[], object], ...] = (
        lambda: receive(cast.north, 1_00),
        lambda: deduct(cast.north, 1_00),
        lambda: pay_back(cast.north, 1_00),
        lambda: transfer(cast.north, cast.rival, 1_00),
        lambda: reverse_bonus(child_id=cast.north, movement_id=1, on=ON, reason="x"),
        lambda: set_edge_terms(child_id=cast.north, short_days=2),
    )
    for move in moves:
        with pytest.raises(NotAllowed), acting(cast.padma, user_id=accountant):
            move()


@pytest.mark.parametrize("amount", [0, -1_00])
def test_no_movement_of_zero_or_less(cast: Cast, amount: int) -> None:
    moves: tuple[Callable[[], object], ...] = (
        lambda: receive(cast.north, amount),
        lambda: deduct(cast.north, amount),
        lambda: pay_back(cast.north, amount),
    )
    for move in moves:
        with pytest.raises(Refusal) as refusal, acting(cast.padma):
            move()
        assert refusal.type is AmountNotPositive
