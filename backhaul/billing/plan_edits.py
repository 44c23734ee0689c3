"""A plan is changed: what it does to the services over it, and how they follow."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from django.db import OperationalError

from backhaul.billing.bulk import PreviewChanged
from backhaul.catalog.plans import Pool, get_plan, update_plan
from backhaul.common.errors import Refusal
from backhaul.identity.models import IspDirectory
from backhaul.network.services import wake_sender
from backhaul.operators.functions import call, rows
from backhaul.operators.jobs import enqueue
from backhaul.operators.scope import UNDONE_BY_OTHERS, current_scope, unit_of_work
from backhaul.operators.services import record_audit

LATE = "backhaul.billing.tasks.ask_late_sessions"
LATE_SECONDS = 60
_TOLD = ("name", "down_kbps", "up_kbps", "pool", "connection_types")


class ConnectionsInUse(Refusal):
    """Services over the plan connect in a way that it would no longer be sold for."""

    code = "connections_in_use"


class ChangedMeanwhile(Refusal):
    """Others changed the same services in the same moment, and the database let one of the two go on."""

    code = "changed_meanwhile"


@dataclass(frozen=True)
class PlanEdit:
    """A plan before and after (columns of get_plan), and whom that reaches: a row for the acting operator's own
    services and one for those at and below each direct child, with `child_id` and how many `services`; of these how
    many are `changing` (another speed or pool), online and `live` (the speed at once) or `cut` (the other pool)."""

    before: dict[str, Any]
    after: dict[str, Any]
    reach: list[dict[str, Any]]

    @property
    def digest(self) -> str:
        """Stands for what is confirmed, but for who happens to be online."""
        counted = [[row[name] for name in ("child_id", "services", "changing")] for row in self.reach]
        return hashlib.sha256(json.dumps([self.before, self.after, counted]).encode()).hexdigest()[:32]

    def sum(self, what: str) -> int:
        """How many of all."""
        return sum(int(row[what]) for row in self.reach)


def measure_plan(*, plan_id: int, now: datetime, **terms: Any) -> PlanEdit:
    """What edit_plan would do. It writes the plan, so that it is asked by who undoes that: in a rehearsal."""
    before = update_plan(plan_id=plan_id, **terms)
    reach = rows("SELECT * FROM plan_reach(%s, %s)", [plan_id, now])
    _refuse_other_ways(reach)
    return PlanEdit(before, get_plan(plan_id), reach)


def edit_plan(
    *,
    plan_id: int,
    name: str,
    down_kbps: int,
    up_kbps: int,
    pool: Pool | None,
    connection_types: Sequence[str],
    now: datetime,
    shown: str | None = None,
) -> PlanEdit:
    """Change an own plan and, in the same transaction, all services over it, here and below: no price, no bill moves.

    Who is online takes another speed at once; another pool ends the session of who has no address of its own. What
    comes out of others' customers is only how many. `shown`: the digest of what was looked at. Raises NotFound,
    NameInUse, InvalidInput, ConnectionsInUse, PreviewChanged, ChangedMeanwhile.
    """
    terms = {"name": name, "down_kbps": down_kbps, "up_kbps": up_kbps, "pool": pool}
    try:
        edit = measure_plan(plan_id=plan_id, now=now, connection_types=connection_types, **terms)
        if shown is not None and shown != edit.digest:
            raise PreviewChanged("What this changes has come to differ from what was shown; look again.")
        logins = call("spread_plan", plan=plan_id, at=now)
    except OperationalError as error:
        cause = error.__cause__
        if not (isinstance(cause, psycopg.Error) and cause.sqlstate in UNDONE_BY_OTHERS):
            raise
        raise ChangedMeanwhile(
            "Others changed the same customers in the same moment, so nothing was changed here. Try again."
        ) from error
    if logins:
        wake_sender()
        isp_id = current_scope().isp_id
        enqueue(LATE, after_seconds=LATE_SECONDS, isp_id=isp_id, plan_id=plan_id, since=now.isoformat())
    _note(edit, plan_id, now)
    return edit


def ask_late_sessions(isp: IspDirectory, *, plan_id: int, since: datetime, now: datetime) -> int:
    """Give the new rate to whoever logged in while the plan was being changed and was online only after it; how many.

    Opens its own unit of work.
    """
    with unit_of_work(isp, using="batch"):
        return int(call("ask_late_sessions", "batch", isp=isp.isp_id, plan=plan_id, since=since, at=now))


def _refuse_other_ways(reach: list[dict[str, Any]]) -> None:
    refused = sum(int(row["refused"]) for row in reach)
    if refused:
        own = sum(int(row["refused"]) for row in reach if row["child_id"] == current_scope().operator_id)
        raise ConnectionsInUse(
            "Services connect in a way that this plan would no longer be sold for: %(own)s of your own customers, "
            "%(below)s of those below you. Keep that way, or have them changed to another package first.",
            own=own,
            below=refused - own,
            field="connection_types",
        )


def _note(edit: PlanEdit, plan_id: int, now: datetime) -> None:
    """What was and what is stands in the trail, where something is different."""
    changed = [name for name in _TOLD if edit.before[name] != edit.after[name]]
    if changed:
        record_audit(
            verb="changed", subject_type="plan", subject_id=plan_id, at=now, services=edit.sum("services"),
            was={name: edit.before[name] for name in changed}, now={name: edit.after[name] for name in changed},
        )  # fmt: skip
