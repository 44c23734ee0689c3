"""Background jobs of billing: one per ISP, never one per customer."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.billing.services import RETRY_HELD
from backhaul.common.clock import local_date, now
from backhaul.identity.queries import get_isp, list_isps


@app.task(name=RETRY_HELD)
def retry_held(isp_id: int, top_id: int) -> None:
    """Bill what waits in one shard, after a recharge there (SPEC 2.3)."""
    isp = get_isp(isp_id)
    instant = now()
    bill_isp(isp, on=local_date(instant, isp.time_zone), now=instant, only_held=True, top_id=top_id)


@app.periodic(cron="10 * * * *")
@app.task(name="backhaul.billing.tasks.nightly", queueing_lock="nightly")
def nightly(timestamp: int) -> None:
    """Each hour at :10, the run of every ISP for whose local date there was none yet: after midnight there is work."""
    instant = now()
    for isp in list_isps():
        bill_missing_nights(isp, today=local_date(instant, isp.time_zone), now=instant)
