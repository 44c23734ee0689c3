"""`backhaul import-customers`: take over customers from a CSV or XLSX file."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path

import click

from backhaul.cli.database import database
from backhaul.cli.main import REFUSED
from backhaul.common import clock
from backhaul.common.money import format_minor


def _day(_: click.Context, __: click.Parameter, value: datetime | None) -> date | None:
    return value.date() if value else None


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--operator", required=True, metavar="[ISP/]SLUG", help="Whose customers they become.")
@click.option(
    "--on",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    callback=_day,
    help="Day of the takeover (default: today).",
)
@click.option(
    "--billed-until",
    type=click.DateTime(["%Y-%m-%d"]),
    callback=_day,
    help="First day to bill; nothing before it is billed (default: the end of each customer's running cycle).",
)
@click.option("--dry-run", is_flag=True, help="Check everything, import nothing.")
@click.option("--skip-bad", is_flag=True, help="Import the good rows where others are bad.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def import_customers(
    *,
    file: Path,
    operator: str,
    on: date | None,
    billed_until: date | None,
    dry_run: bool,
    skip_bad: bool,
    as_json: bool,
) -> int:
    """Take over the customers in FILE: CSV (UTF-8 or UTF-16; comma, semicolon or tab) or XLSX.

    Columns: name, username, password, package, billing_profile, joined_on; and, where there are any, mobile,
    connection_type, zone, address, mac, static_ip, custom_price, opening_due, billed_until.
    Exit code 1 where a row is bad and nothing was imported.
    """
    with database():
        from backhaul.imports.services import import_customers as import_file
        from backhaul.operators.queries import locate_operator
        from backhaul.operators.scope import unit_of_work

        isp, operator_id = locate_operator(operator)
        now = clock.now()
        with unit_of_work(isp, operator_id):
            report = import_file(
                content=file.read_bytes(),
                source=file.name,
                on=on or clock.local_date(now, isp.time_zone),
                now=now,
                billed_until=billed_until,
                dry_run=dry_run,
                skip_bad=skip_bad,
            )
    refused = bool(report.problems) and not report.imported and not (dry_run and skip_bad)
    if as_json:
        click.echo(json.dumps({"refused": refused, "bad": report.bad, **asdict(report)}, ensure_ascii=False))
        return REFUSED if refused else 0
    for said in (*report.problems, *report.warnings):
        where = f"row {said.row}, {said.column}" if said.column else f"row {said.row}"
        click.echo(f"{where}: {said.reason}: {said.message}")
    if report.ignored_columns:
        click.echo(f"columns not used: {', '.join(report.ignored_columns)}")
    dues = format_minor(report.opening_due_minor, decimals=isp.currency_decimals)
    click.echo(f"{report.rows} rows: {report.good} good, {report.bad} bad; {report.opening_dues} opening dues: {dues}")
    if report.imported:
        click.echo(f"imported {report.imported} customers for {operator}; new zones: {len(report.zones_added)}")
    elif dry_run:
        click.echo("nothing was imported: this was a dry run")
    elif refused:
        click.echo("nothing was imported: mend these rows, or leave them out with --skip-bad", err=True)
    return REFUSED if refused else 0
