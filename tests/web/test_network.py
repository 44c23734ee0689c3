"""The network's pages: routers with what to type on them, open sessions, and those that are to end."""

from __future__ import annotations

import re
from datetime import timedelta

from django.test import Client

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.clock import now
from backhaul.operators.functions import rows
from backhaul.subscribers.services import suspend_subscription
from backhaul.web.console.pages import ROWS
from tests.builders import acting, build_person
from tests.network.conftest import as_admin
from tests.web.conftest import signed_in
from tests.web.test_actions import today
from tests.web.test_pages import JUNK
from tests.web.town import Town, build_town

ADD = "/network/routers/add/"
ROUTER = {
    "name": "Roof <2>", "source_address": "১৯২.০.২.১০", "secret": "pa$$word?", "interim_seconds": "120",
    "change_of_authorization_address": "192.0.2.11", "change_of_authorization_port": "3800",
}  # fmt: skip


def go_online(server: EmbeddedPostgres, username: str, times: int = 1) -> None:
    """Sessions of that login on North's router, two hours old."""
    as_admin(
        server,
        "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, login_version, framed_address, mac, nas_port, started_at, updated_at, interim_seconds, "
        "session_seconds, input_bytes, output_bytes) SELECT l.operator_id, n.operator_id, n.id, l.username, "
        "'s-' || t, '', l.id, l.version, '100.64.7.0'::inet + mod(l.id, 250), 'aabbcc001122', '', "
        "now() - interval '2 hours', now(), 300, 7200, 5000000, 900000000 FROM radius_login l, nas n, "
        "generate_series(1, %s) t WHERE l.username = %s AND n.name = 'Tower' ORDER BY t",
        times,
        username,
    )


def shown(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_router_is_added_with_its_lines_for_routeros_and_its_secret_is_seen_once(db: object) -> None:
    build_town()
    client = signed_in("north")
    page = client.post(ADD, ROUTER, headers={"Host": "203.0.113.5:8000"}).content.decode()
    for line in (
        r"/radius add service=ppp,hotspot address=203.0.113.5 secret=&quot;pa\$\$word\?&quot; "
        "authentication-port=1812 accounting-port=1813 timeout=3s",
        "/ppp aaa set use-radius=yes accounting=yes interim-update=120s",
        "/radius incoming set accept=yes port=3800",
    ):
        assert line in page
    (href,) = set(re.findall(r'href="(/network/routers/\d+/)edit/"', page))
    for address in (href, f"{href}edit/", "/network/routers/"):
        seen = shown(client, address)
        assert "Roof &lt;2&gt;" in seen
        assert "192.0.2.10" in seen
        assert "pa$$" not in seen and r"pa\$" not in seen
    assert "address=SERVER secret=&quot;SECRET&quot;" in shown(client, href)


def test_what_is_refused_stands_beside_its_field_and_keeps_what_was_typed(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    edit = f"/network/routers/{town.ids['router']}/edit/"
    for address in (ADD, edit):
        for field, value in (
            ("source_address", "here"),
            ("source_address", "0.0.0.0"),
            ("name", ""),
            ("name", "\x00"),
            ("secret", "pass word"),
            ("change_of_authorization_port", "70000"),
            ("interim_seconds", "5"),
            ("interim_seconds", "soon"),
        ):
            answer = client.post(address, {**ROUTER, field: value})
            assert answer.status_code == 422, (address, field, value)
            page = answer.content.decode()
            assert f'id="id_{field}_error"' in page, (address, field, value)
            assert 'value="120"' in page or field == "interim_seconds"
    taken = client.post(ADD, {**ROUTER, "source_address": "192.0.2.9"})
    assert re.search(r'id="id_source_address_error".*?belong to a router already', taken.content.decode(), re.S)
    named = client.post(ADD, {**ROUTER, "name": "Tower"})
    assert re.search(r'id="id_name_error".*?There is a router', named.content.decode(), re.S)
    with acting(town.cast.padma, town.cast.north):
        assert rows("SELECT name FROM nas") == [{"name": "Tower"}]


def test_a_router_is_edited_without_its_secret_being_typed_again(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    address = f"/network/routers/{town.ids['router']}/"
    sent = {**ROUTER, "name": "Mast", "secret": "", "change_of_authorization_address": ""}
    assert client.post(f"{address}edit/", {**sent, "enabled": "on"}).headers["Location"] == address
    assert "192.0.2.10:3800" in shown(client, address)
    assert "Disabled" not in shown(client, "/network/routers/")
    assert client.post(f"{address}edit/", sent).status_code == 303
    assert "Disabled" in shown(client, "/network/routers/")
    renewed = client.post(f"{address}edit/", {**sent, "secret": "a-new-secret"})
    assert "secret=&quot;a-new-secret&quot;" in renewed.content.decode()


def test_a_router_handed_down_is_seen_by_resellers_who_may_and_changed_by_nobody_below(db: object) -> None:
    town = build_town()
    padma = signed_in("padma")
    href = re.findall(r'href="(/network/routers/\d+/)edit/"', padma.post(ADD, ROUTER).content.decode())[0]
    north = signed_in("north")
    page = shown(north, "/network/routers/")
    assert "handed down by Padma" in page
    assert href not in page
    assert north.get(href).status_code == north.post(f"{href}edit/", ROUTER).status_code == 404
    assert "Tower" not in shown(padma, "/network/routers/")
    with acting(town.cast.padma, town.cast.north):
        build_person(town.cast.north, "north-noc", "noc")
        build_person(town.cast.north, "north-collector", "collector")
    assert signed_in("north-noc").get(ADD).status_code == 200
    assert signed_in("north-collector").get("/network/routers/").status_code == 403


def test_sessions_lead_to_customers_and_are_found_by_every_mark_of_theirs(db: EmbeddedPostgres) -> None:
    town = build_town()
    for name in ("rafiq.ahmed", "nadia.islam", "abdul.karim"):
        go_online(db, name)
    client = signed_in("north")
    page = shown(client, "/network/sessions/")
    assert "AA:BB:CC:00:11:22" in page
    assert "858.3" in page and "4.8" in page  # MB down and up, seen from the customer
    assert re.search(r'href="/customers/\d+/">Rafiq Ahmed', page)
    assert "abdul.karim" not in page  # Riverside's
    with acting(town.cast.padma, town.cast.north):
        (nadia,) = rows("SELECT host(framed_address) AS ip FROM radius_session_live WHERE username = 'nadia.islam'")
        (code,) = rows("SELECT code FROM customer WHERE username = 'nadia.islam'")
    for q in ("nadia.is", "NADIA.IS", "Nadia Islam", nadia["ip"], code["code"]):
        found = shown(client, f"/network/sessions/?q={q}")
        assert ("Nadia Islam" in found, "Rafiq Ahmed" in found) == (True, False), q
    assert "Rafiq Ahmed" in shown(client, "/network/sessions/?q=aa-bb-cc-00")
    assert "No session matches" in shown(client, "/network/sessions/?q=nobody")
    assert re.search(r">3<", shown(client, "/network/routers/").replace(" ", ""))  # on the router: Riverside's too


def test_a_page_of_sessions_goes_on_where_the_one_before_ended(db: EmbeddedPostgres) -> None:
    build_town()
    go_online(db, "nadia.islam")
    go_online(db, "rafiq.ahmed", times=ROWS)
    client = signed_in("north")
    first = shown(client, "/network/sessions/")
    assert (first.count(">Rafiq Ahmed<"), first.count(">Nadia Islam<")) == (ROWS, 0)
    (after,) = re.findall(r'rel="next" href="\?after=(\d+)"', first)
    second = shown(client, f"/network/sessions/?after={after}")
    assert (second.count(">Rafiq Ahmed<"), second.count(">Nadia Islam<")) == (0, 1)
    assert 'rel="next"' not in second


def test_a_disconnect_is_shown_with_its_reason_until_the_session_is_seen_to_end(db: EmbeddedPostgres) -> None:
    town = build_town()
    cast = town.cast
    client = signed_in("north")
    assert "Nothing waits" in shown(client, "/network/disconnects/")
    go_online(db, "rafiq.ahmed")
    with acting(cast.padma, cast.north):
        (service,) = rows(
            "SELECT s.id FROM subscription s JOIN customer c ON c.id = s.customer_id WHERE c.username = 'rafiq.ahmed'"
        )
        suspend_subscription(subscription_id=service["id"], why="asked for it", on=today(), at=now())
    waiting = shown(client, "/network/disconnects/")
    assert re.search(r'href="/customers/\d+/">Rafiq Ahmed', waiting)
    assert "Suspended" in waiting
    assert ">Asked<" in waiting
    as_admin(
        db,
        "UPDATE disconnect_request SET attempts = 41, last_error = 'refused: <session unknown>', next_try_at = %s",
        now() + timedelta(minutes=5),
    )
    tried = shown(client, "/network/disconnects/")
    assert "refused: &lt;session unknown&gt;" in tried
    assert ">41<" in tried
    as_admin(db, "UPDATE disconnect_request SET acknowledged_at = now()")
    assert ">Agreed<" in shown(client, "/network/disconnects/")
    as_admin(db, "UPDATE disconnect_request SET seen_ended_at = now()")
    assert "Nothing waits" in shown(client, "/network/disconnects/")
    assert "Seen to end" in shown(client, "/network/disconnects/?show=all")
    assert "Rafiq" not in shown(signed_in("padma"), "/network/disconnects/?show=all")


def test_junk_in_an_address_of_the_network_is_ignored(town: Town) -> None:
    client = signed_in("north")
    for address, names in (("/network/sessions/", ("q", "after")), ("/network/disconnects/", ("show", "after"))):
        for name in names:
            for junk in JUNK:
                assert client.get(f"{address}?{name}={junk}").status_code == 200, (address, name, junk)
    assert client.get("/network/routers/0/").status_code == 404
