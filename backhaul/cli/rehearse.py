"""`backhaul rehearse`: the days to come of one ISP, lived in a copy of it that is thrown away."""

from __future__ import annotations

import json
import sys
from datetime import datetime

import click

from backhaul.cli.database import database
from backhaul.common import clock


@click.command()
@click.option("--isp", required=True, metavar="SLUG", help="Which ISP.")
@click.option(
    "--until", type=click.DateTime(["%Y-%m-%d"]), required=True, metavar="YYYY-MM-DD", help="The last day to live."
)
@click.option("--operator", metavar="SLUG", help="Report only what this operator of the ISP may know.")
@click.option(
    "--recharge", multiple=True, metavar="OPERATOR=AMOUNT@DATE", help="What if this were put into its fund that day."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--progress", is_flag=True, help="Write each day that is lived to standard error, a line each.")
def rehearse(
    *, isp: str, until: datetime, operator: str | None, recharge: tuple[str, ...], as_json: bool, progress: bool
) -> int:
    """Run an ISP's calendar forward to a date, in a copy of that ISP alone, and report what comes.

    Nights, volume bonuses, cuts and guards happen as they would; nobody pays and nobody recharges, except as given
    with --recharge. The real database stays as it is, no router and nobody else hears of it, and the copy is dropped
    at the end. Exit code 1 where `verify` finds something wrong in the copy.
    """
    with database() as home:
        from backhaul.cli.rehearsal.play import WhatIf
        from backhaul.cli.rehearsal.play import rehearse as play
        from backhaul.cli.rehearsal.telling import lines_of
        from backhaul.identity.queries import get_isp_by_slug

        directory = get_isp_by_slug(isp)
        watched = sys.stderr.isatty() and not as_json
        tell = _line_of_day if progress else _tell_day if watched else _say_nothing
        report = play(
            home,
            directory,
            now=clock.now(),
            until=until.date(),
            what_if=[WhatIf.parse(text, decimals=directory.currency_decimals) for text in recharge],
            operator=operator,
            heard=tell,
        )
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
    else:
        click.echo("\n".join(lines_of(report, directory.currency_decimals)))
    return 1 if report["verify"]["wrong"] else 0


def _say_nothing(_day: str) -> None:
    return


def _line_of_day(day: str) -> None:
    click.echo(day, err=True)


def _tell_day(day: str) -> None:
    click.echo(f"\r{day} \r", nl=False, err=True)
