"""A dry run that binds: kept with a digest per slice, confirmed by a person, reproduced by the night (SPEC A38).

The report holds only what the ISP may see: counts of every shard, its own customers' bills, its own edges.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

from backhaul.billing.run_reports import (
    compare_with_last_cycle,
    list_bills_made,
    list_blocked,
    list_held_now,
)
from backhaul.billing.run_slices import BATCH, Run
from backhaul.billing.runs import SLICE_BILLS, RunReport, refuse_far_ahead, rehearse
from backhaul.common.errors import NotFound, Refusal
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import execute, rows
from backhaul.operators.jobs import enqueue
from backhaul.operators.progress import progress_of
from backhaul.operators.scope import Scope, current_scope, retried, unit_of_work

MAKE_PLAN = "backhaul.billing.tasks.make_plan"
COUNTS = ("created", "back_filled", "held", "failed", "already_billed", "not_due", "cut", "suspended", "expired")


class PlanNotReady(Refusal):
    """The dry run has not ended, or could not be made."""

    code = "plan_not_ready"


class PlanOutdated(Refusal):
    """The night that the plan is for was done without it."""

    code = "plan_outdated"


def request_plan(*, on: date, now: datetime) -> int:
    """Leave the dry run of the acting ISP's night of that date to a job; returns the plan's id."""
    scope = current_scope()
    scope.require("bills.run")
    plan_id = _insert(scope.isp_id, on, now, actor_id=scope.actor_id, slice_bills=SLICE_BILLS, using="default")
    enqueue(MAKE_PLAN, queueing_lock=f"plan:{plan_id}", isp_id=scope.isp_id, plan_id=plan_id)
    return plan_id


def plan_run(
    isp: IspDirectory, *, on: date, now: datetime, actor_id: int = 0, slice_bills: int = SLICE_BILLS
) -> dict[str, Any]:
    """Rehearse the run of that date and keep it to be confirmed: the plan, as get_plan returns it."""
    refuse_far_ahead(isp, on, now)
    with unit_of_work(isp, using=BATCH):
        plan_id = _insert(isp.isp_id, on, now, actor_id=actor_id, slice_bills=slice_bills, using=BATCH)
    make_plan(isp, plan_id=plan_id, now=now)
    with unit_of_work(isp, using=BATCH):
        return get_plan(plan_id, using=BATCH)


def preview_run(isp: IspDirectory, *, on: date, now: datetime) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Rehearse the run of that date and keep nothing: what a plan's report says, and the ISP's own bills in it."""
    made = _Made(isp, 0)
    report = made.written(rehearse(isp, on=on, now=now, watch=made.watch).seen_by(isp.isp_id))
    return report, [_line(line) for row in made.slices[isp.isp_id] for line in json.loads(row[-1])]


def preview_night(isp: IspDirectory, scope: Scope, *, on: date, now: datetime) -> dict[str, Any]:
    """What a reseller's next night would do, as it may see it; nothing stays of it. Opens its own units of work.

    bills, held and blocked of its own customers; charge: what its provider takes from its fund, and edges: what it
    charges its direct children; short: what those are asked to recharge; billed_minor.
    """
    seen: dict[str, Any] = {}
    me = scope.operator_id

    def watch(run: Run, _top_id: int, _slices: list[dict[str, Any]], first_id: int) -> None:
        seen["bills"] = list_bills_made(run, me, first_id)
        seen["held"] = list_held_now(me)
        seen["blocked"] = list_blocked(run, me)

    report = rehearse(isp, on=on, now=now, top_id=scope.path[1], watch=watch)
    return seen | {
        "billed_minor": sum(bill["total_minor"] for bill in seen["bills"]),
        "charge": next((_with_total(edge) for edge in report.edges if edge["child_id"] == me), None),
        "edges": [edge for edge in report.edges if edge["parent_id"] == me],
        "short": [fund for fund in report.short if fund["parent_id"] == me],
        "exceptions": [item for item in report.exceptions if item["operator_id"] == me],
    }


def make_plan(isp: IspDirectory, *, plan_id: int, now: datetime) -> None:
    """Do the dry run of a plan that was asked for; a plan that is ready stays as it is."""
    with unit_of_work(isp, using=BATCH):
        plan = get_plan(plan_id, using=BATCH)
    if plan["ready"]:
        return
    with progress_of(isp, isp.isp_id, f"plan:{plan_id}"):
        _make_plan(isp, plan, now)


def _make_plan(isp: IspDirectory, plan: dict[str, Any], now: datetime) -> None:
    plan_id = plan["id"]
    made = _Made(isp, plan_id)
    try:
        report = rehearse(isp, on=plan["on_date"], now=now, slice_bills=plan["slice_bills"], watch=made.watch)
    except Exception as error:
        message = error.message if isinstance(error, Refusal) else "The rehearsal broke off; nothing was changed."
        with unit_of_work(isp, using=BATCH):
            _keep_report(isp.isp_id, plan_id, {"failed": message})
        raise
    retried(lambda: made.keep(report.seen_by(isp.isp_id)))


def confirm_plan(*, plan_id: int, now: datetime, actor_id: int | None = None, using: str = "default") -> dict[str, Any]:
    """The acting ISP's run of the plan's date must come out as rehearsed, or leaves what does not.

    Raises NotFound, PlanNotReady, or PlanOutdated where that night was done after the plan was made.
    """
    scope = current_scope()
    scope.require("bills.run")
    plan = get_plan(plan_id, using=using)
    if not plan["ready"]:
        raise PlanNotReady("The rehearsal is not done yet; confirm it when its figures are there.")
    done = rows(
        "SELECT 1 FROM billing_run WHERE operator_id = %s AND on_date = %s AND kind = 'night' AND started_at > %s",
        [scope.isp_id, plan["on_date"], plan["made_at"]],
        using=using,
    )
    if done or plan["run_id"] is not None:
        raise PlanOutdated("That day's run was begun since this was rehearsed; rehearse it again.")
    execute(
        "UPDATE run_plan SET confirmed_at = %s, confirmed_by = %s WHERE operator_id = %s AND id = %s",
        [now, scope.actor_id if actor_id is None else actor_id, scope.isp_id, plan_id],
        using=using,
    )
    return get_plan(plan_id, using=using)


def withdraw_plan(*, plan_id: int) -> None:
    """The night is free again to bill what is due, whatever was rehearsed; a plan carried out stays confirmed."""
    current_scope().require("bills.run")
    changed = execute(
        "UPDATE run_plan SET confirmed_at = NULL, confirmed_by = NULL "
        "WHERE operator_id = %s AND id = %s AND run_id IS NULL",
        [current_scope().isp_id, plan_id],
    )
    if not changed:
        raise PlanOutdated("This plan was carried out already.")


def get_plan(plan_id: int, *, using: str = "default") -> dict[str, Any]:
    """A plan of the acting ISP with its report, `slices`, `same` and `differs`; `ready` when its dry run is done.

    Raises NotFound.
    """
    found = rows(
        "SELECT p.id, p.on_date, p.slice_bills, p.report::text AS report, p.made_at, p.by_actor_id, p.confirmed_at, "
        "p.confirmed_by, p.run_id, count(s.slice) AS slices, count(*) FILTER (WHERE s.outcome = 'same') AS same, "
        "count(*) FILTER (WHERE s.outcome = 'differs') AS differs "
        "FROM run_plan p LEFT JOIN run_plan_slice s ON s.operator_id = p.operator_id AND s.plan_id = p.id "
        "WHERE p.operator_id = %s AND p.id = %s GROUP BY p.operator_id, p.id",
        [current_scope().isp_id, plan_id],
        using=using,
    )
    if not found or current_scope().operator_id != current_scope().isp_id:
        raise NotFound("There is no such plan.")
    report = json.loads(found[0]["report"])
    for item in report.get("exceptions", []):
        item["starts_on"] = date.fromisoformat(item["starts_on"])
    return found[0] | {"report": report, "ready": "totals" in report, "failed": report.get("failed")}


def list_plan_lines(plan_id: int, *, limit: int | None = None, using: str = "default") -> list[dict[str, Any]]:
    """The bills of the ISP's own customers that a plan would make, in their order."""
    found = rows(
        "SELECT line::text AS line FROM run_plan_slice s, jsonb_array_elements(s.lines) WITH ORDINALITY AS e (line, n) "
        "WHERE s.operator_id = %s AND s.plan_id = %s ORDER BY s.slice, e.n LIMIT %s",
        [current_scope().isp_id, plan_id, limit],
        using=using,
    )
    return [_line(json.loads(row["line"])) for row in found]


class _Made:
    """Collects what the ISP may see of a dry run, shard by shard, and keeps it at the end."""

    def __init__(self, isp: IspDirectory, plan_id: int) -> None:
        self.isp = isp
        self.plan_id = plan_id
        self.slices: dict[int, list[tuple[Any, ...]]] = {}
        self.differences: dict[int, dict[str, int]] = {}
        self.blocked: list[dict[str, Any]] = []

    def watch(self, run: Run, top_id: int, slices: list[dict[str, Any]], first_id: int) -> None:
        own = top_id == self.isp.isp_id
        lines = list_bills_made(run, top_id, first_id) if own else []
        self.slices[top_id] = []
        for done in slices:
            here, lines = lines[: done["created"]], lines[done["created"] :]
            kept = json.dumps([{k: v for k, v in line.items() if k != "invoice_id"} for line in here], default=str)
            self.slices[top_id].append((top_id, done["slice"], done["digest"], done["created"], done["held"], kept))
        self.differences[top_id] = compare_with_last_cycle(run, top_id, first_id)
        if own:
            self.blocked = list_blocked(run, top_id)

    def keep(self, report: RunReport) -> None:
        """The plan's report and slices, in one transaction."""
        with unit_of_work(self.isp, using=BATCH):
            _keep_report(self.isp.isp_id, self.plan_id, self.written(report))
            for row in [row for rows_of_shard in self.slices.values() for row in rows_of_shard]:
                execute(
                    "INSERT INTO run_plan_slice (operator_id, plan_id, top_id, slice, digest, bills, held, lines) "
                    "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                    [self.isp.isp_id, self.plan_id, *row],
                    using=BATCH,
                )

    def written(self, report: RunReport) -> dict[str, Any]:
        """The report as it is kept: money of the last cycle only where the bills are the ISP's own."""
        shards = []
        for shard in report.shards:
            found = self.differences[shard["top_id"]]
            if shard["top_id"] != self.isp.isp_id:
                found = {name: n for name, n in found.items() if not name.endswith("_minor")}
            shards.append(shard | {name: n for name, n in found.items() if name != "bills"})
        return {
            "totals": {name: getattr(report, name) for name in COUNTS} | {"billed_minor": report.billed_minor},
            "shards": shards,
            "edges": report.edges,
            "short": report.short,
            "exceptions": report.exceptions,
            "blocked": self.blocked,
        }


def _with_total(edge: dict[str, Any]) -> dict[str, Any]:
    return edge | {"total_minor": edge["net_minor"] + edge["vat_minor"]}


def _line(kept: dict[str, Any]) -> dict[str, Any]:
    return kept | {name: date.fromisoformat(kept[name]) for name in ("starts_on", "ends_on", "due_on")}


def _insert(isp_id: int, on: date, now: datetime, *, actor_id: int, slice_bills: int, using: str) -> int:
    made = rows(
        "INSERT INTO run_plan (operator_id, on_date, slice_bills, report, made_at, by_actor_id) "
        "VALUES (%s, %s, %s, '{}', %s, %s) RETURNING id",
        [isp_id, on, slice_bills, now, actor_id],
        using=using,
    )
    return int(made[0]["id"])


def _keep_report(isp_id: int, plan_id: int, report: dict[str, Any]) -> None:
    execute(
        "UPDATE run_plan SET report = %s WHERE operator_id = %s AND id = %s",
        [json.dumps(report, default=str), isp_id, plan_id],
        using=BATCH,
    )
