"""Pages of people, roles and modules: what is ticked there holds, and nobody ticks more than he has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.test import Client

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.people import change_member
from backhaul.operators.people_queries import list_child_grants, list_members, list_roles, ticked_in_role
from backhaul.operators.queries import list_audit_events
from backhaul.web.console.addresses import at
from conftest import clean
from tests.builders import NOON, PASSWORD, acting, build_person
from tests.cast import Cast, build_cast
from tests.web.conftest import signed_in


@pytest.fixture(scope="module")
def cast_of_pages(server: EmbeddedPostgres) -> Iterator[Cast]:
    cast = build_cast()
    with acting(cast.padma, cast.north):
        build_person(cast.north, "minu", "manager")
        build_person(cast.north, "tinu", "collector")
    yield cast
    clean(server)


def member(cast: Cast, name: str) -> dict[str, Any]:
    """The membership of North's person of that sign-in name."""
    from backhaul.identity.models import User

    user = User.objects.get(isp_id=cast.padma.isp_id, name=name)
    with acting(cast.padma, cast.north):
        return next(row for row in list_members() if row["user_id"] == user.pk)


def ticked(page: str) -> set[str]:
    """The boxes of the tree that are ticked and may be changed."""
    boxes = re.findall(r'<input class="form-check-input" type="checkbox" name="permissions"[^>]*>', page)
    names = (re.search(r'value="([^"]+)"', box) for box in boxes if " checked" in box and " disabled" not in box)
    return {name[1] for name in names if name}


def fixed(page: str) -> set[str]:
    boxes = re.findall(r'<input class="form-check-input" type="checkbox" name="permissions"[^>]*>', page)
    return {box.split('value="')[1].split('"')[0] for box in boxes if " disabled" in box}


def html(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


def test_the_list_says_who_may_sign_in_with_which_role(cast_of_pages: Cast) -> None:
    page = html(signed_in("north"), "/staff/")
    for word in ("North", "Owner", "Minu", "Manager", "Tinu", "Collector"):
        assert word in page
    assert "Riverside" not in page


def test_a_person_is_added_and_must_change_the_first_password(cast_of_pages: Cast) -> None:
    client = signed_in("north")
    person = {"full_name": "Jamal Uddin", "login": "jamal", "role": "collector", "password": "first-password"}
    taken = client.post("/staff/add/", person | {"login": "minu"})
    assert (taken.status_code, "somebody else" in taken.content.decode()) == (422, True)
    answer = client.post("/staff/add/", person)
    row = member(cast_of_pages, "jamal")
    assert (answer.status_code, answer["Location"]) == (303, f"/staff/{row['id']}/")
    assert row["role"] == "collector"
    newcomer = Client()
    newcomer.post("/sign-in/", {"username": "jamal@padma", "password": "first-password"})
    assert newcomer.get("/customers/")["Location"] == "/password/"
    with acting(cast_of_pages.padma, cast_of_pages.north):
        assert "added" in [event["verb"] for event in list_audit_events("member", row["id"])]


def test_the_page_of_a_person_says_what_it_may_do_and_why(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    row = member(cast, "minu")
    with acting(cast.padma, cast.north):
        change_member(member_id=row["id"], role="manager", permissions={"customers.view"}, at=NOON)
    page = html(signed_in("north"), f"/staff/{row['id']}/")
    said = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))
    assert "See customers · granted singly The list, each customer's page" in said.replace("&#x27;", "'")
    assert "Give discounts · by the role Manager" in said
    assert "Run the billing · not granted to North by Padma" in said
    assert "Collect cash · neither by the role nor singly" in said
    menu = page.split("Pages in the menu")[1].split("</section>")[0]
    assert "Customers" in menu
    assert "Routers" not in menu
    own = html(signed_in("minu"), "/my-access/")
    assert 'href="/customers/"' in own.split("Pages in the menu")[1]
    assert "/access/" not in own


def test_whoever_has_no_dashboard_begins_with_the_first_page_of_the_menu(cast_of_pages: Cast) -> None:
    """Every sign-in leads to the dashboard: a role without it ended at a 403 that led to itself."""
    client = signed_in("north")
    assert client.post("/roles/add/", {"name": "Desk", "permissions": ["bills.view"]}).status_code == 303
    with acting(cast_of_pages.padma, cast_of_pages.north):
        desk = next(row for row in list_roles() if row["name"] == "Desk")["key"]
    path = f"/staff/{member(cast_of_pages, 'tinu')['id']}/access/"
    assert client.post(path, {"role": desk}).status_code == 303
    assert signed_in("tinu").get("/").headers["Location"] == "/bills/"
    client.post(path, {"role": "collector"})


def test_a_role_and_single_actions_are_changed_on_one_page(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    row = member(cast, "tinu")
    client = signed_in("north")
    path = f"/staff/{row['id']}/access/"
    assert ticked(html(client, path)) == set()
    answer = client.post(path, {"role": "noc", "permissions": ["audit.view", "bills.view"]})
    assert answer.status_code == 303
    assert ticked(html(client, path)) == {"audit.view", "bills.view"}
    assert signed_in("tinu").get("/bills/").status_code == 200
    assert signed_in("tinu").get("/payments/").status_code == 403
    client.post(path, {"role": "manager", "permissions": ["bills.view"]})
    assert "Your pages" in signed_in("tinu").get("/").content.decode()  # where no card has anything to say
    assert client.post(path, {"role": "wizard"}).status_code == 422
    client.post(path, {"role": "collector"})
    assert signed_in("tinu").get("/payments/").status_code == 200


def _added(cast: Cast, name: str) -> dict[str, Any]:
    user_id = build_person(cast.north, name, "manager")
    return next(row for row in list_members() if row["user_id"] == user_id)


def test_what_one_may_not_do_oneself_is_grey_and_a_forged_tick_is_refused(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    mine = {"staff.edit", "roles.edit", "customers.view"}
    with acting(cast.padma, cast.north):
        row, other = (_added(cast, name) for name in ("lila", "rana"))
        change_member(member_id=row["id"], role="manager", permissions=mine, at=NOON)
        roles = {each["key"]: each["id"] for each in list_roles()}
    client = signed_in("lila")
    path = f"/staff/{other['id']}/access/"
    page = html(client, path)
    assert {"books.post", "customers.edit"} <= fixed(page)
    assert "staff.edit" not in fixed(page)
    assert 'value="accountant"' not in page
    assert client.post(path, {"role": "manager", "permissions": ["books.post"]}).status_code == 422
    assert client.post(path, {"role": "accountant"}).status_code == 422
    assert client.post(f"/roles/{roles['noc']}/", {}).status_code == 303
    with acting(cast.padma, cast.north):
        assert ticked_in_role(roles["noc"]) == {"network.view", "network.edit"}
    boss = member(cast, "north")["id"]
    for act in ("password", "end"):
        assert client.post(f"/staff/{boss}/{act}/", {"password": "new-password"}).status_code in (403, 422)
    assert Client().post("/sign-in/", {"username": "north@padma", "password": PASSWORD}).status_code == 303


def test_a_new_first_password_signs_the_person_out(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    with acting(cast.padma, cast.north):
        build_person(cast.north, "mita", "collector")
    person, client = signed_in("mita"), signed_in("north")
    assert client.post(f"/staff/{member(cast, 'mita')['id']}/password/", {"password": "short"}).status_code == 422
    assert client.post(f"/staff/{member(cast, 'mita')['id']}/password/", {"password": "brand-new-1"}).status_code == 303
    assert person.get("/customers/")["Location"].startswith("/sign-in/")
    again = Client()
    again.post("/sign-in/", {"username": "mita@padma", "password": "brand-new-1"})
    assert again.get("/customers/")["Location"] == "/password/"


def test_ended_access_closes_every_page_and_the_last_owner_stays(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    with acting(cast.padma, cast.north):
        build_person(cast.north, "bina", "collector")
    person, client = signed_in("bina"), signed_in("north")
    row = member(cast, "bina")
    assert "what will happen" in html(client, f"/staff/{row['id']}/end/")
    assert client.post(f"/staff/{row['id']}/end/").status_code == 303
    assert person.get("/customers/").status_code in (303, 403)
    assert client.get(f"/staff/{row['id']}/").status_code == 404
    assert "Access ended" in html(client, "/staff/")
    assert "Collector" in html(client, f"/staff/{row['id']}/return/")
    again = client.post(f"/staff/{row['id']}/return/")
    assert (again.status_code, again["Location"]) == (303, f"/staff/{member(cast, 'bina')['id']}/")
    assert signed_in("bina").get("/customers/").status_code == 200
    assert "Access ended" not in html(client, "/staff/")
    assert client.post(f"/staff/{row['id']}/return/").status_code == 404
    owner = member(cast, "north")["id"]
    refused = client.post(f"/staff/{owner}/access/", {"role": "manager"})
    assert (refused.status_code, "last owner" in refused.content.decode()) == (422, True)


def test_a_role_is_copied_changed_and_says_who_holds_it(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    client = signed_in("north")
    with acting(cast.padma, cast.north):
        roles = {each["key"]: each["id"] for each in list_roles()}
    page = html(client, f"/roles/add/?copy={roles['collector']}")
    copied = {"dashboard.view", "customers.view", "bills.view", "payments.view", "payments.collect"}
    assert ticked(page) == copied
    assert re.search(r'name="keeps_drawer"[^>]* checked', page)
    answer = client.post("/roles/add/", {"name": "Field team", "permissions": sorted(copied)})
    assert answer.status_code == 303
    role = answer["Location"]
    assert client.post("/roles/add/", {"name": "field team"}).status_code == 422
    assert client.post(role, {"name": "Field team", "permissions": ["customers.view"]}).status_code == 303
    assert ticked(html(client, role)) == {"customers.view"}
    assert "Minu" in html(client, f"/roles/{roles['manager']}/")
    owner = html(client, f"/roles/{roles['owner']}/")
    assert ticked(owner) == set()
    assert "may do all that the operator may" in owner
    assert client.post(f"/roles/{roles['owner']}/", {"permissions": []}).status_code == 422


def test_modules_of_a_child_are_taken_after_saying_from_whom(cast_of_pages: Cast) -> None:
    cast = cast_of_pages
    client = signed_in("padma")
    path = f"/resellers/{cast.north}/modules/"
    page = html(client, path)
    held = ticked(page)
    assert "bills.run" not in page
    with acting(cast.padma):
        assert held == list_child_grants(cast.north).keys()
    wanted = sorted(held - {"books.close"})
    preview = client.post(path, {"permissions": wanted}).content.decode()
    assert "Close months" in preview
    assert "taken from 2 people and 1 operator below" in preview
    assert set(re.findall(r'type="hidden" name="permissions" value="([^"]+)"', preview)) == set(wanted)
    assert signed_in("riverside").get("/books/periods/close/").status_code == 200
    assert client.post(path, {"permissions": wanted, "confirmed": "1"}).status_code == 303
    for name in ("north", "riverside"):
        assert signed_in(name).get("/books/periods/close/").status_code == 403
    assert signed_in("rival").get("/books/periods/close/").status_code == 200
    assert client.post(path, {"permissions": ["bills.run"]}).status_code == 422
    assert "books.close" not in html(signed_in("north"), f"/resellers/{cast.riverside}/modules/")


def test_an_address_without_a_known_permission_does_not_let_the_server_start() -> None:
    def bare(_request: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(ImproperlyConfigured, match="declares no permission"):
        at("bare/", bare, "bare")
    bare.permission = "customers.eat"  # type: ignore[attr-defined]
    with pytest.raises(ImproperlyConfigured, match=r"no permission “customers\.eat”"):
        at("bare/", bare, "bare")
