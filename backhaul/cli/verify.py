"""`backhaul verify`: the proof, at any time, that books, funds, bills and caches agree."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from backhaul.cli.database import database
from backhaul.common import clock

if TYPE_CHECKING:
    from backhaul.ledger.checks import Check, Question


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
@click.option(
    "--release", metavar="[ISP/]SLUG", help="Let an operator's stopped books take entries again; needs --reason."
)
@click.option("--reason", help="With --release: why what was found is right as it is.")
def verify(as_json: bool, release: str | None, reason: str | None) -> int:
    """Check all books of all operators: balances, both ends of every edge, sub-ledgers, seals, numbers, conservation.

    `count` is how many things a check looked at. Each operator finds its answers on its own pages. Books that do not
    hold take no postings until they are released; all others go on. Exit code 1 when something is wrong.
    """
    if (release is None) != (reason is None):
        raise click.UsageError("--release and --reason go together.")
    with database():
        if release is not None and reason is not None:
            return _release(release, reason)
        checks = _verify_all()
    ok = all(check.ok for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}, ensure_ascii=False))
    else:
        _tell(checks)
    return 0 if ok else 1


def _verify_all() -> list[Check]:
    from django.conf import settings

    from backhaul.resellers.checks import ALL
    from backhaul.resellers.verification import verify_and_keep

    with click.progressbar(
        length=len(ALL) * len(settings.CELLS),
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
        item_show_func=lambda name: name,
        width=0,
    ) as bar:

        def told(question: Question) -> None:
            bar.update(1, question.name)

        return verify_and_keep(settings.CELLS, now=clock.now(), told=told)


def _tell(checks: list[Check]) -> None:
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = click.style("ok   ", fg="green") if check.ok else click.style("WRONG", fg="red")
        click.echo(f"{mark}  {check.name:<{width}}  {check.count:>10,}  {check.detail}")
    wrong = sum(not check.ok for check in checks)
    good = f"{len(checks)} checks: everything agrees"
    click.echo(f"{wrong} of {len(checks)} checks found something wrong" if wrong else good)


def _release(operator: str, reason: str) -> int:
    from backhaul.resellers.verification import release_books

    release_books(operator=operator, reason=reason, now=clock.now())
    click.echo(f"the books of {operator} take entries again")
    return 0
