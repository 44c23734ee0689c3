"""`backhaul verify`: the proof, at any time, that books, funds, bills and caches agree."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from backhaul.cli.database import database


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of a table.")
def verify(as_json: bool) -> int:
    """Check all books of all operators: balances, both ends of every edge, sub-ledgers, seals, numbers, conservation.

    `count` is how many things a check looked at. Exit code 1 when something is wrong.
    """
    with database():
        from django.conf import settings

        from backhaul.resellers.checks import verify as verify_cells

        checks = verify_cells(settings.CELLS)
    ok = all(check.ok for check in checks)
    if as_json:
        click.echo(json.dumps({"ok": ok, "checks": [asdict(check) for check in checks]}, ensure_ascii=False))
        return 0 if ok else 1
    width = max(len(check.name) for check in checks)
    for check in checks:
        mark = click.style("ok   ", fg="green") if check.ok else click.style("WRONG", fg="red")
        click.echo(f"{mark}  {check.name:<{width}}  {check.count:>10,}  {check.detail}")
    wrong = sum(not check.ok for check in checks)
    click.echo(
        f"{len(checks)} checks: everything agrees" if ok else f"{wrong} of {len(checks)} checks found something wrong"
    )
    return 0 if ok else 1
