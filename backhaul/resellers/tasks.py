"""Background jobs of reselling: one per ISP."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common.clock import local_date, now
from backhaul.identity.queries import list_isps
from backhaul.resellers.slabs import post_volume_bonuses


@app.periodic(cron="40 * * * *")
@app.task(name="backhaul.resellers.tasks.volume_bonuses", queueing_lock="volume_bonuses")
def volume_bonuses(timestamp: int) -> None:
    """Each hour at :40, what finished months earned by volume: work on the 1st, or when a 1st was missed."""
    instant = now()
    for isp in list_isps():
        post_volume_bonuses(isp, today=local_date(instant, isp.time_zone), now=instant)
