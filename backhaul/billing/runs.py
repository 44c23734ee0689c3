"""A billing run: shards claimed a slice at a time, resumable, the same SQL for dry run and real run (SPEC A38).

A shard is one top-level reseller's subtree; the ISP's own customers are one too. Each slice is its own transaction, so
a run that is killed goes on where it stopped, and two runs at once share the work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import unit_of_work

SLICE_BILLS = 20_000
MAX_SLICES = 10_000
MAX_NIGHTS = 62
MAX_DAYS_AHEAD = 366
BATCH = "batch"


@dataclass
class RunReport:
    """What a run did (or, dry, would do). Money in minor units of the ISP's currency."""

    on: date
    dry_run: bool = False
    created: int = 0
    held: int = 0
    failed: int = 0
    cut: int = 0
    suspended: int = 0
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
        )

    def add(self, slice_result: dict[str, int]) -> None:
        """Count one slice in."""
        self.created += slice_result["created"]
        self.held += slice_result["held"]
        self.failed += slice_result["failed"]
        self.billed_minor += slice_result["billed_minor"]


@dataclass(frozen=True)
class _Run:
    """An open run and how it is carried out."""

    isp: IspDirectory
    id: int
    now: datetime
    slice_bills: int
    only_held: bool


class _DryRunDone(Exception):
    """Ends a dry run's transaction so that nothing of it stays."""


def bill_isp(
    isp: IspDirectory,
    *,
    on: date,
    now: datetime,
    dry_run: bool = False,
    only_held: bool = False,
    top_id: int | None = None,
    slice_bills: int = SLICE_BILLS,
    progress: Callable[[RunReport], None] | None = None,
) -> RunReport:
    """Bill everything of an ISP that starts on or before `on` and was not billed yet.

    Safe to call again, or twice at once. `only_held` retries held bills alone, `top_id` one shard alone. A dry run does
    all the work in one transaction and undoes it. `progress` hears the report after each slice. Raises InvalidInput for
    a day more than a year ahead: what is billed stays billed.
    """
    if on > local_date(now, isp.time_zone) + timedelta(days=MAX_DAYS_AHEAD):
        raise InvalidInput(f"{on} lies more than a year ahead; give the day up to which to bill.", field="on")
    report = RunReport(on=on, dry_run=dry_run)
    if dry_run:
        _rehearse(isp, report, now, slice_bills)
        return report
    with unit_of_work(isp, using=BATCH):
        run_id = _open_run(isp, on, now, "retry" if only_held else "night", top_id)
    run = _Run(isp, run_id, now, slice_bills, only_held)
    for _ in range(MAX_SLICES):
        with unit_of_work(isp, using=BATCH):
            shard = _claim_shard(run)
            if shard is None:
                break
            _bill_next_slice(run, shard, report)
        if progress is not None:
            progress(report)
    with unit_of_work(isp, using=BATCH):
        _close_run(run)
        _describe(run, report)
    return report


def bill_missing_nights(isp: IspDirectory, *, today: date, now: datetime) -> list[RunReport]:
    """The night's run, once per date: `today`, and before it each night missed since the last one, at its own date."""
    with unit_of_work(isp, using=BATCH):
        last = rows(
            "SELECT max(on_date) AS on_date FROM billing_run "
            "WHERE operator_id = %s AND kind = 'night' AND finished_at IS NOT NULL "
            "AND on_date <= (started_at AT TIME ZONE %s)::date",  # one dated ahead was not that date's night
            [isp.isp_id, isp.time_zone],
            using=BATCH,
        )[0]["on_date"]
    missed = min((today - last).days, MAX_NIGHTS) if last else 1
    nights = [today - timedelta(days=ago) for ago in reversed(range(max(missed, 0)))]
    return [bill_isp(isp, on=night, now=now) for night in nights]


def _open_run(isp: IspDirectory, on: date, now: datetime, kind: str, top_id: int | None) -> int:
    """The unfinished night of that date, or a new run, with its shards. A retry is always new."""
    opened = rows(
        "INSERT INTO billing_run (operator_id, on_date, kind, started_at) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (operator_id, on_date) WHERE kind = 'night' AND finished_at IS NULL "
        "DO UPDATE SET kind = 'night' RETURNING id",
        [isp.isp_id, on, kind, now],
        using=BATCH,
    )
    run_id = int(opened[0]["id"])
    execute(
        "INSERT INTO run_shard (operator_id, run_id, top_id) SELECT %s, %s, id FROM operator "
        "WHERE isp_id = %s AND depth <= 1 AND (%s::bigint IS NULL OR id = %s) ON CONFLICT DO NOTHING",
        [isp.isp_id, run_id, isp.isp_id, top_id, top_id],
        using=BATCH,
    )
    return run_id


def _claim_shard(run: _Run) -> dict[str, Any] | None:
    """A shard that is not finished and that nobody else works on, locked until this transaction ends."""
    found = rows(
        "SELECT top_id, slices FROM run_shard WHERE operator_id = %s AND run_id = %s AND finished_at IS NULL "
        "ORDER BY top_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        [run.isp.isp_id, run.id],
        using=BATCH,
    )
    return found[0] if found else None


def _bill_next_slice(run: _Run, shard: dict[str, Any], report: RunReport) -> None:
    """Bill one slice of a claimed shard; when it was the last, cut what has waited too long or is past due."""
    where = {"isp": run.isp.isp_id, "top": shard["top_id"], "on": report.on, "now": run.now}
    done: dict[str, int] = call(
        "bill_slice",
        BATCH,
        run=run.id,
        slice=shard["slices"] + 1,
        limit=run.slice_bills,
        only_held=run.only_held,
        **where,
    )
    report.add(done)
    if not done["more"]:
        report.cut += call("cut_short_services", BATCH, **where)
        report.suspended += call("suspend_overdue", BATCH, **where)
    execute(
        "UPDATE run_shard SET slices = slices + 1, created = created + %s, held = held + %s, failed = failed + %s, "
        "billed_minor = billed_minor + %s, finished_at = CASE WHEN NOT %s THEN %s::timestamptz END "
        "WHERE operator_id = %s AND run_id = %s AND top_id = %s",
        [
            *(done[name] for name in ("created", "held", "failed", "billed_minor", "more")),
            *(run.now, run.isp.isp_id, run.id, shard["top_id"]),
        ],
        using=BATCH,
    )


def _close_run(run: _Run) -> None:
    execute(
        "UPDATE billing_run r SET finished_at = %s WHERE operator_id = %s AND id = %s AND finished_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM run_shard s "
        "WHERE s.operator_id = r.operator_id AND s.run_id = r.id AND s.finished_at IS NULL)",
        [run.now, run.isp.isp_id, run.id],
        using=BATCH,
    )


def _rehearse(isp: IspDirectory, report: RunReport, now: datetime, slice_bills: int) -> None:
    """The whole run in one transaction that is rolled back."""
    try:
        with unit_of_work(isp, using=BATCH):
            execute("SET LOCAL backhaul.rehearsal = 'on'", using=BATCH)
            run = _Run(isp, _open_run(isp, report.on, now, "retry", None), now, slice_bills, only_held=False)
            for _ in range(MAX_SLICES):
                shard = _claim_shard(run)
                if shard is None:
                    break
                _bill_next_slice(run, shard, report)
            _describe(run, report)
            raise _DryRunDone
    except _DryRunDone:
        return


def _describe(run: _Run, report: RunReport) -> None:
    """Per edge what the run charged, per short fund what waits, and what could not be billed."""
    report.shards = rows(
        "SELECT top_id, created, held, failed, billed_minor FROM run_shard WHERE operator_id = %s AND run_id = %s",
        [run.isp.isp_id, run.id],
        using=BATCH,
    )
    report.edges = rows(
        "SELECT c.name AS child, p.name AS parent, p.id AS parent_id, sum(m.net_minor)::bigint AS net_minor, "
        "sum(m.vat_minor)::bigint AS vat_minor "
        "FROM fund_movement m JOIN operator c ON c.id = m.child_id JOIN operator p ON p.id = m.parent_id "
        "WHERE m.request_key LIKE %s AND c.isp_id = %s GROUP BY c.id, c.name, p.id, p.name, c.path ORDER BY c.path",
        [f"run:{run.id}:%", run.isp.isp_id],
        using=BATCH,
    )
    report.short = rows(
        "SELECT o.name AS operator, o.parent_id, count(*) AS bills, sum(h.short_minor)::bigint AS needed_minor "
        "FROM held_bill h JOIN operator o ON o.id = h.short_child_id "
        "WHERE o.isp_id = %s AND waits_for_funds(h.operator_id, h.subscription_id) "
        "GROUP BY o.id, o.name, o.parent_id ORDER BY o.id",
        [run.isp.isp_id],
        using=BATCH,
    )
    report.exceptions = rows(
        "SELECT x.operator_id, c.code AS customer, x.starts_on, x.reason FROM run_exception x "
        "JOIN subscription s ON s.operator_id = x.operator_id AND s.id = x.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE x.run_id = %s ORDER BY c.code LIMIT 1000",
        [run.id],
        using=BATCH,
    )
