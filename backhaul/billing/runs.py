"""A billing run: shards claimed a slice at a time, resumable, the same SQL for dry run and real run (SPEC A38).

Each slice is its own transaction, so a run that is killed goes on where it stopped, and two runs at once share the
work. A run whose plan was confirmed reproduces each slice of it, or leaves that slice and says so (run_plans).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from backhaul.billing.guards import cut_below_minimum, measure_minimum_balance
from backhaul.billing.run_queries import last_night
from backhaul.billing.run_reports import describe_run, last_invoice_id
from backhaul.billing.run_slices import (
    BATCH,
    COUNTED,
    Run,
    bind_plan,
    claim_shard,
    close_run,
    open_run,
    work_on,
)
from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput
from backhaul.identity.models import IspDirectory
from backhaul.operators.announce import announce_in_tree
from backhaul.operators.functions import execute, rows
from backhaul.operators.jobs import enqueue
from backhaul.operators.progress import progress_of
from backhaul.operators.scope import current_scope, retried, unit_of_work

SLICE_BILLS = 20_000
MAX_SLICES = 10_000
MAX_NIGHTS = 62
MAX_DAYS_AHEAD = 366
CARRY_OUT = "backhaul.billing.tasks.carry_out_run"


@dataclass
class RunReport:
    """What a run did (or, dry, would do). Money in minor units of the ISP's currency.

    The five outcomes: created (of which back_filled began before the date), already_billed, not_due, failed; and held.
    """

    on: date
    dry_run: bool = False
    created: int = 0
    back_filled: int = 0
    held: int = 0
    failed: int = 0
    already_billed: int = 0
    not_due: int = 0
    skipped: int = 0
    cut: int = 0
    suspended: int = 0
    expired: int = 0
    billed_minor: int = 0
    edges: list[dict[str, Any]] = field(default_factory=list)
    short: list[dict[str, Any]] = field(default_factory=list)
    exceptions: list[dict[str, Any]] = field(default_factory=list)
    shards: list[dict[str, Any]] = field(default_factory=list)

    def seen_by(self, operator_id: int) -> RunReport:
        """What the ISP may know of its run: counts, its own bills' sum, its own edges; no reseller's price."""
        own = [shard for shard in self.shards if shard["top_id"] == operator_id]
        return replace(
            self,
            billed_minor=sum(shard["billed_minor"] for shard in own),
            edges=[edge for edge in self.edges if edge["parent_id"] == operator_id],
            short=[fund for fund in self.short if fund["parent_id"] == operator_id],
            exceptions=[item for item in self.exceptions if item["operator_id"] == operator_id],
            shards=[
                shard if shard["top_id"] == operator_id else shard | {"billed_minor": None} for shard in self.shards
            ],
        )

    def add(self, done: dict[str, Any]) -> None:
        """Count in what work_on did."""
        for name in (*COUNTED, "skipped", "cut", "suspended", "expired"):
            setattr(self, name, getattr(self, name) + done.get(name, 0))

    def describe(self, found: dict[str, list[dict[str, Any]]]) -> None:
        """Take in what describe_run found, of a whole run or of one shard of a dry one."""
        self.edges += found["edges"]
        self.short += found["short"]
        self.exceptions += found["exceptions"]
        self.shards += found["shards"]
        self.already_billed = sum(shard["already_billed"] for shard in self.shards)
        self.not_due = sum(shard["not_due"] for shard in self.shards)


class _DryRunDone(Exception):
    """Ends a dry run's transaction so that nothing of it stays."""


Watch = Callable[[Run, int, list[dict[str, Any]], int], None]


def bill_isp(
    isp: IspDirectory,
    *,
    on: date,
    now: datetime,
    dry_run: bool = False,
    only_held: bool = False,
    top_id: int | None = None,
    slice_bills: int = SLICE_BILLS,
    cuts: bool = True,
    progress: Callable[[RunReport], None] | None = None,
) -> RunReport:
    """Bill everything of an ISP that starts on or before `on` and was not billed yet.

    Safe to call again, or twice at once. `only_held` retries held bills alone, `top_id` one shard alone; without `cuts`
    nobody is cut: the cut window does that (see cuts). A dry run does the work and undoes it (see rehearse).
    `progress` hears the report after each slice. Raises InvalidInput for a day more than a year ahead: what is billed
    stays billed.
    """
    refuse_far_ahead(isp, on, now)
    if dry_run:
        return rehearse(isp, on=on, now=now, slice_bills=slice_bills, top_id=top_id)
    report = RunReport(on=on)
    run = replace(retried(lambda: _begin(isp, on, now, slice_bills, only_held=only_held, top_id=top_id)), cuts=cuts)
    for _ in range(MAX_SLICES):
        done = retried(lambda: _work(run))
        if done is None:
            break
        report.add(done)
        if progress is not None:
            progress(report)
    whole = not only_held and top_id is None
    retried(lambda: _close(run, whole))
    if whole and cuts:
        retried(lambda: _cut_below_minimum(run))
    with unit_of_work(isp, using=BATCH):
        report.describe(describe_run(run))
    return report


def rehearse(
    isp: IspDirectory,
    *,
    on: date,
    now: datetime,
    slice_bills: int = SLICE_BILLS,
    top_id: int | None = None,
    watch: Watch | None = None,
) -> RunReport:
    """Bill and undo it, one shard after the other: what a run on that date would do if nothing changed until then.

    For a day ahead the nights before it are rehearsed too and not reported. `watch` hears of each shard at its end,
    while all of it is there to be looked at: the run, the shard, its slices as work_on returns them, and an invoice id
    below those that it made.
    """
    refuse_far_ahead(isp, on, now)
    report = RunReport(on=on, dry_run=True)
    with unit_of_work(isp, using=BATCH):
        tops = rows(
            "SELECT id FROM operator WHERE isp_id = %s AND depth <= 1 AND (%s::bigint IS NULL OR id = %s) ORDER BY id",
            [isp.isp_id, top_id, top_id],
            using=BATCH,
        )
        ahead = (on - local_date(now, isp.time_zone)).days
        last = last_night(isp.isp_id, isp.time_zone, BATCH) or on
    nights = [on - timedelta(days=ago) for ago in range(max(ahead, 0), 0, -1) if on - timedelta(days=ago) > last]
    for top in tops:
        run = Run(isp, 0, on, now, slice_bills)
        slices, found = retried(lambda top=top, run=run: _rehearse_shard(run, top["id"], nights, watch))  # type: ignore[misc]
        for done in slices:
            report.add(done)
        report.describe(found)
    return report


def start_run(*, on: date, now: datetime) -> int:
    """Open the acting ISP's run of a date and leave the work to a job; the unfinished run where there is one."""
    scope = current_scope()
    scope.require("bills.run")
    opened = rows(
        "INSERT INTO billing_run (operator_id, on_date, kind, started_at) VALUES (%s, %s, 'night', %s) "
        "ON CONFLICT (operator_id, on_date) WHERE kind = 'night' AND finished_at IS NULL DO NOTHING RETURNING id",
        [scope.isp_id, on, now],
    ) or rows(
        "SELECT id FROM billing_run WHERE operator_id = %s AND on_date = %s AND kind = 'night' AND finished_at IS NULL",
        [scope.isp_id, on],
    )
    run_id = int(opened[0]["id"])
    enqueue(CARRY_OUT, queueing_lock=f"run:{run_id}", isp_id=scope.isp_id, run_id=run_id)
    return run_id


def carry_out_run(isp: IspDirectory, *, run_id: int, now: datetime) -> RunReport | None:
    """Do (or go on with) a run that start_run opened; None where it is finished already. It cuts nobody off."""
    with unit_of_work(isp, using=BATCH):
        found = rows(
            "SELECT on_date FROM billing_run WHERE operator_id = %s AND id = %s AND finished_at IS NULL",
            [isp.isp_id, run_id],
            using=BATCH,
        )
    if not found:
        return None
    with progress_of(isp, isp.isp_id, f"run:{run_id}") as progress:

        def note(_report: RunReport) -> None:
            done, total = _count_shards(isp, run_id)
            progress.advance(done, total=total)

        return bill_isp(isp, on=found[0]["on_date"], now=now, cuts=False, progress=note)


def _count_shards(isp: IspDirectory, run_id: int) -> tuple[int, int]:
    """How many parts of a run are done, of how many."""
    with unit_of_work(isp, using=BATCH):
        counted = rows(
            "SELECT count(finished_at) AS done, count(*) AS total FROM run_shard "
            "WHERE operator_id = %s AND run_id = %s",
            [isp.isp_id, run_id],
            using=BATCH,
        )[0]
    return counted["done"], counted["total"]


def bill_missing_nights(isp: IspDirectory, *, today: date, now: datetime, cuts: bool = True) -> list[RunReport]:
    """The night's run, once per date: `today`, and before it each night missed since the last one, at its own date.

    Runs that were begun and left unfinished, of whatever date, are finished too.
    """
    with unit_of_work(isp, using=BATCH):
        last = last_night(isp.isp_id, isp.time_zone, BATCH)
        begun = rows(
            "SELECT on_date FROM billing_run WHERE operator_id = %s AND kind = 'night' AND finished_at IS NULL",
            [isp.isp_id],
            using=BATCH,
        )
    missed = min((today - last).days, MAX_NIGHTS) if last else 1
    nights = {today - timedelta(days=ago) for ago in range(max(missed, 0))} | {run["on_date"] for run in begun}
    return [bill_isp(isp, on=night, now=now, cuts=cuts) for night in sorted(nights)]


def refuse_far_ahead(isp: IspDirectory, on: date, now: datetime) -> None:
    """Raise InvalidInput for a day more than a year ahead."""
    if on > local_date(now, isp.time_zone) + timedelta(days=MAX_DAYS_AHEAD):
        raise InvalidInput("%(on)s lies more than a year ahead; give the day up to which to bill.", on=on, field="on")


def _begin(isp: IspDirectory, on: date, now: datetime, slice_bills: int, *, only_held: bool, top_id: int | None) -> Run:
    with unit_of_work(isp, using=BATCH):
        run_id = open_run(isp, on, now, "retry" if only_held else "night", top_id)
        plan = None if only_held or top_id else bind_plan(isp, run_id, on, now)
    if plan is None:
        return Run(isp, run_id, on, now, slice_bills, only_held)
    return Run(isp, run_id, on, now, plan["slice_bills"], plan_id=plan["id"])


def _work(run: Run) -> dict[str, Any] | None:
    """The next piece of a shard that nobody works on; None where there is none left."""
    with unit_of_work(run.isp, using=BATCH):
        shard = claim_shard(run)
        return None if shard is None else work_on(run, shard)


def _close(run: Run, whole: bool) -> None:
    with unit_of_work(run.isp, using=BATCH):
        close_run(run)
        announce_in_tree("bills", run.isp.isp_id, using=BATCH)
        if whole:
            measure_minimum_balance(isp=run.isp, on=run.on, now=run.now)


def _cut_below_minimum(run: Run) -> None:
    with unit_of_work(run.isp, using=BATCH):  # of its own: measuring and cutting lock guarded funds once each
        cut_below_minimum(isp=run.isp, on=run.on, now=run.now)


def _rehearse_shard(
    run: Run, top_id: int, nights: list[date], watch: Watch | None
) -> tuple[list[dict[str, Any]], dict[str, list[dict[str, Any]]]]:
    """One shard in one transaction that is rolled back: its slices, and what describe_run says of it."""
    slices: list[dict[str, Any]] = []
    found: dict[str, list[dict[str, Any]]] = {}
    try:
        with unit_of_work(run.isp, using=BATCH):
            execute("SET LOCAL backhaul.rehearsal = 'on'", using=BATCH)
            first_id = last_invoice_id()
            for night in nights:
                _rehearse_night(replace(run, on=night), top_id)
            run, slices = _rehearse_night(run, top_id)
            found = describe_run(run, top_id)
            if watch is not None:
                watch(run, top_id, [done for done in slices if "slice" in done], first_id)
            raise _DryRunDone
    except _DryRunDone:
        return slices, found


def _rehearse_night(run: Run, top_id: int) -> tuple[Run, list[dict[str, Any]]]:
    run = replace(run, id=open_run(run.isp, run.on, run.now, "retry", top_id))
    slices = []
    for _ in range(MAX_SLICES):
        shard = claim_shard(run)
        if shard is None:
            break
        slices.append(work_on(run, shard))
    return run, slices
