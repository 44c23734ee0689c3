"""Forms of resellers: prices."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.web.forms import DayField, MoneyField


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
