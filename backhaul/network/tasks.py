"""Jobs of the network: coarse, idempotent, one per ISP."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common import clock
from backhaul.identity.queries import get_isp, list_isps
from backhaul.network import outbox, presence


@app.task(name="backhaul.network.tasks.drain_disconnects")
def drain_disconnects(isp_id: int) -> None:
    """Send an ISP's due Disconnect-Requests."""
    outbox.drain_disconnects(get_isp(isp_id), now=clock.now())


@app.periodic(cron="* * * * * */15")
@app.task(name="backhaul.network.tasks.retry_disconnects", queueing_lock="retry-disconnects")
def retry_disconnects(timestamp: int) -> None:
    """Send again what comes due for all ISPs; also what was queued by runs that wake nobody."""
    for isp in list_isps():
        outbox.drain_disconnects(isp, now=clock.now())


@app.periodic(cron="* * * * *")
@app.task(name="backhaul.network.tasks.count_online", queueing_lock="count-online")
def count_online(timestamp: int) -> None:
    """Each minute, how many of every operator's customers are online."""
    for isp in list_isps():
        presence.count_all_online(isp, now=clock.now())


@app.periodic(cron="* * * * *")
@app.task(name="backhaul.network.tasks.close_silent_sessions", queueing_lock="close-silent-sessions")
def close_silent_sessions(timestamp: int) -> None:
    """Close sessions that routers no longer report, once per cell."""
    for isp in {isp.cell: isp for isp in list_isps()}.values():
        outbox.close_silent_sessions(isp, now=clock.now())
