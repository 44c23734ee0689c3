"""What changes a due after the bill: later discounts, write-offs, and what is recovered of them (SPEC §3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.billing.promises import bring_back_unpaid
from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope


class MoreThanOpen(Refusal):
    """A discount would exceed what is open on the bill."""

    code = "more_than_open"


class NothingOpen(Refusal):
    """There is nothing to write off."""

    code = "nothing_open"


class MoreThanWrittenOff(Refusal):
    """More would be recovered than was given up."""

    code = "more_than_written_off"


@dataclass(frozen=True)
class Adjusted:
    """An adjustment of a bill: net and the VAT in it. `repeated`: the same form was sent before."""

    adjustment_id: int
    net_minor: int
    vat_minor: int
    repeated: bool

    @property
    def total_minor(self) -> int:
        """What it changes on the bill."""
        return self.net_minor + self.vat_minor


@dataclass(frozen=True)
class WrittenOff:
    """Bills of a customer given up together: how many, net and the VAT that comes back."""

    bills: int
    net_minor: int
    vat_minor: int


def discount_bill(*, invoice_id: int, net_minor: int, why: str, on: date, now: datetime, request_key: str) -> Adjusted:
    """Take a net amount and its VAT off what is open on a bill; a service cut for it comes back. MoreThanOpen."""
    current_scope().require("billing.discount")
    adjusted = Adjusted(
        **call(
            "discount_bill",
            invoice=invoice_id,
            net_minor=refuse_beyond_limit(net_minor, field="net_minor"),
            on=on,
            now=now,
            why=_reason(why),
            request_key=request_key,
        )
    )
    customer = rows("SELECT customer_id FROM invoice WHERE id = %s", [invoice_id])[0]["customer_id"]
    bring_back_unpaid(customer_id=customer, on=on, now=now)
    return adjusted


def write_off_bill(*, invoice_id: int, why: str, on: date, now: datetime, request_key: str) -> Adjusted:
    """Give up all that is open on a bill as bad debt, with VAT relief where the operator has it. Lifts no block."""
    current_scope().require("billing.write_off")
    return Adjusted(
        **call("write_off_bill", invoice=invoice_id, on=on, now=now, why=_reason(why), request_key=request_key)
    )


def write_off_customer(*, customer_id: int, why: str, on: date, now: datetime, request_key: str) -> WrittenOff:
    """Give up all that a customer owes, each bill as write_off_bill does, all or none. Raises NothingOpen.

    The same `request_key` again gives up nothing more.
    """
    me = current_scope().operator_id
    current_scope().require("billing.write_off")
    call("lock_for_charge", customer=customer_id)
    sent_before = rows(
        "SELECT i.id FROM invoice i JOIN adjustment a ON a.operator_id = i.operator_id AND a.invoice_id = i.id "
        "WHERE i.operator_id = %s AND i.customer_id = %s AND a.request_key = %s || ':' || i.id ORDER BY i.id",
        [me, customer_id, request_key],
    )
    bills = sent_before or rows(
        "SELECT invoice_id AS id FROM invoice_open WHERE operator_id = %s AND customer_id = %s ORDER BY due_on, number",
        [me, customer_id],
    )
    if not bills:
        raise NothingOpen("This customer owes nothing.")
    lost = [
        write_off_bill(invoice_id=bill["id"], why=why, on=on, now=now, request_key=f"{request_key}:{bill['id']}")
        for bill in bills
    ]
    return WrittenOff(len(lost), sum(one.net_minor for one in lost), sum(one.vat_minor for one in lost))


def record_recovery(
    *, invoice_id: int, amount_minor: int, paid: str, on: date, now: datetime, request_key: str, why: str = ""
) -> Adjusted:
    """Record money for a bill that was written off; `paid`: cash, bank, mobile_wallet. Raises MoreThanWrittenOff."""
    current_scope().require("payments.collect")
    return Adjusted(
        **call(
            "recover_bad_debt",
            invoice=invoice_id,
            amount_minor=refuse_beyond_limit(amount_minor, field="amount_minor"),
            paid=paid,
            on=on,
            now=now,
            why=why.strip(),
            request_key=request_key,
        )
    )


def list_adjustments(invoice_id: int) -> list[dict[str, Any]]:
    """What was adjusted on a bill, oldest first: kind, net, VAT and total, adjusted_on, why, actor_id."""
    return rows(
        "SELECT id, kind, net_minor, vat_minor, net_minor + vat_minor AS total_minor, adjusted_on, why, recorded_at, "
        "actor_id, impersonation_id, paid_code FROM adjustment WHERE operator_id = %s AND invoice_id = %s ORDER BY id",
        [current_scope().operator_id, invoice_id],
    )


def get_written_off(invoice_id: int) -> int:
    """What of a bill was written off and not recovered yet."""
    found = rows(
        "SELECT COALESCE(sum(CASE kind WHEN 'write_off' THEN net_minor + vat_minor WHEN 'recovered' "
        "THEN -net_minor - vat_minor END), 0)::bigint AS minor FROM adjustment "
        "WHERE operator_id = %s AND invoice_id = %s",
        [current_scope().operator_id, invoice_id],
    )
    return int(found[0]["minor"])


def _reason(why: str) -> str:
    if not why.strip():
        raise InvalidInput("Give the reason; it stays in the history.", field="why")
    return why.strip()
