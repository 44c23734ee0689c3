"""Pure rules of the books: what a template does to each account, as linear forms of its event's inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
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
