"""Asks a host name whether it leads to this server, as a browser somewhere would.

The request goes to the named host alone, to a fixed path, on fixed ports; it follows no redirect, and nothing of the
answer is kept or shown. It ends in seconds however slowly the other side speaks.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from typing import Literal

from django.conf import settings

SECONDS = 4.0
MOST_BYTES = 8_192
Failure = Literal["", "unknown", "private", "silent", "other"]


def ask_host(host: str, path: str, token: str) -> Failure:
    """Empty when the host answers with the token; else why not: it is unknown to DNS, leads to an address inside a
    private network, does not answer, or is another server."""
    try:
        found = socket.getaddrinfo(host, None, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return "unknown"
    addresses = [str(place[4][0]) for place in found]
    if not settings.HOST_CHECK_PRIVATE and not all(ipaddress.ip_address(each).is_global for each in addresses):
        return "private"
    outcome: Failure = "silent"
    ends_at = time.monotonic() + SECONDS
    for scheme, port in settings.HOST_CHECK_PLACES:
        try:
            answer = _get((addresses[0], port), host, path, scheme == "https", ends_at)
        except OSError:  # refused, too slow, or TLS that does not hold
            continue
        if token.encode() in answer.splitlines():
            return ""
        outcome = "other"
    return outcome


def _get(place: tuple[str, int], host: str, path: str, is_tls: bool, ends_at: float) -> bytes:
    """The beginning of the answer to a GET. Whose name it is was looked up once: no second look-up leads elsewhere."""
    with socket.create_connection(place, timeout=_left(ends_at)) as plain:
        connection = ssl.create_default_context().wrap_socket(plain, server_hostname=host) if is_tls else plain
        with connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("ascii"))
            got = b""
            while len(got) < MOST_BYTES:
                connection.settimeout(_left(ends_at))
                part = connection.recv(MOST_BYTES)
                if not part:
                    break
                got += part
            return got


def _left(ends_at: float) -> float:
    seconds = ends_at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds
