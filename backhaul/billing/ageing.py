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
# billed, paid, credited, discounted or written off, exactly as the receivable account has it. Found by its entries: of
# today there are none.
_OPEN = """
    WITH late AS MATERIALIZED (
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND effective_on > %(on)s
        UNION
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND recorded_at >= %(known)s),
    moved AS (
        SELECT i.id AS invoice_id, i.total_minor AS minor
        FROM late l JOIN invoice i ON i.operator_id = %(me)s AND i.id = l.source_id AND l.kind = ANY (%(bills)s)
        UNION ALL
        SELECT a.invoice_id, -a.amount_minor
        FROM late l JOIN allocation a ON a.operator_id = %(me)s AND a.payment_id = l.source_id
            AND l.kind IN ('customer_payment', 'payment_reversed')
        UNION ALL
        SELECT a.invoice_id, -a.amount_minor
        FROM late l JOIN allocation a ON a.operator_id = %(me)s AND a.id = l.source_id AND a.payment_id IS NULL
            AND l.kind IN ('advance_applied', 'advance_unapplied')
        UNION ALL
        SELECT n.invoice_id, -n.to_invoice_minor
        FROM late l JOIN credit_note n ON n.operator_id = %(me)s AND n.id = l.source_id AND l.kind = 'credit_note'
        UNION ALL
        SELECT j.invoice_id, -j.net_minor - j.vat_minor
        FROM late l JOIN adjustment j ON j.operator_id = %(me)s AND j.id = l.source_id AND j.kind <> 'recovered'
            AND l.kind IN ('bill_discount', 'write_off')),
    later AS (
        SELECT m.invoice_id, i.customer_id, i.due_on, sum(m.minor)::bigint AS minor
        FROM moved m JOIN invoice i ON i.operator_id = %(me)s AND i.id = m.invoice_id
        GROUP BY m.invoice_id, i.customer_id, i.due_on),
    open AS (
        SELECT COALESCE(o.customer_id, l.customer_id) AS customer_id, COALESCE(o.due_on, l.due_on) AS due_on,
               COALESCE(o.open_minor, 0) - COALESCE(l.minor, 0) AS minor
        FROM (SELECT * FROM invoice_open WHERE operator_id = %(me)s) AS o FULL JOIN later l USING (invoice_id))
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
    totals = ", ".join(f"COALESCE(sum({age}), 0)::bigint AS all_{age}" for age in AGES)
    return rows(
        f"""
        {_OPEN}, aged AS MATERIALIZED (
            SELECT customer_id,
                   COALESCE(sum(minor) FILTER (WHERE due_on > %(on)s), 0)::bigint AS ahead_minor,
                   COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 0 AND 30), 0)::bigint AS d30_minor,
                   COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 31 AND 60), 0)::bigint AS d60_minor,
                   COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 61 AND 90), 0)::bigint AS d90_minor,
                   COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on > 90), 0)::bigint AS over_minor,
                   sum(minor)::bigint AS total_minor
            FROM open WHERE minor <> 0 GROUP BY customer_id),
        every AS MATERIALIZED (SELECT count(*) AS customers, {totals} FROM aged)
        SELECT a.*, c.name, c.code, every.*
        FROM (SELECT * FROM aged ORDER BY total_minor DESC, customer_id LIMIT %(limit)s) AS a
        CROSS JOIN every
        JOIN customer c ON c.operator_id = %(me)s AND c.id = a.customer_id
        ORDER BY a.total_minor DESC, a.customer_id
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
