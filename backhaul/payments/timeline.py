"""Everything that happened with a customer, on one line of time: what, when, by whom and why."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from backhaul.billing.queries import BILL_ENTRIES
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

GROUPS = ("status", "bills", "payments", "changes", "agreed", "documents")
# Verbs of the audit trail by group; those of a status stand in its blocks, with their end. All others are changes.
STATUS_VERBS = ("added", "suspended", "disabled", "left", "restored", "activated")
AGREED_VERBS = (
    "promise_made", "promise_withdrawn", "suspend_date_set", "discount_given", "discount_ended", "price_set",
)  # fmt: skip
DOCUMENT_VERBS = ("document_added", "document_withdrawn")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# `source` and `id` name a row of the line and order what happened at one instant.
_EVENTS = """
    SELECT 1 AS source, c.id, COALESCE(a.at, c.joined_on::timestamp AT TIME ZONE %(zone)s) AS at, 'added' AS what,
           a.actor_id AS by_actor_id, '' AS why, c.code AS label, NULL::bigint AS minor, NULL::bigint AS opens_id,
           NULL::jsonb AS detail, a.impersonation_id
    FROM customer c LEFT JOIN audit_event a ON a.operator_id = c.operator_id AND a.subject_type = 'customer'
         AND a.subject_id = c.id AND a.verb = 'added'
    WHERE c.operator_id = %(me)s AND c.id = %(customer)s AND %(status)s
    UNION ALL
    SELECT 2, b.id, b.from_at, 'blocked', b.by_actor_id, b.why, b.reason, NULL, NULL, NULL, b.impersonation_id
    FROM block b WHERE b.operator_id = %(me)s AND b.subscription_id = ANY (%(services)s) AND %(status)s
    UNION ALL
    SELECT 3, b.id, b.to_at, 'lifted', a.actor_id, COALESCE(a.detail ->> 'why', ''), b.reason, NULL, NULL, NULL,
           a.impersonation_id
    FROM block b LEFT JOIN LATERAL (
        SELECT actor_id, detail, impersonation_id FROM audit_event a
        WHERE a.operator_id = b.operator_id AND a.at = b.to_at AND a.subject_type = 'subscription'
          AND a.subject_id = b.subscription_id AND a.detail ->> 'lifted' = b.reason
        LIMIT 1) AS a ON true
    WHERE b.operator_id = %(me)s AND b.subscription_id = ANY (%(services)s) AND b.to_at IS NOT NULL AND %(status)s
    UNION ALL
    SELECT 4, i.id, COALESCE(e.recorded_at, i.issued_on::timestamp AT TIME ZONE %(zone)s), 'bill', e.actor_id, i.title,
           i.number::text, i.total_minor, i.id, jsonb_build_object('kind', i.kind), e.impersonation_id
    FROM invoice i LEFT JOIN entry e ON e.operator_id = i.operator_id AND e.kind = ANY (%(bill_entries)s)
         AND e.source_id = i.id
    WHERE i.operator_id = %(me)s AND i.customer_id = %(customer)s AND %(bills)s
    UNION ALL
    SELECT 5, n.id, COALESCE(e.recorded_at, n.issued_on::timestamp AT TIME ZONE %(zone)s), 'credit_note', e.actor_id,
           n.reason, i.number::text, -n.net_minor - n.vat_minor, n.invoice_id, NULL, e.impersonation_id
    FROM credit_note n JOIN invoice i ON i.operator_id = n.operator_id AND i.id = n.invoice_id
    LEFT JOIN entry e ON e.operator_id = n.operator_id AND e.kind = 'credit_note' AND e.source_id = n.id
    WHERE n.operator_id = %(me)s AND n.customer_id = %(customer)s AND %(bills)s
    UNION ALL
    SELECT 6, j.id, j.recorded_at, j.kind, j.actor_id, j.why, i.number::text, -j.net_minor - j.vat_minor, j.invoice_id,
           NULL, j.impersonation_id
    FROM adjustment j JOIN invoice i ON i.operator_id = j.operator_id AND i.id = j.invoice_id
    WHERE j.operator_id = %(me)s AND j.customer_id = %(customer)s AND %(bills)s
    UNION ALL
    SELECT 7, p.id, p.recorded_at,
           CASE WHEN p.pays_back THEN 'paid_back' WHEN p.reverses_id IS NULL THEN 'payment' ELSE 'reversal' END,
           p.actor_id, p.reference, p.receipt_number::text, p.amount_minor, p.id,
           jsonb_build_object('method', p.method), p.impersonation_id
    FROM payment p WHERE p.operator_id = %(me)s AND p.customer_id = %(customer)s AND %(payments)s
    UNION ALL
    SELECT 8, d.id, d.recorded_at, CASE WHEN d.reverses_id IS NULL THEN d.kind ELSE 'deposit_taken_back' END,
           d.actor_id, d.reason, '', d.amount_minor, d.customer_id, NULL, d.impersonation_id
    FROM deposit d WHERE d.operator_id = %(me)s AND d.customer_id = %(customer)s AND %(payments)s
    UNION ALL
    SELECT 9, a.id, a.at, a.verb, a.actor_id, COALESCE(a.detail ->> 'why', ''), COALESCE(a.detail ->> 'title', ''),
           (a.detail ->> 'price_minor')::bigint, NULL, a.detail, a.impersonation_id
    FROM audit_event a
    WHERE a.operator_id = %(me)s AND (a.subject_type = 'customer' AND a.subject_id = %(customer)s
          OR a.subject_type = 'subscription' AND a.subject_id = ANY (%(services)s))
      AND a.detail ->> 'path' IS NULL -- what a page writes down besides is what the acts above tell already
      AND CASE WHEN a.verb = ANY (%(status_verbs)s) THEN false WHEN a.verb = ANY (%(agreed_verbs)s) THEN %(agreed)s
               WHEN a.verb = ANY (%(document_verbs)s) THEN %(documents)s ELSE %(changes)s END
"""


@dataclass(frozen=True)
class Place:
    """A row of the line, after which the next page goes on."""

    at: datetime
    source: int
    id: int

    def __str__(self) -> str:
        return f"{(self.at - _EPOCH) // timedelta(microseconds=1)}.{self.source}.{self.id}"

    @classmethod
    def read(cls, text: str) -> Place | None:
        """What str() wrote; None for anything else."""
        parts = text.split(".")
        if len(parts) != 3 or not all(part.isascii() and part.isdecimal() and len(part) <= 18 for part in parts):
            return None
        micros, source, number = map(int, parts)
        return cls(_EPOCH + timedelta(microseconds=micros), min(source, 9), number) if micros < 10**17 else None


def list_events(
    customer_id: int, *, groups: Collection[str] = GROUPS, after: Place | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """What happened with a customer of the acting operator, latest first.

    Each: source, id, at, what, by_actor_id (NULL: not by a person's own act), why, label (a reason, a number, a title),
    minor, opens_id (the bill or payment it opens to), detail, impersonation_id. `groups`: which kinds of GROUPS.
    """
    me = current_scope().operator_id
    services = rows("SELECT id FROM subscription WHERE operator_id = %s AND customer_id = %s", [me, customer_id])
    where = "" if after is None else "WHERE (v.at, v.source, v.id) < (%(at)s, %(source)s, %(id)s)"
    found = rows(
        "SELECT v.source, v.id, v.at, v.what, v.by_actor_id, v.why, v.label, v.minor, v.opens_id, "
        f"v.impersonation_id, v.detail::text AS detail FROM ({_EVENTS}) AS v {where} "
        "ORDER BY v.at DESC, v.source DESC, v.id DESC LIMIT %(limit)s",
        {
            "me": me, "customer": customer_id, "zone": current_scope().time_zone, "limit": limit,
            "services": [row["id"] for row in services], "bill_entries": list(BILL_ENTRIES),
            "status_verbs": list(STATUS_VERBS), "agreed_verbs": list(AGREED_VERBS),
            "document_verbs": list(DOCUMENT_VERBS), **{group: group in groups for group in GROUPS},
            **(vars(after) if after else {}),
        },
    )  # fmt: skip
    return [row | {"detail": json.loads(row["detail"] or "{}")} for row in found]
