"""The first run: whoever has the key of an empty server founds its ISP, once, and finds what to do next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from backhaul.catalog.queries import get_vat, list_packages_offered
from backhaul.common import clock
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import get_isp_by_slug
from backhaul.ledger.periods import get_books
from backhaul.resellers.beginning import Identity
from backhaul.resellers.first_steps import NEW_DAYS
from backhaul.resellers.services import found_isp
from backhaul.subscribers.queries import get_numbering
from tests.builders import PASSWORD, acting
from tests.cast import Cast, fill_funds
from tests.web.conftest import signed_in

COMPANY = {"name": "Lake Net", "slug": "lake", "time_zone": "Asia/Dhaka", "currency": "bdt", "month": "4",
           "phone": "01711000000"}  # fmt: skip
COUNTING = {"prefix": "LK-", "digits": "5", "vat_registered": "on", "vat_percent": "5", "vat_starts_on": "2026-01-01"}
OFFER = {"name": "Home 20", "mbps": "২০", "price": "800", "profile": "calendar"}
OWNER = {
    "full_name": "Mina Das",
    "login": "Mina",
    "email": "mina@lake.example",
    "password": PASSWORD,
    "again": PASSWORD,
}


def let_in() -> Client:
    client = Client(raise_request_exception=False)
    answer = client.get("/welcome/", {"token": settings.HOME.secret("setup_token")})
    assert answer.headers["Location"] == "/welcome/company/"
    return client


def answered(client: Client, **steps: dict[str, str]) -> Any:
    answer = None
    for key, given in steps.items():
        answer = client.post(f"/welcome/{key}/", given)
    return answer


def test_an_empty_server_leads_to_its_first_run_and_lets_nobody_in_without_the_key(db: object) -> None:
    client = Client()
    assert client.get("/sign-in/").headers["Location"] == "/welcome/"
    assert client.get("/welcome/").status_code == 200
    assert client.get("/welcome/company/").headers["Location"] == "/welcome/"
    assert client.get("/welcome/", {"token": "guessed"}).status_code == 200
    assert client.post("/welcome/", {"token": "guessed"}).status_code == 422
    assert client.post("/welcome/owner/", OWNER).headers["Location"] == "/welcome/"
    assert not IspDirectory.objects.exists()


def test_four_steps_found_an_isp_whose_owner_is_signed_in_and_sells(db: object) -> None:
    client = let_in()
    assert '<option value="7" selected>July</option>' in client.get("/welcome/company/").content.decode()
    answered(client, company=COMPANY, counting=COUNTING)
    assert '<span class="input-group-text">BDT</span><input' in client.get("/welcome/offer/").content.decode()
    done = answered(client, offer=OFFER, owner=OWNER)
    assert (done.status_code, done.headers["Location"]) == (303, "/"), done.content.decode()
    isp = get_isp_by_slug("lake")
    assert (isp.time_zone, isp.currency) == ("Asia/Dhaka", "BDT")
    with acting(isp):
        numbering = get_numbering()
        assert numbering is not None and numbering["prefix"] == "LK-"
        today = clock.local_date(clock.now(), isp.time_zone)
        assert get_vat(today)["rate_bp"] == 500
        assert get_books()["year_starts_month"] == 4
        assert [(row["name"], row["down_kbps"]) for row in list_packages_offered(today)] == [("Home 20", 20 * 1024)]
    assert 'hx-get="/dashboard/first/"' in client.get("/").content.decode()
    first = client.get("/dashboard/first/").content.decode()
    assert "What to do first" in first and "Take a reseller on" in first
    assert signed_in("mina", "lake").get("/").status_code == 200  # with the own password, none to be chosen anew


def test_the_key_is_used_up_and_the_pages_are_gone(db: object) -> None:
    key = settings.HOME.secret("setup_token")
    client, late = let_in(), let_in()
    answered(client, company=COMPANY, counting=COUNTING, offer={"skip": "1"}, owner=OWNER)
    assert not (settings.HOME.path / "secrets" / "setup_token").exists()
    assert Client().get("/welcome/", {"token": key}).headers["Location"] == "/sign-in/"
    assert late.post("/welcome/company/", COMPANY).headers["Location"] == "/sign-in/"
    assert IspDirectory.objects.count() == 1
    with acting(get_isp_by_slug("lake")):
        assert list_packages_offered(clock.now().date()) == []


def test_who_comes_second_is_led_to_the_sign_in(db: object, monkeypatch: pytest.MonkeyPatch) -> None:
    late = let_in()
    answered(late, company=COMPANY, counting=COUNTING, offer=OFFER)
    found_isp(identity=Identity(slug="lake", name="Other"))
    monkeypatch.setattr("backhaul.web.console.first_run.is_founded", lambda: False)  # it looked before that
    assert answered(late, owner=OWNER).headers["Location"] == "/sign-in/"
    assert not User.objects.exists()


@pytest.mark.parametrize(
    ("step", "given", "field"),
    [
        ("company", COMPANY | {"slug": "Lake Net"}, "slug"),
        ("company", COMPANY | {"currency": "taka"}, "currency"),
        ("counting", COUNTING | {"vat_percent": ""}, "vat_percent"),
        ("offer", OFFER | {"mbps": "fast"}, "mbps"),
        ("owner", OWNER | {"again": "something else"}, "again"),
        ("owner", OWNER | {"password": "short", "again": "short"}, "password"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(db: object, step: str, given: dict[str, str], field: str) -> None:
    client = let_in()
    answered(client, company=COMPANY, counting=COUNTING, offer=OFFER)
    refused = answered(client, **{step: given})
    assert refused.status_code == 422 and f'id="id_{field}_error"' in refused.content.decode()
    assert not IspDirectory.objects.exists()


def test_steps_can_be_walked_back_and_no_password_is_kept(db: object) -> None:
    client = let_in()
    answered(client, company=COMPANY, counting=COUNTING, offer=OFFER, owner=OWNER | {"again": "other"})
    assert 'value="lake"' in client.get("/welcome/company/").content.decode()
    assert PASSWORD not in str(dict(client.session))


def test_first_steps_tick_themselves_off_and_are_put_away(cast: Cast) -> None:
    client = signed_in("padma")
    shown = client.get("/dashboard/first/").content.decode()
    assert 'href="/staff/add/"' in shown and 'href="/resellers/add/"' not in shown  # it has resellers and nobody else
    assert client.post("/first-steps/dismiss/").status_code == 303
    assert "What to do first" not in client.get("/dashboard/first/").content.decode()
    assert "/dashboard/first/" not in client.get("/").content.decode()  # this session does not ask again
    assert "What to do first" in signed_in("north").get("/dashboard/first/").content.decode()


def test_a_business_of_months_is_not_shown_what_to_do_first(cast: Cast) -> None:
    today = clock.local_date(clock.now(), "Asia/Dhaka")
    fill_funds(cast, on=today - timedelta(days=NEW_DAYS))
    assert "What to do first" in signed_in("north").get("/dashboard/first/").content.decode()
    fill_funds(cast, on=today - timedelta(days=NEW_DAYS + 1))
    assert "What to do first" not in signed_in("north").get("/dashboard/first/").content.decode()
