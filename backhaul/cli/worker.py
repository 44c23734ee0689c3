"""`backhaul worker`: runs background jobs until it is told to stop."""

from __future__ import annotations

import click


@click.command()
@click.option("--concurrency", type=click.IntRange(1, 32), default=2, show_default=True, help="Jobs at a time.")
def worker(concurrency: int) -> None:
    """Run background jobs; finished ones are kept only when they failed."""
    from procrastinate.contrib.django import app

    with app.replace_connector(app.connector.get_worker_connector()) as jobs:  # type: ignore[attr-defined]
        jobs.run_worker(concurrency=concurrency, delete_jobs="successful", name="backhaul")
