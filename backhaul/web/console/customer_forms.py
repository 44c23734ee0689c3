"""Forms of customers."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.common.money import format_minor
from backhaul.subscribers.queries import list_zones
from backhaul.subscribers.services import NewCustomer
from backhaul.web.console.given import as_id
from backhaul.web.currency import decimals
from backhaul.web.forms import KeyedForm, PhoneField
from backhaul.web.words import choices

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper


def suggest_password() -> str:
    return "".join(secrets.choice(LETTERS) for _n in range(10))


def offer(form: forms.Form, name: str, options: list[tuple[str, Any]]) -> None:
    """Fill a select of a form with what there is to choose."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = options


class PlaceFields(forms.Form):
    """Who and where: what can be changed later too."""

    name = forms.CharField(label=_("Name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    mobile = PhoneField(label=_("Mobile"), required=False)
    zone = forms.ChoiceField(label=_("Zone"), required=False)
    mac = forms.CharField(
        label=_("MAC address"),
        required=False,
        max_length=20,
        help_text=_("Only this device may log in. Empty: any device."),
    )
    static_ip = forms.GenericIPAddressField(
        label=_("Static address"), required=False, help_text=_("Empty: an address out of the package's pool.")
    )
    address = forms.CharField(label=_("Address"), max_length=400, required=False, widget=forms.Textarea)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        zones = [(str(zone["id"]), zone["name"]) for zone in list_zones()]
        offer(self, "zone", [("", _("No zone")), *zones])
        if not zones:
            del self.fields["zone"]

    def place(self) -> dict[str, Any]:
        """What was given, as the domain names it."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "mobile": given["mobile"],
            "zone_id": as_id(given.get("zone", "")),
            "mac": given["mac"] or None,
            "static_ip": given["static_ip"] or None,
            "address": given["address"],
        }


class AddCustomerForm(PlaceFields, KeyedForm):
    username = forms.CharField(
        label=_("Username"),
        max_length=64,
        help_text=_("What the router logs in with; nobody else of your provider has it."),
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=64,
        initial=suggest_password,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    connection_type = forms.ChoiceField(
        label=_("Connection type"), choices=lambda: choices("connection"), initial="pppoe"
    )
    package = forms.ChoiceField(label=_("Package"))
    profile = forms.ChoiceField(label=_("Billing"))
    activate = forms.BooleanField(
        label=_("Activate now"),
        required=False,
        initial=True,
        help_text=_("The service works at once, the first bill is made and your fund is charged."),
    )
    field_order = (
        "name", "mobile", "username", "password", "package", "profile", "connection_type", "zone", "static_ip", "mac",
        "address", "activate",
    )  # fmt: skip

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.packages = list_packages_offered(today)
        profiles = list_billing_profiles_offered()
        offer(self, "package", [("", _("Choose a package")), *map(package_choice, self.packages)])
        offer(self, "profile", [(_key(row), row["name"]) for row in profiles])
        self.order_fields(self.field_order)

    def customer(self) -> NewCustomer:
        """The customer that was described."""
        given = self.cleaned_data
        return NewCustomer(
            username=given["username"],
            password=given["password"],
            connection_type=given["connection_type"],
            package=pair_of(given["package"]),
            profile=pair_of(given["profile"]),
            joined_on=self.today,
            **self.place(),
        )


class EditCustomerForm(PlaceFields):
    field_order = ("name", "mobile", "zone", "static_ip", "mac", "address")

    def __init__(self, *args: Any, initial: dict[str, Any], **options: Any) -> None:
        super().__init__(*args, initial=initial | {"zone": initial["zone_id"]}, **options)
        self.order_fields(self.field_order)

    def changes(self, present: dict[str, Any]) -> dict[str, Any]:
        """Only what differs from the present: the rest is neither written nor audited."""
        return {key: value for key, value in self.place().items() if (value or None) != (present[key] or None)}


class PasswordResetForm(forms.Form):
    password = forms.CharField(
        label=_("New password"),
        max_length=64,
        initial=suggest_password,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class WhyForm(forms.Form):
    why = forms.CharField(label=_("Reason"), max_length=200, help_text=_("It stays in the history, with your name."))


class LeaveForm(WhyForm):
    credit = forms.BooleanField(
        label=_("Credit the unused days to the customer"),
        required=False,
        initial=True,
        help_text=_("Against what is open on the bill first; the rest becomes an advance."),
    )


def package_choice(row: dict[str, Any]) -> tuple[str, str]:
    """A package on offer as a choice of a select."""
    return _key(row), f"{row['name']} · {format_minor(row['price_minor'], decimals=decimals())}"


def _key(row: dict[str, Any]) -> str:
    return f"{row['operator_id']}-{row['id']}"


def pair_of(key: str) -> tuple[int, int]:
    """Of a value that the field's choices have let through."""
    owner, _dash, own = key.partition("-")
    return int(owner), int(own)
