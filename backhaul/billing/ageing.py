"""What customers of the acting operator owe, by how long it is due: the receivable account, bill by bill (SPEC A12)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_noop as words

from backhaul.billing.queries import BILL_ENTRIES
from backhaul.ledger.balances import known_before, sum_balance
from backhaul.ledger.statements import Column, Opens, Row, Section, Statement
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

RECEIVABLE = "receivable_customers"
AGES = ("ahead_minor", "d30_minor", "d60_minor", "d90_minor", "over_minor", "total_minor")

# What is open now, less all that is dated after the day or became known too late, was open then: on each bill what was
# billed, paid, credited, discounted or written off, exactly as the receivable account has it.
_OPEN = """
    WITH late AS MATERIALIZED (
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND recorded_at >= %(known)s),
    moved AS (
        SELECT id AS invoice_id, issued_on AS day, total_minor AS minor, id AS source_id,
               %(bills)s::text[] AS kinds
        FROM invoice WHERE operator_id = %(me)s
        UNION ALL
        SELECT invoice_id, allocated_on, -amount_minor, COALESCE(payment_id, id),
               CASE WHEN payment_id IS NULL THEN '{advance_applied,advance_unapplied}'::text[]
                    ELSE '{customer_payment,payment_reversed}' END
        FROM allocation WHERE operator_id = %(me)s
        UNION ALL
        SELECT invoice_id, issued_on, -to_invoice_minor, id, '{credit_note}' FROM credit_note WHERE operator_id = %(me)s
        UNION ALL
        SELECT invoice_id, adjusted_on, -net_minor - vat_minor, id, '{bill_discount,write_off}'
        FROM adjustment WHERE operator_id = %(me)s AND kind <> 'recovered'),
    later AS (
        SELECT m.invoice_id, sum(m.minor) AS minor FROM moved m
        WHERE m.day > %(on)s OR EXISTS (SELECT 1 FROM late l WHERE l.source_id = m.source_id AND l.kind = ANY (m.kinds))
        GROUP BY m.invoice_id),
    open AS (
        SELECT invoice_id, COALESCE(o.open_minor, 0) - COALESCE(l.minor, 0) AS minor
        FROM (SELECT invoice_id, open_minor FROM invoice_open WHERE operator_id = %(me)s) AS o
        FULL JOIN later l USING (invoice_id))
"""


def get_receivable_ageing(*, on: date, known_on: date | None = None, limit: int = 500) -> Statement:
    """Customers with open bills at the end of a day, who owes most first, at most `limit` of them; sums are of all.

    By days since a bill was due; what is not due yet stands apart: below zero where a bill was paid before it was made.
    Facts: AGES, customers. The total is the receivable account.
    """
    found = _list_ages(on, known_on, limit + 1)
    sums = {age: int(found[0][f"all_{age}"]) if found else 0 for age in AGES}
    in_books = sum_balance(RECEIVABLE, on, known_on=known_on)
    return Statement(
        name="receivable-ageing",
        title=words("Receivable ageing"),
        label=words("Customer"),
        columns=tuple(
            Column(label)
            for label in (
                words("Not due yet"),
                words("0–30 days"),
                words("31–60 days"),
                words("61–90 days"),
                words("Over 90 days"),
                words("Total"),
            )
        ),
        sections=(Section("", tuple(_customer(row, on) for row in found[:limit])),),
        totals=(Row(words("Total"), tuple(sums[age] for age in AGES), kind="sum"),),
        proofs=((words("The total is the receivable account of the books"), sums["total_minor"] == in_books),),
        to_on=on,
        known_on=known_on,
        more=len(found) > limit,
        facts={**sums, "customers": int(found[0]["customers"]) if found else 0},
    )


def _list_ages(on: date, known_on: date | None, limit: int) -> list[dict[str, Any]]:
    totals = ", ".join(f"sum({age}) OVER ()::bigint AS all_{age}" for age in AGES)
    return rows(
        f"""
        {_OPEN}, aged AS (
            SELECT i.customer_id,
                   COALESCE(sum(o.minor) FILTER (WHERE i.due_on > %(on)s), 0)::bigint AS ahead_minor,
                   COALESCE(sum(o.minor) FILTER (WHERE %(on)s - i.due_on BETWEEN 0 AND 30), 0)::bigint AS d30_minor,
                   COALESCE(sum(o.minor) FILTER (WHERE %(on)s - i.due_on BETWEEN 31 AND 60), 0)::bigint AS d60_minor,
                   COALESCE(sum(o.minor) FILTER (WHERE %(on)s - i.due_on BETWEEN 61 AND 90), 0)::bigint AS d90_minor,
                   COALESCE(sum(o.minor) FILTER (WHERE %(on)s - i.due_on > 90), 0)::bigint AS over_minor,
                   sum(o.minor)::bigint AS total_minor
            FROM open o JOIN invoice i ON i.operator_id = %(me)s AND i.id = o.invoice_id
            WHERE o.minor <> 0 GROUP BY i.customer_id)
        SELECT a.*, c.name, c.code, {totals}, count(*) OVER () AS customers
        FROM aged a JOIN customer c ON c.operator_id = %(me)s AND c.id = a.customer_id
        ORDER BY a.total_minor DESC, a.customer_id LIMIT %(limit)s
        """,
        {
            "me": current_scope().operator_id,
            "on": on,
            "known": known_before(known_on),
            "bills": list(BILL_ENTRIES),
            "limit": limit,
        },
    )


def _customer(row: dict[str, Any], on: date) -> Row:
    cells = tuple(row[age] or None for age in AGES)
    opens = Opens("customer-account", row["customer_id"], to_on=on)
    return Row(row["name"], cells, code=row["code"], named=True, opens=opens)
