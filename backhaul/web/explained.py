"""An explanation as pages and paper show it: in words, in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from backhaul.billing.explain_rules import DayRun, Explanation, Section
from backhaul.billing.explain_words import TOTALS, WORDS, Teller
from backhaul.web.currency import decimals
from backhaul.web.words import named


@dataclass(frozen=True)
class Line:
    """A sentence, its arithmetic if it has one, and what it adds."""

    text: str
    arithmetic: str
    minor: int | None


@dataclass(frozen=True)
class Part:
    """A heading with its lines; `total` says what they add to, where they do."""

    title: str
    lines: Sequence[Line]
    total: str
    total_minor: int
    stored_minor: int | None

    @property
    def differs(self) -> bool:
        return self.stored_minor is not None and self.stored_minor != self.total_minor


@dataclass(frozen=True)
class Day:
    """A day for the strip of days: its number, how it was, and that in words."""

    on: date
    state: str
    label: str


@dataclass(frozen=True)
class Told:
    """All that a page of an explanation shows."""

    subject: str
    amount_minor: int
    parts: Sequence[Part]
    days: Sequence[Day]
    entries: Sequence[Mapping[str, Any]]

    @property
    def differs(self) -> bool:
        return any(part.differs for part in self.parts)


def told(explanation: Explanation) -> Told:
    """The explanation in the active language, with the decimals of whoever is served."""
    teller = Teller(decimals())
    return Told(
        subject=teller.sentence(explanation.subject),
        amount_minor=explanation.amount_minor,
        parts=[_part(teller, section) for section in explanation.sections],
        days=list(_days(explanation.days)),
        entries=explanation.entries,
    )


def _part(teller: Teller, section: Section) -> Part:
    lines = [Line(teller.sentence(step), teller.arithmetic(step.sum), step.minor) for step in section.steps]
    total = str(TOTALS[section.name]) if section.stored_minor is not None else ""
    heading = teller.heading(section.name, section.values)
    return Part(heading, lines, total, section.total_minor, section.stored_minor)


def _days(runs: Sequence[DayRun]) -> Iterator[Day]:
    for run in runs:
        label = str(named(run.state, "bill_day"))
        if run.reason:
            label = f"{label} · {WORDS['reason'].get(run.reason, run.reason)}"
        for n in range(run.span.days):
            yield Day(run.span.from_on + timedelta(days=n), run.state, label)
