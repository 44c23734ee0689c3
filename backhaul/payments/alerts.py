"""What should not wait: one look over books, cash, promises and the network of the acting operator."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

LATE = timedelta(minutes=10)  # a router that has not ended a session by then was not reached


@dataclass(frozen=True)
class Alerts:
    """Counts; `verify_run_id`: the last verification of the own books, where it found something wrong."""

    broken_promises: int
    drawers_above: int
    hand_overs: int
    disconnects: int
    verify_run_id: int | None


def find_alerts(*, today: date, now: datetime) -> Alerts:
    """Of the acting operator, whoever may see them."""
    found = rows(
        """
        SELECT (SELECT count(*) FROM promise p JOIN subscription s ON s.operator_id = p.operator_id
                    AND s.id = p.subscription_id
                WHERE p.operator_id = %(me)s AND p.withdrawn_at IS NULL AND p.until_on < %(today)s
                    AND EXISTS (SELECT 1 FROM invoice_open o WHERE o.operator_id = s.operator_id
                                AND o.customer_id = s.customer_id AND o.due_on <= p.until_on)) AS broken_promises,
               (SELECT count(*) FROM drawer d WHERE d.operator_id = %(me)s AND d.held_minor > d.float_limit_minor)
                    AS drawers_above,
               (SELECT count(*) FROM hand_over h WHERE h.operator_id = %(me)s AND h.state = 'waiting') AS hand_overs,
               (SELECT count(*) FROM disconnect_request q WHERE q.operator_id = %(me)s AND NOT q.done
                    AND q.requested_at < %(late)s) AS disconnects,
               (SELECT CASE WHEN a.wrong > 0 THEN a.run_id END FROM verify_answer a WHERE a.operator_id = %(me)s
                ORDER BY a.run_id DESC LIMIT 1) AS verify_run_id
        """,
        {"me": current_scope().operator_id, "today": today, "late": now - LATE},
    )
    return Alerts(**found[0])


def count_own_receipts(today: date) -> int:
    """How many payments the acting person took today. Not their sum: a drawer is counted blind (SPEC C10)."""
    scope = current_scope()
    found = rows(
        "SELECT count(*) AS n FROM payment WHERE operator_id = %s AND received_on = %s AND actor_id = %s "
        "AND amount_minor > 0",
        [scope.operator_id, today, scope.actor_id],
    )
    return int(found[0]["n"])
