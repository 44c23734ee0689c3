"""A plan is changed: every service over it follows at once, here and below, and nobody slips through meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from backhaul.billing.changes import ConnectionRefused, change_package, plan_change
from backhaul.billing.plan_edits import LATE, ConnectionsInUse, PlanEdit, ask_late_sessions, edit_plan
from backhaul.catalog.plans import get_plan
from backhaul.catalog.services import NameInUse
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.network.services import add_pool, register_nas
from backhaul.operators.functions import rows
from backhaul.subscribers.services import mark_left, suspend_subscription
from tests.builders import acting, build_customer
from tests.cast import Cast, fill_funds
from tests.network.conftest import as_admin
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_money_races import Side, stopped_at, wait_for_locks
from tests.scenarios.test_oracles import NOV_1, taken_over
from tests.scenarios.test_package_change import DAY_12, add_gold, apply_planned
from tests.web.conftest import jobs_of

FAST: dict[str, Any] = {"down_kbps": 30_720, "up_kbps": 15_360}


def edit(cast: Cast, operator_id: int | None = None, *, plan: str = "Home 10", **changes: Any) -> PlanEdit:
    """Change one of Padma's plans, of whoever acts; the rest stays."""
    with acting(cast.padma):
        now = get_plan(cast.plans[plan])
    pool = (now["pool_operator_id"], now["pool_id"]) if now["pool_id"] else None
    terms = {name: now[name] for name in ("name", "down_kbps", "up_kbps", "connection_types")}
    with acting(cast.padma, operator_id):
        return edit_plan(plan_id=cast.plans[plan], now=noon(DAY_12), **(terms | {"pool": pool} | changes))


def online(db: EmbeddedPostgres, username: str = "%", *, late: timedelta = timedelta()) -> None:
    """A running session of every login of such a name, as accounting would have written it; `late`: so long after a
    plan was changed."""
    as_admin(
        db,
        "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, login_version, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
        "input_bytes, output_bytes) SELECT l.operator_id, n.operator_id, n.id, l.username, 's1', '', l.id, l.version, "
        "'aabbcc001122', '', %s, now(), 300, 1, 0, 0 FROM radius_login l, nas n WHERE l.username LIKE %s",
        noon(DAY_12) + late if late else noon(NOV_1), username,
    )  # fmt: skip


def of(cast: Cast, operator_id: int, sql: str) -> list[tuple[Any, ...]]:
    with acting(cast.padma, operator_id):
        return [tuple(row.values()) for row in rows(sql)]


def rates(cast: Cast, operator_id: int) -> list[str]:
    return [rate for (rate,) in of(cast, operator_id, "SELECT rate_limit FROM radius_login ORDER BY id")]


def asked(cast: Cast, operator_id: int) -> list[tuple[Any, ...]]:
    return of(cast, operator_id, "SELECT kind, reason FROM disconnect_request ORDER BY id")


def counts(done: PlanEdit) -> dict[int, tuple[int, ...]]:
    return {row["child_id"]: tuple(row[name] for name in ("services", "changing", "live", "cut")) for row in done.reach}


@pytest.fixture
def people(cast: Cast, db: EmbeddedPostgres) -> dict[str, int]:
    """Online over Home 10: one of Padma's, one with an address of its own at North; at Riverside one, one who is
    suspended, and one who has left. Rival's has another plan."""
    fill_funds(cast)
    isp = cast.padma.isp_id
    found = {"own": taken_over(cast, isp), "fixed": taken_over(cast, cast.north, static_ip="203.0.113.9")}
    found |= {name: taken_over(cast, cast.riverside) for name in ("plain", "walled", "left")}
    found["other"] = taken_over(cast, cast.rival, package=(isp, cast.packages["Home 20"]))
    with acting(cast.padma, cast.riverside):
        gone: dict[str, Any] = {"on": NOV_1, "at": noon(NOV_1), "why": "x"}
        suspend_subscription(subscription_id=found["walled"].subscription_id, **gone)
        mark_left(subscription_id=found["left"].subscription_id, **gone)
    with acting(cast.padma):
        register_nas(name="Core", source_address="192.0.2.9", secret="not-a-word", at=noon(NOV_1))
    online(db)
    return {name: added.subscription_id for name, added in found.items()}


def test_every_service_over_the_plan_follows_and_only_counts_come_back(cast: Cast, people: dict[str, int]) -> None:
    """Live where that can be; the walled garden keeps its rate; who has left has the new speed should it come back."""
    before = len(of(cast, cast.riverside, "SELECT 1 FROM invoice")), of(cast, cast.north, "SELECT * FROM fund_movement")
    done = edit(cast, name="Home 30", **FAST)
    isp = cast.padma.isp_id
    assert counts(done) == {isp: (1, 1, 1, 0), cast.north: (3, 3, 2, 0)}  # North and Riverside together, no name
    for operator_id, logins in ((isp, 1), (cast.north, 1), (cast.riverside, 3)):
        assert rates(cast, operator_id) == ["15360k/30720k"] * logins
    assert rates(cast, cast.rival) == ["20480k/20480k"] and asked(cast, cast.rival) == []
    live = [("change_of_authorization", "plan changed")]
    assert [asked(cast, who) for who in (isp, cast.north, cast.riverside)] == [live, live, live]
    assert before == (
        len(of(cast, cast.riverside, "SELECT 1 FROM invoice")), of(cast, cast.north, "SELECT * FROM fund_movement")
    )  # fmt: skip
    told = of(cast, isp, "SELECT detail FROM audit_event WHERE subject_type = 'plan' AND verb = 'changed'")
    assert '"was": {"name": "Home 10", "up_kbps": 10240, "down_kbps": 10240}' in str(told[0][0]).replace("'", '"')
    assert counts(edit(cast, name="Home 10")) == {isp: (1, 0, 0, 0), cast.north: (3, 0, 0, 0)}  # nothing to follow
    assert [asked(cast, who) for who in (isp, cast.north, cast.riverside)] == [live, live, live]
    assert_proved()


def test_who_logged_in_while_the_plan_was_changed_is_asked_a_minute_later(
    cast: Cast, db: EmbeddedPostgres, people: dict[str, int]
) -> None:
    """Answered by the old rate, online only after the routers were asked."""
    with acting(cast.padma, cast.riverside):
        build_customer(cast, username="late")
    edit(cast, **FAST)
    wanted = {"plan_id": cast.plans["Home 10"], "since": noon(DAY_12).isoformat()}
    assert jobs_of(cast, LATE) == [{"isp_id": cast.padma.isp_id, **wanted}]
    as_admin(db, "UPDATE disconnect_request SET acknowledged_at = now()")
    online(db, "late", late=timedelta(seconds=3))
    late: dict[str, Any] = {"plan_id": cast.plans["Home 10"], "since": noon(DAY_12)}
    assert ask_late_sessions(cast.padma, **late, now=noon(DAY_12) + timedelta(minutes=1)) == 1
    assert len(of(cast, cast.riverside, "SELECT 1 FROM disconnect_request WHERE NOT done")) == 1
    assert ask_late_sessions(cast.padma, **late | {"plan_id": cast.plans["Home 20"]}, now=noon(DAY_12)) == 0


def test_another_pool_cuts_whoever_has_no_address_of_its_own(cast: Cast, people: dict[str, int]) -> None:
    isp = cast.padma.isp_id
    with acting(cast.padma):
        pool = (isp, add_pool(name="fast", network="100.96.0.0/18"))
    done = edit(cast, pool=pool)
    assert counts(done) == {isp: (1, 1, 0, 1), cast.north: (3, 3, 0, 2)}  # the walled one is online, too
    assert asked(cast, isp) == [("disconnect", "plan changed")] and asked(cast, cast.north) == []
    assert (done.before["pool"], done.after["pool"]) == ("home", "fast")


def test_ways_in_that_somebody_uses_or_is_to_use_cannot_be_taken_away(cast: Cast, people: dict[str, int]) -> None:
    with pytest.raises(ConnectionsInUse, match=": 1 of your own customers, 3 of those below"):
        edit(cast, connection_types=["hotspot", "static"])
    gold = add_gold(cast)
    with acting(cast.padma):
        plans = {row["name"]: row["id"] for row in rows("SELECT id, name FROM plan")}
    cast.plans["Gold"] = plans["Gold plan"]
    with acting(cast.padma, cast.riverside):
        planned: dict[str, Any] = {"subscription_id": people["plain"], "package": gold}
        plan_change(**planned, on=NOV_1, now=noon(NOV_1))
    with pytest.raises(ConnectionsInUse, match=": 0 of your own customers, 1 of those below"):
        edit(cast, plan="Gold", connection_types=["hotspot"])
    assert apply_planned(cast, NOV_1) == 1
    edit(cast, connection_types=["pppoe"])
    assert of(cast, cast.padma.isp_id, "SELECT plan_connections::text FROM radius_login") == [("{pppoe}",)]
    assert asked(cast, cast.padma.isp_id) == []  # nothing that a router would have to hear


def test_who_left_by_a_way_that_is_sold_no_more_keeps_it(cast: Cast, people: dict[str, int]) -> None:
    with acting(cast.padma, cast.riverside):
        gone = build_customer(cast, connection_type="hotspot", username="wireless").subscription_id
        mark_left(subscription_id=gone, on=NOV_1, at=noon(NOV_1), why="x")
    edit(cast, connection_types=["pppoe"], **FAST)
    kept = f"SELECT plan_connections, rate_limit FROM radius_login WHERE subscription_id = {gone}"
    assert of(cast, cast.riverside, kept) == [(None, "15360k/30720k")]


def test_only_the_owner_changes_a_plan_and_no_nonsense(cast: Cast) -> None:
    with pytest.raises(NotFound):
        edit(cast, cast.north, **FAST)
    mine: dict[str, Any] = {"name": "Mine", "pool": None, "connection_types": ["pppoe"], **FAST}
    with pytest.raises(NotFound), acting(cast.meghna):
        edit_plan(plan_id=cast.plans["Home 10"], now=noon(DAY_12), **mine)
    with pytest.raises(NameInUse):
        edit(cast, name="Home 20")
    nonsense: list[dict[str, Any]] = [
        {"down_kbps": 0}, {"connection_types": []}, {"connection_types": ["carrier pigeon"]},
    ]  # fmt: skip
    for wrong in nonsense:
        with pytest.raises(InvalidInput):
            edit(cast, **wrong)
    with pytest.raises(NotFound):
        edit(cast, pool=(cast.meghna.isp_id, 1))


def add_one(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        build_customer(cast, on=NOV_1)


def switch_one(cast: Cast) -> None:
    """To Home 10 from Home 20."""
    with acting(cast.padma, cast.riverside):
        service = rows("SELECT id FROM subscription")[0]["id"]
        home_10 = (cast.padma.isp_id, cast.packages["Home 10"])
        change_package(subscription_id=service, package=home_10, on=DAY_12, now=noon(DAY_12))


@pytest.mark.parametrize(("act", "waits_at"), [(add_one, "customer_numbering"), (switch_one, "radius_login")])
def test_who_comes_to_the_plan_in_the_same_moment_gets_its_new_speed(
    cast: Cast, db: EmbeddedPostgres, act: Callable[[Cast], None], waits_at: str
) -> None:
    """Either it is there for the change to find, or it reads the plan after it."""
    fill_funds(cast)
    if act is switch_one:
        taken_over(cast, cast.riverside, package=(cast.padma.isp_id, cast.packages["Home 20"]))
        night(cast, NOV_1)
    with stopped_at(db, f"SELECT 1 FROM {{cell}}.{waits_at} FOR UPDATE"):
        comes = Side(lambda: act(cast))
        wait_for_locks(db, 1)
        changes = Side(lambda: edit(cast, **FAST))
        wait_for_locks(db, 2)
    comes.done()
    changes.done()
    assert rates(cast, cast.riverside) == ["15360k/30720k"]


def test_who_leaves_the_plan_in_the_same_moment_keeps_the_other_ones_speed(cast: Cast, db: EmbeddedPostgres) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside, package=(cast.padma.isp_id, cast.packages["Home 20"]))
    night(cast, NOV_1)
    with stopped_at(db, "SELECT 1 FROM {cell}.radius_login FOR UPDATE"):
        leaves = Side(lambda: switch_one(cast))
        wait_for_locks(db, 1)
        changes = Side(lambda: edit(cast, plan="Home 20", **FAST))
        wait_for_locks(db, 2)
    leaves.done()
    changes.done()
    assert rates(cast, cast.riverside) == ["10240k/10240k"]


def test_a_change_planned_while_the_way_in_is_taken_away_is_refused(cast: Cast, db: EmbeddedPostgres) -> None:
    """Else the night that carries it out would fail for everybody."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id

    def plan_it() -> None:
        with acting(cast.padma, cast.riverside):
            package = (cast.padma.isp_id, cast.packages["Home 20"])
            plan_change(subscription_id=service, package=package, on=DAY_12, now=noon(DAY_12))

    with stopped_at(db, "SELECT 1 FROM {cell}.plan FOR UPDATE"):
        changes = Side(lambda: edit(cast, plan="Home 20", connection_types=["hotspot"]))
        wait_for_locks(db, 1)
        plans = Side(plan_it)
        wait_for_locks(db, 2)
    changes.done()
    with pytest.raises(ConnectionRefused):
        plans.done()
