"""The `explain` command: what it prints, and its exit codes."""

from __future__ import annotations

import os
import subprocess
import sys

from backhaul.cli.embedded import EmbeddedPostgres
from tests.cast import Cast, fill_funds
from tests.scenarios.days import as_owner
from tests.scenarios.money import night
from tests.scenarios.test_oracles import NOV_1, taken_over


def explain(server: EmbeddedPostgres, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backhaul.cli.main", "explain", *arguments],
        env={**os.environ, "DATABASE_URL": server.admin_url.rsplit("/", 1)[0] + "/backhaul"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_bill_is_told_and_one_that_was_changed_is_found(cast: Cast, db: EmbeddedPostgres) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    told = explain(db, "--isp", "padma", "--operator", "riverside", "--invoice", "1")
    assert told.returncode == 0, told.stderr
    assert "costs 600.00, its first price since it was made." in told.stdout
    assert "What North charged Riverside for it" in told.stdout
    assert "Internet revenue" in told.stdout
    in_bangla = explain(db, "--operator", "padma/riverside", "--invoice", "1", "--language", "bn")
    assert "ইন্টারনেট আয়" in in_bangla.stdout and "Internet revenue" not in in_bangla.stdout
    assert explain(db, "--operator", "padma/riverside", "--invoice", "2").returncode == 1
    as_owner(db, "UPDATE invoice SET net_minor = net_minor + 1, total_minor = total_minor + 1")
    changed = explain(db, "--operator", "padma/riverside", "--invoice", "1")
    assert changed.returncode == 1
    assert "! recorded: 600.01" in changed.stdout
