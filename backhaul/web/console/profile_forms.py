"""The form of a billing profile: all its rules in a few groups, with what each does where it bites."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from backhaul.catalog.profiles import PRESETS, ProfileRules
from backhaul.web.forms import MoneyField
from backhaul.web.words import choices

PRESET_NAMES = {
    "calendar": _("Calendar month, bill first"),
    "anniversary": _("Month from the joining day, bill first"),
    "pay_first": _("30 days, pay first"),
    "arrears": _("In arrears, for the days used"),
    "free": _("Free of charge"),
}
GROUPS: tuple[tuple[Any, Any, tuple[str, ...]], ...] = (
    (
        _("What is billed"),
        _("How long a period is, and whether it is billed before or after."),
        ("billing_type", "cycle", "cycle_day", "validity_days", "billed", "access", "auto_bill"),
    ),
    (
        _("Paying"),
        _("By when a bill is to be paid, how prices are written, and what paying late costs."),
        ("due_days", "prices_include_vat", "round_bill_to_minor", "late_fee_minor", "late_fee_after_days"),
    ),
    (
        _("Cutting and coming back"),
        _("These rules hold at once, also for bills that are open now."),
        (
            "auto_suspend", "grace_days", "suspend_if_due_over_minor", "on_suspend", "reactivate_when",
            "reactivate_share", "on_late_payment",
        ),
    ),
    (
        _("Days that are credited"),
        _("Days on which the service was off for these reasons come off."),
        ("credit_days_for",),
    ),
    (
        _("Changing the package"),
        _("What happens to the days left, and what a change costs."),
        ("change_period", "change_billed", "upgrade_fee_minor", "downgrade"),
    ),
)  # fmt: skip


def _choice(label: Any, words: str, **options: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, choices=lambda: choices(words), **options)


def _number(label: Any, low: int, high: int, **options: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, min_value=low, max_value=high, **options)


class ProfileForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=60)
    handed_down = forms.BooleanField(label=_("Those below use it too"), required=False)
    billing_type = _choice(_("Billing type"), "billing_type")
    cycle = _choice(_("Period"), "cycle", help_text=_("A fixed number of days goes with the type “by the day”."))
    cycle_day = _number(_("Day of the month"), 1, 31, help_text=_("For a month from a chosen day; 31 is the last day."))
    validity_days = _number(
        _("Number of days"), 1, 366, required=False, help_text=_("For a fixed number of days only.")
    )
    billed = _choice(_("Billed"), "billed", help_text=_("In arrears: only the days on which the service was on."))
    access = _choice(
        _("Access"),
        "access",
        help_text=_("Pay first: no period begins, and nothing is charged, before the money is there."),
    )
    auto_bill = forms.BooleanField(
        label=_("The nightly run bills"), required=False, help_text=_("Otherwise a person bills each period.")
    )
    due_days = _number(_("Days to pay"), 0, 90)
    prices_include_vat = forms.BooleanField(label=_("Prices include VAT"), required=False)
    round_bill_to_minor = MoneyField(label=_("Bills are rounded to"))
    late_fee_minor = MoneyField(
        label=_("Late fee"), may_be_zero=True, help_text=_("Once per bill, without VAT; for bills made from today on.")
    )
    late_fee_after_days = _number(_("Late after days past due"), 0, 90)
    auto_suspend = forms.BooleanField(label=_("Unpaid services are suspended"), required=False)
    grace_days = _number(_("Days of grace after the due day"), 0, 90)
    suspend_if_due_over_minor = MoneyField(
        label=_("Suspended only above"), may_be_zero=True, help_text=_("Who owes no more than this stays online.")
    )
    on_suspend = _choice(_("Suspended means"), "on_suspend")
    reactivate_when = _choice(_("Comes back when paid"), "reactivate_when")
    reactivate_share = forms.DecimalField(
        label=_("Share in percent"), min_value=0, max_value=100, max_digits=5, decimal_places=2,
        help_text=_("Of what was overdue; used with “a share” only."),
    )  # fmt: skip
    on_late_payment = _choice(_("The period after a cut"), "on_late_payment")
    credit_days_for = forms.MultipleChoiceField(
        label=_("Off because of"), required=False, choices=lambda: choices("credit_reason"),
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"}),
    )  # fmt: skip
    change_period = _choice(_("After a change"), "change_period")
    change_billed = _choice(_("A change is billed"), "change_billed")
    upgrade_fee_minor = MoneyField(label=_("Fee for an upgrade"), may_be_zero=True)
    downgrade = _choice(_("A cheaper package"), "downgrade")

    def __init__(self, sent: QueryDict | None, *, rules: ProfileRules, named: dict[str, Any]) -> None:
        start = asdict(rules) | {"reactivate_share": rules.reactivate_share_bp / 100}
        super().__init__(sent, initial=start | named)

    def groups(self) -> list[tuple[Any, Any, list[forms.BoundField]]]:
        """The fields as the page shows them: title, what the group is about, fields."""
        return [(title, about, [self[name] for name in names]) for title, about, names in GROUPS]

    def rules(self) -> ProfileRules:
        """What was given."""
        given = dict(self.cleaned_data)
        share = given.pop("reactivate_share")
        given = {name: value for name, value in given.items() if name not in ("name", "handed_down")}
        return ProfileRules(
            **given | {"reactivate_share_bp": int(share * 100), "credit_days_for": tuple(given["credit_days_for"])}
        )


def preset_of(name: str) -> ProfileRules:
    """The rules to start a new profile from."""
    return PRESETS.get(name, PRESETS["calendar"])
