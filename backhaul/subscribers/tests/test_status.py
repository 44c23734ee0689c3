"""The status of a service is its open blocks; the login follows them, and each lifts by its own cause."""

from __future__ import annotations

from datetime import date

import pytest

from backhaul.catalog.services import ProfileRules, add_billing_profile
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.network.queries import get_login
from backhaul.operators.functions import execute, rows
from backhaul.operators.queries import list_audit_events
from backhaul.subscribers.blocks import StatusRefused
from backhaul.subscribers.queries import count_by_status, get_customer, list_blocks
from backhaul.subscribers.rules import STATUSES
from backhaul.subscribers.services import (
    AddedCustomer,
    disable_subscription,
    lift_block,
    mark_left,
    suspend_subscription,
)
from tests.builders import NOON, acting, build_customer, build_person
from tests.cast import Cast

ON = date(2026, 2, 10)


def access_of(added: AddedCustomer) -> tuple[str, str | None]:
    owner = rows("SELECT operator_id FROM subscription WHERE id = %s", [added.subscription_id])[0]["operator_id"]
    login = get_login(operator_id=owner, subscription_id=added.subscription_id)
    assert login is not None
    return login["access"], login["reject_reason"]


def block_unpaid(added: AddedCustomer, operator_id: int) -> None:
    execute(
        "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id) "
        "VALUES (%s, %s, 'unpaid', %s, %s, 0)",
        [operator_id, added.subscription_id, ON, NOON],
    )


def test_suspended_by_hand_is_walled_in_and_comes_back_with_who_when_and_why_kept(cast: Cast) -> None:
    with acting(cast.padma, cast.north, user_id=cast.owners["north"]):
        added = build_customer(cast)
        suspend_subscription(subscription_id=added.subscription_id, why="asked for it", on=ON, at=NOON)
        assert access_of(added) == ("walled", None)
        assert get_customer(added.customer_id)["status"] == "suspended"
        lift_block(subscription_id=added.subscription_id, reason="by_hand", on=date(2026, 2, 12), at=NOON)
        assert access_of(added) == ("open", None)
        assert get_customer(added.customer_id)["status"] == "active"
        block = list_blocks(added.subscription_id)[0]
        events = list_audit_events("subscription", added.subscription_id)
    assert (block["reason"], block["why"], block["from_on"], block["to_on"]) == (
        "by_hand", "asked for it", ON, date(2026, 2, 12),
    )  # fmt: skip
    assert block["by_actor_id"] == cast.owners["north"]
    assert [(event["verb"], event["actor_id"]) for event in events] == [
        ("restored", cast.owners["north"]),
        ("suspended", cast.owners["north"]),
    ]


def test_a_profile_may_reject_instead_of_walling_in(cast: Cast) -> None:
    with acting(cast.padma):
        profile = add_billing_profile(name="Hard", rules=ProfileRules(on_suspend="reject"))
        added = build_customer(cast, profile=(cast.padma.isp_id, profile))
        suspend_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
        assert access_of(added) == ("reject", "suspended")


def test_disabled_and_left_are_rejected(cast: Cast) -> None:
    with acting(cast.padma):
        added = build_customer(cast)
        disable_subscription(subscription_id=added.subscription_id, why="abuse", on=ON, at=NOON)
        assert access_of(added) == ("reject", "disabled")
        mark_left(subscription_id=added.subscription_id, why="moved", on=ON, at=NOON)
        assert access_of(added) == ("reject", "left")
        customer = get_customer(added.customer_id)
        assert (customer["status"], customer["left_on"]) == ("left", ON)
        still_off = lift_block(subscription_id=added.subscription_id, reason="disabled", on=ON, at=NOON)
        back = lift_block(subscription_id=added.subscription_id, reason="left", on=ON, at=NOON)
        assert (still_off.is_online, back.is_online) == (False, True)
        customer = get_customer(added.customer_id)
        assert (customer["status"], customer["left_on"], access_of(added)) == ("active", None, ("open", None))


def test_each_block_lifts_by_its_own_cause_only(cast: Cast) -> None:
    with acting(cast.padma):
        added = build_customer(cast)
        suspend_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
        block_unpaid(added, cast.padma.isp_id)
        lift_block(subscription_id=added.subscription_id, reason="by_hand", on=ON, at=NOON)
        assert get_customer(added.customer_id)["status"] == "suspended"
        assert access_of(added) == ("walled", None)
        assert [row["reason"] for row in list_blocks(added.subscription_id) if row["to_at"] is None] == ["unpaid"]
        assert lift_block(subscription_id=added.subscription_id, reason="unpaid", on=ON, at=NOON).is_online
        assert access_of(added) == ("open", None)
    for reason in ("fund_short", "upstream_short", "expired"):
        with pytest.raises(StatusRefused, match="its own cause"), acting(cast.padma):
            lift_block(subscription_id=added.subscription_id, reason=reason, on=ON, at=NOON)


def test_what_is_so_already_is_refused(cast: Cast) -> None:
    with acting(cast.padma):
        added = build_customer(cast)
        suspend_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
    with pytest.raises(StatusRefused), acting(cast.padma):
        suspend_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
    with pytest.raises(StatusRefused), acting(cast.padma):
        lift_block(subscription_id=added.subscription_id, reason="disabled", on=ON, at=NOON)
    with acting(cast.padma):
        mark_left(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
    with pytest.raises(StatusRefused), acting(cast.padma):
        disable_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)


def test_nobody_stops_another_operators_service_not_even_its_parent(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast)
    for seat in (None, cast.north, cast.rival):
        with pytest.raises(NotFound), acting(cast.padma, seat):
            suspend_subscription(subscription_id=added.subscription_id, why="", on=ON, at=NOON)
    with acting(cast.padma, cast.riverside):
        assert access_of(added) == ("open", None)


def test_who_may_not_disable_does_not(cast: Cast) -> None:
    with acting(cast.padma):
        collector = build_person(cast.padma.isp_id, "collector", role="collector")
        added = build_customer(cast)
    for command in (suspend_subscription, disable_subscription, mark_left):
        with pytest.raises(NotAllowed), acting(cast.padma, user_id=collector):
            command(subscription_id=added.subscription_id, why="", on=ON, at=NOON)


def test_services_are_counted_by_status(cast: Cast) -> None:
    with acting(cast.padma):
        added = [build_customer(cast, activate=n > 0) for n in range(5)]
        suspend_subscription(subscription_id=added[1].subscription_id, why="", on=ON, at=NOON)
        block_unpaid(added[1], cast.padma.isp_id)
        disable_subscription(subscription_id=added[2].subscription_id, why="", on=ON, at=NOON)
        counts = count_by_status()
    assert set(counts) == set(STATUSES)
    assert {status: n for status, n in counts.items() if n} == {
        "active": 2, "suspended": 1, "disabled": 1, "not_activated": 1,
    }  # fmt: skip
