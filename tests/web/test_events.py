"""Streams tell a page what changed at its own operator, of what the person may see, as long as it may be told."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.sessions.backends.base import SessionBase
from django.db import connections
from django.test import Client

from backhaul.identity.models import User
from backhaul.operators import announce as announcing
from backhaul.operators.announce import announce
from backhaul.web.console import events
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.town import Town

SOON = 5.0


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(announcing, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(events, "PING_SECONDS", 0.2)


@pytest.fixture
def listen() -> Iterator[Any]:
    """listen(client) opens a stream as the web server would, and gives the browser's end of it."""
    with contextlib.ExitStack() as stack:

        def opened(client: Client) -> socket.socket:
            browser, server = socket.socketpair()
            stack.enter_context(browser)
            browser.settimeout(SOON)
            given: dict[str, Any] = {"gunicorn.socket": server}
            answer = client.get("/events/", **given)
            assert answer.status_code == 200
            server.close()
            assert read_until(browser, b": still here").startswith(b"HTTP/1.1 200 OK\r\n")
            wait_until_it_listens()
            return browser

        yield opened


def wait_until_it_listens() -> None:
    """The first stream of a process starts its listening; announcements before that are heard by nobody."""
    listening = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'backhaul-events' AND query ~ '^LISTEN'"
    until = time.monotonic() + SOON
    with connections["default"].cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(listening)
            if cursor.fetchone() != (0,):
                return
            time.sleep(0.05)
    raise AssertionError("nobody listens")


def read_until(browser: socket.socket, wanted: bytes) -> bytes:
    got, until = b"", time.monotonic() + SOON
    while wanted not in got:
        part = browser.recv(4096)
        assert part, f"the stream ended after {got!r}"
        got += part
        assert time.monotonic() < until, f"heard only {got!r}"
    return got


def tell(town: Town, operator_id: int, *topics: str) -> None:
    for topic in topics:
        with acting(town.cast.padma, operator_id):
            announce(topic)


def person(name: str) -> User:
    return User.objects.get(name=name, isp_id=User.objects.get(name="padma").isp_id)


def test_other_operators_and_what_a_role_may_not_see_are_never_heard(town: Town, listen: Any) -> None:
    rival, collector = listen(signed_in("rival")), listen(signed_in("collector"))
    tell(town, town.cast.riverside, "books", "payments", "customers")
    tell(town, town.cast.rival, "funds")
    assert read_until(rival, b"funds").count(b"change") == 1
    heard = read_until(collector, b"payments")
    heard += read_until(collector, b": still here")
    assert b"customers" in heard and b"books" not in heard and b"funds" not in heard


def test_nothing_is_told_of_what_was_undone(town: Town, listen: Any) -> None:
    browser = listen(signed_in("riverside"))
    with contextlib.suppress(ZeroDivisionError), acting(town.cast.padma, town.cast.riverside):
        announce("payments")
        raise ZeroDivisionError
    tell(town, town.cast.riverside, "bills")
    assert b"payments" not in read_until(browser, b"bills")


def test_long_work_is_told_to_the_person_who_started_it_only(town: Town, listen: Any) -> None:
    owner, accountant = listen(signed_in("riverside")), listen(signed_in("accountant"))
    tell(town, town.cast.riverside, announcing.jobs_of(person("riverside").pk), "payments")
    assert b"data: jobs" in read_until(owner, b"payments")
    assert b"jobs" not in read_until(accountant, b"payments")


def test_a_stream_ends_with_the_session(town: Town, listen: Any) -> None:
    client = signed_in("noc")
    browser = listen(client)
    assert read_until(browser, b": still here")
    session: SessionBase = client.session
    session.flush()
    with pytest.raises(AssertionError, match="the stream ended"):
        read_until(browser, b"never said")


def test_a_page_of_another_seat_has_no_stream_any_more(town: Town, listen: Any) -> None:
    """After coming back from another operator, or signing in as somebody else, in another window of the browser."""
    client = signed_in("padma")
    address = re.search(r'data-events="([^"]+)"', client.get("/").content.decode())
    assert address is not None and client.get(address[1]).status_code == 200
    client.post(f"/enter/{town.cast.north}/", {"reason": "a fault", "minutes": 15})
    assert client.get(address[1]).status_code == 204
    assert client.get(f"/events/?seat={person('north').pk}-{town.cast.padma.isp_id}").status_code == 204


def test_of_a_person_s_streams_the_oldest_makes_room(town: Town, listen: Any) -> None:
    client = signed_in("accountant")
    first, *others = [listen(client) for _ in range(events.OF_A_PERSON + 1)]
    with pytest.raises(AssertionError, match="the stream ended"):
        read_until(first, b"never said")
    assert read_until(others[0], b": still here")


def test_a_server_that_cannot_hand_connections_over_lets_pages_ask_now_and_then(town: Town) -> None:
    answer = signed_in("padma").get("/events/")
    assert answer["Content-Type"] == "text/event-stream"
    assert answer.content == b"retry: 30000\n\nevent: change\ndata: all\n\n"
