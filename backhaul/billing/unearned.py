"""Month ends of terms longer than a month: unearned revenue becomes revenue, wholesale cost likewise (SPEC §3)."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from backhaul.common.errors import InvalidInput
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call
from backhaul.operators.scope import unit_of_work

BATCH = "batch"


def release_unearned(isp: IspDirectory, *, month: date, now: datetime) -> int:
    """Do the month end of all books of an ISP, once per books; how many were done. Call it outside a unit of work.

    `month`: its first day. Closed or stopped books are left out: the next month does theirs too.
    """
    if month.day != 1:
        raise InvalidInput("A month is named by its first day.", field="month")
    with unit_of_work(isp, using=BATCH):
        return int(call("release_unearned", BATCH, isp=isp.isp_id, month=month, now=now))


def release_last_month(isp: IspDirectory, *, today: date, now: datetime) -> int:
    """The same for the month before the one that a day lies in."""
    last = today.replace(day=1) - timedelta(days=1)
    return release_unearned(isp, month=last.replace(day=1), now=now)
