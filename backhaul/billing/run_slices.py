"""The parts of a billing run: the run's row, its shards, and one slice of a shard in one transaction.

A shard is one top-level reseller's subtree; the ISP's own customers are one too. Everything here runs inside a unit of
work by the alias "batch".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.common.clock import local_date
from backhaul.common.errors import Refusal
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, execute, rows, savepoint

BATCH = "batch"
# What a night does in a shard, each a function (isp, top, on, now) of the batch role: before its slices, in the same
# transaction as each of them, and after the last one transaction each, so that none waits with another one's locks.
BEFORE_BILLS = ("retry_released",)
BEFORE_EACH_SLICE = ("apply_planned_changes",)
AFTER_BILLS = ("credit_off_days", "charge_late_fees", "release_dead_services")
CUTS = {"cut_short_services": "cut", "suspend_overdue": "suspended", "expire_services": "expired"}  # and its count
COUNTED = ("created", "back_filled", "held", "failed", "billed_minor")
# The operators of a shard; parameters %(isp)s, %(top)s.
SHARD = (
    "SELECT id FROM operator WHERE isp_id = %(isp)s "
    "AND CASE WHEN %(top)s = %(isp)s THEN id = %(isp)s ELSE %(top)s = ANY (path) END"
)
# Services that a run has nothing to do for: before it, those billed further already or that begin later …
_FURTHER = f"""
    SELECT count(*) FILTER (WHERE b.billed_until > s.activated_on)::int AS already_billed,
           count(*) FILTER (WHERE (b.billed_until > s.activated_on) IS NOT TRUE)::int AS not_due
    FROM billing_state b JOIN subscription s ON s.operator_id = b.operator_id AND s.id = b.subscription_id
    WHERE b.operator_id IN ({SHARD}) AND b.billed_until > %(on)s AND s.left_on IS NULL
"""
# … and after it, those that it left where they were: stopped, not activated, in a period that is billed at its end.
_LEFT = f"""
    SELECT 0 AS already_billed, count(*)::int AS not_due
    FROM subscription s LEFT JOIN billing_state b ON b.operator_id = s.operator_id AND b.subscription_id = s.id
    WHERE s.operator_id IN ({SHARD}) AND s.left_on IS NULL AND (b.billed_until > %(on)s) IS NOT TRUE
      AND NOT EXISTS (SELECT 1 FROM held_bill h WHERE h.operator_id = s.operator_id AND h.subscription_id = s.id
                      AND %(run)s = ANY (h.tried_by))
      AND NOT EXISTS (SELECT 1 FROM run_exception x WHERE x.operator_id = s.operator_id AND x.run_id = %(run)s
                      AND x.subscription_id = s.id)
"""


class DigestDiffers(Refusal):
    """A slice is not what was rehearsed and confirmed; it is left for a later run."""

    code = "digest_differs"


@dataclass(frozen=True)
class Run:
    """An open run and how it is carried out. `plan_id`: the confirmed plan that its slices must reproduce."""

    isp: IspDirectory
    id: int
    on: date
    now: datetime
    slice_bills: int
    only_held: bool = False
    cuts: bool = True
    plan_id: int | None = None

    def at(self, top_id: int) -> dict[str, Any]:
        """One shard of it, as parameters of a query."""
        return {"isp": self.isp.isp_id, "top": top_id, "run": self.id, "on": self.on}

    def where(self, top_id: int) -> dict[str, Any]:
        """One shard of it, as arguments of a step."""
        return {"isp": self.isp.isp_id, "top": top_id, "on": self.on, "now": self.now}


def open_run(isp: IspDirectory, on: date, now: datetime, kind: str, top_id: int | None) -> int:
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


def bind_plan(isp: IspDirectory, run_id: int, on: date, now: datetime) -> dict[str, Any] | None:
    """The plan that this run carries out: id, slice_bills. The one confirmed last for its date counts, once.

    A plan binds its night, not a run made ahead of that date, and no run that has begun without it.
    """
    if on <= local_date(now, isp.time_zone):
        execute(
            "UPDATE run_plan SET run_id = %(run)s WHERE operator_id = %(isp)s AND run_id IS NULL AND id = ("
            "SELECT id FROM run_plan WHERE operator_id = %(isp)s AND on_date = %(on)s AND confirmed_at IS NOT NULL "
            "ORDER BY confirmed_at DESC LIMIT 1) AND NOT EXISTS (SELECT 1 FROM run_shard "
            "WHERE operator_id = %(isp)s AND run_id = %(run)s AND slices > 0)",
            {"isp": isp.isp_id, "run": run_id, "on": on},
            using=BATCH,
        )
    bound = rows(
        "SELECT id, slice_bills FROM run_plan WHERE operator_id = %s AND run_id = %s", [isp.isp_id, run_id], using=BATCH
    )
    return bound[0] if bound else None


def claim_shard(run: Run) -> dict[str, Any] | None:
    """A shard that is not finished and that nobody else works on, locked until this transaction ends."""
    found = rows(
        "SELECT top_id, slices, left_to_do FROM run_shard "
        "WHERE operator_id = %s AND run_id = %s AND finished_at IS NULL "
        "ORDER BY top_id LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        [run.isp.isp_id, run.id],
        using=BATCH,
    )
    return found[0] if found else None


def work_on(run: Run, shard: dict[str, Any]) -> dict[str, Any]:
    """The next piece of a claimed shard: a slice of bills, or after the last one a step that closes its night.

    Returns what there is to count in; of a slice also what bill_slice returns, with `slice` and `skipped`.
    """
    return _bill_next_slice(run, shard) if shard["left_to_do"] is None else _close_next_step(run, shard)


def _bill_next_slice(run: Run, shard: dict[str, Any]) -> dict[str, Any]:
    top_id, number = shard["top_id"], shard["slices"] + 1
    counts = not run.only_held
    for step in (BEFORE_BILLS if number == 1 else ()) + BEFORE_EACH_SLICE:
        call(step, BATCH, **run.where(top_id))
    if counts and number == 1:
        _count_standing(run, top_id, before=True)
    done = _bill(run, top_id, number) if run.plan_id is None else _bill_as_planned(run, top_id, number)
    ended = not (done["more"] or done["skipped"])
    if counts and ended:
        _count_standing(run, top_id, before=False)
    left = [*(AFTER_BILLS if counts else ()), *(CUTS if run.cuts else ())] if ended else []
    execute(
        f"UPDATE run_shard SET slices = slices + 1, {', '.join(f'{name} = {name} + %s' for name in COUNTED)}, "
        "skipped = skipped + %s, left_to_do = CASE WHEN NOT %s THEN %s::text[] END "
        "WHERE operator_id = %s AND run_id = %s AND top_id = %s",
        [
            *(done[name] for name in COUNTED),
            *(done["skipped"], done["more"], left),
            *(run.isp.isp_id, run.id, top_id),
        ],
        using=BATCH,
    )
    _finish_shard(run, top_id)
    return done | {"slice": number}


def _close_next_step(run: Run, shard: dict[str, Any]) -> dict[str, Any]:
    step, *left = shard["left_to_do"]
    count = call(step, BATCH, **run.where(shard["top_id"]))
    execute(
        "UPDATE run_shard SET left_to_do = %s, blocked = blocked + %s "
        "WHERE operator_id = %s AND run_id = %s AND top_id = %s",
        [left, count if step in CUTS else 0, run.isp.isp_id, run.id, shard["top_id"]],
        using=BATCH,
    )
    _finish_shard(run, shard["top_id"])
    return {CUTS[step]: count} if step in CUTS else {}


def _finish_shard(run: Run, top_id: int) -> None:
    execute(
        "UPDATE run_shard SET finished_at = %s "
        "WHERE operator_id = %s AND run_id = %s AND top_id = %s AND left_to_do = '{}'",
        [run.now, run.isp.isp_id, run.id, top_id],
        using=BATCH,
    )


def close_run(run: Run) -> None:
    """Finish the run where all its shards are."""
    execute(
        "UPDATE billing_run r SET finished_at = %s WHERE operator_id = %s AND id = %s AND finished_at IS NULL "
        "AND NOT EXISTS (SELECT 1 FROM run_shard s "
        "WHERE s.operator_id = r.operator_id AND s.run_id = r.id AND s.finished_at IS NULL)",
        [run.now, run.isp.isp_id, run.id],
        using=BATCH,
    )


def _bill(run: Run, top_id: int, number: int, digest: str | None = None) -> dict[str, Any]:
    done: dict[str, Any] = call(
        "bill_slice",
        BATCH,
        isp=run.isp.isp_id,
        top=top_id,
        run=run.id,
        slice=number,
        on=run.on,
        now=run.now,
        limit=run.slice_bills,
        only_held=run.only_held,
        digest=digest,
    )
    return done | {"skipped": 0}


def _bill_as_planned(run: Run, top_id: int, number: int) -> dict[str, Any]:
    """The slice if it comes out as it was confirmed; else nothing of it, and the rest of its shard is left too."""
    where = [run.isp.isp_id, run.plan_id, top_id, number]
    planned = rows(
        "SELECT digest FROM run_plan_slice WHERE operator_id = %s AND plan_id = %s AND top_id = %s AND slice = %s",
        where,
        using=BATCH,
    )
    try:
        with savepoint(BATCH):
            done = _bill(run, top_id, number, planned[0]["digest"] if planned else "")
    except DigestDiffers:
        done = dict.fromkeys(COUNTED, 0) | {"more": False, "skipped": 1}
    execute(
        "UPDATE run_plan_slice SET outcome = %s WHERE operator_id = %s AND plan_id = %s AND top_id = %s AND slice = %s",
        ["differs" if done["skipped"] else "same", *where],
        using=BATCH,
    )
    return done


def _count_standing(run: Run, top_id: int, *, before: bool) -> None:
    """The services that a run has nothing to do for: billed further already, or nothing begins by its date."""
    found = rows(_FURTHER if before else _LEFT, run.at(top_id), using=BATCH)[0]
    execute(
        "UPDATE run_shard SET already_billed = already_billed + %s, not_due = not_due + %s "
        "WHERE operator_id = %s AND run_id = %s AND top_id = %s",
        [found["already_billed"], found["not_due"], run.isp.isp_id, run.id, top_id],
        using=BATCH,
    )
