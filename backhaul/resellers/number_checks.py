"""Proofs over what is counted without a gap: numbers of bills and receipts, billed days of a service (SPEC §3)."""

from __future__ import annotations

from backhaul.ledger.checks import NAMED, Question


def _gapless(table: str, column: str, counter: str) -> str:
    return f"""
        SELECT operator_id,
               CASE WHEN COALESCE(n.rows, 0) <> COALESCE(n.highest, 0) OR COALESCE(n.lowest, 1) <> 1
                         OR c.next_number - 1 IS DISTINCT FROM COALESCE(n.highest, 0)
               THEN format('%s: %s numbers from %s to %s, the next is %s', o.slug, n.rows, n.lowest, n.highest,
                   c.next_number) END AS wrong
        FROM {counter} c FULL JOIN (
            SELECT operator_id, count(DISTINCT {column}) AS rows, min({column}) AS lowest, max({column}) AS highest
            FROM {table} GROUP BY operator_id) AS n USING (operator_id)
        {NAMED}"""


NUMBERS = (
    Question("numbers.bills", "bill numbers have no gap", _gapless("invoice", "number", "invoice_numbering")),
    Question(
        "numbers.receipts", "receipt numbers have no gap", _gapless("payment", "receipt_number", "receipt_numbering")
    ),
    Question(
        "periods.overlap",
        "no day of a subscription is billed twice: a bill ends where it was given back or nothing of it is left",
        """
        SELECT operator_id, CASE WHEN starts_on < max(ended_on)
            OVER (PARTITION BY operator_id, subscription_id ORDER BY starts_on, id
                                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                    THEN format('%s: bill %s begins inside an earlier one', slug, number) END AS wrong
        FROM (SELECT i.operator_id, i.id, i.subscription_id, i.number, i.starts_on, o.slug,
                     CASE WHEN i.total_minor <= COALESCE(g.given_up_minor, 0) THEN i.starts_on
                          ELSE GREATEST(i.starts_on, LEAST(i.ends_on, r.from_on, c.from_on)) END AS ended_on
              FROM invoice i JOIN operator o ON o.id = i.operator_id
              LEFT JOIN (SELECT child_id, invoice_id, min(from_on) AS from_on FROM charge_refund
                         WHERE child_id = owner_id AND reason IN ('left', 'changed') GROUP BY 1, 2) AS r
                  ON r.child_id = i.operator_id AND r.invoice_id = i.id
              LEFT JOIN (SELECT operator_id, invoice_id, min(from_on) AS from_on FROM credit_note
                         WHERE reason IN ('left', 'changed') GROUP BY 1, 2) AS c
                  ON c.operator_id = i.operator_id AND c.invoice_id = i.id
              LEFT JOIN (SELECT operator_id, invoice_id, sum(minor) AS given_up_minor
                         FROM (SELECT operator_id, invoice_id, net_minor + vat_minor AS minor FROM credit_note
                               UNION ALL SELECT operator_id, invoice_id, net_minor + vat_minor FROM adjustment
                               WHERE kind IN ('discount', 'write_off')) AS parts GROUP BY 1, 2) AS g
                  ON g.operator_id = i.operator_id AND g.invoice_id = i.id
              WHERE i.kind = 'period') AS periods""",
    ),
)
