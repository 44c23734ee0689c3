"""`backhaul down`: stop the server that runs in this home, and only that."""

from __future__ import annotations

import os
import signal
import time

import click

from backhaul.cli.instance import holder
from backhaul.cli.problems import CannotReach
from backhaul.common.home import Home

STOP_SECONDS = 120


@click.command()
def down() -> None:
    """Stop the server that `backhaul up` started in this BACKHAUL_HOME and wait until it is gone."""
    home = Home.from_environment()
    pid = holder(home)
    if pid is None:
        click.echo(f"no Backhaul runs in {home.path}")
        return
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while holder(home) == pid:
        if time.monotonic() > deadline:
            raise CannotReach(f"Backhaul (pid {pid}) did not stop within {STOP_SECONDS} s; see {home.path / 'log'}")
        time.sleep(0.1)
    click.echo(f"stopped Backhaul in {home.path}")
