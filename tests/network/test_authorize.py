"""Logins through a real FreeRADIUS: who gets in, with what, and who is told why not (SPEC §5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from backhaul.billing.plan_edits import edit_plan
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.network import services
from backhaul.operators.scope import acting_for_child, unit_of_work
from tests.builders import acting, build_customer
from tests.cast import Cast
from tests.network import mschap
from tests.network.conftest import Network, add_login, as_admin, found, found_isp
from tests.network.radius import SECRET, Radius, eap_login


def test_an_active_login_gets_its_rate_and_pool(network: Network, radius: Radius) -> None:
    login = add_login(network)
    reply = radius.login("rina")
    assert reply.code == "Access-Accept", reply.raw
    assert reply["Mikrotik-Rate-Limit"] == "10240k/20480k"
    assert reply["Framed-Pool"] == "clients"
    assert reply["Session-Timeout"] == "86400"
    assert 270 <= int(reply["Acct-Interim-Interval"]) <= 330
    assert "Message-Authenticator" in reply
    assert bytes.fromhex(reply["Class"][2:]).decode().startswith(f"{network.isp.isp_id}:{login}:1:")


def test_the_next_login_after_a_change_of_the_plan_gets_the_new_rate_and_pool(cast: Cast, radius: Radius) -> None:
    with acting(cast.padma):
        services.register_nas(name="core", source_address="127.0.0.1", secret=SECRET, at=clock.now())
        pool = (cast.padma.isp_id, services.add_pool(name="fast", network="100.96.0.0/18"))
    with acting(cast.padma, cast.riverside):
        build_customer(cast, username="rina", password="secret-1")
    assert radius.login("rina")["Mikrotik-Rate-Limit"] == "10240k/10240k"
    with acting(cast.padma):
        terms: dict[str, Any] = {
            "name": "Home 30",
            "down_kbps": 30_720,
            "up_kbps": 15_360,
            "connection_types": ["pppoe"],
        }
        edit_plan(plan_id=cast.plans["Home 10"], pool=pool, now=clock.now(), **terms)
    reply = radius.login("rina")
    assert (reply["Mikrotik-Rate-Limit"], reply["Framed-Pool"]) == ("15360k/30720k", "fast")


def test_two_logins_report_at_different_intervals(network: Network, radius: Radius) -> None:
    for name in ("rina", "karim", "mina"):
        add_login(network, name)
    intervals = {radius.login(name)["Acct-Interim-Interval"] for name in ("rina", "karim", "mina")}
    assert len(intervals) > 1


@pytest.mark.parametrize("method", ["User-Password", "CHAP-Password", "MS-CHAP-Password"])
def test_radclient_logs_in_and_a_wrong_password_is_refused(network: Network, radius: Radius, method: str) -> None:
    add_login(network)
    assert radius.login("rina", method=method).code == "Access-Accept"
    wrong = radius.login("rina", "secret-2", method=method)
    assert wrong.code == "Access-Reject"
    assert wrong["Reply-Message"] == "wrong password"
    assert "Message-Authenticator" in wrong
    assert not {"Framed-Pool", "Mikrotik-Rate-Limit", "Class", "Session-Timeout"} & set(wrong.attributes)


def test_mschapv2_logs_in_and_the_server_proves_itself(network: Network, radius: Radius) -> None:
    add_login(network)
    assert mschap.login(radius.port, SECRET, "rina", "secret-1")
    assert not mschap.login(radius.port, SECRET, "rina", "secret-2")


@pytest.mark.parametrize("method", ["MSCHAPV2", "MD5"])
def test_eap_logs_in_and_a_wrong_password_is_refused(network: Network, radius: Radius, method: str) -> None:
    add_login(network)
    assert eap_login(radius, method, "rina", "secret-1")
    assert not eap_login(radius, method, "rina", "secret-2")


def test_a_static_address_replaces_the_pool(network: Network, radius: Radius) -> None:
    add_login(network, static_ip="203.0.113.9")
    reply = radius.login("rina")
    assert reply["Framed-IP-Address"] == "203.0.113.9"
    assert "Framed-Pool" not in reply


def test_a_suspended_login_lands_in_the_walled_garden_without_its_static_address(
    network: Network, radius: Radius
) -> None:
    add_login(network, static_ip="203.0.113.9", access="walled")
    reply = radius.login("rina")
    assert reply.code == "Access-Accept"
    assert reply["Framed-Pool"] == "walled"
    assert reply["Mikrotik-Address-List"] == "expired"
    assert reply["Mikrotik-Rate-Limit"] == "256k/256k"
    assert reply["Session-Timeout"] == "600"
    assert "Framed-IP-Address" not in reply
    assert radius.login("rina", "secret-2").code == "Access-Reject"


def test_a_login_that_expires_soon_is_given_the_time_left(network: Network, radius: Radius) -> None:
    add_login(network, expires_at=clock.now() + timedelta(minutes=50))
    assert 2990 <= int(radius.login("rina")["Session-Timeout"]) <= 3000


def test_an_expired_login_lands_in_the_walled_garden(network: Network, radius: Radius) -> None:
    add_login(network, expires_at=clock.now() - timedelta(seconds=1))
    assert radius.login("rina")["Framed-Pool"] == "walled"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"access": "reject"}, "disabled"),
        ({"access": "reject", "reject_reason": "left"}, "left"),
        ({"mac": "aa-bb-cc-00-00-02"}, "wrong MAC address"),
    ],
)
def test_who_is_refused_is_told_why(network: Network, radius: Radius, settings: dict[str, Any], message: str) -> None:
    add_login(network, **settings)
    reply = radius.login("rina")
    assert (reply.code, reply["Reply-Message"]) == ("Access-Reject", message)
    assert "Message-Authenticator" in reply


def test_an_unknown_name_is_refused(network: Network, radius: Radius) -> None:
    assert radius.login("nobody")["Reply-Message"] == "unknown user name"


def test_a_mac_address_matches_however_it_is_written(network: Network, radius: Radius) -> None:
    add_login(network, mac="aabb.cc00.0001")
    assert radius.login("rina", mac="AA-BB-CC-00-00-01").code == "Access-Accept"


def test_quotes_backslashes_and_percent_signs_are_only_characters(network: Network, radius: Radius) -> None:
    odd = ["p|q'r\"s", "back\\tslash\\", "%{User-Name}", "$x${y}", " blanks "]
    for number, password in enumerate(odd):
        add_login(network, f"o'neil-{number}", password=password, subscription_id=number)
    assert [mschap.login(radius.port, SECRET, f"o'neil-{number}", odd[number]) for number in range(len(odd))] == [
        True
    ] * len(odd)
    assert radius.login("x' OR '1'='1").code == "Access-Reject"


def test_bangla_names_log_in_and_broken_text_is_refused(network: Network, radius: Radius) -> None:
    add_login(network, "রহিম", password="গোপন")
    assert radius.login("রহিম", "গোপন").code == "Access-Accept"
    broken = radius.login("rina\udcff")
    assert (broken.code, broken["Reply-Message"]) == ("Access-Reject", "user name is not valid UTF-8")


def test_a_block_on_the_operator_walls_in_or_refuses_its_customers_alone(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network, "of-padma")
    add_login(network, "of-north", child=True)
    block = """INSERT INTO operator_block (operator_id, reason, effect, from_on, from_at)
        VALUES (%s, %s, %s, current_date, now())"""
    as_admin(server, block, network.north, "operator_minimum_balance", "walled")
    assert radius.login("of-north")["Framed-Pool"] == "walled"
    assert radius.login("of-padma")["Framed-Pool"] == "clients"
    as_admin(server, block, network.north, "by_hand", "reject")
    assert radius.login("of-north")["Reply-Message"] == "service is blocked"
    as_admin(server, "UPDATE operator_block SET to_at = now(), to_on = current_date")
    assert radius.login("of-north")["Framed-Pool"] == "clients"


def test_a_second_place_is_refused_and_the_same_device_may_dial_again(network: Network, radius: Radius) -> None:
    add_login(network)
    mac = "AA:BB:CC:00:00:01"
    radius.account("Start", User_Name="rina", Acct_Session_Id="s1", Calling_Station_Id=mac)
    assert radius.login("rina", mac=mac).code == "Access-Accept"
    other = radius.login("rina", mac="AA:BB:CC:00:00:02")
    assert (other.code, other["Reply-Message"]) == ("Access-Reject", "already online elsewhere")


def test_a_session_that_fell_silent_blocks_nobody(network: Network, radius: Radius, server: EmbeddedPostgres) -> None:
    add_login(network)
    radius.account("Start", User_Name="rina", Acct_Session_Id="s1", Calling_Station_Id="AA:BB:CC:00:00:01")
    as_admin(server, "UPDATE radius_session_live SET updated_at = now() - interim_seconds * interval '2.6 seconds'")
    assert radius.login("rina", mac="AA:BB:CC:00:00:02").code == "Access-Accept"


def test_an_unknown_router_or_secret_gets_no_answer(network: Network, radius: Radius) -> None:
    add_login(network)
    assert radius.login("rina", source="127.0.0.77").code == ""
    assert radius.login("rina", secret="testing124").code == ""


def test_a_new_router_works_at_once_and_a_disabled_one_no_longer(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    with unit_of_work(network.isp):
        services.register_nas(name="second", source_address="127.0.0.5", secret=SECRET, at=clock.now())
    assert radius.login("rina", source="127.0.0.5").code == "Access-Accept"
    as_admin(server, "UPDATE nas SET enabled = false WHERE name = 'second'")
    assert radius.login("rina", source="127.0.0.5").code != "Access-Accept"


def test_two_isps_have_the_same_user_name_and_their_own_routers(network: Network, radius: Radius) -> None:
    add_login(network, "rina", password="padma-pw")
    meghna = found_isp("meghna")
    with unit_of_work(meghna):
        services.register_nas(name="core", source_address="127.0.0.6", secret=SECRET, at=clock.now())
        services.provision_login(
            operator_id=meghna.isp_id, isp_id=meghna.isp_id, username="rina", password="meghna-pw", subscription_id=1
        )
    assert radius.login("rina", "padma-pw").code == "Access-Accept"
    assert radius.login("rina", "meghna-pw").code == "Access-Reject"
    assert radius.login("rina", "meghna-pw", source="127.0.0.6").code == "Access-Accept"
    assert radius.login("rina", "padma-pw", source="127.0.0.6").code == "Access-Reject"


def test_an_address_serves_one_isp_only(network: Network) -> None:
    meghna = found_isp("meghna")
    with pytest.raises(services.AddressTaken), unit_of_work(meghna):
        services.register_nas(name="thief", source_address="127.0.0.1", secret=SECRET, at=clock.now())


def test_a_change_of_access_decides_the_next_login(network: Network, radius: Radius) -> None:
    add_login(network, child=True)
    for access, expected in (("walled", "walled"), ("open", "clients")):
        with unit_of_work(network.isp), acting_for_child(network.north):
            assert (
                services.set_login_access(operator_id=network.north, subscription_id=7, access=access, at=clock.now())
                == 1
            )
        assert radius.login("rina")["Framed-Pool"] == expected
    assert found(network, "SELECT 1 FROM disconnect_request") == []


def test_a_login_without_rate_and_pool_is_let_in_without_them(network: Network, radius: Radius) -> None:
    add_login(network, down_kbps=None, up_kbps=None, pool=None)
    reply = radius.login("rina")
    assert reply.code == "Access-Accept"
    assert not {"Framed-Pool", "Mikrotik-Rate-Limit", "Framed-IP-Address"} & set(reply.attributes)
