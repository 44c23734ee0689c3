"""Pure rules of accounting periods: the months of a year, and what being locked through a day means for each."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple


class FiscalYear(NamedTuple):
    """The twelve months that one year end closes: [starts_on, ends_on)."""

    starts_on: date
    ends_on: date

    @property
    def last_on(self) -> date:
        """The day that the year end is posted on."""
        return self.ends_on - timedelta(days=1)

    @property
    def months(self) -> list[date]:
        """The first days of its months."""
        months = [self.starts_on]
        while len(months) < 12:
            months.append(next_month(months[-1]))
        return months


def fiscal_year_of(day: date, starts_month: int) -> FiscalYear:
    """The year of the books that a day lies in; years begin on the first of `starts_month`."""
    year = day.year if day.month >= starts_month else day.year - 1
    return FiscalYear(date(year, starts_month, 1), date(year + 1, starts_month, 1))


def next_month(month_on: date) -> date:
    """The first day of the month after the one that begins on `month_on`."""
    return (month_on + timedelta(days=31)).replace(day=1)


def last_of_month(month_on: date) -> date:
    """The last day of the month that begins on `month_on`."""
    return next_month(month_on) - timedelta(days=1)


def month_state(month_on: date, locked_through: date | None, today: date, *, first_on: date) -> str:
    """closed: all of it; part: its first days; to_come: it has not begun; before: it ended before `first_on`, when the
    books began; else open."""
    if locked_through is not None and locked_through >= last_of_month(month_on):
        return "closed"
    if locked_through is not None and locked_through >= month_on:
        return "part"
    if last_of_month(month_on) < first_on:
        return "before"
    return "to_come" if month_on > today else "open"


def closing_of(last_on: date, locks: list[dict[str, object]]) -> dict[str, object] | None:
    """Of all closings and reopenings, oldest first, the one since which a day has been closed; None: it is open."""
    found = None
    for lock in locks:
        through = lock["locked_through"]
        if not isinstance(through, date) or through < last_on:
            found = None
        elif found is None:
            found = lock
    return found
