"""Long work tells how far it is while it goes on, to the person who started it and to nobody else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.identity.models import Mail, User
from backhaul.operators.progress import (
    count_jobs,
    drop_old_jobs,
    get_job,
    list_jobs,
    mark_seen,
    progress_of,
    start_progress,
    want_mail,
)
from backhaul.operators.scope import unit_of_work
from tests.builders import NOON, acting
from tests.cast import Cast


def start(cast: Cast, **given: object) -> int:
    with acting(cast.padma, cast.north) as scope:
        assert scope.actor_id == 0
        return start_progress(task="export", label="Customers", now=NOON, **given)  # type: ignore[arg-type]


def seen_by_a_page(cast: Cast, job: int) -> tuple[dict[str, Any], dict[str, int]]:
    """What another request, with a connection of its own, reads meanwhile."""

    def look() -> tuple[dict[str, Any], dict[str, int]]:
        try:
            with acting(cast.padma, cast.north):
                return get_job(job), count_jobs()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as page:
        return page.submit(look).result()


def test_what_a_job_tells_is_seen_while_its_own_transaction_is_open(cast: Cast) -> None:
    job = start(cast)
    with progress_of(cast.padma, cast.north, job) as progress:
        with unit_of_work(cast.padma, cast.north, using="batch"):
            progress.advance(30, total=120)
            running, counted = seen_by_a_page(cast, job)
            assert (running["done"], running["total"], running["percent"]) == (30, 120, 25)
            assert counted == {"unseen": 0, "running": 1}
        progress.says("120 rows", link="/files/1/")
    with acting(cast.padma, cast.north):
        ended = get_job(job)
        assert (ended["outcome"], ended["done"], ended["said"]) == ("done", 120, "120 rows")
        assert ended["link"] == "/files/1/"
        assert count_jobs() == {"unseen": 1, "running": 0}
        mark_seen(now=NOON)
        assert count_jobs() == {"unseen": 0, "running": 0}


def test_a_job_that_breaks_off_says_why_and_one_begun_again_runs(cast: Cast) -> None:
    job = start(cast, key="run:17")
    with pytest.raises(InvalidInput), progress_of(cast.padma, cast.north, "run:17"):
        raise InvalidInput("The file has no rows.")
    with acting(cast.padma, cast.north):
        assert (get_job(job)["outcome"], get_job(job)["said"]) == ("failed", "The file has no rows.")
    with pytest.raises(ZeroDivisionError), progress_of(cast.padma, cast.north, "run:17"):
        with acting(cast.padma, cast.north):
            assert get_job(job)["outcome"] is None
        raise ZeroDivisionError("of no use to a person")
    with acting(cast.padma, cast.north):
        assert (get_job(job)["outcome"], get_job(job)["said"]) == ("failed", "")


def test_nobody_else_sees_the_work_of_a_person(cast: Cast) -> None:
    job = start(cast)
    for operator in (cast.padma.isp_id, cast.riverside, cast.rival):
        with acting(cast.padma, operator):
            assert list_jobs() == []
            with pytest.raises(NotFound):
                get_job(job)


def test_work_is_forgotten_after_thirty_days(cast: Cast) -> None:
    start(cast)
    assert drop_old_jobs(cast.padma, now=NOON + timedelta(days=30)) == 0
    assert drop_old_jobs(cast.meghna, now=NOON + timedelta(days=31)) == 0
    assert drop_old_jobs(cast.padma, now=NOON + timedelta(days=31)) == 1


def test_who_wants_it_gets_a_mail_at_the_end(cast: Cast) -> None:
    person = User.objects.get(name="north", isp_id=cast.padma.isp_id)
    User.objects.filter(pk=person.pk).update(email="north@example.org")
    for wanted in (True, False):
        with acting(cast.padma, cast.north, user_id=person.pk):
            job = start_progress(task="export", label="Customers", now=NOON)
            want_mail(job_id=job, wanted=wanted)
        with progress_of(cast.padma, cast.north, job) as progress:
            progress.says("120 rows")
    assert [(mail.address, mail.subject) for mail in Mail.objects.all()] == [("north@example.org", "Done: Customers")]
