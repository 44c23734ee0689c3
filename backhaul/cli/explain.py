"""`backhaul explain`: how a bill came about, to be worked out again on a calculator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from backhaul.cli.database import database

if TYPE_CHECKING:
    from backhaul.billing.explain_rules import Explanation, Section
    from backhaul.billing.explain_words import Teller

WIDTH = 92  # of the sentences; amounts stand to the right


@click.command()
@click.option(
    "--operator", required=True, metavar="[ISP/]SLUG", help="Whose bill; with the ISP where SLUG alone is not unique."
)
@click.option("--isp", metavar="SLUG", help="The ISP that the operator belongs to.")
@click.option("--invoice", type=click.IntRange(min=1), required=True, metavar="NUMBER", help="The number of the bill.")
@click.option("--language", type=click.Choice(["en", "bn"]), default="en", help="Language of the sentences.")
def explain(*, operator: str, isp: str | None, invoice: int, language: str) -> int:
    """Say which price held, which days counted and how a bill is worked out, with its entry in the books.

    Exit code 1 where the steps do not give the recorded amount.
    """
    with database():
        from django.utils import timezone, translation

        from backhaul.billing.explain import explain_bill, find_bill_id
        from backhaul.billing.explain_words import Teller
        from backhaul.operators.queries import locate_operator
        from backhaul.operators.scope import unit_of_work

        directory, operator_id = locate_operator(f"{isp}/{operator}" if isp else operator)
        with translation.override(language), timezone.override(ZoneInfo(directory.time_zone)):
            with unit_of_work(directory, operator_id, snapshot=True):
                explanation = explain_bill(find_bill_id(invoice))
            _tell(explanation, Teller(directory.currency_decimals), directory.currency)
    return 1 if explanation.differs else 0


def _tell(explanation: Explanation, teller: Teller, currency: str) -> None:
    click.echo(f"{teller.sentence(explanation.subject)}: {currency} {teller.money(explanation.amount_minor)}")
    for section in explanation.sections:
        _tell_section(section, teller)
    for entry in explanation.entries:
        _tell_entry(entry, teller)


def _tell_section(section: Section, teller: Teller) -> None:
    from backhaul.billing.explain_words import TOTALS

    click.echo(f"\n{teller.heading(section.name, section.values)}")
    for step in section.steps:
        figure = "" if step.minor is None else teller.money(step.minor)
        click.echo(f"  {teller.sentence(step):<{WIDTH}} {figure:>16}".rstrip())
        if step.sum:
            click.echo(f"      {teller.arithmetic(step.sum)}")
    if section.stored_minor is not None:
        click.echo(f"  {TOTALS[section.name]!s:<{WIDTH}} {teller.money(section.total_minor):>16}")
    if section.differs:
        click.echo(f"! recorded: {teller.money(section.stored_minor or 0)}")


def _tell_entry(entry: Any, teller: Teller) -> None:
    from django.utils.translation import gettext

    click.echo(f"\n{entry['effective_on']} {gettext(entry['title'])} · {entry['number']}")
    for line in entry["lines"]:
        name = " · ".join(filter(None, (gettext(line["account"]), line["party"])))
        debit, credit = (teller.money(line[side]) if line[side] else "" for side in ("debit_minor", "credit_minor"))
        click.echo(f"  {name:<60} {debit:>16} {credit:>16}".rstrip())
