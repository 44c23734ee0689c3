"""How an amount came about: sentences with figures, in order, that a shopkeeper can work out again on a calculator.

Pure: facts go in, steps come out. The arithmetic stands here a second time, on purpose apart from the SQL functions
that billed (10_rules.sql): an explanation whose last figure is not the recorded amount shows that something is wrong.
What a step is called in words is said by explain_words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from fractions import Fraction


@dataclass(frozen=True)
class Money:
    """An amount inside a sentence or a sum."""

    minor: int


@dataclass(frozen=True)
class Exact:
    """What a sum gives before it is rounded to the minor unit."""

    minor: Fraction


@dataclass(frozen=True)
class Rate:
    """Hundredths of a percent."""

    bp: int


@dataclass(frozen=True)
class Word:
    """A word of the domain, translated where it is shown: of "reason", "movement" and so on."""

    of: str
    word: str


@dataclass(frozen=True)
class Span:
    """The days [from_on, to_on)."""

    from_on: date
    to_on: date

    @property
    def days(self) -> int:
        return (self.to_on - self.from_on).days


@dataclass(frozen=True)
class Who:
    """Who did something: a person by name, an operator by name, the reader's own operator, or the system."""

    kind: str
    name: str = ""


Value = int | str | date | datetime | Money | Rate | Word | Span | Who
Token = int | str | Money | Exact


@dataclass(frozen=True)
class Step:
    """A sentence with its values; `sum`: the arithmetic on a line of its own; `minor`: what it adds to the section."""

    what: str
    values: Mapping[str, Value] = field(default_factory=dict)
    sum: tuple[Token, ...] = ()
    minor: int | None = None


@dataclass(frozen=True)
class Section:
    """Steps under a heading. `stored_minor`: the recorded amount that the steps must add to; None: nothing to add."""

    name: str
    steps: Sequence[Step]
    stored_minor: int | None = None
    values: Mapping[str, Value] = field(default_factory=dict)

    @property
    def total_minor(self) -> int:
        return sum(step.minor or 0 for step in self.steps)

    @property
    def differs(self) -> bool:
        return self.stored_minor is not None and self.stored_minor != self.total_minor


@dataclass(frozen=True)
class DayRun:
    """Days in a row that were alike: counted, off or credited, and why."""

    span: Span
    state: str
    reason: str | None = None


@dataclass(frozen=True)
class Explanation:
    """All that explains one amount. `entries` are entries of the reader's own books, as the ledger lists them."""

    subject: Step
    amount_minor: int
    sections: Sequence[Section]
    days: Sequence[DayRun] = ()
    entries: Sequence[Mapping[str, object]] = ()

    @property
    def differs(self) -> bool:
        """Whether some recorded amount is not what its steps give."""
        return any(section.differs for section in self.sections)

    def section(self, name: str) -> Section:
        """The section of that name; raises StopIteration where there is none."""
        return next(section for section in self.sections if section.name == name)


# -- the arithmetic of SPEC 2.5 ----------------------------------------------------------------------------------------


def upto(price_minor: int, days: int, cycle_days: int) -> int:
    """A(k): what the first k of a cycle's N days cost, rounded half up."""
    return (2 * price_minor * days + cycle_days) // (2 * cycle_days)


def cost(price_minor: int, from_day: int, to_day: int, cycle_days: int) -> int:
    """A(b) − A(a): the days [a, b) of a cycle; parts add to the whole."""
    return upto(price_minor, to_day, cycle_days) - upto(price_minor, from_day, cycle_days)


def half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def vat_of(net_minor: int, rate_bp: int) -> int:
    """VAT on a net amount, or any other part in hundredths of a percent."""
    return half_up(Fraction(net_minor * rate_bp, 10_000))


def net_of_gross(gross_minor: int, rate_bp: int) -> int:
    return half_up(Fraction(gross_minor * 10_000, 10_000 + rate_bp))


def rounded_to(total_minor: int, step_minor: int) -> int:
    return half_up(Fraction(total_minor, step_minor)) * step_minor


def share_of(amount_minor: int, part: int, whole: int) -> int:
    """The part's share of an amount; nothing where the whole is nothing."""
    return half_up(Fraction(amount_minor * part, whole)) if whole else 0


# -- steps that several kinds share ------------------------------------------------------------------------------------


def times(amount_minor: int, by: int | str, over: int | str, exact: Fraction, result_minor: int) -> tuple[Token, ...]:
    """amount × by ÷ over = exact ≈ result, without the middle where it is the result."""
    head: tuple[Token, ...] = (Money(amount_minor), "×", by, "÷", over, "=")
    if exact == result_minor:
        return (*head, Money(result_minor))
    return (*head, Exact(exact), "≈", Money(result_minor))


def percent(bp: int) -> str:
    """750 gives 7.5, as it stands in a sum."""
    return f"{bp / 100:g}"


def steps_of_days(
    price_minor: int, from_day: int, to_day: int, cycle_days: int, *, counts: bool = True, sign: int = 1
) -> list[Step]:
    """What days [from_day, to_day) of a cycle cost; `counts`: the last step carries the amount."""
    minor = sign * cost(price_minor, from_day, to_day, cycle_days) if counts else None
    if (from_day, to_day) == (0, cycle_days):
        return [Step("whole_cycle", {"days": cycle_days, "price": Money(price_minor)}, minor=minor)]
    steps = [_first_days("first_days", price_minor, to_day, cycle_days, minor if from_day == 0 else None)]
    if from_day:
        a, b = upto(price_minor, from_day, cycle_days), upto(price_minor, to_day, cycle_days)
        steps.append(_first_days("days_before", price_minor, from_day, cycle_days, None))
        steps.append(
            Step("days_between", {"days": to_day - from_day}, (Money(b), "−", Money(a), "=", Money(b - a)), minor)
        )
    return steps


def _first_days(what: str, price_minor: int, days: int, cycle_days: int, minor: int | None) -> Step:
    exact = Fraction(price_minor * days, cycle_days)
    arithmetic = times(price_minor, days, cycle_days, exact, upto(price_minor, days, cycle_days))
    return Step(what, {"days": days, "all": cycle_days}, arithmetic, minor)


def vat_step(net_minor: int, rate_bp: int, since: date | None = None) -> Step:
    """VAT on a net amount, rounded once."""
    if not rate_bp:
        return Step("no_vat", minor=0)
    vat = vat_of(net_minor, rate_bp)
    arithmetic = times(net_minor, percent(rate_bp), 100, Fraction(net_minor * rate_bp, 10_000), vat)
    if since is None:
        return Step("vat", {"rate": Rate(rate_bp), "net": Money(net_minor)}, arithmetic, vat)
    return Step("vat_since", {"rate": Rate(rate_bp), "net": Money(net_minor), "day": since}, arithmetic, vat)


def runs_of(days: Sequence[tuple[date, str, str | None]]) -> list[DayRun]:
    """Days in order, put together where they follow each other and are alike."""
    runs: list[DayRun] = []
    for day, state, reason in days:
        ends = date.fromordinal(day.toordinal() + 1)
        last = runs[-1] if runs else None
        if last and (last.span.to_on, last.state, last.reason) == (day, state, reason):
            runs[-1] = DayRun(Span(last.span.from_on, ends), state, reason)
        else:
            runs.append(DayRun(Span(day, ends), state, reason))
    return runs
