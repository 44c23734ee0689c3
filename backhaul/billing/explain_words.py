"""What explanations say, in the reader's language: one sentence a step, one heading a section."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from fractions import Fraction
from typing import Any

from django.utils import formats
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from backhaul.billing.explain_rules import Exact, Money, Rate, Span, Step, Token, Value, Who, Word
from backhaul.common.digits import digits, in_sentence
from backhaul.common.money import format_minor

NAMES = ("number",)  # numbers that name something: their digits stay
HEADINGS: dict[str, Any] = {
    "price": _("The price that held"),
    "days": _("The days"),
    "sum": _("How it is worked out"),
    "change": _("The change of package"),
    "due": _("What happened to it since"),
    "edge": _("What %(parent)s charged %(child)s for it"),
    "destination": _("Where it went"),
    "fund": _("The fund of %(child)s with %(parent)s"),
    "owed": _("What %(child)s owes %(parent)s"),
    "month": _("The month"),
}
TOTALS: dict[str, Any] = {
    "sum": _("Together"),
    "change": _("The change costs"),
    "due": _("Still due"),
    "edge": _("Charged, less what came back"),
    "destination": _("Together"),
    "fund": _("In the fund after it"),
    "owed": _("Change of what is owed"),
    "month": _("Owed at the end of the month"),
}
WORDS: dict[str, dict[str, Any]] = {
    "reason": {
        "operator": _("stopped by a person or by the operator"),
        "unpaid": _("cut as unpaid"),
        "short": _("cut for want of funds"),
        "outage": _("an outage"),
        "left": _("the customer left"),
        "changed": _("the package changed"),
        "released": _("given back after a long time off"),
        "other": _("not activated yet, or the customer had left"),
    },
    "adjustment": {"discount": _("Discount"), "write_off": _("Written off")},
    "method": {
        "cash": _("Cash"),
        "bank": _("Bank"),
        "mobile_wallet": _("Mobile wallet"),
        "tax_withheld": _("Tax withheld"),
    },
    "movement": {
        "recharge": _("Recharge"),
        "recharge_credit": _("Recharge on credit"),
        "recharge_repaid": _("Debt repaid"),
        "bonus": _("Bonus"),
        "wholesale_charge": _("Charge for customers' periods"),
        "wholesale_charge_postpaid": _("Charge, to be paid later"),
        "wholesale_refund": _("Unused days given back"),
        "wholesale_refund_postpaid": _("Unused days given back"),
        "recharge_reversed": _("Recharge taken back"),
        "emergency_loan": _("Emergency loan"),
        "emergency_fee": _("Fee of an emergency loan"),
        "bonus_reversed": _("Unused bonus taken back"),
        "deduction": _("Deduction"),
        "transfer_out": _("Transfer to another reseller"),
        "transfer_in": _("Transfer from another reseller"),
        "fund_paid_back": _("Fund paid back"),
    },
}
_SUBJECTS = {
    "bill": _("Bill %(number)s of %(customer)s, issued on %(day)s"),
    "credit_note": _("Credit note on bill %(number)s of %(customer)s, issued on %(day)s"),
    "payment": _("Receipt %(number)s of %(customer)s, received on %(day)s"),
    "charge": _("A customer's period, as %(parent)s charged it to %(child)s"),
    "movement": _("%(kind)s, %(day)s: the fund of %(child)s with %(parent)s"),
    "statement": _("Statement of %(customer)s, month from %(day)s"),
}
_PRICES = {
    "package_price": _(
        "The package “%(package)s” costs %(price)s for periods from %(day)s on. Set by %(who)s on %(at)s."
    ),
    "package_price_of": _(
        "The package “%(package)s” of %(operator)s costs %(price)s for periods from %(day)s on. "
        "Set by %(who)s on %(at)s."
    ),
    "package_first": _("The package “%(package)s” costs %(price)s, its first price since it was made."),
    "package_first_of": _(
        "The package “%(package)s” of %(operator)s costs %(price)s, its first price since it was made."
    ),
    "own_price": _(
        "This customer has a price of its own: %(price)s for periods from %(day)s on. Set by %(who)s on %(at)s."
    ),
    "own_price_first": _("This customer has a price of its own: %(price)s, agreed when it was added."),
    "free_profile": _("The billing profile “%(profile)s” is free of charge, whatever the package costs."),
    "price_unknown": _("It was billed at %(price)s. The package is not yours to see any more."),
    "price_moved": _(
        "It was billed at %(price)s; what holds for that day now is %(now)s. The price was changed after the bill."
    ),
    "price_from": _("From %(day)s on the price is %(price)s; in arrears each day costs its own day's price."),
    "later_price": _(
        "A later price, %(price)s from %(day)s on, does not touch this period: it holds from the next one."
    ),
    "package_changed": _("The package changed on %(day)s: the days from then on were credited and billed anew."),
    "by_validity": ngettext_lazy(
        "It is sold by validity: %(days)s day from its start.",
        "It is sold by validity: %(days)s days from its start.",
        "days",
    ),
    "by_term": _("The price is for %(months)s months at once: %(days)s days."),
    "joined_inside": _("The service began on %(day)s, inside a cycle: only the days from then on are billed."),
    "came_back": _("The service came back on %(day)s: the days before were not billed."),
    "tariff": _("The tariff for “%(plan)s” is %(price)s for cycles from %(day)s on. Set by %(who)s on %(at)s."),
    "tariff_validity": _(
        "The tariff for “%(plan)s” is %(price)s per %(days)s days, from %(day)s on. Set by %(who)s on %(at)s."
    ),
    "tariff_terms": _(
        "The tariff for “%(plan)s” is %(price)s a cycle from %(day)s on. Set by %(who)s on %(at)s. "
        "The whole term of %(terms)s months is charged at once."
    ),
    "tariff_unknown": _("It was charged at %(price)s for a cycle of %(all)s days."),
    "not_started": _("%(span)s: charging had not started yet, so nothing was charged."),
    "since_start": _("Charging started on %(day)s: from that day on the running period is charged."),
    "charged_again": _("These days had been given back; the service was back, so on %(day)s they were charged again."),
}
_DAYS = {
    "days_of": ngettext_lazy(
        "%(span)s: %(days)s day counts, of the cycle's %(all)s.",
        "%(span)s: %(days)s days count, of the cycle's %(all)s.",
        "days",
    ),
    "begins_inside": _("%(day)s is day %(no)s of the cycle's %(all)s."),
    "days_counted": ngettext_lazy("%(span)s: %(days)s day, counted.", "%(span)s: %(days)s days, counted.", "days"),
    "days_credited": ngettext_lazy(
        "%(span)s: %(days)s day, billed and credited again (%(reason)s).",
        "%(span)s: %(days)s days, billed and credited again (%(reason)s).",
        "days",
    ),
    "days_off": ngettext_lazy(
        "%(span)s: %(days)s day off (%(reason)s), billed all the same: the bill is made in advance.",
        "%(span)s: %(days)s days off (%(reason)s), billed all the same: the bill is made in advance.",
        "days",
    ),
    "days_off_credits": ngettext_lazy(
        "%(span)s: %(days)s day off (%(reason)s), billed in advance; by its billing profile it is credited at the "
        "end of the period.",
        "%(span)s: %(days)s days off (%(reason)s), billed in advance; by its billing profile they are credited at the "
        "end of the period.",
        "days",
    ),
    "days_off_arrears": ngettext_lazy(
        "%(span)s: %(days)s day off (%(reason)s), not counted.",
        "%(span)s: %(days)s days off (%(reason)s), not counted.",
        "days",
    ),
}
_SUMS = {
    "rule_days": _(
        "The first days of a cycle cost price × days ÷ %(all)s, rounded to the nearest unit; days in between cost the "
        "difference of two such sums, so that parts always add to the whole."
    ),
    "rule_arrears": _(
        "Billed in arrears: the enabled days alone, each at its own day's price; days are worked out by their place in "
        "the cycle of %(all)s days."
    ),
    "whole_cycle": ngettext_lazy(
        "The whole cycle of %(days)s day: the whole price.",
        "The whole cycle of %(days)s days: the whole price.",
        "days",
    ),
    "first_days": ngettext_lazy(
        "The first %(days)s day of the cycle's %(all)s:", "The first %(days)s days of the cycle's %(all)s:", "days"
    ),
    "days_before": ngettext_lazy(
        "The %(days)s day of the cycle before them:", "The %(days)s days of the cycle before them:", "days"
    ),
    "days_between": ngettext_lazy(
        "So %(days)s day, the difference:", "So these %(days)s days, the difference:", "days"
    ),
    "stretch": ngettext_lazy(
        "%(span)s, %(days)s day at %(price)s a cycle:", "%(span)s, %(days)s days at %(price)s a cycle:", "days"
    ),
    "stretch_off": ngettext_lazy(
        "Less %(span)s, %(days)s day off (%(reason)s), at %(price)s a cycle:",
        "Less %(span)s, %(days)s days off (%(reason)s), at %(price)s a cycle:",
        "days",
    ),
    "days_together": _("These days together: %(sum)s."),
    "free": ngettext_lazy("%(days)s day, free of charge.", "%(days)s days, free of charge.", "days"),
    "one_off": _("%(title)s: no period, one amount."),
    "opening": _("What the customer owed when it was taken over; nothing is added."),
    "late_fee": _("A fee for paying late, set in the billing profile; without VAT."),
    "late_fee_of": _("A fee for paying bill %(number)s late, set in the billing profile; without VAT."),
    "change_fee": _("The fee of the billing profile for changing to a dearer package."),
    "net_of_gross": _("The price includes VAT of %(rate)s. Without it, of %(price)s:"),
    "vat_in_price": _("VAT of %(rate)s, what is left of the price:"),
    "discount_amount": _("Discount of %(amount)s a bill since %(day)s (%(why)s), never more than the bill:"),
    "discount_part": _("Discount of %(rate)s since %(day)s (%(why)s):"),
    "discount_as_recorded": _("The discount that was given with the bill; its terms are not kept."),
    "vat": _("VAT of %(rate)s on %(net)s, rounded once:"),
    "vat_since": _("VAT of %(rate)s (since %(day)s) on %(net)s, rounded once:"),
    "no_vat": _("No VAT."),
    "rounding": _("Bills are rounded to the nearest %(step)s:"),
    "rounding_as_recorded": _("Rounded by the rule of the billing profile at that time, which has changed since."),
}
_BACK = {
    "note_rule": ngettext_lazy(
        "%(span)s: %(days)s day is credited (%(reason)s), at the rate billed.",
        "%(span)s: %(days)s days are credited (%(reason)s), at the rate billed.",
        "days",
    ),
    "asked_less": _(
        "Since the bill, %(later)s of it before VAT was discounted or given up as lost; it still asks for:"
    ),
    "share": _("Before VAT the bill asked %(asked)s for days worth %(whole)s; of that, days worth %(part)s:"),
    "share_upto": _(
        "Before VAT the bill asked %(asked)s for days worth %(whole)s; of that, all days credited so far, worth "
        "%(part)s:"
    ),
    "share_before": _("The days that were credited before, worth %(part)s:"),
    "share_between": _("So these days, the difference:"),
    "not_more_than_left": _("Not more than was left of the bill: %(left)s."),
    "vat_stays": _("The VAT that stays with what is left, %(stays)s:"),
    "vat_back": _("The VAT that comes back, of the %(before)s there was until then:"),
    "takes_rounding": _("The last credit of a bill takes its rounding along."),
    "to_invoice": _("Taken off what was still due on the bill."),
    "to_advance": _("Kept as the customer's advance: so much had been paid already."),
    "back_rule": ngettext_lazy(
        "%(span)s: %(days)s day is given back (%(reason)s), at the rate charged.",
        "%(span)s: %(days)s days are given back (%(reason)s), at the rate charged.",
        "days",
    ),
    "minimum_kept": _("Less the minimum charge that the refund policy keeps, %(minimum)s of all that was given back:"),
    "charge_free": ngettext_lazy("%(days)s day at nothing.", "%(days)s days at nothing.", "days"),
    "daily_rule": _(
        "Charged day by day: each day its place in a cycle of %(all)s days at %(price)s, with its own VAT."
    ),
    "daily_days": ngettext_lazy(
        "%(days)s day of %(span)s:", "%(days)s days of %(span)s, each at the same amount:", "days"
    ),
}
_SINCE = {
    "billed": _("Bill %(number)s."),
    "paid": _("Paid on %(day)s."),
    "paid_back": _("A payment taken back on %(day)s."),
    "from_advance": _("Out of the customer's advance on %(day)s."),
    "advance_back": _("Advance taken back from the bill on %(day)s."),
    "credited": _("Credit note of %(day)s (%(kind)s)."),
    "adjusted": _("%(kind)s, %(day)s."),
    "new_package": _("The days of the new package: bill %(number)s."),
    "old_package": ngettext_lazy(
        "%(days)s unused day of the old package, %(span)s, credited on bill %(number)s.",
        "%(days)s unused days of the old package, %(span)s, credited on bill %(number)s.",
        "days",
    ),
}
_MOVED = {
    "charges_rule": _("The customers' periods that this charge is made of; those alike stand together."),
    "periods": ngettext_lazy(
        "%(periods)s period of %(days)s of %(all)s days at %(price)s:",
        "%(periods)s periods of %(days)s of %(all)s days at %(price)s each:",
        "periods",
    ),
    "periods_with_vat": ngettext_lazy(
        "%(periods)s period of %(days)s of %(all)s days at %(price)s: %(net)s and VAT of %(rate)s, %(vat)s:",
        "%(periods)s periods of %(days)s of %(all)s days at %(price)s: each %(net)s and VAT of %(rate)s, %(vat)s:",
        "periods",
    ),
    "other_periods": ngettext_lazy("%(periods)s other period.", "%(periods)s other periods.", "periods"),
    "refunds_rule": _("Days that were given back at the rates charged; those alike stand together."),
    "days_back": ngettext_lazy(
        "%(times)s time %(days)s days (%(reason)s): %(net)s and VAT %(vat)s:",
        "%(times)s times %(days)s days (%(reason)s): %(net)s and VAT %(vat)s each:",
        "times",
    ),
    "other_days_back": ngettext_lazy("%(times)s other time.", "%(times)s other times.", "times"),
    "slab": _(
        "In that month %(services)s services were charged, at least %(least)s: %(rate)s of the month's net charges, "
        "%(net)s, come back:"
    ),
    "recharge_by": _("%(parent)s received the money on %(day)s: %(method)s. All of it went into the fund."),
    "recharge": _("%(parent)s received the money on %(day)s. All of it went into the fund."),
    "recharge_credit": _("%(parent)s filled the fund on credit on %(day)s; the same sum is owed."),
    "recharge_repaid": _("Paid on %(day)s towards what was owed; the fund does not change."),
    "bonus": _("A gift of %(parent)s to the fund."),
    "recharge_reversed": _("The recharge of %(reversed)s was taken back, as far as the fund still held it."),
    "bonus_reversed": _("What was unused of the bonus of %(reversed)s was taken back."),
    "deduction": _("%(parent)s took it out of the fund on %(day)s."),
    "transfer_out": _("Given to another reseller of %(parent)s on %(day)s."),
    "transfer_in": _("Received from another reseller of %(parent)s on %(day)s."),
    "fund_paid_back": _("%(parent)s paid it back to %(child)s on %(day)s."),
    "emergency_loan": _("%(child)s lent itself coming charges on %(day)s; the same sum is owed."),
    "emergency_fee": _("The fee for an emergency loan, as agreed; it is owed, the fund does not change."),
    "fund_before": _("In the fund before it."),
    "fund_moved": _("This movement."),
    "owed_more": _("So much more is owed."),
    "owed_less": _("So much less is owed."),
}
_PAID = {
    "pays_rule": _("The oldest due is paid first: by the day it fell due, then by its number."),
    "to_bill": _("Bill %(number)s of %(total)s, due on %(day)s."),
    "from_bill": _("Bill %(number)s of %(total)s, due on %(day)s: open again by so much."),
    "kept_as_advance": _("Nothing else was due: kept as the customer's advance."),
    "out_of_advance": _("Out of the customer's advance."),
    "opening_of": _("Owed before the month; credit of the customer stands below zero."),
    "opening_due": _("Taken over on %(day)s: bill %(number)s."),
    "billed_on": _("Bill %(number)s of %(day)s."),
    "received": _("Receipt %(number)s of %(day)s."),
    "advance_paid_back": _("Advance paid back on %(day)s, receipt %(number)s."),
    "payment_taken_back": _("A payment taken back on %(day)s, receipt %(number)s."),
    "deposit_kept": _("Kept of the customer's deposit on %(day)s."),
    "deposit_kept_back": _("What was kept of the deposit was taken back on %(day)s."),
    "credited_on": _("Credit note of %(day)s on bill %(number)s (%(kind)s)."),
    "adjusted_on": _("%(kind)s on bill %(number)s, %(day)s."),
}
SENTENCES: dict[str, Any] = {
    **_SUBJECTS, **_PRICES, **_DAYS, **_SUMS, **_BACK, **_SINCE, **_MOVED, **_PAID,
}  # fmt: skip


class Teller:
    """Says steps in the language that is active, with amounts of so many decimals."""

    def __init__(self, decimals: int = 2) -> None:
        self._decimals = decimals

    def sentence(self, step: Step) -> str:
        """The step in words."""
        return str(SENTENCES[step.what] % self._values(step.values))

    def heading(self, name: str, values: Mapping[str, Value]) -> str:
        """The heading of a section."""
        return str(HEADINGS[name] % self._values(values))

    def arithmetic(self, tokens: tuple[Token, ...]) -> str:
        """A sum as one would key it in: 600.00 × 12 ÷ 31 = 232.2580… ≈ 232.26."""
        return " ".join(self._token(token) for token in tokens)

    def money(self, minor: int) -> str:
        """An amount with a true minus sign."""
        return digits(format_minor(minor, decimals=self._decimals).replace("-", "−"))

    def _values(self, values: Mapping[str, Value]) -> dict[str, Any]:
        return {name: value if name in NAMES else self._value(value) for name, value in values.items()}

    def _value(self, value: Value) -> Any:
        for kind, say in self._says():
            if isinstance(value, kind):
                return say(value)
        return in_sentence(value)

    def _says(self) -> tuple[tuple[type, Callable[[Any], str]], ...]:
        """How values read, by their kind; a moment is a date too, so it comes first. Words stay."""
        return (
            (Money, lambda value: self.money(value.minor)),
            (Rate, lambda value: digits(f"{value.bp / 100:g} %")),
            (Word, lambda value: str(WORDS[value.of].get(value.word, value.word))),
            (Span, _span),
            (Who, _who),
            (datetime, lambda value: _dated(localtime(value), "j M Y")),
            (date, lambda value: _dated(value, "j M Y")),
        )

    def _token(self, token: Token) -> str:
        if isinstance(token, Money):
            return self.money(token.minor)
        return self._exact(token.minor) if isinstance(token, Exact) else digits(str(token))

    def _exact(self, minor: Fraction) -> str:
        """Four places more than an amount has, cut off, not rounded; whole amounts as they are."""
        if minor.denominator == 1:
            return self.money(minor.numerator)
        cut = digits(format_minor(int(minor * 10_000), decimals=self._decimals + 4))
        return cut.rstrip("0০") if minor * 10_000 == int(minor * 10_000) else f"{cut}…"


def _dated(value: date, form: str) -> str:
    return digits(formats.date_format(value, form))


def _span(span: Span) -> str:
    last = date.fromordinal(span.to_on.toordinal() - 1)
    if span.days == 1:
        return _dated(span.from_on, "j M Y")
    first = "j M" if span.from_on.year == last.year else "j M Y"
    return f"{_dated(span.from_on, first)} – {_dated(last, 'j M Y')}"


def _who(who: Who) -> str:
    said = {"you": _("yourself"), "system": _("the system"), "provider": _("your provider")}
    return str(said.get(who.kind, who.name))
