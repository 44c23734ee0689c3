"""`backhaul bench`: measures a part against its floor, both sides in one run (ARCHITECTURE §7)."""

from __future__ import annotations

import importlib
import json
from typing import Any

import click

BENCHES = {
    "billing": "Bill a month for all customers, against inserting the same rows without guards.",
    "payments": "One payment at a time from 8 clients, against pgbench's TPC-B.",
    "statements": "Statements of a three-year book of five million postings, against a scan of them.",
    "asof": "What an account held on a day, at a million postings, against a scan of them.",
    "correction": "Rows that an entry dated back writes, with up to 100,000 entries after it, against none.",
    "verify": "A proof of everything at a million postings, against one scan of them.",
    "pages": "The busiest pages at a million customers, against their budget of 150 ms.",
    "documents": "Bills printed from the database into one PDF, against typesetting alone of the same pages.",
    "authorize": "RADIUS logins, against the stock FreeRADIUS SQL schema.",
}


@click.command()
@click.argument("name", type=click.Choice(sorted(BENCHES)))
@click.option("--customers", type=click.IntRange(1_000, 5_000_000), help="How many customers the bench data has.")
@click.option("--pairs", type=click.IntRange(1, 25), help="How many interleaved pairs; the ratio is their median.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(*, name: str, customers: int | None, pairs: int | None, as_json: bool) -> int:
    """Measure NAME on a throw-away server of its own, with durable commits; the live database is not touched."""
    module = importlib.import_module(f"backhaul.cli.bench_{name}")
    sizes = {key: value for key, value in (("customers", customers), ("pairs", pairs)) if value is not None}
    if not as_json:
        click.echo(BENCHES[name], err=True)
    report: dict[str, Any] = module.run(**sizes)
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False))
        return 0
    click.echo(f"{name}: {report['figure']:,} {report['unit']}, {report['ratio']} of {report['against']}")
    click.echo(f"pairs {report['pairs']}, size {report['size']:,}, {report['wall_s']} s, {report['rss_mb']} MB")
    for part, ratio in report.get("ratios", {}).items():
        click.echo(f"  {part}: {ratio}")
    return 0
