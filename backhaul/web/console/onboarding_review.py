"""What was answered while an operator is taken on, in words, and what to think about before it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.web.console.onboarding_forms import FirstRechargeForm, TariffForm
from backhaul.web.console.onboarding_steps import Flow, Step
from backhaul.web.forms import MoneyField
from backhaul.web.templatetags.console import count, day, money

NOT_SAID = ("own_colour", "colour", "permissions", "zones")


@dataclass(frozen=True)
class Reviewed:
    """A step with its answers in words; `wrong`: it is still to be answered."""

    step: Step
    said: list[tuple[Any, Any]]
    wrong: bool


def review_of(flow: Flow) -> list[Reviewed]:
    wrong = flow.wrong
    return [
        Reviewed(step, [] if step.key in wrong else _said(flow.filled[step.key]), step.key in wrong)
        for step in flow.steps
    ]


def warnings_of(flow: Flow) -> list[str]:
    """What works, but is seldom meant."""
    tariff, recharge, mode = flow.filled["tariff"], flow.filled.get("recharge"), flow.said("mode")
    found = []
    if isinstance(tariff, TariffForm) and tariff.is_valid():
        if below := tariff.below_cost():
            found.append(_("Below what you pay yourself: %(plans)s.") % {"plans": ", ".join(below)})
        if not tariff.prices():
            found.append(_("It has no prices yet: it can add customers once you set one."))
    nothing = isinstance(recharge, FirstRechargeForm) and recharge.is_valid() and recharge.recharge() is None
    if nothing and mode.get("mode") == "prepaid" and mode.get("started") and not mode.get("credit_limit_minor"):
        found.append(_("Prepaid without money and without credit: its customers are not served before a recharge."))
    return found


def _said(form: forms.Form) -> list[tuple[Any, Any]]:
    shown = []
    without_vat = not form.cleaned_data.get("vat_registered")
    for name, field in form.fields.items():
        value = form.cleaned_data.get(name)
        if name in NOT_SAID or (without_vat and name.startswith("vat_")):
            continue
        if value not in (None, "", False):
            shown.append((field.label, _in_words(field, value)))
    if "zones" in form.fields:
        n = len(form.cleaned_data["zones"])
        shown.append((_("Zones"), ngettext("%(n)s zone", "%(n)s zones", n) % {"n": count(n)} if n else _("none")))
    if "permissions" in form.fields:
        n = len(form.cleaned_data["permissions"])
        said = ngettext("%(n)s action", "%(n)s actions", n) % {"n": count(n)}
        shown.append((_("May do"), said if n else _("nothing")))
    if isinstance(form, TariffForm) and not form.prices():
        return [(_("Prices"), _("none"))]
    if "amount" in form.fields and form.cleaned_data["amount"] is None:
        return [(_("Recharge"), _("none"))]
    return shown


def _in_words(field: forms.Field, value: Any) -> Any:
    if isinstance(field, MoneyField):
        return money(value)
    if isinstance(field, forms.BooleanField):
        return _("yes")
    if isinstance(field, forms.DateField):
        return day(value)
    if isinstance(field, forms.ChoiceField):
        return dict(field.choices).get(value, value)  # type: ignore[arg-type]
    return value
