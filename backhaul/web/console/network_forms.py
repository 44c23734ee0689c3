"""Forms of routers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.web.console.customer_forms import LETTERS, suggest_password
from backhaul.web.forms import latin_digits

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
assert set(LETTERS) < set("abcdefghijklmnopqrstuvwxyz0123456789")  # a suggested secret needs no quoting anywhere


def suggest_secret() -> str:
    return suggest_password() + suggest_password()


class AddressField(forms.GenericIPAddressField):
    def clean(self, value: Any) -> Any:
        return super().clean(latin_digits(value) if isinstance(value, str) else value)


class RouterForm(forms.Form):
    """A router that is added; the domain says what it refuses."""

    name = forms.CharField(label=_("Name"), max_length=60, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    source_address = AddressField(
        label=_("Address of its packets"),
        help_text=_("As this server sees them; behind NAT that is the public address."),
    )
    secret = forms.CharField(
        label=_("Secret"),
        max_length=128,
        initial=suggest_secret,
        strip=False,
        help_text=_("The same on the router. It can be replaced later but is never shown again."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    interim_seconds = forms.IntegerField(
        label=_("Usage reports every"),
        min_value=60,
        max_value=3600,
        initial=300,
        help_text=_("Who does not report for twice as long counts as offline."),
    )
    change_of_authorization_address = AddressField(
        label=_("Address for disconnects"), required=False, help_text=_("Empty: where its packets come from.")
    )
    change_of_authorization_port = forms.IntegerField(
        label=_("Port for disconnects"), min_value=1, max_value=65535, initial=3799
    )

    def settings(self) -> dict[str, Any]:
        """What was given, as the domain names it; an empty secret says nothing."""
        return {key: value for key, value in self.cleaned_data.items() if key != "secret" or value}


class EditRouterForm(RouterForm):
    """A router that is changed."""

    enabled = forms.BooleanField(
        label=_("In use"),
        required=False,
        help_text=_(
            "Off: its packets get no answer, so nobody logs in through it and what its sessions use is not counted."
        ),
    )

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        secret = self.fields["secret"]
        secret.required, secret.initial = False, None
        secret.help_text = _(
            "Empty: it stays as it is. A new one works within half a minute; change it on the router too."
        )
