"""Jobs of the books: coarse, idempotent."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common import clock
from backhaul.identity.queries import list_isps
from backhaul.ledger import head_mail, heads, services


@app.periodic(cron="* * * * *")
@app.task(name="backhaul.ledger.tasks.seal_books", queueing_lock="seal-books")
def seal_books(timestamp: int) -> None:
    """Seal and fold what became final in all books, so that balances read from day nets and a short tail; after
    midnight, the heads of the day that is over.
    """
    for isp in list_isps():
        instant = clock.now()
        services.seal_all_books(isp, now=instant)
        heads.make_heads(isp, today=clock.local_date(instant, isp.time_zone), now=instant)


@app.periodic(cron="*/5 * * * *")
@app.task(name="backhaul.ledger.tasks.send_heads", queueing_lock="send-heads")
def send_heads(timestamp: int) -> None:
    """Mail the daily heads that wait."""
    for isp in list_isps():
        head_mail.send_heads(isp, now=clock.now())
