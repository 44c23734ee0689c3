"""Forms of what stands beside the monthly bill."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from backhaul.web.forms import DayField, KeyedForm, MoneyField
from backhaul.web.words import choices


class Why(forms.Form):
    why = forms.CharField(label=_("Reason"), max_length=200, help_text=_("It stays in the history, with your name."))
    field_order: tuple[str, ...] | None = None


class OneOffForm(KeyedForm):
    title = forms.CharField(label=_("What for"), max_length=120, help_text=_("The customer reads it on the bill."))
    net_minor = MoneyField(label=_("Amount before VAT"))
    due_on = DayField(label=_("Due on"))


class StandingDiscountForm(Why):
    amount_minor = MoneyField(label=_("Amount off each bill"), required=False, help_text=_("Before VAT; or"))
    percent = forms.DecimalField(
        label=_("Percent off each bill"), required=False, min_value=0, max_value=100, max_digits=5, decimal_places=2
    )
    from_on = DayField(label=_("For periods from"))
    until_on = DayField(label=_("Before"), required=False, help_text=_("Empty: until you end it."))
    field_order = ("amount_minor", "percent", "from_on", "until_on", "why")

    def terms(self) -> dict[str, Any]:
        """What give_discount takes."""
        given = self.cleaned_data
        percent = given["percent"]
        return {
            "amount_minor": given["amount_minor"],
            "part_bp": None if percent is None else int(percent * 100),
            "from_on": given["from_on"],
            "until_on": given["until_on"],
            "why": given["why"],
        }


class BillDiscountForm(KeyedForm, Why):
    net_minor = MoneyField(label=_("Amount off, before VAT"))
    field_order = ("net_minor", "why")


class WriteOffForm(KeyedForm, Why):
    pass


class RecoveryForm(KeyedForm):
    amount_minor = MoneyField(label=_("Amount received"))
    paid = forms.ChoiceField(label=_("Paid by"), choices=lambda: choices("method"))
    why = forms.CharField(label=_("Note"), max_length=200, required=False)


class PromiseForm(Why):
    until_on = DayField(label=_("Pays by"))
    field_order = ("until_on", "why")


class SuspendDateForm(Why):
    suspend_on = DayField(
        label=_("Suspend on"),
        required=False,
        help_text=_("Empty: as the billing profile says, after the days of grace."),
    )
    field_order = ("suspend_on", "why")


class OwnPriceForm(forms.Form):
    custom_price = MoneyField(
        label=_("Own price"),
        may_be_zero=True,
        required=False,
        help_text=_("Before VAT, for the package's term. Empty: the package's price."),
    )
    starts_on = DayField(label=_("For periods from"))
