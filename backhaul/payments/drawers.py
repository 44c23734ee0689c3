"""Customers' cash in people's hands: counted blind, handed over, short or not, and closed by the day (SPEC C10).

A payment is recorded whatever the limit says (SPEC 2.3): the customer has paid. What is above the limit is told before
the money is taken, and listed when it was taken all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

LATE_RECEIPTS = ("listed", "refused")


class NoDrawer(Refusal):
    """Cash that this person takes is in the office at once."""

    code = "no_drawer"


class DrawerClosed(Refusal):
    """Receipts of that day come too late for this person's drawer."""

    code = "drawer_closed"


class HandOverWaits(Refusal):
    """What was counted before waits for its receiver."""

    code = "hand_over_waits"


class HandOverAnswered(Refusal):
    """It was received or sent back before."""

    code = "hand_over_answered"


class OwnHandOver(Refusal):
    """Nobody receives its own money or settles its own shortage."""

    code = "own_hand_over"


class MoreThanOwed(Refusal):
    """A shortage is settled once."""

    code = "more_than_missing"


@dataclass(frozen=True)
class Rules:
    """What an operator wants of who takes cash. `everyone`: not collectors alone have a drawer. `late_receipts`:
    "listed" or "refused", where the drawer closed their day before. `float_limit_minor`: of drawers to come."""

    everyone: bool = False
    late_receipts: str = "listed"
    float_limit_minor: int | None = None


@dataclass(frozen=True)
class HandedOver:
    """What a hand-over came to once it was received: either nothing is amiss, or a shortage, or a surplus."""

    counted_minor: int
    expected_minor: int
    shortage_minor: int
    surplus_minor: int


def set_drawer_rules(rules: Rules, *, now: datetime) -> None:
    """Set how drawers work at the acting operator."""
    scope = current_scope()
    scope.require("drawers.edit")
    if rules.late_receipts not in LATE_RECEIPTS:
        raise InvalidInput("Late receipts are listed or refused.", field="late_receipts")
    limit = _limit(rules.float_limit_minor)
    execute(
        "INSERT INTO drawer_rule (operator_id, everyone, late_receipts, float_limit_minor) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET everyone = EXCLUDED.everyone, "
        "late_receipts = EXCLUDED.late_receipts, float_limit_minor = EXCLUDED.float_limit_minor",
        [scope.operator_id, rules.everyone, rules.late_receipts, limit],
    )
    record_audit(
        verb="set_drawer_rules", subject_type="operator", subject_id=scope.operator_id, at=now,
        everyone=rules.everyone, late_receipts=rules.late_receipts, float_limit_minor=limit,
    )  # fmt: skip


def set_float_limit(*, user_id: int, limit_minor: int | None, now: datetime) -> None:
    """Set how much cash a person may hold; None = as much as comes. Raises NoDrawer."""
    current_scope().require("drawers.edit")
    limit = _limit(limit_minor)
    call("set_float_limit", user=user_id, limit_minor=limit)
    record_audit(verb="set_float_limit", subject_type="user", subject_id=user_id, at=now, float_limit_minor=limit)


def count_drawer(*, counted_minor: int, now: datetime, request_key: str, note: str = "") -> int:
    """State, blind, what is in the drawer of whoever acts, to hand it over; returns the hand-over's id.

    Raises NoDrawer, HandOverWaits. The same `request_key` again returns the first; with another sum KeyReused.
    """
    current_scope().require("payments.collect")
    if counted_minor < 0:
        raise InvalidInput("The count cannot be less than nothing.", field="counted_minor")
    counted = refuse_beyond_limit(counted_minor, field="counted_minor")
    return int(call("count_drawer", counted_minor=counted, note=note.strip(), now=now, request_key=request_key))


def receive_hand_over(*, hand_over_id: int, on: date, now: datetime) -> HandedOver:
    """Take what somebody else counted into the operator's cash; a shortage is due from that person from now on.

    Raises NotFound, OwnHandOver, HandOverAnswered, PeriodClosed.
    """
    current_scope().require("drawers.receive")
    return HandedOver(**call("receive_hand_over", hand_over=hand_over_id, on=on, now=now))


def send_back_hand_over(*, hand_over_id: int, why: str, now: datetime) -> None:
    """Send a hand-over back to be counted again. Raises NotFound, HandOverAnswered."""
    current_scope().require("drawers.receive")
    if not why.strip():
        raise InvalidInput("Say why you send it back.", field="why")
    call("send_back_hand_over", hand_over=hand_over_id, why=why.strip(), now=now)


def settle_shortage(
    *, user_id: int, amount_minor: int, paid: str | None, on: date, now: datetime, request_key: str, why: str = ""
) -> int:
    """Record that a person paid its shortage (`paid`: cash, bank, mobile_wallet), or forgive it (None, with `why`).

    Raises MoreThanOwed, OwnHandOver; the same `request_key` again returns the first.
    """
    current_scope().require("drawers.receive" if paid else "drawers.edit")
    if paid is None and not why.strip():
        raise InvalidInput("Say why it is forgiven.", field="why")
    settled = call(
        "settle_shortage",
        user=user_id,
        amount_minor=refuse_beyond_limit(amount_minor, field="amount_minor"),
        paid=paid,
        on=on,
        now=now,
        why=why.strip(),
        request_key=request_key,
    )
    return int(settled)


def close_drawer(*, through: date, now: datetime) -> None:
    """Close the days of one's own drawer through a day, never an earlier one than before; receipts of these days are
    late from now on. Raises NoDrawer."""
    scope = current_scope()
    scope.require("payments.collect")
    closed = rows(
        "SELECT 1 FROM drawer WHERE operator_id = %s AND user_id = %s AND closed_through >= %s",
        [scope.operator_id, scope.actor_id, through],
    )
    if not closed:
        call("close_drawer", user=scope.actor_id, through=through, why="", now=now)


def move_closing(*, user_id: int, through: date | None, why: str, now: datetime) -> None:
    """Close a person's days, or open them again: through an earlier day, or None; the reason is kept."""
    scope = current_scope()
    scope.require("drawers.edit")
    if not why.strip():
        raise InvalidInput("Say why.", field="why")
    if through is not None and through > local_date(now, scope.time_zone):
        raise InvalidInput("A day is closed when it has come.", field="through")
    call("close_drawer", user=user_id, through=through, why=why.strip(), now=now)


def _limit(minor: int | None) -> int | None:
    if minor is None:
        return None
    if minor <= 0:
        raise InvalidInput("The limit must be more than zero; leave it empty for none.", field="float_limit_minor")
    return refuse_beyond_limit(minor, field="float_limit_minor")
