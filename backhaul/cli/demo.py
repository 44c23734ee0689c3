"""`backhaul demo`: two ISPs with resellers, customers and some months of business, to look at and to try things on."""

from __future__ import annotations

import fcntl
import json
import time
from collections.abc import Callable
from datetime import date

import click

from backhaul.catalog.queries import list_plans
from backhaul.cli.database import close_connections, database
from backhaul.cli.demonstration.cast import PADMA
from backhaul.cli.demonstration.founding import BEGUN, found_all
from backhaul.cli.demonstration.funding import take_over
from backhaul.cli.demonstration.leaflet import as_lines, as_object
from backhaul.cli.demonstration.months import play, wall_in
from backhaul.cli.demonstration.script import Script
from backhaul.cli.demonstration.sessions import report_sessions
from backhaul.cli.embedded import locked
from backhaul.common import clock
from backhaul.common.errors import Refusal
from backhaul.common.home import Home
from backhaul.identity.models import IspDirectory
from backhaul.identity.queries import list_isps
from backhaul.ledger.services import seal_all_books
from backhaul.operators.functions import execute
from backhaul.operators.queries import list_audit_events
from backhaul.operators.scope import unit_of_work
from backhaul.operators.services import record_audit

CUSTOMERS, MONTHS = 300, 3
FILLED = "demo_filled"


class NotTheDemo(Refusal):
    """An ISP of the demo's short name is there that the demo did not make."""

    code = "not_the_demo"


@click.command()
@click.option(
    "--customers", type=click.IntRange(20, 20_000), default=CUSTOMERS, show_default=True, help="About how many."
)
@click.option("--months", type=click.IntRange(1, 24), default=MONTHS, show_default=True, help="Billed, up to today.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def demo(customers: int, months: int, as_json: bool) -> None:
    """Fill the database with two ISPs, their resellers and customers, and some months of bills and payments.

    Where the demo is there already, nothing changes; one that was interrupted is finished as it was begun.
    """
    began = time.monotonic()
    with database() as home:
        progress = _ignore if as_json else _show
        filled = fill(home, Script(customers, months, clock.now()), progress=progress)
        seconds = time.monotonic() - began
        if as_json:
            told = {"filled": filled, "seconds": round(seconds, 1), **as_object(home)}
            click.echo(json.dumps(told, ensure_ascii=False))
            return
        click.echo(f"\rfilled in {seconds:.1f} s" if filled else "the demo is there already; nothing was changed")
        click.echo("\n".join(as_lines(home)))


def fill_if_empty() -> None:
    """For `up`: fill an empty database, or finish a demo that was interrupted; leave every other one alone."""
    isps = list_isps()
    padma = _padma(isps)
    if not isps or (padma is not None and _is_unfinished(padma)):
        click.echo(f"filling the demo: about {CUSTOMERS} customers, {MONTHS} months of bills")
        fill(Home.from_environment(), Script(CUSTOMERS, MONTHS, clock.now()), progress=_ignore)


def login_lines() -> list[str]:
    """For `up`: what a newcomer can sign in with and try; nothing where there is no demo."""
    return as_lines(Home.from_environment()) if FILLED in _marks(_padma(list_isps())) else []


def fill(home: Home, script: Script, *, progress: Callable[[date], None]) -> bool:
    """Fill the demo, or finish the one that was begun, by its own script; False where it is there already.

    `progress` hears of every day that is done. Raises NotTheDemo.
    """
    with locked(home.path / "run" / "demo.lock", fcntl.LOCK_EX):
        padma = _padma(list_isps())
        marks = _marks(padma)
        if FILLED in marks:
            return False
        if padma is not None and not _is_unfinished(padma):
            raise NotTheDemo(
                "There is an ISP “%(padma_slug)s” that is not the demo's; fill the demo into another home.",
                padma_slug=padma.slug,
            )
        _perform(Script.from_detail(marks[BEGUN]) if BEGUN in marks else script, progress)
        return True


def _perform(script: Script, progress: Callable[[date], None]) -> None:
    """Every part can be played again: what is there already stays as it is."""
    for alias in ("default", "batch"):  # thousands of short transactions; what a crash takes is played once more
        execute("SET synchronous_commit = off", using=alias)
    stage = found_all(script)
    take_over(stage, script)
    play(stage, script, progress)
    padma = next(each for each in stage if each.role is PADMA)
    wall_in(padma, script)
    report_sessions(stage, script)
    for isp in {each.isp.isp_id: each.isp for each in stage}.values():
        seal_all_books(isp, now=script.now)
    close_connections()
    with unit_of_work(padma.isp):
        record_audit(verb=FILLED, subject_type="operator", subject_id=padma.id, at=script.now)


def _padma(isps: list[IspDirectory]) -> IspDirectory | None:
    return next((isp for isp in isps if isp.slug == PADMA.slug), None)


def _marks(padma: IspDirectory | None) -> dict[str, dict[str, object]]:
    """What the audit trail of the demo's ISP says of the demo."""
    if padma is None:
        return {}
    with unit_of_work(padma):
        events = list_audit_events("operator", padma.isp_id, limit=1_000_000)
    return {event["verb"]: event["detail"] for event in events if event["verb"] in (BEGUN, FILLED)}


def _is_unfinished(padma: IspDirectory) -> bool:
    """Whether the demo was interrupted: after it was begun, or before the ISP had anything to sell."""
    marks = _marks(padma)
    with unit_of_work(padma):
        return FILLED not in marks and (BEGUN in marks or not list_plans())


def _show(day: date) -> None:
    click.echo(f"\r{day}", nl=False, err=True)


def _ignore(_: date) -> None:
    return None
