"""Forms of customers."""

from __future__ import annotations

import json
import secrets
from datetime import date
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.network.services import CONNECTION_TYPES
from backhaul.subscribers.custom_fields import list_fields
from backhaul.subscribers.lookalikes import Sought
from backhaul.subscribers.queries import find_usual_profile
from backhaul.subscribers.services import NewCustomer
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console.given import as_id
from backhaul.web.forms import KeyedForm, MapPlace, MoneyField, PhoneField
from backhaul.web.templatetags.console import money
from backhaul.web.words import choices

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that look alike on paper


def suggest_password() -> str:
    return "".join(secrets.choice(LETTERS) for _n in range(10))


def offer(form: forms.Form, name: str, options: list[tuple[str, Any]]) -> None:
    """Fill a select of a form with what there is to choose."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = options


def input_of(field: dict[str, Any]) -> forms.Field:
    """The control of a field of the operator's own; what is typed is judged by the domain."""
    given: dict[str, Any] = {"label": field["label"], "required": field["is_required"]}
    if field["kind"] == "choice":
        return forms.ChoiceField(choices=[("", "–"), *((choice, choice) for choice in field["choices"])], **given)
    if field["kind"] == "yes_no":
        return forms.ChoiceField(choices=[("", "–"), ("yes", _("Yes")), ("no", _("No"))], **given)
    if field["kind"] == "date":
        return forms.CharField(widget=forms.TextInput(attrs={"type": "date"}), **given)
    attrs = {"inputmode": "decimal"} if field["kind"] == "number" else {}
    return forms.CharField(max_length=500, widget=forms.TextInput(attrs={"autocomplete": "off", **attrs}), **given)


class PlaceFields(MapPlace):
    """Who and where: what can be changed later too, with the fields of the operator's own."""

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
        zones = [(str(key), name) for key, name in list_zone_choices()]
        offer(self, "zone", [("", _("No zone")), *zones])
        if not zones:
            del self.fields["zone"]
        self.custom = [field for field in list_fields() if field["on_form"]]
        for field in self.custom:
            self.fields[f"custom_{field['id']}"] = input_of(field)

    @property
    def own_fields(self) -> list[forms.BoundField]:
        return [self[f"custom_{field['id']}"] for field in self.custom]

    def custom_values(self) -> dict[int, str]:
        """What was given for the fields of the operator's own, by their ids."""
        return {field["id"]: self.cleaned_data[f"custom_{field['id']}"] for field in self.custom}

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
            "latitude": given["latitude"],
            "longitude": given["longitude"],
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
    custom_price = MoneyField(
        label=_("Price of its own"), required=False, may_be_zero=True, help_text=_("Empty: the price of the package.")
    )
    activate = forms.BooleanField(
        label=_("Activate now"),
        required=False,
        initial=True,
        help_text=_("The service works at once, the first bill is made and your fund is charged."),
    )

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.today = today
        self.packages = list_packages_offered(today)
        offer_packages(self, self.packages)
        offer_profiles(self)

    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields as the page lays them out."""
        parts = (
            (_("Who"), ("name", "mobile", "username", "password")),
            (_("Service"), ("package", "profile", "connection_type", "custom_price", "static_ip", "mac")),
            (_("Where"), ("zone", "address", "latitude", "longitude")),
        )
        laid = [(title, [self[name] for name in names if name in self.fields]) for title, names in parts]
        return [*laid, *([(_("Your own fields"), self.own_fields)] if self.custom else [])]

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
            custom_price_minor=given["custom_price"],
            custom=self.custom_values(),
            **self.place(),
        )

    def sought(self) -> Sought:
        """Whom it may be already."""
        given = self.cleaned_data
        return Sought(
            name=given["name"],
            mobile=given["mobile"],
            zone_id=as_id(given.get("zone", "")),
            mac=given["mac"],
            request_key=str(given["request_key"]),
        )


class EditCustomerForm(PlaceFields):
    field_order = ("name", "mobile", "zone", "static_ip", "mac", "latitude", "longitude", "address")

    def __init__(self, *args: Any, initial: dict[str, Any], own: list[dict[str, Any]], **options: Any) -> None:
        values = {f"custom_{field['id']}": field["value"] for field in own}
        super().__init__(*args, initial=initial | values | {"zone": initial["zone_id"]}, **options)
        for field in own:
            control = self.fields.get(f"custom_{field['id']}")
            is_gone = field["kind"] == "choice" and field["value"] and field["value"] not in field["choices"]
            if is_gone and isinstance(control, forms.ChoiceField):  # no choice any more, and no mistake either
                offered = [*field["choices"], field["value"]]
                control.choices = [("", "–"), *((choice, choice) for choice in offered)]
        self.order_fields(self.field_order)

    def changes(self, present: dict[str, Any]) -> dict[str, Any]:
        """Only what differs from the present: the rest is neither written nor audited."""
        changed = {key: value for key, value in self.place().items() if (value or None) != (present[key] or None)}
        return changed | ({"custom": self.custom_values()} if self.custom else {})


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
    return key_of(row), f"{row['name']} · {money(row['price_minor'])}"


def offer_packages(form: forms.Form, packages: list[dict[str, Any]]) -> None:
    """Fill a form's select of packages, and its connection types with those that their plans are sold for. The page
    (assets/connections.js) offers those of the chosen package alone."""
    offer(form, "package", [("", _("Choose a package")), *map(package_choice, packages)])
    sold = {key_of(row): row["connection_types"] for row in packages}
    known = {kind for kinds in sold.values() for kind in kinds} or set(CONNECTION_TYPES)
    offer(form, "connection_type", [choice for choice in choices("connection") if choice[0] in known])
    form.fields["package"].widget.attrs["data-connections"] = json.dumps(sold)


def offer_profiles(form: forms.Form) -> None:
    """Fill a form's select of billing profiles. It begins with what most customers have, or with the only one there is;
    else it is to be chosen: the first by name may be paid by the day."""
    profiles = [(key_of(row), row["name"]) for row in list_billing_profiles_offered()]
    keys = [key for key, _name in profiles]
    usual = find_usual_profile()
    likely = "-".join(map(str, usual)) if usual else ""
    begins = likely if likely in keys else keys[0] if len(keys) == 1 else ""
    offer(form, "profile", profiles if begins else [("", _("Choose how it is billed")), *profiles])
    form.fields["profile"].initial = begins


def key_of(row: dict[str, Any]) -> str:
    """An (operator id, id) as the value of a choice."""
    return f"{row['operator_id']}-{row['id']}"


def pair_of(key: str) -> tuple[int, int]:
    """Of a value that the field's choices have let through."""
    owner, _dash, own = key.partition("-")
    return int(owner), int(own)
