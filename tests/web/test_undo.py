"""Undo beside what was done: it gives back exactly what was, once, and only while nothing else happened since."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from backhaul.billing.queries import get_planned_change
from backhaul.operators.functions import rows
from backhaul.subscribers.custom_fields import get_field
from backhaul.subscribers.zones import add_zone
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.town import Town

Press = tuple[str, dict[str, str]]


def do(client: Client, page: str, /, **filled: Any) -> str:
    """Post, and read the page that it leads to."""
    answer = client.post(page, filled)
    assert answer.status_code == 303, (page, answer.status_code)
    return client.get(answer["Location"]).content.decode()


def button(shown: str) -> Press:
    """Where the button Undo on a page posts to, and what it carries."""
    form = next(each for each in re.findall(r"<form.*?</form>", shown, re.S) if "Undo" in each)
    kept = re.search(r'name="undo" value="([^"]+)"', form)
    action = re.search(r'action="([^"]+)"', form)
    assert action
    return html.unescape(action[1]), {"undo": html.unescape(kept[1])} if kept else {}


def press(client: Client, shown: str) -> None:
    address, carried = button(shown)
    assert "Undone" in do(client, address, **carried)
    assert client.post(address, carried).status_code == 422  # once


@pytest.fixture
def riverside(town: Town) -> Iterator[Client]:
    yield signed_in("riverside")


def state(town: Town, sql: str, *values: object) -> list[dict[str, Any]]:
    with acting(town.cast.padma, town.cast.riverside):
        return rows(sql, list(values))


def customer(town: Town) -> dict[str, Any]:
    sql = (
        "SELECT c.name, c.mobile, c.address, c.zone_id, c.latitude, c.longitude, l.mac, host(l.static_address) AS ip "
        "FROM customer c JOIN subscription s ON s.customer_id = c.id JOIN radius_login l ON l.subscription_id = s.id "
        "WHERE c.id = %s"
    )
    return state(town, sql, town.ids["customer"])[0]


EDITED = {
    "name": "Abdul Karim Sheikh", "mobile": "01711-999888", "address": "12 Lake Road", "latitude": "23.8", "mac": "",
    "longitude": "90.4", "static_ip": "10.7.7.7",
}  # fmt: skip


def test_an_edited_customer_is_as_it_was(town: Town, riverside: Client) -> None:
    address, was = reverse("edit-customer", args=[town.ids["customer"]]), customer(town)
    zone = town.ids["zone"]
    shown = do(riverside, address, **EDITED, zone=zone)
    assert customer(town) == was | {
        "name": "Abdul Karim Sheikh", "mobile": "01711999888", "address": "12 Lake Road", "zone_id": zone,
        "ip": "10.7.7.7", "latitude": Decimal("23.8"), "longitude": Decimal("90.4"),
    }  # fmt: skip
    press(riverside, shown)
    assert customer(town) == was
    again = do(riverside, address, **{name: value or "" for name, value in was.items() if name != "zone_id"})
    assert "Saved." in again and "Undo" not in again  # nothing was changed


def test_what_was_changed_again_since_is_not_undone(town: Town, riverside: Client) -> None:
    address = reverse("edit-customer", args=[town.ids["customer"]])
    was = customer(town)
    here, carried = button(do(riverside, address, **EDITED))
    do(riverside, address, **EDITED | {"name": "Somebody Else"})
    refused = riverside.post(here, carried)
    assert refused.status_code == 422
    assert "changed again since" in refused.content.decode()
    assert customer(town)["name"] == "Somebody Else"
    do(riverside, address, **{name: value or "" for name, value in was.items() if name != "zone_id"})


def test_a_button_is_good_for_its_person_and_its_page_only(town: Town, riverside: Client) -> None:
    address = reverse("edit-customer", args=[town.ids["customer"]])
    shown = do(riverside, address, **EDITED)
    here, carried = button(shown)
    elsewhere = reverse("edit-customer", args=[town.ids["suspended"]])
    assert riverside.post(elsewhere, carried).status_code == 422
    assert riverside.post(here, {"undo": carried["undo"][:-1]}).status_code == 422
    assert signed_in("north").post(here, carried).status_code == 404
    assert signed_in("collector").post(here, carried).status_code == 403
    press(riverside, shown)


def test_a_removed_view_is_there_again_and_opens_first_as_before(town: Town, riverside: Client) -> None:
    do(riverside, f"{reverse('save-view')}?status=active&sort=name", name="Mine")
    made = state(town, "SELECT id FROM customer_view WHERE name = 'Mine'")[0]["id"]
    riverside.post(reverse("customer-view", args=[made]), {"what": "default"})
    sql = (
        "SELECT v.name, v.query, v.columns, v.is_shared, v.by_actor_id, c.view_id = v.id AS first FROM customer_view v "
        "LEFT JOIN customer_list_choice c ON c.view_id = v.id WHERE v.name = 'Mine'"
    )
    was = state(town, sql)
    shown = do(riverside, reverse("customer-view", args=[made]), what="remove")
    assert state(town, sql) == []
    press(riverside, shown)
    assert state(town, sql) == was
    assert was[0]["first"]


def test_a_zone_is_named_and_lies_as_before(town: Town, riverside: Client) -> None:
    with acting(town.cast.padma, town.cast.riverside):
        wide = add_zone(name="Old Town", code="OLD", level=1)
    pk = town.ids["zone"]
    sql = "SELECT name, code, level, parent_id, parent_level, latitude, longitude FROM zone WHERE id = %s"
    was = state(town, sql, pk)
    given = {"name": "Port", "code": "POR", "level": was[0]["level"], "latitude": "22.3", "longitude": "91.8"}
    press(riverside, do(riverside, reverse("edit-zone", args=[pk]), **given))
    assert state(town, sql, pk) == was
    shown = do(riverside, reverse("move-zone", args=[pk]), parent=wide, confirmed="1")
    assert state(town, sql, pk)[0]["parent_id"] == wide
    press(riverside, shown)
    assert state(town, sql, pk) == was


def test_a_planned_package_is_cancelled_and_planned_by_one_click(town: Town, riverside: Client) -> None:
    def planned() -> Any:
        with acting(town.cast.padma, town.cast.riverside):
            service = rows("SELECT id FROM subscription WHERE customer_id = %s", [town.ids["suspended"]])[0]["id"]
            found = get_planned_change(service)
            return found and (found["package_id"], found["on_date"])

    was = planned()
    assert was
    shown = do(riverside, reverse("cancel-change", args=[town.ids["suspended"]]))
    assert planned() is None
    press(riverside, shown)
    assert planned() == was


def test_a_promise_that_was_withdrawn_holds_again_and_a_suspend_date_is_as_before(
    town: Town, riverside: Client
) -> None:
    pk = town.ids["customer"]
    sql = (
        "SELECT p.until_on, p.why FROM promise p JOIN subscription s ON s.id = p.subscription_id "
        "WHERE s.customer_id = %s AND p.withdrawn_at IS NULL"
    )
    until = state(town, "SELECT (now() AT TIME ZONE 'Asia/Dhaka')::date + 5 AS d")[0]["d"].isoformat()
    do(riverside, reverse("promise", args=[pk]), until_on=until, why="after his salary", confirmed="1")
    was = state(town, sql, pk)
    shown = do(riverside, reverse("withdraw-promise", args=[pk]), confirmed="1")
    assert state(town, sql, pk) == []
    press(riverside, shown)
    assert state(town, sql, pk) == was
    shown = do(riverside, reverse("suspend-date", args=[pk]), suspend_on=until, why="asked", confirmed="1")
    on = "SELECT suspend_on FROM subscription WHERE customer_id = %s"
    assert state(town, on, pk)[0]["suspend_on"].isoformat() == until
    press(riverside, shown)
    assert state(town, on, pk) == [{"suspend_on": None}]


def test_an_archived_field_is_asked_for_again(town: Town) -> None:
    north = signed_in("north")
    shown = do(north, reverse("archive-field", args=[town.ids["field"]]))
    press(north, shown)
    with acting(town.cast.padma, town.cast.north):
        assert get_field(town.ids["field"])["archived_at"] is None


def test_an_account_that_was_closed_takes_entries_again(town: Town, riverside: Client) -> None:
    code = "office_expense"
    today = state(town, "SELECT (now() AT TIME ZONE 'Asia/Dhaka')::date AS d")[0]["d"].isoformat()
    closed = "SELECT closed_on FROM account WHERE code = %s"
    shown = do(riverside, reverse("close-account", args=[code]), on=today, confirmed="1")
    assert state(town, closed, code)[0]["closed_on"]
    address, carried = button(shown)
    do(riverside, address, **carried)
    assert state(town, closed, code) == [{"closed_on": None}]
