"""Which page shows the event that an entry of the books records."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.billing.queries import find_bill_of_event
from backhaul.funds.queries import find_child_of_movement
from backhaul.ledger.events import OWN_KINDS
from backhaul.operators.scope import current_scope
from backhaul.payments.deposits import KINDS as DEPOSITS

PAYMENTS = ("customer_payment", "payment_reversed", "advance_paid_back")
ABOUT_A_BILL = {
    "advance_applied": gettext_lazy("Bill that it paid"),
    "advance_unapplied": gettext_lazy("Bill that it had paid"),
    "credit_note": gettext_lazy("Bill that it credits"),
    "bill_discount": gettext_lazy("Bill that it lowers"),
    "write_off": gettext_lazy("Bill that was written off"),
    "bad_debt_recovered": gettext_lazy("Bill that was written off"),
}
DRAWERS = ("collector_hand_over", "shortage_paid", "shortage_forgiven")


def find_event(entry: dict[str, Any], *, may: Collection[str]) -> dict[str, str] | None:
    """The bill, payment or movement behind an entry: label and href; None where the entry itself is all there is.

    `may`: what the reader may open.
    """
    if entry["kind"] in PAYMENTS:
        return _to(_("Receipt"), "payment", entry["source_id"]) if "payments.view" in may else None
    if entry["kind"] in DRAWERS:
        people = [line["party_id"] for line in entry["lines"] if line["party_kind"] == "user"]
        return _to(_("Drawer"), "drawer", people[0]) if people and "drawers.receive" in may else None
    if entry["transfer_id"] is not None:
        return _movement(entry) if "funds.view" in may else None
    if entry["kind"].removeprefix("reversal:") in OWN_KINDS:
        return _to(_("What was recorded"), "record") if "books.post" in may else None
    if entry["kind"].removeprefix("reversal:") in DEPOSITS:
        customers = [line["party_id"] for line in entry["lines"] if line["party_kind"] == "customer"]
        return _to(_("Deposit"), "deposit", customers[0]) if "payments.view" in may else None
    bill = find_bill_of_event(entry["kind"], entry["source_id"])
    label = str(ABOUT_A_BILL.get(entry["kind"], _("Bill")))
    return _to(label, "bill", bill) if bill is not None and "bills.view" in may else None


def _movement(entry: dict[str, Any]) -> dict[str, str] | None:
    """The fund is the own one, or that of the child that the entry's lines name."""
    among = [current_scope().operator_id]
    among += [line["party_id"] for line in entry["lines"] if line["party_kind"] == "operator"]
    child = find_child_of_movement(entry["transfer_id"], among)
    return None if child is None else _to(_("Movement of a fund"), "movement", child, entry["transfer_id"])


def _to(label: str, name: str, *args: int) -> dict[str, str]:
    return {"label": label, "href": reverse(name, args=args)}
