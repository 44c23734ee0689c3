"""Commands on the funds of direct children: thin callers of the functions of *books* that move the money."""

from __future__ import annotations

from datetime import date

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope


class LimitInUse(Refusal):
    """The fund has used more of its credit limit than the new limit allows."""

    code = "limit_in_use"


class AmountNotPositive(Refusal):
    """An amount of zero or less."""

    code = "amount_not_positive"


class MoreThanOwed(Refusal):
    """A repayment larger than the debt."""

    code = "more_than_owed"


def open_fund(*, child_id: int, mode: str = "prepaid") -> None:
    """Open the fund that a direct child holds with the acting operator; again changes nothing."""
    current_scope().require("resellers.edit")
    call("open_fund", child=child_id, mode=mode)


def set_fund_limits(*, child_id: int, credit_limit_minor: int, low_balance_minor: int) -> None:
    """Set how far a child may go below zero, and under which balance it may not add customers (SPEC 2.4)."""
    current_scope().require("resellers.edit")
    for limit in (credit_limit_minor, low_balance_minor):
        if refuse_beyond_limit(limit) < 0:
            raise InvalidInput("A limit is not negative.")
    call("set_fund_limits", child=child_id, credit_limit_minor=credit_limit_minor, low_balance_minor=low_balance_minor)


def recharge_fund(
    *,
    child_id: int,
    kind: str,
    amount_minor: int,
    on: date,
    paid: str | None,
    request_key: str,
    note: str = "",
) -> int:
    """Put money into a direct child's fund, or book what it repays; returns the movement's id.

    `kind`: recharge | recharge_credit | recharge_repaid | bonus; `paid` (cash, bank, mobile_wallet) for the first
    and the third. The same `request_key` again changes nothing and returns the same id.
    """
    current_scope().require("funds.recharge")
    movement = call(
        "recharge_fund",
        child=child_id,
        kind=kind,
        amount_minor=refuse_beyond_limit(amount_minor),
        on=on,
        paid=paid,
        request_key=request_key,
        note=note,
    )
    return int(movement)


def reverse_recharge(*, child_id: int, movement_id: int, on: date, reason: str) -> int:
    """Take a paid recharge back, once; what the fund no longer holds becomes a debt. Returns the new movement's id."""
    current_scope().require("funds.reverse")
    return int(call("reverse_recharge", child=child_id, movement=movement_id, on=on, reason=reason))
