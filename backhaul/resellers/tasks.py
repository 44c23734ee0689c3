"""Background jobs of reselling and of the proof over all books: one per ISP."""

from __future__ import annotations

from django.conf import settings
from procrastinate.contrib.django import app

from backhaul.common.clock import local_date, now
from backhaul.identity.queries import get_isp, list_isps
from backhaul.resellers import verification
from backhaul.resellers.slabs import post_volume_bonuses


@app.periodic(cron="40 * * * *")
@app.task(name="backhaul.resellers.tasks.volume_bonuses", queueing_lock="volume_bonuses")
def volume_bonuses(timestamp: int) -> None:
    """Each hour at :40, what finished months earned by volume: work on the 1st, or when a 1st was missed."""
    instant = now()
    for isp in list_isps():
        post_volume_bonuses(isp, today=local_date(instant, isp.time_zone), now=instant)


@app.task(name=verification.VERIFY)
def verify_isp(isp_id: int, run_id: int) -> None:
    """Do a run of verify that was asked for."""
    verification.carry_out_verify(get_isp(isp_id), run_id=run_id, now=now())


@app.periodic(cron="20 2 * * *")
@app.task(name="backhaul.resellers.tasks.verify_nightly", queueing_lock="verify_nightly")
def verify_nightly(timestamp: int) -> None:
    """Verify everything once a day; books that do not hold are stopped."""
    verification.verify_and_keep(settings.CELLS, now=now())
