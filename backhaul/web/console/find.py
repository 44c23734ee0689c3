"""What the palette (Ctrl+K) finds while one types: customers, bills and receipts by their number, resellers.

Everything is looked for at the operator for which the person works, and only where the pages that it leads to are the
person's; those ask for their permission again.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.explain import find_bill_id
from backhaul.billing.queries import find_bills
from backhaul.common.errors import NotFound
from backhaul.operators.queries import search_children
from backhaul.payments.queries import find_receipt
from backhaul.subscribers.queries import search_customers
from backhaul.web.console import given
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.templatetags.console import day, money

MOST = 8
FEWEST = 2  # letters: a single one says nothing of a name
LEADS = (("customers.view", "customer"), ("payments.collect", "collect-from"))


@dataclass(frozen=True)
class Hit:
    """One line. `words`: what of it was searched in, where it stays a hit while more letters are typed."""

    href: str
    icon: str
    title: str
    sub: str
    state: str = ""
    words: str = ""


@page("dashboard.view")
def find(request: PageRequest) -> HttpResponse:
    """GET find/?q=: the lines of the palette below its pages, nothing around them."""
    words, may = given.text(request, "q"), request.scope.permissions
    number = given.as_id(words.removeprefix("#"))
    found = [
        ("customers", _("Customers"), _customers(words, may)),
        ("bills", _("Bills"), _bills(request, number) if "bills.view" in may else []),
        ("receipts", _("Receipts"), _receipts(number) if "payments.view" in may else []),
        ("resellers", _("Resellers"), _resellers(words) if "resellers.view" in may else []),
    ]
    groups = [{"key": key, "label": label, "hits": hits} for key, label, hits in found if hits]
    return show(request, "find", {"groups": groups, "n": sum(len(group["hits"]) for group in groups), "words": words})


def _customers(words: str, may: frozenset[str]) -> list[Hit]:
    """Who only takes money is led to where it is taken."""
    leads_to = next((name for permission, name in LEADS if permission in may), None)
    if leads_to is None or len(words) < FEWEST:
        return []
    return [
        Hit(
            reverse(leads_to, args=[row["customer_id"]]),
            icon="user",
            title=row["name"],
            sub=(sub := _joined(row["code"], row["mobile"], row["username"])),
            state=row["status"],
            words=f"{row['name']} {sub}",
        )
        for row in search_customers(words, limit=MOST)
    ]


def _bills(request: PageRequest, number: int | None) -> list[Hit]:
    bills: list[dict[str, Any]] = []
    if number is not None:
        with suppress(NotFound):
            bills = find_bills([find_bill_id(number)], today=request.today)
    return [
        Hit(
            reverse("bill", args=[row["id"]]),
            icon="file-invoice",
            title=_("Bill %(number)s") % {"number": str(row["number"])},
            sub=_joined(row["customer_name"], money(row["total_minor"]), day(row["issued_on"])),
            state=row["state"],
        )
        for row in bills
    ]


def _receipts(number: int | None) -> list[Hit]:
    row = find_receipt(number) if number is not None else None
    if row is None:
        return []
    title = _("Receipt %(number)s") % {"number": str(row["number"])}
    sub = _joined(row["customer_name"], money(row["amount_minor"]), day(row["received_on"]))
    return [Hit(reverse("payment", args=[row["id"]]), icon="receipt", title=title, sub=sub)]


def _resellers(words: str) -> list[Hit]:
    if len(words) < FEWEST:
        return []
    return [
        Hit(reverse("reseller", args=[row["id"]]), icon="building-store", title=row["name"], sub=row["slug"])
        for row in search_children(words, limit=MOST)
    ]


def _joined(*parts: str | None) -> str:
    return " · ".join(filter(None, parts))
