"""What a customer leaves for safety: taken in, kept for what it owes, given back (SPEC §3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.db import IntegrityError

from backhaul.billing.promises import bring_back_unpaid
from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput, KeyReused, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

KINDS = ("deposit_in", "deposit_kept", "deposit_given_back")


class DepositTooSmall(Refusal):
    """More is to leave the deposit than is in it."""

    code = "deposit_too_small"


class MoreThanDue(Refusal):
    """More is to be kept than the customer owes."""

    code = "more_than_due"


@dataclass(frozen=True)
class DepositAct:
    """What happens to a deposit. `kind`: one of KINDS; `method`: cash, bank or mobile_wallet where money moves."""

    customer_id: int
    kind: str
    amount_minor: int
    on: date
    why: str
    method: str | None = None


def record_deposit(act: DepositAct, *, request_key: str, now: datetime) -> int:
    """Take a deposit in, keep of it what the customer owes, or give it back; the id of the act.

    The same `request_key` again does nothing and returns the first. What pays dues may bring a service back. Raises
    NotFound, DepositTooSmall, MoreThanDue, KeyReused, PeriodClosed.
    """
    scope = current_scope()
    scope.require("payments.reverse")
    if act.kind not in KINDS:
        raise InvalidInput("A deposit is taken in, kept or given back.", field="kind")
    try:
        made: int = call(
            "record_deposit",
            customer=act.customer_id,
            kind=act.kind,
            amount_minor=refuse_beyond_limit(act.amount_minor),
            method=act.method,
            on=act.on,
            now=now,
            reason=_said(act.why),
            request_key=request_key,
        )
    except IntegrityError as error:
        if "deposit_operator_id_request_key_key" not in str(error):
            raise
        raise KeyReused("This form was already sent for another customer; open it again.") from None
    if act.kind == "deposit_kept":
        bring_back_unpaid(customer_id=act.customer_id, on=local_date(now, scope.time_zone), now=now)
    return made


def reverse_deposit(*, deposit_id: int, on: date, why: str, now: datetime) -> int:
    """Take an act back, once, on its own day or a later one; the id of the row that does it.

    Raises NotFound, AlreadyReversed, DepositTooSmall where what came in is there no more, PeriodClosed.
    """
    current_scope().require("payments.reverse")
    return int(call("reverse_deposit", deposit=deposit_id, on=on, reason=_said(why), now=now))


def list_deposits(customer_id: int) -> list[dict[str, Any]]:
    """What happened to a customer's deposit, newest first: id, kind, amount_minor (what it grew by), method, moved_on,
    reason, actor_id, reverses_id, reversed, left_minor (what was there afterwards)."""
    return rows(
        "SELECT d.id, d.kind, d.amount_minor, d.method, d.moved_on, d.reason, d.actor_id, d.impersonation_id, "
        "d.reverses_id, "
        "EXISTS (SELECT 1 FROM deposit r WHERE r.operator_id = d.operator_id AND r.reverses_id = d.id) AS reversed, "
        "sum(d.amount_minor) OVER (ORDER BY d.id)::bigint AS left_minor "
        "FROM deposit d WHERE d.operator_id = %s AND d.customer_id = %s ORDER BY d.id DESC",
        [current_scope().operator_id, customer_id],
    )


def get_deposit(deposit_id: int) -> dict[str, Any]:
    """One act: id, customer_id, kind, amount_minor, method, moved_on, reason; raises NotFound."""
    found = rows(
        "SELECT id, customer_id, kind, amount_minor, method, moved_on, reason FROM deposit "
        "WHERE operator_id = %s AND id = %s AND reverses_id IS NULL",
        [current_scope().operator_id, deposit_id],
    )
    if not found:
        raise NotFound("There is no such deposit.")
    return found[0]


def _said(text: str) -> str:
    if not text.strip():
        raise InvalidInput("Say what it is for.", field="why")
    return text.strip()
