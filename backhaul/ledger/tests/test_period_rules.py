"""The calendar of the books: years that begin with any month, months that are closed, in part or not at all."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backhaul.ledger.period_rules import (
    FiscalYear,
    closing_of,
    fiscal_year_of,
    last_of_month,
    month_state,
    next_month,
)

DAYS = st.dates(date(1950, 1, 1), date(2200, 12, 31))
BEGAN = date(2025, 1, 1)


@given(day=DAYS, starts_month=st.integers(1, 12))
def test_every_day_lies_in_one_year_of_twelve_months_that_leaves_no_day_out(day: date, starts_month: int) -> None:
    year = fiscal_year_of(day, starts_month)
    assert year.starts_on <= day <= year.last_on
    assert year.starts_on.month == year.ends_on.month == starts_month
    days = [month + timedelta(days=n) for month in year.months for n in range((next_month(month) - month).days)]
    assert days == [year.starts_on + timedelta(days=n) for n in range((year.ends_on - year.starts_on).days)]
    assert fiscal_year_of(year.ends_on, starts_month).starts_on == year.ends_on


@pytest.mark.parametrize(
    ("day", "starts_month", "year"),
    [
        (date(2026, 6, 30), 7, FiscalYear(date(2025, 7, 1), date(2026, 7, 1))),
        (date(2026, 7, 1), 7, FiscalYear(date(2026, 7, 1), date(2027, 7, 1))),
        (date(2026, 12, 31), 1, FiscalYear(date(2026, 1, 1), date(2027, 1, 1))),
        (date(2028, 2, 29), 3, FiscalYear(date(2027, 3, 1), date(2028, 3, 1))),
    ],
)
def test_years_by_hand(day: date, starts_month: int, year: FiscalYear) -> None:
    assert fiscal_year_of(day, starts_month) == year


@pytest.mark.parametrize(
    ("locked_through", "state"),
    [
        (None, "open"),
        (date(2026, 1, 31), "open"),
        (date(2026, 2, 1), "part"),
        (date(2026, 2, 27), "part"),
        (date(2026, 2, 28), "closed"),
        (date(2026, 5, 1), "closed"),
    ],
)
def test_a_month_is_closed_when_its_last_day_is(locked_through: date | None, state: str) -> None:
    assert month_state(date(2026, 2, 1), locked_through, date(2026, 6, 1), first_on=BEGAN) == state


def test_a_month_that_has_not_begun_is_to_come() -> None:
    assert month_state(date(2026, 3, 1), None, date(2026, 2, 28), first_on=BEGAN) == "to_come"
    assert month_state(date(2026, 3, 1), None, date(2026, 3, 1), first_on=BEGAN) == "open"


def test_a_month_that_ended_before_the_books_began_is_not_open() -> None:
    began = date(2026, 3, 31)
    assert month_state(date(2026, 2, 1), None, date(2026, 6, 1), first_on=began) == "before"
    assert month_state(date(2026, 3, 1), None, date(2026, 6, 1), first_on=began) == "open"
    assert month_state(date(2026, 2, 1), date(2026, 2, 28), date(2026, 6, 1), first_on=began) == "closed"


def test_the_last_days_of_months() -> None:
    assert [last_of_month(date(2028, month, 1)).day for month in (1, 2, 4, 12)] == [31, 29, 30, 31]


def lock(number: int, through: date | None) -> dict[str, Any]:
    return {"id": number, "locked_through": through}


def test_a_day_is_closed_since_the_closing_that_nothing_opened_again() -> None:
    jan, feb, mar = date(2026, 1, 31), date(2026, 2, 28), date(2026, 3, 31)
    locks = [lock(1, jan), lock(2, mar), lock(3, jan), lock(4, feb), lock(5, mar)]
    assert [(closing_of(day, locks) or lock(0, None))["id"] for day in (jan, feb, mar, date(2026, 4, 1))] == [
        1,
        4,
        5,
        0,
    ]
    assert closing_of(jan, [*locks, lock(6, None)]) is None
    assert closing_of(jan, []) is None
