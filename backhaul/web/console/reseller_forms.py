"""Forms of resellers: onboarding, prices, limits, recharge."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.resellers.services import Identity, Terms
from backhaul.subscribers.rules import NumberFormat
from backhaul.web.console.customer_forms import suggest_password
from backhaul.web.forms import DayField, KeyedForm, MoneyField
from backhaul.web.words import WORDS, choices

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
NEEDS_METHOD = ("recharge", "recharge_repaid")


class LimitsForm(forms.Form):
    credit_limit_minor = MoneyField(
        label=_("Credit limit"),
        may_be_zero=True,
        initial=0,
        help_text=_("How far below zero the fund may go."),
    )
    low_balance_minor = MoneyField(
        label=_("Low balance"),
        may_be_zero=True,
        initial=0,
        help_text=_("Below this, no new customers are added; renewals go on while the fund covers them."),
    )


class OnboardForm(LimitsForm):
    name = forms.CharField(label=_("Company name"), max_length=120)
    slug = forms.CharField(
        label=_("Short name"),
        max_length=63,
        help_text=_("Small letters, digits and dashes; used in commands and addresses."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=lambda: [pair for pair in choices("operator") if pair[0] != "isp"],
        initial="reseller",
        help_text=_("A reseller has its own packages and may take on sub-operators; a sub-operator sells yours."),
    )
    mode = forms.ChoiceField(label=_("Pays"), choices=lambda: choices("mode"), initial="prepaid")
    id_prefix = forms.CharField(
        label=_("Customer ids begin with"),
        max_length=12,
        required=False,
        help_text=_("Like NOR- for NOR-00001; stays as it is once there are customers."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    full_name = forms.CharField(label=_("Owner's name"), max_length=120)
    login = forms.CharField(label=_("Owner's sign-in name"), max_length=60, widget=forms.TextInput(attrs=PLAIN))
    password = forms.CharField(
        label=_("First password"),
        initial=suggest_password,
        help_text=_("It must be changed at the first sign-in."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    field_order = (
        "name", "slug", "kind", "mode", "id_prefix", "credit_limit_minor", "low_balance_minor", "full_name", "login",
        "password",
    )  # fmt: skip

    def __init__(self, *args: Any, below_isp: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not below_isp:
            self.initial["kind"] = "sub_operator"
        self.order_fields(self.field_order)

    def identity(self, today: date) -> Identity:
        given = self.cleaned_data
        return Identity(slug=given["slug"], name=given["name"], numbering=NumberFormat(prefix=given["id_prefix"]))

    def terms(self) -> Terms:
        """A reseller edits its own catalogue and may have children; a sub-operator does neither (SPEC §1)."""
        given = self.cleaned_data
        is_reseller = given["kind"] == "reseller"
        return Terms(
            kind=given["kind"],
            mode=given["mode"],
            may_have_children=is_reseller,
            edits_catalog=is_reseller,
            credit_limit_minor=given["credit_limit_minor"],
            low_balance_minor=given["low_balance_minor"],
        )

    def person(self) -> dict[str, str]:
        given = self.cleaned_data
        return {"name": given["login"], "full_name": given["full_name"], "password": given["password"]}


class PriceForm(forms.Form):
    price = MoneyField(label=_("Price for 30 days or a month"), may_be_zero=True)
    starts_on = DayField(
        label=_("From"), help_text=_("Periods that begin on or after this day; what was charged stays as it was.")
    )


class RechargeForm(KeyedForm):
    KINDS = ("recharge", "recharge_credit", "recharge_repaid", "bonus")
    kind = forms.ChoiceField(
        label=_("What"), choices=lambda: [(kind, WORDS["movement"][kind]) for kind in RechargeForm.KINDS]
    )
    amount = MoneyField(label=_("Amount"))
    paid = forms.ChoiceField(
        label=_("Paid by"),
        choices=lambda: choices("method"),
        required=False,
        help_text=_("The account of yours that the money came into; not asked for credit and bonus."),
    )
    note = forms.CharField(label=_("Note"), max_length=200, required=False)

    def arguments(self) -> dict[str, Any]:
        """What recharge_child_fund takes."""
        given = self.cleaned_data
        return {
            "kind": given["kind"],
            "amount_minor": given["amount"],
            "paid": (given["paid"] or "cash") if given["kind"] in NEEDS_METHOD else None,
            "note": given["note"],
            "request_key": str(given["request_key"]),
        }
