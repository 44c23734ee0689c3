"""The minimum-balance guard step by step, what it stops and what it spares (SPEC 2.4, §8 oracle 8)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backhaul.billing.guards import Measured, cut_below_minimum, is_cut_window, measure_minimum_balance
from backhaul.billing.services import bring_back, sign_up_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.queries import get_own_fund
from backhaul.funds.services import deduct_from_fund, set_edge_terms
from backhaul.network.services import register_nas
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import unit_of_work
from backhaul.resellers.services import recharge_child_fund, set_child_terms
from backhaul.subscribers.services import AddedCustomer, FundLow, disable_subscription, suspend_subscription
from tests.builders import acting, build_operator, new_customer, request_key
from tests.cast import CELL, Cast, fill_funds
from tests.scenarios.money import assert_proved, night
from tests.scenarios.test_faults import admin
from tests.scenarios.test_oracles import pay, taken_over

NOV_1 = date(2026, 11, 1)
MINIMUM = 1_000_00
MARGIN = 200_00


def nov(day: int) -> date:
    return date(2026, 11, day)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by Padma's clock (Dhaka, UTC + 6)."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=6)


def measure(cast: Cast, day: date) -> Measured:
    """The measurement after the night's run."""
    with unit_of_work(cast.padma, using="batch"):
        return measure_minimum_balance(isp=cast.padma, on=day, now=local(day, 0, 10))


def cut(cast: Cast, day: date, hour: int = 12) -> Measured:
    """The cuts of the day."""
    with unit_of_work(cast.padma, using="batch"):
        return cut_below_minimum(isp=cast.padma, on=day, now=local(day, hour))


def step(cast: Cast, operator_id: int) -> str:
    with acting(cast.padma, operator_id):
        own = get_own_fund()
    assert own is not None
    return str(own["guard_step"])


def guarded(cast: Cast, operator_id: int, parent_id: int, **terms: object) -> None:
    with acting(cast.padma, parent_id):
        set_edge_terms(child_id=operator_id, minimum_balance_minor=MINIMUM, minimum_margin_minor=MARGIN, **terms)


def drain(cast: Cast, operator_id: int, parent_id: int, left: int, on: date = NOV_1) -> None:
    """Leave so much in a fund."""
    with acting(cast.padma, parent_id):
        found = rows("SELECT posted_minor FROM fund WHERE child_id = %s", [operator_id])[0]["posted_minor"]
        deduct_from_fund(
            child_id=operator_id, amount_minor=found - left, on=on, request_key=request_key(), reason="for the test"
        )


def top_up(cast: Cast, operator_id: int, parent_id: int, amount: int, on: date) -> None:
    with acting(cast.padma, parent_id):
        recharge_child_fund(
            child_id=operator_id, kind="recharge", amount_minor=amount, on=on, now=local(on, 10), paid="cash",
            request_key=request_key(),
        )  # fmt: skip


def disable_north(cast: Cast) -> None:
    """North falls below its minimum on the 2nd and is disabled at noon on the 5th."""
    drain(cast, cast.north, cast.padma.isp_id, MINIMUM - 1)
    for day in (2, 3, 4):
        measure(cast, nov(day))
        cut(cast, nov(day))
    measure(cast, nov(5))
    cut(cast, nov(5))
    assert step(cast, cast.north) == "disabled"


def open_blocks(cast: Cast, operator_id: int) -> set[str]:
    with acting(cast.padma, operator_id):
        return {row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL")}


def operator_blocks(cast: Cast, operator_id: int) -> dict[str, str]:
    with acting(cast.padma, operator_id):
        return {
            row["reason"]: row["effect"]
            for row in rows("SELECT reason, effect FROM operator_block WHERE to_at IS NULL")
        }


def access(cast: Cast, operator_id: int, service: AddedCustomer) -> str:
    with acting(cast.padma, operator_id):
        found = rows("SELECT access FROM radius_login WHERE subscription_id = %s", [service.subscription_id])
    return str(found[0]["access"])


def sign_up(cast: Cast, operator_id: int, on: date = NOV_1, *, activate: bool = True, **fields: Any) -> AddedCustomer:
    customer = new_customer(cast, joined_on=on, **fields)
    with acting(cast.padma, operator_id):
        return sign_up_customer(customer=customer, on=on, now=local(on, 9), activate=activate)


def test_below_the_minimum_each_night_goes_one_step_on_and_the_last_comes_at_the_cut_after_the_notice(
    cast: Cast,
) -> None:
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id)
    assert measure(cast, nov(1)) == Measured(0, 0, 0)
    drain(cast, cast.north, cast.padma.isp_id, MINIMUM - 1)
    steps = []
    for day in (2, 3, 4):
        assert measure(cast, nov(day)).worse == 1
        assert measure(cast, nov(day)) == Measured(0, 0, 0)  # the same night again
        cut(cast, nov(day))
        steps.append(step(cast, cast.north))
    assert steps == ["warned", "blocks_new", "holds_renewals"]
    assert measure(cast, nov(5)) == Measured(0, 0, 0)
    assert cut(cast, nov(5), hour=11) == Measured(0, 0, 0)  # notice has passed, the cut window has not come
    assert (operator_blocks(cast, cast.north), cut(cast, nov(5)).worse) == ({}, 1)
    assert operator_blocks(cast, cast.north) == {"operator_minimum_balance": "spares"}


def test_the_notice_is_as_long_as_the_edge_says(cast: Cast) -> None:
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id, notice_hours=72)
    drain(cast, cast.north, cast.padma.isp_id, 0)
    for day in range(2, 7):
        measure(cast, nov(day))
        cut(cast, nov(day))
    assert step(cast, cast.north) == "holds_renewals"  # held since the 4th at 0:10
    cut(cast, nov(7))
    assert step(cast, cast.north) == "disabled"


def test_nobody_is_disabled_on_a_holiday_or_a_spared_weekday(cast: Cast) -> None:
    fill_funds(cast)
    with acting(cast.padma):
        execute(
            "INSERT INTO cut_window (operator_id, cut_time, spared_weekdays) VALUES (%s, '09:30', '{5}')",
            [cast.padma.isp_id],
        )
        execute(
            "INSERT INTO holiday (operator_id, on_date, name) VALUES (%s, '2026-11-05', 'Day')", [cast.padma.isp_id]
        )
    with unit_of_work(cast.padma, using="batch"):
        open_at = [
            is_cut_window(cast.padma, local(nov(day), hour, minute))
            for day, hour, minute in ((4, 9, 29), (4, 9, 30), (5, 12, 0), (6, 12, 0), (7, 12, 0))  # the 6th is a Friday
        ]
    assert open_at == [False, True, False, False, True]
    guarded(cast, cast.north, cast.padma.isp_id)
    drain(cast, cast.north, cast.padma.isp_id, 0)
    for day in range(2, 7):
        measure(cast, nov(day))
        cut(cast, nov(day))
    assert step(cast, cast.north) == "holds_renewals"
    cut(cast, nov(7))
    assert step(cast, cast.north) == "disabled"


def test_missed_nights_give_no_shorter_notice(cast: Cast) -> None:
    """Three nights caught up at once on the 4th: notice runs from that instant."""
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id)
    drain(cast, cast.north, cast.padma.isp_id, 0)
    late = local(nov(4), 14)
    for day in (2, 3, 4):
        with unit_of_work(cast.padma, using="batch"):
            measure_minimum_balance(isp=cast.padma, on=nov(day), now=late)
    assert step(cast, cast.north) == "holds_renewals"
    cut(cast, nov(5))
    assert step(cast, cast.north) == "holds_renewals"
    cut(cast, nov(6))
    assert step(cast, cast.north) == "disabled"


def test_at_the_minimum_nothing_gets_worse_and_at_minimum_and_margin_all_is_lifted(cast: Cast) -> None:
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id)
    drain(cast, cast.north, cast.padma.isp_id, MINIMUM - 1)
    for day in (2, 3):
        measure(cast, nov(day))
    top_up(cast, cast.north, cast.padma.isp_id, 1, nov(3))
    measure(cast, nov(4))
    assert step(cast, cast.north) == "blocks_new"
    with pytest.raises(FundLow, match=r"recharge it to 1,200\.00"):
        sign_up(cast, cast.north, nov(4))
    top_up(cast, cast.north, cast.padma.isp_id, MARGIN - 1, nov(4))
    assert step(cast, cast.north) == "blocks_new"
    top_up(cast, cast.north, cast.padma.isp_id, 1, nov(4))
    assert step(cast, cast.north) == "none"
    sign_up(cast, cast.north, nov(4))


def test_a_warning_keeps_nobody_out(cast: Cast) -> None:
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id)
    drain(cast, cast.north, cast.padma.isp_id, MINIMUM - 1)
    measure(cast, nov(2))
    sign_up(cast, cast.north, nov(2))


def test_a_guard_taken_off_lifts_what_it_did(cast: Cast) -> None:
    fill_funds(cast)
    guarded(cast, cast.north, cast.padma.isp_id)
    disable_north(cast)
    with acting(cast.padma):
        set_child_terms(child_id=cast.north, on=nov(5), now=local(nov(5), 15), minimum_balance_minor=None)
    assert (step(cast, cast.north), operator_blocks(cast, cast.north)) == ("none", {})


def test_held_renewals_wait_though_the_fund_would_cover_them(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.north, billed_until=nov(5))
    below = taken_over(cast, cast.riverside, billed_until=nov(5))
    guarded(cast, cast.north, cast.padma.isp_id)
    drain(cast, cast.north, cast.padma.isp_id, MINIMUM - 1)
    for day in (2, 3, 4):
        measure(cast, nov(day))
    report = night(cast, nov(5))
    assert (report.created, report.held) == (1, 1)
    with acting(cast.padma, cast.north):
        held = rows("SELECT subscription_id, short_child_id FROM held_bill")
    assert held == [{"subscription_id": service.subscription_id, "short_child_id": cast.north}]
    assert access(cast, cast.riverside, below) == "open"
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, nov(5))
    assert night(cast, nov(5), only_held=True).created == 1
    assert_proved()


def test_disable_spares_the_charged_period_and_cuts_when_it_is_over(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.north)
    night(cast, nov(1))
    guarded(cast, cast.north, cast.padma.isp_id)
    disable_north(cast)
    assert access(cast, cast.north, service) == "open"
    assert night(cast, date(2026, 12, 1), cuts=False).created == 0
    assert cut(cast, date(2026, 12, 1), hour=11).cut == 0
    assert cut(cast, date(2026, 12, 1)).cut == 1
    assert (open_blocks(cast, cast.north), access(cast, cast.north, service)) == ({"operator_minimum"}, "walled")
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, date(2026, 12, 4))
    assert (open_blocks(cast, cast.north), access(cast, cast.north, service)) == (set(), "open")
    retry = night(cast, date(2026, 12, 4), only_held=True, top_id=cast.north, cuts=False)  # what the recharge queued
    assert retry.created == 1
    assert night(cast, date(2026, 12, 5)).created == 0
    with acting(cast.padma, cast.north):
        last = rows("SELECT starts_on, ends_on, net_minor FROM invoice ORDER BY id DESC LIMIT 1")[0]
    assert (last["starts_on"], last["ends_on"]) == (date(2026, 12, 4), date(2027, 1, 1))  # the lost days are unbilled
    assert_proved()


def test_with_cut_paid_periods_all_services_are_walled_in_at_once_and_sessions_end(
    db: EmbeddedPostgres, cast: Cast
) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.north)
    night(cast, nov(1))
    guarded(cast, cast.north, cast.padma.isp_id, cut_paid_periods=True)
    with acting(cast.padma, cast.north):
        register_nas(name="Tower", source_address="192.0.2.9", secret="not-a-word", at=local(nov(1), 9))
    session_of(db, cast, cast.north, service)
    disable_north(cast)
    assert operator_blocks(cast, cast.north) == {"operator_minimum_balance": "walled"}
    assert (open_blocks(cast, cast.north), access(cast, cast.north, service)) == (
        set(),
        "open",
    )  # no customer row touched
    assert disconnects(cast, cast.north) == 1
    with acting(cast.padma, cast.north):
        execute("UPDATE disconnect_request SET seen_ended_at = now()")
    with admin(db) as connection:
        connection.execute(f"DELETE FROM {CELL}.radius_session_live")
    session_of(db, cast, cast.north, service)
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, nov(7))
    assert (operator_blocks(cast, cast.north), disconnects(cast, cast.north)) == ({}, 1)


@pytest.mark.parametrize("reaches", [True, False])
def test_disable_reaches_sub_operators_by_switch_or_after_the_step_in_days(cast: Cast, reaches: bool) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside)
    night(cast, nov(1))
    guarded(cast, cast.north, cast.padma.isp_id, reaches_sub_operators=reaches)
    disable_north(cast)
    reached = {"provider_minimum_balance": "spares"}
    assert operator_blocks(cast, cast.riverside) == (reached if reaches else {})
    assert operator_blocks(cast, cast.rival) == {}
    if not reaches:
        sign_up(cast, cast.riverside, nov(6))
        assert cut(cast, nov(11)) == Measured(0, 0, 0)
        assert operator_blocks(cast, cast.riverside) == {}
        cut(cast, nov(12))
        assert operator_blocks(cast, cast.riverside) == reached
    with pytest.raises(FundLow, match="North cannot take new customers"):
        sign_up(cast, cast.riverside, nov(12))
    cut(cast, date(2026, 12, 1))
    assert access(cast, cast.riverside, service) == "walled"
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, date(2026, 12, 2))
    assert (operator_blocks(cast, cast.riverside), access(cast, cast.riverside, service)) == ({}, "open")
    assert_proved()


def test_nothing_else_comes_back_with_the_minimum_balance(cast: Cast) -> None:
    """Oracle 8: those disabled by hand stay disabled."""
    fill_funds(cast)
    by_hand, disabled, runs = (taken_over(cast, cast.north) for _ in range(3))
    night(cast, nov(1))
    with acting(cast.padma, cast.north):
        suspend_subscription(subscription_id=by_hand.subscription_id, why="asked", on=nov(2), at=local(nov(2), 9))
        disable_subscription(subscription_id=disabled.subscription_id, why="abuse", on=nov(2), at=local(nov(2), 9))
    guarded(cast, cast.north, cast.padma.isp_id)
    disable_north(cast)
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, nov(7))
    assert [access(cast, cast.north, service) for service in (by_hand, disabled, runs)] == ["walled", "reject", "open"]
    assert open_blocks(cast, cast.north) == {"by_hand", "disabled"}


@pytest.mark.parametrize("cut_paid_periods", [True, False])
def test_who_pays_while_the_operator_is_stopped_stays_off_until_it_is_back(cast: Cast, cut_paid_periods: bool) -> None:
    """Oracle 8: unpaid on the 4th, operator minimum on the 5th, pays on the 7th: still off."""
    fill_funds(cast)
    service = taken_over(cast, cast.north)
    night(cast, nov(1))
    with acting(cast.padma, cast.north):
        suspend_subscription(
            subscription_id=service.subscription_id, why="bill unpaid", on=nov(4), at=local(nov(4), 12), until_paid=True
        )
    guarded(cast, cast.north, cast.padma.isp_id, cut_paid_periods=cut_paid_periods)
    disable_north(cast)
    pay(cast, cast.north, service.customer_id, 600_00, nov(7))
    assert "unpaid" not in open_blocks(cast, cast.north)
    off = access(cast, cast.north, service) == "walled" or "walled" in operator_blocks(cast, cast.north).values()
    assert off
    top_up(cast, cast.north, cast.padma.isp_id, 5_000_00, nov(8))
    assert (access(cast, cast.north, service), operator_blocks(cast, cast.north)) == ("open", {})
    assert_proved()


def test_nothing_that_is_off_is_brought_back_by_hand_while_the_operator_is_stopped(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.north)
    night(cast, nov(1))
    with acting(cast.padma, cast.north):
        suspend_subscription(subscription_id=service.subscription_id, why="asked", on=nov(2), at=local(nov(2), 9))
    guarded(cast, cast.north, cast.padma.isp_id)
    disable_north(cast)
    with acting(cast.padma, cast.north):
        bring_back(
            subscription_id=service.subscription_id, reason="by_hand", on=nov(6), now=local(nov(6), 9), hold=False
        )
    assert access(cast, cast.north, service) == "walled"


def test_an_isp_measures_its_own_tree_only(cast: Cast) -> None:
    fill_funds(cast)
    lake = build_operator(cast.meghna, cast.meghna.isp_id, "lake")
    with acting(cast.meghna):
        set_edge_terms(child_id=lake, minimum_balance_minor=1)
    assert measure(cast, nov(2)) == Measured(0, 0, 0)
    with unit_of_work(cast.meghna, using="batch"):
        assert measure_minimum_balance(isp=cast.meghna, on=nov(2), now=local(nov(2), 1)).worse == 1


def session_of(db: EmbeddedPostgres, cast: Cast, operator_id: int, service: AddedCustomer) -> None:
    """A running session of a login, as accounting writes it."""
    with admin(db) as connection:
        connection.execute(
            f"INSERT INTO {CELL}.radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, "
            "nonce, login_id, login_version, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
            "input_bytes, output_bytes) SELECT l.operator_id, n.operator_id, n.id, l.username, l.version::text, '', "
            f"l.id, l.version, '', '', now(), now(), 300, 0, 0, 0 FROM {CELL}.radius_login l CROSS JOIN {CELL}.nas n "
            "WHERE l.operator_id = %s AND l.subscription_id = %s",
            [operator_id, service.subscription_id],
        )


def disconnects(cast: Cast, operator_id: int) -> int:
    with acting(cast.padma, operator_id):
        return int(rows("SELECT count(*) AS n FROM disconnect_request WHERE NOT done")[0]["n"])
