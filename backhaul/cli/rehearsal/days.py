"""The calendar of one ISP, run forward by a clock of its own: every periodic job that moves money or status, at the
instants at which the worker would do it. Nobody pays, and nobody recharges but those whom the caller names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

from backhaul.billing.cuts import cut_when_due
from backhaul.billing.guards import CUT_TIME
from backhaul.billing.run_slices import BATCH
from backhaul.billing.runs import RunReport, bill_isp, bill_missing_nights
from backhaul.billing.unearned import release_last_month
from backhaul.common.clock import local_date
from backhaul.identity.models import IspDirectory
from backhaul.ledger.services import seal_all_books
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work
from backhaul.resellers.services import recharge_child_fund
from backhaul.resellers.slabs import post_volume_bonuses

DAY = timedelta(days=1)
# The worker's periodic jobs with the minutes of UTC at which their crons begin them: every so many, from this one on.
NIGHT, BONUSES, CUTS = (60, 10), (60, 40), (5, 0)
REHEARSED = {
    "backhaul.billing.tasks.nightly",
    "backhaul.billing.tasks.cut_services",
    "backhaul.resellers.tasks.volume_bonuses",
    "backhaul.ledger.tasks.seal_books",  # once a day: when it folds changes no balance
    "backhaul.resellers.tasks.verify_nightly",  # once, after all days: it reports and stops nothing
}
# Those that change neither money nor status.
OF_NO_ACCOUNT = {
    "backhaul.identity.tasks.send_mails",
    "backhaul.identity.tasks.clear_up",
    "backhaul.billing.tasks.count_standings",
    "backhaul.network.tasks.retry_disconnects",
    "backhaul.network.tasks.close_silent_sessions",
    "backhaul.network.tasks.count_online",
    "backhaul.ledger.tasks.send_heads",
    "backhaul.operators.tasks.drop_old_jobs",
    "backhaul.web.tasks.drop_files",
}
RECHARGED_AT = time(10)


@dataclass(frozen=True)
class Recharge:
    """What a parent puts into a child's fund on a day, paid in cash. `top_id`: whose shard the child is in."""

    on: date
    child_id: int
    parent_id: int
    top_id: int
    amount_minor: int


Step = Callable[[datetime], list[RunReport]]


def play_days(
    isp: IspDirectory, *, now: datetime, until: date, recharges: Sequence[Recharge], seen: Callable[[date], None]
) -> list[dict[str, Any]]:
    """Live from `now` through the end of a day; `seen` hears after every step what day it is.

    Returns what could not be billed, as describe_run says it, with the day on which it first could not (`on`).
    """
    failed: dict[tuple[Any, ...], dict[str, Any]] = {}
    day = local_date(now, isp.time_zone)
    while day <= until:
        for instant, step in _steps(isp, day, now, [each for each in recharges if each.on == day]):
            for item in (item for report in step(instant) for item in report.exceptions):
                failed.setdefault(tuple(item.values()), {"on": day, **item})
            seen(day)
            now = instant
        seal_all_books(isp, now=now)
        seen(day)
        day += DAY
    return list(failed.values())


def _steps(isp: IspDirectory, day: date, now: datetime, recharges: Sequence[Recharge]) -> list[tuple[datetime, Step]]:
    """What happens on a day from `now` on, in its order."""
    with unit_of_work(isp, using=BATCH):
        windows = rows("SELECT cut_time FROM cut_window WHERE operator_id = %s", [isp.isp_id], using=BATCH)
    midnight = _instant(isp, day, time())
    window = _instant(isp, day, windows[0]["cut_time"] if windows else CUT_TIME)
    steps: list[tuple[datetime, Step]] = [
        (_begun(max(now, midnight), *NIGHT), partial(_bill, isp)),
        (_begun(max(now, midnight), *BONUSES), partial(_post_bonuses, isp)),
        *((max(now, _instant(isp, day, RECHARGED_AT)), partial(_recharge, isp, each)) for each in recharges),
        (_begun(max(now, window), *CUTS), partial(_cut, isp)),
    ]
    today = [(at, step) for at, step in steps if local_date(at, isp.time_zone) == day]
    return sorted(today, key=lambda step: step[0])


def _instant(isp: IspDirectory, day: date, at: time) -> datetime:
    return datetime.combine(day, at, ZoneInfo(isp.time_zone)).astimezone(UTC)


def _begun(since: datetime, every: int, minute: int) -> datetime:
    """When a job is begun next: at a full minute, `minute` after a multiple of `every`."""
    at = since.replace(second=0, microsecond=0)
    while at < since or at.minute % every != minute:
        at += timedelta(minutes=1)
    return at


def _bill(isp: IspDirectory, at: datetime) -> list[RunReport]:
    today = local_date(at, isp.time_zone)
    reports = bill_missing_nights(isp, today=today, now=at, cuts=False)
    release_last_month(isp, today=today, now=at)
    return reports


def _post_bonuses(isp: IspDirectory, at: datetime) -> list[RunReport]:
    post_volume_bonuses(isp, today=local_date(at, isp.time_zone), now=at)
    return []


def _cut(isp: IspDirectory, at: datetime) -> list[RunReport]:
    cut_when_due(isp, now=at)
    return []


def _recharge(isp: IspDirectory, recharge: Recharge, at: datetime) -> list[RunReport]:
    """The recharge, and what the job does that it leaves behind: the shard's held bills are tried again."""
    with unit_of_work(isp, recharge.parent_id):
        recharge_child_fund(
            child_id=recharge.child_id,
            kind="recharge",
            amount_minor=recharge.amount_minor,
            on=recharge.on,
            now=at,
            paid="cash",
            request_key=f"rehearsal:{uuid4()}",
        )
    return [bill_isp(isp, on=recharge.on, now=at, only_held=True, top_id=recharge.top_id, cuts=False)]
