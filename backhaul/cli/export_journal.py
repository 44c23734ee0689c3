"""`backhaul export-journal`: an operator's whole journal for hledger or beancount."""

from __future__ import annotations

from typing import TextIO

import click

from backhaul.cli.database import database


@click.command()
@click.option(
    "--operator", required=True, metavar="[ISP/]SLUG", help="Whose books; with the ISP where SLUG alone is not unique."
)
@click.option("--isp", metavar="SLUG", help="The ISP that the operator belongs to.")
@click.option("--format", "style", type=click.Choice(["hledger", "beancount"]), required=True)
@click.option(
    "--out",
    type=click.File("w", encoding="utf-8", atomic=True),
    default="-",
    help="File to write; default: standard output.",
)
def export_journal(operator: str, isp: str | None, style: str, out: TextIO) -> None:
    """Write the journal of one operator's books with its chart of accounts, and assert every balance at its end."""
    with database():
        from backhaul.ledger.journal_text import write_journal
        from backhaul.operators.queries import locate_operator
        from backhaul.operators.scope import unit_of_work

        directory, operator_id = locate_operator(f"{isp}/{operator}" if isp else operator)
        with unit_of_work(directory, operator_id, snapshot=True):
            for piece in write_journal(style):
                out.write(piece)
