"""Proofs over the edges: funds, debts, takings, movements and transfers against the books at both ends (SPEC §3)."""

from __future__ import annotations

from backhaul.ledger.checks import SIDES, Question


def net(code: str, sign: str = "") -> str:
    """Debits less credits of an account within a group of sides."""
    return f"COALESCE({sign}sum(s.debit - s.credit) FILTER (WHERE s.code = '{code}'), 0)"


# What a child books of wholesale: cost, what it gives away, and the VAT that it reclaims.
_COST = " + ".join(net(code) for code in ("wholesale_cost", "complimentary_service", "input_vat"))


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
        SELECT child_id AS operator_id,
               CASE WHEN NOT ({same}) THEN format('%s → %s: {words}child''s books %s, parent''s books %s',
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
            f"SELECT o.isp_id, {net('fund')} {sides}",
            f"SELECT o.isp_id, {net('operator_funds', '-')} {sides}",
        ),
        row(
            "debts",
            "SELECT o.isp_id, sum(c.owed_minor) AS net FROM fund c " + by_tree.format("c.child_id"),
            "SELECT o.isp_id, sum(c.owed_minor) FROM fund_movement c " + by_tree.format("c.child_id"),
            f"SELECT o.isp_id, {net('receivable_operators')} {sides}",
            f"SELECT o.isp_id, {net('payable_to_provider', '-')} {sides}",
        ),
        row(
            "wholesale revenue",
            charged.format(sum="c.net_minor"),
            f"SELECT o.isp_id, {net('wholesale_revenue', '-')} {sold}",
            f"SELECT o.isp_id, {_COST} + {net('vat_payable')} {sold}",
        ),
    )
    return (
        "SELECT o.id AS operator_id, CASE WHEN low <> high OR (moved AND ways <> wanted) "
        "THEN format('%s: %s come to %s by one way of counting and to %s by another', o.slug, quantity, low, high) "
        "END AS wrong "
        f"FROM ({' UNION ALL '.join(rows)}) AS sums JOIN operator o ON o.id = sums.isp_id"
    )


EDGES = (
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
                   min(e.effective_on) AS day, {net("fund")} AS fund, {net("operator_funds", "-")} AS funds,
                   {net("payable_to_provider", "-")} AS payable,
                   {net("receivable_operators")} AS receivable, abs({net("wholesale_revenue")}) AS revenue,
                   abs({net("vat_payable")}) AS vat, abs({_COST}) AS cost
            FROM {SIDES} JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id
            WHERE e.transfer_id IS NOT NULL GROUP BY 1, 2)
        SELECT m.child_id AS operator_id,
               CASE WHEN c.entries IS DISTINCT FROM 1 OR p.entries IS DISTINCT FROM 1
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
        SELECT p.operator_id, format('%s: an entry of movement %s, which is not there', o.slug, p.transfer_id)
        FROM posted p LEFT JOIN operator o ON o.id = p.operator_id
        WHERE NOT EXISTS (
            SELECT 1 FROM fund_movement m WHERE m.id = p.transfer_id AND p.operator_id IN (m.child_id, m.parent_id))""",
    ),
    Question(
        "edges.transfers",
        "every transfer left one child of a parent and reached another, with its amount and its day",
        """
        SELECT m.parent_id AS operator_id,
               CASE WHEN COALESCE(m.out_minor, 0) <> -COALESCE(m.in_minor, 0) OR m.ways <> 2 OR m.days <> 1
                         OR m.children <> 2
                    THEN format('%s: transfer %s is not whole', o.slug, m.request_key) END AS wrong
        FROM (SELECT parent_id, request_key, count(*) AS ways, count(DISTINCT moved_on) AS days,
                     count(DISTINCT child_id) AS children,
                     sum(fund_minor) FILTER (WHERE kind = 'transfer_out') AS out_minor,
                     sum(fund_minor) FILTER (WHERE kind = 'transfer_in') AS in_minor
              FROM fund_movement WHERE kind IN ('transfer_out', 'transfer_in') GROUP BY 1, 2) AS m
        LEFT JOIN operator o ON o.id = m.parent_id""",
    ),
    Question(
        "edges.statements",
        "every statement of a fund is what the movements that it covers come to",
        """
        SELECT s.child_id AS operator_id,
               CASE WHEN (s.opening_minor, s.credits_minor, s.debits_minor, s.owed_minor) IS DISTINCT FROM
                         (m.opening::bigint, m.credits::bigint, m.debits::bigint, m.owed::bigint)
                      OR s.digest <> encode(sha256(convert_to(m.told, 'UTF8')), 'hex')
                    THEN format('%s: the statement of %s is not what its movements come to', o.slug, s.month_on) END
                    AS wrong
        FROM fund_statement s LEFT JOIN operator o ON o.id = s.child_id
        CROSS JOIN LATERAL (
            SELECT COALESCE(sum(fund_minor) FILTER (WHERE NOT inside), 0) AS opening,
                   COALESCE(sum(fund_minor) FILTER (WHERE inside AND fund_minor > 0), 0) AS credits,
                   COALESCE(-sum(fund_minor) FILTER (WHERE inside AND fund_minor < 0), 0) AS debits,
                   COALESCE(sum(owed_minor), 0) AS owed, COALESCE(string_agg(
                       concat_ws(' ', id, kind, fund_minor, owed_minor, net_minor, vat_minor, moved_on), E'\n'
                       ORDER BY id) FILTER (WHERE inside), '') AS told
            FROM (SELECT *, moved_on >= s.month_on AS inside FROM fund_movement
                  WHERE child_id = s.child_id AND id <= s.last_movement_id
                  AND moved_on < s.month_on + interval '1 month') AS moved) AS m""",
    ),
    Question(
        "edges.not_overdrawn",
        "no fund is used beyond its balance and credit limit",
        """
        SELECT f.child_id AS operator_id,
               CASE WHEN f.posted_minor - f.held_minor + f.credit_limit_minor < 0
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
