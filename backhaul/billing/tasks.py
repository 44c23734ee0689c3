"""Background jobs of billing: one per ISP, never one per customer."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from procrastinate import RetryStrategy
from procrastinate.contrib.django import app

from backhaul.billing import plan_edits, rehearsals, run_plans, runs, standing
from backhaul.billing.bulk import CARRY_OUT as CARRY_OUT_BULK
from backhaul.billing.bulk import Seat
from backhaul.billing.bulk import carry_out_bulk as carry_out
from backhaul.billing.cuts import cut_when_due
from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.billing.services import RETRY_HELD
from backhaul.billing.unearned import release_last_month
from backhaul.common.clock import local_date, now
from backhaul.identity.queries import get_isp, list_isps

AGAIN = RetryStrategy(max_attempts=5, wait=30)  # a run goes on where it stopped, so a job that broke off is begun again


@app.task(name=RETRY_HELD)
def retry_held(isp_id: int, top_id: int) -> None:
    """Bill what waits in one shard, after a recharge there (SPEC 2.3)."""
    isp = get_isp(isp_id)
    instant = now()
    bill_isp(isp, on=local_date(instant, isp.time_zone), now=instant, only_held=True, top_id=top_id, cuts=False)


@app.task(name=runs.CARRY_OUT, retry=AGAIN)
def carry_out_run(isp_id: int, run_id: int) -> None:
    """Do a run that a person started."""
    runs.carry_out_run(get_isp(isp_id), run_id=run_id, now=now())


@app.task(name=CARRY_OUT_BULK, retry=AGAIN)
def carry_out_bulk(isp_id: int, run_id: int, seat: dict[str, Any]) -> None:
    """Look at, or do, an act on many customers."""
    carry_out(get_isp(isp_id), Seat.from_arguments(**seat), run_id=run_id, now=now())


@app.task(name=plan_edits.LATE, retry=AGAIN)
def ask_late_sessions(isp_id: int, plan_id: int, since: str) -> None:
    """A minute after a plan was changed, the rate for who came online just then."""
    plan_edits.ask_late_sessions(get_isp(isp_id), plan_id=plan_id, since=datetime.fromisoformat(since), now=now())


@app.task(name=run_plans.MAKE_PLAN)
def make_plan(isp_id: int, plan_id: int) -> None:
    """Rehearse a run, to be looked at and confirmed."""
    run_plans.make_plan(get_isp(isp_id), plan_id=plan_id, now=now())


@app.task(name=rehearsals.REHEARSE)
def rehearse_days(isp_id: int, rehearsal_id: int) -> None:
    """Live the days to come in a copy of an ISP, to be looked at."""
    rehearsals.carry_out_rehearsal(get_isp(isp_id), rehearsal_id=rehearsal_id)


@app.periodic(cron="10 * * * *")
@app.task(name="backhaul.billing.tasks.nightly", queueing_lock="nightly")
def nightly(timestamp: int) -> None:
    """Each hour at :10, the run of every ISP for whose local date there was none yet: after midnight there is work.
    Then the month before is ended for terms longer than a month, if that is not done.

    What breaks at one ISP stops no other; it is raised at the end.
    """
    instant = now()
    broken: list[Exception] = []
    for isp in list_isps():
        try:
            today = local_date(instant, isp.time_zone)
            bill_missing_nights(isp, today=today, now=instant, cuts=False)
            release_last_month(isp, today=today, now=instant)
        except Exception as error:
            broken.append(error)
    if broken:
        raise ExceptionGroup("nights that broke off", broken)


@app.periodic(cron="*/5 * * * *")
@app.task(name="backhaul.billing.tasks.cut_services", queueing_lock="cut_services")
def cut_services(timestamp: int) -> None:
    """Once a day, when an ISP's cut window has opened, cut what is short, unpaid, expired or below its minimum."""
    instant = now()
    for isp in list_isps():
        cut_when_due(isp, now=instant)


@app.periodic(cron="*/5 * * * *")
@app.task(name="backhaul.billing.tasks.count_standings", queueing_lock="count_standings")
def count_standings(timestamp: int) -> None:
    """Count how every operator stands; the last count of a day is what later days are compared with."""
    for isp in list_isps():
        standing.count_standings(isp, now=now())
