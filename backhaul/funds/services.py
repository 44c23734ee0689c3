"""Commands on the funds of direct children: thin callers of the functions of *books* that move the money."""

from __future__ import annotations

import json
from datetime import date

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.announce import announce
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


class BelowMinimum(Refusal):
    """A recharge smaller than the edge takes."""

    code = "below_minimum"


class ExposureExceeded(Refusal):
    """The credit limit and what is owed would together exceed what the parent is willing to lose."""

    code = "exposure_exceeded"


class BeyondOwnFund(Refusal):
    """The child's fund would hold more than the parent's own has left, and the edge is capped by that."""

    code = "beyond_own_fund"


class MoreThanAvailable(Refusal):
    """More is to be taken out of a fund than it holds."""

    code = "more_than_available"


class OperatorClosed(Refusal):
    """The operator was settled and closed."""

    code = "operator_closed"


def open_fund(*, child_id: int, mode: str = "prepaid", started: bool = True) -> None:
    """Open the fund that a direct child holds with the acting operator; again changes nothing.

    Not `started`: the edge charges nothing until billing's start_edge.
    """
    current_scope().require("resellers.edit")
    call("open_fund", child=child_id, mode=mode, started=started)


def set_edge_terms(*, child_id: int, **terms: object) -> None:
    """Set terms of a direct child's edge, named as the columns of its fund; those not named stay (SPEC 2.2, 2.4, 2.6).

    Raises LimitInUse, ExposureExceeded, and InvalidInput for a value out of its range.
    """
    current_scope().require("resellers.edit")
    for name, value in terms.items():
        if name.endswith("_minor") and isinstance(value, int) and refuse_beyond_limit(value, field=name) < 0:
            raise InvalidInput("A limit is not negative.", field=name)
    call("set_edge_terms", child=child_id, terms=json.dumps(terms))


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
    announce("funds", operator_id=child_id)
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


def receive_from_child(
    *,
    child_id: int,
    amount_minor: int,
    to_debt_minor: int | None,
    on: date,
    paid: str | None,
    request_key: str,
    note: str = "",
) -> list[int]:
    """Book money received from a direct child: its debt first, the rest into its fund; returns the movements' ids.

    `to_debt_minor` splits it otherwise. The same `request_key` again changes nothing. Raises MoreThanOwed,
    BelowMinimum.
    """
    current_scope().require("funds.recharge")
    announce("funds", operator_id=child_id)
    movements: list[int] = call(
        "receive_from_child",
        child=child_id,
        amount_minor=refuse_beyond_limit(amount_minor),
        to_debt_minor=None if to_debt_minor is None else refuse_beyond_limit(to_debt_minor, field="to_debt"),
        on=on,
        paid=paid,
        request_key=request_key,
        note=note,
    )
    return movements


def reverse_bonus(*, child_id: int, movement_id: int, on: date, reason: str) -> int:
    """Take back, once, what a direct child has not used of a bonus. Returns the new movement's id."""
    current_scope().require("funds.reverse")
    return int(call("reverse_bonus", child=child_id, movement=movement_id, on=on, reason=reason))


def deduct_from_fund(*, child_id: int, amount_minor: int, on: date, request_key: str, reason: str) -> int:
    """Take a penalty from a direct child's fund, with the reason that it reads. Raises MoreThanAvailable."""
    current_scope().require("funds.reverse")
    announce("funds", operator_id=child_id)
    movement = call(
        "deduct_from_fund",
        child=child_id,
        amount_minor=refuse_beyond_limit(amount_minor),
        on=on,
        request_key=request_key,
        reason=reason.strip(),
    )
    return int(movement)


def transfer_fund(
    *, child_id: int, to_child_id: int, amount_minor: int, on: date, request_key: str, note: str = ""
) -> int:
    """Move money from one direct child's fund into another's; returns the id of the movement out (SPEC 2.4).

    Raises NotFound unless both are direct children, and MoreThanAvailable.
    """
    current_scope().require("funds.recharge")
    movement = call(
        "transfer_fund",
        child=child_id,
        to=to_child_id,
        amount_minor=refuse_beyond_limit(amount_minor),
        on=on,
        request_key=request_key,
        note=note,
    )
    return int(movement)


def pay_back_fund(
    *, child_id: int, amount_minor: int, on: date, paid: str | None, request_key: str, note: str = ""
) -> int:
    """Pay back what a direct child holds beyond what it owes: at closing. Raises MoreThanAvailable."""
    current_scope().require("funds.reverse")
    movement = call(
        "pay_back_fund",
        child=child_id,
        amount_minor=refuse_beyond_limit(amount_minor),
        on=on,
        paid=paid,
        request_key=request_key,
        note=note,
    )
    return int(movement)
