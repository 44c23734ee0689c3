"""The questions of taking an operator on, a small form a step. What is typed is kept as it is and validated anew."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from django import forms
from django.utils.dates import MONTHS
from django.utils.translation import gettext_lazy as _

from backhaul.common.errors import InvalidInput
from backhaul.operators.rules import grantable, standard_grants
from backhaul.resellers.beginning import FirstRecharge, TariffPrice, Vat
from backhaul.subscribers.rules import NumberFormat
from backhaul.web.console.customer_settings import NumberingForm
from backhaul.web.console.fund_forms import CreditForm, RechargeForm, TermsForm
from backhaul.web.console.staff_forms import PLAIN, TreeForm
from backhaul.web.forms import DayField, MoneyField, PhoneField
from backhaul.web.templatetags.console import money
from backhaul.web.words import WORDS, choices

GUARDS = (
    "minimum_balance_minor", "minimum_margin_minor", "notice_hours", "cut_paid_periods", "reaches_sub_operators",
    "step_in_days", "emergency_days", "emergency_fee_minor",
)  # fmt: skip
USUAL_GUARDS = {
    "minimum_margin_minor": 0, "notice_hours": 24, "step_in_days": 7, "emergency_days": 0, "emergency_fee_minor": 0,
}  # fmt: skip


def slug_field() -> forms.CharField:
    return forms.RegexField(
        regex=r"^[a-z0-9][a-z0-9-]{1,62}$",
        label=_("Short name"),
        max_length=63,
        help_text=_("Small letters, digits and dashes, like lakeview; used in commands and addresses, and stays."),
        error_messages={"invalid": _("Only small letters, digits and dashes, 2 to 63 of them.")},
        widget=forms.TextInput(attrs=PLAIN),
    )


def colour_field() -> forms.CharField:
    return forms.RegexField(
        regex=r"^#[0-9a-fA-F]{6}$",
        label=_("Colour"),
        required=False,
        widget=forms.TextInput(attrs={"type": "color", "class": "form-control-color"}),
    )


class VatFields(forms.Form):
    """Whether a seller is registered for VAT, since when, and at which rate."""

    vat_registered = forms.BooleanField(
        label=_("Registered for VAT"), required=False, help_text=_("Its bills to customers then show VAT.")
    )
    vat_percent = forms.DecimalField(
        label=_("VAT rate in percent"), required=False, min_value=0, max_value=100, max_digits=5, decimal_places=2
    )
    vat_starts_on = DayField(label=_("VAT from"), required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("vat_registered"):
            for name in ("vat_percent", "vat_starts_on"):
                if given.get(name) is None and name not in self.errors:
                    self.add_error(name, _("Whoever is registered for VAT has a rate, and a day from which it holds."))
        return given

    def vat(self) -> Vat | None:
        given = self.cleaned_data
        if not given.get("vat_registered"):
            return None
        return Vat(starts_on=given["vat_starts_on"], rate_bp=int(given["vat_percent"] * 100))


class IdentityForm(VatFields):
    name = forms.CharField(label=_("Company name"), max_length=120)
    slug = slug_field()
    kind = forms.ChoiceField(
        label=_("Kind"),
        choices=lambda: [pair for pair in choices("operator") if pair[0] != "isp"],
        help_text=_("A reseller has its own packages and may take on sub-operators; a sub-operator sells yours."),
    )
    phone = PhoneField(label=_("Telephone for customers"), required=False)
    email = forms.EmailField(label=_("E-mail for customers"), required=False, max_length=254)
    address = forms.CharField(
        label=_("Address"), required=False, max_length=300, help_text=_("Stands on bills and receipts.")
    )
    own_colour = forms.BooleanField(
        label=_("A colour of its own"), required=False, help_text=_("Else its pages have the colour of yours.")
    )
    colour = colour_field()
    field_order = (
        "name", "slug", "kind", "phone", "email", "address", "own_colour", "colour",
        "vat_registered", "vat_percent", "vat_starts_on",
    )  # fmt: skip

    def __init__(self, *args: Any, with_vat: bool, **options: Any) -> None:
        super().__init__(*args, **options)
        if not with_vat:
            for name in ("vat_registered", "vat_percent", "vat_starts_on"):
                del self.fields[name]


class ModeForm(CreditForm):
    mode = forms.ChoiceField(
        label=_("Pays"),
        choices=lambda: choices("mode"),
        help_text=_("Prepaid: charges come out of money it put in. Postpaid: they add up, and it pays afterwards."),
    )
    charge_timing = forms.ChoiceField(label=_("Charged"), choices=lambda: choices("timing"))
    started = forms.BooleanField(
        label=_("Charge from the start"),
        required=False,
        help_text=_("Else nothing is charged on this edge until you start it; prices above it are charged as ever."),
    )
    trial_customers = forms.IntegerField(
        label=_("Customers before the start"),
        min_value=0,
        max_value=100_000,
        required=False,
        help_text=_("How many it may have before it is started; empty: any number."),
    )
    field_order = ("mode", "charge_timing", "credit_limit_minor", "low_balance_minor", "started", "trial_customers")

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("mode") == "postpaid" and given.get("credit_limit_minor") == 0:
            self.add_error("credit_limit_minor", _("Who pays afterwards needs a limit: how much may be owed at most."))
        return given


class TariffForm(forms.Form):
    """A price for each plan that the acting operator can sell; empty: not sold to it."""

    def __init__(self, *args: Any, plans: list[dict[str, Any]], copied: dict[str, int], **options: Any) -> None:
        super().__init__(*args, **options)
        self.plans = {f"price_{row['plan_operator_id']}_{row['plan_id']}": row for row in plans}
        for name, row in self.plans.items():
            cost = row["own_price_minor"]
            hint = _("You pay %(sum)s.") % {"sum": money(cost)} if cost is not None else ""
            self.fields[name] = MoneyField(
                label=row["plan_name"], may_be_zero=True, required=False, initial=copied.get(name), help_text=hint
            )

    def prices(self) -> tuple[TariffPrice, ...]:
        return tuple(
            TariffPrice(row["plan_operator_id"], row["plan_id"], self.cleaned_data[name])
            for name, row in self.plans.items()
            if self.cleaned_data[name] is not None
        )

    def below_cost(self) -> list[str]:
        """The plans that would be sold for less than they cost."""
        return [
            row["plan_name"]
            for name, row in self.plans.items()
            if self.cleaned_data[name] is not None and self.cleaned_data[name] < (row["own_price_minor"] or 0)
        ]


class ZonesForm(forms.Form):
    zones = forms.TypedMultipleChoiceField(
        label=_("Zones that it gets, too"),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Copies of yours, to be arranged by itself; none: it starts empty."),
    )

    def __init__(self, *args: Any, zones: list[tuple[int, str]], **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["zones"].choices = zones  # type: ignore[attr-defined]


class IdsForm(NumberingForm):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        del self.fields["next_number"]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if not self.errors:
            try:
                NumberFormat(**given)
            except InvalidInput as refusal:
                self.add_error(refusal.field, refusal.message)
        return given


class ModulesForm(TreeForm):
    """Ticks of what the new operator may do, of what whoever takes it on may do itself."""

    def __init__(self, *args: Any, mine: frozenset[str], kind: str, preset: str, **options: Any) -> None:
        offered = grantable(mine)
        super().__init__(*args, offered=offered, mine=offered, ticked=preset_of(preset, kind) & offered, **options)


def preset_of(preset: str, kind: str) -> frozenset[str]:
    """What a preset ticks: all that can be handed on, seeing alone, or what is usual for the kind."""
    is_reseller = kind == "reseller"
    usual = standard_grants(kind, may_have_children=is_reseller, edits_catalog=is_reseller)
    if preset == "all":
        return grantable(standard_grants("isp", may_have_children=True, edits_catalog=True))
    if preset == "seeing":
        return frozenset(name for name in usual if name.endswith(".view"))
    return usual


PRESETS = (
    ("usual", _("Usual for its kind")),
    ("all", _("All that you may")),
    ("seeing", _("Only looking")),
)


class GuardsForm(forms.Form):
    """What of the edge's terms protects the parent's money."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name in GUARDS:
            self.fields[name] = deepcopy(TermsForm.base_fields[name])
            self.initial.setdefault(name, USUAL_GUARDS.get(name))


class LoginForm(forms.Form):
    full_name = forms.CharField(label=_("Owner's name"), max_length=120)
    login = forms.RegexField(
        regex=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,59}$",
        label=_("Sign-in name"),
        max_length=60,
        help_text=_("Nobody else in this provider's tree may have it."),
        error_messages={"invalid": _("2 to 60 letters, digits, dots and dashes, without blanks.")},
        widget=forms.TextInput(attrs=PLAIN),
    )
    email = forms.EmailField(
        label=_("E-mail"), required=False, max_length=254, help_text=_("For a new password, should it be forgotten.")
    )
    mobile = PhoneField(label=_("Mobile"), required=False)


class FirstRechargeForm(forms.Form):
    amount = MoneyField(label=_("Amount"), required=False, help_text=_("Empty: no recharge now."))
    kind = forms.ChoiceField(label=_("What"), choices=lambda: [(k, WORDS["given"][k]) for k in RechargeForm.KINDS])
    paid = forms.ChoiceField(
        label=_("Paid by"),
        choices=lambda: choices("method"),
        help_text=_("The account of yours that the money came into; not asked for credit and bonus."),
    )
    note = forms.CharField(
        label=_("Reference"), max_length=200, required=False, help_text=_("A slip's number, say; it reads it, too.")
    )

    def recharge(self) -> FirstRecharge | None:
        given = self.cleaned_data
        if given["amount"] is None:
            return None
        paid = given["paid"] if given["kind"] == "recharge" else None
        return FirstRecharge(given["kind"], given["amount"], paid, given["note"])


class BooksForm(forms.Form):
    month = forms.TypedChoiceField(
        label=_("Its year begins with"),
        coerce=int,
        choices=lambda: list(MONTHS.items()),
        help_text=_("The financial year of its books; in Bangladesh usually July."),
    )


def usual_prefix(slug: str) -> str:
    """LAK- for lakeview."""
    return f"{slug[:3].upper().strip('-')}-" if slug else ""
