"""Reads of bills, dues and runs of the acting operator, as rows ready to show."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import Ask, rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.queries import list_zone_ids

# Entries whose source is a bill.
BILL_ENTRIES = ("retail_invoice", "one_off_invoice", "late_fee", "opening_due")
STATES = ("open", "overdue", "paid")
# paid: nothing open; partial: something of it was paid or credited
_BILL = """
    i.id, i.number, i.kind, i.customer_id, c.name AS customer_name, c.code AS customer_code, i.subscription_id,
    i.starts_on, i.ends_on, i.price_minor, i.cycle_days, i.net_minor, i.discount_minor, i.vat_minor, i.rounding_minor,
    i.total_minor, i.issued_on, i.due_on, i.title,
    COALESCE(o.open_minor, 0) AS due_minor,
    CASE WHEN o.open_minor IS NULL THEN 'paid' WHEN o.due_on < %(today)s THEN 'overdue'
         WHEN o.open_minor < i.total_minor THEN 'partial' ELSE 'unpaid' END AS state
    FROM invoice i
    CROSS JOIN LATERAL (SELECT name, code, zone_id FROM customer  -- OFFSET: of the bills that are shown, not of all
        WHERE operator_id = i.operator_id AND id = i.customer_id OFFSET 0) AS c
    LEFT JOIN LATERAL (SELECT open_minor, due_on FROM invoice_open WHERE operator_id = i.operator_id
        AND customer_id = i.customer_id AND due_on = i.due_on AND number = i.number OFFSET 0) AS o ON true
"""
_WHICH = {
    "open": "o.open_minor IS NOT NULL",
    "overdue": "i.number IN (SELECT number FROM invoice_open WHERE operator_id = %(me)s AND due_on < %(today)s)",
    "paid": "NOT EXISTS (SELECT 1 FROM invoice_open p WHERE p.operator_id = i.operator_id "
    "AND p.customer_id = i.customer_id AND p.due_on = i.due_on AND p.number = i.number)",
}


@dataclass(frozen=True)
class BillFilter:
    """Which bills. `state`: open, overdue, paid; `search`: a bill's number, or what finds customers (the best 500).

    `month`: the first day of the month of issue. `zone_id` includes the zones in it.
    """

    state: str | None = None
    search: str = ""
    month: date | None = None
    zone_id: int | None = None


def list_bills(wanted: BillFilter, *, today: date, after: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Bills, newest number first; `after` = the number of the last row of the page before."""
    where, values = _matching(wanted)
    return rows(
        f"SELECT {_BILL} WHERE {where} AND (%(after)s::bigint IS NULL OR i.number < %(after)s) "
        "ORDER BY i.number DESC LIMIT %(limit)s",
        values | {"today": today, "after": after, "limit": limit},
    )


def find_bill_ids(wanted: BillFilter, *, today: date, limit: int) -> list[int]:
    """The ids of bills, lowest number first."""
    where, values = _matching(wanted)
    found = rows(
        "SELECT i.id FROM invoice i JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id "
        "LEFT JOIN invoice_open o ON o.operator_id = i.operator_id AND o.customer_id = i.customer_id "
        f"AND o.due_on = i.due_on AND o.number = i.number WHERE {where} ORDER BY i.number LIMIT %(limit)s",
        values | {"today": today, "limit": limit},
    )
    return [row["id"] for row in found]


def find_bills(bill_ids: list[int], *, today: date) -> list[dict[str, Any]]:
    """These bills of the acting operator, rows as in list_bills, lowest number first."""
    return rows(
        f"SELECT {_BILL} WHERE i.operator_id = %(me)s AND i.id = ANY (%(bills)s) ORDER BY i.number",
        {"me": _me(), "today": today, "bills": bill_ids},
    )


def _matching(wanted: BillFilter) -> tuple[str, dict[str, Any]]:
    where, values = ["i.operator_id = %(me)s"], {"me": _me(), "search": wanted.search, "month": wanted.month}
    if wanted.state is not None:
        where.append(_WHICH[wanted.state])
    if wanted.search:
        where.append(
            "(i.number::text = %(search)s OR i.customer_id IN "
            "(SELECT customer_id FROM search_customers(%(search)s, 500)))"
        )
    if wanted.month is not None:
        where.append("i.issued_on >= %(month)s AND i.issued_on < %(month)s::date + interval '1 month'")
    if wanted.zone_id is not None:
        values["zones"] = list_zone_ids(wanted.zone_id)
        where.append("c.zone_id = ANY (%(zones)s)")
    return " AND ".join(where), values


def list_bills_of(customer_id: int, *, today: date, limit: int = 24) -> list[dict[str, Any]]:
    """A customer's bills, newest first, rows as in list_bills."""
    return rows(
        f"SELECT {_BILL} WHERE i.operator_id = %(me)s AND i.customer_id = %(customer)s "
        "ORDER BY i.number DESC LIMIT %(limit)s",
        {"me": _me(), "today": today, "customer": customer_id, "limit": limit},
    )


def list_open_bills_of(customer_id: int, *, today: date) -> list[dict[str, Any]]:
    """What a customer still owes, in the order in which a payment pays it."""
    return rows(
        f"SELECT {_BILL} WHERE i.operator_id = %(me)s AND i.customer_id = %(customer)s AND o.open_minor IS NOT NULL "
        "ORDER BY i.due_on, i.number",
        {"me": _me(), "today": today, "customer": customer_id},
    )


def get_bill(bill_id: int, *, today: date) -> dict[str, Any]:
    """One bill of the acting operator; raises NotFound."""
    found = rows(
        f"SELECT {_BILL} WHERE i.operator_id = %(me)s AND i.id = %(bill)s",
        {"me": _me(), "today": today, "bill": bill_id},
    )
    if not found:
        raise NotFound("There is no such bill.")
    return found[0]


def list_credit_notes(bill_id: int) -> list[dict[str, Any]]:
    """What was credited on a bill, oldest first."""
    return rows(
        "SELECT id, net_minor, vat_minor, net_minor + vat_minor AS total_minor, to_invoice_minor, to_advance_minor, "
        "issued_on, reason FROM credit_note WHERE operator_id = %s AND invoice_id = %s ORDER BY id",
        [_me(), bill_id],
    )


def get_own_charge(bill_id: int) -> dict[str, Any] | None:
    """What the provider charged the acting operator for a bill's period; None where nothing was charged."""
    found = rows(
        "SELECT g.starts_on, g.ends_on, g.price_minor, g.cycle_days, g.net_minor, g.vat_minor, "
        "g.net_minor + g.vat_minor AS total_minor, r.refunded_minor "
        "FROM charge g LEFT JOIN LATERAL ("
        "SELECT sum(net_minor + vat_minor)::bigint AS refunded_minor FROM charge_refund r "
        "WHERE r.child_id = g.child_id AND r.owner_id = g.owner_id AND r.invoice_id = g.invoice_id "
        "AND r.starts_on = g.starts_on AND r.part = g.part) AS r ON true "
        "WHERE g.child_id = %s AND g.owner_id = %s AND g.invoice_id = %s",
        [_me(), _me(), bill_id],
    )
    return found[0] if found else None


def find_standings(customer_ids: list[int]) -> dict[int, dict[str, Any]]:
    """How customers stand, by id: due_minor, due_on (the earliest), advance_minor, billed_until, expires_on (the day on
    which what is billed or charged ends), held_since,
    held_by_us: the renewal waits for the operator's own fund; else, where it is held, for its provider.
    """
    found = rows(
        """
        SELECT s.customer_id, b.billed_until, GREATEST(b.billed_until, b.charged_until) AS expires_on,
               h.since_on AS held_since, h.short_child_id = s.operator_id AS held_by_us,
               COALESCE(a.advance_minor, 0) AS advance_minor, COALESCE(o.due_minor, 0)::bigint AS due_minor, o.due_on
        FROM subscription s
        LEFT JOIN billing_state b ON b.operator_id = s.operator_id AND b.subscription_id = s.id
        LEFT JOIN held_bill h ON h.operator_id = s.operator_id AND h.subscription_id = s.id
        LEFT JOIN customer_advance a ON a.operator_id = s.operator_id AND a.customer_id = s.customer_id
        LEFT JOIN LATERAL (SELECT sum(open_minor) AS due_minor, min(due_on) AS due_on FROM invoice_open o
                           WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id) o ON true
        WHERE s.operator_id = %s AND s.customer_id = ANY (%s)
        """,
        [_me(), customer_ids],
    )
    return {row["customer_id"]: row for row in found}


def get_planned_change(subscription_id: int) -> dict[str, Any] | None:
    """What is agreed for the next cycle of a service: package (its name), on_date, by_actor_id; None: nothing."""
    found = rows(
        "SELECT c.package_operator_id, c.package_id, p.name AS package, c.on_date, c.planned_at, c.by_actor_id, "
        "c.impersonation_id "
        "FROM planned_change c LEFT JOIN package p ON p.operator_id = c.package_operator_id AND p.id = c.package_id "
        "WHERE c.operator_id = %s AND c.subscription_id = %s",
        [_me(), subscription_id],
    )
    return found[0] if found else None


def find_customer_names(customer_ids: list[int]) -> dict[int, str]:
    """Names of the acting operator's customers by id, for lines of the journal."""
    found = rows("SELECT id, name FROM customer WHERE operator_id = %s AND id = ANY (%s)", [_me(), customer_ids])
    return {row["id"]: row["name"] for row in found}


def find_bill_of_event(kind: str, source_id: int) -> int | None:
    """The bill that an entry of a kind is about, by the entry's source; None for entries of other events."""
    if kind in BILL_ENTRIES:
        return source_id
    table = {
        "advance_applied": "allocation",
        "advance_unapplied": "allocation",
        "credit_note": "credit_note",
        "bill_discount": "adjustment",
        "write_off": "adjustment",
        "bad_debt_recovered": "adjustment",
    }.get(kind)
    if table is None:
        return None
    found = rows(f"SELECT invoice_id FROM {table} WHERE operator_id = %s AND id = %s", [_me(), source_id])
    return int(found[0]["invoice_id"]) if found else None


def sum_dues(today: date) -> dict[str, int]:
    """What all customers together owe: due_minor, overdue_minor, customers."""
    return rows(
        "SELECT COALESCE(sum(open_minor), 0)::bigint AS due_minor, "
        "COALESCE(sum(open_minor) FILTER (WHERE due_on < %s), 0)::bigint AS overdue_minor, "
        "count(DISTINCT customer_id) AS customers FROM invoice_open WHERE operator_id = %s",
        [today, _me()],
    )[0]


def sum_billed_by_month(since: date) -> dict[date, dict[str, int]]:
    """Bills of service periods by the month in which they were issued: billed_minor (with VAT), bills."""
    found = rows(
        "SELECT date_trunc('month', issued_on)::date AS month, sum(total_minor)::bigint AS billed_minor, "
        "count(*) AS bills "
        "FROM invoice WHERE operator_id = %s AND issued_on >= %s AND kind = 'period' GROUP BY 1",
        [_me(), since],
    )
    return {row["month"]: row for row in found}


def count_held() -> dict[str, int]:
    """Renewals that wait for funds: `own` customers' and, for want of direct children's funds, those `below`."""
    return ask_held().rows()[0]


def ask_held() -> Ask:
    """For what count_held returns."""
    return Ask(
        "SELECT (SELECT count(*) FROM waiting_bills() WHERE operator_id = %s) AS own, "
        "(SELECT COALESCE(sum(bills), 0)::bigint FROM count_held_below() WHERE child_id <> %s) AS below",
        [_me(), _me()],
    )


def get_held_for_own_fund() -> dict[str, Any] | None:
    """What waits for the acting operator's own fund: bills, needed_minor, since_on; None when nothing does."""
    found = rows("SELECT bills, needed_minor, since_on FROM count_held_below() WHERE child_id = %s", [_me()])
    return found[0] if found else None


def list_held_bills(limit: int = 50) -> list[dict[str, Any]]:
    """Renewals of own customers that wait, longest first; `reason`: fund_short (own) or upstream_short."""
    return rows(
        """
        SELECT h.subscription_id, h.starts_on, h.since_on, c.id AS customer_id,
               c.name AS customer_name, c.code AS customer_code,
               price_on(h.operator_id, h.subscription_id, h.starts_on) AS price_minor,
               CASE WHEN h.short_child_id = h.operator_id THEN h.short_minor END AS short_minor,
               short_reason(h) AS reason
        FROM waiting_bills() h
        JOIN subscription s ON s.operator_id = h.operator_id AND s.id = h.subscription_id
        JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
        WHERE h.operator_id = %s
        ORDER BY h.since_on, h.subscription_id LIMIT %s
        """,
        [_me(), limit],
    )


def list_movement_charges(
    child_id: int, movement_id: int, *, after: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The customer periods that one movement of a fund charged, by id; only own customers have a name."""
    return rows(
        """
        SELECT g.invoice_id, g.owner_id, g.starts_on, g.ends_on, g.price_minor, g.cycle_days, g.net_minor, g.vat_minor,
               g.net_minor + g.vat_minor AS total_minor, i.number, c.id AS customer_id, c.name AS customer_name
        FROM charge g
        LEFT JOIN invoice i ON i.operator_id = g.owner_id AND i.id = g.invoice_id AND g.owner_id = %(me)s
        LEFT JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id
        WHERE g.child_id = %(child)s AND g.movement_id = %(movement)s
          AND (%(after)s::bigint IS NULL OR g.invoice_id > %(after)s)
        ORDER BY g.invoice_id LIMIT %(limit)s
        """,
        {"me": _me(), "child": child_id, "movement": movement_id, "after": after, "limit": limit},
    )


def _me() -> int:
    return current_scope().operator_id
