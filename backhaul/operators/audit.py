"""Reads of the audit log: who did what to which object, as the acting operator's own people may see it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

_COLUMNS = "id, at, actor_id, verb, subject_type, subject_id, impersonation_id, detail::text AS detail"


@dataclass(frozen=True)
class Wanted:
    """Which rows of the audit log; what is None or empty does not narrow them. `inside` 0: of any visit from above."""

    actor_id: int | None = None
    verb: str | None = None
    subject_types: tuple[str, ...] = ()
    subject_id: int | None = None
    from_at: datetime | None = None
    until_at: datetime | None = None
    inside: int | None = None


def list_events(wanted: Wanted, *, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Rows of the acting operator's audit log, newest first: id, at, actor_id, verb, subject_type, subject_id,
    impersonation_id, detail."""
    conditions = {
        "id < %(before)s": before,
        "actor_id = %(actor_id)s": wanted.actor_id,
        "verb = %(verb)s": wanted.verb,
        "subject_type = ANY (%(subject_types)s)": list(wanted.subject_types) or None,
        "subject_id = %(subject_id)s": wanted.subject_id,
        "at >= %(from_at)s": wanted.from_at,
        "at < %(until_at)s": wanted.until_at,
        "impersonation_id IS NOT NULL": None if wanted.inside is None else 0,
        "impersonation_id = %(inside)s": wanted.inside or None,
    }
    narrowed = "".join(f" AND {condition}" for condition, value in conditions.items() if value is not None)
    given = {**vars(wanted), "subject_types": list(wanted.subject_types), "before": before, "limit": limit}
    found = rows(
        f"SELECT {_COLUMNS} FROM audit_event WHERE operator_id = %(me)s{narrowed} ORDER BY id DESC LIMIT %(limit)s",
        given | {"me": current_scope().operator_id},
    )
    return [row | {"detail": json.loads(row["detail"])} for row in found]


def get_event(event_id: int) -> dict[str, Any]:
    """One row of the acting operator's audit log; raises NotFound."""
    found = rows(
        f"SELECT {_COLUMNS} FROM audit_event WHERE operator_id = %s AND id = %s",
        [current_scope().operator_id, event_id],
    )
    if not found:
        raise NotFound("There is no such entry in the audit log.")
    return found[0] | {"detail": json.loads(found[0]["detail"])}


def list_actors() -> list[int]:
    """The users who are or were staff of the acting operator, or came in from above."""
    me = current_scope().operator_id
    found = rows(
        "SELECT user_id FROM membership WHERE operator_id = %s "
        "UNION SELECT actor_id FROM impersonation WHERE operator_id = %s",
        [me, me],
    )
    return [row["user_id"] for row in found]
