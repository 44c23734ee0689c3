"""Bills with all that is printed on them, many at a time: one query for each kind of fact, however many bills."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from typing import Any

from backhaul.billing.queries import find_bills
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.custom_fields import list_values_of
from backhaul.subscribers.queries import find_services

Rows = list[dict[str, Any]]
_PAYMENTS = """
    SELECT a.invoice_id, a.payment_id, p.receipt_number AS number, p.method, a.amount_minor, a.allocated_on
    FROM allocation a LEFT JOIN payment p ON p.operator_id = a.operator_id AND p.id = a.payment_id
    WHERE a.operator_id = %s AND a.invoice_id = ANY (%s) ORDER BY a.id
"""
_CREDIT_NOTES = """
    SELECT invoice_id, id, net_minor + vat_minor AS total_minor, to_invoice_minor, to_advance_minor, issued_on, reason
    FROM credit_note WHERE operator_id = %s AND invoice_id = ANY (%s) ORDER BY id
"""
_ADJUSTMENTS = """
    SELECT invoice_id, kind, net_minor + vat_minor AS total_minor, adjusted_on, why
    FROM adjustment WHERE operator_id = %s AND invoice_id = ANY (%s) ORDER BY id
"""
# As days.list_bill_days has them, without what the provider charged: that is not the customer's business.
_DAYS = """
    SELECT i.id AS invoice_id, b.day, b.net_minor, COALESCE(b.credited, o.reason) AS reason,
           CASE WHEN b.credited IS NOT NULL THEN 'credited' WHEN o.reason IS NOT NULL THEN 'off' ELSE 'billed' END
           AS state
    FROM invoice i
    CROSS JOIN LATERAL billed_days_of(i.operator_id, i.starts_on, i.ends_on, i.id) AS b
    LEFT JOIN LATERAL off_days(i.operator_id, i.subscription_id, i.starts_on, i.ends_on) AS o ON o.day = b.day
    WHERE i.operator_id = %s AND i.id = ANY (%s) AND i.kind = 'period' ORDER BY i.id, b.day
"""
# What was due before each bill and still is: bills that a payment pays first.
_EARLIER = """
    SELECT i.id AS invoice_id, sum(o.open_minor)::bigint AS minor
    FROM invoice i
    JOIN invoice_open o ON o.operator_id = i.operator_id AND o.customer_id = i.customer_id
        AND (o.due_on, o.number) < (i.due_on, i.number)
    WHERE i.operator_id = %s AND i.id = ANY (%s) GROUP BY i.id
"""


def find_bill_facts(bill_ids: list[int], *, today: date) -> Rows:
    """These bills of the acting operator, lowest number first, each as the arguments of a printed bill: bill, customer,
    own (fields of the operator's own that it prints), bill_days, payments, credit_notes, adjustments, earlier_minor
    (what of earlier bills is still due).
    """
    bills = find_bills(bill_ids, today=today)
    customers = find_services([bill["subscription_id"] for bill in bills])
    own = list_values_of([bill["customer_id"] for bill in bills], on="on_document")
    days, payments, credit_notes, adjustments, earlier = (
        _by_bill(query, bill_ids) for query in (_DAYS, _PAYMENTS, _CREDIT_NOTES, _ADJUSTMENTS, _EARLIER)
    )
    return [
        {
            "bill": bill | _given_up(bill, adjustments[bill["id"]]),
            "customer": customers[bill["subscription_id"]],
            "own": own[bill["customer_id"]],
            "bill_days": days[bill["id"]],
            "payments": payments[bill["id"]],
            "credit_notes": credit_notes[bill["id"]],
            "adjustments": adjustments[bill["id"]],
            "earlier_minor": sum(row["minor"] for row in earlier[bill["id"]]),
        }
        for bill in bills
    ]


def _given_up(bill: dict[str, Any], adjustments: Rows) -> dict[str, Any]:
    signs = {"write_off": 1, "recovered": -1}
    left = sum(signs.get(one["kind"], 0) * one["total_minor"] for one in adjustments)
    return {"state": "written_off"} if left and bill["state"] == "paid" else {}


def _by_bill(query: str, bill_ids: list[int]) -> dict[int, Rows]:
    found: dict[int, Rows] = defaultdict(list)
    for row in rows(query, [current_scope().operator_id, bill_ids]):
        found[row.pop("invoice_id")].append(row)
    return found
