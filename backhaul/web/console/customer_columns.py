"""The columns of the list of customers: which there are, which a person sees, and what stands in them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from backhaul.billing.queries import find_standings
from backhaul.network.queries import find_online
from backhaul.subscribers.custom_fields import list_fields, list_values_of
from backhaul.web.own_fields import own_words
from backhaul.web.templatetags.console import mac, state_label
from backhaul.web.words import named


@dataclass(frozen=True)
class Column:
    """`kind`: text, number, day, last_day (of a period stored half-open) or money. `permission`: what it takes to
    see it."""

    key: str
    label: Any
    kind: str = "text"
    permission: str = "customers.view"
    sort: str = ""


COLUMNS = {
    column.key: column
    for column in (
        Column("code", _("Customer id"), sort="code"),
        Column("mobile", _("Mobile")),
        Column("username", _("Username")),
        Column("package", _("Package")),
        Column("price_minor", _("Price"), kind="money", permission="bills.view"),
        Column("profile", _("Billing")),
        Column("zone", _("Zone")),
        Column("address", _("Address")),
        Column("connection_type", _("Connection type")),
        Column("static_ip", _("Static address")),
        Column("mac", _("MAC address")),
        Column("joined_on", _("Customer since"), kind="day"),
        Column("expires_on", _("Billed until"), kind="last_day", sort="expiry"),
        Column("due_minor", _("Due"), kind="money", permission="bills.view", sort="due"),
        Column("advance_minor", _("Advance"), kind="money", permission="bills.view"),
        Column("session", _("Online")),
        Column("status", _("Status")),
    )
}
OWN = "custom_"  # and the id of a field of the operator's own
KINDS = {"date": "day", "number": "number"}  # of such a field, as a column's
STANDARD = ("username", "package", "zone", "expires_on", "due_minor", "status")


def known_columns() -> dict[str, Column]:
    """All columns there are, last the operator's own fields that it wants in its list."""
    own = list_fields(on="on_list")
    return COLUMNS | {
        key: Column(key, field["label"], kind=KINDS.get(field["kind"], "text"))
        for key, field in ((f"{OWN}{field['id']}", field) for field in own)
    }


def columns_for(keys: Iterable[str] | None, may: Collection[str]) -> list[Column]:
    """The columns of these keys, in their own order, that this person may see; the usual ones where there are none."""
    known = known_columns()
    chosen = set(keys or ()) & set(known) or {*STANDARD, *(known.keys() - COLUMNS.keys())}
    shown = [column for key, column in known.items() if key in chosen and column.permission in may]
    return [replace(column, label=str(column.label)) for column in shown]  # said once, not in every cell


def with_standing(
    found: list[dict[str, Any]], columns: Sequence[Column], *, now: datetime | None = None
) -> list[dict[str, Any]]:
    """Customers with what stands in these columns beside what the list has: what they owe, until when they are billed,
    own fields and, with `now`, whether they are online."""
    listed = [row["customer_id"] for row in found]
    standings = find_standings(listed)
    if any(column.key.startswith(OWN) for column in columns):
        for customer_id, values in list_values_of(listed, on="on_list").items():
            standings[customer_id] = standings.get(customer_id, {}) | {
                f"{OWN}{field['id']}": _own_value(field) for field in values
            }
    if now is None:
        return [row | standings.get(row["customer_id"], {}) for row in found]
    online = find_online(subscription_ids=[row["subscription_id"] for row in found], now=now)
    return [
        row
        | standings.get(row["customer_id"], {})
        | {"session": "online" if row["subscription_id"] in online else "offline"}
        for row in found
    ]


def _own_value(field: dict[str, Any]) -> Any:
    """The value of a field of the operator's own as its column shows it: words, or a day."""
    if field["kind"] == "date" and field["value"]:
        return date.fromisoformat(field["value"])
    return own_words(field)


def needs_sessions(columns: Iterable[Column]) -> bool:
    """Whether it has to be looked up who is online."""
    return any(column.key == "session" for column in columns)


def plain(row: dict[str, Any], column: Column) -> Any:
    """What stands in a cell of a file: words, a day, or minor units."""
    value = row.get(column.key)
    if column.key == "expires_on":
        return value - timedelta(days=1) if value and row["status"] != "not_activated" else None
    if column.key == "status":
        return str(state_label(str(value)))
    if column.key in ("session", "connection_type"):
        return str(named(value, "session" if column.key == "session" else "connection")) if value else ""
    return mac(value) if column.key == "mac" and value else value
