"""What a bill comes to, step by step: its days, the discount, VAT, rounding. Pure, as explain_rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from backhaul.billing.explain_rules import (
    DayRun,
    Exact,
    Money,
    Rate,
    Section,
    Span,
    Step,
    Token,
    Value,
    Word,
    cost,
    net_of_gross,
    percent,
    rounded_to,
    steps_of_days,
    times,
    vat_of,
    vat_step,
)


@dataclass(frozen=True)
class Stretch:
    """Days of a period at one price; in arrears a period may have several."""

    span: Span
    price_minor: int


@dataclass(frozen=True)
class DiscountRule:
    """What a standing discount takes off a bill: an amount, or a part of its net."""

    amount_minor: int | None
    part_bp: int | None
    why: str
    from_on: date


@dataclass(frozen=True)
class Bill:
    """A bill as it is recorded, and the rules that held when it was made.

    `stretches` and `off`: billed in arrears only. `includes_vat`, `round_to_minor`, `credits` (reasons for which days
    off are credited): as the profile says now; what it said then is not kept, but shows in the figures. `discount`:
    None where there was none, or none is known any more.
    """

    kind: str
    span: Span
    price_minor: int
    cycle_days: int
    from_day: int
    net_minor: int
    discount_minor: int
    vat_minor: int
    rounding_minor: int
    total_minor: int
    rate_bp: int
    rate_since: date | None = None
    includes_vat: bool = False
    round_to_minor: int = 1
    in_arrears: bool = False
    stretches: Sequence[Stretch] = ()
    off: Sequence[DayRun] = ()
    discount: DiscountRule | None = None
    title: str = ""
    late_number: int | None = None
    credits: Sequence[str] = ()

    def day_no(self, day: date) -> int:
        """Which day of the cycle a day is, from 0."""
        return self.from_day + (day - self.span.from_on).days

    def price_on(self, day: date) -> int:
        """The price of a whole cycle that holds on a day."""
        return next((s.price_minor for s in self.stretches if s.span.from_on <= day < s.span.to_on), self.price_minor)

    def cost_of(self, span: Span) -> int:
        """What days of the bill weigh: in advance by the calendar, in arrears each enabled day at its own price."""
        if not self.in_arrears:
            return cost(self.price_minor, self.day_no(span.from_on), self.day_no(span.to_on), self.cycle_days)
        pieces = [(1, piece) for piece in self.pieces(span)] + [
            (-1, piece) for run in self.off if (cut := _within(run.span, span)) for piece in self.pieces(cut)
        ]
        return sum(
            sign * cost(p.price_minor, self.day_no(p.span.from_on), self.day_no(p.span.to_on), self.cycle_days)
            for sign, p in pieces
        )

    def pieces(self, span: Span) -> list[Stretch]:
        """Days cut where the price changes."""
        return [Stretch(cut, s.price_minor) for s in self.stretches if (cut := _within(s.span, span))]


def _within(span: Span, other: Span) -> Span | None:
    cut = Span(max(span.from_on, other.from_on), min(span.to_on, other.to_on))
    return cut if cut.days > 0 else None


def sum_of_bill(bill: Bill) -> Section:
    """All steps from the price to the total, each with what it adds."""
    if bill.kind in ("opening", "late_fee"):
        return Section("sum", _base_steps(bill, bill.price_minor, counts=True), bill.total_minor)
    told = [
        Section("sum", _steps(bill, includes_vat), bill.total_minor)
        for includes_vat in (bill.includes_vat, not bill.includes_vat)
    ]
    return next((section for section in told if not section.differs), told[0])


def _steps(bill: Bill, includes_vat: bool) -> list[Step]:
    base = bill.price_minor if bill.kind != "period" else bill.cost_of(bill.span)
    includes_vat = includes_vat and bill.rate_bp > 0
    net = net_of_gross(base, bill.rate_bp) if includes_vat else base
    steps = _base_steps(bill, base, counts=not includes_vat)
    steps += [_net_step(base, net, bill.rate_bp)] if includes_vat else []
    discount = _discount_step(bill, net)
    steps += [discount] if discount else []
    left = net + (discount.minor or 0 if discount else 0)
    if includes_vat and not discount:
        arithmetic: tuple[Token, ...] = (Money(base), "−", Money(net), "=", Money(base - net))
        steps.append(Step("vat_in_price", {"rate": Rate(bill.rate_bp)}, arithmetic, base - net))
    else:
        steps.append(vat_step(left, bill.rate_bp, bill.rate_since))
    if bill.rounding_minor:
        steps.append(_rounding_step(bill, left + (steps[-1].minor or 0)))
    return steps


def _base_steps(bill: Bill, base: int, *, counts: bool) -> list[Step]:
    minor = base if counts else None
    if bill.kind == "period":
        return _arrears_steps(bill, counts) if bill.in_arrears else _advance_steps(bill, counts)
    if bill.kind == "one_off":
        return [Step("one_off", {"title": bill.title}, minor=minor)]
    if bill.kind == "late_fee" and bill.late_number is not None:
        return [Step("late_fee_of", {"number": bill.late_number}, minor=minor)]
    return [Step(bill.kind, minor=minor)]


def _advance_steps(bill: Bill, counts: bool) -> list[Step]:
    if not bill.price_minor:
        return [Step("free", {"days": bill.span.days}, minor=0)]
    first, last = bill.from_day, bill.from_day + bill.span.days
    rule = [Step("rule_days", {"all": bill.cycle_days})] if last - first < bill.cycle_days else []
    return [*rule, *steps_of_days(bill.price_minor, first, last, bill.cycle_days, counts=counts)]


def _arrears_steps(bill: Bill, counts: bool) -> list[Step]:
    """The period at each stretch's price, less the days off at their own."""
    steps = [Step("rule_arrears", {"all": bill.cycle_days})]
    for piece in bill.pieces(bill.span):
        steps.append(Step("stretch", {"span": piece.span, "days": piece.span.days, "price": Money(piece.price_minor)}))
        steps += _piece_steps(bill, piece, counts, 1)
    for run in bill.off:
        for piece in bill.pieces(run.span):
            reason = Word("reason", run.reason or "other")
            values: dict[str, Value] = {"span": piece.span, "days": piece.span.days, "reason": reason}
            steps.append(Step("stretch_off", {**values, "price": Money(piece.price_minor)}))
            steps += _piece_steps(bill, piece, counts, -1)
    if not counts:
        steps.append(Step("days_together", {"sum": Money(bill.cost_of(bill.span))}))
    return steps


def _piece_steps(bill: Bill, piece: Stretch, counts: bool, sign: int) -> list[Step]:
    first, last = bill.day_no(piece.span.from_on), bill.day_no(piece.span.to_on)
    return steps_of_days(piece.price_minor, first, last, bill.cycle_days, counts=counts, sign=sign)


def _net_step(base: int, net: int, rate_bp: int) -> Step:
    exact = Fraction(base * 10_000, 10_000 + rate_bp)
    arithmetic = times(base, 100, percent(10_000 + rate_bp), exact, net)
    return Step("net_of_gross", {"rate": Rate(rate_bp), "price": Money(base)}, arithmetic, net)


def _discount_step(bill: Bill, net: int) -> Step | None:
    rule = bill.discount
    if rule is None:
        taken = bill.discount_minor
        return Step("discount_as_recorded", minor=-taken) if taken else None
    values: dict[str, Value] = {"why": rule.why, "day": rule.from_on}
    if rule.amount_minor is not None:
        taken = min(net, rule.amount_minor)
        return Step("discount_amount", values | {"amount": Money(rule.amount_minor)}, minor=-taken)
    part_bp = rule.part_bp or 0
    taken = min(net, vat_of(net, part_bp))
    arithmetic = times(net, percent(part_bp), 100, Fraction(net * part_bp, 10_000), taken)
    return Step("discount_part", values | {"rate": Rate(part_bp)}, arithmetic, -taken)


def _rounding_step(bill: Bill, whole: int) -> Step:
    rounded = rounded_to(whole, bill.round_to_minor)
    if rounded != whole + bill.rounding_minor:
        return Step("rounding_as_recorded", minor=bill.rounding_minor)
    arithmetic: tuple[Token, ...] = (Exact(Fraction(whole)), "≈", Money(rounded))
    return Step("rounding", {"step": Money(bill.round_to_minor)}, arithmetic, rounded - whole)


def days_of_bill(bill: Bill, runs: Sequence[DayRun]) -> Section:
    """Which days counted, which were off and why, how many of how many."""
    counted = sum(run.span.days for run in runs if run.state != "off" or not bill.in_arrears)
    steps = [Step("days_of", {"days": counted, "all": bill.cycle_days, "span": bill.span})]
    if bill.from_day:
        steps.append(Step("begins_inside", {"day": bill.span.from_on, "no": bill.from_day + 1, "all": bill.cycle_days}))
    if all(run.state == "billed" for run in runs):
        return Section("days", steps)
    for run in runs:
        values: dict[str, Value] = {"span": run.span, "days": run.span.days}
        if run.reason:
            values["reason"] = Word("reason", run.reason)
        steps.append(Step(_what_of(bill, run), values))
    return Section("days", steps)


def _what_of(bill: Bill, run: DayRun) -> str:
    if run.state == "off" and bill.in_arrears:
        return "days_off_arrears"
    if run.state == "off" and run.reason in bill.credits:
        return "days_off_credits"
    return "days_counted" if run.state == "billed" else f"days_{run.state}"
