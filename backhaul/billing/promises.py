"""Promises to pay and own suspend dates: what spares an unpaid service from the cut (SPEC B15, 2.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from backhaul.billing.services import bring_back
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import call, execute, rows, savepoint
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

MAX_DAYS = 60


class NoPromise(Refusal):
    """The service has no promise that could be withdrawn."""

    code = "no_promise"


@dataclass(frozen=True)
class Promised:
    """A promise; `service`: "unchanged", "back", or "pending" where funds of the chain are short for its return."""

    promise_id: int
    service: str


def make_promise(*, subscription_id: int, until_on: date, why: str, on: date, now: datetime) -> Promised:
    """Note that a customer promised to pay by `until_on`: no cut for what is overdue until the day after.

    A service cut as unpaid comes back. A promise that the service has is replaced.
    """
    scope = current_scope()
    scope.require("billing.promise")
    if not on <= until_on <= on + timedelta(days=MAX_DAYS):
        raise InvalidInput(
            "A promise ends today at the earliest and in %(max_days)s days at the latest.",
            max_days=MAX_DAYS,
            field="until_on",
        )
    _refuse_without_reason(why)
    customer_id = _lock_service(subscription_id)
    _withdraw(subscription_id, now)
    added = rows(
        "INSERT INTO promise (operator_id, subscription_id, until_on, why, made_on, made_at, by_actor_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [scope.operator_id, subscription_id, until_on, why.strip(), on, now, scope.actor_id],
    )
    record_audit(
        verb="promise_made", subject_type="subscription", subject_id=subscription_id, at=now, until_on=until_on,
        why=why.strip(),
    )  # fmt: skip
    return Promised(int(added[0]["id"]), bring_back_unpaid(customer_id=customer_id, on=on, now=now))


def withdraw_promise(*, subscription_id: int, now: datetime) -> None:
    """Take a promise back: the next cut treats the service as any other. Raises NoPromise."""
    current_scope().require("billing.promise")
    if not _withdraw(subscription_id, now):
        raise NoPromise("This service has no promise; reload the page.")
    record_audit(verb="promise_withdrawn", subject_type="subscription", subject_id=subscription_id, at=now)


def set_suspend_date(*, subscription_id: int, suspend_on: date | None, why: str, on: date, now: datetime) -> None:
    """Give the day on which a service is cut for the bills due by then, instead of due + grace; None: as the profile.

    Bills that fall due later follow the profile again.
    """
    scope = current_scope()
    scope.require("billing.promise")
    if suspend_on is not None and suspend_on <= on:
        raise InvalidInput("The day lies after today; to cut the service now, suspend it.", field="suspend_on")
    _refuse_without_reason(why)
    _lock_service(subscription_id)
    execute(
        "UPDATE subscription SET suspend_on = %s WHERE operator_id = %s AND id = %s",
        [suspend_on, scope.operator_id, subscription_id],
    )
    record_audit(
        verb="suspend_date_set", subject_type="subscription", subject_id=subscription_id, at=now, suspend_on=suspend_on,
        why=why.strip(),
    )  # fmt: skip


def bring_back_unpaid(*, customer_id: int, on: date, now: datetime) -> str:
    """Bring back those of a customer's services that are cut as unpaid and may come back (SQL may_come_back).

    Each in a savepoint: short funds hold the renewal. "unchanged" where none may, "back", or "pending".
    """
    me = current_scope().operator_id
    states = set()
    for row in rows(
        "SELECT b.subscription_id FROM block b "
        "JOIN subscription s ON s.operator_id = b.operator_id AND s.id = b.subscription_id "
        "WHERE b.operator_id = %s AND s.customer_id = %s AND b.reason = 'unpaid' AND b.to_at IS NULL "
        "AND may_come_back(b.operator_id, s.customer_id, s.id, %s) ORDER BY b.subscription_id",
        [me, customer_id, on],
    ):
        try:
            with savepoint():
                billed = bring_back(subscription_id=row["subscription_id"], reason="unpaid", on=on, now=now, hold=True)
            states.add("back" if billed.held == 0 else "pending")
        except Refusal:
            states.add("pending")
    return "pending" if "pending" in states else "back" if states else "unchanged"


def get_sparing(subscription_id: int, on: date) -> dict[str, Any]:
    """What spares a service: promised_until (NULL: nothing promised for that day or later), why, suspend_on, and
    cut_on: the day on which it is cut for what is open now (NULL: for nothing)."""
    found = rows(
        "SELECT p.until_on AS promised_until, p.why, s.suspend_on, CASE WHEN bp.auto_suspend THEN "
        "(SELECT GREATEST(min(cut_on(o.due_on, bp.grace_days, s.suspend_on)), p.until_on + 1) FROM invoice_open o "
        "WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id) END AS cut_on "
        "FROM subscription s "
        "JOIN billing_profile bp ON bp.operator_id = s.profile_operator_id AND bp.id = s.profile_id "
        "LEFT JOIN promise p ON p.operator_id = s.operator_id AND p.subscription_id = s.id AND p.withdrawn_at IS NULL "
        "AND p.until_on >= %s WHERE s.operator_id = %s AND s.id = %s",
        [on, current_scope().operator_id, subscription_id],
    )
    if not found:
        raise NotFound("There is no such service.")
    return found[0]


def count_broken_promises(on: date) -> int:
    """How many promises list_promises would list as broken."""
    found = rows(
        "SELECT count(*) AS n FROM promise p JOIN subscription s ON s.operator_id = p.operator_id "
        "AND s.id = p.subscription_id WHERE p.operator_id = %s AND p.withdrawn_at IS NULL AND p.until_on < %s "
        "AND EXISTS (SELECT 1 FROM invoice_open o WHERE o.operator_id = s.operator_id "
        "AND o.customer_id = s.customer_id AND o.due_on <= p.until_on)",
        [current_scope().operator_id, on],
    )
    return int(found[0]["n"])


def list_promises(on: date, *, broken: bool, limit: int = 500) -> list[dict[str, Any]]:
    """Promises with something still open that was due by their day, earliest first: running ones or `broken` ones.

    Columns: subscription_id, customer_id, customer_name, customer_code, mobile, made_on, until_on, why, by_actor_id,
    due_minor: what of it is open.
    """
    return rows(
        "SELECT p.subscription_id, c.id AS customer_id, c.name AS customer_name, c.code AS customer_code, c.mobile, "
        "p.made_on, p.until_on, p.why, p.by_actor_id, p.impersonation_id, o.due_minor FROM promise p "
        "JOIN subscription s ON s.operator_id = p.operator_id AND s.id = p.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "CROSS JOIN LATERAL (SELECT sum(open_minor)::bigint AS due_minor FROM invoice_open o "
        "WHERE o.operator_id = s.operator_id AND o.customer_id = s.customer_id AND o.due_on <= p.until_on) AS o "
        "WHERE p.operator_id = %s AND p.withdrawn_at IS NULL AND (p.until_on < %s) = %s AND o.due_minor > 0 "
        "ORDER BY p.until_on, p.id LIMIT %s",
        [current_scope().operator_id, on, broken, limit],
    )


def _withdraw(subscription_id: int, now: datetime) -> int:
    return execute(
        "UPDATE promise SET withdrawn_at = %s WHERE operator_id = %s AND subscription_id = %s AND withdrawn_at IS NULL",
        [now, current_scope().operator_id, subscription_id],
    )


def _lock_service(subscription_id: int) -> int:
    """Locks in the order of whoever may charge: the return of a service bills it. Its customer's id."""
    me = current_scope().operator_id
    found = rows("SELECT customer_id FROM subscription WHERE operator_id = %s AND id = %s", [me, subscription_id])
    if not found:
        raise NotFound("There is no such service.")
    call("lock_for_charge", subscription=subscription_id)
    return int(found[0]["customer_id"])


def _refuse_without_reason(why: str) -> None:
    if not why.strip():
        raise InvalidInput("Give the reason; it stays in the history.", field="why")
