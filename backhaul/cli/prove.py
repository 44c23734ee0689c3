"""`backhaul prove`: that nothing of a month was forgotten, for one operator or for all of an ISP."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import click

from backhaul.cli.database import database
from backhaul.common import clock
from backhaul.common.money import format_minor

EXCEPTION = "exception"


@click.command()
@click.option("--operator", metavar="[ISP/]SLUG", help="Whose services, with money; with the ISP where needed.")
@click.option("--isp", metavar="SLUG", help="All operators of this ISP, in days alone.")
@click.option("--month", type=click.DateTime(["%Y-%m"]), required=True, metavar="YYYY-MM", help="The month to prove.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def prove(*, operator: str | None, isp: str | None, month: datetime, as_json: bool) -> int:
    """Put every day of every service of a month into its class: billed, free by a named rule, off, or an exception.

    The days add up to all days of all services; a month that runs is proved through yesterday. Exit code 1 where some
    day is an exception.
    """
    if operator is None and isp is None:
        raise click.UsageError("Name an operator or an ISP.")
    with database():
        proved, decimals = _of_operator(operator, isp, month) if operator else _of_isp(str(isp), month)
    found = [row for one in proved for row in one["classes"]]
    open_days = sum(row["days"] for row in found if row["group"] == EXCEPTION)
    if as_json:
        answer = {"month": f"{month:%Y-%m}", "exceptions": open_days, "operators": proved}
        click.echo(json.dumps(answer, ensure_ascii=False))
    else:
        for one in proved:
            _tell(one, decimals)
        verdict = f"{open_days} wait for somebody to look at them" if open_days else "every one is accounted for"
        click.echo(f"{sum(row['days'] for row in found)} service-days: {verdict}")
    return 1 if open_days else 0


def _of_operator(operator: str, isp: str | None, month: datetime) -> tuple[list[dict[str, Any]], int]:
    from backhaul.billing.proof import prove_month
    from backhaul.operators.queries import locate_operator
    from backhaul.operators.scope import unit_of_work

    directory, operator_id = locate_operator(f"{isp}/{operator}" if isp else operator)
    today = clock.local_date(clock.now(), directory.time_zone)
    with unit_of_work(directory, operator_id, snapshot=True) as scope:
        classes = prove_month(month_on=month.date(), today=today)
    return [{"operator_id": operator_id, "name": scope.name, "classes": classes}], directory.currency_decimals


def _of_isp(isp: str, month: datetime) -> tuple[list[dict[str, Any]], int]:
    from backhaul.billing.proof import prove_isp
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.operators.scope import unit_of_work

    directory = get_isp_by_slug(isp)
    today = clock.local_date(clock.now(), directory.time_zone)
    with unit_of_work(directory, using="batch", snapshot=True):
        proved = prove_isp(isp_id=directory.isp_id, month_on=month.date(), today=today)
    return proved, directory.currency_decimals


def _tell(one: dict[str, Any], decimals: int) -> None:
    from backhaul.billing.proof import PROOF_WORDS

    click.echo(one["name"])
    for row in one["classes"]:
        mark = "! " if row["group"] == EXCEPTION else "  "
        sums = [
            f"{what} {format_minor(row[key], decimals=decimals)}"
            for key, what in (("net_minor", "billed"), ("charged_minor", "charged"))
            if row.get(key)
        ]
        days, services = row["days"], row["services"]
        figures = f"{days:>8} {_noun('day', days)} of {services} {_noun('service', services)}"
        name = str(PROOF_WORDS.get(row["class"], row["class"]))
        click.echo(f"{mark}{name:<50}{figures}{'  ' if sums else ''}{', '.join(sums)}")


def _noun(name: str, count: int) -> str:
    return name if count == 1 else f"{name}s"
