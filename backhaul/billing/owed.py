"""What the customers of a large operator owe, counted ahead: too many bills to add them up for each page (SPEC A12).

A count says which transactions it saw. What is owed at any later instant is the count and what later entries moved,
bill by bill: exactly the sum of the open bills.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.billing.queries import BILL_ENTRIES
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

KEPT = 300  # customers who owe most
MOST_LATE = 2_000  # entries since a count; of more it is of no use
ZONES = 12

# What `late` entries (kind, source_id) moved on each bill: what was billed, paid, credited, discounted or written off,
# exactly as the receivable account has it.
LATER = """
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
    later AS MATERIALIZED (
        SELECT m.invoice_id, i.customer_id, i.due_on, sum(m.minor)::bigint AS minor
        FROM moved m JOIN invoice i ON i.operator_id = %(me)s AND i.id = m.invoice_id
        GROUP BY m.invoice_id, i.customer_id, i.due_on)
"""
# What is open now less what moved later: what was open before.
OPEN = f"""
    {LATER},
    open AS (
        SELECT COALESCE(o.customer_id, l.customer_id) AS customer_id, COALESCE(o.due_on, l.due_on) AS due_on,
               COALESCE(o.open_minor, 0) - COALESCE(l.minor, 0) AS minor
        FROM (SELECT * FROM invoice_open WHERE operator_id = %(me)s) AS o FULL JOIN later l USING (invoice_id))
"""


@dataclass(frozen=True)
class OwedCount:
    """What was owed once all entries of transactions before `seen_before` were there, and none of a later one.

    `by_due`: by the day on which it is due; `customers`: how many owe; `most`: those KEPT who owe most.
    """

    seen_before: str
    by_due: str
    customers: int
    most: list[int]

    def ranks(self, at_most: int, *, changed: int) -> bool:
        """Whether the first so many now are among `most` and those who changed since, if so many of `most` did."""
        return self.customers <= len(self.most) or len(self.most) - changed >= at_most


def count_owed(operator_id: int, *, today: date, now: datetime, using: str) -> None:
    """Count what the customers of an operator owe, as of the last seal of its books; in zones as of now."""
    execute(
        f"""
        WITH seen AS MATERIALIZED (SELECT sealed_before FROM books WHERE operator_id = %(me)s),
        late AS MATERIALIZED (
            SELECT kind, source_id FROM entry
            WHERE operator_id = %(me)s AND xid >= (SELECT sealed_before FROM seen)),
        {OPEN},
        bill AS MATERIALIZED (SELECT * FROM open WHERE minor <> 0),
        owed AS MATERIALIZED (SELECT customer_id, sum(minor) AS minor FROM bill GROUP BY customer_id)
        INSERT INTO owed_count AS c (operator_id, seen_before, by_due, customers, most, zones, on_date, counted_at)
        SELECT %(me)s, seen.sealed_before,
               (SELECT COALESCE(jsonb_object_agg(d.due_on, d.minor), '{{}}')
                FROM (SELECT due_on, sum(minor) AS minor FROM bill GROUP BY due_on) AS d),
               (SELECT count(*) FROM owed),
               ARRAY(SELECT customer_id FROM owed ORDER BY minor DESC, customer_id LIMIT {KEPT}),
               (SELECT COALESCE(jsonb_agg(z), '[]') FROM (
                    SELECT c.zone_id, count(DISTINCT i.customer_id) AS customers, sum(i.open_minor) AS due_minor
                    FROM invoice_open i JOIN customer c ON c.operator_id = %(me)s AND c.id = i.customer_id
                    WHERE i.operator_id = %(me)s AND i.due_on <= %(today)s
                    GROUP BY c.zone_id ORDER BY due_minor DESC, c.zone_id LIMIT {ZONES}) AS z),
               %(today)s, %(now)s
        FROM seen
        ON CONFLICT (operator_id) DO UPDATE SET seen_before = EXCLUDED.seen_before, by_due = EXCLUDED.by_due,
            customers = EXCLUDED.customers, most = EXCLUDED.most, zones = EXCLUDED.zones,
            on_date = EXCLUDED.on_date, counted_at = EXCLUDED.counted_at
        """,
        {"me": operator_id, "today": today, "now": now, "bills": list(BILL_ENTRIES)},
        using=using,
    )


def find_owed_count(on: date) -> OwedCount | None:
    """The acting operator's, if what was owed at the end of a day follows from it: nothing is dated after that day."""
    found = rows(
        """
        SELECT c.seen_before::text AS seen_before, c.by_due::text AS by_due, c.customers, c.most
        FROM owed_count c WHERE c.operator_id = %(me)s AND NOT EXISTS (
            SELECT 1 FROM entry WHERE operator_id = %(me)s AND effective_on > %(on)s)
        """,
        {"me": current_scope().operator_id, "on": on},
    )
    return OwedCount(**found[0]) if found else None


def sum_dues_by_zone(today: date) -> tuple[list[dict[str, Any]], datetime | None]:
    """What customers owe by today, by zone, the most first: zone_id (None: in no zone), zone, customers, due_minor.

    And as of when, where that was counted ahead; None: now.
    """
    me = current_scope().operator_id
    counted = rows(
        "SELECT d.zone_id, z.name AS zone, d.customers, d.due_minor, o.counted_at FROM owed_count o LEFT JOIN LATERAL "
        "jsonb_to_recordset(o.zones) AS d (zone_id bigint, customers bigint, due_minor bigint) ON true "
        "LEFT JOIN zone z ON z.operator_id = o.operator_id AND z.id = d.zone_id "
        "WHERE o.operator_id = %s AND o.on_date = %s ORDER BY d.due_minor DESC, d.zone_id",
        [me, today],
    )
    if counted:
        [counted_at] = {row.pop("counted_at") for row in counted}
        return [row for row in counted if row["customers"]], counted_at
    found = rows(
        "SELECT c.zone_id, z.name AS zone, count(DISTINCT i.customer_id) AS customers, "
        "sum(i.open_minor)::bigint AS due_minor FROM invoice_open i "
        "JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id "
        "LEFT JOIN zone z ON z.operator_id = c.operator_id AND z.id = c.zone_id "
        "WHERE i.operator_id = %s AND i.due_on <= %s GROUP BY 1, 2 ORDER BY due_minor DESC, c.zone_id LIMIT %s",
        [me, today, ZONES],
    )
    return found, None
