"""Money and calendar arithmetic in SQL, judged by Python's integers and dateutil's calendar (SPEC 2.5)."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import psycopg
import pytest
from dateutil.relativedelta import relativedelta
from hypothesis import given, settings
from hypothesis import strategies as st

from backhaul.cli.embedded import EmbeddedPostgres
from tests.cast import CELL

prices = st.integers(0, 10**12)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))
anchors = st.integers(1, 31)
SQL = settings(max_examples=150, deadline=None)


@pytest.fixture(scope="module")
def ask(server: EmbeddedPostgres) -> Any:
    """Asks one SQL expression for its value."""
    connection = psycopg.connect(server.admin_url.rsplit("/", 1)[0] + "/backhaul", autocommit=True)
    connection.execute(f"SET search_path = {CELL}, ext".encode())

    def value(expression: str, *parameters: Any) -> Any:
        row = connection.execute(f"SELECT {expression}".encode(), parameters).fetchone()
        assert row is not None
        return row[0]

    yield value
    connection.close()


def half_up(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)


@SQL
@given(price=prices, cycle=st.integers(1, 366), data=st.data())
def test_any_partition_of_a_cycle_adds_to_the_price(ask: Any, price: int, cycle: int, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(1, cycle - 1), max_size=6))) if cycle > 1 else []
    edges = [0, *cuts, cycle]
    parts = [ask("prorate(%s::bigint, %s::int, %s::int, %s::int)", price, a, b, cycle) for a, b in pairwise(edges)]
    assert sum(parts) == price
    for part, a, b in zip(parts, edges[:-1], edges[1:], strict=True):
        assert abs(part * cycle - price * (b - a)) < cycle


@SQL
@given(price=prices, cycle=st.integers(1, 366), data=st.data())
def test_the_first_k_days_cost_the_price_times_k_over_n_rounded_half_up(
    ask: Any, price: int, cycle: int, data: st.DataObject
) -> None:
    k = data.draw(st.integers(0, cycle))
    assert ask("charge_upto(%s::bigint, %s::int, %s::int)", price, k, cycle) == half_up(price * k, cycle)


@SQL
@given(net=prices, rate=st.integers(0, 10_000))
def test_vat_is_rounded_half_up_once(ask: Any, net: int, rate: int) -> None:
    assert ask("vat_of(%s::bigint, %s::int)", net, rate) == half_up(net * rate, 10_000)


def anchored(month: date, anchor: int) -> date:
    """dateutil clips a day past the month's end to its last day."""
    return month + relativedelta(day=anchor)


@SQL
@given(day=days, anchor=anchors)
def test_a_day_lies_between_its_anchors(ask: Any, day: date, anchor: int) -> None:
    around = [anchored(day.replace(day=1) + relativedelta(months=shift), anchor) for shift in (-1, 0, 1)]
    assert ask("next_anchor(%s::date, %s::int)", day, anchor) == min(a for a in around if a > day)
    assert ask("last_anchor(%s::date, %s::int)", day, anchor) == max(a for a in around if a <= day)


@pytest.mark.parametrize("anchor", [28, 29, 30, 31])
def test_48_months_of_an_anchor_at_the_months_end(ask: Any, anchor: int) -> None:
    """Oracle 10: 31 Jan → 28 or 29 Feb → 31 Mar, for four years with a leap day."""
    start = date(2027, 1, anchor)
    seen = [start]
    for _ in range(48):
        seen.append(ask("next_anchor(%s::date, %s::int)", seen[-1], anchor))
    assert seen == [start + relativedelta(months=n, day=anchor) for n in range(49)]
    assert date(2028, 2, 29 if anchor >= 29 else anchor) in seen


def test_the_worked_parts_of_a_month_of_31_days(ask: Any) -> None:
    """Oracle 5: 450.00 a month, off on days 10–14 of 31: 377.42 by explicit days."""
    off = ask("prorate(45000::bigint, 9, 14, 31)")
    assert 45000 - off == 37742


def test_a_day_after_each_leap_february_is_its_own_cycle_day(ask: Any) -> None:
    for year in (2024, 2028, 2100):
        end_of_february = date(year, 3, 1) - timedelta(days=1)
        assert ask("anchor_in_month(%s::date, 31)", date(year, 2, 1)) == end_of_february


def test_a_lapsed_validity_is_renewed_from_today_and_a_running_one_from_its_end(ask: Any) -> None:
    """Oracle 2: last day 30 Nov, renewed 5 Dec for 30 days: usable to 3 Jan."""
    ends_on = ask("(renewed_period('2026-12-05', '2026-12-01', 30)).ends_on")
    assert ends_on - timedelta(days=1) == date(2027, 1, 3)
    assert ask("(renewed_period('2026-11-20', '2026-12-01', 30)).starts_on") == date(2026, 12, 1)
