"""The form of the billing run."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.web.forms import DayField

AHEAD_DAYS = 31


class RunForm(forms.Form):
    on = DayField(
        label=gettext_lazy("Bill everything that starts on or before"),
        help_text=gettext_lazy("Usually today, or the next night. What was billed already is left alone."),
    )

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        self.latest = today + timedelta(days=AHEAD_DAYS)

    def clean_on(self) -> date:
        on: date = self.cleaned_data["on"]
        if on > self.latest:
            raise ValidationError(_("This day lies too far ahead; choose one within a month."))
        return on


class DecisionForm(forms.Form):
    """What is to become of a plan: confirm it for its night, withdraw that, or run it now. Carries refusals."""

    decision = forms.ChoiceField(choices=[(word, word) for word in ("confirm", "withdraw", "run")])
