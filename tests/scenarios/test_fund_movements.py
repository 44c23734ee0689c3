"""Random movements of funds against a small model, and transfers that race (SPEC 2.2, 2.4, ARCHITECTURE §4.8)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import Refusal
from backhaul.funds.queries import get_fund, list_fund_movements
from backhaul.funds.services import (
    deduct_from_fund,
    pay_back_fund,
    receive_from_child,
    recharge_fund,
    reverse_bonus,
    reverse_recharge,
    set_edge_terms,
    transfer_fund,
)
from tests.builders import acting, request_key
from tests.cast import CELL, Cast, fill_funds
from tests.scenarios.money import assert_proved, balance
from tests.scenarios.test_guards import access, cut, drain, guarded, measure, nov, operator_blocks, step, top_up
from tests.scenarios.test_money_races import Side, stopped_at, wait_for_locks
from tests.scenarios.test_oracles import taken_over

ON = date(2026, 2, 1)


@dataclass
class Edge:
    """What a fund should say, by plain sums. `came`: (movement, amount) of all that came in, oldest first."""

    held: int = 0
    owed: int = 0
    limit: int = 0
    came: list[tuple[int, int]] = field(default_factory=list)
    recharges: dict[int, int] = field(default_factory=dict)
    bonuses: list[int] = field(default_factory=list)

    def comes(self, movement: int, amount: int) -> None:
        self.held += amount
        self.came.append((movement, amount))

    def taken_back(self, movement: int, amount: int) -> None:
        self.held -= amount
        self.came = [(other, came - amount if other == movement else came) for other, came in self.came]

    def unused(self, movement: int) -> int:
        """Of what came in by that movement: what came later is used later."""
        later = sum(amount for other, amount in self.came if other > movement)
        return max(0, min(dict(self.came)[movement], self.held - later))


class Play:
    """One game: each move is made in the system and in the model, refused by both or by neither."""

    def __init__(self, cast: Cast, seed: int) -> None:
        self.cast = cast
        self.draw = random.Random(seed)
        self.edges = {cast.north: Edge(limit=300_00), cast.rival: Edge()}
        with acting(cast.padma):
            set_edge_terms(child_id=cast.north, credit_limit_minor=300_00)

    def done(self, fits: bool, move: Callable[..., Any], child: int, **given: Any) -> Any:
        """What the move returns; None where it was refused, as it should be."""
        try:
            with acting(self.cast.padma):
                made = move(child_id=child, on=ON, **given)
        except Refusal:
            assert not fits, f"{move.__name__} {given} was refused"
            return None
        assert fits, f"{move.__name__} {given} was not refused"
        return made

    def move(self) -> None:
        child, other = self.draw.sample([*self.edges], 2)
        amount = self.draw.randint(1, 500_00)
        moves = (self.recharge, self.receive, self.take, self.transfer, self.reverse, self.reverse_bonus)
        self.draw.choice(moves)(child, other, amount)

    def recharge(self, child: int, _: int, amount: int) -> None:
        edge, kind = self.edges[child], self.draw.choice(("recharge", "recharge_credit", "bonus"))
        paid = "cash" if kind == "recharge" else None
        made = self.done(
            True, recharge_fund, child, kind=kind, amount_minor=amount, paid=paid, request_key=request_key()
        )
        edge.comes(made, amount)
        if kind == "recharge":
            edge.recharges[made] = amount
        elif kind == "bonus":
            edge.bonuses.append(made)
        else:
            edge.owed += amount

    def receive(self, child: int, _: int, amount: int) -> None:
        edge = self.edges[child]
        made = self.done(
            True,
            receive_from_child,
            child,
            amount_minor=amount,
            to_debt_minor=None,
            paid="bank",
            request_key=request_key(),
        )
        to_debt = min(amount, edge.owed)
        edge.owed -= to_debt
        if amount > to_debt:
            edge.comes(made[-1], amount - to_debt)
            edge.recharges[made[-1]] = amount - to_debt

    def take(self, child: int, _: int, amount: int) -> None:
        edge, given = self.edges[child], {"amount_minor": amount, "request_key": request_key()}
        if self.draw.random() < 0.5:
            made = self.done(amount <= edge.held + edge.limit, deduct_from_fund, child, reason="penalty", **given)
        else:
            made = self.done(amount <= edge.held - edge.owed, pay_back_fund, child, paid="bank", **given)
        edge.held -= 0 if made is None else amount

    def transfer(self, child: int, other: int, amount: int) -> None:
        edge = self.edges[child]
        given = {"to_child_id": other, "amount_minor": amount, "request_key": request_key()}
        made = self.done(amount <= edge.held - edge.owed, transfer_fund, child, **given)
        if made is not None:
            edge.held -= amount
            with acting(self.cast.padma):
                self.edges[other].comes(list_fund_movements(other, limit=1)[0]["id"], amount)

    def reverse(self, child: int, _: int, __: int) -> None:
        edge = self.edges[child]
        if not edge.recharges:
            return
        movement, whole = edge.recharges.popitem()
        self.done(True, reverse_recharge, child, movement_id=movement, reason="bounced")
        there = max(0, min(whole, edge.held))
        edge.taken_back(movement, there)
        edge.owed += whole - there

    def reverse_bonus(self, child: int, _: int, __: int) -> None:
        edge = self.edges[child]
        if edge.bonuses:
            movement = edge.bonuses.pop()
            unused = edge.unused(movement)
            self.done(unused > 0, reverse_bonus, child, movement_id=movement, reason="missed")
            edge.taken_back(movement, unused)


@pytest.mark.parametrize("seed", range(4))
def test_after_any_movements_fund_debt_movements_and_both_books_agree(cast: Cast, seed: int) -> None:
    play = Play(cast, seed)
    for _ in range(60):
        play.move()
    for child, edge in play.edges.items():
        with acting(cast.padma):
            fund = get_fund(child)
        assert (fund["posted_minor"], fund["owed_minor"]) == (edge.held, edge.owed)
        assert balance(cast, child, "fund") == edge.held
        assert balance(cast, child, "payable_to_provider") == -edge.owed
    isp = cast.padma.isp_id
    assert balance(cast, isp, "operator_funds") == -sum(edge.held for edge in play.edges.values())
    assert balance(cast, isp, "receivable_operators") == sum(edge.owed for edge in play.edges.values())
    assert balance(cast, isp, "transfers_between") == 0
    assert_proved()


def test_a_recharge_that_was_taken_back_uses_up_no_bonus(cast: Cast) -> None:
    given: dict[str, Any] = {"child_id": cast.north, "on": ON}
    with acting(cast.padma):
        bonus = recharge_fund(kind="bonus", amount_minor=100_00, paid=None, request_key=request_key(), **given)
        bounced = recharge_fund(kind="recharge", amount_minor=500_00, paid="bank", request_key=request_key(), **given)
        reverse_recharge(movement_id=bounced, reason="bounced", **given)
        reverse_bonus(movement_id=bonus, reason="target missed", **given)
        assert get_fund(cast.north)["posted_minor"] == 0
    assert_proved()


def transfer(cast: Cast, child: int, to: int, amount: int, key: str | None = None) -> int:
    with acting(cast.padma):
        return transfer_fund(
            child_id=child, to_child_id=to, amount_minor=amount, on=ON, request_key=key or request_key()
        )


def test_transfers_both_ways_at_once_end_without_a_deadlock(db: EmbeddedPostgres, cast: Cast) -> None:
    """Both wait for a third that holds one fund; whichever comes first then, the other follows."""
    with acting(cast.padma):
        for child in (cast.north, cast.rival):
            recharge_fund(
                child_id=child, kind="recharge", amount_minor=1_000_00, on=ON, paid="cash", request_key=request_key()
            )
    for held in (cast.north, cast.rival):
        with stopped_at(db, f"SELECT 1 FROM {CELL}.fund WHERE child_id = {held} FOR UPDATE"):
            there = Side(lambda: transfer(cast, cast.north, cast.rival, 300_00))
            back = Side(lambda: transfer(cast, cast.rival, cast.north, 100_00))
            wait_for_locks(db, 2)
        there.done()
        back.done()
    with acting(cast.padma):
        assert (get_fund(cast.north)["posted_minor"], get_fund(cast.rival)["posted_minor"]) == (600_00, 1_400_00)
    assert_proved()


def test_one_transfer_sent_four_times_at_once_moves_once(cast: Cast) -> None:
    with acting(cast.padma):
        recharge_fund(
            child_id=cast.north, kind="recharge", amount_minor=1_000_00, on=ON, paid="cash", request_key=request_key()
        )
    sides = [Side(lambda: transfer(cast, cast.north, cast.rival, 400_00, "form")) for _ in range(4)]
    assert len({side.done() for side in sides}) == 1
    with acting(cast.padma):
        assert (get_fund(cast.north)["posted_minor"], get_fund(cast.rival)["posted_minor"]) == (600_00, 400_00)
    assert_proved()


@pytest.mark.parametrize("cut_first", [True, False])
def test_a_recharge_while_the_operator_is_cut_leaves_nothing_stopped(
    db: EmbeddedPostgres, cast: Cast, cut_first: bool
) -> None:
    """Whichever of the two has the fund first, in the end it is back at its minimum and nothing holds a service off."""
    fill_funds(cast)
    service = taken_over(cast, cast.north, billed_until=nov(5))
    guarded(cast, cast.north, cast.padma.isp_id, reaches_sub_operators=True)
    drain(cast, cast.north, cast.padma.isp_id, 0)
    for day in (2, 3, 4, 5):
        measure(cast, nov(day))
    moves = [lambda: cut(cast, nov(5)), lambda: top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, nov(5))]
    with stopped_at(db, f"SELECT 1 FROM {CELL}.fund WHERE child_id = {cast.north} FOR UPDATE"):
        first = Side(moves[0] if cut_first else moves[1])
        wait_for_locks(db, 1)
        second = Side(moves[1] if cut_first else moves[0])
        wait_for_locks(db, 2)
    first.done()
    second.done()
    assert [operator_blocks(cast, who) for who in (cast.north, cast.riverside)] == [{}, {}]
    assert (step(cast, cast.north), access(cast, cast.north, service)) == ("none", "open")
    assert_proved()
