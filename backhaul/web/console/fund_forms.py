"""Forms of an edge: its terms, and money in and out of its fund."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.web.forms import KeyedForm, MoneyField
from backhaul.web.words import WORDS, choices

CREDITED = ("operator", "unpaid", "short", "outage")


class CreditForm(forms.Form):
    credit_limit_minor = MoneyField(
        label=_("Credit limit"),
        may_be_zero=True,
        initial=0,
        help_text=_("Prepaid: how far below zero the fund may go. Postpaid: how much may be owed."),
    )
    low_balance_minor = MoneyField(
        label=_("Low balance"),
        may_be_zero=True,
        initial=0,
        help_text=_("Below this, no new customers are added; renewals go on while the fund covers them."),
    )


def _number(label: Any, least: int, most: int, help_text: Any = "", *, required: bool = True) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=least, max_value=most, help_text=help_text, required=required)


class TermsForm(CreditForm):
    exposure_limit_minor = MoneyField(
        label=_("Exposure limit"),
        may_be_zero=True,
        required=False,
        help_text=_("Credit limit, unpaid recharges and postpaid charges together at most; empty: no limit."),
    )
    min_recharge_minor = MoneyField(label=_("Smallest recharge"), may_be_zero=True)
    capped_by_parent = forms.BooleanField(
        label=_("A recharge never lifts this fund above what your own fund has left"), required=False
    )
    short_days = _number(
        _("Days online without funds"), 0, 30, _("How long renewals that the fund does not cover stay online.")
    )
    charge_timing = forms.ChoiceField(label=_("Charged"), choices=lambda: choices("timing"))
    charge_whole_term = forms.BooleanField(
        label=_("Charge long terms at once"),
        required=False,
        help_text=_("Else terms of several months are charged month by month at the price then in force."),
    )
    refund_policy = forms.ChoiceField(label=_("When a customer leaves early"), choices=lambda: choices("refund"))
    refund_minimum_minor = MoneyField(
        label=_("Minimum charge"), may_be_zero=True, help_text=_("Kept of every period where the policy says so.")
    )
    release_after_days = _number(
        _("Release after days"), 1, 90, required=False,
        help_text=_("Give the rest of a period back when a blocked customer stays away that long; empty: never."),
    )  # fmt: skip
    credit_operator = forms.BooleanField(label=_("stopped by a person"), required=False)
    credit_unpaid = forms.BooleanField(label=_("cut because a bill was unpaid"), required=False)
    credit_short = forms.BooleanField(label=_("cut for want of funds"), required=False)
    credit_outage = forms.BooleanField(label=_("network outage"), required=False)
    minimum_balance_minor = MoneyField(
        label=_("Minimum balance"),
        may_be_zero=True,
        required=False,
        help_text=_(
            "Below this, night by night: warned, no new customers, renewals wait; then disabled. Empty: never."
        ),
    )
    minimum_margin_minor = MoneyField(
        label=_("Margin above the minimum"),
        may_be_zero=True,
        help_text=_("All of it is lifted at minimum and margin together."),
    )
    notice_hours = _number(_("Hours of notice before disabling"), 0, 720)
    cut_paid_periods = forms.BooleanField(
        label=_("Cut periods that are paid for too"),
        required=False,
        help_text=_("Else customers stay online to the end of the period that was charged."),
    )
    reaches_sub_operators = forms.BooleanField(label=_("Reaches the operators below at once"), required=False)
    step_in_days = _number(_("Else, days until it reaches them"), 0, 90)
    emergency_days = _number(
        _("Emergency fund, days"), 0, 31, _("So many days’ charges it may borrow once a month; 0: none.")
    )
    emergency_fee_minor = MoneyField(label=_("Emergency fee"), may_be_zero=True)
    trial_customers = _number(
        _("Customers before the start"), 0, 100_000, required=False,
        help_text=_("How many it may have before it is started; empty: any number."),
    )  # fmt: skip

    SECTIONS = (
        (_("Credit and recharges"), (
            "credit_limit_minor", "exposure_limit_minor", "low_balance_minor", "min_recharge_minor", "capped_by_parent",
            "short_days",
        )),
        (_("How it is charged"), (
            "charge_timing", "charge_whole_term", "refund_policy", "refund_minimum_minor", "release_after_days",
            "trial_customers",
        )),
        (_("Days credited though they were charged: the service was off,"), tuple(f"credit_{why}" for why in CREDITED)),
        (_("Minimum balance"), (
            "minimum_balance_minor", "minimum_margin_minor", "notice_hours", "cut_paid_periods",
            "reaches_sub_operators", "step_in_days",
        )),
        (_("Emergency fund"), ("emergency_days", "emergency_fee_minor")),
    )  # fmt: skip

    def __init__(self, data: Any, *, row: dict[str, Any]) -> None:
        super().__init__(data, initial=row | {f"credit_{why}": why in row["credit_days_for"] for why in CREDITED})

    def sections(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields by subject."""
        return [(title, [self[name] for name in names]) for title, names in self.SECTIONS]

    def terms(self) -> dict[str, Any]:
        """What set_child_terms takes."""
        given = dict(self.cleaned_data)
        credited = [why for why in CREDITED if given.pop(f"credit_{why}")]
        return given | {"credit_days_for": credited}


class RechargeForm(KeyedForm):
    KINDS = ("recharge", "recharge_credit", "bonus")
    kind = forms.ChoiceField(
        label=_("What"), choices=lambda: [(kind, WORDS["given"][kind]) for kind in RechargeForm.KINDS]
    )
    amount = MoneyField(label=_("Amount"))
    to_debt = MoneyField(
        label=_("Of it, for the debt"),
        may_be_zero=True,
        required=False,
        help_text=_("Empty: the debt first, the rest into the fund."),
    )
    paid = forms.ChoiceField(
        label=_("Paid by"),
        choices=lambda: choices("method"),
        required=False,
        help_text=_("The account of yours that the money came into; not asked for credit and bonus."),
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)

    def __init__(self, data: Any, *, owes: bool, **options: Any) -> None:
        """`owes`: whether there is a debt that a part of the money could be for."""
        super().__init__(data, **options)
        if not owes and not (data and data.get("to_debt")):
            del self.fields["to_debt"]

    def arguments(self) -> dict[str, Any]:
        """What receive_child_payment takes, or recharge_child_fund with a `kind`."""
        given = self.cleaned_data
        common = {"amount_minor": given["amount"], "note": given["note"], "request_key": str(given["request_key"])}
        if given["kind"] == "recharge":
            return common | {"to_debt_minor": given.get("to_debt"), "paid": given["paid"] or "cash"}
        return common | {"kind": given["kind"], "paid": None}


class DeductForm(KeyedForm):
    amount = MoneyField(label=_("Amount"))
    reason = forms.CharField(label=_("What for"), max_length=200, help_text=_("The reseller reads it."))

    def arguments(self) -> dict[str, Any]:
        """What deduct_from_fund takes."""
        given = self.cleaned_data
        return {"amount_minor": given["amount"], "reason": given["reason"], "request_key": str(given["request_key"])}


class TransferForm(KeyedForm):
    to = forms.TypedChoiceField(label=_("To whom"), coerce=int)
    amount = MoneyField(label=_("Amount"))
    note = forms.CharField(label=_("Note"), max_length=200, required=False, help_text=_("Both read it."))

    def __init__(self, data: Any, *, others: list[dict[str, Any]]) -> None:
        super().__init__(data)
        self.fields["to"].choices = [(row["id"], row["name"]) for row in others]  # type: ignore[attr-defined]

    def arguments(self) -> dict[str, Any]:
        """What transfer_to_child takes."""
        given = self.cleaned_data
        return {
            "to_child_id": given["to"],
            "amount_minor": given["amount"],
            "note": given["note"],
            "request_key": str(given["request_key"]),
        }


class PayBackForm(KeyedForm):
    amount = MoneyField(label=_("Amount"))
    paid = forms.ChoiceField(
        label=_("Paid by"),
        choices=lambda: choices("method"),
        help_text=_("The account of yours that the money leaves."),
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)

    def arguments(self) -> dict[str, Any]:
        """What pay_back_fund takes."""
        given = self.cleaned_data
        return {
            "amount_minor": given["amount"],
            "paid": given["paid"],
            "note": given["note"],
            "request_key": str(given["request_key"]),
        }
