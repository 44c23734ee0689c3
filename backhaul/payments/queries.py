"""Reads of payments and of customers' statements, as rows ready to show."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_PAYMENT = """
    p.id, p.receipt_number AS number, p.customer_id, c.name AS customer_name, c.code AS customer_code,
    p.amount_minor, p.method, p.received_on, p.recorded_at, p.actor_id, p.impersonation_id, p.reference, p.reverses_id,
    p.pays_back, p.drawer_user_id, r.id AS reversed_by_id
    FROM payment p
    JOIN customer c ON c.operator_id = p.operator_id AND c.id = p.customer_id
    LEFT JOIN payment r ON r.operator_id = p.operator_id AND r.reverses_id = p.id
"""


def list_payments(
    *,
    search: str = "",
    method: str | None = None,
    from_on: date | None = None,
    to_on: date | None = None,
    after: int | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Payments and their reversals, latest first; `after` = id of the last row of the page before."""
    where = ["p.operator_id = %(me)s"]
    conditions = (
        ("p.id < %(after)s", after),
        ("p.method = %(method)s", method),
        ("p.received_on >= %(from)s", from_on),
        ("p.received_on <= %(to)s", to_on),
        (
            "(p.receipt_number::text = %(search)s OR p.customer_id IN "
            "(SELECT customer_id FROM search_customers(%(search)s, 500)))",
            search or None,
        ),
    )
    where += [condition for condition, value in conditions if value is not None]
    return rows(
        f"SELECT {_PAYMENT} WHERE {' AND '.join(where)} ORDER BY p.id DESC LIMIT %(limit)s",
        {"me": _me(), "search": search, "method": method, "from": from_on, "to": to_on, "after": after, "limit": limit},
    )


def list_payments_of(customer_id: int, limit: int = 24) -> list[dict[str, Any]]:
    """A customer's payments and reversals, latest first."""
    return rows(
        f"SELECT {_PAYMENT} WHERE p.operator_id = %(me)s AND p.customer_id = %(customer)s "
        "ORDER BY p.id DESC LIMIT %(limit)s",
        {"me": _me(), "customer": customer_id, "limit": limit},
    )


def get_payment(payment_id: int) -> dict[str, Any]:
    """One payment of the acting operator; raises NotFound."""
    found = rows(f"SELECT {_PAYMENT} WHERE p.operator_id = %(me)s AND p.id = %(id)s", {"me": _me(), "id": payment_id})
    if not found:
        raise NotFound("There is no such payment.")
    return found[0]


def find_receipt(number: int) -> dict[str, Any] | None:
    """The acting operator's payment with that receipt number, a row as in list_payments; None: there is none."""
    found = rows(
        f"SELECT {_PAYMENT} WHERE p.operator_id = %(me)s AND p.receipt_number = %(number)s",
        {"me": _me(), "number": number},
    )
    return found[0] if found else None


def list_allocations(payment_id: int) -> list[dict[str, Any]]:
    """The bills that a payment paid, in the order in which it paid them, with their number, kind and period."""
    return rows(
        "SELECT a.invoice_id AS bill_id, i.number, i.kind, i.starts_on, i.ends_on, a.amount_minor FROM allocation a "
        "JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id "
        "WHERE a.operator_id = %s AND a.payment_id = %s ORDER BY i.due_on, i.number",
        [_me(), payment_id],
    )


def list_bill_payments(bill_id: int) -> list[dict[str, Any]]:
    """What was paid on a bill, oldest first; `payment_id` NULL: out of the customer's advance."""
    return rows(
        "SELECT a.payment_id, p.receipt_number AS number, p.method, a.amount_minor, a.allocated_on FROM allocation a "
        "LEFT JOIN payment p ON p.operator_id = a.operator_id AND p.id = a.payment_id "
        "WHERE a.operator_id = %s AND a.invoice_id = %s ORDER BY a.id",
        [_me(), bill_id],
    )


def list_statement(customer_id: int) -> list[dict[str, Any]]:
    """A customer's account by calendar month, latest first (SPEC 2.8).

    Each: month, opening + billed − paid + paid_back + adjusted = closing, in minor units; below zero it is credit that
    the customer holds. Reversed payments count as paid back; opening dues, credit notes, later
    discounts, write-offs and what was kept of a deposit as adjusted.
    """
    return rows(
        """
        WITH event AS (
            SELECT issued_on AS on_day, CASE kind WHEN 'opening' THEN 0 ELSE total_minor END AS billed,
                   0::bigint AS paid, 0::bigint AS paid_back,
                   CASE kind WHEN 'opening' THEN total_minor ELSE 0 END AS adjusted
            FROM invoice WHERE operator_id = %(me)s AND customer_id = %(customer)s
            UNION ALL
            SELECT received_on, 0, GREATEST(amount_minor, 0), GREATEST(-amount_minor, 0), 0
            FROM payment WHERE operator_id = %(me)s AND customer_id = %(customer)s
            UNION ALL
            SELECT issued_on, 0, 0, 0, -net_minor - vat_minor
            FROM credit_note WHERE operator_id = %(me)s AND customer_id = %(customer)s
            UNION ALL
            SELECT adjusted_on, 0, 0, 0, -net_minor - vat_minor
            FROM adjustment WHERE operator_id = %(me)s AND customer_id = %(customer)s AND kind <> 'recovered'
            UNION ALL
            SELECT moved_on, 0, 0, 0, amount_minor
            FROM deposit WHERE operator_id = %(me)s AND customer_id = %(customer)s AND kind = 'deposit_kept'
        ), month AS (
            SELECT date_trunc('month', on_day)::date AS month, sum(billed)::bigint AS billed_minor,
                   sum(paid)::bigint AS paid_minor, sum(paid_back)::bigint AS paid_back_minor,
                   sum(adjusted)::bigint AS adjusted_minor
            FROM event GROUP BY 1
        ), carried AS (
            SELECT *, sum(billed_minor - paid_minor + paid_back_minor + adjusted_minor)
                OVER (ORDER BY month)::bigint AS closing_minor
            FROM month
        )
        SELECT *, COALESCE(lag(closing_minor) OVER (ORDER BY month), 0)::bigint AS opening_minor
        FROM carried ORDER BY month DESC
        """,
        {"me": _me(), "customer": customer_id},
    )


def sum_paid_by_month(since: date) -> dict[date, dict[str, int]]:
    """Payments less reversals by the month in which they were received: paid_minor, payments."""
    found = rows(
        "SELECT date_trunc('month', received_on)::date AS month, sum(amount_minor)::bigint AS paid_minor, "
        "count(*) FILTER (WHERE amount_minor > 0) AS payments FROM payment "
        "WHERE operator_id = %s AND received_on >= %s GROUP BY 1",
        [_me(), since],
    )
    return {row["month"]: row for row in found}


def _me() -> int:
    return current_scope().operator_id
