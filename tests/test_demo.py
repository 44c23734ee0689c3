"""`backhaul demo`: there after one call, proves itself, keeps what it promises; a second call changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.test import RequestFactory

from backhaul.billing.queries import count_held, get_held_for_own_fund
from backhaul.catalog.services import add_plan
from backhaul.cli.demo import NotTheDemo, fill, fill_if_empty, login_lines
from backhaul.cli.demonstration.cast import PASSWORD
from backhaul.cli.demonstration.leaflet import SHOWN
from backhaul.cli.demonstration.people import RADIUS_PASSWORD
from backhaul.cli.demonstration.script import Script
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import get_isp_by_slug
from backhaul.network.queries import count_online
from backhaul.operators.functions import rows
from backhaul.operators.queries import find_below
from backhaul.operators.scope import survey, unit_of_work
from backhaul.resellers.beginning import Identity
from backhaul.resellers.checks import verify
from backhaul.resellers.services import found_isp
from backhaul.subscribers.queries import count_by_status, search_customers
from conftest import clean

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SCRIPT = Script(customers=40, months=2, now=NOW)
BOOKS = """
    SELECT o.slug, s.code, sum(s.minor)::bigint AS minor
    FROM (SELECT operator_id, debit_code AS code, amount_minor AS minor FROM posting
          UNION ALL SELECT operator_id, credit_code, -amount_minor FROM posting) AS s
    JOIN operator o ON o.id = s.operator_id
    GROUP BY 1, 2 ORDER BY 1, 2
"""
COUNTS = """
    SELECT (SELECT count(*) FROM customer) AS customers, (SELECT count(*) FROM invoice) AS bills,
           (SELECT count(*) FROM payment) AS payments, (SELECT count(*) FROM entry) AS entries,
           (SELECT count(*) FROM block) AS blocks, (SELECT count(*) FROM audit_event) AS events,
           (SELECT count(*) FROM radius_session_live) AS live, (SELECT count(*) FROM radius_session_history) AS past
"""


def quietly(_: date) -> None:
    return None


def stop_on(day: date) -> Callable[[date], None]:
    def interrupt(done: date) -> None:
        if done == day:
            raise KeyboardInterrupt

    return interrupt


def everything() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with survey("cell1"):
        return rows(BOOKS, using="batch"), rows(COUNTS, using="batch")


def within(isp: IspDirectory, slug: str, ask: Callable[[], Any]) -> Any:
    """What an operator itself sees."""
    with unit_of_work(isp):
        operator_id = find_below(slug)
    with unit_of_work(isp, operator_id):
        return ask()


def test_the_demo_proves_itself_shows_what_it_promises_and_stays_as_it_is(
    db: EmbeddedPostgres,
) -> None:
    assert fill(settings.HOME, SCRIPT, progress=quietly)
    padma = get_isp_by_slug("padma")
    assert [check for check in verify(settings.CELLS) if not check.ok] == []
    # one fund runs short, and its provider sees it too
    assert within(padma, "surma", get_held_for_own_fund)["needed_minor"] > 0
    assert within(padma, "padma", count_held)["below"] > 0
    statuses = within(padma, "padma", count_by_status)
    assert statuses["active"] > 5 and statuses["suspended"] >= 1
    online = within(padma, "north", lambda: count_online(now=NOW))
    assert online["online"] > online["offline"] > 0
    # what a newcomer is told is true
    for slug, username, status in (
        ("padma", "demo-padma", "active"),
        ("north", "demo-north", "active"),
        ("riverside", "demo-riverside", "active"),
        ("padma", "demo-walled", "suspended"),
    ):
        found = within(padma, slug, partial(search_customers, username))
        assert [(row["username"], row["status"]) for row in found] == [(username, status)]
    with survey("cell1"):  # somebody who is online already would not be let in
        assert rows("SELECT 1 FROM radius_session_live WHERE username LIKE 'demo-%%'", using="batch") == []
    assert f"password {RADIUS_PASSWORD}" in "\n".join(login_lines())

    assert_everybody_signs_in()
    before = everything()
    assert fill(settings.HOME, Script(100, 1, NOW), progress=quietly) is False
    fill_if_empty()
    told = command(db, "demo")
    assert told.startswith("the demo is there already; nothing was changed\n")
    assert json.loads(command(db, "demo", "--json"))["filled"] is False
    assert everything() == before


def assert_everybody_signs_in() -> None:
    """Everybody on the leaflet, and the bare name where the host name is the ISP's."""
    for name in SHOWN:
        isp = "meghna" if name == "meghna" else "padma"
        user = authenticate(None, username=f"{name}@{isp}", password=PASSWORD)
        assert isinstance(user, User) and not user.must_change_password, name
        with unit_of_work(get_isp_by_slug(isp), user.home_operator_id, user_id=user.pk) as scope:
            assert "dashboard.view" in scope.permissions
    here = RequestFactory().get("/", headers={"host": "localhost:8000"})
    assert authenticate(here, username="padma", password=PASSWORD) is not None
    assert authenticate(here, username="meghna", password=PASSWORD) is None
    assert authenticate(here, username="padma", password="guess") is None


def test_a_demo_that_was_interrupted_is_finished_as_if_it_had_not_been(
    db: EmbeddedPostgres,
) -> None:
    script = Script(customers=30, months=1, now=NOW)
    assert fill(settings.HOME, script, progress=quietly)
    quiet = everything()
    clean(db)
    for day in (date(2026, 11, 1), date(2026, 11, 18)):
        with pytest.raises(KeyboardInterrupt):
            fill(settings.HOME, script, progress=stop_on(day))
        assert login_lines() == []
    assert fill(settings.HOME, Script(500, 9, NOW), progress=quietly)
    assert everything() == quiet


def test_an_isp_of_ones_own_is_left_alone(db: EmbeddedPostgres) -> None:
    with unit_of_work(found_isp(identity=Identity(slug="padma", name="Another Padma"))):
        add_plan(name="Mine", down_kbps=1, up_kbps=1)
    fill_if_empty()
    with pytest.raises(NotTheDemo, match="not the demo's"):
        fill(settings.HOME, SCRIPT, progress=quietly)
    assert everything()[1][0]["customers"] == 0


def command(server: EmbeddedPostgres, *arguments: str) -> str:
    """What the command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "backhaul.cli.main", *arguments],
        env={**os.environ, "DATABASE_URL": server.admin_url.rsplit("/", 1)[0] + "/backhaul"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
