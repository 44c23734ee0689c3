"""Operators that are about to be taken on: what was answered so far, kept until it is done or discarded (SPEC A37).

Answers are kept as they were typed, by step and field; who shows them validates them again. Nothing secret goes in.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

Answers = dict[str, dict[str, list[str]]]
_COLUMNS = "id, answers, actor_id, changed_at, child_id"


def begin_draft(*, step: str, answers: dict[str, list[str]], request_key: str, at: datetime) -> int:
    """Keep the answers of the first step; returns the draft's id, of the same `request_key` the same."""
    scope = current_scope()
    scope.require("resellers.edit")
    kept = rows(
        "INSERT INTO onboarding_draft (operator_id, request_key, answers, actor_id, changed_at) "
        "VALUES (%s, %s, %s::jsonb, %s, %s) ON CONFLICT (operator_id, request_key) "
        "DO UPDATE SET request_key = EXCLUDED.request_key RETURNING id",
        [scope.operator_id, request_key, json.dumps({step: answers}), scope.actor_id, at],
    )
    return int(kept[0]["id"])


def keep_answers(*, draft_id: int, step: str, answers: dict[str, list[str]], at: datetime) -> None:
    """Keep the answers of a step in place of those it had. Raises NotFound where it is done or discarded."""
    scope = current_scope()
    scope.require("resellers.edit")
    changed = execute(
        "UPDATE onboarding_draft SET answers = answers || %s::jsonb, changed_at = %s "
        "WHERE operator_id = %s AND id = %s AND child_id IS NULL",
        [json.dumps({step: answers}), at, scope.operator_id, draft_id],
    )
    if not changed:
        raise NotFound("There is no such draft.")


def get_draft(draft_id: int, *, lock: bool = False) -> dict[str, Any]:
    """A draft: id, answers, actor_id, changed_at, child_id (NULL: not taken on yet). Raises NotFound."""
    found = rows(
        f"SELECT {_COLUMNS} FROM onboarding_draft WHERE operator_id = %s AND id = %s{' FOR UPDATE' if lock else ''}",
        [current_scope().operator_id, draft_id],
    )
    if not found:
        raise NotFound("There is no such draft.")
    return _read(found[0])


def list_drafts() -> list[dict[str, Any]]:
    """The drafts that wait to be finished, the latest first."""
    found = rows(
        f"SELECT {_COLUMNS} FROM onboarding_draft WHERE operator_id = %s AND child_id IS NULL "
        "ORDER BY changed_at DESC, id DESC LIMIT 20",
        [current_scope().operator_id],
    )
    return [_read(row) for row in found]


def find_draft_of(child_id: int) -> dict[str, Any] | None:
    """What a direct child was taken on with; None where it was done without questions."""
    found = rows(
        f"SELECT {_COLUMNS} FROM onboarding_draft WHERE operator_id = %s AND child_id = %s",
        [current_scope().operator_id, child_id],
    )
    return _read(found[0]) if found else None


def finish_draft(*, draft_id: int, child_id: int, at: datetime) -> None:
    """Note who came of a draft, in the transaction that made it."""
    execute(
        "UPDATE onboarding_draft SET child_id = %s, changed_at = %s WHERE operator_id = %s AND id = %s",
        [child_id, at, current_scope().operator_id, draft_id],
    )


def discard_draft(*, draft_id: int) -> None:
    """Forget a draft. Raises NotFound where it is done or discarded."""
    scope = current_scope()
    scope.require("resellers.edit")
    gone = execute(
        "DELETE FROM onboarding_draft WHERE operator_id = %s AND id = %s AND child_id IS NULL",
        [scope.operator_id, draft_id],
    )
    if not gone:
        raise NotFound("There is no such draft.")


def _read(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"answers": json.loads(row["answers"])}
