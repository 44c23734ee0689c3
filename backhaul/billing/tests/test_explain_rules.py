"""Rules of explanations without a database: parts add to the whole, every step has its sentence, sums read as keyed."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from pathlib import Path

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from backhaul.billing.explain_back_rules import Back, Charge, Note, steps_of_back, sum_of_note
from backhaul.billing.explain_bill_rules import Bill, sum_of_bill
from backhaul.billing.explain_rules import (
    Exact,
    Money,
    Span,
    Step,
    cost,
    runs_of,
    steps_of_days,
)
from backhaul.billing.explain_words import HEADINGS, SENTENCES, TOTALS, Teller

NOV_1, DEC_1 = date(2026, 11, 1), date(2026, 12, 1)
TELLER = Teller()
BILL = Bill(
    kind="period", span=Span(NOV_1, DEC_1), price_minor=600_00, cycle_days=30, from_day=0, net_minor=600_00,
    discount_minor=0, vat_minor=30_00, rounding_minor=0, total_minor=630_00, rate_bp=500,
)  # fmt: skip


def total(steps: list[Step]) -> int:
    return sum(step.minor or 0 for step in steps)


@given(
    price=st.integers(0, 10**9),
    cycle=st.integers(1, 366),
    cuts=st.tuples(st.integers(0, 366), st.integers(0, 366)),
)
def test_steps_of_days_add_to_what_the_days_cost_and_parts_to_the_whole(
    price: int, cycle: int, cuts: tuple[int, int]
) -> None:
    first, last = sorted(cut % (cycle + 1) for cut in cuts)
    assert total(steps_of_days(price, first, last, cycle)) == cost(price, first, last, cycle)
    parts = cost(price, 0, first, cycle) + cost(price, first, last, cycle) + cost(price, last, cycle, cycle)
    assert parts == price


@given(net=st.integers(1, 10**8), rate=st.integers(0, 2_500), day=st.integers(1, 29))
def test_a_bill_credited_in_two_notes_is_credited_whole(net: int, rate: int, day: int) -> None:
    bill = replace(BILL, price_minor=net, net_minor=net, rate_bp=rate, vat_minor=(2 * net * rate + 10_000) // 20_000)
    bill = replace(bill, total_minor=net + bill.vat_minor)
    assert not sum_of_bill(bill).differs
    cut = NOV_1 + timedelta(days=day)
    late = Note(Span(cut, DEC_1), "left", 0, 0, 0, 0)
    first = sum_of_note(bill, late)
    back, vat = bill.cost_of(late.span), first.total_minor - bill.cost_of(late.span)
    early = Note(
        Span(NOV_1, cut), "left", 0, 0, 0, 0, given_net_minor=back, given_vat_minor=vat, weighed=bill.cost_of(late.span)
    )
    assert first.total_minor + sum_of_note(bill, early).total_minor == bill.total_minor


def test_a_minimum_is_kept_once_of_all_that_comes_back() -> None:
    """Two charges give back 30.00 and 240.00; the policy keeps 100.00: nothing of the first, 170.00 of the second."""
    charge = Charge(Span(NOV_1, DEC_1), 400_00, 30, 0, 0, 400_00, 0, 0)
    small = Charge(Span(NOV_1, DEC_1), 50_00, 30, 0, 0, 50_00, 0, 0)
    span = Span(NOV_1 + timedelta(days=12), DEC_1)
    first = Back(small, span, "left", 0, 0, kept_minor=100_00)
    second = Back(charge, span, "left", 170_00, 0, kept_minor=100_00, before_minor=30_00)
    assert [total(steps_of_back(back)) for back in (first, second)] == [0, 170_00]
    assert total(steps_of_back(second, sign=-1)) == -170_00


@pytest.mark.parametrize("price", range(60))
def test_tiny_prices_that_include_vat_are_recognised(price: int) -> None:
    """Whatever the profile says now: the figures show what it said then."""
    net = (20_000 * price + 10_500) // 21_000
    bill = replace(BILL, price_minor=price, net_minor=net, vat_minor=price - net, total_minor=price)
    assert not sum_of_bill(bill).differs
    assert not sum_of_bill(replace(bill, includes_vat=True)).differs


def test_days_that_are_alike_stand_together() -> None:
    states = ["billed", "billed", "off", "off", "billed"]
    runs = runs_of([(NOV_1 + timedelta(days=n), state, None) for n, state in enumerate(states)])
    assert [(run.state, run.span.days) for run in runs] == [("billed", 2), ("off", 2), ("billed", 1)]


def test_sums_read_as_one_keys_them_in() -> None:
    assert TELLER.arithmetic((Money(-600_00), "×", 12, "÷", 31)) == "−600.00 × 12 ÷ 31"
    assert TELLER.arithmetic((Exact(Fraction(100, 3)), "≈", Money(33))) == "0.333333… ≈ 0.33"
    assert TELLER.arithmetic((Exact(Fraction(1, 2)),)) == "0.005"
    assert TELLER.arithmetic((Exact(Fraction(64814 * 100, 105)),)) == "617.276190…"
    assert Teller(0).arithmetic((Exact(Fraction(25, 4)), "≈", Money(6))) == "6.25 ≈ 6"


def steps_in_code() -> set[str]:
    """The names of steps that are written out in the modules of explanations."""
    folder = Path(__file__).parents[1]
    found: set[str] = set()
    for path in [*folder.glob("explain*.py"), folder.parent / "payments" / "explain.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Step" and node.args:
                name = node.args[0]
                either = [name.body, name.orelse] if isinstance(name, ast.IfExp) else [name]
                found |= {str(each.value) for each in either if isinstance(each, ast.Constant)}
    return found


def test_every_step_has_its_sentence_and_every_section_its_heading() -> None:
    assert len(steps_in_code()) > 50
    assert steps_in_code() - set(SENTENCES) == set()
    assert set(TOTALS) <= set(HEADINGS)


class Anything(dict[str, int]):
    """Has every value, the same for all."""

    def __init__(self, value: int) -> None:
        super().__init__()
        self.value = value

    def __missing__(self, name: str) -> int:
        return self.value


@pytest.mark.parametrize("what", SENTENCES)
def test_every_sentence_is_said_for_one_and_for_many(what: str) -> None:
    for number in (1, 2):
        assert "%" not in str(SENTENCES[what] % Anything(number))


@pytest.mark.parametrize("what", SENTENCES)
def test_every_sentence_is_said_in_bangla(what: str) -> None:
    with translation.override("bn"):
        said = str(SENTENCES[what] % Anything(2))
        english = re.search("[A-Za-z]", said)
    assert not english or re.search("[\u0980-\u09ff]", said)
