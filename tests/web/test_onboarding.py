"""Taking an operator on, step by step: left and found again, all at once or not at all, and only one by two clicks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backhaul.catalog.queries import list_tariff_prices
from backhaul.common import clock
from backhaul.funds.queries import get_fund
from backhaul.ledger.periods import get_books, set_year_start
from backhaul.operators.drafts import get_draft, list_drafts
from backhaul.operators.functions import rows
from backhaul.operators.people_queries import list_child_grants
from backhaul.operators.queries import list_children
from backhaul.subscribers.queries import get_numbering
from backhaul.subscribers.zones import add_zone, list_zone_tree
from tests.builders import acting
from tests.cast import Cast
from tests.printed import text_of
from tests.web.conftest import is_in, sign_in, signed_in

WHO = {"name": "Lake View", "slug": "lakeview", "kind": "reseller", "phone": "01711000000", "request_key": ""}
KEY = "6b1f2c1e-58f3-4c2a-9d0a-0d6c6a1f0001"


def begun(client: Client, **change: str) -> int:
    """A draft with its first step; its id."""
    answer = client.post("/resellers/add/", WHO | {"request_key": KEY} | change)
    assert answer.status_code == 303, answer.content.decode()
    return int(answer.headers["Location"].split("/")[3])


def answered(client: Client, draft: int, key: str, **given: Any) -> Any:
    return client.post(reverse("onboard-step", args=[draft, key]), given)


def finished(client: Client, draft: int, password: str = "first-password") -> Any:
    return client.post(reverse("onboard-review", args=[draft]), {"password": password})


def price_of(cast: Cast, plan: str) -> str:
    return f"price_{cast.padma.isp_id}_{cast.plans[plan]}"


def lakeview(cast: Cast) -> int | None:
    with acting(cast.padma):
        return next((child["id"] for child in list_children() if child["slug"] == "lakeview"), None)


def test_an_operator_begins_with_all_that_was_answered(cast: Cast) -> None:
    with acting(cast.padma):
        dhaka = add_zone(name="Dhaka", level=2)
        mirpur = add_zone(name="Mirpur", code="MIR", parent_id=dhaka)
        add_zone(name="Banani", parent_id=dhaka)
    client = signed_in("padma")
    draft = begun(client)
    mode = {"mode": "postpaid", "charge_timing": "daily", "credit_limit_minor": "20,000", "low_balance_minor": "0"}
    assert answered(client, draft, "mode", started="on", **mode).status_code == 303
    assert answered(client, draft, "tariff", **{price_of(cast, "Home 10"): "410"}).status_code == 303
    assert answered(client, draft, "zones", zones=[str(mirpur)]).status_code == 303
    assert answered(client, draft, "ids", prefix="LV", infix="{zone}-", digits="4", postfix="").status_code == 303
    assert answered(client, draft, "modules", permissions=["dashboard.view", "customers.view"]).status_code == 303
    guards = {"minimum_balance_minor": "500", "minimum_margin_minor": "0", "notice_hours": "12", "step_in_days": "7"}
    assert answered(client, draft, "guards", emergency_days="3", emergency_fee_minor="10", **guards).status_code == 303
    who = {"full_name": "Lipi Akter", "login": "Lipi", "email": "lipi@lake.example", "mobile": "01811000000"}
    assert answered(client, draft, "login", **who).status_code == 303
    money = {"amount": "5,000", "kind": "recharge", "paid": "bank", "note": "slip 12"}
    assert answered(client, draft, "recharge", **money).status_code == 303
    assert answered(client, draft, "books", month="7").headers["Location"] == reverse("onboard-review", args=[draft])
    assert f'<a href="/resellers/add/{draft}/review/">Lake View</a>' in client.get("/audit/").content.decode()
    shown = finished(client, draft)
    assert shown.status_code == 200
    assert "lipi@padma" in shown.content.decode() and "first-password" in shown.content.decode()
    child = lakeview(cast)
    assert child is not None
    assert f'<a href="/resellers/{child}/">Lake View</a>' in client.get("/audit/").content.decode()
    with acting(cast.padma):
        fund = get_fund(child)
        assert (fund["mode"], fund["charge_timing"], fund["credit_limit_minor"]) == ("postpaid", "daily", 20_000_00)
        assert (fund["minimum_balance_minor"], fund["notice_hours"], fund["emergency_days"]) == (500_00, 12, 3)
        assert fund["posted_minor"] == 5_000_00
        today = clock.local_date(clock.now(), "Asia/Dhaka")
        prices = {row["plan_name"]: row["price_minor"] for row in list_tariff_prices(child, today)}
        assert {plan: price for plan, price in prices.items() if price is not None} == {"Home 10": 410_00}
        assert set(list_child_grants(child)) == {"dashboard.view", "customers.view"}
    with acting(cast.padma, child):
        assert [(row["name"], row["code"]) for row in list_zone_tree()] == [("Mirpur", "MIR")]
        numbering = get_numbering()
        assert numbering is not None and (numbering["prefix"], numbering["digits"]) == ("LV", 4)
        assert get_books()["year_starts_month"] == 7
    first = Client()
    assert first.post("/sign-in/", {"username": "lipi@padma", "password": "first-password"}).status_code == 303
    assert first.get("/").headers["Location"] == "/password/"


def test_two_answers_are_enough_and_the_rest_is_as_usual(cast: Cast) -> None:
    with acting(cast.padma):
        set_year_start(month=7)
    client = signed_in("padma")
    draft = begun(client)
    review = reverse("onboard-review", args=[draft])
    assert "Take it on" not in client.get(review).content.decode()  # nobody signs in yet
    assert finished(client, draft).status_code == 200
    assert lakeview(cast) is None
    answered(client, draft, "login", full_name="Lipi", login="lipi", review="1")
    said = client.get(review).content.decode()
    assert "<dt>Prices</dt><dd>none</dd>" in "".join(said.split())
    assert "Take it on" in said and "It has no prices yet" in said and "without money" in said
    finished(client, draft)
    child = lakeview(cast)
    assert child is not None
    with acting(cast.padma, child):
        numbering = get_numbering()
        assert numbering is not None and numbering["prefix"] == "LAK-"
        assert get_books()["year_starts_month"] == 7  # as the parent's
    with acting(cast.padma):
        assert "customers.edit" in list_child_grants(child)


def test_a_draft_is_left_found_again_and_discarded_and_keeps_no_password(cast: Cast) -> None:
    client = signed_in("padma")
    draft = begun(client)
    answered(client, draft, "login", full_name="Lipi", login="lipi", password="should-not-stay")
    again = signed_in("padma")
    left = again.get("/resellers/").content.decode()
    assert "Lake View" in left and reverse("onboard-step", args=[draft, "mode"]) in left  # the first one that waits
    shown = again.get(reverse("onboard-step", args=[draft, "identity"])).content.decode()
    assert 'value="lakeview"' in shown and "01711000000" in shown
    with acting(cast.padma):
        assert "should-not-stay" not in json.dumps(get_draft(draft)["answers"])
    assert begun(client) == draft  # a second click on the first step
    assert again.post(reverse("onboard-discard", args=[draft])).status_code == 303
    assert again.get(reverse("onboard-step", args=[draft, "mode"])).status_code == 404
    with acting(cast.padma):
        assert list_drafts() == []


@pytest.mark.parametrize(
    ("key", "given", "field"),
    [
        ("identity", WHO | {"slug": "rival"}, "slug"),
        ("login", {"full_name": "Lipi", "login": "north"}, "login"),
        ("zones", {"zones": ["999999"]}, ""),
    ],
)
def test_what_is_refused_stands_at_its_step_and_nothing_is_made(
    cast: Cast, key: str, given: dict[str, Any], field: str
) -> None:
    client = signed_in("padma")
    draft = begun(client)
    answered(client, draft, "login", full_name="Lipi", login="lipi")
    kept = answered(client, draft, key, **given)
    if not field:
        assert kept.status_code == 422
        return
    assert kept.status_code == 303
    refused = finished(client, draft)
    said = refused.content.decode()
    assert refused.status_code == 422
    assert f'id="id_{field}_error"' in said and reverse("onboard-step", args=[draft, key]) in said
    assert lakeview(cast) is None
    assert "Lake View" in client.get("/resellers/").content.decode()


def test_a_second_click_makes_no_second_operator_and_shows_the_same_page(cast: Cast) -> None:
    client = signed_in("padma")
    draft = begun(client)
    answered(client, draft, "login", full_name="Lipi", login="lipi")
    first, second = finished(client, draft), finished(client, draft)
    assert (first.status_code, second.status_code) == (200, 200)
    assert "first-password" in second.content.decode()
    other = finished(client, draft, "another-guess")
    assert other.headers["Location"] == reverse("reseller", args=[lakeview(cast)])
    with acting(cast.padma):
        assert [child["slug"] for child in list_children()].count("lakeview") == 1


def test_prices_are_copied_from_another_child_and_cost_stands_beside(cast: Cast) -> None:
    client = signed_in("north")
    draft = begun(client)
    page = client.get(reverse("onboard-step", args=[draft, "tariff"]))
    assert "You pay 400.00." in page.content.decode()
    copied = client.get(reverse("onboard-step", args=[draft, "tariff"]), {"copy": str(cast.riverside)}).content.decode()
    assert 'value="450.00"' in copied
    foreign = client.get(reverse("onboard-step", args=[draft, "tariff"]), {"copy": str(cast.rival)}).content.decode()
    assert 'value="4' not in foreign


def test_presets_tick_what_they_say_and_nobody_hands_on_what_he_may_not(cast: Cast) -> None:
    client = signed_in("north")
    draft = begun(client, kind="sub_operator")
    path = reverse("onboard-step", args=[draft, "modules"])
    looking = client.get(path, {"preset": "seeing"}).content.decode()
    assert 'value="customers.view" aria-describedby' in looking
    assert looking.count(" checked") < client.get(path, {"preset": "all"}).content.decode().count(" checked")
    assert answered(client, draft, "modules", permissions=["bills.run"]).status_code == 422


def test_the_welcome_sheet_bears_the_password_only_at_that_moment(cast: Cast) -> None:
    client = signed_in("padma")
    draft = begun(client)
    answered(client, draft, "tariff", **{price_of(cast, "Home 10"): "410"})
    answered(client, draft, "login", full_name="Lipi", login="lipi")
    finished(client, draft)
    path = reverse("welcome-sheet", args=[lakeview(cast)])
    now = text_of(client.post(path, {"language": "en", "password": "first-password"}).content)
    assert "first-password" in now and "lipi@padma" in now and "410.00" in now and "http://testserver/sign-in/" in now
    later = text_of(client.get(path, {"language": "en"}).content)
    assert "first-password" not in later and "lipi@padma" in later
    assert client.get(path, {"language": "bn"}).headers["Content-Type"] == "application/pdf"
    with acting(cast.padma):
        assert not rows("SELECT 1 FROM audit_event WHERE detail::text LIKE '%%first-password%%'")


def test_an_owner_who_lost_the_first_password_gets_another_until_somebody_has_signed_in(cast: Cast) -> None:
    client = signed_in("padma")
    draft = begun(client)
    answered(client, draft, "login", full_name="Lipi", login="lipi")
    finished(client, draft)
    child = lakeview(cast)
    path = reverse("renew-first-password", args=[child])
    page = client.get(reverse("reseller", args=[child])).content.decode()
    assert "Nobody of it has signed in yet" in page and path in page
    assert client.post(path, {"password": "short"}).status_code == 422
    shown = client.post(path, {"password": "another-first-one"}).content.decode()
    assert "another-first-one" in shown and "lipi@padma" in shown
    first = Client()
    assert not is_in(sign_in("lipi@padma", "first-password", client=first))
    with acting(cast.padma, child):
        told = rows("SELECT actor_id, detail::text AS d FROM audit_event WHERE verb = 'first_password_renewed'")
    assert [row["actor_id"] for row in told] == [cast.owners["padma"]] and "another" not in told[0]["d"]
    assert "Made another first password" in client.get("/audit/").content.decode()
    assert sign_in("lipi@padma", "another-first-one", client=first).status_code == 303
    assert first.get("/").headers["Location"] == "/password/"
    refused = client.post(path, {"password": "a-third-password"})
    assert refused.status_code == 422 and "has signed in" in refused.content.decode()
    assert sign_in("lipi@padma", "another-first-one").status_code == 303
    assert "has signed in yet" not in client.get(reverse("reseller", args=[child])).content.decode()
