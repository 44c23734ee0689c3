"""A customer leaves: what is given back for the days it does not use (SPEC 2.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from backhaul.operators.functions import call
from backhaul.subscribers import services as subscribers


@dataclass(frozen=True)
class Refund:
    """What leaving gives back for whole `days`, in minor units, at the rates charged.

    `back_minor` comes into the operator's own fund, VAT included; `credit_minor` is the customer's credit note, and
    `to_advance_minor` the part of it that becomes advance.
    """

    days: int
    back_minor: int
    credit_minor: int
    to_advance_minor: int


def preview_refund(*, subscription_id: int, on: date, now: datetime, credit_customer: bool = True) -> Refund:
    """What leaving on `on` would give back."""
    return _refund(subscription_id, on, now, credit_customer, preview=True)


def disconnect_customer(
    *, subscription_id: int, on: date, now: datetime, why: str, credit_customer: bool = True
) -> Refund:
    """The customer leaves: the service ends, whole unused days come back up every edge at the rates charged.

    `on` is consumed. Each edge gives back by its own policy. `credit_customer`: the operator's own decision to give
    its customer a credit note too.
    """
    call("lock_for_charge", subscription=subscription_id)
    subscribers.mark_left(subscription_id=subscription_id, why=why, on=on, at=now)
    return _refund(subscription_id, on, now, credit_customer, preview=False)


def _refund(subscription_id: int, on: date, now: datetime, credit_customer: bool, *, preview: bool) -> Refund:
    given = call(
        "refund_unused_days", subscription=subscription_id, on=on, now=now, retail=credit_customer, preview=preview
    )
    return Refund(**given)
