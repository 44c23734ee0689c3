"""`backhaul export-books`: books with their seals and heads, as a file that anybody can check."""

from __future__ import annotations

from typing import TextIO

import click

from backhaul.cli.database import database
from backhaul.common import clock


@click.command()
@click.option("--isp", required=True, metavar="SLUG", help="Which ISP.")
@click.option("--operator", metavar="SLUG", help="Whose books alone; default: those of the whole tree.")
@click.argument("file", type=click.File("w", encoding="utf-8", atomic=True))
def export_books(isp: str, operator: str | None, file: TextIO) -> None:
    """Write every entry, posting, seal and daily head to FILE (- = standard output), seen at one instant.

    `backhaul check-books FILE` checks it on any computer.
    """
    with database():
        from backhaul.common.errors import NotFound
        from backhaul.identity.queries import get_isp_by_slug
        from backhaul.ledger.books_export import write_books
        from backhaul.operators.functions import rows
        from backhaul.operators.scope import unit_of_work

        directory = get_isp_by_slug(isp)
        with unit_of_work(directory, using="batch", snapshot=True):
            operators = rows(
                "SELECT o.id, o.slug, o.name FROM operator o JOIN books b ON b.operator_id = o.id "
                "WHERE o.isp_id = %s AND COALESCE(o.slug = %s, true) ORDER BY o.path",
                [directory.isp_id, operator],
                using="batch",
            )
            if not operators:
                raise NotFound(
                    "There is no operator “%(operator)s” of %(isp)s.", operator=operator, isp=isp, field="operator"
                )
            for line in write_books(operators, isp=isp, at=clock.now(), using="batch"):
                file.write(line)
