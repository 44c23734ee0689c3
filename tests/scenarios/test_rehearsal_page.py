"""A rehearsal that a person of the ISP asks for: done by a job, watched, and read with what the ISP may know."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from backhaul.billing.rehearsals import (
    AHEAD_DAYS,
    BROKE_OFF,
    REHEARSE,
    carry_out_rehearsal,
    get_rehearsal,
    list_rehearsals,
    request_rehearsal,
)
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators.functions import rows
from tests.builders import acting
from tests.cast import CELL, Cast
from tests.scenarios.rehearsal import DAY, fingerprint, scratches, settle

NOW = datetime.now(UTC)
TODAY = NOW.date()
UNTIL = TODAY + 3 * DAY


@pytest.fixture
def town(cast: Cast, db: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> Cast:
    """The cast with customers and funds; a server whose worker may make databases."""
    settle(cast)
    monkeypatch.setenv("DATABASE_URL", db.admin_url.removesuffix("/postgres") + "/backhaul")
    return cast


def asked(cast: Cast) -> int:
    with acting(cast.padma):
        return request_rehearsal(until=UNTIL, today=TODAY, now=NOW)


def test_what_was_asked_for_is_done_and_says_what_the_isp_may_know(town: Cast, db: EmbeddedPostgres) -> None:
    rehearsal_id = asked(town)
    assert asked(town) == rehearsal_id  # one at a time
    with acting(town.padma):
        assert len(rows("SELECT 1 FROM procrastinate_jobs WHERE task_name = %s", [REHEARSE])) == 1
        waiting = get_rehearsal(rehearsal_id)
    assert (waiting["ended_at"], waiting["report"], waiting["day_on"]) == (None, None, None)
    before = fingerprint(db)
    carry_out_rehearsal(town.padma, rehearsal_id=rehearsal_id)
    with acting(town.padma):
        done = get_rehearsal(rehearsal_id)
    assert (done["problem"], done["day_on"]) == (None, UNTIL)
    report = done["report"]
    assert {fund["operator"] for fund in report["funds"]} == {"north", "rival"}
    assert {row["operator"] for row in report["months"]} == {"padma"}
    assert "riverside" not in json.dumps(report)
    assert done["names"] == {"north": "North", "rival": "Rival"}
    after = fingerprint(db)
    assert {name for name in after if after[name] != before[name]} == {f"{CELL}.rehearsal"}
    assert scratches(db) == []


def test_one_that_breaks_off_says_why(town: Cast, db: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal_id = asked(town)
    monkeypatch.setenv("DATABASE_URL", "postgresql://127.0.0.1:1/backhaul")
    carry_out_rehearsal(town.padma, rehearsal_id=rehearsal_id)
    with acting(town.padma):
        found = list_rehearsals()[0]
    assert found["ended_at"] is not None and found["report"] is None
    assert found["problem"].startswith("the database cannot be reached")


def test_a_crash_is_told_in_the_log_and_not_to_people(town: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal_id = asked(town)
    monkeypatch.setenv("BACKHAUL_CELLS", "none")  # no number: the process ends with a trace before it can say anything
    carry_out_rehearsal(town.padma, rehearsal_id=rehearsal_id)
    with acting(town.padma):
        assert list_rehearsals()[0]["problem"] == BROKE_OFF


def test_who_may_not_and_which_days_may_not(town: Cast) -> None:
    with acting(town.padma, town.north), pytest.raises(NotAllowed):
        request_rehearsal(until=UNTIL, today=TODAY, now=NOW)
    with acting(town.padma):
        for until in (TODAY - DAY, TODAY + (AHEAD_DAYS + 1) * DAY):
            with pytest.raises(InvalidInput):
                request_rehearsal(until=until, today=TODAY, now=NOW)
    rehearsal_id = asked(town)
    with acting(town.meghna), pytest.raises(NotFound):
        get_rehearsal(rehearsal_id)
