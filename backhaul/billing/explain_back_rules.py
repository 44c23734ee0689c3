"""What comes back: credit notes of bills and days given back on an edge, at the rates charged. Pure (SPEC 2.5, 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from backhaul.billing.explain_bill_rules import Bill
from backhaul.billing.explain_rules import (
    Exact,
    Money,
    Section,
    Span,
    Step,
    Token,
    Word,
    cost,
    share_of,
    steps_of_days,
    vat_step,
)

OF_DAYS_OFF = ("operator", "unpaid", "short", "outage")  # credited at the period's end; the others when a service ends


@dataclass(frozen=True)
class Note:
    """A credit note of days of a bill, with what had been taken off that bill before.

    given_*: by notes of earlier days; `weighed`: what those days weigh in the bill. later_*: discounted since the bill,
    or given up as lost: nobody gets that back.
    """

    span: Span
    reason: str
    net_minor: int
    vat_minor: int
    to_invoice_minor: int
    to_advance_minor: int
    given_net_minor: int = 0
    given_vat_minor: int = 0
    weighed: int = 0
    later_net_minor: int = 0
    later_vat_minor: int = 0


def sum_of_note(bill: Bill, note: Note) -> Section:
    """What the days of a note weigh, their share of what was asked, and the VAT that goes with it."""
    asked = bill.net_minor - bill.discount_minor - note.later_net_minor
    asked_vat = bill.vat_minor - note.later_vat_minor
    whole, part = bill.cost_of(bill.span), bill.cost_of(note.span)
    steps = [Step("note_rule", {"span": note.span, "days": note.span.days, "reason": Word("reason", note.reason)})]
    if note.later_net_minor:
        first, later = Money(asked + note.later_net_minor), Money(note.later_net_minor)
        steps.append(Step("asked_less", {"later": later}, (first, "−", later, "=", Money(asked))))
    steps += _weight_steps(bill, note, counts=asked == whole)
    upto = note.weighed + part
    back = share_of(asked, upto, whole) - share_of(asked, note.weighed, whole)
    is_end = note.reason not in OF_DAYS_OFF
    if is_end:
        back = max(0, min(asked - note.given_net_minor, back))
    if asked != whole:
        steps += _share_steps(asked, note.weighed, upto, whole, back)
    elif back != part:
        steps.append(Step("not_more_than_left", {"left": Money(back)}, minor=back - part))
    steps += _vat_back(asked, asked_vat, note.given_net_minor, back, (note.given_vat_minor, is_end))
    if is_end and upto == whole and back > 0 and bill.rounding_minor:
        steps.append(Step("takes_rounding", minor=bill.rounding_minor))
    return Section("sum", steps, note.net_minor + note.vat_minor)


def _weight_steps(bill: Bill, note: Note, *, counts: bool) -> list[Step]:
    if not bill.in_arrears:
        first, last = bill.day_no(note.span.from_on), bill.day_no(note.span.to_on)
        return steps_of_days(bill.price_minor, first, last, bill.cycle_days, counts=counts)
    steps: list[Step] = []
    for piece in bill.pieces(note.span):
        first, last = bill.day_no(piece.span.from_on), bill.day_no(piece.span.to_on)
        steps += steps_of_days(piece.price_minor, first, last, bill.cycle_days, counts=counts)
    return steps


def _share_steps(asked: int, before: int, upto: int, whole: int, back: int) -> list[Step]:
    """Their share of what was asked: after the discount, without the VAT inside the price."""
    first, last = share_of(asked, before, whole), share_of(asked, upto, whole)
    steps = [_share("share", asked, upto, whole, None if before else back)]
    if before:
        arithmetic: tuple[Token, ...] = (Money(last), "−", Money(first), "=", Money(last - first))
        steps = [
            _share("share_upto", asked, upto, whole, None),
            _share("share_before", asked, before, whole, None),
            Step("share_between", {}, arithmetic, back),
        ]
    return steps


def _share(what: str, asked: int, part: int, whole: int, minor: int | None) -> Step:
    exact = Fraction(asked * part, whole or 1)
    arithmetic = (Money(asked), "×", Money(part), "÷", Money(whole), *_equals(exact, share_of(asked, part, whole)))
    return Step(what, {"asked": Money(asked), "whole": Money(whole), "part": Money(part)}, arithmetic, minor)


def _equals(exact: Fraction, result: int) -> tuple[Token, ...]:
    return ("=", Money(result)) if exact == result else ("=", Exact(exact), "≈", Money(result))


def kept_vat(net_minor: int, vat_minor: int, given_minor: int) -> int:
    """The VAT that what stays of a net amount carries."""
    return share_of(vat_minor, net_minor - given_minor, net_minor)


def _vat_back(net: int, vat: int, given_net: int, back: int, clamp: tuple[int, bool]) -> list[Step]:
    """The VAT that comes back: what the rest carried before less what it carries now; never more than is left."""
    if not vat:
        return []
    before, after = kept_vat(net, vat, given_net), kept_vat(net, vat, given_net + back)
    given_vat, clamped = clamp
    minor = max(0, min(vat - given_vat, before - after)) if clamped else before - after
    stays = net - given_net - back
    steps = [
        Step(
            "vat_stays",
            {"stays": Money(stays)},
            (Money(vat), "×", Money(stays), "÷", Money(net), *_equals(Fraction(vat * stays, net), after)),
        )
    ]
    arithmetic: tuple[Token, ...] = (Money(before), "−", Money(after), "=", Money(before - after))
    return [*steps, Step("vat_back", {"before": Money(before)}, arithmetic, minor)]


def destination_of(note: Note) -> Section:
    """What of a note came off the bill and what became advance."""
    steps = [Step("to_invoice", minor=note.to_invoice_minor)]
    if note.to_advance_minor:
        steps.append(Step("to_advance", minor=note.to_advance_minor))
    return Section("destination", steps, note.net_minor + note.vat_minor)


@dataclass(frozen=True)
class Charge:
    """A charge on an edge as it is recorded; `rate_bp`: the VAT rate of who charges, on that day."""

    span: Span
    price_minor: int
    cycle_days: int
    from_day: int
    part: int
    net_minor: int
    vat_minor: int
    rate_bp: int

    def cost_of(self, span: Span) -> int:
        """What days of it cost, net, at the rate charged."""
        return cost(self.price_minor, self._no(span.from_on), self._no(span.to_on), self.cycle_days)

    def _no(self, day: date) -> int:
        return self.from_day + (day - self.span.from_on).days

    def steps(self) -> list[Step]:
        """Net by its days, VAT on it."""
        if not self.price_minor:
            return [Step("charge_free", {"days": self.span.days}, minor=0)]
        first, last = self._no(self.span.from_on), self._no(self.span.to_on)
        days = steps_of_days(self.price_minor, first, last, self.cycle_days)
        return [*days, vat_step(days[-1].minor or 0, self.rate_bp)]

    def back_steps(self, span: Span, *, counts: bool) -> list[Step]:
        """What days of it cost, as steps of a refund."""
        first, last = self._no(span.from_on), self._no(span.to_on)
        return steps_of_days(self.price_minor, first, last, self.cycle_days, counts=counts)


@dataclass(frozen=True)
class Back:
    """Days of a charge that were given back. given_*: of the same charge before; `kept_minor`: what the policy keeps
    of everything that came back at that time, `upto_minor`: what all that came before it in order was worth.
    """

    charge: Charge
    span: Span
    reason: str
    net_minor: int
    vat_minor: int
    given_net_minor: int = 0
    given_vat_minor: int = 0
    kept_minor: int = 0
    before_minor: int = 0


def steps_of_back(back: Back, sign: int = 1) -> list[Step]:
    """Value of the days, less what the policy keeps, and the VAT that goes with it; amounts with `sign`."""
    value = back.charge.cost_of(back.span)
    upto = back.before_minor + value
    net = max(0, upto - back.kept_minor) - max(0, back.before_minor - back.kept_minor)
    steps = [Step("back_rule", {"span": back.span, "days": back.span.days, "reason": Word("reason", back.reason)})]
    if back.charge.price_minor:
        steps += back.charge.back_steps(back.span, counts=True)
    if net != value:
        steps.append(Step("minimum_kept", {"minimum": Money(back.kept_minor)}, minor=net - value))
    is_end = back.reason not in OF_DAYS_OFF
    steps += _vat_back(
        back.charge.net_minor, back.charge.vat_minor, back.given_net_minor, net, (back.given_vat_minor, is_end)
    )
    return [Step(s.what, s.values, s.sum, None if s.minor is None else sign * s.minor) for s in steps]
