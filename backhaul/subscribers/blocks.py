"""Blocks of a service, one by one: what the commands on its status are made of."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.common.errors import NotFound, Refusal
from backhaul.network.services import send_soon
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit


class StatusRefused(Refusal):
    """The service's status does not allow the action."""

    code = "status_refused"


def lock_service(subscription_id: int) -> None:
    """The acting operator's service, locked against other changes of its status; raises NotFound."""
    found = rows(
        "SELECT left_on FROM subscription WHERE operator_id = %s AND id = %s FOR NO KEY UPDATE",
        [current_scope().operator_id, subscription_id],
    )
    if not found:
        raise NotFound("There is no such service.")


def open_block(subscription_id: int, reason: str, why: str, on: date, at: datetime) -> None:
    """Stop a service; raises StatusRefused where it is stopped so already, or its customer has left."""
    scope = current_scope()
    lock_service(subscription_id)
    if rows(
        "SELECT 1 FROM block WHERE operator_id = %s AND subscription_id = %s AND to_at IS NULL "
        "AND reason IN ('left', %s)",
        [scope.operator_id, subscription_id, reason],
    ):
        raise StatusRefused("This service is stopped for that reason already, or its customer has left.")
    insert_block(subscription_id, reason, why, on, at)


def insert_block(subscription_id: int, reason: str, why: str, on: date, at: datetime) -> None:
    """Write an open block."""
    scope = current_scope()
    execute(
        "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id, why) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [scope.operator_id, subscription_id, reason, on, at, scope.actor_id, why.strip()],
    )


def close_blocks(subscription_id: int, reasons: list[str], on: date, at: datetime) -> int:
    """Lift the open blocks of these reasons; how many there were."""
    return execute(
        "UPDATE block SET to_on = %s, to_at = %s WHERE operator_id = %s AND subscription_id = %s AND to_at IS NULL "
        "AND reason = ANY (%s)",
        [on, at, current_scope().operator_id, subscription_id, reasons],
    )


def set_left(subscription_id: int, left_on: date | None) -> None:
    """Note on the service and its customer since when it is gone, or that it is back."""
    execute(
        "WITH service AS (UPDATE subscription SET left_on = %s WHERE operator_id = %s AND id = %s "
        "RETURNING operator_id, customer_id) "
        "UPDATE customer c SET left_on = %s FROM service s "
        "WHERE c.operator_id = s.operator_id AND c.id = s.customer_id",
        [left_on, current_scope().operator_id, subscription_id, left_on],
    )


def set_activated(subscription_id: int, on: date) -> None:
    """Note the day of the first activation."""
    execute(
        "UPDATE subscription SET activated_on = %s WHERE operator_id = %s AND id = %s",
        [on, current_scope().operator_id, subscription_id],
    )


def has_blocks(subscription_id: int) -> bool:
    """Whether anything holds the service off."""
    return bool(
        rows(
            "SELECT 1 FROM block WHERE operator_id = %s AND subscription_id = %s AND to_at IS NULL LIMIT 1",
            [current_scope().operator_id, subscription_id],
        )
    )


def finish(subscription_id: int, verb: str, at: datetime, **detail: Any) -> None:
    """Bring the login to what the blocks say now, and write who did it; routers hear of it once that is committed."""
    changed = call(
        "refresh_access",
        operator_ids=[current_scope().operator_id],
        subscription_ids=[subscription_id],
        reason=verb,
        at=at,
    )
    if changed:
        send_soon()
    record_audit(verb=verb, subject_type="subscription", subject_id=subscription_id, at=at, **detail)
