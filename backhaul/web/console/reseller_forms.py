"""Forms of resellers: prices."""

from __future__ import annotations

from typing import Any

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


class ChangeTariffsForm(forms.Form):
    """Many wholesale prices at once, by a part or by an amount, up or down."""

    way = forms.ChoiceField(label=_("They become"), choices=[("up", _("dearer")), ("down", _("cheaper"))])
    percent = forms.DecimalField(
        label=_("By percent"), required=False, min_value=0, max_value=1000, max_digits=6, decimal_places=2
    )
    amount = MoneyField(label=_("Or by an amount"), required=False, help_text=_("For each month or validity."))
    starts_on = DayField(label=_("For periods from"), help_text=_("Tomorrow at the earliest; what was charged stays."))
    children = forms.TypedMultipleChoiceField(
        label=_("For whom"), coerce=int, widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"})
    )
    plans = forms.MultipleChoiceField(
        label=_("Plans"), widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"})
    )

    def __init__(self, *args: Any, children: list[dict[str, Any]], plans: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(*args, **options)
        known = [(str(child["id"]), child["name"]) for child in children]
        sold = [(f"{plan['plan_operator_id']}-{plan['plan_id']}", plan["plan_name"]) for plan in plans]
        for name, choices in (("children", known), ("plans", sold)):
            field = self.fields[name]
            field.choices = choices  # type: ignore[attr-defined]
            field.initial = [value for value, _label in choices]

    def arguments(self) -> dict[str, Any]:
        """What change_tariffs takes."""
        given = self.cleaned_data
        sign = 1 if given["way"] == "up" else -1
        return {
            "children": given["children"],
            "plans": [tuple(int(part) for part in plan.split("-")) for plan in given["plans"]],
            "starts_on": given["starts_on"],
            "percent": None if given["percent"] is None else sign * given["percent"],
            "amount_minor": None if given["amount"] is None else sign * given["amount"],
        }
