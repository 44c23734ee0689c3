"""Host names: claimed by anybody, used only where they were seen to lead here, of one operator, released."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import override_settings

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.identity import host_check, hosts
from backhaul.identity.models import HostClaim, HostDirectory
from backhaul.identity.queries import find_host

NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)
ISP_A, RESELLER, OTHER, ISP_B = 10, 11, 12, 20


def claimed(host: str = "bill.north.example", *, isp_id: int = ISP_A, operator_id: int = RESELLER) -> HostClaim:
    return hosts.start_claim(host, isp_id=isp_id, operator_id=operator_id, now=NOW)


@pytest.mark.parametrize(
    "typed",
    ["", "localhost", "padma", "127.0.0.1", "10.0.0.1", "[::1]", "2130706433", "0x7f.1", "a_b.example", "x.local",
     "router.lan", "a.example:22", "a.example/path", "-a.example", "a..example", "a.example\r\nX: y", "u@a.example",
     "a" * 64 + ".example", ".".join(["abc"] * 70)],
)  # fmt: skip
def test_only_what_can_be_a_public_host_name_is_claimed(db: object, typed: str) -> None:
    with pytest.raises(InvalidInput):
        claimed(typed)


def test_names_are_kept_in_one_form() -> None:
    assert hosts.host_name(" HTTPS://Bill.North.Example./ ") == "bill.north.example"
    assert hosts.host_name("বাংলা.example") == "xn--54b7fta0cc.example"


def test_a_claim_counts_nothing_until_it_was_checked_and_reserves_nothing(db: object) -> None:
    first, second = claimed(), claimed(isp_id=ISP_B, operator_id=ISP_B)
    assert claimed().pk == first.pk
    assert find_host(first.host) is None
    assert not hosts.settle_claim(first, "silent", NOW)
    assert find_host(first.host) is None
    assert hosts.settle_claim(second, "", NOW)
    assert HostDirectory.objects.get(pk=first.host).operator_id == ISP_B
    with pytest.raises(hosts.HostTaken):
        hosts.settle_claim(first, "", NOW)
    with pytest.raises(hosts.HostTaken):
        claimed(operator_id=OTHER)


def test_a_claim_that_was_withdrawn_while_it_was_asked_for_is_not_used(db: object) -> None:
    claim = claimed()
    hosts.release_host(claim.host, isp_id=ISP_A, operator_id=RESELLER)
    assert not hosts.settle_claim(claim, "", NOW)
    assert find_host(claim.host) is None


def test_a_host_name_is_released_by_its_operator_or_its_isp_and_by_nobody_else(db: object) -> None:
    for operator_id, isp_id in ((OTHER, ISP_A), (ISP_B, ISP_B)):
        claim = claimed()
        assert hosts.settle_claim(claim, "", NOW)
        with pytest.raises(NotFound):
            hosts.release_host(claim.host, isp_id=isp_id, operator_id=operator_id)
        assert hosts.list_hosts(isp_id=isp_id, operator_id=operator_id) == []
        hosts.release_host(claim.host, isp_id=ISP_A, operator_id=RESELLER if operator_id == OTHER else ISP_A)
        assert find_host(claim.host) is None


def test_claims_and_checks_are_not_without_end(db: object) -> None:
    for n in range(hosts.MOST_CLAIMS):
        claimed(f"n{n}.north.example")
    with pytest.raises(hosts.TooOften):
        claimed("more.north.example")
    for _ in range(hosts.CHECKS_AN_HOUR):
        hosts.begin_check("n0.north.example", operator_id=RESELLER, now=NOW)
    with pytest.raises(hosts.TooOften):
        hosts.begin_check("n0.north.example", operator_id=RESELLER, now=NOW)
    with pytest.raises(NotFound):
        hosts.begin_check("n0.north.example", operator_id=OTHER, now=NOW)


@contextmanager
def server_that(says: bytes, *, pause: float = 0) -> Iterator[list[bytes]]:
    """Answers every request with these bytes, each after a pause; yields what it was asked."""
    asked: list[bytes] = []
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                    with connection:
                        asked.append(connection.recv(4096))
                        for n in range(len(says)) if pause else [0]:
                            connection.sendall(says[n : n + 1] if pause else says)
                            time.sleep(pause)
                except OSError:
                    if listening.fileno() < 0:
                        return

        threading.Thread(target=serve, daemon=True).start()
        port = listening.getsockname()[1]
        with override_settings(HOST_CHECK_PLACES=(("http", port),), HOST_CHECK_PRIVATE=True):
            yield asked
        listening.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name service in which every name leads to this machine."""
    asked = socket.getaddrinfo

    def found(host: Any, *rest: Any, **more: Any) -> Any:
        return asked("127.0.0.1" if str(host).endswith(".example") else host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", found)


def test_the_host_alone_is_asked_for_the_token_and_no_redirect_is_followed(here: None) -> None:
    with server_that(b"HTTP/1.1 200 OK\r\n\r\ntoken-1") as asked:
        assert host_check.ask_host("a.example", "/.well-known/x/", "token-1") == ""
        assert asked == [b"GET /.well-known/x/ HTTP/1.0\r\nHost: a.example\r\nConnection: close\r\n\r\n"]
        assert host_check.ask_host("a.example", "/.well-known/x/", "token-2") == "other"
    with server_that(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n\r\n") as asked:
        assert host_check.ask_host("a.example", "/", "token-1") == "other"
        assert len(asked) == 1


def test_addresses_inside_are_not_asked_unless_the_server_is_told_to(here: None) -> None:
    with server_that(b"HTTP/1.1 200 OK\r\n\r\ntoken-1") as asked, override_settings(HOST_CHECK_PRIVATE=False):
        assert host_check.ask_host("a.example", "/", "token-1") == "private"
        assert asked == []


def test_a_server_that_drips_does_not_hold_us(here: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_check, "SECONDS", 0.6)
    begun = time.monotonic()
    with server_that(b"HTTP/1.1 200 OK\r\n\r\ntoken-1" * 50, pause=0.05):
        assert host_check.ask_host("a.example", "/", "no") == "silent"
    assert time.monotonic() - begun < 2


def test_a_name_that_nobody_knows_is_said_to_be_unknown() -> None:
    assert host_check.ask_host("no-such-name.invalid", "/", "token-1") == "unknown"
