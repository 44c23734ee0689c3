"""Forms of the catalogue: plans, packages, prices, VAT, bands, cuts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from backhaul.catalog.packages import TERMS
from backhaul.network.services import CONNECTION_TYPES
from backhaul.web.console.customer_forms import offer
from backhaul.web.forms import DayField, MoneyField
from backhaul.web.templatetags.console import count
from backhaul.web.words import choices


class PlanForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60)
    down_mbps = forms.DecimalField(label=_("Down, Mbit/s"), min_value=0, max_digits=8, decimal_places=3)
    up_mbps = forms.DecimalField(label=_("Up, Mbit/s"), min_value=0, max_digits=8, decimal_places=3)
    pool = forms.ChoiceField(label=_("Address pool"), required=False)
    connection_types = forms.MultipleChoiceField(
        label=_("Sold for"),
        choices=lambda: choices("connection"),
        initial=CONNECTION_TYPES,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"}),
    )

    def __init__(self, *args: Any, pools: list[dict[str, Any]], plan: dict[str, Any] | None = None, **options: Any):
        """`plan`: the one that is changed (columns of get_plan)."""
        super().__init__(*args, **options)
        self.initial.update(_terms_of(plan) if plan else {})
        self.plan = plan
        known = [(f"{pool['operator_id']}-{pool['id']}", pool["name"]) for pool in pools]
        offer(self, "pool", [("", _("The router's own")), *known])

    def arguments(self) -> dict[str, Any]:
        """What add_plan takes."""
        given = self.cleaned_data
        owner, _dash, pool = given["pool"].partition("-")
        return {
            "name": given["name"],
            "down_kbps": self._kbps("down"),
            "up_kbps": self._kbps("up"),
            "pool": (int(owner), int(pool)) if pool else None,
            "connection_types": given["connection_types"],
        }

    def _kbps(self, way: str) -> int:
        """What was left as it stood stays, to the last kbit/s: not all of them are written in so few decimals."""
        given: Decimal = self.cleaned_data[f"{way}_mbps"]
        if self.plan and given == self.initial[f"{way}_mbps"]:
            return int(self.plan[f"{way}_kbps"])
        return int(given * 1024)


class PackageForm(forms.Form):
    """A package as it can be changed later: its name, and whether those below sell it."""

    name = forms.CharField(label=_("Name"), max_length=60)
    handed_down = forms.BooleanField(
        label=_("Those below sell it too"),
        required=False,
        help_text=_("At your retail price, unless they make a package of their own."),
    )


class NewPackageForm(PackageForm):
    plan = forms.ChoiceField(label=_("Plan"))
    term = forms.TypedChoiceField(
        label=_("Billed for"),
        coerce=int,
        choices=lambda: [(months, _months(months)) for months in TERMS],
        initial=1,
        help_text=_("One bill for so many months; you are charged month by month."),
    )
    price = MoneyField(label=_("Retail price"), may_be_zero=True, help_text=_("Before VAT, for the whole of it."))
    field_order = ("name", "plan", "term", "price", "handed_down")

    def __init__(self, *args: Any, plans: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(*args, **options)
        offer(self, "plan", [(f"{plan['operator_id']}-{plan['id']}", plan["name"]) for plan in plans])

    def arguments(self) -> dict[str, Any]:
        """What add_package takes."""
        given = self.cleaned_data
        owner, _dash, plan = given["plan"].partition("-")
        return {
            "name": given["name"],
            "plan_operator_id": int(owner),
            "plan_id": int(plan),
            "term_months": given["term"],
            "price_minor": given["price"],
            "handed_down": given["handed_down"],
        }


class PackagePriceForm(forms.Form):
    price = MoneyField(label=_("New price"), may_be_zero=True, help_text=_("Before VAT, for the package's term."))
    starts_on = DayField(label=_("For periods from"), help_text=_("Tomorrow at the earliest; what is billed stays."))


class VatForm(forms.Form):
    registered = forms.BooleanField(label=_("Registered for VAT"), required=False)
    percent = forms.DecimalField(
        label=_("Rate in percent"), required=False, min_value=0, max_value=100, max_digits=5, decimal_places=2
    )
    reclaims_input = forms.BooleanField(
        label=_("Input VAT is reclaimed"),
        required=False,
        help_text=_("Otherwise what your provider adds is part of your cost."),
    )
    relief_on_bad_debt = forms.BooleanField(
        label=_("VAT of bad debts is taken back"),
        required=False,
        help_text=_("A written-off bill's VAT comes back; it is owed again if the money comes in."),
    )
    starts_on = DayField(label=_("From"))

    def arguments(self) -> dict[str, Any]:
        """What set_vat takes."""
        given = dict(self.cleaned_data)
        percent = given.pop("percent")
        return {**given, "rate_bp": int(percent * 100) if percent and given["registered"] else 0}


class BandForm(forms.Form):
    floor_minor = MoneyField(label=_("At least"), may_be_zero=True, required=False)
    cap_minor = MoneyField(label=_("At most"), may_be_zero=True, required=False)
    starts_on = DayField(label=_("From"), help_text=_("Before VAT, for a month. Both empty: no band any more."))


class CutForm(forms.Form):
    cut_time = forms.TimeField(label=_("Time of the day's cuts"), widget=forms.TimeInput(attrs={"type": "time"}))
    spared_weekdays = forms.TypedMultipleChoiceField(
        label=_("Nobody is cut on"),
        coerce=int,
        required=False,
        choices=lambda: [(number + 1, name) for number, name in WEEKDAYS.items()],
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"}),
    )


class HolidayForm(forms.Form):
    on_date = DayField(label=_("Day"))
    name = forms.CharField(label=_("Holiday"), max_length=60)


def _terms_of(plan: dict[str, Any]) -> dict[str, Any]:
    owner, pool = plan["pool_operator_id"], plan["pool_id"]
    mbps = {f"{way}_mbps": _plain(round(Decimal(plan[f"{way}_kbps"]) / 1024, 3)) for way in ("down", "up")}
    named = {name: plan[name] for name in ("name", "connection_types")}
    return {**named, **mbps, "pool": f"{owner}-{pool}" if pool else ""}


def _plain(number: Decimal) -> Decimal:
    """10 for 10.000: what a field shows."""
    return number.quantize(Decimal(1)) if number == number.to_integral() else number.normalize()


def _months(months: int) -> Any:
    return _("1 month") if months == 1 else _("%(n)s months") % {"n": count(months)}
