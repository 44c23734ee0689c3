"""Routers as people add and change them: through the page, in front of a real FreeRADIUS, and what is refused."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client

from backhaul.common import clock
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.network import queries, services
from backhaul.operators.functions import rows
from backhaul.operators.queries import list_audit_events
from backhaul.operators.scope import acting_for_child, unit_of_work
from tests.builders import NOON, PASSWORD, acting, build_person
from tests.cast import Cast
from tests.network.conftest import Network, add_login, as_admin, found, found_isp
from tests.network.radius import SECRET, Radius

ADDRESS = "127.0.0.9"
DIRECTORY = "SELECT host(source_address) AS address FROM nas_directory ORDER BY source_address"


@pytest.fixture
def padma(cast: Cast) -> Iterator[Client]:
    """Padma's owner in a browser; a login "rina" of Padma's."""
    with acting(cast.padma):
        services.provision_login(
            operator_id=cast.padma.isp_id, isp_id=cast.padma.isp_id, username="rina", password="secret-1"
        )
    client = Client()
    answer = client.post("/sign-in/", {"username": "padma@padma", "password": PASSWORD})
    assert answer.status_code == 303
    yield client


def form(**changes: str) -> dict[str, str]:
    return {
        "name": "Tower", "source_address": ADDRESS, "secret": SECRET, "interim_seconds": "300",
        "change_of_authorization_address": "", "change_of_authorization_port": "3799", **changes,
    }  # fmt: skip


def believed() -> None:
    """Wait until FreeRADIUS looks its clients up anew: it takes in one unknown address a second."""
    time.sleep(2.1)


def test_a_router_added_by_the_page_works_on_its_first_packet_and_disabled_gets_silence(
    padma: Client, radius: Radius
) -> None:
    assert radius.login("rina", source=ADDRESS).code == ""
    believed()
    page = padma.post("/network/routers/add/", form()).content.decode()
    assert f"secret=&quot;{SECRET}&quot;" in page
    assert "/radius incoming set accept=yes port=3799" in page
    assert radius.login("rina", source=ADDRESS).code == "Access-Accept"
    (href,) = {line for line in page.split('"') if line.startswith("/network/routers/") and line.endswith("/edit/")}

    assert padma.post(href, form(secret="")).status_code == 303
    believed()
    assert radius.login("rina", source=ADDRESS).code == ""
    assert padma.post(href, form(secret="another-1", enabled="on")).status_code == 200
    believed()
    assert radius.login("rina", source=ADDRESS, secret=SECRET).code == ""
    assert radius.login("rina", source=ADDRESS, secret="another-1").code == "Access-Accept"


def test_a_router_at_a_new_address_is_known_there_and_no_longer_at_the_old_one(
    network: Network, radius: Radius
) -> None:
    add_login(network)
    with unit_of_work(network.isp):
        services.update_nas(nas_id=network.nas_id, at=NOON, source_address=" 127.0.0.10 ", name="Tower 2")
    assert found(network, DIRECTORY) == [{"address": "127.0.0.10"}]
    believed()
    assert radius.login("rina").code == ""
    assert radius.login("rina", source="127.0.0.10").code == "Access-Accept"
    with unit_of_work(network.isp):
        (event,) = [event for event in list_audit_events("nas", network.nas_id) if event["verb"] == "changed"]
    assert event["detail"] == {"before": {"name": "core", "source_address": "127.0.0.1"}}


def test_the_trail_says_that_a_secret_was_changed_and_neither_which_nor_what_stayed(network: Network) -> None:
    with unit_of_work(network.isp):
        services.update_nas(nas_id=network.nas_id, at=NOON, name="core", secret="another-1", enabled=True)
        events = [event["detail"] for event in list_audit_events("nas", network.nas_id)]
        services.update_nas(nas_id=network.nas_id, at=NOON, name="core", enabled=True)
        assert len(list_audit_events("nas", network.nas_id)) == 2
    assert events == [{"before": {"secret": None}}, {"address": "127.0.0.1"}]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"source_address": ""}, "source_address"),
        ({"source_address": "here"}, "source_address"),
        ({"source_address": "0.0.0.0"}, "source_address"),
        ({"source_address": "224.0.0.1"}, "source_address"),
        ({"source_address": "fe80::1%eth0"}, "source_address"),
        ({"secret": "short"}, "secret"),
        ({"secret": 'has "quotes"'}, "secret"),
        ({"change_of_authorization_address": "::g"}, "change_of_authorization_address"),
        ({"change_of_authorization_port": 0}, "change_of_authorization_port"),
        ({"change_of_authorization_port": 65536}, "change_of_authorization_port"),
        ({"interim_seconds": 59}, "interim_seconds"),
        ({"interim_seconds": 3601}, "interim_seconds"),
    ],
)
def test_a_setting_that_no_router_can_have_is_refused_by_its_name(
    network: Network, changes: dict[str, Any], field: str
) -> None:
    given = {"name": "new", "source_address": "127.0.0.20", "secret": SECRET, **changes}
    with pytest.raises(InvalidInput) as added, unit_of_work(network.isp):
        services.register_nas(at=NOON, **given)
    with pytest.raises(InvalidInput) as changed, unit_of_work(network.isp):
        services.update_nas(nas_id=network.nas_id, at=NOON, **changes)
    assert (added.value.field, changed.value.field) == (field, field)
    assert found(network, DIRECTORY) == [{"address": "127.0.0.1"}]


def test_a_taken_address_or_name_is_refused_and_nothing_moves(network: Network) -> None:
    meghna = found_isp("meghna")
    with unit_of_work(meghna):
        services.register_nas(name="core", source_address="127.0.0.21", secret=SECRET, at=NOON)
    with unit_of_work(network.isp):
        second = services.register_nas(name="second", source_address="127.0.0.22", secret=SECRET, at=NOON)
    taken = ({"source_address": "127.0.0.21"}, {"source_address": "127.0.0.22"})
    for changes in (*taken, {"source_address": "127.0.0.23", "name": "second"}):
        expected = services.RouterExists if "name" in changes else services.AddressTaken
        with pytest.raises(expected), unit_of_work(network.isp):
            services.update_nas(nas_id=network.nas_id, at=NOON, **changes)
        with pytest.raises(expected), unit_of_work(network.isp):
            services.register_nas(at=NOON, **{"name": "third", "secret": SECRET, **changes})
    assert [row["address"] for row in found(network, DIRECTORY)] == ["127.0.0.1", "127.0.0.21", "127.0.0.22"]
    with pytest.raises(NotFound), unit_of_work(meghna):
        services.update_nas(nas_id=second, at=NOON, enabled=False)
    with pytest.raises(NotFound), unit_of_work(network.isp), acting_for_child(network.north):
        services.update_nas(nas_id=second, at=NOON, enabled=False)


def test_only_who_edits_the_network_adds_and_changes_routers(cast: Cast) -> None:
    with acting(cast.padma):
        router = services.register_nas(name="core", source_address=ADDRESS, secret=SECRET, at=NOON)
        collector, noc = (build_person(cast.padma.isp_id, role, role) for role in ("collector", "noc"))
    for operator_id, user_id in ((cast.padma.isp_id, collector), (cast.riverside, cast.owners["riverside"])):
        with pytest.raises(NotAllowed), acting(cast.padma, operator_id, user_id=user_id):
            services.register_nas(name="mine", source_address="127.0.0.30", secret=SECRET, at=NOON)
        with pytest.raises(NotAllowed), acting(cast.padma, operator_id, user_id=user_id):
            services.update_nas(nas_id=router, at=NOON, enabled=False)
    with acting(cast.padma, user_id=noc):
        services.update_nas(nas_id=router, at=NOON, enabled=False)
        assert rows("SELECT enabled FROM nas") == [{"enabled": False}]


def test_its_owner_counts_all_sessions_of_a_router_and_who_was_handed_it_its_own(
    network: Network, server: object
) -> None:
    for number in range(3):
        add_login(network, f"north{number}", child=True, subscription_id=number)
    add_login(network, "padma")
    as_admin(
        server,  # type: ignore[arg-type]
        "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, login_version, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
        "input_bytes, output_bytes) SELECT operator_id, %s, %s, username, 's', '', id, 1, '', '', now(), "
        "now() - (username = 'north2')::integer * interval '601 seconds', 300, 0, 0, 0 FROM radius_login ORDER BY id",
        network.isp.isp_id,
        network.nas_id,
    )
    now = clock.now()
    with unit_of_work(network.isp):
        assert [(row["own"], row["sessions"]) for row in queries.list_nas(now=now)] == [(True, 3)]
        assert [row["username"] for row in queries.list_sessions(now=now)] == ["padma"]
        with acting_for_child(network.north):
            (row,) = queries.list_nas(now=now)
            assert (row["own"], row["owner"], row["sessions"]) == (False, "Padma", 2)
            assert [(row["username"], row["online"]) for row in queries.list_sessions(now=now)] == [
                ("north2", False), ("north1", True), ("north0", True),
            ]  # fmt: skip
