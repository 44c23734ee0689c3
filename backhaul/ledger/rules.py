"""Pure rules of the books: what a template does to each account, as linear forms of its event's inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from backhaul.ledger.templates import AMOUNTS, Line

Form = dict[str, int]  # input of the event → how often it counts; debits count up, credits down


class ManualLine(NamedTuple):
    """One pair of an entry by hand: both accounts by code, one amount."""

    debit_code: str
    credit_code: str
    amount_minor: int


class Place(NamedTuple):
    """Where in the journal a page ends: the entry's day and id."""

    effective_on: date
    entry_id: int


def effect(lines: Iterable[Line], side: str) -> dict[str, Form]:
    """What one side's lines change: account code → form. Inputs that cancel are left out."""
    changes: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in lines:
        if line.side != side:
            continue
        for variable, times in AMOUNTS[line.amount].items():
            changes[line.debit][variable] += times
            changes[line.credit][variable] -= times
    return {code: form for code, raw in changes.items() if (form := _without_zeros(raw))}


def total(forms: Iterable[Mapping[str, int]]) -> Form:
    """The sum of forms; {} = nothing, whatever the inputs are."""
    found: dict[str, int] = defaultdict(int)
    for form in forms:
        for variable, times in form.items():
            found[variable] += times
    return _without_zeros(found)


def _without_zeros(form: Mapping[str, int]) -> Form:
    return {variable: times for variable, times in form.items() if times}


def period_before(from_on: date, to_on: date) -> tuple[date, date]:
    """The days that [from_on, to_on] is compared with: as many whole months before whole months, else as many days."""
    last = from_on - timedelta(days=1)
    if from_on.day == 1 and (to_on + timedelta(days=1)).day == 1:
        months = (to_on.year - from_on.year) * 12 + to_on.month - from_on.month + 1
        first = from_on.year * 12 + from_on.month - 1 - months
        return date(first // 12, first % 12 + 1, 1), last
    return last - (to_on - from_on), last


def pair_lines(lines: Iterable[tuple[str, int, int]]) -> list[ManualLine]:
    """An entry of many debits and credits as pairs: lines of (code, debit, credit), each side taken in its order.

    Both sides must add up to the same; what one line has left over meets the next one of the other side.
    """
    kept = list(lines)
    debits = [(code, debit) for code, debit, _credit in kept if debit]
    credits = [(code, credit) for code, _debit, credit in kept if credit]
    pairs: list[ManualLine] = []
    while debits and credits:
        (debit_code, debit), (credit_code, credit) = debits.pop(0), credits.pop(0)
        amount = min(debit, credit)
        pairs.append(ManualLine(debit_code, credit_code, amount))
        debits[:0] = [(debit_code, debit - amount)] if debit > amount else []
        credits[:0] = [(credit_code, credit - amount)] if credit > amount else []
    return pairs
