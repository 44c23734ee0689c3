"""Long work that a page starts is followed by the bell of the person who started it."""

from __future__ import annotations

import re

from django.test import Client

from backhaul.billing.run_plans import make_plan
from backhaul.common import clock
from backhaul.identity.models import Mail, User
from backhaul.resellers.verification import carry_out_verify
from tests.web.conftest import signed_in
from tests.web.town import Town


def bell(client: Client) -> str:
    return re.sub(r"\s+", " ", client.get("/progress/bell/").content.decode())


def test_a_verification_is_followed_left_and_found_again(town: Town) -> None:
    padma, rival = signed_in("padma"), signed_in("rival")
    started = padma.post("/books/verify/")
    address = started["Location"]
    run_id = int(address.rstrip("/").rpartition("/")[2])
    assert "bh-dot-busy" in bell(padma)
    running = padma.get("/progress/").content.decode()
    job = re.search(r'href="(/progress/\d+/)"', running)
    assert job is not None and 'hx-trigger="every 1s"' in padma.get(job[1]).content.decode()

    User.objects.filter(name="padma").update(email="shirin@example.org")
    assert "Mail me when it is done" in padma.get(job[1]).content.decode()
    assert "shirin@example.org gets a mail" in padma.post(job[1], {"mail": "yes"}).content.decode()
    assert signed_in("north").post(job[1], {"mail": "yes"}).status_code == 404

    carry_out_verify(town.cast.padma, run_id=run_id, now=clock.now())
    assert ">1</span>" in bell(padma)
    assert Mail.objects.get().subject.startswith("Done: ")
    ended = padma.get("/progress/").content.decode()
    assert f'href="{address}"' in ended and "bh-unseen" in ended
    assert "every 1s" not in padma.get(job[1]).content.decode()
    assert "bh-dot" not in bell(rival)

    assert "bh-dot" not in padma.post("/progress/").content.decode()
    assert "bh-unseen" not in padma.get("/progress/").content.decode()


def test_a_dry_run_is_followed_too(town: Town) -> None:
    padma = signed_in("padma")
    today = clock.local_date(clock.now(), "Asia/Dhaka")
    plan_id = int(padma.post("/billing-run/", {"on": today}).headers["Location"].rstrip("/").rpartition("/")[2])
    make_plan(town.cast.padma, plan_id=plan_id, now=clock.now())
    assert "Dry run" in padma.get("/progress/").content.decode()
    assert ">1</span>" in bell(padma)
