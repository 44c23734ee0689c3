"""Days: which were enabled, what each cost, and what is credited for the others (SPEC §1 "enabled day", 2.5)."""

from __future__ import annotations

from datetime import date, datetime

from backhaul.operators.functions import call

BATCH = "batch"


def credit_off_days(*, isp_id: int, top_id: int, on: date, now: datetime) -> int:
    """Credit the days off of a shard's periods that ended by `on`, where profiles and edges say so.

    A step of the night, in a unit of work of the batch role. Safe to repeat: each day of a bill or charge is credited
    once. Returns how many services were credited.
    """
    return int(call("credit_off_days", BATCH, isp=isp_id, top=top_id, on=on, now=now))
