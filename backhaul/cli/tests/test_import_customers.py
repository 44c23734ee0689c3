"""`backhaul import-customers` as it is called: what it prints, what it returns, what it leaves in the database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.functions import rows
from tests.builders import acting
from tests.cast import Cast

DATA = Path(__file__).resolve().parents[3] / "tests" / "data"


class Command:
    """The command against the test server."""

    def __init__(self, server: EmbeddedPostgres) -> None:
        self.environment = {**os.environ, "DATABASE_URL": server.admin_url.rsplit("/", 1)[0] + "/backhaul"}

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "backhaul.cli.main", "import-customers", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def command(server: EmbeddedPostgres) -> Command:
    return Command(server)


def test_a_dirty_file_is_refused_row_by_row_and_imported_without_them_on_request(cast: Cast, command: Command) -> None:
    file = str(DATA / "customers-dirty.csv")
    refused = command(file, "--operator", "padma/rival", "--on", "2026-10-29", "--json")
    report = json.loads(refused.stdout)
    expected = json.loads((DATA / "customers-dirty.expected.json").read_text())["bad"]
    assert refused.returncode == 1
    assert {str(problem["row"]): problem["reason"] for problem in report["problems"]} == expected
    assert (report["refused"], report["imported"], report["bad"]) == (True, 0, 12)
    told = command(file, "--operator", "rival", "--on", "2026-10-29", "--skip-bad")
    assert told.returncode == 0
    assert "row 5, mobile: mobile: “12” is not a mobile number; write it like 01711000000." in told.stdout
    assert "1000 rows: 988 good, 12 bad" in told.stdout
    assert "imported 988 customers for rival" in told.stdout
    with acting(cast.padma, cast.rival):
        assert rows("SELECT count(*) AS n FROM customer") == [{"n": 988}]


def test_a_clean_file_is_tried_then_imported(cast: Cast, command: Command) -> None:
    file = str(DATA / "customers-riverside.csv")
    tried = command(file, "--operator", "riverside", "--on", "2026-10-29", "--dry-run")
    assert (tried.returncode, tried.stdout.splitlines()[-1]) == (0, "nothing was imported: this was a dry run")
    done = command(file, "--operator", "padma/riverside", "--on", "2026-10-29")
    assert done.returncode == 0
    assert "300 rows: 300 good, 0 bad; 113 opening dues: " in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("customers-north.csv", "--operator", "nobody"), 1, "There is no operator “nobody”"),
        (
            ("customers-north.csv", "--operator", "delta/north"),
            1,
            "There is no ISP “delta” on this server (there is: meghna, padma)",
        ),
        (("customers-dirty.expected.json", "--operator", "north"), 1, "lacks columns: name, username"),
        (("absent.csv", "--operator", "north"), 2, "does not exist"),
        (("customers-north.csv", "--operator", "north", "--on", "29/10/2026"), 2, "does not match the format"),
    ],
)
def test_what_cannot_be_done_is_one_clear_line(
    cast: Cast, command: Command, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = command(str(DATA / arguments[0]), *arguments[1:])
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and len(done.stderr.splitlines()) == 1
