"""Commands of billing. Money moves in SQL functions of *books*; these are their only callers (SPEC §6, 2.3–2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from backhaul.common.errors import Refusal
from backhaul.operators.functions import call, execute, rows, savepoint
from backhaul.operators.jobs import enqueue
from backhaul.subscribers import services as subscribers

RETRY_HELD = "backhaul.billing.tasks.retry_held"


class FundTooLow(Refusal):
    """The operator's own fund does not cover what its provider charges."""

    code = "fund_too_low"


class UpstreamShort(Refusal):
    """A level above is short; the child is not told whose fund, only that its provider cannot serve this now."""

    code = "upstream_short"


class NoTariff(Refusal):
    """Some level of the chain has no price for the plan."""

    code = "no_tariff"


@dataclass(frozen=True)
class Billed:
    """What billing one subscription did: at most one invoice, or one hold (`short`: fund_short or upstream_short)."""

    created: int
    held: int
    invoice_id: int | None = None
    billed_minor: int = 0
    short: str | None = None


def bill_subscription(*, subscription_id: int, on: date, now: datetime, hold: bool) -> Billed:
    """Bill the period that is due on `on`, if one is; charges every edge of the chain or none.

    A short fund raises FundTooLow or UpstreamShort; with `hold` the bill waits and the service stays off until then.
    Raises NoTariff.
    """
    return Billed(**call("bill_subscription", subscription=subscription_id, on=on, now=now, hold=hold))


def start_billing(*, subscription_id: int, billed_until: date) -> None:
    """Set where billing of a new subscription begins: nothing before that day is billed or charged on any edge."""
    start_billing_many([(subscription_id, billed_until)])


def start_billing_many(starts: Sequence[tuple[int, date]]) -> None:
    """`start_billing` for many (subscription id, billed until) pairs of the acting operator, in one statement."""
    execute(
        "INSERT INTO billing_state "
        "(operator_id, subscription_id, billed_until, charged_until, day_charged_until, began_on) "
        "SELECT acting_operator(), id, until, until, until, until "
        "FROM unnest(%s::bigint[], %s::date[]) AS given (id, until)",
        [[subscription_id for subscription_id, _ in starts], [billed_until for _, billed_until in starts]],
    )


def sign_up_customer(
    *,
    customer: subscribers.NewCustomer,
    on: date,
    now: datetime,
    activate: bool = True,
    request_key: str | None = None,
) -> subscribers.AddedCustomer:
    """Add a customer with one service and, if `activate`, bill its first period: all of it or nothing (SPEC B9).

    Raises FundTooLow, UpstreamShort, NoTariff and what subscribers.services.add_customer raises.
    """
    with savepoint():
        added = subscribers.add_customer(customer=customer, activate=activate, on=on, at=now, request_key=request_key)
        if not added.repeated:
            start_billing(subscription_id=added.subscription_id, billed_until=on)
            if activate:
                bill_subscription(subscription_id=added.subscription_id, on=on, now=now, hold=False)
            else:
                _refuse_what_could_not_be_activated(added.subscription_id, on, now)
    return added


class _Undo(Exception):
    pass


def _refuse_what_could_not_be_activated(subscription_id: int, on: date, now: datetime) -> None:
    """Raises FundTooLow for a service that the own fund could not pay for if it were activated at once (SPEC 2.4)."""
    try:
        with savepoint():
            bring_back(subscription_id=subscription_id, reason="not_activated", on=on, now=now, hold=False)
            raise _Undo
    except (_Undo, UpstreamShort):
        return


def bring_back(*, subscription_id: int, reason: str, on: date, now: datetime, hold: bool) -> Billed:
    """Lift one block of a service; when nothing else holds it off, its next period starts today at the earliest.

    What it was off for is not billed (SPEC 2.3); days of a running period that were given back on an edge are charged
    again there. `reason`: not_activated, unpaid, by_hand, disabled, left.
    """
    call("lock_for_charge", subscription=subscription_id)
    back = subscribers.lift_block(subscription_id=subscription_id, reason=reason, on=on, at=now)
    if not back.is_online:
        return Billed(0, 0)
    call("resume_billing", subscription=subscription_id, on=on)
    again = call("charge_released", subscription=subscription_id, on=on, now=now, hold=hold)
    if again["held"]:
        return Billed(0, 1, short=again["short"])
    return bill_subscription(subscription_id=subscription_id, on=on, now=now, hold=hold)


def renew_expired(*, customer_id: int, on: date, now: datetime) -> str:
    """Begin a new period for those of a customer's services that pay first and expired, or run out today, as far as
    the advance goes (SPEC 2.5).

    Each in a savepoint. "unchanged" where the advance covers none, "back", or "pending" where funds are short.
    """
    states = set()
    for row in rows(
        "SELECT s.id AS subscription_id FROM subscription s "
        "JOIN billing_profile p ON p.operator_id = s.profile_operator_id AND p.id = s.profile_id "
        "JOIN billing_state t ON t.operator_id = s.operator_id AND t.subscription_id = s.id "
        "WHERE s.operator_id = acting_operator() AND s.customer_id = %s AND p.access = 'pay_first' "
        "AND s.left_on IS NULL AND t.billed_until <= %s ORDER BY s.id",
        [customer_id, on],
    ):
        try:
            with savepoint():
                billed = bill_subscription(subscription_id=row["subscription_id"], on=on, now=now, hold=True)
            states.add("pending" if billed.held else "back" if billed.created else "unchanged")
        except Refusal:
            states.add("pending")
    return next(state for state in ("pending", "back", "unchanged") if state in states | {"unchanged"})


def issue_opening_dues(dues: Sequence[tuple[int, int, int]], *, on: date, due_on: date, now: datetime) -> int:
    """Opening dues of customers taken over: (customer id, subscription id, amount in minor units > 0) each.

    Posted against *opening balances*: no revenue, no VAT (SPEC §3). Returns how many.
    """
    customers, subscriptions, amounts = ([row[n] for row in dues] for n in range(3))
    issued: int = call(
        "issue_opening_dues",
        customers=customers,
        subscriptions=subscriptions,
        amounts=amounts,
        on=on,
        due_on=due_on,
        now=now,
    )
    return issued


def queue_retry(*, isp_id: int, top_id: int) -> None:
    """Retry a shard's held bills as soon as this transaction is committed; one waiting retry is enough (SPEC 2.3)."""
    enqueue(RETRY_HELD, queueing_lock=f"retry_held:{top_id}", isp_id=isp_id, top_id=top_id)
