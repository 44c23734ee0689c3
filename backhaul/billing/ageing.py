"""What customers of the acting operator owe, by how long it is due: the receivable account, bill by bill (SPEC A12)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_noop as words

from backhaul.billing.owed import LATER, MOST_LATE, OPEN, OwedCount, find_owed_count
from backhaul.billing.queries import BILL_ENTRIES
from backhaul.ledger.balances import known_before, sum_balance
from backhaul.ledger.statements import Column, Opens, Row, Section, Statement
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

RECEIVABLE = "receivable_customers"
AGES = ("ahead_minor", "d30_minor", "d60_minor", "d90_minor", "over_minor", "total_minor")
_BY_AGE = """
    COALESCE(sum(minor) FILTER (WHERE due_on > %(on)s), 0)::bigint AS ahead_minor,
    COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 0 AND 30), 0)::bigint AS d30_minor,
    COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 31 AND 60), 0)::bigint AS d60_minor,
    COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on BETWEEN 61 AND 90), 0)::bigint AS d90_minor,
    COALESCE(sum(minor) FILTER (WHERE %(on)s - due_on > 90), 0)::bigint AS over_minor,
    COALESCE(sum(minor), 0)::bigint AS total_minor
"""
_SHOWN = """
    SELECT a.*, c.name, c.code, every.*
    FROM (SELECT * FROM aged ORDER BY total_minor DESC, customer_id LIMIT %(limit)s) AS a
    CROSS JOIN every
    JOIN customer c ON c.operator_id = %(me)s AND c.id = a.customer_id
    ORDER BY a.total_minor DESC, a.customer_id
"""
# All open bills are read. What is dated after the day or became known too late is found by its entries: of today there
# are none.
_OF_ALL = f"""
    WITH late AS MATERIALIZED (
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND effective_on > %(on)s
        UNION
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND recorded_at >= %(known)s),
    {OPEN},
    aged AS MATERIALIZED (SELECT customer_id, {_BY_AGE} FROM open WHERE minor <> 0 GROUP BY customer_id),
    every AS MATERIALIZED (
        SELECT count(*) AS customers, {", ".join(f"COALESCE(sum({age}), 0)::bigint AS all_{age}" for age in AGES)}
        FROM aged)
    {_SHOWN}
"""
# The bills of who owed most at the last count and of who changed since; sums are those of the count, and the changes.
_OF_COUNT = f"""
    WITH late AS MATERIALIZED (
        SELECT kind, source_id FROM entry WHERE operator_id = %(me)s AND xid >= %(seen_before)s::xid8
        LIMIT {MOST_LATE + 1}),
    {LATER},
    changed AS MATERIALIZED (SELECT DISTINCT customer_id FROM later),
    bill AS MATERIALIZED (
        SELECT o.* FROM (SELECT unnest(%(most)s::bigint[]) AS customer_id UNION SELECT customer_id FROM changed) AS w
        CROSS JOIN LATERAL (SELECT customer_id, invoice_id, due_on, open_minor AS minor FROM invoice_open
                            WHERE operator_id = %(me)s AND customer_id = w.customer_id OFFSET 0) AS o),
    aged AS MATERIALIZED (SELECT customer_id, {_BY_AGE} FROM bill GROUP BY customer_id),
    owed_before AS (
        SELECT DISTINCT customer_id
        FROM (SELECT * FROM bill WHERE customer_id IN (SELECT customer_id FROM changed)) AS b
        FULL JOIN later l USING (customer_id, invoice_id)
        WHERE COALESCE(b.minor, 0) <> COALESCE(l.minor, 0)),
    summed AS (
        SELECT {_BY_AGE} FROM (
            SELECT key::date AS due_on, value::bigint AS minor FROM jsonb_each_text(%(by_due)s::jsonb)
            UNION ALL SELECT due_on, minor FROM later) AS days),
    every AS MATERIALIZED (
        SELECT {", ".join(f"{age} AS all_{age}" for age in AGES)},
               %(customers)s - (SELECT count(*) FROM owed_before) + (
                   SELECT count(*) FROM aged WHERE customer_id IN (SELECT customer_id FROM changed)) AS customers,
               (SELECT count(*) FROM late) AS late,
               (SELECT count(*) FROM changed WHERE customer_id = ANY (%(most)s::bigint[])) AS changed
        FROM summed)
    {_SHOWN}
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
    count = find_owed_count(on) if known_on is None else None
    counted = None if count is None else _by_count(count, on, limit)
    if counted is not None:
        return counted
    return rows(
        _OF_ALL,
        {
            "me": current_scope().operator_id,
            "on": on,
            "known": known_before(known_on),
            "bills": list(BILL_ENTRIES),
            "limit": limit,
        },
    )


def _by_count(count: OwedCount, on: date, limit: int) -> list[dict[str, Any]] | None:
    """None: too much changed since the count, or more rows are asked for than it ranks."""
    if not count.ranks(limit, changed=0):
        return None
    found = rows(
        _OF_COUNT,
        {
            "me": current_scope().operator_id,
            "on": on,
            "bills": list(BILL_ENTRIES),
            "limit": limit,
            "seen_before": count.seen_before,
            "by_due": count.by_due,
            "customers": count.customers,
            "most": count.most,
        },
    )
    if not found or found[0]["late"] > MOST_LATE or not count.ranks(limit, changed=found[0]["changed"]):
        return None
    return found


def _customer(row: dict[str, Any], on: date) -> Row:
    cells = tuple(row[age] or None for age in AGES)
    opens = Opens("customer-account", row["customer_id"], to_on=on)
    return Row(row["name"], cells, code=row["code"], named=True, opens=opens)
