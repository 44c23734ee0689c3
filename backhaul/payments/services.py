"""Commands of payments. A received payment is always recorded (SPEC 2.3, B25–B29)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NotRequired, TypedDict, Unpack

from django.db import IntegrityError

from backhaul.billing.promises import bring_back_unpaid
from backhaul.billing.services import renew_expired
from backhaul.common.clock import local_date
from backhaul.common.errors import KeyReused
from backhaul.common.money import refuse_beyond_limit
from backhaul.identity.models import IspDirectory
from backhaul.operators.alone import call_alone
from backhaul.operators.functions import call
from backhaul.operators.scope import Inside, current_scope, retried, unit_of_work


@dataclass(frozen=True)
class Receipt:
    """A recorded payment. `service`: "unchanged", "back", or "pending": paid, but funds of the chain are short.

    `above_limit`: the drawer of the person who took the cash holds more than it may.
    """

    payment_id: int
    receipt_number: int
    applied_minor: int
    surplus_minor: int
    due_minor: int
    overdue_minor: int
    repeated: bool
    service: str = "unchanged"
    above_limit: bool = False


class Received(TypedDict):
    """Money that came in from a customer. `request_key`: the same again is the same payment.

    `method`: cash, bank, mobile_wallet; or tax_withheld, what a company kept for the tax office: it pays bills, and is
    the operator's claim until it is set against its own tax.
    """

    customer_id: int
    amount_minor: int
    method: str
    received_on: date
    now: datetime
    request_key: str
    reference: NotRequired[str]


def record_payment(**payment: Unpack[Received]) -> Receipt:
    """Record money from a customer: oldest due first, the rest as advance; then services cut as unpaid may come back.

    What they need for it the profile's reactivate_when says. The same `request_key` again returns the first receipt.
    Reactivation is tried in a savepoint: short funds keep the payment and hold the renewal. Where a night cuts a
    service while this waits for it, the transaction ends as one that could not be serialized: try it again (retried).
    """
    current_scope().require(_permission(payment))
    with _one_payment_a_key():
        done = call("record_payment", alone=False, **_arguments(payment))
    blocked = done.pop("blocked")
    service = "unchanged"
    if blocked:
        # whatever day the money is dated: the service comes back now, and the days that it was off are not billed
        customer_id, now = payment["customer_id"], payment["now"]
        on = local_date(now, current_scope().time_zone)
        back = {
            bring_back_unpaid(customer_id=customer_id, on=on, now=now),
            renew_expired(customer_id=customer_id, on=on, now=now),
        }
        service = next(state for state in ("pending", "back", "unchanged") if state in back)
    return Receipt(**done, service=service)


def _begin_paid_period(isp: IspDirectory, operator_id: int, user_id: int | None, payment: Received) -> str:
    """After a payment in a unit of its own: the period of a service that pays first and runs out today."""
    with unit_of_work(isp, operator_id, user_id=user_id):
        on = local_date(payment["now"], isp.time_zone)
        return renew_expired(customer_id=payment["customer_id"], on=on, now=payment["now"])


def _record_with_return(
    isp: IspDirectory, operator_id: int, user_id: int | None, inside: Inside | None, payment: Received
) -> Receipt:
    with unit_of_work(isp, operator_id, user_id=user_id, inside=inside):
        return record_payment(**payment)


def receive_payment(
    isp: IspDirectory,
    operator_id: int,
    *,
    user_id: int | None = None,
    inside: Inside | None = None,
    **payment: Unpack[Received],
) -> Receipt:
    """As record_payment, but a unit of work by itself, for who does nothing else in one: committed when this returns.

    One round trip; the operator's receipt numbers wait for nobody's network or Python. Only where a service of the
    customer is off, and may come back, does it take an ordinary unit; where one begins its next period with this
    money, it takes one more. `inside`: as of unit_of_work, which it then is.
    """
    if inside is not None:
        return retried(lambda: _record_with_return(isp, operator_id, user_id, inside, payment))
    with _one_payment_a_key():
        done = call_alone(
            isp, operator_id, _permission(payment), "record_payment", user_id=user_id, alone=True, **_arguments(payment)
        )
    if done is None:
        return retried(lambda: _record_with_return(isp, operator_id, user_id, None, payment))
    waits = done.pop("blocked")
    return Receipt(**done, service=_begin_paid_period(isp, operator_id, user_id, payment) if waits else "unchanged")


def _permission(payment: Received) -> str:
    """Tax that a company withheld is on its certificate, not in anybody's hand: the office records it."""
    return "payments.reverse" if payment["method"] == "tax_withheld" else "payments.collect"


def _arguments(payment: Received) -> dict[str, Any]:
    """A payment as the SQL function takes it."""
    return {
        "customer": payment["customer_id"],
        "amount_minor": refuse_beyond_limit(payment["amount_minor"]),
        "method": payment["method"],
        "received_on": payment["received_on"],
        "now": payment["now"],
        "reference": payment.get("reference", ""),
        "request_key": payment["request_key"],
    }


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
