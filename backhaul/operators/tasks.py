"""Jobs of the tree: coarse, idempotent."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common import clock
from backhaul.identity.queries import list_isps
from backhaul.operators.progress import drop_old_jobs


@app.periodic(cron="30 3 * * *")
@app.task(name="backhaul.operators.tasks.drop_old_jobs", queueing_lock="drop_old_jobs")
def drop_old(timestamp: int) -> None:
    """Once a day, forget long work that was done more than 30 days ago."""
    for isp in list_isps():
        drop_old_jobs(isp, now=clock.now())
