"""Statements of a fund: figures derived from movements, confirmed by both sides, disputed by line (SPEC C9)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest

from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import sign_up_customer
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.services import recharge_fund, reverse_recharge
from backhaul.funds.statements import (
    AlreadySettled,
    MonthNotOver,
    OwnDispute,
    StatementDisputed,
    confirm_statement,
    dispute_movement,
    get_statement,
    list_disputes,
    list_lines,
    list_statements,
    prepare_statement,
    settle_dispute,
    sum_by_day,
)
from backhaul.operators.functions import rows, savepoint
from backhaul.resellers.statements import list_own_customers, sum_charges
from tests.builders import acting, build_person, new_customer, request_key
from tests.cast import Cast, build_cast
from tests.scenarios.money import assert_proved, fund, night, noon

FEB, MAR, APR = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
MARCH_9 = date(2026, 3, 9)


def recharge(cast: Cast, on: date, amount: int, kind: str = "recharge") -> int:
    """North puts money into Riverside's fund."""
    with acting(cast.padma, cast.north):
        return recharge_fund(
            child_id=cast.riverside, kind=kind, amount_minor=amount, on=on,
            paid="cash" if kind in ("recharge", "recharge_repaid") else None, request_key=request_key(),
        )  # fmt: skip


def figures(row: dict[str, Any], prefix: str = "") -> tuple[int, int, int, int]:
    opening, credits, debits, closing = (
        row[f"{prefix}{name}_minor"] for name in ("opening", "credits", "debits", "closing")
    )
    return opening, credits, debits, closing


@pytest.fixture
def february(db: object) -> Cast:
    """VAT 5 %. Riverside: 2,000.00 on 30 January, 500.00 on credit on 3 February; two on Home 10 from 1 February.

    By hand: 450.00 + 22.50 VAT each on 1 February; one leaves on the 12th, 16 of 28 days unused: A(28) − A(12) =
    450.00 − 192.86 = 257.14, VAT given back 22.50 − 22.50·192.86/450.00 = 22.50 − 9.64 = 12.86: 270.00 back.
    """
    cast = build_cast(vat_bp=500)
    with acting(cast.padma):
        recharge_fund(
            child_id=cast.north, kind="recharge", amount_minor=9_000_00, on=date(2026, 1, 1), paid="cash",
            request_key=request_key(),
        )  # fmt: skip
    recharge(cast, date(2026, 1, 30), 2_000_00)
    recharge(cast, date(2026, 2, 3), 500_00, "recharge_credit")
    with acting(cast.padma, cast.riverside):
        for name in ("Abdul Karim", "Nusrat Jahan"):
            sign_up_customer(customer=new_customer(cast, name=name, joined_on=FEB), on=FEB, now=noon(FEB))
        service = rows(
            "SELECT s.id FROM subscription s JOIN customer c ON c.id = s.customer_id WHERE name LIKE 'Abdul%%'"
        )
        left = date(2026, 2, 12)
        disconnect_customer(subscription_id=service[0]["id"], on=left, now=noon(left), why="moved away")
    return cast


def test_a_month_by_hand_per_day_and_per_customer(february: Cast) -> None:
    cast = february
    charge = 450_00 + 22_50
    with acting(cast.padma, cast.riverside):
        month = get_statement(cast.riverside, FEB)
        assert figures(month) == (2_000_00, 500_00 + 270_00, 2 * charge, 2_000_00 + 770_00 - 2 * charge)
        assert month["owed_minor"] == 500_00
        days = sum_by_day(list_lines(cast.riverside, FEB))
        shown = [(day["moved_on"].day, day["credits_minor"], day["debits_minor"], day["balance_minor"]) for day in days]
        assert shown == [
            (1, 0, 2 * charge, 1_055_00), (3, 500_00, 0, 1_555_00), (12, 270_00, 0, 1_825_00),
        ]  # fmt: skip
        people = list_own_customers(cast.riverside, FEB)
        assert [(row["name"], row["charged_minor"], row["refunded_minor"], row["sum_minor"]) for row in people] == [
            ("Abdul Karim", charge, 270_00, charge - 270_00), ("Nusrat Jahan", charge, 0, charge),
        ]  # fmt: skip
    with acting(cast.padma, cast.north):
        assert figures(get_statement(cast.riverside, FEB)) == figures(month)
        assert list_own_customers(cast.riverside, FEB) == []  # the parent learns no name
        assert sum_charges(cast.riverside, FEB)["own"]["sum_minor"] == 2 * charge - 270_00
        below = sum_charges(cast.north, FEB)["below"]  # on its own edge with Padma, at 400.00
        assert (below["services"], below["charged_minor"]) == (2, 2 * 420_00)
        assert sum_charges(cast.north, FEB)["own"]["services"] == 0
    assert_proved()


def test_both_sides_confirm_once_and_a_later_movement_shows_as_a_difference(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.riverside), pytest.raises(MonthNotOver):
        prepare_statement(child_id=cast.riverside, month=FEB, today=date(2026, 2, 28), now=noon(MAR))
    with acting(cast.padma, cast.north):
        accountant = build_person(cast.north, "lila", "accountant")
        prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
    with acting(cast.padma, cast.north, user_id=accountant):
        confirm_statement(child_id=cast.riverside, month=FEB, now=noon(MAR))
    with acting(cast.padma, cast.riverside, user_id=cast.owners["riverside"]):
        confirm_statement(child_id=cast.riverside, month=FEB, now=noon(MARCH_9))
        confirm_statement(child_id=cast.riverside, month=FEB, now=noon(APR))
        prepared = get_statement(cast.riverside, FEB)
    assert (prepared["parent_confirmed_by"], prepared["child_confirmed_by"]) == (accountant, cast.owners["riverside"])
    assert (prepared["parent_confirmed_at"], prepared["child_confirmed_at"]) == (noon(MAR), noon(MARCH_9))
    late = recharge(cast, date(2026, 2, 20), 77_00)
    with acting(cast.padma, cast.north):
        prepare_statement(child_id=cast.riverside, month=FEB, today=APR, now=noon(APR))  # again changes nothing
        now = get_statement(cast.riverside, FEB)
        assert figures(now, "prepared_") == figures(prepared)
        assert now["difference_minor"] == 77_00 and now["digest"] == prepared["digest"]
        assert [line["id"] for line in list_lines(cast.riverside, FEB) if line["is_late"]] == [late]
        assert figures(get_statement(cast.riverside, MAR))[0] == now["closing_minor"]


def test_late_movements_show_also_where_the_closing_stays_as_it_was(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.north):
        prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
        assert get_statement(cast.riverside, FEB)["differs"] is False
    recharge(cast, date(2026, 2, 25), 500_00, "recharge_repaid")  # moves what is owed alone
    with acting(cast.padma, cast.riverside):
        owed = get_statement(cast.riverside, FEB)
        assert (owed["difference_minor"], owed["differs"]) == (0, True)
        prepare_statement(child_id=cast.riverside, month=MAR, today=APR, now=noon(APR))
        assert get_statement(cast.riverside, MAR)["differs"] is False
    came = recharge(cast, MARCH_9, 300_00)
    with acting(cast.padma, cast.north):
        reverse_recharge(child_id=cast.riverside, movement_id=came, on=MARCH_9, reason="bounced")
        both = get_statement(cast.riverside, MAR)
        assert (both["difference_minor"], both["differs"]) == (0, True)


def test_a_dispute_is_answered_by_the_other_side_before_anybody_confirms(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.riverside):
        line = list_lines(cast.riverside, FEB)[0]["id"]
        with pytest.raises(InvalidInput):
            dispute_movement(child_id=cast.riverside, movement_id=line, what="  ", now=noon(MAR))
        said = [
            dispute_movement(child_id=cast.riverside, movement_id=line, what="charged twice", now=noon(MAR))
            for _ in range(2)
        ]
        assert said[0] == said[1]
        prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
        with refused(StatementDisputed):
            confirm_statement(child_id=cast.riverside, month=FEB, now=noon(MAR))
    with acting(cast.padma, cast.riverside), pytest.raises(OwnDispute):
        settle_dispute(child_id=cast.riverside, dispute_id=said[0], how="it is fine", now=noon(MAR))
    with acting(cast.padma, cast.north):
        assert get_statement(cast.riverside, FEB)["disputes"] == 1
        assert [row["said_by_us"] for row in list_disputes(cast.riverside, FEB)] == [False]
        settle_dispute(child_id=cast.riverside, dispute_id=said[0], how="two customers", now=noon(MARCH_9))
        confirm_statement(child_id=cast.riverside, month=FEB, now=noon(MARCH_9))
    with acting(cast.padma, cast.north), pytest.raises(AlreadySettled):
        settle_dispute(child_id=cast.riverside, dispute_id=said[0], how="again", now=noon(MARCH_9))
    with acting(cast.padma, cast.riverside):
        assert list_disputes(cast.riverside, FEB)[0]["settled_how"] == "two customers"


@contextmanager
def refused(refusal: type[Exception]) -> Iterator[None]:
    """As pytest.raises, inside a unit that goes on."""
    with pytest.raises(refusal), savepoint():
        yield


@pytest.mark.parametrize("who", ["rival", "padma", "meghna"])
def test_a_sibling_a_grandparent_and_another_isp_find_nothing(february: Cast, who: str) -> None:
    cast = february
    with acting(cast.padma, cast.north):
        movement = list_lines(cast.riverside, FEB)[0]["id"]
        prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
        dispute = dispute_movement(child_id=cast.riverside, movement_id=movement, what="why", now=noon(MAR))
    isp = cast.meghna if who == "meghna" else cast.padma
    with acting(isp, cast.rival if who == "rival" else isp.isp_id):
        at = {"now": noon(MAR)}
        acts: list[Callable[[], object]] = [
            lambda: list_statements(cast.riverside, today=MAR),
            lambda: get_statement(cast.riverside, FEB),
            lambda: prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, **at),
            lambda: confirm_statement(child_id=cast.riverside, month=FEB, **at),
            lambda: dispute_movement(child_id=cast.riverside, movement_id=movement, what="mine", **at),
            lambda: settle_dispute(child_id=cast.riverside, dispute_id=dispute, how="mine", **at),
        ]
        for act in acts:
            with refused(NotFound):
                act()
        assert list_lines(cast.riverside, FEB) == [] == list_disputes(cast.riverside, FEB)
        assert sum_charges(cast.riverside, FEB)["own"]["services"] == 0


def test_a_collector_neither_prepares_nor_confirms(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", "collector")
    with acting(cast.padma, cast.riverside, user_id=collector):
        with pytest.raises(NotAllowed):
            prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
        with pytest.raises(NotAllowed):
            confirm_statement(child_id=cast.riverside, month=FEB, now=noon(MAR))


@pytest.mark.parametrize("seed", range(3))
def test_closings_are_the_next_openings_whatever_moves_and_however_late(db: object, seed: int) -> None:
    cast = build_cast()
    chance = random.Random(seed)
    recharged: list[tuple[int, int]] = []
    moved: list[tuple[date, int, int]] = []  # day, amount, order
    prepared: dict[date, int] = {}  # month → how many movements it knew
    months = [date(2026, n, 1) for n in range(1, 6)]
    for order in range(60):
        day = date(2026, 1, 1) + timedelta(days=chance.randrange(150))
        if recharged and chance.random() < 0.25:
            movement, amount = recharged.pop(chance.randrange(len(recharged)))
            with acting(cast.padma, cast.north):
                reverse_recharge(child_id=cast.riverside, movement_id=movement, on=day, reason="mistaken")
            moved.append((day, -amount, order))
        else:
            amount = chance.randrange(1, 9_999_99)
            recharged.append((recharge(cast, day, amount), amount))
            moved.append((day, amount, order))
        if chance.random() < 0.15:
            month = chance.choice(months[:-1])
            with acting(cast.padma, cast.riverside):
                prepare_statement(child_id=cast.riverside, month=month, today=date(2026, 6, 1), now=noon(MAR))
            prepared.setdefault(month, len(moved))
    check_chain(cast, moved, prepared)
    assert_proved()


def check_chain(cast: Cast, moved: list[tuple[date, int, int]], prepared: dict[date, int]) -> None:
    """Every month against the plain list of what moved; prepared ones against the list as it was then."""
    with acting(cast.padma, cast.riverside):
        listed = list_statements(cast.riverside, today=date(2026, 6, 1))[::-1]
    for before, after in pairwise(listed):
        assert before["closing_minor"] == after["opening_minor"]
    assert (
        listed[-1]["closing_minor"] == fund(cast, cast.riverside, cast.north) == sum(amount for _, amount, _ in moved)
    )
    for row in listed:
        assert row["closing_minor"] == row["opening_minor"] + row["credits_minor"] - row["debits_minor"]
        known = moved[: prepared.get(row["month_on"], len(moved))]
        opening = sum(amount for day, amount, _ in known if day < row["month_on"])
        inside = [amount for day, amount, _ in known if day.replace(day=1) == row["month_on"]]
        expected = (opening, sum(a for a in inside if a > 0), -sum(a for a in inside if a < 0), opening + sum(inside))
        prefix = "prepared_" if row["prepared"] else ""
        assert row["prepared"] == (row["month_on"] in prepared)
        assert figures(row, prefix) == expected
        if row["prepared"]:
            assert row["difference_minor"] == row["closing_minor"] - expected[-1]


def test_a_closing_that_was_prepared_and_its_difference_make_the_next_opening(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.north):
        prepare_statement(child_id=cast.riverside, month=FEB, today=MAR, now=noon(MAR))
    recharge(cast, date(2026, 1, 15), 10_00)
    recharge(cast, date(2026, 2, 28), 5_00)
    night(cast, MAR)
    with acting(cast.padma, cast.north):
        prepare_statement(child_id=cast.riverside, month=MAR, today=APR, now=noon(APR))
        first, second = get_statement(cast.riverside, FEB), get_statement(cast.riverside, MAR)
        assert first["difference_minor"] == 15_00
        assert first["prepared_closing_minor"] + 15_00 == second["prepared_opening_minor"]
    assert_proved()
