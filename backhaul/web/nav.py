"""The menu: every page that has a place in it, with the permission that shows it and the icon that marks it."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from backhaul.web.shell import NavGroup, NavItem


@dataclass(frozen=True)
class Entry:
    url_name: str
    label: Any
    icon: str
    permission: str
    beneath: tuple[str, ...] = ()  # where more of its pages stand than below its own address
    key: str = ""  # after g it opens the page


MENU: tuple[tuple[Any, tuple[Entry, ...]], ...] = (
    ("", (Entry("dashboard", _("Dashboard"), icon="layout-dashboard", permission="dashboard.view", key="d"),)),
    (
        _("Customers"),
        (
            Entry(
                "customers", _("Customers"), icon="users", permission="customers.view", key="c", beneath=("/deposits/",)
            ),
            Entry(
                "bills", _("Bills"), icon="file-invoice", permission="bills.view", key="b", beneath=("/credit-notes/",)
            ),
            Entry("payments", _("Payments"), icon="receipt", permission="payments.view", key="p"),
            Entry("collect", _("Collect cash"), icon="cash", permission="payments.collect", key="o"),
            Entry("my-drawer", _("My drawer"), icon="cash-banknote", permission="payments.collect"),
            Entry("drawers", _("Drawers"), icon="coins", permission="drawers.receive"),
            Entry(
                "packages",
                _("Packages"),
                icon="package",
                permission="catalog.view",
                beneath=("/plans/", "/profiles/", "/margins/", "/bands/", "/vat/", "/cuts/"),
            ),
            Entry("zones", _("Zones"), icon="map-pin", permission="customers.view", key="z"),
            Entry("promises", _("Promises to pay"), icon="calendar-check", permission="billing.promise"),
            Entry("discounts", _("Discounts"), icon="rosette-discount", permission="billing.discount"),
            Entry("billing-run", _("Billing run"), icon="player-play", permission="bills.run"),
            Entry("outages", _("Outages"), icon="bolt-off", permission="bills.view"),
            Entry("proof", _("Nothing forgotten"), icon="checks", permission="bills.view"),
        ),
    ),
    (
        _("Reselling"),
        (
            Entry("funds", _("Funds"), icon="wallet", permission="funds.view", key="f"),
            Entry(
                "resellers",
                _("Resellers"),
                icon="building-store",
                permission="resellers.view",
                key="r",
                beneath=("/tariffs/",),
            ),
            Entry("below", _("Log in as a reseller"), icon="login-2", permission="resellers.enter"),
        ),
    ),
    (
        _("Network"),
        (
            Entry("routers", _("Routers"), icon="router", permission="network.view"),
            Entry("sessions", _("Sessions"), icon="activity", permission="network.view", key="n"),
            Entry("disconnects", _("Disconnects"), icon="plug-connected-x", permission="network.view"),
        ),
    ),
    (
        _("Books"),
        (
            Entry("record", _("Record something"), icon="pencil-plus", permission="books.post"),
            Entry("books", _("How it stands"), icon="report-money", permission="books.view"),
            Entry("income-statement", _("Income statement"), icon="coins", permission="books.view"),
            Entry("balance-sheet", _("Balance sheet"), icon="scale", permission="books.view"),
            Entry("cash-flow", _("Cash flow"), icon="cash", permission="books.view"),
            Entry("receivables", _("Receivables"), icon="users", permission="books.view"),
            Entry("trial-balance", _("Trial balance"), icon="list-numbers", permission="books.view"),
            Entry("day-book", _("Day book"), icon="calendar", permission="books.view"),
            Entry(
                "journal", _("Journal"), icon="book-2", permission="books.view", key="j", beneath=("/books/entries/",)
            ),
            Entry("accounts", _("Accounts"), icon="list-details", permission="books.view"),
            Entry("periods", pgettext_lazy("books", "Periods"), icon="lock", permission="books.view"),
            Entry("heads", _("Seals"), icon="shield-lock", permission="books.view"),
            Entry("verify", _("Verification"), icon="checks", permission="books.view"),
        ),
    ),
    (
        _("Settings"),
        (
            Entry("staff", _("Staff"), icon="users", permission="staff.edit", key="s"),
            Entry("roles", _("Roles"), icon="adjustments", permission="roles.edit"),
            Entry("brand", _("Brand"), icon="palette", permission="brand.edit"),
            Entry("custom-fields", _("Own fields"), icon="forms", permission="settings.edit"),
            Entry("customer-ids", _("Customer ids"), icon="id", permission="settings.edit"),
            Entry("sign-in-rules", _("How people sign in"), icon="shield-lock", permission="staff.edit"),
            Entry("audit", _("Audit log"), icon="list-search", permission="audit.view", key="a"),
            Entry("came-in", _("Who came in"), icon="user-shield", permission="audit.view"),
        ),
    ),
)
QUICK = (
    Entry("dashboard", pgettext_lazy("shortcut", "Home"), icon="layout-dashboard", permission="dashboard.view"),
    Entry("customers", _("Customers"), icon="users", permission="customers.view"),
    Entry("collect", pgettext_lazy("shortcut", "Collect"), icon="cash", permission="payments.collect"),
    Entry("funds", _("Funds"), icon="wallet", permission="funds.view"),
)
# What the palette offers beside the pages of the menu.
ACTIONS = (
    Entry("add-customer", _("Add customer"), icon="user-plus", permission="customers.edit"),
    Entry("add-zone", _("Add a zone"), icon="map-pin-plus", permission="zones.edit"),
    Entry("onboard", _("Add reseller"), icon="building-store", permission="resellers.edit"),
    Entry("post-entry", _("Entry by hand"), icon="pencil-plus", permission="books.post"),
    Entry("add-staff", _("Add person"), icon="user-plus", permission="staff.edit"),
)


def menu_for(permissions: Collection[str], path: str, counts: dict[str, int]) -> tuple[NavGroup, ...]:
    """The groups of the menu that a role sees; `counts` puts a number beside an entry, by url name."""
    groups = (NavGroup(str(label), shown(entries, permissions, path, counts)) for label, entries in MENU)
    return tuple(group for group in groups if group.items)


def first_page_of(permissions: Collection[str]) -> str:
    """Where somebody begins to whom the dashboard is closed: the first page of the menu."""
    groups = menu_for(permissions, "", {})
    return groups[0].items[0].href if groups else reverse("my-access")


def quick_for(permissions: Collection[str], path: str) -> tuple[NavItem, ...]:
    """The bottom bar of a phone."""
    return shown(QUICK, permissions, path, {})


def actions_for(permissions: Collection[str]) -> tuple[NavItem, ...]:
    """What the palette can begin at once."""
    return shown(ACTIONS, permissions, "", {})


def shown(
    entries: tuple[Entry, ...], permissions: Collection[str], path: str, counts: dict[str, int]
) -> tuple[NavItem, ...]:
    items = []
    here = _place_of(path)
    for entry in entries:
        if entry.permission in permissions:
            href = _address_of(entry.url_name)
            n = counts.get(entry.url_name, 0)
            items.append(NavItem(str(entry.label), href, entry.icon, href == here, n, entry.key))
    return tuple(items)


@cache
def _address_of(url_name: str) -> str:
    return reverse(url_name)


def _place_of(path: str) -> str:
    """The address in the menu that a page stands under: that of the longest beginning of its own."""
    addresses = [
        (begins, _address_of(entry.url_name))
        for _label, entries in MENU
        for entry in entries
        for begins in (_address_of(entry.url_name), *entry.beneath)
    ]
    above = (place for place in addresses if path == place[0] or (place[0] != "/" and path.startswith(place[0])))
    return max(above, key=lambda place: len(place[0]), default=("", ""))[1]
