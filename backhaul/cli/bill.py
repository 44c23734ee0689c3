"""`backhaul bill`: an ISP's billing run up to a date, for all operators below it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from backhaul.cli.database import database
from backhaul.common import clock
from backhaul.common.money import format_minor

if TYPE_CHECKING:
    from backhaul.billing.runs import RunReport


@click.command()
@click.option("--isp", required=True, metavar="SLUG", help="Which ISP.")
@click.option(
    "--on", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="The day to bill up to (default: today)."
)
@click.option("--dry-run", is_flag=True, help="Show what the run would do; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bill(*, isp: str, on: datetime | None, dry_run: bool, as_json: bool) -> int:
    """Bill every due period through the whole chain of funds.

    Safe to repeat, to interrupt, and to run twice at once: a period is billed once. What a short fund cannot pay is
    held and tried again. Exit code 1 where a customer could not be billed for another reason (no tariff).
    """
    with database():
        from backhaul.billing.runs import bill_isp
        from backhaul.identity.queries import get_isp_by_slug

        directory = get_isp_by_slug(isp)
        now = clock.now()
        day = on.date() if on else clock.local_date(now, directory.time_zone)
        watched = sys.stderr.isatty() and not (as_json or dry_run)
        report = bill_isp(directory, on=day, now=now, dry_run=dry_run, progress=_tell_progress if watched else None)
    if as_json:
        click.echo(json.dumps(asdict(report), default=str, ensure_ascii=False))
    else:
        _tell(report, directory.currency_decimals)
    return 1 if report.failed else 0


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
    for item in report.exceptions:
        click.echo(f"  not billed: {item['customer']} from {item['starts_on']}: {item['reason']}")
    if report.dry_run:
        click.echo("nothing was changed: this was a dry run")
