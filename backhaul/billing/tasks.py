"""Background jobs of billing: one per ISP, never one per customer."""

from __future__ import annotations

from datetime import date, datetime

from procrastinate.contrib.django import app

from backhaul.billing.runs import bill_isp
from backhaul.common.clock import local_date, now
from backhaul.identity.queries import get_isp, list_isps
from backhaul.operators.jobs import enqueue

RETRY_HELD = "backhaul.billing.tasks.retry_held"


@app.task(name=RETRY_HELD)
def retry_held(isp_id: int, top_id: int) -> None:
    """Bill what waits in one shard, after a recharge there (SPEC 2.3)."""
    isp = get_isp(isp_id)
    instant = now()
    bill_isp(isp, on=local_date(instant, isp.time_zone), now=instant, only_held=True, top_id=top_id)


def queue_retry(*, isp_id: int, top_id: int) -> None:
    """Retry a shard's held bills as soon as this transaction is committed; one waiting retry is enough."""
    enqueue(RETRY_HELD, queueing_lock=f"retry_held:{top_id}", isp_id=isp_id, top_id=top_id)


@app.periodic(cron="10 * * * *")
@app.task(name="backhaul.billing.tasks.nightly", queueing_lock="nightly")
def nightly(timestamp: int) -> None:
    """Every hour at :10: the night's run of the ISPs in whose time zone it is past midnight and that have had none today."""
    for isp in list_isps():
        instant = now()
        _bill_night(isp.isp_id, local_date(instant, isp.time_zone), instant)


def _bill_night(isp_id: int, on: date, instant: datetime) -> None:
    """A night that was billed already leaves nothing to bill: periods carry where billing stands."""
    bill_isp(get_isp(isp_id), on=on, now=instant)
