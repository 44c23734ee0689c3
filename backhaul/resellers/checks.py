"""Proofs over the whole business: funds, charges, bills, payments against the books at both ends (SPEC §3)."""

from __future__ import annotations

from collections.abc import Iterable

from backhaul.ledger.checks import NAMED, QUESTIONS, SIDES, Check, Question, ask


def verify(cells: Iterable[str]) -> list[Check]:
    """All checks over all books of the cells, each cell seen at one instant; sealing need not have caught up."""
    return ask((*QUESTIONS, *_EDGES, *_BILLING, *_NUMBERS), cells)


def _net(code: str, sign: str = "") -> str:
    """Debits less credits of an account within a group of sides."""
    return f"COALESCE({sign}sum(s.debit - s.credit) FILTER (WHERE s.code = '{code}'), 0)"


# What a child books of wholesale: cost, what it gives away, and the VAT that it reclaims.
_COST = " + ".join(_net(code) for code in ("wholesale_cost", "complimentary_service", "input_vat"))


def _mirror(parent_code: str, parent_sign: str, child_code: str, child_sign: str, kept: str = "") -> str:
    """One row per edge: what both books say of it, and what the fund's row and its movements say (`kept`)."""
    fund = f"SELECT parent_id, child_id, {kept or '0'} AS net FROM fund"
    change = kept.replace("posted", "fund") or "0"
    moved = f"SELECT parent_id, child_id, sum({change}) AS net FROM fund_movement GROUP BY 1, 2"
    figures = ("f.net", "m.net", "c.net", "p.net") if kept else ("c.net", "p.net")
    zeroed = [f"COALESCE({figure}, 0)" for figure in figures]
    same = " AND ".join(f"{figure} = {zeroed[-1]}" for figure in zeroed[:-1])
    words = "fund %s, movements %s, " if kept else ""
    return f"""
        SELECT CASE WHEN NOT ({same}) THEN format('%s → %s: {words}child''s books %s, parent''s books %s',
            COALESCE(po.slug, parent_id::text, '?'), COALESCE(co.slug, child_id::text, '?'), {", ".join(zeroed)})
                END AS wrong
        FROM ({fund}) AS f
        FULL JOIN ({moved}) AS m USING (parent_id, child_id)
        FULL JOIN (SELECT s.party_id AS parent_id, p.operator_id AS child_id, {child_sign}sum(s.debit - s.credit) AS net
                   FROM {SIDES} WHERE s.code = '{child_code}' GROUP BY 1, 2) AS c USING (parent_id, child_id)
        FULL JOIN (SELECT p.operator_id AS parent_id, s.party_id AS child_id, {parent_sign}sum(s.debit - s.credit)
            AS net
                   FROM {SIDES} WHERE s.code = '{parent_code}' GROUP BY 1, 2) AS p USING (parent_id, child_id)
        LEFT JOIN (SELECT id AS parent_id, slug FROM operator) AS po USING (parent_id)
        LEFT JOIN (SELECT id AS child_id, slug FROM operator) AS co USING (child_id)"""


def _gapless(table: str, column: str, counter: str) -> str:
    return f"""
        SELECT CASE WHEN COALESCE(n.rows, 0) <> COALESCE(n.highest, 0) OR COALESCE(n.lowest, 1) <> 1
                         OR c.next_number - 1 IS DISTINCT FROM COALESCE(n.highest, 0)
               THEN format('%s: %s numbers from %s to %s, the next is %s', o.slug, n.rows, n.lowest, n.highest,
                   c.next_number) END AS wrong
        FROM {counter} c FULL JOIN (
            SELECT operator_id, count(DISTINCT {column}) AS rows, min({column}) AS lowest, max({column}) AS highest
            FROM {table} GROUP BY operator_id) AS n USING (operator_id)
        {NAMED}"""


def _sub_ledger(code: str, sign: str, sub_ledger: str) -> str:
    """Per customer: the account in the books against the sub-ledger (operator_id, customer_id, amount)."""
    return f"""
        SELECT CASE WHEN COALESCE(b.net, 0) <> COALESCE(k.amount, 0)
               THEN format('%s, customer %s: books %s, sub-ledger %s', o.slug, customer_id, COALESCE(b.net, 0),
                   COALESCE(k.amount, 0)) END AS wrong
        FROM ({sub_ledger}) AS k FULL JOIN (
            SELECT p.operator_id, s.party_id AS customer_id, {sign}sum(s.debit - s.credit) AS net
            FROM {SIDES} WHERE s.code = '{code}' GROUP BY 1, 2) AS b USING (operator_id, customer_id)
        {NAMED}"""


def _posted(kinds: str, source: str, figures: dict[str, str], what: str) -> str:
    """Per event of `source` (operator_id, id, …): it has its one entry, whose postings come to what its row says.

    `figures`: column of the event → sum over the sides of its entry. An event that is all zero needs
    no entry.
    """
    sums = ", ".join(f"{expression} AS {column}" for column, expression in figures.items())
    differ = " OR ".join(f"COALESCE(b.{column}, 0) <> k.{column}" for column in figures)
    return f"""
        SELECT CASE WHEN k.id IS NULL THEN format('%s: an entry of {what} %s, which is not there', o.slug, id)
                    WHEN COALESCE(b.entries, 1) <> 1 OR {differ}
                        THEN format('%s: {what} %s is not posted as it is', o.slug, id) END AS wrong
        FROM ({source}) AS k FULL JOIN (
            SELECT e.operator_id, e.source_id AS id, count(DISTINCT e.id) AS entries, {sums}
            FROM {SIDES} JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
            WHERE e.kind IN ({kinds}) GROUP BY 1, 2) AS b USING (operator_id, id)
        {NAMED}"""


def _conserved() -> str:
    """Per ISP and quantity: the sum over the tree by four ways of counting."""
    by_tree = "JOIN operator o ON o.id = {} GROUP BY o.isp_id"
    sides = f"FROM {SIDES} " + by_tree.format("p.operator_id")
    charged = (
        "SELECT o.isp_id, sum({sum}) AS net FROM (SELECT child_id, net_minor, vat_minor FROM charge "
        "UNION ALL SELECT child_id, -net_minor, -vat_minor FROM charge_refund) AS c " + by_tree.format("c.child_id")
    )
    sale = "JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id AND e.kind LIKE 'wholesale_%' "
    sold = sides.replace("JOIN operator", sale + "JOIN operator")

    def row(quantity: str, *counts: str) -> str:
        union = " UNION ALL ".join(f"({count})" for count in counts)
        return (
            f"SELECT '{quantity}' AS quantity, isp_id, min(net) AS low, max(net) AS high, count(*) AS ways, "
            f"{len(counts)} AS wanted, bool_or(net <> 0) AS moved FROM ({union}) AS counts GROUP BY isp_id"
        )

    rows = (
        row(
            "funds",
            "SELECT o.isp_id, sum(c.posted_minor) AS net FROM fund c " + by_tree.format("c.child_id"),
            "SELECT o.isp_id, sum(c.fund_minor) FROM fund_movement c " + by_tree.format("c.child_id"),
            f"SELECT o.isp_id, {_net('fund')} {sides}",
            f"SELECT o.isp_id, {_net('operator_funds', '-')} {sides}",
        ),
        row(
            "debts",
            "SELECT o.isp_id, sum(c.owed_minor) AS net FROM fund c " + by_tree.format("c.child_id"),
            "SELECT o.isp_id, sum(c.owed_minor) FROM fund_movement c " + by_tree.format("c.child_id"),
            f"SELECT o.isp_id, {_net('receivable_operators')} {sides}",
            f"SELECT o.isp_id, {_net('payable_to_provider', '-')} {sides}",
        ),
        row(
            "wholesale revenue",
            charged.format(sum="c.net_minor"),
            f"SELECT o.isp_id, {_net('wholesale_revenue', '-')} {sold}",
            f"SELECT o.isp_id, {_COST} + {_net('vat_payable')} {sold}",
        ),
    )
    return (
        "SELECT CASE WHEN low <> high OR (moved AND ways <> wanted) "
        "THEN format('%s: %s come to %s by one way of counting and to %s by another', o.slug, quantity, low, high) "
        "END AS wrong "
        f"FROM ({' UNION ALL '.join(rows)}) AS sums JOIN operator o ON o.id = sums.isp_id"
    )


_EDGES = (
    Question(
        "edges.funds",
        "on every edge, fund with provider = operator funds = the fund's row = its movements",
        _mirror("operator_funds", "-", "fund", "", "posted_minor"),
    ),
    Question(
        "edges.debts",
        "on every edge, payable to provider = receivable from operators = the fund's row = its movements",
        _mirror("receivable_operators", "", "payable_to_provider", "-", "owed_minor"),
    ),
    Question(
        "edges.takings",
        "on every edge, takings receivable = takings owed",
        _mirror("takings_owed", "-", "takings_receivable", ""),
    ),
    Question(
        "edges.movements",
        "every movement of a fund has one entry in each of its two books, with its amounts and its day",
        f"""
        WITH posted AS (
            SELECT e.transfer_id, e.operator_id, min(e.kind) AS kind, count(DISTINCT e.id) AS entries,
                   min(e.effective_on) AS day, {_net("fund")} AS fund, {_net("operator_funds", "-")} AS funds,
                   {_net("payable_to_provider", "-")} AS payable,
                   {_net("receivable_operators")} AS receivable, abs({_net("wholesale_revenue")}) AS revenue,
                   abs({_net("vat_payable")}) AS vat, abs({_COST}) AS cost
            FROM {SIDES} JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
            WHERE e.transfer_id IS NOT NULL GROUP BY 1, 2)
        SELECT CASE WHEN c.entries IS DISTINCT FROM 1 OR p.entries IS DISTINCT FROM 1
                    THEN format('%s: movement %s has not one entry in each book', o.slug, m.id)
                    WHEN (c.kind, p.kind, c.day, p.day, c.fund, p.funds, c.payable, p.receivable) IS DISTINCT FROM
                         (m.kind, m.kind, m.moved_on, m.moved_on, m.fund_minor::numeric, m.fund_minor::numeric,
                             m.owed_minor::numeric,
                          m.owed_minor::numeric)
                      OR (p.revenue, p.vat, c.cost) IS DISTINCT FROM
                         (m.net_minor::numeric, m.vat_minor::numeric, (m.net_minor + m.vat_minor)::numeric)
                    THEN format('%s: movement %s is not posted as it is', o.slug, m.id) END AS wrong
        FROM fund_movement m
        LEFT JOIN posted c ON c.transfer_id = m.id AND c.operator_id = m.child_id
        LEFT JOIN posted p ON p.transfer_id = m.id AND p.operator_id = m.parent_id
        LEFT JOIN operator o ON o.id = m.child_id
        UNION ALL
        SELECT format('%s: an entry of movement %s, which is not there', o.slug, p.transfer_id)
        FROM posted p LEFT JOIN operator o ON o.id = p.operator_id
        WHERE NOT EXISTS (
            SELECT 1 FROM fund_movement m WHERE m.id = p.transfer_id AND p.operator_id IN (m.child_id, m.parent_id))""",
    ),
    Question(
        "edges.transfers",
        "every transfer left one child of a parent and reached another, with its amount and its day",
        """
        SELECT CASE WHEN COALESCE(m.out_minor, 0) <> -COALESCE(m.in_minor, 0) OR m.ways <> 2 OR m.days <> 1 OR m.children <> 2
                    THEN format('%s: transfer %s is not whole', o.slug, m.request_key) END AS wrong
        FROM (SELECT parent_id, request_key, count(*) AS ways, count(DISTINCT moved_on) AS days,
                     count(DISTINCT child_id) AS children, sum(fund_minor) FILTER (WHERE kind = 'transfer_out') AS out_minor,
                     sum(fund_minor) FILTER (WHERE kind = 'transfer_in') AS in_minor
              FROM fund_movement WHERE kind IN ('transfer_out', 'transfer_in') GROUP BY 1, 2) AS m
        LEFT JOIN operator o ON o.id = m.parent_id""",
    ),
    Question(
        "edges.not_overdrawn",
        "no fund is used beyond its balance and credit limit",
        """
        SELECT CASE WHEN f.posted_minor - f.held_minor + f.credit_limit_minor < 0
                    THEN format('%s: %s posted, %s held, limit %s', o.slug, f.posted_minor, f.held_minor,
                        f.credit_limit_minor) END AS wrong
        FROM fund f LEFT JOIN operator o ON o.id = f.child_id""",
    ),
    Question(
        "tree.conserved",
        "over every tree, funds, debts and wholesale come to the same by every way of counting",
        _conserved(),
    ),
)

_BILLING = (
    Question(
        "charges.movements",
        "the charges and refunds of every movement add up to it",
        """
        SELECT CASE WHEN m.id IS NULL THEN format('%s: charges of a movement %s that is not there', o.slug, movement_id)
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
        SELECT CASE WHEN i.invoice_id IS NULL AND r.running_invoice_id IS NULL
                    THEN format('%s: a charge of %s''s invoice %s, which is none of this edge', o.slug, owner_id,
                                c.invoice_id)
                    WHEN c.invoice_id IS NULL
                        THEN format('%s: not charged for %s''s invoice %s', o.slug, owner_id, i.invoice_id)
                    WHEN c.parent_id IS DISTINCT FROM o.parent_id
                         OR c.subscription_id IS DISTINCT FROM COALESCE(i.subscription_id, r.subscription_id)
                         OR c.starts_on < i.starts_on OR c.starts_on >= i.ends_on
                    THEN format('%s: the charge of invoice %s is for another period', o.slug, i.invoice_id)
                    WHEN c.movement_id IS NULL AND c.net_minor + c.vat_minor <> 0
                    THEN format('%s: the charge of invoice %s moved no money', o.slug, i.invoice_id) END AS wrong
        FROM (SELECT i.operator_id AS owner_id, i.id AS invoice_id, i.subscription_id, i.starts_on, i.ends_on,
                     unnest(o.path[2:]) AS child_id
              FROM invoice i JOIN operator o ON o.id = i.operator_id WHERE i.kind = 'period') AS i
        FULL JOIN charge c USING (child_id, owner_id, invoice_id) LEFT JOIN operator o ON o.id = child_id
        LEFT JOIN billing_state r ON r.operator_id = owner_id AND r.running_invoice_id = invoice_id
            AND r.subscription_id = c.subscription_id""",
    ),
    Question(
        "charges.once",
        "no day of a bill is charged twice on an edge, unless it was given back before",
        """
        SELECT CASE WHEN a.invoice_id IS NOT NULL
                    THEN format('%s: days from %s of invoice %s are charged twice', o.slug, c.starts_on, c.invoice_id) END AS wrong
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
        SELECT CASE WHEN c.invoice_id IS NULL OR r.net_minor > c.net_minor OR r.vat_minor > c.vat_minor OR r.last_on > c.ends_on
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
            "SELECT operator_id, id, total_minor, vat_minor FROM invoice",
            {"total_minor": _net("receivable_customers"), "vat_minor": _net("vat_payable", "-")},
            "bill",
        ),
    ),
    Question(
        "bills.credit_notes",
        "every credit note has its entry",
        _posted(
            "'credit_note'",
            "SELECT operator_id, id, to_invoice_minor, to_advance_minor, vat_minor FROM credit_note",
            {
                "to_invoice_minor": _net("receivable_customers", "-"),
                "to_advance_minor": _net("customer_advances", "-"),
                "vat_minor": _net("vat_payable"),
            },
            "credit note",
        ),
    ),
    Question(
        "bills.adjustments",
        "every discount, write-off and recovery after the bill has its entry, and no more is recovered than was lost",
        _posted(
            "'bill_discount', 'write_off', 'bad_debt_recovered'",
            "SELECT operator_id, id, CASE kind WHEN 'recovered' THEN 0 ELSE net_minor + vat_minor END AS off, "
            "CASE kind WHEN 'recovered' THEN -vat_minor ELSE vat_minor END AS vat, "
            "CASE kind WHEN 'discount' THEN net_minor ELSE 0 END AS given, "
            "CASE kind WHEN 'write_off' THEN net_minor ELSE 0 END AS lost, "
            "CASE kind WHEN 'recovered' THEN net_minor ELSE 0 END AS back FROM adjustment",
            {
                "off": _net("receivable_customers", "-"),
                "vat": _net("vat_payable"),
                "given": _net("discounts_given"),
                "lost": _net("bad_debt"),
                "back": _net("bad_debt_recovered", "-"),
            },
            "adjustment",
        )
        + """
        UNION ALL
        SELECT format('%s: more was recovered of bill %s than was written off', o.slug, a.invoice_id)
        FROM adjustment a JOIN operator o ON o.id = a.operator_id
        GROUP BY o.slug, a.invoice_id
        HAVING sum(CASE a.kind WHEN 'write_off' THEN a.net_minor + a.vat_minor
                               WHEN 'recovered' THEN -a.net_minor - a.vat_minor ELSE 0 END) < 0""",
    ),
    Question(
        "bills.credited_days",
        "nothing is credited beyond what was billed, and no day outside the bill's period",
        """
        SELECT CASE WHEN n.net > i.net_minor - i.discount_minor OR n.vat > i.vat_minor
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
        SELECT CASE WHEN i.id IS NULL
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
        "payments.posted",
        "every payment has its entry, and what it paid on bills is allocated",
        _posted(
            "'customer_payment', 'payment_reversed', 'advance_paid_back'",
            "SELECT p.operator_id, p.id, p.amount_minor, COALESCE(a.paid, 0) AS paid FROM payment p LEFT JOIN ("
            "SELECT operator_id, payment_id, sum(amount_minor) AS paid FROM allocation GROUP BY 1, 2) AS a "
            "ON a.operator_id = p.operator_id AND a.payment_id = p.id",
            {
                "amount_minor": "-sum(s.debit - s.credit) FILTER (WHERE s.party_id IS NOT NULL)",
                "paid": _net("receivable_customers", "-"),
            },
            "payment",
        ),
    ),
    Question(
        "payments.advances_applied",
        "what advances paid on bills has its entries",
        _posted(
            "'advance_applied', 'advance_unapplied'",
            "SELECT operator_id, id, amount_minor FROM allocation WHERE payment_id IS NULL",
            {"amount_minor": _net("receivable_customers", "-")},
            "allocation",
        ),
    ),
)

_NUMBERS = (
    Question("numbers.bills", "bill numbers have no gap", _gapless("invoice", "number", "invoice_numbering")),
    Question(
        "numbers.receipts", "receipt numbers have no gap", _gapless("payment", "receipt_number", "receipt_numbering")
    ),
    Question(
        "periods.overlap",
        "no day of a subscription is billed twice: a bill ends where it was given back, or where it asked for nothing",
        """
        SELECT CASE WHEN starts_on < max(ended_on)
            OVER (PARTITION BY operator_id, subscription_id ORDER BY starts_on, id
                                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
                    THEN format('%s: bill %s begins inside an earlier one', slug, number) END AS wrong
        FROM (SELECT i.operator_id, i.id, i.subscription_id, i.number, i.starts_on, o.slug,
                     CASE WHEN i.total_minor = 0 THEN i.starts_on
                          ELSE GREATEST(i.starts_on, LEAST(i.ends_on, r.from_on, c.from_on)) END AS ended_on
              FROM invoice i JOIN operator o ON o.id = i.operator_id
              LEFT JOIN (SELECT child_id, invoice_id, min(from_on) AS from_on FROM charge_refund
                         WHERE child_id = owner_id AND reason IN ('left', 'changed') GROUP BY 1, 2) AS r
                  ON r.child_id = i.operator_id AND r.invoice_id = i.id
              LEFT JOIN (SELECT operator_id, invoice_id, min(from_on) AS from_on FROM credit_note
                         WHERE reason IN ('left', 'changed') GROUP BY 1, 2) AS c
                  ON c.operator_id = i.operator_id AND c.invoice_id = i.id
              WHERE i.kind = 'period') AS periods""",
    ),
)
