"""A suspended customer's session ends: a real listener is asked until accounting proves it (SPEC §5)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.network import outbox, queries, services, tasks
from backhaul.operators.scope import unit_of_work
from tests.cast import CELL
from tests.network.conftest import Network, add_login, as_admin, found
from tests.network.radius import Radius
from tests.network.sink import Sink, listening

REQUESTS = "SELECT * FROM disconnect_request ORDER BY id"
MAC = "AA:BB:CC:00:00:01"


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with tempfile.TemporaryDirectory(prefix="backhaul-sink-") as folder, listening(Path(folder)) as found_sink:
        yield found_sink


@pytest.fixture
def router(network: Network, sink: Sink, server: EmbeddedPostgres) -> Sink:
    """The ISP's router listens for Disconnect-Requests."""
    as_admin(server, "UPDATE nas SET change_of_authorization_port = %s", sink.port)
    (sink.folder / "received").unlink(missing_ok=True)
    return sink


def go_online(radius: Radius, name: str = "rina", session: str = "s1") -> str:
    """Log in and start a session; returns its Class."""
    klass = radius.login(name)["Class"]
    radius.account("Start", User_Name=name, Acct_Session_Id=session, Class=klass, Calling_Station_Id=MAC,
                   Framed_IP_Address="100.64.0.9")  # fmt: skip
    return klass


def suspend(network: Network, access: str = "walled") -> None:
    with unit_of_work(network.isp):
        services.set_login_access(operator_id=network.isp.isp_id, subscription_id=7, access=access, at=clock.now())


def drain(network: Network, *, later: int = 0) -> int:
    return outbox.drain_disconnects(network.isp, now=clock.now() + timedelta(seconds=later), seconds=1.5)


def pending(network: Network) -> list[dict[str, object]]:
    with unit_of_work(network.isp):
        return queries.list_disconnects()


def test_suspending_ends_the_session_and_only_the_stop_closes_the_request(
    network: Network, radius: Radius, router: Sink
) -> None:
    add_login(network)
    klass = go_online(radius)
    suspend(network)
    assert drain(network) == 1
    (request,) = router.received()
    assert request["Packet-Type"] == "Disconnect-Request"
    assert (request["User-Name"], request["Acct-Session-Id"]) == ("rina", "s1")
    assert request["Framed-IP-Address"] == "100.64.0.9"
    assert "Event-Timestamp" in request
    (waiting,) = pending(network)
    assert waiting["acknowledged_at"] is not None
    radius.account("Stop", User_Name="rina", Acct_Session_Id="s1", Class=klass, Acct_Session_Time=9)
    assert pending(network) == []
    (closed,) = found(network, REQUESTS)
    assert closed["seen_ended_at"] is not None


def test_an_acknowledged_session_that_goes_on_is_asked_again(network: Network, radius: Radius, router: Sink) -> None:
    add_login(network)
    klass = go_online(radius)
    suspend(network)
    assert drain(network) == 1
    assert drain(network) == 0
    radius.account("Interim-Update", User_Name="rina", Acct_Session_Id="s1", Class=klass, Acct_Session_Time=300)
    assert drain(network, later=6) == 1
    assert drain(network, later=10) == 0
    assert drain(network, later=30) == 1
    assert [row["attempts"] for row in pending(network)] == [3]


def test_an_unreachable_router_does_not_stop_the_suspension(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    go_online(radius)
    as_admin(server, "UPDATE nas SET change_of_authorization_port = 9")
    suspend(network)
    assert drain(network) == 1
    (waiting,) = pending(network)
    assert str(waiting["last_error"]).startswith("no answer")
    assert radius.login("rina")["Framed-Pool"] == "walled"


def test_another_secret_is_no_answer(network: Network, radius: Radius, router: Sink, server: EmbeddedPostgres) -> None:
    add_login(network)
    go_online(radius)
    suspend(network)
    as_admin(server, "UPDATE nas SET secret = 'another-secret'")
    drain(network)
    assert router.received() == []
    assert str(pending(network)[0]["last_error"]).startswith("no answer")


def test_a_new_session_under_the_new_settings_is_left_alone(network: Network, radius: Radius, router: Sink) -> None:
    add_login(network)
    klass = go_online(radius)
    suspend(network)
    radius.account("Stop", User_Name="rina", Acct_Session_Id="s1", Class=klass)
    go_online(radius, session="s2")
    assert pending(network) == []
    assert drain(network, later=3600) == 0


def test_a_session_accepted_before_and_started_after_the_suspension_is_ended(
    network: Network, radius: Radius, router: Sink
) -> None:
    add_login(network)
    klass = radius.login("rina")["Class"]
    suspend(network)
    assert pending(network) == []
    radius.account("Start", User_Name="rina", Acct_Session_Id="s1", Class=klass, Calling_Station_Id=MAC)
    assert [row["reason"] for row in pending(network)] == ["began under older settings"]
    assert drain(network, later=1) == 1
    assert len(router.received()) == 1


def test_a_session_that_starts_while_the_suspension_commits_is_ended(
    network: Network, radius: Radius, server: EmbeddedPostgres
) -> None:
    add_login(network)
    klass = radius.login("rina")["Class"]
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with ThreadPoolExecutor(1) as pool, psycopg.connect(url) as suspending:
        suspending.execute(f"SET search_path = {CELL}, public".encode())
        suspending.execute(
            "SELECT set_login_access(ARRAY[%s]::bigint[], '{7}', 'walled', NULL, 'suspended', now())",
            [network.isp.isp_id],
        )
        start = pool.submit(radius.account, "Start", User_Name="rina", Acct_Session_Id="s1", Class=klass)
        time.sleep(0.3)
        suspending.commit()
        assert start.result().code == "Accounting-Response"
    assert [row["reason"] for row in pending(network)] == ["began under older settings"]


def test_suspending_someone_offline_asks_no_router(network: Network, radius: Radius, router: Sink) -> None:
    add_login(network)
    suspend(network)
    assert found(network, REQUESTS) == []


def test_payment_takes_a_walled_session_out_and_leaves_an_offline_one(
    network: Network, radius: Radius, router: Sink
) -> None:
    add_login(network, access="walled")
    go_online(radius)
    suspend(network, access="open")
    assert [row["reason"] for row in pending(network)] == ["activated"]
    suspend(network, access="open")
    assert len(found(network, REQUESTS)) == 1


def test_a_new_rate_reaches_the_session_alive(network: Network, radius: Radius, router: Sink) -> None:
    add_login(network)
    go_online(radius)
    with unit_of_work(network.isp):
        services.update_login(
            operator_id=network.isp.isp_id, subscription_id=7, down_kbps=51200, up_kbps=25600, at=clock.now()
        )
    assert drain(network) == 1
    (request,) = router.received()
    assert (request["Packet-Type"], request["Mikrotik-Rate-Limit"]) == ("CoA-Request", "25600k/51200k")
    assert pending(network) == []
    assert len(found(network, "SELECT 1 FROM radius_session_live")) == 1


def test_a_router_that_refuses_the_new_rate_is_asked_to_end_the_session(
    network: Network, radius: Radius, router: Sink
) -> None:
    add_login(network, "stubborn")
    go_online(radius, "stubborn")
    with unit_of_work(network.isp):
        services.update_login(
            operator_id=network.isp.isp_id, subscription_id=7, down_kbps=51200, up_kbps=25600, at=clock.now()
        )
    drain(network)
    (waiting,) = pending(network)
    assert (waiting["kind"], waiting["reason"]) == ("disconnect", "the router refused the new rate")


@pytest.mark.parametrize(
    ("changes", "asked"),
    [({"mac": MAC}, True), ({"static_ip": "203.0.113.4"}, True), ({"username": "rina2"}, True), ({}, False)],
)
def test_what_a_session_cannot_change_alive_ends_it(
    network: Network, radius: Radius, changes: dict[str, Any], asked: bool
) -> None:
    add_login(network)
    go_online(radius)
    with unit_of_work(network.isp):
        services.update_login(operator_id=network.isp.isp_id, subscription_id=7, at=clock.now(), **changes)
    assert bool(pending(network)) is asked


def test_a_new_password_ends_the_session_and_holds_for_the_next(network: Network, radius: Radius) -> None:
    add_login(network)
    klass = go_online(radius)
    with unit_of_work(network.isp):
        services.change_password(operator_id=network.isp.isp_id, subscription_id=7, password="secret-9", at=clock.now())
    assert [row["reason"] for row in pending(network)] == ["password changed"]
    radius.account("Stop", User_Name="rina", Acct_Session_Id="s1", Class=klass)
    assert radius.login("rina", "secret-9").code == "Access-Accept"


def test_many_sessions_are_asked_at_once(
    network: Network, radius: Radius, router: Sink, server: EmbeddedPostgres
) -> None:
    isp_id = network.isp.isp_id
    with unit_of_work(network.isp):
        logins = [services.NewLogin(f"u{number}", "secret-1", subscription_id=number) for number in range(450)]
        services.provision_logins(operator_id=isp_id, isp_id=isp_id, logins=logins)
    as_admin(
        server,
        "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, login_version, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
        "input_bytes, output_bytes) "
        "SELECT operator_id, operator_id, %s, username, 's-' || id, '', id, 1, '', '', now(), now(), 300, 0, 0, 0 "
        "FROM radius_login",
        network.nas_id,
    )
    with unit_of_work(network.isp):
        changed = services.set_login_access_many(
            subscriptions=[(isp_id, number) for number in range(450)], access="walled", at=clock.now()
        )
    assert changed == 450
    assert drain(network) == 450
    answered = found(network, "SELECT last_error FROM disconnect_request WHERE acknowledged_at IS NULL")
    assert answered == []
    assert {request["User-Name"] for request in router.received()} == {f"u{number}" for number in range(450)}
    assert len(found(network, "SELECT 1 FROM disconnect_request WHERE acknowledged_at IS NOT NULL")) == 450


def test_a_suspension_wakes_the_sender_once_and_only_for_who_is_online(network: Network, radius: Radius) -> None:
    add_login(network)
    suspend(network)
    assert found(network, "SELECT 1 FROM procrastinate_jobs") == []
    go_online(radius)
    suspend(network, access="open")
    suspend(network)
    (job,) = found(network, "SELECT task_name, (args->>'isp_id')::bigint AS isp_id FROM procrastinate_jobs")
    assert (job["task_name"], job["isp_id"]) == (services.DRAIN, network.isp.isp_id)


def test_the_jobs_send_what_is_due_and_close_what_fell_silent(network: Network, radius: Radius, router: Sink) -> None:
    add_login(network)
    go_online(radius)
    suspend(network)
    tasks.drain_disconnects(isp_id=network.isp.isp_id)
    assert len(router.received()) == 1
    tasks.retry_disconnects(timestamp=0)
    assert len(router.received()) == 1
    tasks.close_silent_sessions(timestamp=0)
    assert len(pending(network)) == 1
