"""Jobs of the books: coarse, idempotent."""

from __future__ import annotations

from procrastinate.contrib.django import app

from backhaul.common import clock
from backhaul.identity.queries import list_isps
from backhaul.ledger import services


@app.periodic(cron="* * * * *")
@app.task(name="backhaul.ledger.tasks.seal_books", queueing_lock="seal-books")
def seal_books(timestamp: int) -> None:
    """Seal and fold what became final in all books, so that balances read from day nets and a short tail."""
    for isp in list_isps():
        services.seal_all_books(isp, now=clock.now())
