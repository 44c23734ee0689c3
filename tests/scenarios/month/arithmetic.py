"""SPEC 2.5 in integers and plain dates: shares of a price by the day, VAT, anchors of the month. Imports nothing."""

from __future__ import annotations

from datetime import date, timedelta

DAY = timedelta(days=1)


def upto(price: int, days: int, whole: int) -> int:
    """A(k): what the first k days of a period of so many days cost together."""
    return (2 * price * days + whole) // (2 * whole)


def part(price: int, first: int, last: int, whole: int) -> int:
    """The days [first, last) of a period."""
    return upto(price, last, whole) - upto(price, first, whole)


def vat_on(net: int, rate_bp: int) -> int:
    """VAT of an amount, half up."""
    return (net * rate_bp + 5_000) // 10_000


def vat_of_part(net: int, vat: int, given: int) -> int:
    """How much of the VAT goes back with a part of the net: what is kept keeps its share."""
    return vat - (2 * vat * (net - given) + net) // (2 * net) if net else 0


def share(amount: int, value: int, whole: int) -> int:
    """An amount's share by weight, half up."""
    return (2 * amount * value + whole) // (2 * whole) if whole else 0


def days(first: date, last: date) -> list[date]:
    """The days [first, last)."""
    return [first + n * DAY for n in range((last - first).days)]


def anchor(month: int, day: int) -> date:
    """The anchor in the n-th month since year 0, or that month's last day."""
    first = date(month // 12, month % 12 + 1, 1)
    following = date((month + 1) // 12, (month + 1) % 12 + 1, 1)
    return min(first + (day - 1) * DAY, following - DAY)


def cycle(on: date, day: int) -> tuple[date, date]:
    """The cycle that a day lies in: from the last anchor on or before it to the first one after it."""
    month = on.year * 12 + on.month - 1
    if anchor(month, day) > on:
        return anchor(month - 1, day), anchor(month, day)
    return anchor(month, day), anchor(month + 1, day)


def after(start: date, day: int, months: int) -> date:
    """The anchor so many months after one."""
    return anchor(start.year * 12 + start.month - 1 + months, day)
