"""One customer's account over days: opening, every bill, payment and correction, closing (SPEC 2.8)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_noop as words

from backhaul.billing.queries import BILL_ENTRIES
from backhaul.ledger.balances import known_before, sum_party
from backhaul.ledger.statements import Column, Opens, Row, Section, Statement, amount
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.queries import get_customer

ACCOUNTS = ("receivable_customers", "customer_advances")
LABELS = {
    "bill": words("Bill"),
    "opening": words("Opening due"),
    "payment": words("Payment"),
    "reversal": words("Payment reversed"),
    "paid_back": words("Advance paid back"),
    "credit_note": words("Credit note"),
    "discount": words("Discount on a bill"),
    "write_off": words("Written off"),
    "deposit_kept": words("Deposit kept for dues"),
}

# Every event of a customer with its day and what it changes; `late`: it became known after the day that is asked for.
_EVENTS = """
    WITH late AS MATERIALIZED (
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND recorded_at >= %(known)s),
    event AS (
        SELECT issued_on AS day, 1 AS place, CASE kind WHEN 'opening' THEN 'opening' ELSE 'bill' END AS what,
               number::text AS number, title AS note, total_minor AS minor, id AS bill_id, NULL::bigint AS payment_id,
               id AS source_id, %(bills)s::text[] AS kinds
        FROM invoice WHERE operator_id = %(me)s AND customer_id = %(customer)s
        UNION ALL
        SELECT received_on, 2,
               CASE WHEN amount_minor > 0 THEN 'payment' WHEN pays_back THEN 'paid_back' ELSE 'reversal' END,
               receipt_number::text, reference, -amount_minor, NULL, id, id,
               '{customer_payment,payment_reversed,advance_paid_back}'
        FROM payment WHERE operator_id = %(me)s AND customer_id = %(customer)s
        UNION ALL
        SELECT issued_on, 3, 'credit_note', '', '', -net_minor - vat_minor, invoice_id, NULL, id, '{credit_note}'
        FROM credit_note WHERE operator_id = %(me)s AND customer_id = %(customer)s
        UNION ALL
        SELECT adjusted_on, 4, kind, '', why, -net_minor - vat_minor, invoice_id, NULL, id, '{bill_discount,write_off}'
        FROM adjustment WHERE operator_id = %(me)s AND customer_id = %(customer)s AND kind <> 'recovered'
        UNION ALL
        SELECT moved_on, 5, kind, '', reason, amount_minor, NULL, NULL, COALESCE(reverses_id, id),
               CASE WHEN reverses_id IS NULL THEN '{deposit_kept}' ELSE '{reversal:deposit_kept}' END::text[]
        FROM deposit WHERE operator_id = %(me)s AND customer_id = %(customer)s AND kind = 'deposit_kept')
"""


def get_customer_account(customer_id: int, *, from_on: date, to_on: date, known_on: date | None = None) -> Statement:
    """What a customer owes (below zero: holds in advance) through [from_on, to_on]; the opening is the closing before.

    Facts: opening_minor, charged_minor, credited_minor, closing_minor. Raises NotFound.
    """
    customer = get_customer(customer_id)
    columns = (Column(words("On"), "day"), Column(words("Charged")), Column(words("Paid or credited")),
               Column(words("Balance")))  # fmt: skip
    found = _list_events(customer_id, to_on, known_on)
    opening = balance = sum(event["minor"] for event in found if event["day"] < from_on)
    lines = []
    for event in found:
        if event["day"] >= from_on:
            balance += event["minor"]
            lines.append(_line(event, balance))
    charged, credited = (sum(amount(line, n) for line in lines) for n in (1, 2))
    in_books = sum_party(ACCOUNTS, customer_id, to_on, known_on=known_on)
    return Statement(
        name=f"customer-{customer['code']}",
        title=words("Customer account"),
        label=words("What"),
        columns=columns,
        sections=(Section("", (Row(words("Opening"), (from_on, None, None, opening), kind="opening"), *lines)),),
        totals=(Row(words("Closing"), (to_on, charged, credited, balance), kind="closing"),),
        proofs=((words("The closing is what the books hold for this customer"), balance == in_books),),
        from_on=from_on,
        to_on=to_on,
        known_on=known_on,
        subject=f"{customer['name']} · {customer['code']}",
        facts={
            "opening_minor": opening,
            "charged_minor": charged,
            "credited_minor": credited,
            "closing_minor": balance,
        },
    )


def _list_events(customer_id: int, to_on: date, known_on: date | None) -> list[dict[str, Any]]:
    return rows(
        f"{_EVENTS} SELECT day, what, number, note, minor, bill_id, payment_id FROM event v "
        "WHERE v.day <= %(to)s AND v.minor <> 0 AND NOT EXISTS ("
        "SELECT 1 FROM late l WHERE l.source_id = v.source_id AND l.kind = ANY (v.kinds)) "
        "ORDER BY v.day, v.place, v.source_id",
        {
            "me": current_scope().operator_id,
            "customer": customer_id,
            "to": to_on,
            "known": known_before(known_on),
            "bills": list(BILL_ENTRIES),
        },
    )


def _line(event: dict[str, Any], balance: int) -> Row:
    minor: int = event["minor"]
    opens = next((Opens(what, event[f"{what}_id"]) for what in ("payment", "bill") if event[f"{what}_id"]), None)
    return Row(
        LABELS[event["what"]],
        (event["day"], minor if minor > 0 else None, -minor if minor < 0 else None, balance),
        code=event["number"],
        note=event["note"],
        opens=opens,
    )
