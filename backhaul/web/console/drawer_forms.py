"""Forms of drawers: what is counted, what becomes of a shortage, and how drawers work."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.web.forms import DayField, KeyedForm, MoneyField
from backhaul.web.words import choices


class CountForm(KeyedForm):
    counted_minor = MoneyField(label=gettext_lazy("Cash that you counted"), may_be_zero=True)
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)
    close_day = forms.BooleanField(
        label=gettext_lazy("Close my day too"),
        required=False,
        help_text=gettext_lazy("Receipts that you date today after that are late."),
    )


class WhyForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("It stays in the history, with your name."),
    )


class SettleForm(KeyedForm):
    amount_minor = MoneyField(label=gettext_lazy("Amount"))
    how = forms.ChoiceField(label=gettext_lazy("What happens"), choices=())
    why = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)

    def __init__(self, *args: Any, may_forgive: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        ways = [(code, _("Paid by %(method)s") % {"method": name}) for code, name in choices("method")]
        field = self.fields["how"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [*ways, ("", _("Forgiven"))] if may_forgive else ways
        field.required = not may_forgive


class LimitForm(forms.Form):
    float_limit_minor = MoneyField(
        label=gettext_lazy("May hold at most"),
        required=False,
        help_text=gettext_lazy("Empty: as much as comes. What is above it is recorded all the same, and listed."),
    )


class DaysForm(WhyForm):
    through = DayField(
        label=gettext_lazy("Closed through"),
        required=False,
        help_text=gettext_lazy("An earlier day opens the days after it again; empty opens all of them."),
    )
    field_order = ("through", "why")


class RulesForm(forms.Form):
    everyone = forms.BooleanField(
        label=gettext_lazy("Whoever takes cash has a drawer, not collectors alone"), required=False
    )
    late_receipts = forms.ChoiceField(
        label=gettext_lazy("Receipts of a day that its drawer has closed"),
        choices=[
            ("listed", gettext_lazy("are recorded and listed as late")),
            ("refused", gettext_lazy("are refused until the day is opened again")),
        ],
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    float_limit_minor = MoneyField(
        label=gettext_lazy("A new drawer may hold at most"),
        required=False,
        help_text=gettext_lazy("Empty: as much as comes. Each person's limit can be changed on its drawer."),
    )
