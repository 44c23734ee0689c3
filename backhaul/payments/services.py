"""Commands of payments. A received payment is always recorded (SPEC 2.3, B25–B29)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError

from backhaul.billing.promises import bring_back_unpaid
from backhaul.billing.services import renew_expired
from backhaul.common.errors import KeyReused
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope


@dataclass(frozen=True)
class Receipt:
    """A recorded payment. `service`: "unchanged", "back", or "pending": paid, but funds of the chain are short."""

    payment_id: int
    receipt_number: int
    applied_minor: int
    surplus_minor: int
    due_minor: int
    overdue_minor: int
    repeated: bool
    service: str = "unchanged"


def record_payment(
    *,
    customer_id: int,
    amount_minor: int,
    method: str,
    received_on: date,
    now: datetime,
    request_key: str,
    reference: str = "",
) -> Receipt:
    """Record money from a customer: oldest due first, the rest as advance; then services cut as unpaid may come back.

    What they need for it the profile's reactivate_when says. The same `request_key` again returns the first receipt.
    Reactivation is tried in a savepoint: short funds keep the payment and hold the renewal.
    """
    current_scope().require("payments.collect")
    with _one_payment_a_key():
        done = call(
            "record_payment",
            customer=customer_id,
            amount_minor=refuse_beyond_limit(amount_minor),
            method=method,
            received_on=received_on,
            now=now,
            reference=reference,
            request_key=request_key,
        )
    blocked = done.pop("blocked")
    service = "unchanged"
    if blocked:
        back = {
            bring_back_unpaid(customer_id=customer_id, on=received_on, now=now),
            renew_expired(customer_id=customer_id, on=received_on, now=now),
        }
        service = next(state for state in ("pending", "back", "unchanged") if state in back)
    return Receipt(**done, service=service)


@contextmanager
def _one_payment_a_key() -> Iterator[None]:
    """Two customers' payments under one key, sent at once: the second is refused, as it is when sent later."""
    try:
        yield
    except IntegrityError as error:
        if "payment_operator_id_request_key_key" not in str(error):
            raise
        raise KeyReused("This form was already sent for another customer; open it again.") from None


def reverse_payment(*, payment_id: int, on: date, now: datetime, reason: str) -> int:
    """Take a payment back: its bills are open again; only appended rows. Returns the reversing payment's id."""
    current_scope().require("payments.reverse")
    reversal: int = call("reverse_payment", payment=payment_id, on=on, now=now, reason=reason)
    return reversal
