"""Pages: sign-in, answers that are never cached, junk in addresses, refusals beside their field."""

from __future__ import annotations

from gzip import decompress
from io import BytesIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import reverse

from backhaul.identity.models import HostDirectory, User
from backhaul.web import middleware
from backhaul.web.console.addresses import at
from tests.builders import PASSWORD
from tests.web.conftest import signed_in
from tests.web.town import Town

JUNK = (
    "%00",
    "%F0%9F%92%A9",
    "-1",
    "99999999999999999999",
    "1e9",
    "0001-01-01",
    "9999-12-31",
    "2026-13-45",
    "a-b",
    "'",
)
PARAMETERS = {
    "/customers/": ("q", "status", "package", "zone", "order", "after"),
    "/bills/": ("q", "state", "after"),
    "/payments/": ("q", "method", "from", "to", "after"),
    "/collect/": ("q",),
    "/funds/": ("after",),
    "/books/journal/": ("account", "kind", "from", "to", "after"),
    "/books/trial-balance/": ("to", "known", "as"),
    "/books/income-statement/": ("from", "to", "known", "as"),
    "/books/balance-sheet/": ("to", "known"),
    "/books/cash-flow/": ("from", "to", "known"),
    "/books/receivables/": ("to", "known"),
    "/books/day-book/": ("to", "known"),
    "/books/accounts/cash/": ("from", "to", "known"),
}


def test_a_view_without_a_permission_stops_the_server() -> None:
    def careless(request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(ImproperlyConfigured, match="careless"):
        at("careless/", careless, "careless")


def test_a_wrong_password_is_refused_in_words_and_a_stranger_is_led_back_to_where_it_wanted(town: Town) -> None:
    client = Client()
    assert client.get("/bills/").headers["Location"] == "/sign-in/?next=%2Fbills%2F"
    refused = client.post("/sign-in/", {"username": "riverside@padma", "password": "wrong"})
    assert refused.status_code == 422
    assert "not right" in refused.content.decode()
    for target, led_to in (("/bills/", "/bills/"), ("https://elsewhere.example/", "/"), ("//elsewhere.example", "/")):
        answer = Client().post(f"/sign-in/?next={target}", {"username": "riverside@padma", "password": PASSWORD})
        assert answer.headers["Location"] == led_to


def test_pages_are_never_kept_by_caches(town: Town) -> None:
    answer = signed_in("riverside").get("/customers/")
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert "HX-Target" in answer.headers["Vary"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_pages_travel_compressed_and_files_as_they_are(town: Town) -> None:
    client = signed_in("riverside")
    page = client.get("/customers/", headers={"Accept-Encoding": "gzip"})
    assert page.headers["Content-Encoding"] == "gzip"
    assert b"<h1" in decompress(page.content) and len(page.content) < len(decompress(page.content)) / 4
    answer = client.get(reverse("payment-pdf", args=[town.ids["payment"]]), headers={"Accept-Encoding": "gzip"})
    assert answer["Content-Type"] == "application/pdf"
    assert "Content-Encoding" not in answer.headers


def test_a_filter_gets_only_its_results_and_a_panel_only_its_inside(town: Town) -> None:
    client = signed_in("riverside")
    results = client.get("/customers/?q=abdul", headers={"HX-Request": "true", "HX-Target": "results"}).content.decode()
    assert "Abdul Karim" in results
    assert "Nusrat" not in results
    assert "<html" not in results
    in_panel = {"HX-Request": "true", "HX-Target": "panel-body"}
    panel = client.get(f"/customers/{town.ids['customer']}/suspend/", headers=in_panel)
    assert "<html" not in panel.content.decode()
    assert "<form" in panel.content.decode()


@pytest.mark.parametrize("address", PARAMETERS)
def test_junk_in_an_address_is_ignored(town: Town, address: str) -> None:
    client = signed_in("riverside")
    for name in PARAMETERS[address]:
        for junk in JUNK:
            assert client.get(f"{address}?{name}={junk}").status_code == 200, (name, junk)


def test_junk_for_a_place_in_the_list_of_prices_is_ignored(town: Town) -> None:
    client = signed_in("north")
    for junk in ("x ²", f"x {'9' * 30}", " ", "x 1"):
        assert client.get("/tariffs/", {"after": junk}).status_code == 200, junk


NOWHERE = ("/customers/0/", f"/customers/{'9' * 20}/", f"/bills/{'1' * 30}/", "/books/accounts/no-such/", "/nowhere/",
           "/settings/brand/hosts/%00/", "/settings/brand/hosts/x%00.example/release/")  # fmt: skip


@pytest.mark.parametrize("path", NOWHERE)
def test_what_is_not_there_is_404(town: Town, path: str) -> None:
    answer = signed_in("riverside").get(path)
    assert answer.status_code == 404
    assert "nothing at this address" in answer.content.decode()


def test_what_is_far_too_large_is_not_taken_in_from_anybody(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(middleware, "MOST_SENT", 10_000)
    flood = {"username": "riverside@padma", "file": BytesIO(b"x" * 20_000)}
    answer = Client().post("/sign-in/", flood)
    assert (answer.status_code, "too large" in answer.content.decode()) == (413, True)
    assert Client().post("/sign-in/", flood | {"file": BytesIO(b"x")}).status_code == 422


def test_a_form_from_elsewhere_is_refused_with_a_page_of_ours(town: Town) -> None:
    answer = Client(enforce_csrf_checks=True).post("/sign-in/", {"username": "riverside@padma", "password": PASSWORD})
    assert answer.status_code == 403
    assert "out of date" in answer.content.decode()


def test_a_given_password_must_be_changed_before_anything_else(town: Town) -> None:
    User.objects.filter(name="manager").update(must_change_password=True)
    client = signed_in("manager")
    assert client.get("/").headers["Location"] == "/password/"
    wrong = client.post("/password/", {"current": "wrong", "password": "a new password", "again": "a new password"})
    assert "not your present password" in wrong.content.decode()
    short = client.post("/password/", {"current": PASSWORD, "password": "short", "again": "short"})
    assert "at least 8" in short.content.decode()
    done = client.post("/password/", {"current": PASSWORD, "password": "a new password", "again": "a new password"})
    assert done.headers["Location"] == "/"
    assert client.get("/").status_code == 200
    assert Client().post("/sign-in/", {"username": "manager@padma", "password": "a new password"}).status_code == 303


def test_a_page_is_in_bangla_when_asked_for(town: Town) -> None:
    client = signed_in("riverside")
    client.post("/i18n/setlang/", {"language": "bn", "next": "/"})
    page = client.get("/books/trial-balance/").content.decode()
    assert "রেওয়ামিল" in page
    assert 'lang="bn"' in page


def test_a_host_name_shows_its_operators_brand_and_knows_bare_names(town: Town) -> None:
    isp = town.cast.padma
    own = HostDirectory.objects.create(host="testserver", isp_id=isp.isp_id, operator_id=town.cast.riverside)
    try:
        client = Client()
        assert "Riverside" in client.get("/sign-in/").content.decode()
        assert client.post("/sign-in/", {"username": "riverside", "password": PASSWORD}).status_code == 303
    finally:
        own.delete()
    assert "Riverside" not in Client().get("/sign-in/").content.decode()
