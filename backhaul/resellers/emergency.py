"""The emergency fund (SPEC C2): an operator lends itself some days' charges, within what its provider allows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from backhaul.billing.services import queue_retry
from backhaul.common.errors import Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope
from backhaul.resellers.planner import plan_own_charges


class NoEmergencyFund(Refusal):
    """The provider lends nothing on this edge."""

    code = "no_emergency_fund"


class TooManyDays(Refusal):
    """More days than the provider lends."""

    code = "too_many_days"


class LoanUnpaid(Refusal):
    """The last emergency loan is still owed."""

    code = "loan_unpaid"


class LoanThisMonth(Refusal):
    """A loan was taken this calendar month."""

    code = "loan_this_month"


class LoanNotNeeded(Refusal):
    """The fund covers these days, or nothing is charged in them."""

    code = "loan_not_needed"


class SumChanged(Refusal):
    """The days' charges are no longer what the person saw."""

    code = "sum_changed"


@dataclass(frozen=True)
class Loan:
    """What came into the fund and its fee; both are owed to the provider."""

    movement_id: int
    amount_minor: int
    fee_minor: int


def sum_emergency_loan(*, days: int, today: date) -> int:
    """What a loan of that many days' charges would be."""
    return sum(row["sum_minor"] for row in plan_own_charges(today=today, days=days))


def take_emergency_loan(*, days: int, amount_minor: int, today: date, now: datetime, request_key: str) -> Loan:
    """Lend the own fund the charges of the next `days`; held renewals are tried again after the commit (SPEC 2.3).

    `amount_minor` is the sum that the person saw. Once a calendar month, and not while a loan is unpaid. The same
    `request_key` again returns the first loan. Raises NoEmergencyFund, TooManyDays, LoanUnpaid, LoanThisMonth,
    LoanNotNeeded, SumChanged, and ExposureExceeded of funds.services.
    """
    scope = current_scope()
    scope.require("funds.ask")
    given = call(
        "take_emergency_loan",
        days=days,
        amount_minor=refuse_beyond_limit(amount_minor),
        on=today,
        now=now,
        request_key=request_key,
    )
    queue_retry(isp_id=scope.isp_id, top_id=scope.path[1])
    return Loan(**given)
