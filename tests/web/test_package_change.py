"""Package change and paying back in the console: looked at first, done once, nothing typed is lost."""

from __future__ import annotations

import re
from datetime import timedelta

from django.test import Client
from django.urls import reverse

from backhaul.billing.queries import find_standings
from backhaul.billing.services import bill_subscription
from backhaul.common.clock import now
from backhaul.operators.functions import rows
from backhaul.web.templatetags.console import day
from tests.builders import acting
from tests.web.conftest import digest_of, signed_in
from tests.web.test_actions import count, form_of, today
from tests.web.town import Town, build_town


def package_of(town: Town, name: str) -> str:
    return f"{town.cast.padma.isp_id}-{town.cast.packages[name]}"


def package_now(town: Town) -> str:
    with acting(town.cast.padma, town.cast.riverside):
        return str(
            rows(
                "SELECT p.name FROM subscription s JOIN package p ON p.id = s.package_id WHERE s.customer_id = %s",
                [town.ids["customer"]],
            )[0]["name"]
        )


def bill_up_to_today(town: Town) -> None:
    with acting(town.cast.padma, town.cast.riverside):
        (service,) = rows("SELECT id FROM subscription WHERE customer_id = %s", [town.ids["customer"]])
        bill_subscription(subscription_id=service["id"], on=today(), now=now(), hold=False)


def test_a_change_is_looked_at_before_it_is_done(db: object) -> None:
    """The first click shows credit, bill and what the own fund loses; nothing of it stays until it is confirmed."""
    town = build_town()
    bill_up_to_today(town)
    client = signed_in("riverside")
    path = reverse("change-package", args=[town.ids["customer"]])
    sent = {"package": package_of(town, "Home 20"), "when": "now", "price": ""}
    page = client.post(path, sent)
    assert page.status_code == 200
    assert "Credited for the days left of the old package" in page.content.decode()
    assert "Your fund" in page.content.decode()
    assert package_now(town) == "Home 10" and count(town, "package_history") == 0
    assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
    assert package_now(town) == "Home 20"
    again = client.post(path, {**sent, "confirmed": "1"})
    assert again.status_code == 422 and "already" in again.content.decode()
    assert count(town, "package_history") == 2


def test_what_was_typed_stays_and_a_price_waits_for_the_day(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("change-package", args=[town.ids["customer"]])
    sent = {"package": package_of(town, "Home 20"), "when": "next", "price": "500"}
    page = client.post(path, sent)
    assert page.status_code == 422
    assert re.search(r'value="500', page.content.decode())
    changed = client.post(path, {**sent, "price": "", "change": "1"}).content.decode()
    assert f'<option value="{sent["package"]}" selected>' in changed


def price_on_page(client: Client, town: Town) -> str:
    page = client.get(reverse("customer", args=[town.ids["customer"]])).content.decode()
    (price,) = re.findall(r"<dt>Price</dt><dd>(.*?)</dd>", page)
    return " ".join(re.sub(r"<[^>]+>", " ", price).split())


def test_a_change_for_the_next_cycle_is_planned_shown_and_done_away_with(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("change-package", args=[town.ids["customer"]])
    later = today() + timedelta(days=90)
    own = {"custom_price": "550", "starts_on": later.isoformat()}
    price = reverse("own-price", args=[town.ids["customer"]])
    looked = digest_of(client.post(price, own).content.decode())
    assert client.post(price, {**own, **looked, "confirmed": "1"}).status_code == 303
    assert price_on_page(client, town) == f"600.00 550.00 from {day(later)}"  # not as if it held today
    sent = {"package": package_of(town, "Home 50"), "when": "next", "price": ""}
    assert "No money moves now" in client.post(path, sent).content.decode()
    assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
    page = client.get(reverse("customer", args=[town.ids["customer"]])).content.decode()
    cancel = reverse("cancel-change", args=[town.ids["customer"]])
    assert "Home 50" in page and cancel in page
    assert price_on_page(client, town) == "600.00"  # the own price ends with the package
    assert re.search(r"Next bill, a whole term</dt><dd>[\d,.]+ · Home 50<", page)
    assert client.post(cancel, {}).status_code == 303
    assert client.get(cancel).status_code == 404
    assert package_now(town) == "Home 10"


def test_an_advance_is_paid_back_once_and_its_receipt_says_so(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    collect = reverse("collect-from", args=[town.ids["customer"]])
    client.post(collect, {**form_of(client, collect), "amount": "5,000.00", "method": "cash"})
    path = reverse("pay-back", args=[town.ids["customer"]])
    with acting(town.cast.padma, town.cast.riverside):
        held = find_standings([town.ids["customer"]])[town.ids["customer"]]["advance_minor"]
    sent = {**form_of(client, path), "amount": "100.00", "method": "cash", "why": "asked for it"}
    first, second = (client.post(path, sent) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert "Advance paid back" in client.get(first.headers["Location"]).content.decode()
    with acting(town.cast.padma, town.cast.riverside):
        assert find_standings([town.ids["customer"]])[town.ids["customer"]]["advance_minor"] == held - 100_00
    too_much = client.post(path, {**form_of(client, path), "amount": "90,000", "method": "cash", "why": "x"})
    assert too_much.status_code == 422 and 'value="90,000' in too_much.content.decode()
