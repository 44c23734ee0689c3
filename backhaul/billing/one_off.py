"""Bills that are for no period (SPEC §3, §6); the night charges late fees itself (SQL charge_late_fees)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from backhaul.common.errors import InvalidInput
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope


@dataclass(frozen=True)
class OneOffBill:
    """A bill that was issued; `applied_minor` of it the customer's advance paid. `repeated`: it was there before."""

    invoice_id: int
    number: int
    net_minor: int
    vat_minor: int
    total_minor: int
    applied_minor: int
    repeated: bool


def issue_one_off(
    *, subscription_id: int, title: str, net_minor: int, on: date, due_on: date, now: datetime, request_key: str
) -> OneOffBill:
    """Bill something that is for no period: an installation, a router sold. VAT by the seller's own switch of `on`.

    The bill names the service that is cut if it stays unpaid. The same `request_key` again returns the first bill.
    """
    current_scope().require("billing.make")
    if not title.strip():
        raise InvalidInput("Say what the bill is for; the customer reads it.", field="title")
    issued = call(
        "issue_one_off",
        subscription=subscription_id,
        title=title.strip(),
        net_minor=refuse_beyond_limit(net_minor, field="net_minor"),
        on=on,
        due_on=due_on,
        now=now,
        request_key=request_key,
    )
    return OneOffBill(**issued)
