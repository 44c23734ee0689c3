"""Accounting through a real FreeRADIUS: what is online, what was used, whatever order packets come in (SPEC B6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.network import outbox, queries
from backhaul.operators.scope import acting_for_child, unit_of_work
from tests.network.conftest import Network, add_login, as_admin, found
from tests.network.radius import Radius

LIVE = "SELECT * FROM radius_session_live ORDER BY id"
PAST = "SELECT * FROM radius_session_history ORDER BY id"
MAC = "AA:BB:CC:00:00:01"


def send(radius: Radius, status: str, seconds: int = 0, down: int = 0, *, name: str = "rina", session: str = "s1",
         delay: int = 0, klass: str = "", mac: str = MAC, **more: Any) -> None:  # fmt: skip
    """One record of Rina's session; every record must be answered."""
    given: dict[str, Any] = {"User_Name": name, "Acct_Session_Id": session, "Calling_Station_Id": mac}
    given |= {"Acct_Session_Time": seconds, "Acct_Output_Octets": down, "Acct_Delay_Time": delay}
    if klass:
        given["Class"] = f"0x{klass.encode().hex()}"
    assert radius.account(status, **given, **more).code == "Accounting-Response"


def test_start_interim_stop_make_one_session_online_then_past(network: Network, radius: Radius) -> None:
    login = add_login(network)
    reply = radius.login("rina")
    klass = bytes.fromhex(reply["Class"][2:]).decode()
    send(radius, "Start", klass=klass, Framed_IP_Address="100.64.0.9")
    send(radius, "Interim-Update", 300, 5000, klass=klass, Framed_IP_Address="100.64.0.9")
    with unit_of_work(network.isp):
        assert queries.count_online(now=clock.now()) == {"logins": 1, "online": 1, "offline": 0}
        live = queries.list_live_sessions(operator_id=network.isp.isp_id, subscription_id=7, now=clock.now())
    assert [(row["framed_address"], row["output_bytes"], row["online"]) for row in live] == [("100.64.0.9", 5000, True)]
    send(radius, "Stop", 400, 5, klass=klass, Acct_Output_Gigawords=2, Acct_Terminate_Cause="User-Request")
    assert found(network, LIVE) == []
    (past,) = found(network, PAST)
    assert (past["login_id"], past["session_seconds"], past["output_bytes"]) == (login, 400, 2 * 2**32 + 5)
    assert (past["ended_by"], past["terminate_cause"], past["mac"]) == ("stop", "User-Request", "aabbcc000001")


def test_a_session_belongs_to_the_operator_of_its_login(network: Network, radius: Radius) -> None:
    add_login(network, child=True)
    send(radius, "Start")
    assert found(network, LIVE) == []
    with unit_of_work(network.isp), acting_for_child(network.north):
        assert queries.find_online(subscription_ids=[7, 8], now=clock.now()) == {7}


def test_a_repeated_stop_and_a_late_start_change_nothing(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Start")
    send(radius, "Stop", 60, 100)
    before = found(network, PAST)
    send(radius, "Stop", 60, 100)
    send(radius, "Start", delay=60)
    send(radius, "Interim-Update", 50, 90, delay=10)
    assert found(network, LIVE) == []
    assert found(network, PAST) == before


def test_a_stop_without_a_start_is_a_session(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Stop", 3600, 100)
    (past,) = found(network, PAST)
    assert past["stopped_at"] - past["started_at"] == timedelta(hours=1)  # type: ignore[operator]


def test_an_interim_without_a_start_rebuilds_the_session(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Interim-Update", 3600, 100)
    (live,) = found(network, LIVE)
    assert abs(clock.now() - timedelta(hours=1) - live["started_at"]) < timedelta(seconds=5)  # type: ignore[operator]


def test_older_and_empty_counters_do_not_erase_usage(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Start")
    send(radius, "Interim-Update", 600, 9000)
    send(radius, "Interim-Update", 300, 4000, delay=300)
    send(radius, "Stop", 0, 0)
    (past,) = found(network, PAST)
    assert (past["session_seconds"], past["output_bytes"]) == (600, 9000)


def test_a_wrong_router_clock_is_not_believed(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Start", Event_Timestamp="Jan  1 1970 00:10:00 UTC")
    (live,) = found(network, LIVE)
    assert live["started_at"] > datetime(2020, 1, 1, tzinfo=UTC)  # type: ignore[operator]


def test_a_session_id_used_again_is_another_session(network: Network, radius: Radius) -> None:
    add_login(network)
    first, second = (bytes.fromhex(radius.login("rina")["Class"][2:]).decode() for _ in range(2))
    send(radius, "Start", klass=first)
    send(radius, "Interim-Update", 100, 7000, klass=first)
    send(radius, "Start", klass=second)
    (past,) = found(network, PAST)
    assert (past["ended_by"], past["output_bytes"]) == ("superseded", 7000)
    (live,) = found(network, LIVE)
    assert live["output_bytes"] == 0


def test_dialling_again_from_the_same_device_ends_the_former_session(network: Network, radius: Radius) -> None:
    add_login(network)
    send(radius, "Start", session="s1")
    send(radius, "Start", session="s2")
    assert [row["acct_session_id"] for row in found(network, LIVE)] == ["s2"]
    assert [row["ended_by"] for row in found(network, PAST)] == ["superseded"]


def test_a_restarted_router_has_no_sessions(network: Network, radius: Radius) -> None:
    for number in range(3):
        add_login(network, f"u{number}", subscription_id=number)
        send(radius, "Start", name=f"u{number}", session=f"s{number}")
    assert radius.account("Accounting-On").code == "Accounting-Response"
    assert found(network, LIVE) == []
    assert [row["ended_by"] for row in found(network, PAST)] == ["nas_restart"] * 3


def test_a_silent_session_is_offline_then_closed_and_a_sign_of_life_reopens_it(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    send(radius, "Interim-Update", 100, 50)
    as_admin(server, "UPDATE radius_session_live SET updated_at = now() - interim_seconds * interval '2.1 seconds'")
    with unit_of_work(network.isp):
        assert queries.count_online(now=clock.now())["online"] == 0
    assert outbox.close_silent_sessions(network.isp, now=clock.now()) == 0
    assert outbox.close_silent_sessions(network.isp, now=clock.now() + timedelta(minutes=10)) == 1
    assert [row["ended_by"] for row in found(network, PAST)] == ["silence"]
    send(radius, "Interim-Update", 1000, 500)
    assert found(network, PAST) == []
    assert [row["output_bytes"] for row in found(network, LIVE)] == [500]


def test_a_stop_after_our_own_closing_brings_the_true_figures(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    send(radius, "Interim-Update", 100, 50)
    outbox.close_silent_sessions(network.isp, now=clock.now() + timedelta(hours=1))
    send(radius, "Stop", 900, 800)
    (past,) = found(network, PAST)
    assert (past["ended_by"], past["session_seconds"], past["output_bytes"]) == ("stop", 900, 800)


def test_a_name_we_do_not_know_belongs_to_the_router(network: Network, radius: Radius) -> None:
    send(radius, "Start", name="stranger")
    (live,) = found(network, LIVE)
    assert (live["operator_id"], live["login_id"]) == (network.isp.isp_id, None)


def test_without_class_a_start_long_after_the_first_is_another_session(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    send(radius, "Start", mac="")
    send(radius, "Start", mac="")
    assert found(network, PAST) == []
    as_admin(server, "UPDATE radius_session_live SET started_at = started_at - interval '1 hour'")
    send(radius, "Start", mac="")
    assert [row["ended_by"] for row in found(network, PAST)] == ["superseded"]
    assert len(found(network, LIVE)) == 1


NAME, SESSION, STATION, PORT, CLASS = 1, 44, 31, 87, 25


@pytest.mark.parametrize(
    ("bad", "errors"),
    [
        ({NAME: b"rina"}, 1),
        ({SESSION: b"s1"}, 1),
        ({NAME: b"rina", SESSION: b"s1", CLASS: b"\x00\xff'\\\";--"}, 0),
        ({NAME: b"rina", SESSION: b"s1", CLASS: b"1:2:3:zz"}, 0),
        ({NAME: b"rina", SESSION: b"s1", CLASS: b"999999999999999999:999999999999999999:999999999:0123abcd"}, 0),
        ({NAME: b"rina\xff", SESSION: b"s1\xfe", STATION: b"\xfd", PORT: b"\xfc"}, 0),
        ({NAME: b"ri\x00na", SESSION: b"s\x001", STATION: b"\x00", PORT: b"\x00"}, 0),
        ({NAME: b"\\'%{User-Name}", SESSION: b"'; SELECT 1; --", STATION: b"\\", PORT: b"$1"}, 0),
        ({NAME: b"x" * 253, SESSION: b"y" * 253, STATION: b"z" * 253}, 0),
    ],
)
def test_bad_records_are_answered_and_hold_up_nothing(
    network: Network, radius: Radius, bad: dict[int, bytes], errors: int
) -> None:
    add_login(network)
    assert radius.account_raw("Start", bad)
    assert list((radius.folder / "detail").iterdir()) == []
    send(radius, "Start", session="good")
    assert "good" in {row["acct_session_id"] for row in found(network, LIVE)}
    assert len(found(network, LIVE)) == 2 - errors
    assert len(found(network, "SELECT message FROM radius_accounting_error")) == errors
