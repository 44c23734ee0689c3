"""Proofs over the whole business: funds, charges, bills, payments against the books at both ends (SPEC §3)."""

from __future__ import annotations

from collections.abc import Iterable

from backhaul.ledger.checks import NAMED, QUESTIONS, SIDES, Check, Question, ask
from backhaul.resellers.drawer_checks import DRAWERS
from backhaul.resellers.edge_checks import EDGES, net
from backhaul.resellers.number_checks import NUMBERS


def verify(cells: Iterable[str]) -> list[Check]:
    """All checks over all books of the cells, each cell seen at one instant; sealing need not have caught up."""
    return ask(ALL, cells)


def _sub_ledger(code: str, sign: str, sub_ledger: str) -> str:
    """Per customer: the account in the books against the sub-ledger (operator_id, customer_id, amount)."""
    return f"""
        SELECT operator_id,
               CASE WHEN COALESCE(b.net, 0) <> COALESCE(k.amount, 0)
               THEN format('%s, customer %s: books %s, sub-ledger %s', o.slug, customer_id, COALESCE(b.net, 0),
                   COALESCE(k.amount, 0)) END AS wrong
        FROM ({sub_ledger}) AS k FULL JOIN (
            SELECT p.operator_id, s.party_id AS customer_id, {sign}sum(s.debit - s.credit) AS net
            FROM {SIDES} WHERE s.code = '{code}' GROUP BY 1, 2) AS b USING (operator_id, customer_id)
        {NAMED}"""


def _posted(kinds: str, source: str, figures: dict[str, str], what: str) -> str:
    """Per event of `source` (operator_id, id, customer_id, on_day, …): it has its one entry, of its day and its
    customer, whose postings come to what its row says.

    `figures`: column of the event → sum over the sides of its entry. An event that is all zero needs
    no entry.
    """
    sums = ", ".join(f"{expression} AS {column}" for column, expression in figures.items())
    differ = " OR ".join(f"COALESCE(b.{column}, 0) <> k.{column}" for column in figures)
    return f"""
        SELECT operator_id,
               CASE WHEN k.id IS NULL THEN format('%s: an entry of {what} %s, which is not there', o.slug, id)
                    WHEN COALESCE(b.entries, 1) <> 1 OR b.posted_on <> k.on_day OR b.party_id <> k.customer_id
                      OR {differ}
                        THEN format('%s: {what} %s is not posted as it is', o.slug, id) END AS wrong
        FROM ({source}) AS k FULL JOIN (
            SELECT e.operator_id, e.source_id AS id, count(DISTINCT e.id) AS entries, max(e.effective_on) AS posted_on,
                   max(s.party_id) FILTER (WHERE s.code IN ('receivable_customers', 'customer_advances')) AS party_id,
                   {sums}
            FROM {SIDES} JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
            WHERE e.kind IN ({kinds}) GROUP BY 1, 2) AS b USING (operator_id, id)
        {NAMED}"""


_BILLING = (
    Question(
        "charges.movements",
        "the charges and refunds of every movement add up to it",
        """
        SELECT child_id AS operator_id,
               CASE WHEN m.id IS NULL THEN format('%s: charges of a movement %s that is not there', o.slug, movement_id)
                    WHEN (COALESCE(c.net, 0), COALESCE(c.vat, 0)) <> (m.net_minor, m.vat_minor)
                    THEN format('%s: movement %s is %s + %s, its charges are %s + %s', o.slug, m.id, m.net_minor,
                                m.vat_minor, c.net, c.vat)
                    END AS wrong
        FROM (SELECT child_id, id AS movement_id, id, net_minor, vat_minor
            FROM fund_movement WHERE kind LIKE 'wholesale_%') AS m
        FULL JOIN (SELECT child_id, movement_id, sum(net_minor) AS net, sum(vat_minor) AS vat
                   FROM (SELECT child_id, movement_id, net_minor, vat_minor FROM charge
                         UNION ALL SELECT child_id, movement_id, net_minor, vat_minor FROM charge_refund) AS charges
                   WHERE movement_id IS NOT NULL GROUP BY 1, 2) AS c USING (child_id, movement_id)
        LEFT JOIN operator o ON o.id = child_id""",
    ),
    Question(
        "charges.invoices",
        "every billed period is charged from its start on every edge up to the ISP, and nothing outside of it is",
        """
        SELECT child_id AS operator_id,
               CASE WHEN i.invoice_id IS NULL AND r.running_invoice_id IS NULL
                    THEN format('%s: a charge of %s''s invoice %s, which is none of this edge', o.slug, owner_id,
                                c.invoice_id)
                    WHEN c.invoice_id IS NULL
                        THEN format('%s: not charged for %s''s invoice %s', o.slug, owner_id, i.invoice_id)
                    WHEN c.parent_id IS DISTINCT FROM o.parent_id
                         OR c.subscription_id IS DISTINCT FROM COALESCE(i.subscription_id, r.subscription_id)
                         OR c.starts_on < i.starts_on
                         OR (c.starts_on >= i.ends_on AND NOT EXISTS (     -- the day of a change, given back for it
                                SELECT 1 FROM charge_refund g
                                WHERE (g.child_id, g.owner_id, g.invoice_id, g.starts_on, g.part, g.from_on, g.to_on)
                                    = (c.child_id, c.owner_id, c.invoice_id, c.starts_on, c.part, c.starts_on,
                                       c.ends_on)))
                         OR (c.ends_on > i.ends_on AND i.billed_days IS NULL)
                    THEN format('%s: the charge of invoice %s is for another period', o.slug, i.invoice_id)
                    WHEN c.movement_id IS NULL AND c.net_minor + c.vat_minor <> 0
                    THEN format('%s: the charge of invoice %s moved no money', o.slug, i.invoice_id)
                    WHEN c.net_minor <> prorate(c.price_minor, c.from_day, c.from_day + (c.ends_on - c.starts_on),
                                                c.cycle_days)
                    THEN format('%s: the charge of invoice %s is not what its price comes to', o.slug, i.invoice_id)
                    END AS wrong
        FROM (SELECT i.operator_id AS owner_id, i.id AS invoice_id, i.subscription_id, i.starts_on, i.ends_on,
                     i.billed_days, unnest(o.path[2:]) AS child_id
              FROM invoice i JOIN operator o ON o.id = i.operator_id WHERE i.kind = 'period') AS i
        FULL JOIN charge c USING (child_id, owner_id, invoice_id) LEFT JOIN operator o ON o.id = child_id
        LEFT JOIN billing_state r ON r.operator_id = owner_id AND r.running_invoice_id = invoice_id
            AND r.subscription_id = c.subscription_id""",
    ),
    Question(
        "charges.once",
        "no day of a bill is charged twice on an edge, unless it was given back before; each later part follows one",
        """
        SELECT c.child_id AS operator_id,
               CASE WHEN a.invoice_id IS NOT NULL
                    THEN format('%s: days from %s of invoice %s are charged twice', o.slug, c.starts_on, c.invoice_id)
                    WHEN c.part > 0 AND NOT (
                        EXISTS (SELECT 1 FROM charge b WHERE (b.child_id, b.owner_id, b.invoice_id, b.part)
                                                           = (c.child_id, c.owner_id, c.invoice_id, c.part - 1))
                        AND EXISTS (SELECT 1 FROM charge b
                                    WHERE b.child_id = c.child_id AND b.owner_id = c.owner_id
                                      AND b.invoice_id = c.invoice_id
                                      AND b.part < c.part AND b.starts_on < c.ends_on AND b.ends_on > c.starts_on))
                    THEN format('%s: part %s from %s of invoice %s charges nothing again', o.slug, c.part, c.starts_on,
                                c.invoice_id)
                    END AS wrong
        FROM charge c LEFT JOIN operator o ON o.id = c.child_id
        LEFT JOIN charge a ON (a.child_id, a.owner_id, a.invoice_id) = (c.child_id, c.owner_id, c.invoice_id)
            AND (a.starts_on, a.part) < (c.starts_on, c.part) AND a.ends_on > c.starts_on
            AND a.price_minor > 0 AND c.price_minor > 0
            AND NOT EXISTS (SELECT 1 FROM charge_refund r
                            WHERE (r.child_id, r.owner_id, r.invoice_id, r.starts_on, r.part)
                                = (a.child_id, a.owner_id, a.invoice_id, a.starts_on, a.part)
                              AND c.starts_on >= r.from_on AND c.starts_on < r.to_on)""",
    ),
    Question(
        "charges.refunds",
        "nothing is refunded beyond what was charged, by the row and by the day",
        """
        SELECT r.child_id AS operator_id,
               CASE WHEN c.invoice_id IS NULL OR r.net_minor > c.net_minor OR r.vat_minor > c.vat_minor
                         OR r.last_on > c.ends_on
                         OR r.net_minor > r.worth_minor
                    THEN format('%s: the refund of invoice %s exceeds its charge', o.slug, r.invoice_id)
                    WHEN r.moved_nothing
                    THEN format('%s: the refund of invoice %s moved no money', o.slug, r.invoice_id) END AS wrong
        FROM (SELECT b.child_id, b.owner_id, b.invoice_id, b.starts_on, b.part, sum(b.net_minor) AS net_minor,
                     sum(b.vat_minor) AS vat_minor, max(b.to_on) AS last_on,
                     sum(prorate(c.price_minor, c.from_day + (b.from_on - c.starts_on),
                                 c.from_day + (b.to_on - c.starts_on), c.cycle_days)) AS worth_minor,
                     bool_or(b.movement_id IS NULL AND b.net_minor + b.vat_minor <> 0) AS moved_nothing
              FROM charge_refund b LEFT JOIN charge c USING (child_id, owner_id, invoice_id, starts_on, part)
              GROUP BY 1, 2, 3, 4, 5) AS r
        LEFT JOIN charge c USING (child_id, owner_id, invoice_id, starts_on, part)
        LEFT JOIN operator o ON o.id = r.child_id""",
    ),
    Question(
        "bills.posted",
        "every bill has its entry, with its total and its VAT",
        _posted(
            "'retail_invoice', 'opening_due', 'one_off_invoice', 'late_fee'",
            "SELECT operator_id, id, customer_id, issued_on AS on_day, total_minor, vat_minor FROM invoice",
            {"total_minor": net("receivable_customers"), "vat_minor": net("vat_payable", "-")},
            "bill",
        ),
    ),
    Question(
        "bills.credit_notes",
        "every credit note has its entry",
        _posted(
            "'credit_note'",
            "SELECT operator_id, id, customer_id, issued_on AS on_day, to_invoice_minor, to_advance_minor, vat_minor "
            "FROM credit_note",
            {
                "to_invoice_minor": net("receivable_customers", "-"),
                "to_advance_minor": net("customer_advances", "-"),
                "vat_minor": net("vat_payable"),
            },
            "credit note",
        ),
    ),
    Question(
        "bills.adjustments",
        "every discount, write-off and recovery after the bill has its entry, and no more is recovered than was lost",
        _posted(
            "'bill_discount', 'write_off', 'bad_debt_recovered'",
            "SELECT operator_id, id, customer_id, adjusted_on AS on_day, "
            "CASE kind WHEN 'recovered' THEN 0 ELSE net_minor + vat_minor END AS off, "
            "CASE kind WHEN 'recovered' THEN -vat_minor ELSE vat_minor END AS vat, "
            "CASE kind WHEN 'discount' THEN net_minor ELSE 0 END AS given, "
            "CASE kind WHEN 'write_off' THEN net_minor ELSE 0 END AS lost, "
            "CASE kind WHEN 'recovered' THEN net_minor ELSE 0 END AS back FROM adjustment",
            {
                "off": net("receivable_customers", "-"),
                "vat": net("vat_payable"),
                "given": net("discounts_given"),
                "lost": net("bad_debt"),
                "back": net("bad_debt_recovered", "-"),
            },
            "adjustment",
        )
        + """
        UNION ALL
        SELECT a.operator_id, format('%s: more was recovered of bill %s than was written off', o.slug, a.invoice_id)
        FROM adjustment a JOIN operator o ON o.id = a.operator_id
        GROUP BY o.slug, a.operator_id, a.invoice_id
        HAVING sum(CASE a.kind WHEN 'write_off' THEN a.net_minor + a.vat_minor
                               WHEN 'recovered' THEN -a.net_minor - a.vat_minor ELSE 0 END) < 0""",
    ),
    Question(
        "bills.credited_days",
        "nothing is credited beyond what was billed, and no day outside the bill's period",
        """
        SELECT i.operator_id,
               CASE WHEN n.net > i.net_minor - i.discount_minor + GREATEST(i.rounding_minor, 0) OR n.vat > i.vat_minor
                         OR n.first_on < i.starts_on OR n.last_on > i.ends_on
                    THEN format('%s: credits of bill %s exceed it', o.slug, i.number) END AS wrong
        FROM (SELECT operator_id, invoice_id, sum(net_minor) AS net, sum(vat_minor) AS vat, min(from_on) AS first_on,
                     max(to_on) AS last_on FROM credit_note GROUP BY 1, 2) AS n
        JOIN invoice i ON i.operator_id = n.operator_id AND i.id = n.invoice_id
        JOIN operator o ON o.id = i.operator_id""",
    ),
    Question(
        "bills.open",
        "what is open on every bill = its total − what was paid − what was credited, discounted or written off",
        """
        SELECT COALESCE(i.operator_id, k.operator_id) AS operator_id,
               CASE WHEN i.id IS NULL
                    THEN format('%s: %s open on a bill %s that is not there', o.slug, k.open_minor, k.invoice_id)
                    WHEN COALESCE(k.open_minor, 0)
                         <> i.total_minor - COALESCE(a.paid, 0) - COALESCE(c.credited, 0) - COALESCE(d.adjusted, 0)
                    THEN format(
                        '%s: bill %s is open with %s instead of %s', o.slug, i.number, COALESCE(k.open_minor, 0),
                        i.total_minor - COALESCE(a.paid, 0) - COALESCE(c.credited, 0) - COALESCE(d.adjusted, 0))
                    WHEN (k.customer_id, k.due_on, k.number) <> (i.customer_id, i.due_on, i.number)
                    THEN format('%s: bill %s is open under another customer, day or number', o.slug, i.number)
                        END AS wrong
        FROM invoice i
        LEFT JOIN (SELECT operator_id, invoice_id, sum(amount_minor) AS paid FROM allocation GROUP BY 1, 2) AS a
            ON a.operator_id = i.operator_id AND a.invoice_id = i.id
        LEFT JOIN (SELECT operator_id, invoice_id, sum(to_invoice_minor) AS credited FROM credit_note GROUP BY 1, 2)
            AS c
            ON c.operator_id = i.operator_id AND c.invoice_id = i.id
        LEFT JOIN (SELECT operator_id, invoice_id, sum(net_minor + vat_minor) AS adjusted FROM adjustment
                   WHERE kind <> 'recovered' GROUP BY 1, 2) AS d
            ON d.operator_id = i.operator_id AND d.invoice_id = i.id
        FULL JOIN invoice_open k ON k.operator_id = i.operator_id AND k.invoice_id = i.id
        LEFT JOIN operator o ON o.id = COALESCE(i.operator_id, k.operator_id)""",
    ),
    Question(
        "bills.customers",
        "a bill, its service, what pays it and what is taken off are of one customer; a payment pays on its day",
        """
        SELECT i.operator_id, CASE WHEN s.customer_id IS DISTINCT FROM i.customer_id
                    THEN format('%s: bill %s is of another customer than its service', o.slug, i.number) END AS wrong
        FROM invoice i LEFT JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id
        LEFT JOIN operator o ON o.id = i.operator_id
        UNION ALL
        SELECT a.operator_id, CASE WHEN i.customer_id IS DISTINCT FROM a.customer_id
                    OR (p.customer_id, p.received_on) IS DISTINCT FROM (a.customer_id, a.allocated_on)
                    THEN format('%s: part %s of a payment is of another customer, bill or day', o.slug, a.id) END
        FROM allocation a LEFT JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id
        LEFT JOIN payment p ON p.operator_id = a.operator_id AND p.id = a.payment_id
        LEFT JOIN operator o ON o.id = a.operator_id WHERE a.payment_id IS NOT NULL
        UNION ALL
        SELECT k.operator_id, CASE WHEN i.customer_id IS DISTINCT FROM k.customer_id
                    THEN format('%s: what is taken off bill %s is of another customer', o.slug, k.invoice_id) END
        FROM (SELECT operator_id, invoice_id, customer_id FROM allocation WHERE payment_id IS NULL
              UNION ALL SELECT operator_id, invoice_id, customer_id FROM credit_note
              UNION ALL SELECT operator_id, invoice_id, customer_id FROM adjustment) AS k
        LEFT JOIN invoice i ON i.operator_id = k.operator_id AND i.id = k.invoice_id
        LEFT JOIN operator o ON o.id = k.operator_id""",
    ),
    Question(
        "customers.dues",
        "receivable from each customer = what is open on its bills",
        _sub_ledger(
            "receivable_customers",
            "",
            "SELECT operator_id, customer_id, sum(open_minor) AS amount FROM invoice_open GROUP BY 1, 2",
        ),
    ),
    Question(
        "customers.advances",
        "advances in the books = what each customer holds in advance",
        _sub_ledger(
            "customer_advances", "-", "SELECT operator_id, customer_id, advance_minor AS amount FROM customer_advance"
        ),
    ),
    Question(
        "customers.deposits",
        "deposits in the books = what each customer left, less what was kept and given back",
        _sub_ledger(
            "customer_deposits",
            "-",
            "SELECT operator_id, customer_id, sum(amount_minor) AS amount FROM deposit GROUP BY 1, 2",
        ),
    ),
    Question(
        "bills.unearned",
        "unearned revenue = bills for longer than a month less what their months earned, and cost ahead likewise",
        """
        SELECT operator_id,
               CASE WHEN COALESCE(b.net, 0) <> COALESCE(i.minor, 0) - COALESCE(m.minor, 0)
                    THEN format('%s: unearned revenue %s in the books, bills %s less %s earned', o.slug,
                        COALESCE(b.net, 0), COALESCE(i.minor, 0), COALESCE(m.minor, 0))
                    WHEN COALESCE(i.minor, 0) < COALESCE(m.minor, 0)
                    THEN format('%s: more was earned of long bills than they came to', o.slug)
                    WHEN COALESCE(b.cost, 0) <> COALESCE(m.cost, 0)
                    THEN format('%s: cost of months ahead %s in the books, the last month kept %s', o.slug,
                        COALESCE(b.cost, 0), COALESCE(m.cost, 0)) END AS wrong
        FROM (SELECT operator_id, sum(net_minor - discount_minor) AS minor FROM invoice
              WHERE kind = 'period' AND ends_on - starts_on > 31 AND is_ahead(starts_on, ends_on, issued_on)
              GROUP BY 1) AS i
        FULL JOIN (SELECT operator_id, sum(released_minor) AS minor,
                          (array_agg(cost_minor ORDER BY month_on DESC))[1] AS cost
                   FROM unearned_month GROUP BY 1) AS m USING (operator_id)
        FULL JOIN (SELECT p.operator_id, """
        + net("unearned_revenue", "-")
        + " AS net, "
        + net("wholesale_ahead")
        + """ AS cost
                   FROM """
        + SIDES
        + """ JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
                   WHERE s.code IN ('unearned_revenue', 'wholesale_ahead')
                     AND e.kind IN ('retail_invoice', 'revenue_released')
                   GROUP BY 1) AS b USING (operator_id)
        """
        + NAMED,
    ),
    Question(
        "payments.posted",
        "every payment has its entry, and what it paid on bills is allocated",
        _posted(
            "'customer_payment', 'payment_reversed', 'advance_paid_back'",
            "SELECT p.operator_id, p.id, p.customer_id, p.received_on AS on_day, p.amount_minor, "
            "COALESCE(a.paid, 0) AS paid FROM payment p LEFT JOIN ("
            "SELECT operator_id, payment_id, sum(amount_minor) AS paid FROM allocation GROUP BY 1, 2) AS a "
            "ON a.operator_id = p.operator_id AND a.payment_id = p.id",
            {
                "amount_minor": f"{net('receivable_customers', '-')} + {net('customer_advances', '-')}",
                "paid": net("receivable_customers", "-"),
            },
            "payment",
        ),
    ),
    Question(
        "payments.advances_applied",
        "what advances paid on bills has its entries",
        _posted(
            "'advance_applied', 'advance_unapplied'",
            "SELECT operator_id, id, customer_id, allocated_on AS on_day, amount_minor FROM allocation "
            "WHERE payment_id IS NULL",
            {"amount_minor": net("receivable_customers", "-")},
            "allocation",
        ),
    ),
)

ALL = (*QUESTIONS, *EDGES, *_BILLING, *DRAWERS, *NUMBERS)
