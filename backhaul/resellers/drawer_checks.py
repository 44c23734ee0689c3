"""Proofs over customers' cash in people's hands: each drawer and each shortage against the books (SPEC C10)."""

from __future__ import annotations

from backhaul.ledger.checks import NAMED, SIDES, Question


def _by_person(code: str, kept: str) -> str:
    """Per person: an account in the books against what its own rows say (`kept`: operator_id, user_id, amount)."""
    return f"""
        SELECT operator_id, CASE WHEN COALESCE(b.net, 0) <> COALESCE(k.amount, 0)
               THEN format('%s, person %s: books %s, drawer %s', o.slug, user_id, COALESCE(b.net, 0),
                   COALESCE(k.amount, 0)) END AS wrong
        FROM ({kept}) AS k FULL JOIN (
            SELECT p.operator_id, s.party_id AS user_id, sum(s.debit - s.credit) AS net
            FROM {SIDES} WHERE s.code = '{code}' GROUP BY 1, 2) AS b USING (operator_id, user_id)
        {NAMED}"""


_MOVED = """
    SELECT operator_id, user_id, sum(minor) AS amount FROM (
        SELECT operator_id, drawer_user_id AS user_id, amount_minor AS minor FROM payment
        WHERE drawer_user_id IS NOT NULL
        UNION ALL SELECT operator_id, drawer_user_id, net_minor + vat_minor FROM adjustment
        WHERE drawer_user_id IS NOT NULL
        UNION ALL SELECT operator_id, user_id, -expected_minor FROM hand_over WHERE state = 'received') AS moved
    GROUP BY 1, 2"""

DRAWERS = (
    Question(
        "drawers.cash",
        "cash with each collector = payments and recoveries that it took in cash − what it handed over",
        _by_person("cash_with_collector", _MOVED),
    ),
    Question(
        "drawers.held",
        "each drawer holds what the books say, and what waits in it is the hand-over that waits",
        _by_person("cash_with_collector", "SELECT operator_id, user_id, held_minor AS amount FROM drawer")
        + """
        UNION ALL
        SELECT d.operator_id,
               CASE WHEN (d.waiting_minor IS NOT NULL) <> (h.id IS NOT NULL) OR h.round <> d.counted_through
               THEN format('%s, person %s: what waits in the drawer is no hand-over', o.slug, d.user_id) END
        FROM drawer d JOIN operator o ON o.id = d.operator_id
        LEFT JOIN hand_over h ON h.operator_id = d.operator_id AND h.user_id = d.user_id AND h.state = 'waiting'""",
    ),
    Question(
        "drawers.shortages",
        "due from each person = its shortages − what was paid or forgiven of them",
        _by_person(
            "due_from_staff",
            """
            SELECT operator_id, user_id, sum(minor) AS amount FROM (
                SELECT operator_id, user_id, GREATEST(expected_minor - counted_minor, 0) AS minor FROM hand_over
                WHERE state = 'received'
                UNION ALL SELECT operator_id, user_id, -amount_minor FROM shortage_settlement) AS owed
            GROUP BY 1, 2""",
        ),
    ),
)
