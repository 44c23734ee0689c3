"""`backhaul bill`: an ISP's billing run up to a date, for all operators below it."""

from __future__ import annotations

import csv
import json
import sys
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING

import click

from backhaul.cli.database import database
from backhaul.common import clock
from backhaul.common.money import format_minor

if TYPE_CHECKING:
    from backhaul.billing.runs import RunReport
    from backhaul.identity.models import IspDirectory


@click.command()
@click.option("--isp", required=True, metavar="SLUG", help="Which ISP.")
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The day to bill up to (default: today)."
)
@click.option("--dry-run", is_flag=True, help="Show what the run would do; change nothing.")
@click.option("--plan", is_flag=True, help="Like --dry-run, and keep it to be confirmed.")
@click.option(
    "--confirm", type=int, metavar="PLAN", help="The run of the plan's day must come out as it was rehearsed."
)
@click.option("--csv", "as_csv", is_flag=True, help="Print a dry run as CSV: own bills, charges, what is held.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bill(
    *, isp: str, on: datetime | None, dry_run: bool, plan: bool, confirm: int | None, as_csv: bool, as_json: bool
) -> int:
    """Bill every due period through the whole chain of funds.

    Safe to repeat, to interrupt, and to run twice at once: a period is billed once. What a short fund cannot pay is
    held and tried again. Exit code 1 where a customer could not be billed for another reason (no tariff), or where
    something was not billed because it was no longer what had been confirmed.
    """
    if as_csv and not dry_run:
        raise click.UsageError("--csv shows a dry run: give --dry-run too.")
    with database():
        from backhaul.billing.runs import bill_isp
        from backhaul.identity.queries import get_isp_by_slug

        directory = get_isp_by_slug(isp)
        now = clock.now()
        day = on.date() if on else clock.local_date(now, directory.time_zone)
        if confirm is not None:
            return _confirm(directory, confirm, now, as_json=as_json)
        if as_csv:
            return _print_csv(directory, day, now)
        if plan:
            return _plan(directory, day, now, as_json=as_json)
        watched = sys.stderr.isatty() and not (as_json or dry_run)
        report = bill_isp(directory, on=day, now=now, dry_run=dry_run, progress=_tell_progress if watched else None)
    if as_json:
        click.echo(json.dumps(asdict(report), default=str, ensure_ascii=False))
    else:
        _tell(report, directory.currency_decimals)
    return 1 if report.failed or report.skipped else 0


def _plan(isp: IspDirectory, day: date, now: datetime, *, as_json: bool) -> int:
    """Rehearse and keep it; what is printed is what the ISP may see."""
    from backhaul.billing.run_plans import plan_run

    plan = plan_run(isp, on=day, now=now)
    totals = plan["report"]["totals"]
    if as_json:
        click.echo(json.dumps({"plan": plan["id"], "on": day, **plan["report"]}, default=str, ensure_ascii=False))
    else:
        click.echo(
            f"plan {plan['id']} for {day}: {totals['created']} bills, {totals['held']} held; nothing was changed"
        )
        click.echo(f"to have it carried out exactly so: backhaul bill --isp {isp.slug} --confirm {plan['id']}")
    return 1 if totals["failed"] else 0


def _print_csv(isp: IspDirectory, day: date, now: datetime) -> int:
    """A dry run as the ISP may see it: own bills, charges on own edges, what is held and who is put off."""
    from backhaul.billing.run_plans import preview_run
    from backhaul.billing.run_tables import table_of

    report, bills = preview_run(isp, on=day, now=now)
    parts = {name: report[name] for name in ("edges", "short", "blocked", "exceptions")}
    csv.writer(sys.stdout).writerows(
        table_of(bills=bills, decimals=isp.currency_decimals, currency=isp.currency, **parts)
    )
    return 1 if report["totals"]["failed"] else 0


def _confirm(isp: IspDirectory, plan_id: int, now: datetime, *, as_json: bool) -> int:
    from backhaul.billing.run_plans import confirm_plan
    from backhaul.operators.scope import unit_of_work

    with unit_of_work(isp):
        plan = confirm_plan(plan_id=plan_id, now=now)
    if as_json:
        click.echo(json.dumps({"plan": plan_id, "on": plan["on_date"], "slices": plan["slices"]}, default=str))
    else:
        click.echo(
            f"plan {plan_id} is confirmed: the run of {plan['on_date']} comes out like it, or leaves what does not"
        )
    return 0


def _tell_progress(report: RunReport) -> None:
    click.echo(f"\r{report.created} bills \r", nl=False, err=True)


def _tell(report: RunReport, decimals: int) -> None:
    def money(minor: int) -> str:
        return format_minor(minor, decimals=decimals)

    would = "would be " if report.dry_run else ""
    click.echo(f"{report.on}: {report.created} bills {would}made, {money(report.billed_minor)} in all")
    for edge in report.edges:
        total = money(edge["net_minor"] + edge["vat_minor"])
        click.echo(f"  {edge['parent']} charges {edge['child']} {total} (VAT {money(edge['vat_minor'])})")
    if report.held:
        click.echo(f"{report.held} bills {would}held for want of funds:")
    for fund in report.short:
        click.echo(f"  fund of {fund['operator']}: {fund['bills']} bills wait for {money(fund['needed_minor'])}")
    if report.cut:
        click.echo(f"{report.cut} services {would}cut: their renewal has waited too long")
    if report.suspended:
        click.echo(f"{report.suspended} services {would}suspended: a bill is past due and grace")
    if report.skipped:
        click.echo(f"{report.skipped} shards were no longer what was confirmed and are left to the next night")
    for item in report.exceptions:
        click.echo(f"  not billed: {item['customer']} from {item['starts_on']}: {item['reason']}")
    if report.dry_run:
        click.echo("nothing was changed: this was a dry run")
