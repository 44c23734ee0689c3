"""The questions of the first run: the internet provider, how it bills, what it sells first, and who owns it."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from backhaul.identity.services import MIN_PASSWORD
from backhaul.resellers.beginning import FirstOffer
from backhaul.subscribers.rules import NumberFormat
from backhaul.web.console.onboarding_forms import VatFields, slug_field
from backhaul.web.console.profile_forms import PRESET_NAMES
from backhaul.web.console.staff_forms import PLAIN
from backhaul.web.forms import MoneyField, PhoneField, latin_digits

KBPS = 1024  # as plans are added and shown


class TokenForm(forms.Form):
    token = forms.CharField(
        label=_("Set-up key"),
        max_length=200,
        help_text=_("The server printed it, with the address of this page, when it was started."),
        widget=forms.TextInput(attrs=PLAIN),
    )


class CompanyForm(forms.Form):
    name = forms.CharField(label=_("Company name"), max_length=120)
    slug = slug_field()
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(zone, zone.replace("_", " ")) for zone in sorted(available_timezones()) if "/" in zone],
        help_text=_("Bills begin and end at midnight here. It stays."),
    )
    currency = forms.RegexField(
        regex=r"^[A-Za-z]{3}$",
        label=_("Currency"),
        help_text=_("Three letters, like BDT. It stays."),
        error_messages={"invalid": _("Three letters, like BDT.")},
        widget=forms.TextInput(attrs=PLAIN),
    )
    month = forms.TypedChoiceField(
        label=_("Your business year begins with"),
        coerce=int,
        choices=lambda: list(MONTHS.items()),
        help_text=_("The financial year of your books; in Bangladesh usually July."),
    )
    phone = PhoneField(label=_("Telephone for customers"), required=False)
    address = forms.CharField(
        label=_("Address"), required=False, max_length=300, help_text=_("Stands on bills and receipts.")
    )

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


class CountingForm(VatFields):
    prefix = forms.CharField(  # type: ignore[assignment]  # a field, as the domain names it
        label=_("Customer ids begin with"),
        max_length=20,
        required=False,
        help_text=_("Like LAK- for LAK-00001; stays as it is once there are customers."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    digits = forms.IntegerField(label=_("Digits of the number"), min_value=1, max_value=12)
    field_order = ("prefix", "digits", "vat_registered", "vat_percent", "vat_starts_on")

    def numbering(self) -> NumberFormat:
        return NumberFormat(prefix=self.cleaned_data["prefix"], digits=self.cleaned_data["digits"])


class OfferForm(forms.Form):
    name = forms.CharField(label=_("Name of the package"), max_length=60, help_text=_("Customers read it."))
    mbps = forms.CharField(
        label=_("Speed in Mbit/s"), max_length=6, widget=forms.TextInput(attrs={"inputmode": "numeric"})
    )
    price = MoneyField(label=_("Price a month"), may_be_zero=True)
    profile = forms.ChoiceField(
        label=_("Customers are billed"),
        choices=lambda: list(PRESET_NAMES.items()),
        help_text=_("Every rule of it can be changed later."),
    )

    def clean_mbps(self) -> int:
        text = latin_digits(self.cleaned_data["mbps"]).strip()
        if not text.isdecimal() or not 1 <= int(text) <= 100_000:
            raise forms.ValidationError(_("A whole number, 1 or more."))
        return int(text)

    def offer(self) -> FirstOffer:
        given = self.cleaned_data
        kbps = given["mbps"] * KBPS
        return FirstOffer(
            given["name"], kbps, kbps, given["price"], str(PRESET_NAMES[given["profile"]]), given["profile"]
        )


class OwnerForm(forms.Form):
    full_name = forms.CharField(label=_("Your name"), max_length=120)
    login = forms.RegexField(
        regex=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,59}$",
        label=_("Sign-in name"),
        max_length=60,
        error_messages={"invalid": _("2 to 60 letters, digits, dots and dashes, without blanks.")},
        widget=forms.TextInput(attrs=PLAIN | {"autocomplete": "username"}),
    )
    email = forms.EmailField(
        label=_("E-mail"), required=False, max_length=254, help_text=_("For a new password, should it be forgotten.")
    )
    password = forms.CharField(
        label=_("Password"),
        min_length=MIN_PASSWORD,
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("Password once more"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "password" in given and given.get("again") != given["password"]:
            self.add_error("again", _("This is not the same password."))
        return given
