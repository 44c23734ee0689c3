"""The minimum-balance guard of an edge: measured after the night's run, easing as soon as money is back (SPEC 2.4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, rows

BATCH = "batch"
CUT_TIME = time(12)


@dataclass(frozen=True)
class Measured:
    """What a measurement changed: edges whose guard went a step on or was lifted, services that were cut."""

    worse: int
    lifted: int
    cut: int


def measure_minimum_balance(*, isp: IspDirectory, on: date, now: datetime) -> Measured:
    """Measure every edge of an ISP after a night's run, in a unit of work of the batch role; one step a day at most."""
    return Measured(**call("measure_minimum_balance", BATCH, isp=isp.isp_id, on=on, now=now))


def cut_below_minimum(*, isp: IspDirectory, on: date, now: datetime) -> Measured:
    """Disable whom the guard has given notice, in a unit of work of the batch role; nothing outside the cut window."""
    if not is_cut_window(isp, now):
        return Measured(0, 0, 0)
    return Measured(**call("cut_below_minimum", BATCH, isp=isp.isp_id, on=on, now=now))


def ease_guard(*, child_id: int, on: date, now: datetime) -> str:
    """Lift a direct child's guard where its fund or its terms allow that now; returns the step that holds."""
    return str(call("ease_guard", child=child_id, on=on, now=now))


def is_cut_window(isp: IspDirectory, now: datetime) -> bool:
    """Whether services may be cut at this instant: past the ISP's cut time, on no weekday or holiday that it spares."""
    local = now.astimezone(ZoneInfo(isp.time_zone))
    window = rows(
        "SELECT cut_time, %s = ANY (spared_weekdays) AS spared FROM cut_window WHERE operator_id = %s",
        [local.isoweekday(), isp.isp_id],
        using=BATCH,
    )
    if local.time() < (window[0]["cut_time"] if window else CUT_TIME) or (window and window[0]["spared"]):
        return False
    on_holiday = rows(
        "SELECT 1 FROM holiday WHERE operator_id = %s AND on_date = %s", [isp.isp_id, local.date()], using=BATCH
    )
    return not on_holiday
