"""The permission tree (SPEC A36): modules as people think of them, and in each the actions, with what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

# What an operator must be to get a permission when it is taken on, unless its parent says otherwise (SPEC B1, B2):
# the ISP itself, one that may have children, one that makes its own catalogue, or no sub-operator.
Kept = Literal["", "isp", "children", "catalog", "people"]


@dataclass(frozen=True)
class Permission:
    """One action, "context.verb"; `meaning` is a sentence for whoever ticks it."""

    name: str
    label: Any
    meaning: Any
    kept: Kept = ""


@dataclass(frozen=True)
class Module:
    key: str
    label: Any
    permissions: tuple[Permission, ...]


MODULES = (
    Module(
        "start",
        _("Dashboard"),
        (Permission("dashboard.view", _("See the dashboard"), _("The page with today's figures.")),),
    ),
    Module(
        "customers",
        _("Customers"),
        (
            Permission("customers.view", _("See customers"), _("The list, each customer's page, and the search.")),
            Permission(
                "customers.edit",
                _("Add and change customers"),
                _("New customers, their data, package, price and passwords."),
            ),
            Permission("customers.suspend", _("Suspend"), _("Block a customer for a while, and lift the block.")),
            Permission("customers.disable", _("Disable and let leave"), _("Stop a service, mark a customer as left.")),
            Permission("customers.bulk", _("Act on many at once"), _("One action on all customers that a list shows.")),
            Permission("customers.import", _("Import customers"), _("Take customers over from a file.")),
            Permission("customers.export", _("Export customers"), _("Download the list of customers as a file.")),
            Permission("zones.edit", _("Arrange zones"), _("The areas and boxes that customers live at.")),
        ),
    ),
    Module(
        "bills",
        _("Bills"),
        (
            Permission("bills.view", _("See bills"), _("Bills, statements, outages, and how each amount came about.")),
            Permission("billing.make", _("Make bills by hand"), _("A bill before its night, or for something once.")),
            Permission("billing.discount", _("Give discounts"), _("Take something off a bill or off bills to come.")),
            Permission("billing.promise", _("Accept promises to pay"), _("Leave a service on until a promised day.")),
            Permission("billing.write_off", _("Write off"), _("Give up what a customer will not pay any more.")),
            Permission("documents.print", _("Print many"), _("Bills and receipts of many customers as one file.")),
            Permission(
                "bills.run", _("Run the billing"), _("Start the run over the whole tree, or try it dry."), kept="isp"
            ),
        ),
    ),
    Module(
        "payments",
        _("Payments and cash"),
        (
            Permission("payments.view", _("See payments"), _("Who paid when, how and how much.")),
            Permission("payments.collect", _("Collect cash"), _("Take payments, and keep a drawer of one's own.")),
            Permission("payments.reverse", _("Take payments back"), _("Undo a payment, pay back, keep deposits.")),
            Permission("drawers.receive", _("Receive cash"), _("See what collectors hold, and take it over.")),
            Permission("drawers.edit", _("Set rules for drawers"), _("Limits, late receipts, and closed days.")),
        ),
    ),
    Module(
        "catalog",
        _("Packages"),
        (
            Permission("catalog.view", _("See packages"), _("Packages, plans, billing profiles, and what they cost.")),
            Permission(
                "catalog.edit",
                _("Change packages"),
                _("Make and price packages, plans, billing profiles and VAT."),
                kept="catalog",
            ),
        ),
    ),
    Module(
        "funds",
        _("Money with the provider"),
        (
            Permission("funds.view", _("See the fund"), _("Its balance, every movement, and how long it lasts.")),
            Permission("funds.ask", _("Ask for a recharge"), _("Ask the provider, or take an emergency loan.")),
            Permission("funds.confirm", _("Confirm statements"), _("Agree to a month's statement, or dispute a line.")),
        ),
    ),
    Module(
        "resellers",
        _("Resellers"),
        (
            Permission(
                "resellers.view", _("See resellers"), _("Who sells below, and what each holds."), kept="children"
            ),
            Permission(
                "resellers.edit",
                _("Take on and change resellers"),
                _("New resellers, their prices, limits and modules."),
                kept="children",
            ),
            Permission(
                "resellers.enter",
                _("Log in as a reseller"),
                _("Look inside a reseller, with a reason, for a limited time."),
                kept="children",
            ),
            Permission("funds.recharge", _("Recharge funds"), _("Put money into a reseller's fund."), kept="children"),
            Permission(
                "funds.reverse",
                _("Take from funds"),
                _("Take a recharge back, deduct, and pay a fund out."),
                kept="children",
            ),
        ),
    ),
    Module(
        "network",
        _("Network"),
        (
            Permission("network.view", _("See the network"), _("Routers, sessions and disconnects."), kept="catalog"),
            Permission("network.edit", _("Change the network"), _("Add and change routers."), kept="catalog"),
        ),
    ),
    Module(
        "books",
        _("Books"),
        (
            Permission("books.view", _("See the books"), _("Accounts, statements, journal and their verification.")),
            Permission("books.post", _("Record in the books"), _("Expenses and other entries, and own accounts.")),
            Permission("books.close", _("Close months"), _("Lock months that are done, and the year.")),
            Permission("books.reopen", _("Open months again"), _("Unlock a month that was closed.")),
        ),
    ),
    Module(
        "settings",
        pgettext_lazy("module", "People and settings"),
        (
            Permission(
                "staff.edit",
                _("Manage staff"),
                _("Who may sign in, with which role and single permissions."),
                kept="people",
            ),
            Permission("roles.edit", _("Change roles"), _("What each role may do, and new roles."), kept="people"),
            Permission("brand.edit", _("Change the brand"), _("Name, logo, colours and the footer of documents.")),
            Permission("settings.edit", _("Change settings"), _("How this console counts and works.")),
            Permission("audit.view", _("See who did what"), _("The list of everything done here, and by whom.")),
        ),
    ),
)
