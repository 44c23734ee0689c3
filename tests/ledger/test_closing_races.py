"""A closing and a posting into its days at the same moment: the closing waits, and adds up what was posted."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connections

from backhaul.billing.run_slices import open_run
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import recharge_fund
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.periods import close_books, close_year
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.ledger.books import NOW, Chain, build_chain
from tests.scenarios.money import noon
from tests.scenarios.test_money_races import wait_for_locks
from tests.scenarios.test_oracles import taken_over

DEC_31 = date(2025, 12, 31)


def in_order(
    db: EmbeddedPostgres, unit: AbstractContextManager[Any], post: Callable[[], object], close: Callable[[], object]
) -> list[str]:
    """Who ended first: what `post` does in a unit that stays open until `close`, begun meanwhile, waits for a lock."""
    posted, may_commit = threading.Event(), threading.Event()
    ended: list[str] = []

    def clerk() -> None:
        try:
            with unit:
                post()
                posted.set()
                may_commit.wait()
                ended.append("posted")
        finally:
            connections.close_all()

    def accountant() -> None:
        try:
            close()
            ended.append("closed")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for work in (clerk, accountant)]
    threads[0].start()
    assert posted.wait(10)
    threads[1].start()
    try:
        wait_for_locks(db, 1)
    finally:
        may_commit.set()
        for thread in threads:
            thread.join()
    return ended


def test_a_year_end_waits_for_a_bonus_that_is_dated_into_its_year(db: EmbeddedPostgres) -> None:
    """Unseen, the bonus would stay in the closed year's expenses for good."""
    chain = build_chain(2)

    def bonus() -> None:
        recharge_fund(
            child_id=chain.operators[1], kind="bonus", amount_minor=1_000_00, on=DEC_31, paid=None,
            request_key=request_key(),
        )  # fmt: skip

    def year_end() -> None:
        with acting(chain.isp):
            close_year(last_on=DEC_31, now=NOW)

    assert in_order(db, acting(chain.isp), bonus, year_end) == ["posted", "closed"]
    with acting(chain.isp):
        assert sum_balance("retained_earnings", DEC_31) == 1_000_00
        assert sum_balance("discounts_given", DEC_31) == 0


def test_a_closing_waits_for_a_night_of_a_past_day(db: EmbeddedPostgres, cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside, date(2026, 10, 1))
    day = date(2026, 10, 1)

    def night() -> None:
        run = open_run(cast.padma, day, noon(day), "night", None)
        call(
            "bill_slice", "batch", isp=cast.padma.isp_id, top=cast.north, run=run, slice=1, on=day, now=noon(day),
            limit=100, only_held=False, digest=None,
        )  # fmt: skip

    def month_end() -> None:
        with acting(cast.padma, cast.riverside):
            close_books(through=day, now=noon(day))

    assert in_order(db, unit_of_work(cast.padma, using="batch"), night, month_end) == ["posted", "closed"]
    with acting(cast.padma, cast.riverside):
        assert len(rows("SELECT 1 FROM entry WHERE kind = 'retail_invoice'")) == 1


def bonus_on(chain: Chain, day: date) -> None:
    recharge_fund(
        child_id=chain.operators[1], kind="bonus", amount_minor=1_000_00, on=day, paid=None, request_key=request_key()
    )


def test_a_closing_waits_for_an_entry_of_yesterday(db: EmbeddedPostgres) -> None:
    """The morning after is when most books are closed, and when what is late of the day before is recorded."""
    chain = build_chain(2)
    now = datetime.now(UTC)
    yesterday = now.date() - timedelta(days=1)

    def closing() -> None:
        with acting(chain.isp):
            close_books(through=yesterday, now=now)

    ended = in_order(db, acting(chain.isp), lambda: bonus_on(chain, yesterday), closing)
    assert ended == ["posted", "closed"]
