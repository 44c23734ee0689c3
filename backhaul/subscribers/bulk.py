"""One act on many customers, as it is kept: who is meant, what was found out about each, and how far it is (SPEC B19).

What is done, and looked at before, is decided above: see billing/bulk.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

LEFT = {"looking": "waiting", "doing": "would"}  # what is left to do in each state of a run
_COUNTS = ", ".join(f"count(*) FILTER (WHERE i.state = '{state}') AS {name}" for state, name in (
    ("waiting", "waiting"), ("would", "would"), ("would_not", "would_not"), ("done", "done"), ("refused", "refused")
))  # fmt: skip


@dataclass(frozen=True)
class Found:
    """What becomes, or became, of one customer: `says` why not; money with its sign, as seen by the operator."""

    subscription_id: int
    state: str
    says: str = ""
    billed_minor: int = 0
    fund_minor: int = 0


def add_run(*, act: str, given: dict[str, Any], matching: str, values: dict[str, Any], now: datetime) -> int | None:
    """Keep what is to be done to all services that a SELECT names in subscription_id; None where there are none."""
    scope = current_scope()
    run = rows(
        "INSERT INTO bulk_run (operator_id, act, given, customers, asked_at, touched_at, by_actor_id) "
        "VALUES (%s, %s, %s, 1, %s, %s, %s) RETURNING id",
        [scope.operator_id, act, json.dumps(given), now, now, scope.actor_id],
    )[0]["id"]
    customers = execute(
        "INSERT INTO bulk_item (operator_id, run_id, subscription_id) "
        f"SELECT %(me)s, %(run)s, m.subscription_id FROM ({matching}) AS m",
        {"me": scope.operator_id, "run": run} | values,
    )
    if not customers:
        return None
    _set(run, "customers = %s", [customers])
    return int(run)


def get_run(run_id: int, *, lock: bool = False) -> dict[str, Any]:
    """A run of the acting operator, with `given` as it was chosen; raises NotFound. `lock`: nobody else changes it."""
    found = rows(
        "SELECT id, act, given::text AS given, state, customers, digest, failed_why, asked_at, confirmed_at, "
        "touched_at, ended_at, by_actor_id FROM bulk_run WHERE operator_id = %s AND id = %s"
        f"{' FOR NO KEY UPDATE' if lock else ''}",
        [current_scope().operator_id, run_id],
    )
    if not found:
        raise NotFound("There is no such act.")
    return found[0] | {"given": json.loads(found[0]["given"])}


def list_runs(*, limit: int = 50) -> list[dict[str, Any]]:
    """Acts on many of the acting operator, newest first: id, act, state, customers, asked_at, ended_at, by_actor_id."""
    return rows(
        "SELECT id, act, state, customers, asked_at, ended_at, by_actor_id FROM bulk_run WHERE operator_id = %s "
        "ORDER BY id DESC LIMIT %s",
        [current_scope().operator_id, limit],
    )


def sum_run(run_id: int) -> dict[str, int]:
    """Of how many it is known what: waiting, would, would_not, done, refused; and what is billed and taken from the
    fund by those that are or would be done: billed_minor, fund_minor."""
    return rows(
        f"SELECT {_COUNTS}, "
        "COALESCE(sum(i.billed_minor) FILTER (WHERE i.state IN ('would', 'done')), 0)::bigint AS billed_minor, "
        "COALESCE(sum(i.fund_minor) FILTER (WHERE i.state IN ('would', 'done')), 0)::bigint AS fund_minor "
        "FROM bulk_item i WHERE i.operator_id = %s AND i.run_id = %s",
        [current_scope().operator_id, run_id],
    )[0]


def list_reasons(run_id: int) -> list[dict[str, Any]]:
    """Why it cannot be done, or was not: says, and to how many (customers), the most frequent first."""
    return rows(
        "SELECT says, count(*) AS customers FROM bulk_item WHERE operator_id = %s AND run_id = %s "
        "AND state IN ('would_not', 'refused') GROUP BY says ORDER BY count(*) DESC, says LIMIT 50",
        [current_scope().operator_id, run_id],
    )


def list_items(
    run_id: int, *, states: Sequence[str] | None = None, after: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Customers of a run: customer_id, code, name, subscription_id, state, says, billed_minor, fund_minor.

    `after` = subscription_id of the last row of the page before.
    """
    wanted = None if states is None else list(states)
    return rows(
        "SELECT c.id AS customer_id, c.code, c.name, i.subscription_id, i.state, i.says, i.billed_minor, i.fund_minor "
        "FROM bulk_item i JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE i.operator_id = %s AND i.run_id = %s AND i.subscription_id > %s "
        "AND (%s::text[] IS NULL OR i.state = ANY (%s)) ORDER BY i.subscription_id LIMIT %s",
        [current_scope().operator_id, run_id, after or 0, wanted, wanted, limit],
    )


def take_slice(run_id: int, *, state: str, limit: int | None) -> list[dict[str, Any]]:
    """Of a run in that state, the next services nobody else works on now: subscription_id, customer_id, billed_minor,
    fund_minor. They stay taken until the unit of work ends."""
    return rows(
        "SELECT i.subscription_id, s.customer_id, i.billed_minor, i.fund_minor FROM bulk_item i "
        "JOIN subscription s ON s.operator_id = i.operator_id AND s.id = i.subscription_id "
        "WHERE i.operator_id = %s AND i.run_id = %s AND i.state = %s "
        "ORDER BY i.subscription_id LIMIT %s FOR UPDATE OF i SKIP LOCKED",
        [current_scope().operator_id, run_id, LEFT[state], limit],
    )


def note(run_id: int, found: Iterable[Found], *, now: datetime) -> None:
    """Write down what was found out about some services, or what became of them."""
    listed = list(found)
    execute(
        "UPDATE bulk_item i SET state = n.state, says = n.says, billed_minor = n.billed_minor, "
        "fund_minor = n.fund_minor "
        "FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[], %s::bigint[]) "
        "AS n (id, state, says, billed_minor, fund_minor) "
        "WHERE i.operator_id = %s AND i.run_id = %s AND i.subscription_id = n.id",
        [
            [each.subscription_id for each in listed],
            [each.state for each in listed],
            [each.says for each in listed],
            [each.billed_minor for each in listed],
            [each.fund_minor for each in listed],
            current_scope().operator_id,
            run_id,
        ],
    )
    _set(run_id, "touched_at = %s", [now])


def finish_looking(run_id: int, *, now: datetime) -> None:
    """The preview is whole: from now on it has a digest."""
    me = current_scope().operator_id
    _set(
        run_id,
        "state = 'ready', touched_at = %s, digest = (SELECT encode(sha256(convert_to(string_agg(concat_ws(':', "
        "subscription_id, state, billed_minor, fund_minor), ',' ORDER BY subscription_id), 'UTF8')), 'hex') "
        "FROM bulk_item WHERE operator_id = %s AND run_id = %s)",
        [now, me, run_id],
    )


def start_doing(run_id: int, *, now: datetime) -> None:
    """The preview is confirmed."""
    _set(run_id, "state = 'doing', confirmed_at = %s, touched_at = %s", [now, now])


def end_run(run_id: int, *, now: datetime, failed_why: str = "") -> None:
    """All is done, or nothing more will be."""
    state = "failed" if failed_why else "done"
    _set(run_id, "state = %s, failed_why = %s, ended_at = %s", [state, failed_why, now])


def touch(run_id: int, *, now: datetime) -> None:
    """Somebody works on it again."""
    _set(run_id, "touched_at = %s", [now])


def _set(run_id: int, what: str, values: list[Any]) -> None:
    execute(
        f"UPDATE bulk_run SET {what} WHERE operator_id = %s AND id = %s",
        [*values, current_scope().operator_id, run_id],
    )
