"""Forms of resellers: onboarding and prices."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.resellers.services import Identity, Terms
from backhaul.subscribers.rules import NumberFormat
from backhaul.web.console.customer_forms import suggest_password
from backhaul.web.console.fund_forms import CreditForm
from backhaul.web.forms import DayField, MoneyField
from backhaul.web.words import choices

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class OnboardForm(CreditForm):
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
    started = forms.BooleanField(
        label=_("Charge from the start"),
        required=False,
        initial=True,
        help_text=_("Else nothing is charged on this edge until you start it; prices above it are charged as ever."),
    )
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
        "name", "slug", "kind", "mode", "started", "id_prefix", "credit_limit_minor", "low_balance_minor",
        "full_name", "login", "password",
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
            started=given["started"],
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
    validity_days = forms.IntegerField(
        label=_("For how many days"),
        required=False,
        min_value=1,
        max_value=366,
        help_text=_("Empty: the price is for the customer's whole cycle, be it a month or a validity in days."),
    )
    starts_on = DayField(
        label=_("From"), help_text=_("Periods that begin on or after this day; what was charged stays as it was.")
    )
