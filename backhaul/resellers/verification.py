"""Runs of `verify` that are kept: asked for by the ISP or on the server, watched, answered to each operator.

An operator reads what was found in its own books. Of the books below it the ISP reads which hold, not what is in them.
Books that do not hold take no postings until somebody has looked at them (SPEC §3).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from backhaul.common.errors import NotAllowed, NotFound
from backhaul.identity.models import IspDirectory
from backhaul.identity.queries import list_isps
from backhaul.ledger.checks import QUESTIONS, Answer, Check, Question, ask_cell, sum_up
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.jobs import enqueue
from backhaul.operators.progress import Progress, progress_of
from backhaul.operators.queries import locate_operator
from backhaul.operators.scope import current_scope, retried, unit_of_work
from backhaul.resellers.checks import ALL

BATCH = "batch"
VERIFY = "backhaul.resellers.tasks.verify_isp"
SAYS = {question.name: question.says for question in ALL}
STUCK = timedelta(hours=2)  # a run that has not ended by then never will: its server died
STOPPING = {question.name for question in QUESTIONS}
OF_THE_TREE = {"tree.conserved"}  # sums over all edges, of which nobody below the server sees more than its own


def request_verify(*, now: datetime) -> int:
    """Leave a run over the acting ISP's whole tree to a job; returns its id, or that of one that is under way.

    Raises NotAllowed for everybody below.
    """
    scope = current_scope()
    scope.require("books.view")
    if scope.parent_id is not None:
        raise NotAllowed("The whole tree is verified by your internet provider.")
    under_way = rows(
        "SELECT id FROM verify_run WHERE operator_id = %s AND ended_at IS NULL AND asked_at > %s "
        "ORDER BY id DESC LIMIT 1",
        [scope.isp_id, now - STUCK],
    )
    if under_way:
        return int(under_way[0]["id"])
    run_id = _begin(scope.isp_id, now, actor_id=scope.actor_id, using="default")
    enqueue(VERIFY, queueing_lock=f"verify:{run_id}", isp_id=scope.isp_id, run_id=run_id)
    return run_id


def carry_out_verify(isp: IspDirectory, *, run_id: int, now: datetime) -> None:
    """Do a run that was asked for, noting how far it is. Opens its own units of work."""

    with progress_of(isp, isp.isp_id, f"verify:{run_id}") as progress:
        _carry_out(isp, run_id, now, progress)


def _carry_out(isp: IspDirectory, run_id: int, now: datetime, progress: Progress) -> None:
    def note(answered: int, _question: Question) -> None:
        progress.advance(answered, total=len(ALL))
        with unit_of_work(isp):
            execute("UPDATE verify_run SET questions = %s, answered = %s WHERE operator_id = %s AND id = %s",
                    [len(ALL), answered, isp.isp_id, run_id])  # fmt: skip

    try:
        found = ask_cell(ALL, isp.cell, note)
    except Exception:
        with unit_of_work(isp, using=BATCH):
            execute("UPDATE verify_run SET ended_at = now(), failed = true WHERE operator_id = %s AND id = %s",
                    [isp.isp_id, run_id], using=BATCH)  # fmt: skip
        raise
    _keep(isp, run_id, found, now)


def verify_and_keep(
    cells: Iterable[str], *, now: datetime, told: Callable[[Question], None] = lambda _question: None
) -> list[Check]:
    """Verify whole cells, and keep for each ISP in them what concerns it; the sums over all of them.

    `told` is called before each question to each cell. Opens its own units of work.
    """
    answers: list[Answer] = []
    for cell in cells:
        found = ask_cell(ALL, cell, lambda _answered, question: told(question))
        for isp in list_isps():
            if isp.cell == cell:
                _keep(isp, _begun(isp, now), found, now)
        answers += found
    return sum_up(ALL, answers)


def release_books(*, operator: str, reason: str, now: datetime) -> None:
    """Stopped books take entries again; `operator` as [ISP/]SLUG. For commands run on the server.

    What was found so far does not stop them again; anything else does. Raises NotFound, InvalidInput.
    """
    isp, operator_id = locate_operator(operator)
    with unit_of_work(isp, operator_id, using=BATCH):
        call("release_books", BATCH, operator=operator_id, reason=reason, at=now)


def get_verify_run(run_id: int) -> dict[str, Any]:
    """A run of the acting ISP: asked_at, ended_at, failed, questions, answered, by_actor_id, and `answers`: name, says,
    operators (short names of those whose books do not hold), looked and examples (of its own). Raises NotFound.
    """
    scope = current_scope()
    found = rows(
        "SELECT id, by_actor_id, asked_at, ended_at, failed, questions, answered, answers::text AS answers "
        "FROM verify_run WHERE operator_id = %s AND id = %s",
        [scope.operator_id, run_id],
    )
    if not found:
        raise NotFound("There is no such run.")
    own = {answer["name"]: answer for answer in _own_answers(run_id)}
    nothing = {"looked": 0, "examples": []}
    answers = [
        own.get(answer["name"], nothing) | answer | {"says": SAYS.get(answer["name"], answer["name"])}
        for answer in json.loads(found[0]["answers"])
    ]
    return found[0] | {"answers": answers, "wrong": sum(bool(answer["operators"]) for answer in answers)}


def list_verify_runs(*, limit: int = 50) -> list[dict[str, Any]]:
    """The acting ISP's runs, newest first: id, asked_at, ended_at, failed, questions, answered, wrong (questions)."""
    return rows(
        "SELECT id, by_actor_id, asked_at, ended_at, failed, questions, answered, "
        "(SELECT count(*) FROM jsonb_array_elements(answers) AS a WHERE a -> 'operators' <> '[]') AS wrong "
        "FROM verify_run WHERE operator_id = %s ORDER BY id DESC LIMIT %s",
        [current_scope().operator_id, limit],
    )


def list_own_verifications(*, limit: int = 50) -> list[dict[str, Any]]:
    """What runs found in the acting operator's own books, newest first: run_id, ended_at, wrong (questions)."""
    return rows(
        "SELECT run_id, ended_at, wrong FROM verify_answer WHERE operator_id = %s ORDER BY run_id DESC LIMIT %s",
        [current_scope().operator_id, limit],
    )


def get_own_verification(run_id: int) -> dict[str, Any]:
    """What one run found in the acting operator's own books: ended_at, wrong, answers (name, says, looked, wrong,
    examples). Raises NotFound.
    """
    found = rows(
        "SELECT run_id, ended_at, wrong FROM verify_answer WHERE operator_id = %s AND run_id = %s",
        [current_scope().operator_id, run_id],
    )
    if not found:
        raise NotFound("There is no such run.")
    answers = [answer | {"says": SAYS.get(answer["name"], answer["name"])} for answer in _own_answers(run_id)]
    return found[0] | {"answers": answers}


def _own_answers(run_id: int) -> list[dict[str, Any]]:
    found = rows(
        "SELECT answers::text AS answers FROM verify_answer WHERE operator_id = %s AND run_id = %s",
        [current_scope().operator_id, run_id],
    )
    answers: list[dict[str, Any]] = json.loads(found[0]["answers"]) if found else []
    return answers


def _begin(isp_id: int, now: datetime, *, actor_id: int, using: str) -> int:
    made = rows(
        "INSERT INTO verify_run (operator_id, by_actor_id, asked_at, questions) VALUES (%s, %s, %s, %s) RETURNING id",
        [isp_id, actor_id, now, len(ALL)],
        using=using,
    )
    return int(made[0]["id"])


def _begun(isp: IspDirectory, now: datetime) -> int:
    """A run that no person asked for."""
    with unit_of_work(isp, using=BATCH):
        return _begin(isp.isp_id, now, actor_id=0, using=BATCH)


def _keep(isp: IspDirectory, run_id: int, found: list[Answer], now: datetime) -> None:
    """Write down what concerns an ISP, and stop the books that do not hold, in one transaction."""
    retried(lambda: _keep_once(isp, run_id, found, now))


def _keep_once(isp: IspDirectory, run_id: int, found: list[Answer], now: datetime) -> None:
    with unit_of_work(isp, using=BATCH):
        slugs = {
            row["id"]: row["slug"]
            for row in rows(
                "SELECT o.id, o.slug FROM operator o JOIN books b ON b.operator_id = o.id WHERE o.isp_id = %s",
                [isp.isp_id],
                using=BATCH,
            )
        }
        mine = [answer for answer in found if answer.operator_id in slugs]
        execute(
            "UPDATE verify_run SET ended_at = now(), questions = %s, answered = %s, answers = %s "
            "WHERE operator_id = %s AND id = %s",
            [len(ALL), len(ALL), json.dumps(_summary(mine, slugs)), isp.isp_id, run_id],
            using=BATCH,
        )
        for operator_id in slugs:
            _answer(operator_id, run_id, [answer for answer in mine if answer.operator_id == operator_id], now)


def _summary(answers: list[Answer], slugs: dict[int, str]) -> list[dict[str, Any]]:
    broken: dict[str, list[str]] = defaultdict(list)
    for answer in answers:
        if answer.wrong:
            broken[answer.name].append(slugs[answer.operator_id or 0])
    return [{"name": question.name, "operators": sorted(broken[question.name])} for question in ALL]


def _answer(operator_id: int, run_id: int, answers: list[Answer], now: datetime) -> None:
    told = [
        {"name": a.name, "looked": a.looked, "wrong": a.wrong, "examples": () if a.name in OF_THE_TREE else a.examples}
        for a in answers
    ]
    execute(
        "INSERT INTO verify_answer (operator_id, run_id, ended_at, wrong, answers) VALUES (%s, %s, now(), %s, %s)",
        [operator_id, run_id, sum(a.wrong > 0 for a in answers), json.dumps(told)],
        using=BATCH,
    )
    broken = [what for a in answers if a.name in STOPPING for what in a.told()]
    if broken:
        call("stop_books", BATCH, operator=operator_id, why="; ".join(broken), at=now)
