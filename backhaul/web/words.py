"""What the domain's own words are called on screens, in the reader's language."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop, pgettext_lazy

WORDS: dict[str, dict[str, Any]] = {
    "operator": {"isp": _("Internet provider"), "reseller": _("Reseller"), "sub_operator": _("Sub-operator")},
    "role": {
        "owner": _("Owner"),
        "accountant": _("Accountant"),
        "collector": _("Collector"),
        "noc": _("Network operations"),
        "manager": _("Manager"),
    },
    "method": {"cash": _("Cash"), "bank": _("Bank"), "mobile_wallet": _("Mobile wallet")},
    "connection": {"pppoe": "PPPoE", "hotspot": _("Hotspot"), "static": _("Static address"), "other": _("Other")},
    "movement": {
        "recharge": _("Recharge"),
        "recharge_credit": _("Recharge on credit"),
        "recharge_repaid": _("Debt repaid"),
        "bonus": _("Bonus"),
        "wholesale_charge": _("Charge for customers' periods"),
        "wholesale_charge_postpaid": _("Charge, to be paid later"),
        "wholesale_refund": _("Unused days given back"),
        "wholesale_refund_postpaid": _("Unused days given back"),
        "recharge_reversed": _("Recharge taken back"),
        "emergency_loan": _("Emergency loan"),
        "emergency_fee": _("Fee of an emergency loan"),
    },
    "block": {
        "not_activated": _("Not activated yet"),
        "unpaid": _("Suspended: bill unpaid"),
        "by_hand": _("Suspended by a person"),
        "disabled": _("Disabled by a person"),
        "left": _("Customer left"),
        "expired": _("Expired"),
        "fund_short": _("Your fund does not cover the renewal"),
        "upstream_short": _("Your provider cannot serve this"),
    },
    "lift": {
        "by_hand": _("Lift suspension"),
        "disabled": _("Enable again"),
        "left": _("Take back as customer"),
        "not_activated": _("Activate"),
    },
    "bill": {"period": _("Service period"), "opening": _("Opening due")},
    "mode": {"prepaid": _("Prepaid"), "postpaid": _("Postpaid")},
    "run": {"night": _("Run"), "retry": _("Retry of held bills"), "cut": _("Cutting off")},
    "exception": {
        "no_tariff": _("Some level of the chain has no price for the plan"),
        "period_closed": _("Books that the bill is posted in are closed on that date"),
    },
    "exception_help": {
        "no_tariff": _("Set a price for the plan on each level; the next run bills it."),
        "period_closed": _("Open the period again, or let a run of a later date bill it."),
    },
    "cycle": {
        "calendar": _("Calendar month"),
        "anniversary": _("Month from the joining day"),
        "custom_day": _("Month from a chosen day"),
        "validity": _("Fixed number of days"),
    },
    "account": {
        "asset": _("Assets"),
        "liability": _("Liabilities"),
        "equity": _("Equity"),
        "income": _("Income"),
        "expense": _("Expenses"),
    },
    "disconnect": {
        "suspended": _("Suspended"),
        "disabled": _("Disabled"),
        "left": _("Customer left"),
        "activated": _("Activated"),
        "restored": _("Service is back"),
        "funds are back": _("Service is back"),
        "no funds for the renewal": _("No funds for the renewal"),
        "bill past due": _("Bill past due"),
        "password changed": _("Password changed"),
        "rate changed": _("Speed changed"),
        "changed: mac": _("MAC address changed"),
        "changed: static_address": _("Static address changed"),
        "changed: mac, static_address": _("MAC and static address changed"),
        "began under older settings": _("Began under older settings"),
        "the router refused the new rate": _("The router refused the new speed"),
    },
    "session": {"online": _("Online"), "offline": pgettext_lazy("connection", "Offline")},
}

# Accounts and entries of the books as they come from the chart template: translated where they are shown.
BOOKS = (
    gettext_noop("Receivable from customers"),
    gettext_noop("Receivable from operators"),
    gettext_noop("Takings receivable"),
    gettext_noop("Fund with provider"),
    gettext_noop("Input VAT"),
    gettext_noop("Operator funds"),
    gettext_noop("Takings owed"),
    gettext_noop("Payable to provider"),
    gettext_noop("Paid to provider"),
    gettext_noop("Customer advances"),
    gettext_noop("VAT payable"),
    gettext_noop("Owner's capital"),
    gettext_noop("Drawings"),
    gettext_noop("Retained earnings"),
    gettext_noop("Opening balances"),
    gettext_noop("Internet revenue"),
    gettext_noop("Wholesale revenue"),
    gettext_noop("Other income"),
    gettext_noop("Wholesale cost"),
    gettext_noop("Discounts given"),
    gettext_noop("Office expense"),
    gettext_noop("Finance cost"),
    gettext_noop("Wholesale charge"),
    gettext_noop("Wholesale charge, postpaid"),
    gettext_noop("Wholesale refund"),
    gettext_noop("Wholesale refund, postpaid"),
    gettext_noop("Bill"),
    gettext_noop("Advance applied to a bill"),
    gettext_noop("Advance taken back from a bill"),
    gettext_noop("Payment"),
    gettext_noop("Payment reversed"),
    gettext_noop("Credit note"),
    gettext_noop("Entry by hand"),
    gettext_noop("Entry by hand taken back"),
)


def named(word: str, of: str) -> Any:
    """The name of a word of the domain: {{ payment.method|named:"method" }}."""
    return WORDS[of].get(word) or str(word).replace("_", " ").capitalize()


def choices(of: str) -> list[tuple[str, Any]]:
    """The words of one kind with their names, for selects."""
    return list(WORDS[of].items())
