"""What the list of customers can be narrowed to, each filter as SQL (SPEC B19)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from backhaul.operators.functions import rows
from backhaul.subscribers.queries import list_zone_ids

FOUND = 500
MONEY = ("due", "advance")
# What a status other than "active" comes from, the most lasting first: SQL service_status, for one service at a time.
_REASONS = {
    "left": ["left"],
    "disabled": ["disabled"],
    "not_activated": ["not_activated"],
    "suspended": ["by_hand", "unpaid"],
    "expired": ["expired"],
    "short": ["fund_short", "upstream_short", "operator_minimum"],
}
_BLOCKS = "block b WHERE b.operator_id = %(me)s AND b.to_at IS NULL"
_EXPIRES = "GREATEST(t.billed_until, t.charged_until)"
# SPEC B6: open and not older than twice its interim interval.
_ONLINE = "v.updated_at > %(seen_at)s - v.interim_seconds * interval '2 seconds'"
_SESSIONS = (
    "radius_login l JOIN radius_session_live v ON v.operator_id = l.operator_id AND v.login_id = l.id "
    f"AND {_ONLINE} WHERE l.operator_id = %(me)s"
)


@dataclass(frozen=True)
class CustomerFilter:
    """What a list is narrowed to; what is not given = everything. `package` and `profile` are (operator id, id).

    `zone_id` includes the zones below it. `expires_from` and `expires_until`: the day, both included, on which what is
    billed ends; of services that are in use. `online` is judged as of `seen_at`, both go together. `has`: due or
    advance. `promised_on`: who promised to pay on that day or later. `held`: the renewal waits for a fund.
    """

    search: str = ""
    status: str | None = None
    zone_id: int | None = None
    package: tuple[int, int] | None = None
    profile: tuple[int, int] | None = None
    connection_type: str | None = None
    joined_from: date | None = None
    joined_until: date | None = None
    expires_from: date | None = None
    expires_until: date | None = None
    online: bool | None = None
    seen_at: datetime | None = None
    has: str | None = None
    promised_on: date | None = None
    held: bool = False


def as_json(wanted: CustomerFilter) -> dict[str, Any]:
    """A filter as it is kept for a job."""
    given = {key: value for key, value in asdict(wanted).items() if value not in (None, "", False) or key == "online"}
    return {key: value.isoformat() if isinstance(value, date) else value for key, value in given.items()}


def from_json(kept: dict[str, Any]) -> CustomerFilter:
    """The filter that as_json wrote."""
    read: dict[str, Any] = dict(kept)
    for key in read.keys() & {"joined_from", "joined_until", "expires_from", "expires_until", "promised_on"}:
        read[key] = date.fromisoformat(read[key])
    if "seen_at" in read:
        read["seen_at"] = datetime.fromisoformat(read["seen_at"])
    for key in read.keys() & {"package", "profile"}:
        read[key] = tuple(read[key])
    return CustomerFilter(**read)


@dataclass(frozen=True)
class Condition:
    """`holds` of a service `s` and its customer `c`. `source` selects all that may match, by an index, as column `of`;
    "" where that is nearly everybody. `is_exact`: all that it selects do match."""

    holds: str
    source: str = ""
    of: str = "subscription_id"
    is_exact: bool = True


def conditions_of(wanted: CustomerFilter, values: dict[str, Any]) -> list[Condition]:
    """The filter as SQL over %(me)s; what else it needs is put into `values`."""
    values |= {
        "connection": wanted.connection_type,
        "seen_at": wanted.seen_at,
        "promised_on": wanted.promised_on,
        "expires_from": wanted.expires_from or date.min,
        "expires_until": wanted.expires_until or date.max,
        "joined_from": wanted.joined_from or date.min,
        "joined_until": wanted.joined_until or date.max,
    }
    made = [*_of_customers(wanted, values), *_of_services(wanted, values), *_of_money(wanted)]
    if wanted.status is not None:
        made.append(_of_status(wanted.status, values))
    if wanted.online is not None:
        there = _exists(f"SELECT 1 FROM {_SESSIONS} AND l.subscription_id = s.id")
        source = f"SELECT l.subscription_id FROM {_SESSIONS}"
        made.append(Condition(there, source) if wanted.online else Condition(f"NOT {there}"))
    return made


def _of_status(status: str, values: dict[str, Any]) -> Condition:
    """Who is on has no open block; of the others the most lasting block says the status."""
    each = f"SELECT b.subscription_id FROM {_BLOCKS}"
    if status == "active":
        return Condition(f"NOT {_exists(f'{each} AND b.subscription_id = s.id')}")
    order = list(_REASONS)
    values["reasons"] = _REASONS[status]
    values["above"] = [reason for higher in order[: order.index(status)] for reason in _REASONS[higher]]
    source = f"{each} AND b.reason = ANY (%(reasons)s)"
    holds = _exists(f"{source} AND b.subscription_id = s.id")
    if values["above"]:
        holds += f" AND NOT {_exists(f'{each} AND b.subscription_id = s.id AND b.reason = ANY (%(above)s)')}"
    return Condition(holds, source, is_exact=not values["above"])


def _of_customers(wanted: CustomerFilter, values: dict[str, Any]) -> list[Condition]:
    made = []
    customers = "SELECT c.id AS customer_id FROM customer c WHERE c.operator_id = %(me)s AND"
    if wanted.search.strip():
        found = rows("SELECT customer_id FROM search_customers(%s, %s)", [wanted.search, FOUND])
        values["found"] = [row["customer_id"] for row in found]
        source = "SELECT unnest(%(found)s::bigint[]) AS customer_id"
        one = "c.id + 0 = ANY (%(found)s)"  # of one customer: an index would look all of them up for each
        made.append(Condition(one, source, "customer_id"))
    if wanted.zone_id is not None:
        values["zones"] = list_zone_ids(wanted.zone_id)
        holds = "c.zone_id = ANY (%(zones)s)"
        made.append(Condition(holds, f"{customers} {holds}", "customer_id"))
    if wanted.joined_from or wanted.joined_until:
        holds = "c.joined_on BETWEEN %(joined_from)s AND %(joined_until)s"
        made.append(Condition(holds, f"{customers} {holds}", "customer_id"))
    return made


def _of_services(wanted: CustomerFilter, values: dict[str, Any]) -> list[Condition]:
    made = []
    for column, pair in (("package", wanted.package), ("profile", wanted.profile)):
        if pair is not None:
            values |= {f"{column}_operator": pair[0], column: pair[1]}
            holds = f"s.{column}_operator_id = %({column}_operator)s AND s.{column}_id = %({column})s"
            source = f"SELECT s.id AS subscription_id FROM subscription s WHERE s.operator_id = %(me)s AND {holds}"
            made.append(Condition(holds, source))
    if wanted.connection_type is not None:
        made.append(_among("radius_login x", "x.connection_type = %(connection)s"))
    if wanted.expires_from or wanted.expires_until:
        ends = f"{_EXPIRES} BETWEEN %(expires_from)s AND %(expires_until)s"
        found = _among("billing_state t", ends, alias="t")
        in_use = "s.left_on IS NULL AND s.activated_on IS NOT NULL"
        made.append(Condition(f"{in_use} AND {found.holds}", found.source, is_exact=False))
    if wanted.promised_on:
        made.append(_among("promise x", "x.withdrawn_at IS NULL AND x.until_on >= %(promised_on)s"))
    if wanted.held:
        made.append(_among("held_bill x", "true"))
    return made


def _among(table: str, condition: str, *, alias: str = "x") -> Condition:
    """Services that a table has a row for, for which the condition holds."""
    source = f"SELECT {alias}.subscription_id FROM {table} WHERE {alias}.operator_id = %(me)s AND {condition}"
    return Condition(_exists(f"{source} AND {alias}.subscription_id = s.id"), source)


def _of_money(wanted: CustomerFilter) -> list[Condition]:
    if wanted.has is None:
        return []
    due = "SELECT o.customer_id FROM invoice_open o WHERE o.operator_id = %(me)s"
    advance = "SELECT o.customer_id FROM customer_advance o WHERE o.operator_id = %(me)s AND o.advance_minor > 0"
    source = due if wanted.has == "due" else advance
    each = f"SELECT DISTINCT {source.removeprefix('SELECT ')}"
    return [Condition(_exists(f"{source} AND o.customer_id = c.id"), each, "customer_id")]


def _exists(one: str) -> str:
    """Looked up for the one service. Without OFFSET it is joined, and all rows of the source are read for each service:
    under row-level security the planner expects a handful."""
    return f"EXISTS ({one} OFFSET 0)"
