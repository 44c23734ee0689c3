"""A customer's timeline: everything that happened, with who and why; each line opens to its thing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backhaul.payments.timeline import GROUPS, Place, list_events
from backhaul.subscribers.custom_fields import list_fields
from backhaul.subscribers.queries import get_customer
from backhaul.web.console import given
from backhaul.web.console.customer_page import show_tab
from backhaul.web.console.pages import ROWS, PageRequest, page, paged
from backhaul.web.console.people import by_whom
from backhaul.web.own_fields import own_words
from backhaul.web.words import named

NEEDS = {"bills": "bills.view", "payments": "payments.view", "agreed": "bills.view"}
GROUP_NAMES: dict[str, Any] = {
    "status": gettext_lazy("Status"),
    "bills": gettext_lazy("Bills"),
    "payments": gettext_lazy("Payments"),
    "changes": gettext_lazy("Changes"),
    "agreed": gettext_lazy("Agreements"),
    "documents": gettext_lazy("Documents"),
}


@dataclass(frozen=True)
class Look:
    """How an event looks and what it is called, with %(label)s where its label stands."""

    icon: str
    tone: str
    title: Any


# How each event looks and what it is called; a verb that is not listed is shown by its own word.
LOOKS: dict[str, Look] = {
    "added": Look(icon="user-plus", tone="green", title=gettext_lazy("Customer added")),
    "blocked": Look(icon="player-pause", tone="amber", title="%(label)s"),
    "lifted": Look(icon="player-play", tone="green", title=gettext_lazy("Over: %(label)s")),
    "bill": Look(icon="file-invoice", tone="blue", title=gettext_lazy("Bill %(label)s")),
    "credit_note": Look(icon="file-minus", tone="violet", title=gettext_lazy("Credit note on bill %(label)s")),
    "discount": Look(icon="rosette-discount", tone="violet", title=gettext_lazy("Discount on bill %(label)s")),
    "write_off": Look(icon="eraser", tone="red", title=gettext_lazy("Bill %(label)s written off")),
    "recovered": Look(icon="cash", tone="green", title=gettext_lazy("Recovered of bill %(label)s")),
    "payment": Look(icon="cash", tone="green", title=gettext_lazy("Payment, receipt %(label)s")),
    "reversal": Look(icon="arrow-back-up", tone="red", title=gettext_lazy("Payment reversed, receipt %(label)s")),
    "paid_back": Look(icon="cash-banknote", tone="amber", title=gettext_lazy("Advance paid back, receipt %(label)s")),
    "deposit_in": Look(icon="shield-dollar", tone="teal", title=gettext_lazy("Deposit taken in")),
    "deposit_kept": Look(icon="shield-dollar", tone="amber", title=gettext_lazy("Deposit kept for dues")),
    "deposit_given_back": Look(icon="shield-dollar", tone="teal", title=gettext_lazy("Deposit given back")),
    "deposit_taken_back": Look(icon="arrow-back-up", tone="red", title=gettext_lazy("Act on the deposit taken back")),
    "changed": Look(icon="edit", tone="blue", title=gettext_lazy("Data changed")),
    "password_reset": Look(icon="key", tone="blue", title=gettext_lazy("New password")),
    "package_changed": Look(icon="package", tone="blue", title=gettext_lazy("Package changed")),
    "change_planned": Look(icon="calendar-time", tone="blue", title=gettext_lazy("Package change planned")),
    "change_cancelled": Look(icon="calendar-off", tone="grey", title=gettext_lazy("Planned package change cancelled")),
    "promise_made": Look(icon="calendar-check", tone="amber", title=gettext_lazy("Promise to pay")),
    "promise_withdrawn": Look(icon="calendar-off", tone="grey", title=gettext_lazy("Promise withdrawn")),
    "suspend_date_set": Look(icon="calendar-time", tone="amber", title=gettext_lazy("Own suspend date")),
    "discount_given": Look(icon="rosette-discount", tone="violet", title=gettext_lazy("Standing discount given")),
    "discount_ended": Look(icon="rosette-discount-off", tone="grey", title=gettext_lazy("Standing discount ended")),
    "price_set": Look(icon="tag", tone="violet", title=gettext_lazy("Own price")),
    "document_added": Look(icon="file-plus", tone="teal", title=gettext_lazy("Document added: %(label)s")),
    "document_withdrawn": Look(icon="file-off", tone="grey", title=gettext_lazy("Document withdrawn: %(label)s")),
}
FIELD_NAMES: dict[str, Any] = {
    "name": gettext_lazy("Name"),
    "mobile": gettext_lazy("Mobile"),
    "address": gettext_lazy("Address"),
    "zone_id": gettext_lazy("Zone"),
    "mac": gettext_lazy("MAC address"),
    "static_ip": gettext_lazy("Static address"),
    "latitude": pgettext_lazy("map", "Latitude"),
    "longitude": pgettext_lazy("map", "Longitude"),
}


@page("customers.view")
def timeline(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/timeline/?kind=&after="""
    row = get_customer(pk)
    may = request.scope.permissions
    groups = [group for group in GROUPS if NEEDS.get(group, "customers.view") in may]
    kind = given.one_of(request, "kind", groups)
    found = list_events(
        pk, groups=[kind] if kind else groups, after=Place.read(request.GET.get("after", "")), limit=ROWS + 1
    )
    own: Any = SimpleLazyObject(lambda: {field["label"]: field for field in list_fields(archived=True)})
    listed = paged(request, [shown(pk, event, own) for event in by_whom(request, found, "by_actor_id")], "place")
    choices = [(group, GROUP_NAMES[group]) for group in groups]
    return show_tab(
        request, pk, "customer-timeline", {"customer": row, "page": listed, "kind": kind, "choices": choices}
    )


def shown(pk: int, event: dict[str, Any], own: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """An event as a line: icon, tone, title, lines under it, where it opens to."""
    what, label = event["what"], event["label"]
    look = LOOKS.get(what) or Look(icon="point", tone="grey", title=what.replace("_", " ").capitalize())
    if what in ("blocked", "lifted"):
        label = str(named(label, "block"))
    return event | {
        "icon": look.icon,
        "tone": look.tone,
        "title": str(look.title) % {"label": label} if "%(label)s" in str(look.title) else str(look.title),
        "href": _href(pk, event),
        "lines": _changes(event["detail"], own),
        "by": event["by"] if event["by_actor_id"] is not None else _("by the system"),
        "place": str(Place(event["at"], event["source"], event["id"])),
    }


def _href(pk: int, event: dict[str, Any]) -> str:
    """Where an event opens to; "" where the person may not go, or there is nothing more to see."""
    if event["source"] in (4, 5, 6):
        return reverse("bill", args=[event["opens_id"]])
    if event["source"] == 7:
        return reverse("payment", args=[event["opens_id"]])
    if event["source"] == 8:
        return reverse("deposit", args=[pk])
    return reverse("customer-documents", args=[pk]) if event["what"] == "document_added" else ""


def _changes(detail: dict[str, Any], own: Mapping[str, dict[str, Any]]) -> list[str]:
    """What an edit changed: Name: Karim → Karim Uddin. `own`: the operator's own fields by their labels."""
    was, now = detail.get("was") or {}, detail.get("now") or {}
    if not isinstance(was, dict) or not isinstance(now, dict):
        return []

    def words(key: str, value: Any) -> Any:
        if key in FIELD_NAMES or key not in own:
            return value or "–"
        return own_words(own[key] | {"value": value}) or "–"

    return [f"{FIELD_NAMES.get(key, key)}: {words(key, was[key])} → {words(key, now.get(key))}" for key in was]
