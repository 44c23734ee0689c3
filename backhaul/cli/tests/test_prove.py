"""The `prove` command: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import date

from backhaul.cli.embedded import EmbeddedPostgres
from tests.cast import Cast, fill_funds
from tests.scenarios.money import night
from tests.scenarios.test_oracles import taken_over


def prove(server: EmbeddedPostgres, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "backhaul.cli.main", "prove", *arguments],
        env={**os.environ, "DATABASE_URL": server.admin_url.rsplit("/", 1)[0] + "/backhaul"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_prove_tells_days_and_money_of_one_and_days_of_all(cast: Cast, db: EmbeddedPostgres) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside, date(2026, 4, 1))
    taken_over(cast, cast.rival, date(2026, 4, 1))  # without funds: held
    night(cast, date(2026, 4, 1))
    one = prove(db, "--operator", "padma/riverside", "--month", "2026-04")
    assert one.returncode == 0, one.stderr
    assert "30 days of 1 service  billed 600.00, charged 450.00" in one.stdout
    assert "every one is accounted for" in one.stdout
    every = prove(db, "--isp", "padma", "--month", "2026-04", "--json")
    found = json.loads(every.stdout)
    assert (every.returncode, found["exceptions"]) == (1, 30)
    by_name = {one["slug"]: {row["class"]: row["days"] for row in one["classes"]} for one in found["operators"]}
    assert by_name == {"padma": {}, "north": {}, "riverside": {"billed": 30}, "rival": {"held_own": 30}}
    assert "net_minor" not in every.stdout
    assert prove(db, "--month", "2026-04").returncode == 2
