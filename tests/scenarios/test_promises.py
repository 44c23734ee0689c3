"""When an unpaid service is cut, what spares it, and what brings it back (SPEC 2.5, B15)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backhaul.billing.one_off import issue_one_off
from backhaul.billing.promises import (
    NoPromise,
    count_broken_promises,
    list_promises,
    make_promise,
    set_suspend_date,
    withdraw_promise,
)
from backhaul.common.errors import InvalidInput
from backhaul.subscribers.services import AddedCustomer, suspend_subscription
from tests.builders import acting
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_extras import NOV_10, billed, blocked, one_off, profile
from tests.scenarios.test_oracles import NOV_1, pay


def promise(cast: Cast, customer: AddedCustomer, until: date, on: date) -> Any:
    with acting(cast.padma, cast.riverside):
        return make_promise(
            subscription_id=customer.subscription_id, until_on=until, why="salary on the 10th", on=on, now=noon(on)
        )


def test_a_promise_spares_until_its_day_has_passed(cast: Cast) -> None:
    """Overdue since the 1st, promised until the 10th: not cut on the 10th, cut on the 11th, listed as broken."""
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast))
    promise(cast, customer, NOV_10, NOV_1)
    assert blocked(cast, date(2026, 11, 2)) == blocked(cast, NOV_10) == []
    with acting(cast.padma, cast.riverside):
        assert [row["due_minor"] for row in list_promises(NOV_10, broken=False)] == [600_00]
        assert list_promises(NOV_10, broken=True) == []
        assert [count_broken_promises(date(2026, 11, day)) for day in (10, 11)] == [0, 1]
        assert [row["until_on"] for row in list_promises(date(2026, 11, 11), broken=True)] == [NOV_10]
    assert blocked(cast, date(2026, 11, 11)) == ["unpaid"]
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 11, 12))
    with acting(cast.padma, cast.riverside):
        assert list_promises(date(2026, 11, 12), broken=True) == []  # late, but kept
    assert_proved()


def test_a_promise_brings_back_who_was_cut_and_its_withdrawal_ends_it(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast))
    assert blocked(cast, date(2026, 11, 2)) == ["unpaid"]
    assert promise(cast, customer, NOV_10, date(2026, 11, 3)).service == "back"
    assert blocked(cast, date(2026, 11, 4)) == []
    with acting(cast.padma, cast.riverside):
        withdraw_promise(subscription_id=customer.subscription_id, now=noon(NOV_1))
        with pytest.raises(NoPromise):
            withdraw_promise(subscription_id=customer.subscription_id, now=noon(NOV_1))
    assert blocked(cast, date(2026, 11, 5)) == ["unpaid"]
    with pytest.raises(InvalidInput):
        promise(cast, customer, NOV_1, NOV_10)
    assert_proved()


def test_an_own_suspend_date_holds_for_the_bills_due_by_then(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast))
    with acting(cast.padma, cast.riverside):
        set_suspend_date(
            subscription_id=customer.subscription_id, suspend_on=NOV_10, why="asked", on=NOV_1, now=noon(NOV_1)
        )
    assert blocked(cast, date(2026, 11, 9)) == []
    assert blocked(cast, NOV_10) == ["unpaid"]
    pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_10)
    night(cast, date(2026, 12, 1))
    assert blocked(cast, date(2026, 12, 2)) == ["unpaid"]  # December follows the profile again


def test_small_dues_suspend_nobody(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast, suspend_if_due_over_minor=100_00))
    pay(cast, cast.riverside, customer.customer_id, 500_00, NOV_1)
    assert blocked(cast, NOV_10) == []
    one_off(cast, customer, 1)
    assert blocked(cast, date(2026, 11, 11)) == ["unpaid"]


@pytest.mark.parametrize(
    ("rule", "payments", "outcomes"),
    [
        ({"reactivate_when": "full"}, [600_00, 99_00, 1_00], [False, False, True]),
        ({"reactivate_when": "overdue"}, [599_99, 1], [False, True]),
        ({"reactivate_when": "share", "reactivate_share_bp": 5000}, [299_99, 1], [False, True]),
    ],
)
def test_a_payment_brings_back_when_the_profile_says(
    cast: Cast, rule: dict[str, Any], payments: list[int], outcomes: list[bool]
) -> None:
    """600.00 overdue and a bill of 100.00 not yet due."""
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast, **rule))
    assert blocked(cast, date(2026, 11, 2)) == ["unpaid"]
    with acting(cast.padma, cast.riverside):
        issue_one_off(
            subscription_id=customer.subscription_id, title="Cable", net_minor=100_00, on=date(2026, 11, 2),
            due_on=date(2026, 11, 30), now=noon(NOV_1), request_key="k",
        )  # fmt: skip
    for amount, back in zip(payments, outcomes, strict=True):
        pay(cast, cast.riverside, customer.customer_id, amount, date(2026, 11, 3))
        assert (blocked(cast) == []) is back
    assert_proved()


def test_who_came_back_for_a_share_is_cut_again_for_a_later_bill_only(cast: Cast) -> None:
    fill_funds(cast)
    half = profile(cast, reactivate_when="share", reactivate_share_bp=5000)
    customer = billed(cast, profile=half)
    assert blocked(cast, date(2026, 11, 2)) == ["unpaid"]
    pay(cast, cast.riverside, customer.customer_id, 300_00, date(2026, 11, 3))
    assert blocked(cast, date(2026, 11, 30)) == []
    night(cast, date(2026, 12, 1))
    assert blocked(cast, date(2026, 12, 1)) == []
    assert blocked(cast, date(2026, 12, 2)) == ["unpaid"]
    assert_proved()


def test_who_was_suspended_by_a_person_stays_so_whatever_is_promised(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast)
    with acting(cast.padma, cast.riverside):
        suspend_subscription(subscription_id=customer.subscription_id, why="x", on=NOV_1, at=noon(NOV_1))
    assert promise(cast, customer, NOV_10, NOV_1).service == "unchanged"
    assert blocked(cast) == ["by_hand"]
