"""What can be done to many customers at once, each by the command that does it to one (SPEC B19)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.billing.changes import plan_change
from backhaul.billing.profile_change import change_profile
from backhaul.billing.promises import set_suspend_date
from backhaul.billing.services import bring_back
from backhaul.funds.queries import get_own_fund
from backhaul.subscribers.queries import list_blocks
from backhaul.subscribers.services import StatusRefused, disable_subscription, suspend_subscription, update_customer

OWN_BLOCKS = ("not_activated", "disabled", "by_hand")  # what a person imposes, and a person lifts


@dataclass(frozen=True)
class Piece:
    """One service of an act on many, what the person chose, and when."""

    subscription_id: int
    customer_id: int
    given: dict[str, Any]
    on: date
    now: datetime


@dataclass(frozen=True)
class Effect:
    """What it did in money: billed to the customer, and what the own fund gained (below zero: what it was charged)."""

    billed_minor: int = 0
    fund_minor: int = 0


@dataclass(frozen=True)
class BulkAct:
    """An act on many. `moves_money`: what one costs may leave too little for the next; all are looked at together."""

    permission: str
    do: Callable[[Piece], Effect]
    moves_money: bool = False


def _suspend(piece: Piece) -> Effect:
    suspend_subscription(
        subscription_id=piece.subscription_id, why=piece.given["why"], on=piece.on, at=piece.now, until_paid=False
    )
    return Effect()


def _disable(piece: Piece) -> Effect:
    disable_subscription(subscription_id=piece.subscription_id, why=piece.given["why"], on=piece.on, at=piece.now)
    return Effect()


def _activate(piece: Piece) -> Effect:
    """Lifts all that a person imposed; what else holds the service off stays, and goes by its own cause."""
    there = {block["reason"] for block in list_blocks(piece.subscription_id) if block["to_at"] is None}
    if not there & set(OWN_BLOCKS):
        raise StatusRefused("Nothing that a person imposed holds this service off.")
    before = get_own_fund()
    billed = [
        bring_back(subscription_id=piece.subscription_id, reason=reason, on=piece.on, now=piece.now, hold=False)
        for reason in OWN_BLOCKS
        if reason in there
    ]
    after = get_own_fund()
    fund = after["posted_minor"] - before["posted_minor"] if before and after else 0
    return Effect(sum(each.billed_minor for each in billed), fund)


def _zone(piece: Piece) -> Effect:
    update_customer(customer_id=piece.customer_id, at=piece.now, zone_id=piece.given["zone_id"])
    return Effect()


def _package(piece: Piece) -> Effect:
    owner, package = piece.given["package"]
    plan_change(subscription_id=piece.subscription_id, package=(owner, package), on=piece.on, now=piece.now)
    return Effect()


def _profile(piece: Piece) -> Effect:
    owner, profile = piece.given["profile"]
    change_profile(subscription_id=piece.subscription_id, profile=(owner, profile), on=piece.on, now=piece.now)
    return Effect()


def _suspend_date(piece: Piece) -> Effect:
    set_suspend_date(
        subscription_id=piece.subscription_id,
        suspend_on=date.fromisoformat(piece.given["suspend_on"]),
        why=piece.given["why"],
        on=piece.on,
        now=piece.now,
    )
    return Effect()


BULK_ACTS = {
    "suspend": BulkAct("customers.suspend", _suspend),
    "activate": BulkAct("customers.suspend", _activate, moves_money=True),
    "disable": BulkAct("customers.disable", _disable),
    "zone": BulkAct("customers.edit", _zone),
    "package": BulkAct("customers.edit", _package),
    "profile": BulkAct("customers.edit", _profile),
    "suspend_date": BulkAct("billing.promise", _suspend_date),
}
