"""The page of one customer: its parts, its timeline, documents, fields of the operator's own, templates, lookalikes."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import psycopg
from django.core.files.uploadedfile import SimpleUploadedFile

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.clock import now
from backhaul.operators.functions import rows
from backhaul.subscribers.custom_fields import CustomField, add_field
from backhaul.subscribers.services import update_customer
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.test_actions import count, new_customer, today, typed_in
from tests.web.town import build_town

PARTS = ("", "statement/", "bills/", "payments/", "usage/", "sessions/", "documents/", "timeline/")
IN_TAB = {"HX-Request": "true", "HX-Target": "results"}
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_a_tab_comes_alone_when_it_is_asked_for_so_and_with_its_frame_otherwise(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    home = f"/customers/{town.ids['customer']}/"
    for part in PARTS:
        whole = client.get(home + part).content.decode()
        alone = client.get(home + part, headers=IN_TAB).content.decode()
        assert "<html" in whole and "Due now" in whole, part
        assert "<html" not in alone and "Due now" not in alone, part
        assert alone.count('aria-current="page"') == 1, part
        assert (
            f'href="{home}{part}" hx-get="{home}{part}" hx-target="#results" hx-push-url="true" aria-current' in alone
        )


def test_a_tab_with_nothing_in_it_says_when_something_comes(db: object) -> None:
    town = build_town()
    page = signed_in("riverside").get(f"/customers/{town.ids['customer']}/sessions/").content.decode()
    assert "No session yet." in page and "<table" not in page


def test_a_role_sees_only_the_tabs_that_it_may_open(db: object) -> None:
    town = build_town()
    page = signed_in("noc").get(f"/customers/{town.ids['customer']}/").content.decode()
    tabs = re.findall(r'hx-get="/customers/\d+/(\w*)/?" hx-target', page)
    assert tabs == ["", "usage", "sessions", "documents", "timeline"]
    told = text_of(signed_in("noc").get(f"/customers/{town.ids['customer']}/timeline/").content.decode())
    assert "Customer added" in told
    assert not re.search(r"Bill \d|receipt \d|Deposit taken", told)


def test_the_timeline_tells_who_did_what_and_why_and_opens_to_it(db: object) -> None:
    town = build_town()
    client, ids = signed_in("riverside"), town.ids
    home = f"/customers/{ids['customer']}/"
    edited = {**typed_in(client, f"{home}edit/"), "name": "Abdul Karim Mia", "address": "", "mobile": "01711000000"}
    assert client.post(f"{home}edit/", edited).status_code == 303
    client.post(f"{home}suspend/", {"why": "asked for it"})
    client.post(f"{home}lift/by_hand/", {})
    page = client.get(f"{home}timeline/").content.decode()
    told = text_of(page)
    for words in ("Name: Abdul Karim → Abdul Karim Mia", "Suspended by a person", "asked for it", "Riverside",
                  "Over: Suspended by a person", "Deposit taken in", "router on loan", "Customer added"):  # fmt: skip
        assert words in told, words
    assert not re.search("(?i)lift.block|edit.customer", told)  # told once, not by the page's own name again
    assert f'href="/bills/{ids["bill"]}/"' in page
    assert f'href="/payments/{ids["payment"]}/"' in page
    only = text_of(client.get(f"{home}timeline/?kind=payments").content.decode())
    assert "receipt" in only
    assert "Customer added" not in only


def test_the_timeline_goes_on_where_the_page_before_ended(db: object) -> None:
    town = build_town()
    pk = town.ids["customer"]
    with acting(town.cast.padma, town.cast.riverside):
        for n in range(70):  # all of one instant: the place says which of them was last
            update_customer(customer_id=pk, at=now().replace(microsecond=0), mobile=f"017110001{n:02d}")
    client = signed_in("riverside")
    seen: list[str] = []
    address: str | None = f"/customers/{pk}/timeline/?kind=changes"
    while address:
        page = client.get(address).content.decode()
        seen += re.findall(r"→ (017110001\d\d)", page)
        onwards = re.search(r'rel="next" href="([^"]+)"', page)
        address = f"/customers/{pk}/timeline/{onwards[1].replace('&amp;', '&')}" if onwards else None
    assert seen == [f"017110001{n:02d}" for n in reversed(range(70))]


def test_a_document_is_what_it_holds_not_what_it_is_called(db: object) -> None:
    town = build_town()
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/documents/"

    def send(name: str, content: bytes, **fields: str) -> Any:
        file = SimpleUploadedFile(name, content, content_type="image/png")
        return client.post(f"{home}add/", {"title": "Card", "request_key": str(uuid4()), "file": file, **fields})

    refused = send("card.png", b"<html><script>alert(1)</script>")
    assert (refused.status_code, "neither PDF, JPEG nor PNG" in refused.content.decode()) == (422, True)
    assert "at most 5 MB" in send("card.png", PNG + b"\0" * 5 * 1024 * 1024).content.decode()
    key = str(uuid4())
    for _twice in range(2):
        assert send("card.exe", PNG, request_key=key).status_code == 303
    assert count(town, "customer_document WHERE title = 'Card'") == 1
    href = re.findall(r'href="(/customers/\d+/documents/\d+/)"', client.get(home).content.decode())[0]
    shown = client.get(href)
    assert shown.content == PNG
    assert (shown["Content-Type"], shown["X-Content-Type-Options"]) == ("image/png", "nosniff")
    assert shown["Content-Disposition"] == 'inline; filename="Card.png"'
    other = f"/customers/{town.ids['suspended']}/documents/{href.split('/')[-2]}/"
    assert client.get(other).status_code == 404


def test_a_withdrawn_document_is_shown_to_nobody_and_still_known(db: object) -> None:
    town = build_town()
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/documents/"
    one = f"{home}{town.ids['document']}/"
    pdf = client.get(one)
    assert pdf["Content-Disposition"] == 'attachment; filename="Contract.pdf"'
    assert client.post(f"{one}withdraw/", {}).status_code == 303
    assert client.get(one).status_code == 404
    page = text_of(client.get(home).content.decode())
    assert "1 document was withdrawn" in page and "Contract" in page and "Riverside" in page


def test_usage_is_split_at_midnight_and_adds_up(server: EmbeddedPostgres, db: object) -> None:
    town = build_town()
    pk, mega = town.ids["customer"], 1024 * 1024
    midnight = f"('{today()}'::timestamp AT TIME ZONE 'Asia/Dhaka')"
    with psycopg.connect(server.admin_url.rsplit("/", 1)[0] + "/backhaul", autocommit=True) as admin:
        admin.execute(f"SET search_path = {town.cast.padma.cell}, public, ext")
        admin.execute(
            "INSERT INTO radius_session_history (operator_id, nas_operator_id, nas_id, username, acct_session_id, "
            "nonce, login_id, mac, nas_port, started_at, stopped_at, session_seconds, input_bytes, output_bytes, "
            "ended_by, terminate_cause) "
            "SELECT l.operator_id, n.operator_id, n.id, l.username, 's', '', l.id, '', '', "
            f"{midnight} - interval '3 h', {midnight} + interval '1 h', 14400, %s, %s, 'stop', '' "
            "FROM radius_login l, nas n WHERE l.username = 'abdul.karim' AND n.id = %s",
            [4 * mega, 100 * mega, town.ids["router"]],
        )
    client = signed_in("riverside")
    page = client.get(f"/customers/{pk}/usage/").content.decode()
    table = dict(re.findall(r'<td class="bh-lead">([^<]+)</td><td class="bh-figure" data-label="Down">([^<]+)<', page))
    known = [value for value in table.values() if not value.startswith("0")]
    assert known == ["25.0\xa0MB", "75.0\xa0MB"]
    assert len(table) == 30
    months = client.get(f"/customers/{pk}/usage/?by=month").content.decode()
    assert "100.0\xa0MB" in months
    assert len(re.findall(r'<td class="bh-lead">', months)) == 12


def test_whoever_looks_like_a_customer_is_warned_of_once_and_added_all_the_same(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    asked = client.get("/customers/add/check/?name=Somebody&mobile=01711-000000&username=abdul.karim").content.decode()
    assert "Abdul Karim" in asked and "the same mobile" in asked
    assert "is taken" in asked and 'data-value="somebody"' in asked
    sent = new_customer(town, client, mobile="01711000000")
    first = client.post("/customers/add/", sent)
    page = first.content.decode()
    assert first.status_code == 422
    assert "You may have this customer already" in page and 'value="Farid Hossain"' in page
    assert count(town, "customer WHERE username = 'farid'") == 0
    seen = re.search(r'name="seen" value="([\d-]+)"', page)
    assert seen
    again = client.post("/customers/add/", {**sent, "seen": seen[1]})
    assert again.status_code == 303
    assert count(town, "customer WHERE username = 'farid'") == 1
    assert client.post("/customers/add/", sent).headers["Location"] == again.headers["Location"]


def test_a_template_and_a_customer_fill_the_form_and_nothing_personal_is_copied(db: object) -> None:
    town = build_town()
    client, ids = signed_in("riverside"), town.ids
    by_template = typed_in(client, f"/customers/add/?template={ids['template']}")
    assert by_template["package"].endswith(f"-{town.cast.packages['Home 10']}")
    assert by_template["zone"] == str(ids["zone"])
    like = typed_in(client, f"/customers/add/?like={ids['customer']}")
    with acting(town.cast.padma, town.cast.riverside):
        (usual,) = rows("SELECT DISTINCT profile_operator_id || '-' || profile_id AS key FROM subscription")
    assert typed_in(client, "/customers/add/")["profile"] == usual["key"]  # not the first one by name
    assert typed_in(signed_in("rival"), "/customers/add/")["profile"] == ""  # has nobody yet: it is to be chosen
    assert like["package"] and not like["name"] and not like["mobile"] and not like["username"]
    assert client.get("/customers/add/?like=1").status_code == 404
    saved = {**typed_in(client, f"/customers/templates/{ids['template']}/"), "username_prefix": "hb-"}
    assert client.post(f"/customers/templates/{ids['template']}/", saved).status_code == 303
    assert re.fullmatch(r"hb-\d{4}", typed_in(client, f"/customers/add/?template={ids['template']}")["username"])
    client.post(f"/customers/templates/{ids['template']}/archive/", {})
    assert client.get(f"/customers/add/?template={ids['template']}").status_code == 404


def test_a_field_of_ones_own_is_asked_judged_kept_and_shown(db: object) -> None:
    town = build_town()
    with acting(town.cast.padma, town.cast.riverside):
        card = add_field(CustomField("Identity card", kind="number", is_required=True), now=now())
        since = add_field(CustomField("Lives here since", kind="date"), now=now())
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/"
    sent = typed_in(client, f"{home}edit/")
    assert "Identity card is required" in text_of(_put(client, home, sent)) or "required" in text_of(
        _put(client, home, sent)
    )
    wrong = _put(client, home, {**sent, f"custom_{card}": "12a", f"custom_{since}": ""})
    assert "is not a number" in wrong and 'value="12a"' in wrong
    right = {**sent, f"custom_{card}": "১,২৩৪.৫০", f"custom_{since}": "2026-02-28"}
    assert client.post(f"{home}edit/", right).status_code == 303
    page = text_of(client.get(home).content.decode())
    assert "Identity card 1234.5" in page and "28 Feb 2026" in page
    told = text_of(client.get(f"{home}timeline/?kind=changes").content.decode())
    assert "Identity card: – → 1234.5" in told and "Lives here since: – → 28 Feb 2026" in told


def _put(client: Any, home: str, sent: dict[str, str]) -> str:
    answer = client.post(f"{home}edit/", sent)
    assert answer.status_code == 422
    return str(answer.content.decode())


def test_a_place_on_the_map_is_pasted_whole_and_leads_to_who_lives_there(db: object) -> None:
    town = build_town()
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/"
    assert "give zones, boxes and customers" in client.get(f"/zones/{town.ids['zone']}/").content.decode()
    filled = typed_in(client, home + "edit/") | {"zone": str(town.ids["zone"])}
    beyond = client.post(home + "edit/", filled | {"latitude": "১২৩.৫, ৯০.৪"})
    assert beyond.status_code == 422 and "A latitude lies between" in beyond.content.decode()
    assert client.post(home + "edit/", filled | {"latitude": " ২৩.৮১০৩,  90.4125"}).status_code == 303
    assert "23.810300, 90.412500" in client.get(home).content.decode()
    drawn = client.get(f"/zones/{town.ids['zone']}/").content.decode()
    assert re.search(rf'<svg class="bh-map".*<a href="{home}"[^>]*><title>', drawn, re.DOTALL)


def test_a_stop_says_what_it_does_to_the_session_and_what_lifts_it(db: object) -> None:
    town = build_town()
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/"
    for act, then in (("suspend", "only the pay page opens"), ("disable", "Logins are then refused")):
        told = text_of(client.get(f"{home}{act}/").content.decode())
        assert then in told and "No money moves" in told, act
        assert "a payment does not" in told, act
    assert "charged anew" in text_of(client.get(f"{home}leave/").content.decode())
    off = text_of(client.get(f"/customers/{town.ids['suspended']}/").content.decode())
    assert "Why it is off" in off and "A person lifts the suspension" in off


def test_who_leaves_and_comes_back_is_shown_first_what_it_costs(db: object) -> None:
    town = build_town()
    client, home = signed_in("riverside"), f"/customers/{town.ids['customer']}/"
    confirmed = {**typed_in(client, f"{home}bill-now/"), "confirmed": "1"}
    assert client.post(f"{home}bill-now/", confirmed).status_code == 303
    asked = text_of(client.get(f"{home}leave/").content.decode())
    assert "unused days are given back" in asked or "No unused days are left" in asked
    assert client.post(f"{home}leave/", {"why": "moved", "credit": "on"}).status_code == 303
    shown = text_of(client.get(f"{home}lift/left/").content.decode())
    assert "Your fund" in shown or "Nothing is billed now" in shown
    assert count(town, "subscription WHERE left_on IS NOT NULL") == 1  # looked at, not done
    assert client.post(f"{home}lift/left/", {}).status_code == 303
    assert count(town, "subscription WHERE left_on IS NOT NULL") == 0


def test_ids_look_as_they_are_set_and_what_customers_have_stays(db: object) -> None:
    town = build_town()
    north, path = signed_in("north"), "/settings/customer-ids/"
    sent = {**typed_in(north, path), "infix": "{zone}-", "digits": "3", "prefix": "OTHER-", "next_number": "1"}
    page = north.post(path, {**sent, "look": "1"}).content.decode()
    ids = re.findall(r"<code>([^<]+)</code>", page)
    assert len(ids) == 3 and all(re.fullmatch(r"NOR-ZONE-\d{3}", each) for each in ids)
    assert north.post(path, sent).status_code == 303
    with acting(town.cast.padma, town.cast.north):
        assert rows(
            "SELECT prefix, infix, digits FROM customer_numbering WHERE operator_id = %s", [town.cast.north]
        ) == [{"prefix": "NOR-", "infix": "{zone}-", "digits": 3}]
    assert north.post(path, {**sent, "infix": "{nothing}"}).status_code == 422
