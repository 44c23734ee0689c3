"""The cut window (SPEC 2.5): once a day, at the ISP's cut_time, never on its spared weekdays and holidays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import partial

from backhaul.billing.guards import cut_below_minimum, is_cut_window
from backhaul.billing.run_slices import BATCH, CUTS
from backhaul.common.clock import local_date
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import retried, unit_of_work


@dataclass(frozen=True)
class Cut:
    """How many services went off: renewals held too long, bills unpaid, periods over, operators below their minimum."""

    short: int
    unpaid: int
    expired: int
    below_minimum: int


def cut_when_due(isp: IspDirectory, *, now: datetime) -> Cut | None:
    """The day's cuts of an ISP if its window is open and they were not made yet; else None."""
    on = local_date(now, isp.time_zone)
    with unit_of_work(isp, using=BATCH):
        done = rows(
            "SELECT 1 FROM billing_run "
            "WHERE operator_id = %s AND on_date = %s AND kind = 'cut' AND finished_at IS NOT NULL",
            [isp.isp_id, on],
            using=BATCH,
        )
        due = not done and is_cut_window(isp, now)
    return cut_isp(isp, on=on, now=now) if due else None


def cut_isp(isp: IspDirectory, *, on: date, now: datetime) -> Cut:
    """Cut what is to be cut on a day, shard by shard; safe to call again, or twice at once."""
    with unit_of_work(isp, using=BATCH):
        tops = rows("SELECT id FROM operator WHERE isp_id = %s AND depth <= 1 ORDER BY id", [isp.isp_id], using=BATCH)
        run_id = rows(
            "INSERT INTO billing_run (operator_id, on_date, kind, started_at) VALUES (%s, %s, 'cut', %s) RETURNING id",
            [isp.isp_id, on, now],
            using=BATCH,
        )[0]["id"]
    counts = {
        count: sum(retried(partial(_cut, isp, step, top["id"], on, now)) for top in tops)
        for step, count in CUTS.items()
    }
    with unit_of_work(isp, using=BATCH):
        below = cut_below_minimum(isp=isp, on=on, now=now)
        execute(
            "UPDATE billing_run SET finished_at = %s WHERE operator_id = %s AND id = %s",
            [now, isp.isp_id, run_id],
            using=BATCH,
        )
    return Cut(short=counts["cut"], unpaid=counts["suspended"], expired=counts["expired"], below_minimum=below.cut)


def _cut(isp: IspDirectory, step: str, top_id: int, on: date, now: datetime) -> int:
    with unit_of_work(isp, using=BATCH):
        return int(call(step, BATCH, isp=isp.isp_id, top=top_id, on=on, now=now))
