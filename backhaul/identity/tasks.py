"""Jobs of signing in: coarse, idempotent."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common import clock
from backhaul.identity import limits, mails, sessions


@app.periodic(cron="* * * * * */10")
@app.task(name="backhaul.identity.tasks.send_mails", queueing_lock="send-sign-in-mails")
def send_mails(timestamp: int) -> None:
    """Send the mails about signing in that wait: somebody sits and looks for them."""
    mails.send_waiting_mails(clock.now())


@app.periodic(cron="50 * * * *")
@app.task(name="backhaul.identity.tasks.clear_up", queueing_lock="clear-up-sign-in")
def clear_up(timestamp: int) -> None:
    """Take away what is over: sessions, counted tries, mails."""
    now = clock.now()
    sessions.clear_expired_sessions(now)
    limits.clear_old_tries(now)
    mails.clear_old_mails(now)
