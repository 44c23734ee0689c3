"""`backhaul rehearse`: the days to come of one ISP in a copy of it, the real database as it was (issue 4)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest

from backhaul.billing.cuts import cut_when_due
from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.cli.rehearsal.days import OF_NO_ACCOUNT, REHEARSED
from backhaul.cli.rehearsal.play import RehearsalBrokeOff, WhatIf, known_to
from backhaul.cli.rehearsal.scratch import MayNotCreateDatabases, scratch_database
from backhaul.cli.rehearsal.telling import lines_of
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.funds.services import set_edge_terms
from backhaul.ledger.services import seal_all_books
from backhaul.resellers.services import recharge_child_fund
from backhaul.resellers.slabs import post_volume_bonuses
from tests.builders import acting, request_key
from tests.cast import CELL, Cast
from tests.scenarios.money import assert_proved
from tests.scenarios.rehearsal import (
    MIDNIGHT,
    fingerprint,
    local,
    looking,
    maker,
    rehearsed,
    scratches,
    settle,
    state,
)
from tests.scenarios.test_oracles import NOV_1

DAY = timedelta(days=1)
DEC_6 = date(2026, 12, 6)
TOPPED_UP = date(2026, 11, 5)


@pytest.fixture
def town(cast: Cast) -> Cast:
    """The cast with customers and funds, on the eve of 1 November."""
    settle(cast)
    return cast


def live(cast: Cast, until: date) -> None:
    """The worker's days of Padma, and North's recharge of Riverside on the 5th."""
    isp, day = cast.padma, NOV_1
    while day <= until:
        bill_missing_nights(isp, today=day, now=local(day, 0, 10), cuts=False)
        post_volume_bonuses(isp, today=day, now=local(day, 0, 40))
        if day == TOPPED_UP:
            with acting(isp, cast.north):
                recharge_child_fund(
                    child_id=cast.riverside, kind="recharge", amount_minor=3_000_00, on=day, now=local(day, 10),
                    paid="cash", request_key=request_key(),
                )  # fmt: skip
            bill_isp(isp, on=day, now=local(day, 10), only_held=True, top_id=cast.north, cuts=False)
        cut_when_due(isp, now=local(day, 12))
        day += DAY


def test_what_is_rehearsed_is_what_then_happens(town: Cast, db: EmbeddedPostgres) -> None:
    operators = [town.padma.isp_id, town.north, town.riverside, town.rival]
    seen: dict[str, list[Any]] = {}

    def heard(day: str) -> None:
        if day == str(DEC_6):
            seen.update(state(db, scratches(db)[0], operators))

    what_if = [WhatIf.parse("riverside=3000@2026-11-05", decimals=2)]
    report = rehearsed(town, db, DEC_6, what_if=what_if, heard=heard)
    assert report["verify"]["wrong"] == [] and report["verify"]["checks"] > 10

    live(town, DEC_6)
    assert_proved()
    assert seen == state(db, "backhaul", operators)
    assert all(seen[table] for table in ("invoice", "charge", "block", "books"))
    assert_reported(report, db, operators)


def assert_reported(report: dict[str, Any], db: EmbeddedPostgres, operators: list[int]) -> None:
    """The figures of the report, one by one, against the days that were really lived."""
    with looking(db, "backhaul") as admin:
        names = dict(admin.execute("SELECT id, slug FROM operator WHERE id = ANY (%s)", [operators]).fetchall())
        bills = admin.execute(
            "SELECT issued_on, operator_id, count(*), sum(total_minor) FROM invoice WHERE operator_id = ANY (%s) "
            "GROUP BY 1, 2",
            [operators],
        ).fetchall()
        funds = admin.execute(
            "SELECT child_id, posted_minor, owed_minor, guard_step FROM fund WHERE child_id = ANY (%s)", [operators]
        ).fetchall()
        off = dict(
            admin.execute("SELECT reason, count(*) FROM block WHERE from_at >= %s GROUP BY 1", [MIDNIGHT]).fetchall()
        )
        income = admin.execute(
            "SELECT operator_id, to_char(effective_on, 'YYYY-MM'), sum(amount_minor) FROM posting p "
            "JOIN account a USING (operator_id) WHERE a.kind = 'income' AND a.code = p.credit_code "
            "AND operator_id = ANY (%s) AND effective_on >= %s GROUP BY 1, 2",
            [operators, NOV_1],
        ).fetchall()
    done = [(day["on"], each) for day in report["days"] for each in day["operators"]]
    told = {(on, each["operator"]): (each["bills"], each["billed_minor"]) for on, each in done if each["bills"]}
    assert told == {(str(on), names[id_]): (count, total) for on, id_, count, total in bills}
    assert {
        fund["operator"]: (fund["balance_minor"], fund["owed_minor"], fund["guard_step"]) for fund in report["funds"]
    } == {names[child]: tuple(figures) for child, *figures in funds}
    sums = {name: sum(each[name] for _, each in done) for name in ("cut", "suspended", "expired", "below_minimum")}
    assert sums == {
        "cut": off.get("fund_short", 0) + off.get("upstream_short", 0),
        "suspended": off["unpaid"],
        "expired": off["expired"],
        "below_minimum": off.get("operator_minimum", 0),
    }
    assert sums["cut"] and sums["suspended"] and sums["expired"]
    months = {(row["operator"], row["month"]): row["income_minor"] for row in report["months"] if row["income_minor"]}
    assert months == {(names[id_], month): minor for id_, month, minor in income}


def test_who_runs_short_when_and_how_a_recharge_would_change_it(town: Cast, db: EmbeddedPostgres) -> None:
    def short(report: dict[str, Any]) -> list[tuple[Any, ...]]:
        return [
            (row["operator"], row["on"], row["until"], row["bills"], row["needed_minor"]) for row in report["short"]
        ]

    without = rehearsed(town, db, TOPPED_UP)
    assert short(without) == [("riverside", "2026-11-01", None, 2, 900_00)]
    topped_up = [WhatIf("riverside", 3_000_00, TOPPED_UP)]
    with_it = rehearsed(town, db, TOPPED_UP, what_if=topped_up)
    assert short(with_it) == [("riverside", "2026-11-01", "2026-11-05", 2, 900_00)]
    riverside = next(fund for fund in with_it["funds"] if fund["operator"] == "riverside")
    assert (riverside["began_minor"], riverside["lowest_minor"], riverside["lowest_on"]) == (
        1_000_00,
        100_00,
        "2026-11-01",
    )
    assert riverside["balance_minor"] == 100_00 + 3_000_00 - 2 * 390_00  # cut meanwhile, they begin anew: 26 of 30 days
    lines = "\n".join(lines_of(with_it, 2))
    assert "riverside runs short on 2026-11-01, until 2026-11-05: up to 2 bills waiting for 900.00" in lines


def test_an_operator_is_told_its_own_and_its_edges_alone(town: Cast, db: EmbeddedPostgres) -> None:
    report = rehearsed(town, db)
    its = known_to(report, "north")
    assert its["funds"] == [fund for fund in report["funds"] if fund["operator"] in ("north", "riverside")]
    assert {each["operator"] for day in its["days"] for each in day["operators"]} == {"north"}
    assert {row["operator"] for row in its["months"]} == {"north"}
    assert "rival" not in json.dumps(its)
    assert [row["operator"] for row in its["short"]] == ["riverside"]  # who is asked for the recharge knows
    assert known_to(report, "rival")["short"] == known_to(report, "padma")["short"] == []


def test_nothing_of_the_real_database_changes_and_no_other_isp_is_copied(town: Cast, db: EmbeddedPostgres) -> None:
    seen: dict[str, Any] = {}

    def heard(_: str) -> None:
        if seen:
            return
        with looking(db, scratches(db)[0]) as admin:
            owners = admin.execute(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = %s "
                "AND column_name IN ('operator_id', 'child_id', 'parent_id', 'isp_id') AND data_type = 'bigint' "
                "AND table_name || column_name <> 'zoneparent_id'",
                [CELL],
            ).fetchall()
            for table, column in owners:
                found = admin.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL".encode())
                seen[f"{table}.{column}"] = {id_ for (id_,) in found}
            seen["isps"] = admin.execute("SELECT slug FROM isp_directory").fetchall()
            for table in ("radius_password", "identity_user", "nas_directory", "host_directory"):
                seen[table] = admin.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            seen["secrets"] = admin.execute("SELECT secret FROM nas").fetchall()

    before = fingerprint(db)
    rehearsed(town, db, what_if=[WhatIf("riverside", 3_000_00, NOV_1)], heard=heard)
    assert fingerprint(db) == before
    tree = {town.padma.isp_id, town.north, town.riverside, town.rival}
    assert {name: ids - tree for name, ids in seen.items() if "." in name and ids - tree} == {}
    assert seen["subscription.operator_id"] == tree
    assert seen["isps"] == [("padma",)] and seen["secrets"] == [("left-out",)]
    assert [seen[name] for name in ("radius_password", "identity_user", "nas_directory", "host_directory")] == [
        (0,)
    ] * 4


def test_a_database_that_was_moved_here_is_rehearsed_with_the_stamps_it_goes_on_with(
    town: Cast, db: EmbeddedPostgres
) -> None:
    """On another cluster its transaction ids were far ahead; what comes is stamped above what is there."""
    with looking(db, "backhaul") as admin:
        try:
            admin.execute("UPDATE xid_epoch SET xid_offset = 1000000")
            admin.execute("ALTER TABLE entry ALTER xid SET DEFAULT xid_after(pg_current_xact_id(), 1000000)")
            admin.execute("UPDATE entry SET xid = xid_after(xid, 1000000)")
            seal_all_books(town.padma, now=MIDNIGHT)
            report = rehearsed(town, db)
        finally:
            admin.execute("ALTER TABLE entry ALTER xid SET DEFAULT pg_current_xact_id()")
            admin.execute("UPDATE xid_epoch SET xid_offset = 0")
    assert report["days"][0]["operators"] and report["verify"]["wrong"] == []


def test_every_periodic_job_is_rehearsed_or_known_to_move_nothing() -> None:
    from procrastinate.contrib.django import app

    assert {name for name, _ in app.periodic_registry.periodic_tasks} == REHEARSED | OF_NO_ACCOUNT


def test_jobs_that_somebody_waits_for_begin_several_times_in_every_minute() -> None:
    from procrastinate.contrib.django import app

    jobs = {name: job for (name, _), job in app.periodic_registry.periodic_tasks.items() if job.cron.count(" ") == 5}
    assert set(jobs) == {"backhaul.identity.tasks.send_mails", "backhaul.network.tasks.retry_disconnects"}
    for job in jobs.values():
        begins = list(islice(job.croniter.all_next(float, start_time=0.0), 200))
        assert {after - before for before, after in pairwise(begins)} <= {10.0, 15.0}, job.cron


# -- the scratch database is gone, whatever happens ------------------------------------------------------------------


SCRIPT = (
    "import os, signal, django; django.setup()\n"
    "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background ignores it
    "from datetime import date, datetime\n"
    "from backhaul.cli.rehearsal.play import rehearse\n"
    "from backhaul.common.home import Home\n"
    "from backhaul.identity.queries import get_isp_by_slug\n"
    "rehearse(Home.from_environment(), get_isp_by_slug('padma'), now=datetime.fromisoformat(os.environ['NOW']),\n"
    "         until=date(2027, 11, 1), maker=os.environ['MAKER'], heard=lambda day: print(day, flush=True))\n"
)


@contextmanager
def under_way(db: EmbeddedPostgres) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal of a year in a process of its own, in its first days."""
    env = {**os.environ, "MAKER": maker(db), "NOW": MIDNIGHT.isoformat()}
    with subprocess.Popen([sys.executable, "-c", SCRIPT], env=env, text=True, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("2026-11")
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_what_a_killed_rehearsal_leaves_behind_the_next_one_drops(town: Cast, db: EmbeddedPostgres) -> None:
    with under_way(db) as process:
        (left,) = scratches(db)
        process.send_signal(signal.SIGKILL)
    assert scratches(db) == [left]

    def nobody_is_in_it() -> bool:
        with looking(db, "backhaul") as admin:
            return not admin.execute("SELECT 1 FROM pg_stat_activity WHERE datname = %s", [left]).fetchall()

    wait_until(nobody_is_in_it)
    with scratch_database(maker(db)) as name:
        assert scratches(db) == [name]
    assert scratches(db) == []


def test_a_rehearsal_that_lives_is_left_alone_and_an_interrupt_ends_it_clean(town: Cast, db: EmbeddedPostgres) -> None:
    with under_way(db) as process:
        (other,) = scratches(db)
        with scratch_database(maker(db)) as name:
            assert set(scratches(db)) == {other, name}
        assert scratches(db) == [other]
        process.send_signal(signal.SIGINT)
        process.wait(30)
        assert scratches(db) == []


def test_a_refusal_and_an_error_leave_nothing(town: Cast, db: EmbeddedPostgres) -> None:
    with acting(town.padma, town.north):
        set_edge_terms(child_id=town.riverside, min_recharge_minor=500_00)
    with pytest.raises(RehearsalBrokeOff, match="less than the smallest recharge"):
        rehearsed(town, db, what_if=[WhatIf("riverside", 1_00, NOV_1)])

    def heard(_: str) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        rehearsed(town, db, heard=heard)
    assert scratches(db) == []


def test_the_owner_of_the_tables_can_rehearse_once_it_may_create_databases(town: Cast, db: EmbeddedPostgres) -> None:
    """Without an administrator's address, as on a server of one's own."""
    with pytest.raises(MayNotCreateDatabases, match="ALTER ROLE backhaul_owner CREATEDB"):
        rehearsed(town, db, maker=None)
    with looking(db, "backhaul") as admin:
        admin.execute("ALTER ROLE backhaul_owner CREATEDB")
        try:
            report = rehearsed(town, db, maker=None)
        finally:
            admin.execute("ALTER ROLE backhaul_owner NOCREATEDB")
    assert report["verify"]["wrong"] == []
    assert scratches(db) == []


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("until", [NOV_1 - DAY, NOV_1 + 401 * DAY])
def test_days_past_and_days_too_far_ahead_are_refused(cast: Cast, db: EmbeddedPostgres, until: date) -> None:
    with pytest.raises(InvalidInput, match=f"{until.day} {until:%b %Y}"):
        rehearsed(cast, db, until)
    assert scratches(db) == []


@pytest.mark.parametrize("text", ["riverside", "riverside=12", "riverside=x@2026-11-01", "riverside=12@tomorrow"])
def test_a_recharge_is_written_one_way(text: str) -> None:
    with pytest.raises(InvalidInput):
        WhatIf.parse(text, decimals=2)


def test_recharges_and_operators_must_be_of_the_isp_and_of_the_days(cast: Cast, db: EmbeddedPostgres) -> None:
    for operator, on in (("padma", NOV_1), ("meghna", NOV_1), ("nobody", NOV_1), ("north", NOV_1 + DAY)):
        with pytest.raises(InvalidInput):
            rehearsed(cast, db, what_if=[WhatIf(operator, 100_00, on)])
    with pytest.raises(NotFound):
        rehearsed(cast, db, operator="meghna")


def test_the_command_tells_and_exits_with_0(town: Cast, db: EmbeddedPostgres) -> None:
    env = {**os.environ, "DATABASE_URL": db.admin_url.removesuffix("/postgres") + "/backhaul"}
    until = datetime.now(UTC).date() + 3 * DAY
    command = [sys.executable, "-m", "backhaul.cli.main", "rehearse", "--isp", "padma", "--until", str(until)]
    done = subprocess.run(
        [*command, "--operator", "rival", "--json"], env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert len(report["days"]) in (3, 4, 5) and report["until"] == str(until)
    assert {fund["operator"] for fund in report["funds"]} == {"rival"}
    late = subprocess.run(
        [*command[:-1], "2020-01-01"], env=env, capture_output=True, text=True, check=False, timeout=300
    )
    assert late.returncode == 1 and "is past" in late.stderr and late.stderr.count("\n") == 1
