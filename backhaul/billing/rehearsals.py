"""Rehearsals of the days to come that a person asks for: `backhaul rehearse` in a process of its own, watched and kept.

The process makes a database and throws it away, which no role of the pages may do. Kept is the report, of which the ISP
reads what it may know: its own bills and books, and the funds of its direct children.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from tempfile import TemporaryFile
from typing import Any

from django.utils.translation import gettext_noop

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import execute, rows
from backhaul.operators.jobs import enqueue
from backhaul.operators.scope import current_scope, unit_of_work

logger = logging.getLogger(__name__)

BATCH = "batch"
REHEARSE = "backhaul.billing.tasks.rehearse_days"
AHEAD_DAYS = 400
STUCK = timedelta(hours=6)  # one that has not ended by then never will: its server died
TOLD = 500  # characters of why one broke off
OWN_WORD = "backhaul: "  # how the command begins what it says itself
BROKE_OFF = gettext_noop(
    "It broke off. Ask for it again; if it breaks off again, whoever runs the server finds why in the log."
)
_READ = """
    SELECT id, until_on, by_actor_id, asked_at, day_on, ended_at, problem, report::text AS report
    FROM rehearsal WHERE operator_id = %s"""


def request_rehearsal(*, until: date, today: date, now: datetime) -> int:
    """Leave a rehearsal of the acting ISP's days through `until` to a job; returns its id, or that of one under way.

    Raises InvalidInput for days past or too far ahead, NotAllowed for everybody below an ISP.
    """
    scope = current_scope()
    scope.require("bills.run")
    if scope.parent_id is not None:
        raise NotAllowed("The days of the whole tree are rehearsed by the ISP.")
    if not today <= until <= today + timedelta(days=AHEAD_DAYS):
        raise InvalidInput(
            "Choose a day from today on, %(ahead_days)s days ahead at most.", ahead_days=AHEAD_DAYS, field="until"
        )
    under_way = rows(
        "SELECT id FROM rehearsal WHERE operator_id = %s AND ended_at IS NULL AND asked_at > %s ORDER BY id DESC "
        "LIMIT 1",
        [scope.isp_id, now - STUCK],
    )
    if under_way:
        return int(under_way[0]["id"])
    made = rows(
        "INSERT INTO rehearsal (operator_id, until_on, by_actor_id, asked_at) VALUES (%s, %s, %s, %s) RETURNING id",
        [scope.isp_id, until, scope.actor_id, now],
    )
    rehearsal_id = int(made[0]["id"])
    enqueue(REHEARSE, queueing_lock=f"rehearsal:{rehearsal_id}", isp_id=scope.isp_id, rehearsal_id=rehearsal_id)
    return rehearsal_id


def list_rehearsals(*, limit: int = 20) -> list[dict[str, Any]]:
    """The acting ISP's rehearsals, newest first: id, until_on, by_actor_id, asked_at, day_on, ended_at, problem."""
    return rows(f"{_READ} ORDER BY id DESC LIMIT %s", [current_scope().operator_id, limit])


def get_rehearsal(rehearsal_id: int) -> dict[str, Any]:
    """One of them; `report` as `backhaul rehearse --json` writes it, None until it is done; `names` of the operators
    that it calls by their short names. Raises NotFound.
    """
    found = rows(f"{_READ} AND id = %s", [current_scope().operator_id, rehearsal_id])
    if not found:
        raise NotFound("There is no such rehearsal.")
    report = found[0]["report"] and json.loads(found[0]["report"])
    called = [fund["operator"] for fund in report["funds"]] if report else []
    isp_id = current_scope().isp_id
    named = rows("SELECT slug, name FROM operator WHERE isp_id = %s AND slug = ANY (%s)", [isp_id, called])
    return found[0] | {"report": report, "names": {row["slug"]: row["name"] for row in named}}


def carry_out_rehearsal(isp: IspDirectory, *, rehearsal_id: int) -> None:
    """Do a rehearsal that was asked for, noting how far it is. Opens its own units of work."""
    with unit_of_work(isp, using=BATCH):
        asked = rows(f"{_READ} AND id = %s", [isp.isp_id, rehearsal_id], using=BATCH)[0]
    command = [sys.executable, "-m", "backhaul.cli.main", "rehearse", "--isp", isp.slug, "--operator", isp.slug]
    command += ["--until", str(asked["until_on"]), "--json", "--progress"]
    with TemporaryFile("w+") as written:
        with subprocess.Popen(command, stdout=written, stderr=subprocess.PIPE, env=os.environ, text=True) as process:
            assert process.stderr is not None
            said = [line for line in process.stderr if not _noted(isp, rehearsal_id, line)]
        written.seek(0)
        answer = written.read()
    done = answer.startswith("{")
    problem = None if done else _why(said)
    with unit_of_work(isp, using=BATCH):
        execute(
            "UPDATE rehearsal SET ended_at = now(), report = %s, problem = %s WHERE operator_id = %s AND id = %s",
            [answer if done else None, problem, isp.isp_id, rehearsal_id],
            using=BATCH,
        )


def _why(said: list[str]) -> str:
    """The command's own word for what stood in its way; what it says when it crashes is for the log."""
    if said and said[-1].startswith(OWN_WORD):
        return said[-1].removeprefix(OWN_WORD).strip()[:TOLD]
    logger.error("a rehearsal broke off: %s", "".join(said))
    return BROKE_OFF


def _noted(isp: IspDirectory, rehearsal_id: int, line: str) -> bool:
    """Whether a line of the process is a day that it has reached; that is written down."""
    try:
        day = date.fromisoformat(line.strip())
    except ValueError:
        return False
    with unit_of_work(isp, using=BATCH):
        execute(
            "UPDATE rehearsal SET day_on = %s WHERE operator_id = %s AND id = %s",
            [day, isp.isp_id, rehearsal_id],
            using=BATCH,
        )
    return True
