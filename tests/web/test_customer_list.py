"""The list of customers as pages: filters, columns, views, acts on many with their preview, and files."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from backhaul.billing import tasks
from backhaul.billing.finding_conditions import CustomerFilter, as_json, from_json
from backhaul.billing.services import sign_up_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.network.services import CONNECTION_TYPES
from backhaul.operators.functions import execute, rows
from backhaul.operators.people import change_member
from backhaul.operators.people_queries import list_members
from backhaul.payments.services import record_payment
from backhaul.subscribers.custom_fields import CustomField, add_field
from backhaul.subscribers.exports import ask_for_export, drop_old_exports, keep_export
from backhaul.web import tasks as web_tasks
from backhaul.web.console import bulk, customer_files, customer_sheets
from conftest import clean
from tests.builders import NOON, acting, build_person, new_customer, request_key
from tests.cast import Cast, build_cast, fill_funds
from tests.printed import text_of
from tests.web.conftest import jobs_of, signed_in

PEOPLE = 53  # two pages


@pytest.fixture(scope="module")
def cast(server: EmbeddedPostgres) -> Iterator[Cast]:
    made = build_cast()
    fill_funds(made)
    with acting(made.padma, made.riverside):
        for n in range(PEOPLE):
            sign_up(made, name=f"Person {n:02}", connection_type="hotspot" if n < 3 else "pppoe")
        sign_up(made, name='=HYPERLINK("x")', mobile="01711000000")
    yield made
    clean(server)


def sign_up(cast: Cast, **fields: Any) -> None:
    on = date(2026, 2, 1)
    sign_up_customer(customer=new_customer(cast, **fields), on=on, now=NOON)


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code, answer.content[:500])
    return answer.content.decode()


def names(text: str) -> list[str]:
    return re.findall(r"Person \d\d", re.sub(r'aria-label="[^"]*"', "", text))


def sheet_of(content: bytes) -> list[list[Any]]:
    return CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()


def test_pages_lead_on_and_back(cast: Cast) -> None:
    client = signed_in("riverside")
    first = page(client, "/customers/?sort=name")
    shown = names(first)
    assert len(set(shown)) == 49
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    second = page(client, "/customers/" + following[1].replace("&amp;", "&"))
    assert set(names(second)) == {"Person 49", "Person 50", "Person 51", "Person 52"}
    back = re.search(r'rel="prev" href="([^"]+)"', second)
    assert back is not None
    assert names(page(client, "/customers/" + back[1].replace("&amp;", "&"))) == shown


def test_the_list_narrows_and_says_how_many(cast: Cast) -> None:
    client = signed_in("riverside")
    assert set(names(page(client, "/customers/?connection=hotspot"))) == {"Person 00", "Person 01", "Person 02"}
    assert page(client, "/customers/count/?connection=hotspot") == "3 customers"
    assert page(client, "/customers/count/") == f"{PEOPLE + 1} customers"
    assert "No customer matches" in page(client, "/customers/?has=advance")
    for junk in (
        "status=x",
        "zone=x",
        "package=1",
        "after=x",
        "before=~",
        "sort=x",
        "joined_from=x",
        "view=9",
        "expiry=9",
        "sort=name&after=%00~5",
        f"after={'9' * 30}",
        "joined_until=9999-12-31",
        "expires_from=0001-01-01",
    ):
        assert names(page(client, f"/customers/?{junk}")), junk


def test_own_fields_stand_in_the_list_in_files_and_on_papers_where_they_are_ticked(cast: Cast) -> None:
    on, at = date(2026, 2, 1), NOON
    with acting(cast.padma):
        shown = add_field(CustomField("Landlord", on_list=True, on_document=True), now=at)
        moved = add_field(CustomField("Moved in", kind="date", on_list=True), now=at)
        kept = add_field(CustomField("Gossip"), now=at)
        floors, card = (
            add_field(CustomField(label, kind="number", on_list=True), now=at) for label in ("Floors", "Card")
        )
        sign_up(cast, name="Mina", custom={shown: "=Rahim", moved: "2026-01-31", kept: "secret", floors: "৩.৫",
                                           card: "19871234567890123"})  # fmt: skip
        bill = rows("SELECT id FROM invoice")[0]["id"]
        paid = record_payment(customer_id=rows("SELECT id FROM customer")[0]["id"], amount_minor=100, method="cash",
                              received_on=on, now=at, request_key=request_key())  # fmt: skip
    client = signed_in("padma")
    text = page(client, "/customers/")
    assert ('data-label="Landlord"' in text, "=Rahim" in text, "31 Jan 2026" in text, "secret" in text) == (
        True, True, True, False,
    )  # fmt: skip
    table = list(csv.DictReader(io.StringIO(client.get("/customers/file/?as=csv").content.decode("utf-8-sig"))))
    assert (table[0]["Landlord"], table[0]["Moved in"], "Gossip" in table[0]) == ("'=Rahim", "2026-01-31", False)
    sheet = dict(zip(*sheet_of(client.get("/customers/file/?as=xlsx").content), strict=True))
    assert (sheet["Moved in"], sheet["Floors"], sheet["Card"]) == (date(2026, 1, 31), 3.5, "19871234567890123")
    for address in (f"/bills/{bill}/pdf/", f"/payments/{paid.payment_id}/pdf/"):
        words = text_of(client.get(address).content)
        assert ("Landlord" in words, "=Rahim" in words, "Moved in" in words, "secret" in words) == (
            True, True, False, False,
        )  # fmt: skip
        screen = page(client, address.removesuffix("pdf/"))
        assert ("Landlord" in screen, "=Rahim" in screen, "Moved in" in screen, "secret" in screen) == (
            True, True, False, False,
        )  # fmt: skip


def test_what_joins_bangla_letters_is_searched_and_paged_for(cast: Cast) -> None:
    name = "র\u200dয়াপিড নেট"
    with acting(cast.padma, cast.north):
        sign_up(cast, name=name)
        for n in range(50):
            sign_up(cast, name=f"র\u200dয়া {n:02}")
    client = signed_in("north")
    assert page(client, f"/customers/count/?q={name}") == "1 customer"
    first = page(client, "/customers/?sort=name")
    following = re.search(r'rel="next" href="([^"]+)"', first)
    assert following is not None
    assert name not in first
    assert name in page(client, "/customers/" + following[1].replace("&amp;", "&"))


def test_who_sees_no_bills_finds_nobody_by_promises_and_waiting_renewals(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        build_person(cast.riverside, "tower", "noc")
    client = signed_in("tower")
    for filters in ("promised=1", "held=1"):
        assert page(client, f"/customers/count/?{filters}") == page(client, "/customers/count/")
        assert page(signed_in("riverside"), f"/customers/count/?{filters}") == "0 customers"
    text = page(client, "/customers/")
    assert ('name="promised"' in text, 'name="held"' in text) == (False, False)


def test_columns_are_chosen_and_remembered(cast: Cast) -> None:
    client = signed_in("riverside")
    assert 'data-label="Mobile"' not in page(client, "/customers/")
    answer = client.post("/customers/columns/", {"columns": ["mobile", "session", "joined_on"]})
    assert answer.status_code == 303
    shown = page(client, "/customers/")
    assert 'data-label="Mobile"' in shown
    assert 'data-label="Package"' not in shown
    client.post("/customers/columns/", {})
    assert 'data-label="Package"' in page(client, "/customers/")


def test_columns_chosen_inside_a_view_are_the_views_or_the_readers_own(cast: Cast) -> None:
    owner = signed_in("riverside")
    for name in ("Ours", "Own"):
        owner.post("/customers/views/save/", {"name": name} | ({"is_shared": "on"} if name == "Ours" else {}))
    with acting(cast.padma, cast.riverside):
        build_person(cast.riverside, "salma", "noc")
        views = {row["name"]: row["id"] for row in rows("SELECT id, name FROM customer_view")}
    other, mine, shared = signed_in("salma"), f"view={views['Own']}", f"view={views['Ours']}"

    def heads(client: Client, view: str) -> tuple[bool, bool]:
        text = page(client, f"/customers/?sort=name&{view}")
        return 'data-label="Package"' in text, 'data-label="Address"' in text

    assert f"/customers/columns/?sort=name&amp;{mine}" in page(owner, f"/customers/?sort=name&{mine}")
    chosen = owner.post(f"/customers/columns/?sort=name&{mine}", {"columns": ["address"]})
    assert chosen["Location"] == f"/customers/?sort=name&{mine}"
    usual, addresses = (True, False), (False, True)
    assert (heads(owner, mine), heads(owner, "view="), heads(owner, shared)) == (addresses, usual, usual)
    assert "Everybody who opens this view" in page(owner, f"/customers/columns/?{shared}")
    assert "For you alone" in page(other, f"/customers/columns/?{shared}")
    other.post(f"/customers/columns/?{shared}", {"columns": ["address"]})
    assert (heads(other, shared), heads(other, "view="), heads(owner, shared)) == (addresses, usual, usual)
    other.post(f"/customers/columns/?{shared}", {})
    assert heads(other, shared) == usual  # none: as the view has them
    other.post(f"/customers/columns/?{mine}", {"columns": ["mac"]})  # no view of theirs: their own list
    assert heads(owner, mine) == addresses
    other.post(f"/customers/columns/?{shared}", {"columns": ["address"]})
    assert owner.post(f"/customers/views/{views['Ours']}/", {"what": "remove"}).status_code == 303
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT 1 FROM customer_list_choice WHERE of_views <> '{}'") == []


def test_views_keep_filters_and_columns_for_oneself_or_for_all(cast: Cast) -> None:
    owner = signed_in("riverside")
    for name, shared in (("Hotspots", "on"), ("Mine", "")):
        saved = owner.post(
            "/customers/views/save/?connection=hotspot&sort=name",
            {"name": name} | ({"is_shared": "on"} if shared else {}),
        )
        assert saved.status_code == 303
    again = owner.post("/customers/views/save/?connection=hotspot", {"name": "Mine"})
    assert (again.status_code, "of that name" in again.content.decode()) == (422, True)
    with acting(cast.padma, cast.riverside):
        build_person(cast.riverside, "nurul", "noc")
        views = {row["name"]: row["id"] for row in rows("SELECT id, name FROM customer_view")}
    other = signed_in("nurul")
    text = page(other, "/customers/?view=")
    assert ("Hotspots" in text, "Mine" in text) == (True, False)
    assert other.get(f"/customers/views/{views['Mine']}/").status_code == 404
    assert other.post(f"/customers/views/{views['Hotspots']}/", {"what": "remove"}).status_code == 403
    assert signed_in("rival").get(f"/customers/views/{views['Hotspots']}/").status_code == 404
    assert other.post(f"/customers/views/{views['Hotspots']}/", {"what": "default"}).status_code == 303
    opened = other.get("/customers/")
    assert (opened.status_code, f"view={views['Hotspots']}" in opened["Location"]) == (303, True)
    assert set(names(page(other, opened["Location"]))) == {"Person 00", "Person 01", "Person 02"}
    assert owner.post(f"/customers/views/{views['Hotspots']}/", {"what": "remove"}).status_code == 303
    assert len(set(names(page(other, "/customers/")))) > 3


def test_packages_for_many_are_those_that_fit_and_say_how_many(cast: Cast) -> None:
    """Home 20 is not sold for hotspots from here on; two of the four who are picked connect by them."""
    with acting(cast.padma):
        execute("UPDATE plan SET connection_types = %s WHERE name = %s", [["pppoe"], "Home 20"])
    with acting(cast.padma, cast.riverside):
        order = "SELECT s.customer_id AS id FROM radius_login l JOIN subscription s ON s.id = l.subscription_id WHERE "
        hotspots, others = (
            [row["id"] for row in rows(f"{order} l.connection_type = %s ORDER BY s.id LIMIT 2", [way])]
            for way in ("hotspot", "pppoe")
        )
    client = signed_in("riverside")

    def asked(*picked: int) -> str:
        return page(client, "/customers/bulk/package/?" + "&".join(f"pick={each}" for each in picked))

    mixed = asked(*hotspots, *others)
    assert re.search(r"Home 20 · [^<]+ · fits 2 of 4<", mixed)
    assert re.search(r"Home 10 · [\d,.]+<", mixed)
    assert "They connect by: Hotspot 2, PPPoE 2." in mixed
    assert "They connect by" not in asked(*others)
    assert ("Home 20" in asked(*hotspots), "Home 20" in asked(*others)) == (False, True)
    assert "Home 20" not in page(client, "/customers/bulk/package/?all=1&connection=hotspot")
    assert "fits 51 of 54" in page(client, "/customers/bulk/package/?all=1")
    with acting(cast.padma):
        execute("UPDATE plan SET connection_types = %s WHERE name = %s", [list(CONNECTION_TYPES), "Home 20"])


def test_an_act_on_many_is_looked_at_confirmed_and_done(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("riverside")
    with acting(cast.padma, cast.riverside):
        picked = [row["id"] for row in rows("SELECT id FROM customer ORDER BY id LIMIT 2")]
    address = f"/customers/bulk/suspend/?pick={picked[0]}&pick={picked[1]}&pick=x"
    assert "Suspend: 2 customers" in page(client, address)
    assert "Nobody is ticked" in page(client, "/customers/bulk/suspend/")
    assert client.get("/customers/bulk/sing/").status_code == 404
    assert client.post(address, {"why": ""}).status_code == 422
    assert "finds the best" not in page(client, "/customers/bulk/suspend/?all=1&q=person")
    monkeypatch.setattr(bulk, "FOUND", 50)
    assert "finds the best 50" in page(client, "/customers/bulk/suspend/?all=1&q=person&status=left")
    asked = client.post(address, {"why": "moves away"})
    assert asked.status_code == 303
    run = asked["Location"]
    assert "Looking at what it would do: 0 of 2" in page(client, run)
    tasks.carry_out_bulk(**jobs_of(cast, "backhaul.billing.tasks.carry_out_bulk")[-1])
    preview = page(client, run)
    assert "It will be done to 2 of 2 customers." in preview
    digest = re.search(r'name="digest" value="(\w+)"', preview)
    assert digest is not None
    assert client.post(run, {"digest": "0"}).status_code == 422
    assert client.post(run, {"digest": digest[1]}).status_code == 303
    tasks.carry_out_bulk(**jobs_of(cast, "backhaul.billing.tasks.carry_out_bulk")[-1])
    assert "Done to 2 customers." in page(client, run)
    assert set(names(page(client, "/customers/?status=suspended"))) == {"Person 00", "Person 01"}
    assert "moves away" in page(client, run)
    assert run in page(client, "/customers/bulk/")
    assert signed_in("rival").get(run).status_code == 404


def test_all_that_match_are_meant_by_their_filter(cast: Cast) -> None:
    client = signed_in("riverside")
    address = "/customers/bulk/package/?all=1&connection=hotspot"
    assert "3 customers" in page(client, address)
    package = f"{cast.padma.isp_id}-{cast.packages['Home 20']}"
    run = client.post(address, {"package": package})["Location"]
    tasks.carry_out_bulk(**jobs_of(cast, "backhaul.billing.tasks.carry_out_bulk")[-1])
    with acting(cast.padma, cast.riverside):
        execute("UPDATE bulk_item SET billed_minor = 500_00, fund_minor = -300_00")
    text = page(client, run)
    assert "of 3 customers" in text
    sums = ("Billed to the customers", "Your fund", 'data-label="Billed"')
    assert all(words in text for words in sums)
    with acting(cast.padma, cast.riverside):
        tower = build_person(cast.riverside, "tower-2", "noc")
        member = next(row["id"] for row in list_members() if row["user_id"] == tower)
        change_member(member_id=member, role="noc", permissions={"customers.view", "customers.bulk"}, at=clock.now())
    seen = page(signed_in("tower-2"), run)
    assert "of 3 customers" in seen and not any(words in seen for words in sums)
    assert set(names(page(client, f"{run}?show=fine"))) <= {"Person 00", "Person 01", "Person 02"}


def test_who_may_not_act_on_many_sees_no_boxes(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        build_person(cast.riverside, "cole", "collector")
    client = signed_in("cole")
    text = page(client, "/customers/")
    assert 'name="pick"' not in text
    assert "as=csv" not in text
    assert 'name="pick"' in page(signed_in("riverside"), "/customers/")


def test_a_small_list_is_a_file_at_once_and_nothing_in_it_is_a_formula(cast: Cast) -> None:
    client = signed_in("riverside")
    answer = client.get("/customers/file/?sort=name&as=csv")
    assert answer["Content-Disposition"].startswith('attachment; filename="customers-')
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0][:3] == ["Name", "Customer id", "Mobile"]
    assert "Due (BDT)" in table[0]
    assert re.search(r'Due <small class="bh-unit">BDT</small><svg', page(client, "/customers/"))
    assert len(table) == PEOPLE + 2
    assert table[1][0] == '\'=HYPERLINK("x")'
    sheet = sheet_of(client.get("/customers/file/?sort=name&as=xlsx").content)
    assert sheet[1][0] == '=HYPERLINK("x")'
    assert sheet[0] == table[0]
    assert len(sheet) == PEOPLE + 2


@pytest.mark.parametrize("file_type", ["csv", "xlsx"])
def test_a_large_list_is_made_by_a_job_and_fetched_by_who_asked(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, file_type: str
) -> None:
    monkeypatch.setattr(customer_files, "AT_ONCE", 2)
    monkeypatch.setattr(web_tasks, "PART_BYTES", 1000)
    client = signed_in("riverside")
    address = f"/customers/file/?connection=hotspot&sort=name&as={file_type}"
    assert "Make the file" in page(client, address)
    made = client.post(address)["Location"]
    assert "being made" in page(client, made)
    web_tasks.make_customer_file(**jobs_of(cast, customer_files.MAKE)[-1])
    assert "3 customers." in page(client, made)
    answer = client.get(f"{made}fetch/")
    content = b"".join(answer)
    table = list(csv.reader(io.StringIO(content.decode("utf-8-sig")))) if file_type == "csv" else sheet_of(content)
    assert [line[0] for line in table[1:]] == ["Person 00", "Person 01", "Person 02"]
    with acting(cast.padma, cast.riverside):
        build_person(cast.riverside, f"second-{file_type}", "owner")
    other = signed_in(f"second-{file_type}")
    assert other.get(made).status_code == other.get(f"{made}fetch/").status_code == 404


def test_more_rows_than_a_sheet_holds_go_on_in_the_next(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(customer_sheets, "MOST_ROWS", 50)
    content = signed_in("riverside").get("/customers/file/?sort=name&as=xlsx").content
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    sheets = [book.get_sheet_by_index(n).to_python() for n in range(len(book.sheet_names))]
    assert [len(sheet) for sheet in sheets] == [51, PEOPLE + 1 - 50 + 1]
    assert sheets[0][0] == sheets[1][0]


def test_old_files_go(cast: Cast) -> None:
    old = datetime(2026, 1, 1, tzinfo=UTC)
    with acting(cast.padma, cast.riverside):
        export = ask_for_export(file_type="csv", wanted={}, sort="name", columns=[], language="en", now=old)
        keep_export(export, [b"a", b"b"], items=1, now=old)
    assert drop_old_exports(cast.padma, now=datetime(2026, 1, 7, tzinfo=UTC)) == 0
    assert drop_old_exports(cast.padma, now=datetime(2026, 1, 9, tzinfo=UTC)) == 1


def test_a_filter_is_kept_for_a_job_as_it_is() -> None:
    whole = CustomerFilter(
        search="a", status="left", zone_id=1, package=(1, 2), profile=(3, 4), connection_type="pppoe",
        joined_from=date(2026, 1, 1), joined_until=date(2026, 1, 2), expires_from=date(2026, 1, 3),
        expires_until=date(2026, 1, 4), online=False, seen_at=datetime(2026, 1, 1, tzinfo=UTC), has="due",
        promised_on=date(2026, 1, 5), held=True,
    )  # fmt: skip
    assert from_json(as_json(whole)) == whole
    assert from_json(as_json(CustomerFilter())) == CustomerFilter()
