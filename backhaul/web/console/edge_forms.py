"""Forms of edges: a request for money, an emergency loan, slabs, words of a dispute."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backhaul.resellers.slabs import Slab
from backhaul.web.forms import KeyedForm, MoneyField
from backhaul.web.templatetags.console import count, dated

SLABS = 5


class AskForm(KeyedForm):
    amount = MoneyField(label=gettext_lazy("Amount"))
    note = forms.CharField(
        label=gettext_lazy("Note"),
        max_length=200,
        required=False,
        help_text=gettext_lazy("Your provider reads it beside the amount."),
    )


class LoanForm(KeyedForm):
    """`days`: how many the provider lends at most."""

    days = forms.TypedChoiceField(label=gettext_lazy("Charges of the next"), coerce=int)
    amount_minor = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, days: int, **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(n, ngettext("%(n)s day", "%(n)s days", n) % {"n": count(n)}) for n in range(1, days + 1)]
        self.fields["days"].choices = choices  # type: ignore[attr-defined]
        self.fields["days"].initial = days


class SlabsForm(forms.Form):
    """Slabs from a month on: up to SLABS pairs of services and percent; empty pairs are left out."""

    starts_on = forms.TypedChoiceField(label=gettext_lazy("From"), coerce=date.fromisoformat)

    def __init__(self, *args: Any, months: list[date], slabs: list[Slab], **options: Any) -> None:
        super().__init__(*args, **options)
        choices = [(month.isoformat(), dated(month, "F Y")) for month in months]
        self.fields["starts_on"].choices = choices  # type: ignore[attr-defined]
        for n in range(SLABS):
            known = slabs[n] if n < len(slabs) and slabs[n].bonus_bp else None
            self.fields[f"services_{n}"] = forms.IntegerField(
                label=_("Slab %(n)s: services from") % {"n": count(n + 1)},
                required=False,
                min_value=1,
                max_value=10_000_000,
                initial=known.from_services if known else None,
            )
            self.fields[f"percent_{n}"] = forms.DecimalField(
                label=_("Slab %(n)s: bonus in percent") % {"n": count(n + 1)},
                required=False,
                min_value=Decimal("0.01"),
                max_value=Decimal(100),
                decimal_places=2,
                initial=Decimal(known.bonus_bp) / 100 if known else None,
            )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        for n in range(SLABS):
            services, percent = given.get(f"services_{n}"), given.get(f"percent_{n}")
            if not self.errors and (services is None) != (percent is None):
                self.add_error(
                    f"percent_{n}", ValidationError(_("Give both the services and the percent, or neither."))
                )
        return given

    def slabs(self) -> list[Slab]:
        pairs = ((self.cleaned_data[f"services_{n}"], self.cleaned_data[f"percent_{n}"]) for n in range(SLABS))
        return [Slab(services, int(percent * 100)) for services, percent in pairs if services is not None]


class WordsForm(forms.Form):
    what = forms.CharField(
        label=gettext_lazy("What the other side should read"),
        max_length=500,
        widget=forms.Textarea(attrs={"autofocus": True}),
    )
