"""The forms of what people record in their own books: one per kind, asking for what that kind needs and no more."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.catalog.queries import get_vat
from backhaul.ledger.events import OPENING, OWN_KINDS, get_vat_owed, list_cost_accounts, list_opening_accounts
from backhaul.web.console.customer_forms import offer
from backhaul.web.forms import DayField, KeyedForm, MoneyField
from backhaul.web.words import choices


class Kind(NamedTuple):
    """How a kind is put to a shopkeeper: the choice, what it is for, and what its money field is called."""

    key: str
    name: Any
    about: Any
    icon: str
    amount: Any = gettext_lazy("Amount")
    paid: Any = gettext_lazy("Paid out of")


KINDS = (
    Kind(
        "expense", gettext_lazy("Something I paid for"),
        gettext_lazy("Rent, electricity, repairs, fuel, tea: paid at once"), icon="shopping-cart",
    ),
    Kind(
        "owner_puts_in", gettext_lazy("Money I put in"),
        gettext_lazy("Your own money into the business; you are not paid for it, you own it"), icon="transfer-in",
        paid=gettext_lazy("Put into"),
    ),
    Kind(
        "owner_draws", gettext_lazy("Money I took out"),
        gettext_lazy("For yourself and your family; it is no cost of the business"), icon="transfer-out",
    ),
    Kind(
        "provider_paid", gettext_lazy("Money I paid my provider"),
        gettext_lazy("For recharges that your fund has had already: says where that money came from"),
        icon="building-store",
    ),
    Kind(
        "provider_paid_by_owner", gettext_lazy("I paid my provider out of my own pocket"),
        gettext_lazy("For recharges paid with private money; it counts as money you put in"), icon="user-dollar",
    ),
    Kind(
        "supplier_bill", gettext_lazy("A supplier’s bill to pay later"),
        gettext_lazy("Cable, bandwidth, goods that you owe for"), icon="truck-delivery",
    ),
    Kind(
        "supplier_paid", gettext_lazy("A supplier’s bill I paid"),
        gettext_lazy("Money for bills that you recorded before"), icon="receipt-2",
    ),
    Kind(
        "asset_bought", gettext_lazy("Equipment I bought"),
        gettext_lazy("Routers, switches, a motorbike: things you keep for years"), icon="device-desktop",
    ),
    Kind(
        "payroll", gettext_lazy("Salaries of the month"),
        gettext_lazy("What you owe your staff for a month of work"), icon="users-group",
    ),
    Kind(
        "salaries_paid", gettext_lazy("Salaries I paid out"),
        gettext_lazy("Money to your staff for months that you recorded before"), icon="cash-banknote",
    ),
    Kind(
        "money_moved", gettext_lazy("Money I moved"),
        gettext_lazy("Cash taken to the bank, money drawn from the wallet"), icon="arrows-exchange",
        paid=gettext_lazy("From"),
    ),
    Kind(
        "vat_return", gettext_lazy("A VAT return"),
        gettext_lazy("VAT of your customers, less the VAT that you paid yourself"), icon="receipt-tax",
        amount=gettext_lazy("VAT of your customers"),
    ),
    Kind(
        OPENING, gettext_lazy("What I had when I began here"),
        gettext_lazy("Cash, bank, equipment and debts on the day before the first entry; once"), icon="flag",
    ),
)  # fmt: skip
OF_A_CHILD = ("provider_paid", "provider_paid_by_owner")  # the top of a tree has no provider
VAT_LABELS = {
    "vat_return": gettext_lazy("VAT that you paid yourself and set against it"),
    "": gettext_lazy("VAT in it that you reclaim"),
}


class RecordForm(KeyedForm):
    """An amount and what its kind needs beside it."""

    on = DayField(label=gettext_lazy("Day"))
    total_minor = MoneyField(label=gettext_lazy("Amount"))
    vat_minor = MoneyField(label=gettext_lazy("VAT"), required=False, may_be_zero=True)
    chosen = forms.ChoiceField(label=gettext_lazy("What it was for"))
    paid = forms.ChoiceField(
        choices=lambda: choices("method"),
        initial="cash",
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    reason = forms.CharField(
        label=gettext_lazy("In your own words"),
        max_length=200,
        help_text=gettext_lazy("It stays in the books, with your name."),
    )

    def __init__(self, *args: Any, of: Kind, today: date, **options: Any) -> None:
        self.of = of
        asks = OWN_KINDS[of.key]
        initial: dict[str, Any] = {"on": today}
        if of.key == "vat_return":
            owed = get_vat_owed(today)
            initial |= {"total_minor": max(0, owed.charged_minor) or None, "vat_minor": owed.usable_minor}
        super().__init__(*args, **{**options, "initial": initial})
        self.fields["total_minor"].label = of.amount
        self.fields["vat_minor"].label = VAT_LABELS.get(of.key, VAT_LABELS[""])
        self.fields["paid"].label = of.paid
        for name, wanted in {
            "vat_minor": (asks.has_vat and _reclaims(today)) or of.key == "vat_return",
            "chosen": bool(asks.chosen),
            "paid": asks.moves_money,
        }.items():
            if not wanted:
                del self.fields[name]
        if asks.chosen == "method":
            self.fields["chosen"].label = _("Into")
            offer(self, "chosen", choices("method"))
        elif asks.chosen:
            offer(self, "chosen", [("", _("Choose an account")), *map(account_choice, list_cost_accounts(today))])

    def clean_vat_minor(self) -> int:
        """VAT in a price is an asset only where it is reclaimed; elsewhere it is part of the cost."""
        vat = self.cleaned_data["vat_minor"] or 0
        if vat and self.of.key != "vat_return" and not _reclaims(self.cleaned_data.get("on")):
            raise forms.ValidationError(
                _("You did not reclaim VAT on that day: leave this empty, it is part of the cost.")
            )
        return vat

    def terms(self) -> dict[str, Any]:
        """What an OwnEvent takes beside its kind."""
        given = {name: value for name, value in self.cleaned_data.items() if name != "request_key"}
        return given | {"vat_minor": given.get("vat_minor") or 0}


class OpeningForm(KeyedForm):
    """An amount for each account that can be taken over, all on one day."""

    on = DayField(label=gettext_lazy("Day"))
    reason = forms.CharField(label=gettext_lazy("In your own words"), max_length=200)

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **{**options, "initial": {"on": today, "reason": _("Opening balances")}})
        self.accounts = {f"account_{account['code']}": account for account in list_opening_accounts(today)}
        for name, account in self.accounts.items():
            hint = _("What is there") if account["kind"] == "asset" else _("What is owed, or belongs to the owner")
            self.fields[name] = MoneyField(
                label=account_choice(account)[1], required=False, may_be_zero=True, help_text=hint
            )
        self.order_fields(["on", *self.accounts, "reason"])

    def balances(self) -> dict[str, int]:
        """Account → debits less credits, of those that were filled in."""
        return {
            account["code"]: self.cleaned_data[name] * (1 if account["kind"] == "asset" else -1)
            for name, account in self.accounts.items()
            if self.cleaned_data.get(name)
        }


class TakeBackForm(forms.Form):
    """When and why something recorded is taken back."""

    on = DayField(label=gettext_lazy("Day"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("It stays in the books, with your name.")
    )


def _reclaims(on: date | None) -> bool:
    vat = get_vat(on) if on else {"registered": False}
    return bool(vat["registered"] and vat["reclaims_input"])


def account_choice(account: dict[str, Any]) -> tuple[str, str]:
    """An account as a select offers it, its name in the reader's language."""
    return account["code"], f"{account['number']} {_(account['name'])}"
