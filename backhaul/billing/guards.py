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
    found = rows(
        "SELECT is_cut_day(%(isp)s, %(day)s) AS is_cut_day, "
        "(SELECT cut_time FROM cut_window WHERE operator_id = %(isp)s) AS cut_time",
        {"isp": isp.isp_id, "day": local.date()},
        using=BATCH,
    )[0]
    return bool(found["is_cut_day"]) and local.time() >= (found["cut_time"] or CUT_TIME)
