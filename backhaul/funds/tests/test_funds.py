"""Funds: every movement once, in both books, within the limits, by the parent alone."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connections

from backhaul.common.errors import AlreadyReversed, InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.funds.queries import get_fund, list_fund_movements
from backhaul.funds.services import (
    AmountNotPositive,
    MoreThanOwed,
    recharge_fund,
    reverse_recharge,
    set_edge_terms,
)
from backhaul.operators.functions import rows
from tests.builders import acting, build_person, request_key
from tests.cast import Cast

ON = date(2026, 2, 1)


def recharge(child: int, amount: int, kind: str = "recharge", **more: Any) -> int:
    paid = "cash" if kind in ("recharge", "recharge_repaid") else None
    given = {"paid": paid, "request_key": request_key(), "note": ""} | more
    return recharge_fund(child_id=child, kind=kind, amount_minor=amount, on=ON, **given)


def balances(operator_id: int) -> dict[str, int]:
    """Debit balances by account of the acting operator's books."""
    found = rows(
        "SELECT code, sum(minor)::bigint AS minor FROM posting p "
        "CROSS JOIN LATERAL (VALUES (debit_code, amount_minor), (credit_code, -amount_minor)) AS line (code, minor) "
        "WHERE p.operator_id = %s GROUP BY code HAVING sum(minor) <> 0",
        [operator_id],
    )
    return {row["code"]: row["minor"] for row in found}


def test_each_kind_of_recharge_stands_in_both_books_as_the_table_says(cast: Cast) -> None:
    """5,000 in cash, 2,000 on credit of which 500 are repaid, a bonus of 300 (SPEC §3, rows recharge to bonus)."""
    with acting(cast.padma):
        recharge(cast.north, 5_000_00)
        recharge(cast.north, 2_000_00, "recharge_credit")
        recharge(cast.north, 500_00, "recharge_repaid", paid="bank")
        recharge(cast.north, 300_00, "bonus")
        assert balances(cast.padma.isp_id) == {
            "cash": 5_000_00, "bank": 500_00, "operator_funds": -7_300_00, "receivable_operators": 1_500_00,
            "discounts_given": 300_00,
        }  # fmt: skip
    with acting(cast.padma, cast.north):
        fund = get_fund(cast.north)
        assert (fund["posted_minor"], fund["owed_minor"], fund["available_minor"]) == (7_300_00, 1_500_00, 7_300_00)
        assert balances(cast.north) == {
            "fund": 7_300_00, "paid_to_provider": -5_500_00, "payable_to_provider": -1_500_00, "other_income": -300_00,
        }  # fmt: skip
        shown = [(row["kind"], row["balance_minor"]) for row in list_fund_movements(cast.north)]
        assert shown == [
            ("bonus", 7_300_00), ("recharge_repaid", 7_000_00), ("recharge_credit", 7_000_00), ("recharge", 5_000_00),
        ]  # fmt: skip


def test_movements_come_in_pages(cast: Cast) -> None:
    with acting(cast.padma):
        ids = [recharge(cast.north, n * 100) for n in range(1, 6)]
        first = list_fund_movements(cast.north, limit=2)
        second = list_fund_movements(cast.north, before=first[-1]["id"], limit=2)
    assert [row["id"] for row in (*first, *second)] == ids[:0:-1]
    assert [row["balance_minor"] for row in (*first, *second)] == [1500, 1000, 600, 300]


def test_a_recharge_sent_twice_counts_once_and_its_key_serves_nothing_else(cast: Cast) -> None:
    with acting(cast.padma):
        first = recharge(cast.north, 100_00, request_key="form")
        assert recharge(cast.north, 100_00, request_key="form") == first
        assert get_fund(cast.north)["posted_minor"] == 100_00
    for other in ({"amount": 200_00}, {"amount": 100_00, "kind": "bonus"}):
        with pytest.raises(KeyReused), acting(cast.padma):
            recharge(cast.north, request_key="form", **other)


def test_a_recharge_sent_four_times_at_once_counts_once(cast: Cast) -> None:
    def send(_: int) -> int:
        try:
            with acting(cast.padma):
                return recharge(cast.north, 100_00, request_key="form")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(send, range(4)))) == 1
    with acting(cast.padma):
        assert get_fund(cast.north)["posted_minor"] == 100_00


@pytest.mark.parametrize(
    ("amount", "kind", "more", "refusal"),
    [
        (0, "recharge", {}, AmountNotPositive),
        (-5, "bonus", {}, AmountNotPositive),
        (5, "gift", {}, InvalidInput),
        (5, "recharge", {"paid": None}, InvalidInput),
        (5, "recharge", {"paid": "vat_payable"}, InvalidInput),
        (5, "recharge_repaid", {}, MoreThanOwed),
    ],
)
def test_what_makes_no_sense_is_refused_and_moves_nothing(
    cast: Cast, amount: int, kind: str, more: dict[str, Any], refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal), acting(cast.padma):
        recharge(cast.north, amount, kind, **more)
    with acting(cast.padma):
        assert list_fund_movements(cast.north) == []
        assert balances(cast.padma.isp_id) == {}


def test_a_reversed_recharge_takes_what_is_left_and_makes_the_rest_a_debt(cast: Cast) -> None:
    with acting(cast.padma):
        movement = recharge(cast.north, 5_000_00)
        reversal = reverse_recharge(child_id=cast.north, movement_id=movement, on=ON, reason="bounced")
        newest, oldest = list_fund_movements(cast.north)
        assert (newest["id"], newest["reverses_id"], oldest["reversed_by_id"]) == (reversal, movement, reversal)
        assert balances(cast.padma.isp_id) == {}
    with pytest.raises(AlreadyReversed), acting(cast.padma):
        reverse_recharge(child_id=cast.north, movement_id=movement, on=ON, reason="again")
    with pytest.raises(NotFound), acting(cast.padma):
        reverse_recharge(child_id=cast.rival, movement_id=movement, on=ON, reason="foreign")


def test_limits_are_the_parents_to_set_and_never_below_what_is_in_use(cast: Cast) -> None:
    with acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=1_000_00, low_balance_minor=100_00)
        assert get_fund(cast.north)["low"] is False
        set_edge_terms(child_id=cast.north, credit_limit_minor=50_00, low_balance_minor=100_00)
        assert (get_fund(cast.north)["low"], get_fund(cast.north)["available_minor"]) == (True, 50_00)
    with pytest.raises(InvalidInput), acting(cast.padma):
        set_edge_terms(child_id=cast.north, credit_limit_minor=-1, low_balance_minor=0)


def test_only_the_direct_parent_moves_a_fund(cast: Cast) -> None:
    for isp, seat, child in (
        (cast.padma, None, cast.riverside),
        (cast.padma, cast.rival, cast.riverside),
        (cast.padma, cast.riverside, cast.riverside),
        (cast.padma, cast.north, cast.rival),
        (cast.meghna, None, cast.north),
    ):
        with pytest.raises(NotFound), acting(isp, seat):
            recharge(child, 100_00)
        with pytest.raises(NotFound), acting(isp, seat):
            set_edge_terms(child_id=child, credit_limit_minor=1, low_balance_minor=0)


def test_a_collector_recharges_nobody(cast: Cast) -> None:
    with acting(cast.padma):
        collector = build_person(cast.padma.isp_id, "collector", role="collector")
    with pytest.raises(NotAllowed), acting(cast.padma, user_id=collector):
        recharge(cast.north, 100_00)
    with pytest.raises(NotAllowed), acting(cast.padma, user_id=collector):
        reverse_recharge(child_id=cast.north, movement_id=1, on=ON, reason="x")
