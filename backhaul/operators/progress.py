"""Long work and how far it is: started behind a page, left alone, and told of when it ends (SPEC B6, issue 5).

The page calls start_progress in the transaction that queues the job; the job goes through progress_of:

    with progress_of(isp, operator_id, progress_id) as progress:
        for n, part in enumerate(parts, start=1):
            work_on(part)
            progress.advance(n, total=len(parts))
        progress.says("1,200 bills as one file", link="/documents/17/")

Leaving the block ends it as done; an exception ends it as failed, and goes on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connections, transaction
from django.utils.translation import gettext as _

from backhaul.common import clock
from backhaul.common.errors import NotFound, Refusal
from backhaul.identity.mails import queue_mail
from backhaul.identity.models import IspDirectory, User
from backhaul.operators.announce import CHANNEL, announce, jobs_of
from backhaul.operators.branding import OperatorBrand, brand_of
from backhaul.operators.functions import Ask, execute, rows
from backhaul.operators.scope import current_scope, unit_of_work

BATCH = "batch"
KEPT = timedelta(days=30)
STEP_SECONDS = 0.5
_COLUMNS = "id, task, label, link, done, total, started_at, finished_at, outcome, said, seen_at, by_mail"
_COLUMNS += ", CASE WHEN total > 0 THEN LEAST(done * 100 / total, 100) END AS percent"


def start_progress(
    *, task: str, label: str, now: datetime, total: int | None = None, link: str = "", key: str = ""
) -> int:
    """Note that the acting person started some work; returns the id under which the job tells how far it is.

    `task`: what sort of work, a word of words.py "job"; `label`: which one. `link`: the page of what comes out of it.
    `key`: what the job calls it itself, for jobs that are not told the id. Somebody else who starts the same work while
    it goes on is told too; the same person is told once.
    """
    scope = current_scope()
    running = rows(
        "SELECT id FROM job_progress WHERE operator_id = %s AND work_key = %s AND work_key <> '' AND user_id = %s "
        "AND finished_at IS NULL",
        [scope.operator_id, key, scope.actor_id],
    )
    if running:
        return int(running[0]["id"])
    made = rows(
        "INSERT INTO job_progress (operator_id, user_id, task, label, work_key, link, total, started_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [scope.operator_id, scope.actor_id, task, label, key, link, total, now],
    )
    announce(jobs_of(scope.actor_id))
    return int(made[0]["id"])


def note_done(*, user_id: int, task: str, label: str, link: str, now: datetime) -> None:
    """Tell a person of the acting operator, behind the bell, of something that has happened; as start_progress."""
    execute(
        "INSERT INTO job_progress (operator_id, user_id, task, label, link, started_at, finished_at, outcome) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, 'done')",
        [current_scope().operator_id, user_id, task, label, link, now, now],
    )
    announce(jobs_of(user_id))


class Progress:
    """How far a job is. What it tells is committed at once, whatever becomes of the transaction that the job is in."""

    def __init__(self, isp: IspDirectory, operator_id: int, job: int | str) -> None:
        self._cell, self._operator_id, self._job = isp.cell, operator_id, job
        self._connection = connections.create_connection(BATCH)
        self._told_at = -STEP_SECONDS
        self._said, self._link = "", ""

    def advance(self, done: int, *, total: int | None = None) -> None:
        """Tell how much is done; not more often than twice a second."""
        now = time.monotonic()
        if now - self._told_at >= STEP_SECONDS:
            self._told_at = now
            self._update("done = %s, total = COALESCE(%s, total)", [max(done, 0), total])

    def says(self, said: str, *, link: str = "") -> None:
        """What the person reads at the end, and the page that it leads to."""
        self._said, self._link = said, link

    def _begin(self) -> None:
        self._update("finished_at = NULL, outcome = NULL, said = ''", [])  # a job that broke off is begun again

    def _end(self, outcome: str, said: str) -> None:
        now = clock.now()
        ended = self._update(
            "finished_at = %s, outcome = %s, said = %s, link = COALESCE(NULLIF(%s, ''), link), "
            "done = CASE WHEN %s = 'done' THEN COALESCE(total, done) ELSE done END",
            [now, outcome, said, self._link, outcome],
            tell=True,
        )
        for user_id, label, by_mail, *_rest in ended:
            if by_mail:
                _mail(user_id, self._brand(), (outcome, label, said), now)

    def _brand(self) -> OperatorBrand:
        """The operator's, whatever unit of work is open or none."""
        with transaction.atomic(using=BATCH):
            execute(f"SET LOCAL search_path = {self._cell}, public, ext", using=BATCH)
            return brand_of(self._operator_id, using=BATCH)

    def _update(self, what: str, values: list[Any], *, tell: bool = False) -> list[tuple[Any, ...]]:
        column = "id" if isinstance(self._job, int) else "work_key"
        assert self._cell.isidentifier()
        told = "user_id, label, by_mail, "
        told += "pg_notify(%s, format('%%s jobs:%%s', operator_id, user_id))" if tell else "id"
        # the statements of one message are one transaction
        with self._connection.cursor() as cursor:
            cursor.execute(
                f"SET LOCAL search_path = {self._cell}, public, ext; "
                f"UPDATE job_progress SET {what} WHERE operator_id = %s AND {column} = %s RETURNING {told}",
                [*values, self._operator_id, self._job, *([CHANNEL] if tell else [])],
            )
            cursor.nextset()
            return list(cursor.fetchall())


@contextmanager
def progress_of(isp: IspDirectory, operator_id: int, job: int | str) -> Iterator[Progress]:
    """The progress of a job by the id that start_progress returned, or by its key; nothing where nobody watches it."""
    progress = Progress(isp, operator_id, job)
    try:
        progress._begin()
        yield progress
    except BaseException as error:
        progress._end("failed", error.message if isinstance(error, Refusal) else "")
        raise
    else:
        progress._end("done", progress._said)
    finally:
        progress._connection.close()


def _mail(user_id: int, brand: OperatorBrand, ended: tuple[str, str, str], now: datetime) -> None:
    """Tell a person who asked for it by mail, if it has an address and did not get too many already."""
    user = User.objects.filter(pk=user_id, is_active=True).exclude(email="").first()
    if user is None:
        return
    outcome, label, said = ended
    subject = _("Done: %s") if outcome == "done" else _("Not done: %s")
    body = (
        _("What you left to the server has ended.")
        if outcome == "done"
        else _("What you left to the server broke off.")
    )
    lines = [body, "", label, said, "", _("You find it in the console, behind the bell.")]
    queue_mail(user, to=user.email, sender_name=brand.sender, reply_to=brand.reply_to, subject=subject % label,
               body="\n".join(lines), now=now)  # fmt: skip


def want_mail(*, job_id: int, wanted: bool) -> None:
    """Whether the acting person gets a mail when this work of its own ends. Raises NotFound."""
    get_job(job_id)
    execute("UPDATE job_progress SET by_mail = %s WHERE operator_id = %s AND user_id = %s AND id = %s",
            [wanted, *_me(), job_id])  # fmt: skip


def list_jobs(*, limit: int = 50) -> list[dict[str, Any]]:
    """The acting person's own work, the latest first, with `percent` (None: nobody knows how much there is)."""
    return rows(
        f"SELECT {_COLUMNS} FROM job_progress WHERE operator_id = %s AND user_id = %s ORDER BY id DESC LIMIT %s",
        [*_me(), limit],
    )


def get_job(job_id: int) -> dict[str, Any]:
    """One piece of the acting person's own work; raises NotFound."""
    found = rows(
        f"SELECT {_COLUMNS} FROM job_progress WHERE operator_id = %s AND user_id = %s AND id = %s", [*_me(), job_id]
    )
    if not found:
        raise NotFound("There is no such work of yours.")
    return found[0]


def count_jobs() -> dict[str, int]:
    """For the bell: `unseen` ended pieces of the acting person's work, and `running` ones."""
    return ask_jobs().rows()[0]


def ask_jobs() -> Ask:
    """For what count_jobs returns."""
    return Ask(
        "SELECT count(*) FILTER (WHERE finished_at IS NOT NULL AND seen_at IS NULL) AS unseen, "
        "count(*) FILTER (WHERE finished_at IS NULL) AS running FROM job_progress "
        "WHERE operator_id = %s AND user_id = %s",
        _me(),
    )


def mark_seen(*, now: datetime, job_id: int | None = None) -> None:
    """The acting person has seen how its work (default: all of it) ended."""
    execute(
        "UPDATE job_progress SET seen_at = %s WHERE operator_id = %s AND user_id = %s AND seen_at IS NULL "
        "AND finished_at IS NOT NULL AND (%s::bigint IS NULL OR id = %s)",
        [now, *_me(), job_id, job_id],
    )


def drop_old_jobs(isp: IspDirectory, *, now: datetime) -> int:
    """Forget work of an ISP's tree that was started more than 30 days ago; how many pieces."""
    with unit_of_work(isp, using=BATCH):
        return execute(
            "DELETE FROM job_progress WHERE started_at < %s "
            "AND operator_id IN (SELECT id FROM operator WHERE isp_id = %s)",
            [now - KEPT, isp.isp_id],
            using=BATCH,
        )


def _me() -> list[int]:
    scope = current_scope()
    return [scope.operator_id, scope.actor_id]
