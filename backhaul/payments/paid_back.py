"""What a customer holds in advance goes back to it, in cash or by bank (SPEC §3 "advance paid back")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError

from backhaul.common.errors import KeyReused, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope


class AdvanceTooSmall(Refusal):
    """The customer holds less in advance than is to be paid back."""

    code = "advance_too_small"


class AdvanceGone(Refusal):
    """A payment cannot be taken back whose surplus was paid back to the customer already."""

    code = "advance_gone"


@dataclass(frozen=True)
class PaidBack:
    """An advance paid back; `left_minor`: what the customer still holds."""

    payment_id: int
    receipt_number: int
    left_minor: int
    repeated: bool


def pay_back_advance(
    *, customer_id: int, amount_minor: int, method: str, on: date, now: datetime, why: str, request_key: str
) -> PaidBack:
    """Pay a customer its advance back, or a part; the same `request_key` again pays nothing and returns the first.

    `method`: cash, bank, mobile_wallet. Raises AdvanceTooSmall, KeyReused.
    """
    current_scope().require("payments.reverse")
    try:
        done = call(
            "pay_back_advance",
            customer=customer_id,
            amount_minor=refuse_beyond_limit(amount_minor),
            method=method,
            on=on,
            now=now,
            why=why.strip(),
            request_key=request_key,
        )
    except IntegrityError as error:
        if "payment_operator_id_request_key_key" not in str(error):
            raise
        raise KeyReused("This form was already sent for another customer; open it again.") from None
    return PaidBack(**done)
