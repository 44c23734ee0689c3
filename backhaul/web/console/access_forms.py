"""Forms of signing in and of one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.web.forms import PhoneField, latin_digits

PLAIN = {"autocapitalize": "none", "spellcheck": "false"}
ONE_TIME = {"autocomplete": "one-time-code", "autofocus": True, "inputmode": "text", "autocapitalize": "none"}


class SignInForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("Name or e-mail"),
        max_length=200,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username webauthn", **PLAIN}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeField(forms.CharField):
    """Six digits of an app, also typed in Bangla or with blanks; or a recovery code."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 30, "widget": forms.TextInput(attrs=ONE_TIME), **options})

    def clean(self, value: Any) -> str:
        return latin_digits(super().clean(value))


class SecondStepForm(forms.Form):
    code = CodeField(
        label=gettext_lazy("Code"), help_text=gettext_lazy("The six digits that your app shows, or a recovery code.")
    )


class FirstCodeForm(forms.Form):
    code = CodeField(label=gettext_lazy("Code"), help_text=gettext_lazy("The six digits that the app shows now."))


class TwiceForm(forms.Form):
    """A new password, typed twice."""

    password = forms.CharField(
        label=gettext_lazy("New password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters."),
    )
    again = forms.CharField(
        label=gettext_lazy("New password again"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("password") and given.get("again") and given["password"] != given["again"]:
            self.add_error("again", _("The two new passwords differ."))
        return given


class PasswordForm(TwiceForm):
    current = forms.CharField(
        label=gettext_lazy("Present password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    remove_passkeys = forms.BooleanField(label=gettext_lazy("Remove my passkeys, too"), required=False)
    field_order = ("current", "password", "again", "remove_passkeys")

    def __init__(self, *args: Any, passkeys: str, **options: Any) -> None:
        """`passkeys`: what is shown of those that the person has; empty: there are none."""
        super().__init__(*args, **options)
        if not passkeys:
            del self.fields["remove_passkeys"]
        else:
            self.fields["remove_passkeys"].help_text = _(
                "They sign you in without the password: %(names)s. Remove them where one may be somebody else's."
            ) % {"names": passkeys}


class ForgotForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("Name or e-mail"),
        max_length=200,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username", **PLAIN}),
    )


class ProfileForm(forms.Form):
    full_name = forms.CharField(
        label=gettext_lazy("Full name"), max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"})
    )
    mobile = PhoneField(label=gettext_lazy("Mobile"), required=False)
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        required=False,
        choices=(("", gettext_lazy("As the browser wants it")), ("en", "English"), ("bn", "বাংলা")),
    )
    theme = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        required=False,
        choices=(
            ("", gettext_lazy("As the device is set")),
            ("light", gettext_lazy("Light")),
            ("dark", gettext_lazy("Dark")),
        ),
    )


class EmailForm(forms.Form):
    email = forms.EmailField(
        label=gettext_lazy("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autofocus": True, "autocomplete": "email"}),
    )


class PasskeyForm(forms.Form):
    """`credential` is what the browser makes of the device's answer."""

    name = forms.CharField(
        label=gettext_lazy("Name of the device"),
        max_length=60,
        help_text=gettext_lazy("By which you know it later, like “my phone”."),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    credential = forms.CharField(required=False, max_length=20_000, widget=forms.HiddenInput)


class PasskeyNameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the device"), max_length=60)


class RuleForm(forms.Form):
    second_factor_of = forms.ChoiceField(
        label=gettext_lazy("Who needs a second factor"),
        choices=(
            ("nobody", gettext_lazy("Whoever wants one")),
            ("owners", gettext_lazy("All owners")),
            ("everybody", gettext_lazy("Everybody")),
        ),
        help_text=gettext_lazy("At their next sign-in these people set it up before the console opens."),
    )
