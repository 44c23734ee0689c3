"""Log in as reseller (SPEC A31): somebody with "resellers.enter" works inside an operator at any depth below.

The person stays who it is and acts for that operator: `unit_of_work(…, inside=…)`. It only looks until it steps up.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

LONGEST = timedelta(hours=4)
MAX_REASON = 300


def enter_operator(*, operator_id: int, reason: str, now: datetime, minutes: int) -> int:
    """Go into an operator below the acting one, for so many minutes; returns the impersonation's id.

    Raises NotFound for everything that is not below, and NotInside from inside another one.
    """
    scope = current_scope()
    scope.refuse_inside()
    scope.require("resellers.enter")
    until = now + timedelta(minutes=minutes)
    if not now < until <= now + LONGEST:
        raise InvalidInput("Stay between one minute and four hours.", field="minutes")
    if not reason.strip():
        raise InvalidInput("Say why: the operator reads it.", field="reason")
    entered: int = call(
        "enter_operator", operator=operator_id, reason=reason.strip()[:MAX_REASON], now=now, until=until
    )
    return entered


def step_up(*, now: datetime) -> None:
    """For a quarter of an hour the person who works inside may change things; the caller has made sure that it is that
    person. Doing it again begins the quarter anew."""
    call("step_up", now=now)


def end_impersonation(*, now: datetime) -> None:
    """The person who works inside another operator goes back to the own one."""
    call("end_impersonation", now=now)


def get_below(operator_id: int) -> dict[str, Any]:
    """An operator at any depth below the acting one: id, name, slug, kind, provider; raises NotFound."""
    for row in list_below(only=operator_id, limit=1):
        return row
    raise NotFound("There is no such operator below you.")


def list_below(
    *, search: str = "", after: int | None = None, only: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The operators at any depth below the acting one, by name: id, name, slug, kind, provider (its name)."""
    return rows("SELECT id, name, slug, kind, provider FROM list_below(%s, %s, %s, %s)", [search, after, only, limit])


def list_came_in(*, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Who came into the acting operator from above, newest first: id, actor_id, actor_operator_id, reason, from_at,
    until_at, stepped_up_at, ended_at, and `acts`, how many rows of the audit log were written inside."""
    return rows(
        "SELECT i.id, i.actor_id, i.actor_operator_id, i.reason, i.from_at, i.until_at, i.stepped_up_at, i.ended_at, "
        "(SELECT count(*) FROM audit_event e "
        "WHERE e.operator_id = i.operator_id AND e.impersonation_id = i.id) AS acts "
        "FROM impersonation i WHERE i.operator_id = %s AND (%s::bigint IS NULL OR i.id < %s) "
        "ORDER BY i.id DESC LIMIT %s",
        [current_scope().operator_id, before, before, limit],
    )


def list_entered(*, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Where the acting operator's people went in, newest first: as list_came_in, with the operator's id and name."""
    return rows(
        "SELECT id, operator_id, operator, actor_id, reason, from_at, until_at, stepped_up_at, ended_at "
        "FROM list_entered(%s, %s)",
        [before, limit],
    )


def find_came_in(impersonation_ids: list[int]) -> dict[int, dict[str, Any]]:
    """By id, of the acting operator's: actor_id and actor_operator_id."""
    found = rows(
        "SELECT id, actor_id, actor_operator_id FROM impersonation WHERE operator_id = %s AND id = ANY (%s)",
        [current_scope().operator_id, impersonation_ids],
    )
    return {row["id"]: row for row in found}
