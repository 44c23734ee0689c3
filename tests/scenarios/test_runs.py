"""Runs that were rehearsed and confirmed, runs in the background, nights that were missed (SPEC A38)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from backhaul.billing import run_plans, runs, tasks
from backhaul.billing.run_plans import (
    PlanNotReady,
    PlanOutdated,
    confirm_plan,
    get_plan,
    list_plan_lines,
    plan_run,
    withdraw_plan,
)
from backhaul.billing.run_queries import get_run, list_caught_up, list_run_lines, list_run_shards, missing_night
from backhaul.billing.runs import bill_isp, bill_missing_nights, start_run
from backhaul.catalog.services import ProfileRules, add_billing_profile, set_tariff_price
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.operators.functions import rows
from backhaul.subscribers.services import suspend_subscription
from tests.builders import acting, build_person
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over

OCT_31 = date(2026, 10, 31)
DEC_1 = date(2026, 12, 1)


def crowd(cast: Cast) -> dict[int, list[Any]]:
    """Customers of every operator that start on 1 Nov; Riverside's fund covers only some of its own."""
    fill_funds(cast, north=20_000_00, riverside=1_000_00, rival=50_000_00)
    return {
        operator_id: [taken_over(cast, operator_id) for _ in range(count)]
        for operator_id, count in ((cast.padma.isp_id, 4), (cast.north, 3), (cast.riverside, 4), (cast.rival, 5))
    }


def confirmed(cast: Cast, on: date, made: date, **options: Any) -> dict[str, Any]:
    """A plan for a night, made and confirmed on a day before it."""
    plan = plan_run(cast.padma, on=on, now=noon(made), **options)
    with acting(cast.padma):
        return confirm_plan(plan_id=plan["id"], now=noon(made))


def outcomes(cast: Cast, plan_id: int) -> dict[int, list[str | None]]:
    """What became of each slice of a plan, by shard."""
    with acting(cast.padma):
        found = rows("SELECT top_id, outcome FROM run_plan_slice WHERE plan_id = %s ORDER BY top_id, slice", [plan_id])
    return {top: [row["outcome"] for row in found if row["top_id"] == top] for top in {row["top_id"] for row in found}}


def test_a_confirmed_plan_is_reproduced_slice_by_slice_when_nothing_changed(cast: Cast) -> None:
    crowd(cast)
    plan = confirmed(cast, NOV_1, OCT_31, slice_bills=2)
    assert (plan["report"]["totals"]["created"], plan["report"]["totals"]["held"]) == (14, 2)
    assert invoices(cast, cast.north) == []
    report = night(cast, NOV_1)
    assert (report.created, report.held, report.skipped) == (14, 2, 0)
    with acting(cast.padma):
        done = get_plan(plan["id"])
        assert (done["same"], done["differs"], done["slices"]) == (done["slices"], 0, done["slices"])
        assert done["slices"] >= 9 and done["run_id"] is not None
        assert list_plan_lines(plan["id"]) == list_run_lines(done["run_id"])
    assert_proved()


CHANGES = ["a payment", "a price", "a top-up", "a new customer", "a suspension"]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changed_since_skips_its_own_shard_only_and_the_next_night_bills_it(cast: Cast, change: str) -> None:
    people = crowd(cast)
    plan = confirmed(cast, NOV_1, OCT_31)
    shard = cast.north
    if change == "a payment":
        pay(cast, cast.riverside, people[cast.riverside][3].customer_id, 700_00, OCT_31)
    elif change == "a price":
        with acting(cast.padma):
            plan_id = cast.plans["Home 10"]
            where = {"child_id": cast.rival, "plan_operator_id": cast.padma.isp_id, "plan_id": plan_id}
            set_tariff_price(**where, starts_on=NOV_1, price_minor=410_00, today=OCT_31)
        shard = cast.rival
    elif change == "a top-up":
        fill_funds(cast, north=1_00, riverside=900_00, on=OCT_31)
    elif change == "a new customer":
        taken_over(cast, cast.padma.isp_id)
        shard = cast.padma.isp_id
    else:
        with acting(cast.padma, cast.rival):
            service = people[cast.rival][0].subscription_id
            suspend_subscription(subscription_id=service, why="asked for it", on=OCT_31, at=noon(OCT_31))
        shard = cast.rival
    report = night(cast, NOV_1)
    assert report.skipped == 1
    for top, found in outcomes(cast, plan["id"]).items():
        assert found == ["differs" if top == shard else "same"], top
    billed = {top: created for top, created in ((row["top_id"], row["created"]) for row in report.shards)}
    assert billed[shard] == 0 and all(created > 0 for top, created in billed.items() if top != shard)
    assert night(cast, NOV_1 + timedelta(days=1)).created > 0
    assert rows_left(cast) == 0
    assert_proved()


def rows_left(cast: Cast) -> int:
    """Services that should have a bill from 1 Nov and have none: not held, not stopped."""
    left = 0
    for operator_id in (cast.padma.isp_id, cast.north, cast.riverside, cast.rival):
        with acting(cast.padma, operator_id):
            left += rows(
                "SELECT count(*) AS n FROM billing_state s WHERE billed_until <= %s "
                "AND NOT EXISTS (SELECT 1 FROM held_bill h WHERE h.subscription_id = s.subscription_id) "
                "AND NOT EXISTS (SELECT 1 FROM block b WHERE b.subscription_id = s.subscription_id AND to_at IS NULL)",
                [NOV_1],
            )[0]["n"]
    return left


def test_the_report_of_a_plan_says_what_changes_against_the_last_cycle_and_no_price_of_others(cast: Cast) -> None:
    people = crowd(cast)
    night(cast, NOV_1)
    isp = cast.padma.isp_id
    with acting(cast.padma):
        suspend_subscription(subscription_id=people[isp][0].subscription_id, why="away", on=OCT_31, at=noon(OCT_31))
    taken_over(cast, cast.rival, billed_until=DEC_1)
    report = plan_run(cast.padma, on=DEC_1, now=noon(date(2026, 11, 30)))["report"]
    shards = {shard["top_id"]: shard for shard in report["shards"]}
    assert (shards[isp]["created"], shards[isp]["gone"], shards[isp]["new"]) == (3, 1, 0)
    assert (shards[isp]["billed_minor"], shards[isp]["before_minor"], shards[isp]["gone_minor"]) == (
        1_800_00, 1_800_00, 600_00,
    )  # fmt: skip
    assert (shards[cast.rival]["created"], shards[cast.rival]["new"]) == (6, 1)
    assert shards[cast.rival]["billed_minor"] is None and "before_minor" not in shards[cast.rival]
    assert {edge["parent_id"] for edge in report["edges"]} == {isp}
    assert {fund["parent_id"] for fund in report["short"]} <= {isp}
    assert report["totals"]["billed_minor"] == 1_800_00


def test_a_plan_for_a_day_ahead_rehearses_the_nights_before_it(cast: Cast) -> None:
    fill_funds(cast)
    monthly = (cast.padma.isp_id, cast.profiles["Monthly anniversary"])
    for joined in (date(2026, 10, 2), date(2026, 10, 4)):
        day = date(2026, 11, joined.day)
        taken_over(cast, cast.north, billed_until=day, joined_on=joined, profile=monthly)
    night(cast, NOV_1)
    plan = confirmed(cast, date(2026, 11, 4), NOV_1)
    assert plan["report"]["totals"]["created"] == 1
    for ahead in (1, 2, 3):
        night(cast, NOV_1 + timedelta(days=ahead))
    assert {word for found in outcomes(cast, plan["id"]).values() for word in found} == {"same"}


def test_the_plan_confirmed_last_counts_once_and_only_for_its_night(cast: Cast) -> None:
    crowd(cast)
    first = confirmed(cast, NOV_1, OCT_31)
    newer = plan_of(cast)
    with acting(cast.padma):
        second = confirm_plan(plan_id=newer["id"], now=noon(OCT_31) + timedelta(hours=1))
    bill_isp(cast.padma, on=date(2026, 10, 31), now=noon(OCT_31))  # another night's run is not bound by it
    night(cast, NOV_1)
    with acting(cast.padma):
        assert get_plan(first["id"])["run_id"] is None
        assert get_plan(second["id"])["same"] > 0
        with pytest.raises(PlanOutdated):
            confirm_plan(plan_id=first["id"], now=noon(NOV_1))
    assert night(cast, NOV_1).skipped == 0


def plan_of(cast: Cast) -> dict[str, Any]:
    return plan_run(cast.padma, on=NOV_1, now=noon(OCT_31))


def test_plans_belong_to_the_isp_and_are_refused_until_they_are_made(cast: Cast) -> None:
    plan = plan_of(cast)
    with acting(cast.padma, cast.north), pytest.raises(NotFound):
        get_plan(plan["id"])
    with acting(cast.meghna), pytest.raises(NotFound):
        get_plan(plan["id"])
    with acting(cast.padma):
        accountant = build_person(cast.padma.isp_id, "lila", "accountant")
    for decide in (
        lambda: confirm_plan(plan_id=plan["id"], now=noon(OCT_31)),
        lambda: withdraw_plan(plan_id=plan["id"]),
    ):
        with acting(cast.padma, user_id=accountant), pytest.raises(NotAllowed):
            decide()
    with acting(cast.padma):
        asked = run_plans.request_plan(on=NOV_1, now=noon(OCT_31))
        with pytest.raises(PlanNotReady):
            confirm_plan(plan_id=asked, now=noon(OCT_31))
    tasks.make_plan(isp_id=cast.padma.isp_id, plan_id=asked)
    with acting(cast.padma):
        assert get_plan(asked)["ready"]
    with pytest.raises(InvalidInput):
        plan_run(cast.padma, on=date(2099, 1, 1), now=noon(NOV_1))


def test_a_run_started_by_a_person_is_done_by_a_job_once_and_tells_the_five_outcomes(cast: Cast) -> None:
    people = crowd(cast)
    night(cast, OCT_31)
    late = taken_over(cast, cast.north, billed_until=date(2026, 10, 1))
    taken_over(cast, cast.rival, billed_until=DEC_1)
    with acting(cast.padma, cast.rival):
        service = people[cast.rival][0].subscription_id
        suspend_subscription(subscription_id=service, why="asked for it", on=OCT_31, at=noon(OCT_31))
    with acting(cast.padma):
        run_id = start_run(on=NOV_1, now=noon(NOV_1))
        assert start_run(on=NOV_1, now=noon(NOV_1)) == run_id
        assert get_run(run_id)["finished_at"] is None
        jobs = rows("SELECT task_name FROM procrastinate_jobs WHERE task_name = %s", [runs.CARRY_OUT])
        assert len(jobs) == 1
    for _ in range(2):
        tasks.carry_out_run(isp_id=cast.padma.isp_id, run_id=run_id)
    with acting(cast.padma):
        run, shards = get_run(run_id), {row["top_id"]: row for row in list_run_shards(run_id)}
        assert run["finished_at"] is not None and run["shards_done"] == run["shards"] == 3
        assert run["billed_minor"] == 2_400_00  # of its own customers
        assert {shards[top]["billed_minor"] for top in (cast.north, cast.rival)} == {None}
    north, rival = shards[cast.north], shards[cast.rival]
    assert (north["created"], north["back_filled"], north["held"]) == (7, 1, 2)
    assert (rival["created"], rival["already_billed"], rival["not_due"]) == (4, 1, 1)
    with acting(cast.padma, cast.north):
        months = rows("SELECT starts_on FROM invoice WHERE subscription_id = %s ORDER BY 1", [late.subscription_id])
        assert [row["starts_on"] for row in months] == [date(2026, 10, 1), NOV_1]
        with pytest.raises(NotFound):
            get_run(run_id)
    assert_proved()


def test_missed_nights_are_told_and_a_run_left_unfinished_is_finished(cast: Cast) -> None:
    crowd(cast)
    night(cast, OCT_31)
    late = date(2026, 11, 3)
    with acting(cast.padma):
        assert missing_night(today=late, now=noon(late)) == NOV_1
        assert missing_night(today=NOV_1, now=datetime(2026, 10, 31, 18, 20, tzinfo=UTC)) is None  # 00:20 in Dhaka
    bill_missing_nights(cast.padma, today=late, now=noon(late))
    with acting(cast.padma):
        assert missing_night(today=late, now=noon(late)) is None
        assert [run["on_date"].day for run in list_caught_up(since=noon(late) - timedelta(days=7))] == [1, 2]
        assert list_caught_up(since=noon(late) + timedelta(days=1)) == []
        left = start_run(on=date(2026, 11, 8), now=noon(late))
    assert [report.on.day for report in bill_missing_nights(cast.padma, today=late, now=noon(late))] == [8]
    with acting(cast.padma):
        assert get_run(left)["finished_at"] is not None


def test_a_reseller_sees_its_own_next_night_and_no_price_of_a_level_above_or_below(cast: Cast) -> None:
    crowd(cast)
    seen = {}
    for name, operator_id in (("north", cast.north), ("riverside", cast.riverside)):
        with acting(cast.padma, operator_id) as scope:
            pass
        seen[name] = run_plans.preview_night(cast.padma, scope, on=NOV_1, now=noon(OCT_31))
    north, riverside = seen["north"], seen["riverside"]
    assert (len(north["bills"]), north["billed_minor"], len(north["held"])) == (3, 1_800_00, 0)
    assert north["charge"]["total_minor"] == 5 * 400_00  # its own three customers and two of Riverside's
    assert [(edge["child"], edge["net_minor"]) for edge in north["edges"]] == [("Riverside", 900_00)]
    assert [(fund["operator"], fund["bills"]) for fund in north["short"]] == [("Riverside", 2)]
    assert (len(riverside["bills"]), riverside["charge"]["total_minor"], riverside["edges"]) == (2, 900_00, [])
    assert {row["reason"] for row in riverside["held"]} == {"fund_short"} and len(riverside["held"]) == 2
    assert invoices(cast, cast.riverside) == []


def test_a_plan_holds_for_arrears_terms_free_services_and_edges_charged_by_the_day(cast: Cast) -> None:
    """Every kind of step, several months behind, comes out as rehearsed; an edge charged by the day too."""
    fill_funds(cast)
    kinds: dict[str, dict[str, Any]] = {
        "In arrears": {"billed": "arrears"},
        "Free": {"billing_type": "free"},
        "Ten days": {"billing_type": "daily", "cycle": "validity", "validity_days": 10},
    }
    for name, rules in kinds.items():
        with acting(cast.padma):
            profile = add_billing_profile(name=name, rules=ProfileRules(**rules), handed_down=True)
        for operator_id in (cast.padma.isp_id, cast.riverside, cast.rival):
            fill: dict[str, Any] = {"billed_until": date(2026, 9, 1), "profile": (cast.padma.isp_id, profile)}
            taken_over(cast, operator_id, **fill)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, timing="daily")
    night(cast, date(2026, 10, 30))
    plan = confirmed(cast, NOV_1, OCT_31, slice_bills=2)
    assert plan["report"]["totals"]["created"] > 0
    night(cast, OCT_31)
    assert night(cast, NOV_1).skipped == 0
    assert {word for found in outcomes(cast, plan["id"]).values() for word in found} == {"same"}
    assert_proved()


class _Killed(Exception):
    """Ends a run between two slices."""


def test_a_bound_run_that_broke_off_goes_on_with_its_plan(cast: Cast) -> None:
    crowd(cast)
    plan = confirmed(cast, NOV_1, OCT_31, slice_bills=2)

    def break_off(report: runs.RunReport) -> None:
        if report.created >= 4:
            raise _Killed

    with pytest.raises(_Killed):
        night(cast, NOV_1, progress=break_off)
    assert {word for found in outcomes(cast, plan["id"]).values() for word in found} == {"same", None}
    night(cast, NOV_1)
    assert {word for found in outcomes(cast, plan["id"]).values() for word in found} == {"same"}
    with acting(cast.padma):
        run = get_run(get_plan(plan["id"])["run_id"] or 0)
        assert (run["created"], run["held"], run["finished_at"] is not None) == (14, 2, True)
    assert_proved()
