"""Pages about days: what a bill is made of, one line of time per service, outages, the proof of a month."""

from __future__ import annotations

import html
import re
from datetime import date, timedelta

import pytest
from django.utils import translation

from backhaul.billing.runs import bill_isp
from backhaul.common import clock
from backhaul.common.digits import digits
from backhaul.operators.functions import rows
from backhaul.subscribers.prices import set_custom_price
from backhaul.subscribers.services import add_zone, update_customer
from backhaul.web.templatetags.console import day, short_months
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.town import Town


def test_a_bill_says_each_of_its_days_and_what_the_provider_charged(town: Town) -> None:
    page = signed_in("riverside").get(f"/bills/{town.ids['bill']}/").content.decode()
    assert "The days behind it" in page
    assert page.count("· stopped by the operator") == 0
    assert "Charged to you, net" in page
    assert "Charged to you, net" not in signed_in("collector").get(f"/bills/{town.ids['bill']}/").content.decode()


@pytest.mark.parametrize(("language", "written"), [("en", "5 Nov 2026"), ("bn", "৫ নভে. ২০২৬")])
def test_the_page_has_the_months_to_write_the_day_of_a_field_as_days_are_written(language: str, written: str) -> None:
    with translation.override(language):
        assert day(date(2026, 11, 5)) == digits(f"5 {short_months().split('|')[10]} 2026") == written


def test_status_and_prices_are_one_line_of_time(town: Town) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    with acting(town.cast.padma, town.cast.riverside):
        service = rows("SELECT id FROM subscription WHERE customer_id = %s", [town.ids["suspended"]])[0]["id"]
        for ahead, price in ((1, 555_00), (40, None)):
            set_custom_price(
                subscription_id=service,
                price_minor=price,
                starts_on=today + timedelta(days=ahead),
                today=today,
                now=now,
            )
    page = signed_in("riverside").get(f"/customers/{town.ids['suspended']}/").content.decode()
    page = page[page.index("Status and prices over time") :]
    places = [page.index(words) for words in ("The price of the package again", "Own price 555.00", "asked for it")]
    assert places == sorted(places)  # latest first


def test_an_outage_is_shown_before_it_is_credited_and_again_when_something_changed(town: Town) -> None:
    client = signed_in("riverside")
    cast, now = town.cast, clock.now()
    day = clock.local_date(now, "Asia/Dhaka").replace(day=1) - timedelta(days=1)
    with acting(cast.padma, cast.riverside):
        zone = add_zone(name="Harbour")
        update_customer(customer_id=town.ids["customer"], at=now, zone_id=zone)
    form = {"what": f"zone-{zone}", "why": "fibre cut", "from_at": f"{day}T02:00", "to_at": f"{day}T20:00"}
    shown = client.post("/outages/add/", form)
    page = shown.content.decode()
    assert "Services hit: 1, your own among them: 1. Service-days: 1," in page
    assert "Credit these days" in page
    assert notes(town) == []
    worked_out = {name: typed(page, name) for name in ("from_on", "last_on", "shown")}
    assert worked_out["from_on"] == worked_out["last_on"] == day.isoformat()
    confirmed = form | worked_out
    changed = client.post("/outages/add/", confirmed | {"why": "fibre cut twice"})
    assert changed.status_code == 200 and notes(town) == []
    done = client.post("/outages/add/", confirmed)
    assert done.status_code == 303
    assert len(notes(town)) == 1
    listed = client.get("/outages/").content.decode()
    assert "fibre cut" in listed and "Harbour" in listed
    client.post("/outages/add/", confirmed)
    assert len(notes(town)) == 1


def test_what_is_wrong_with_an_outage_stands_beside_its_field_and_what_was_typed_stays(town: Town) -> None:
    with acting(town.cast.padma, town.cast.riverside):
        zone = add_zone(name="Harbour")
    today = clock.local_date(clock.now(), "Asia/Dhaka")
    answer = signed_in("riverside").post(
        "/outages/add/",
        {"what": f"zone-{zone}", "why": "storm", "from_at": f"{today}T05:00", "to_at": f"{today}T04:00"},
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "ends after it began" in page
    assert typed(page, "why") == "storm"


def test_the_proof_of_a_month_opens_to_its_services_and_downloads(town: Town) -> None:
    client = signed_in("riverside")
    today = clock.local_date(clock.now(), "Asia/Dhaka")
    last = today.replace(day=1) - timedelta(days=1)
    page = client.get(f"/proof/?month={last:%Y-%m}").content.decode()
    assert "All days of all services" in page
    assert f"/proof/billed/?month={last:%Y-%m}" in page
    assert "Abdul Karim" in client.get(f"/proof/billed/?month={last:%Y-%m}").content.decode()
    assert client.get("/proof/nonsense/").status_code == 404
    table = client.get(f"/proof/csv/?month={last:%Y-%m}").content.decode("utf-8-sig").splitlines()
    assert table[0].endswith('"Charged to you, net (BDT)"')
    assert any("Abdul Karim,Billed," in line for line in table)
    assert "Charged" not in signed_in("collector").get("/proof/csv/").content.decode("utf-8-sig")


def test_a_new_price_is_proposed_for_the_next_period(town: Town) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    bill_isp(town.cast.padma, on=today, now=now)
    page = signed_in("riverside").get(f"/customers/{town.ids['customer']}/price/").content.decode()
    next_month = (today.replace(day=1) + timedelta(days=32)).replace(day=1)
    assert typed(page, "starts_on") == next_month.isoformat()


def typed(page: str, name: str) -> str:
    """What a field of the form on a page holds."""
    (field,) = re.findall(rf'<input[^>]* name="{name}"[^>]*>', page)
    return html.unescape(re.findall(r' value="([^"]*)"', field)[0])


def notes(town: Town) -> list[dict[str, object]]:
    with acting(town.cast.padma, town.cast.riverside):
        return rows("SELECT id FROM credit_note")
