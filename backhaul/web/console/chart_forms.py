"""Forms of the chart of accounts and of entries by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django import forms
from django.forms import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.ledger.queries import list_accounts, sort_by_kind
from backhaul.ledger.rules import ManualLine, pair_lines
from backhaul.web.forms import DayField, KeyedForm, MoneyField, MoneyInput
from backhaul.web.templatetags.console import count
from backhaul.web.words import choices, named

LINES, MORE_LINES, MOST_LINES = 4, 4, 60


class AccountForm(forms.Form):
    number = forms.CharField(label=gettext_lazy("Number"), max_length=12)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)


class OwnAccountForm(AccountForm):
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), choices=lambda: choices("account"))
    is_money = forms.BooleanField(
        label=gettext_lazy("Money lies in it"),
        help_text=gettext_lazy("A second bank account, a safe: the cash flow counts it."),
        required=False,
    )


class CloseAccountForm(forms.Form):
    on = DayField(label=gettext_lazy("No entries from"))


class TakeBackForm(forms.Form):
    on = DayField(label=gettext_lazy("On"))
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


class HandEntryForm(KeyedForm):
    """An entry by hand: a day, what it is for, and lines of an account and a debit or a credit."""

    effective_on = DayField(label=gettext_lazy("On"))
    reason = forms.CharField(label=gettext_lazy("What it is for"), max_length=500)

    def __init__(self, *args: Any, lines: int = LINES, **options: Any) -> None:
        super().__init__(*args, **options)
        self.line_numbers = range(lines)
        offered = [("", _("Choose an account")), *_open_accounts()]
        for n in self.line_numbers:
            label = _("Line %(n)s") % {"n": count(n + 1)}
            self.fields[f"account_{n}"] = forms.ChoiceField(
                choices=offered, required=False, widget=forms.Select(attrs={"aria-label": f"{label}: {_('Account')}"})
            )
            for side, words in (("debit", _("Debit")), ("credit", _("Credit"))):
                widget = MoneyInput(attrs={"data-side": side, "aria-label": f"{label}: {words}"})
                self.fields[f"{side}_{n}"] = MoneyField(required=False, widget=widget)

    def lines_shown(self) -> Iterator[tuple[BoundField, BoundField, BoundField]]:
        for n in self.line_numbers:
            yield self[f"account_{n}"], self[f"debit_{n}"], self[f"credit_{n}"]

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        lines = list(self._typed(values))
        debits, credits = sum(line[1] for line in lines), sum(line[2] for line in lines)
        if self.errors:
            return values
        if not lines:
            raise forms.ValidationError(_("Give at least one debit and one credit."))
        if debits != credits:
            raise forms.ValidationError(_("Debits and credits differ: they must come to the same."))
        values["sides"] = lines
        return values

    def _typed(self, values: dict[str, Any]) -> Iterator[tuple[str, int, int]]:
        """The lines that say something: account, debit, credit; what is half a line is told beside it."""
        for n in self.line_numbers:
            code, debit, credit = (values.get(f"{part}_{n}") for part in ("account", "debit", "credit"))
            if not code and not debit and not credit:
                continue
            if not code:
                self.add_error(f"account_{n}", _("Choose an account."))
            elif bool(debit) == bool(credit):
                self.add_error(f"debit_{n}", _("Give a debit or a credit, one of them."))
            else:
                yield code, debit or 0, credit or 0

    def pairs(self) -> list[ManualLine]:
        """What is to be posted, once the form is valid."""
        return pair_lines(self.cleaned_data["sides"])

    @property
    def day(self) -> date:
        on: date = self.cleaned_data["effective_on"]
        return on


def _open_accounts() -> list[tuple[str, list[tuple[str, str]]]]:
    """Accounts that take entries by hand, by kind."""
    usable = [account for account in list_accounts() if account["party_kind"] is None and account["closed_on"] is None]
    return [
        (str(named(kind, "account")), [(row["code"], f"{row['number']} {_(row['name'])}") for row in members])
        for kind, members in sort_by_kind(usable)
    ]
