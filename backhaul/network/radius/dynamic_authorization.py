"""Disconnect-Request and CoA-Request to routers (RFC 5176): many at once, over one socket, within one time limit."""

from __future__ import annotations

import io
import select
import socket
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pyrad.dictionary import Dictionary
from pyrad.packet import (
    CoAACK,
    CoAPacket,
    CoARequest,
    DisconnectACK,
    DisconnectRequest,
    PacketError,
)

_ATTRIBUTES = """
ATTRIBUTE User-Name 1 string
ATTRIBUTE Framed-IP-Address 8 ipaddr
ATTRIBUTE Vendor-Specific 26 octets
ATTRIBUTE Acct-Session-Id 44 string
ATTRIBUTE Event-Timestamp 55 integer
ATTRIBUTE Error-Cause 101 integer
VENDOR Mikrotik 14988
BEGIN-VENDOR Mikrotik
ATTRIBUTE Mikrotik-Rate-Limit 8 string
END-VENDOR Mikrotik
"""
DICTIONARY = Dictionary(io.StringIO(_ATTRIBUTES))
IN_FLIGHT = 200  # of the 256 identifiers that one socket has
RESEND_SECONDS = 1.0
NO_ANSWER = (
    "no answer: the router is off, its secret or clock differs, or a firewall drops the packets (these look alike)"
)


@dataclass(frozen=True)
class Request:
    """One session to end (`rate_limit` None) or to give a new rate."""

    address: str
    port: int
    secret: str
    username: str
    acct_session_id: str
    framed_address: str | None = None
    rate_limit: str | None = None


@dataclass(frozen=True)
class Answer:
    """What the router says, which is not proof: "acknowledged", "refused" or "unanswered"; `error` says why not."""

    verdict: str
    error: str | None = None


def send_requests(requests: Sequence[Request], *, now: float, seconds: float = 3.0) -> list[Answer]:
    """Send all, repeat once a second, and return their answers in order; each group of 200 waits at most `seconds`.

    `now` is the Unix time for Event-Timestamp: routers drop requests whose time is far from theirs.
    """
    answers: list[Answer] = []
    for start in range(0, len(requests), IN_FLIGHT):
        answers += _send_group(requests[start : start + IN_FLIGHT], int(now), seconds)
    return answers


def _send_group(requests: Sequence[Request], now: int, seconds: float) -> list[Answer]:
    packets = [_packet(request, number, now) for number, request in enumerate(requests)]
    waiting = dict(enumerate(requests))
    answers = [Answer("unanswered", NO_ANSWER)] * len(requests)
    end = time.monotonic() + seconds
    resend_at = 0.0
    sockets = {family: _socket(family) for family in {_family(request.address) for request in requests}}
    try:
        while waiting and (left := end - time.monotonic()) > 0:
            if time.monotonic() >= resend_at:
                _transmit(sockets, ((waiting[number], packets[number].raw_packet) for number in waiting))
                resend_at = time.monotonic() + RESEND_SECONDS
            readable, _, _ = select.select(list(sockets.values()), [], [], min(left, RESEND_SECONDS / 10))
            for ready in readable:
                data, sender = ready.recvfrom(4096)
                number = data[1] if len(data) > 1 else -1
                request = waiting.get(number)
                if request is None or sender[1] != request.port:
                    continue
                answer = _read(packets[number], data)
                if answer is not None:
                    answers[number] = answer
                    del waiting[number]
    finally:
        for opened in sockets.values():
            opened.close()
    return answers


def _packet(request: Request, number: int, now: int) -> Any:
    code = DisconnectRequest if request.rate_limit is None else CoARequest
    packet = CoAPacket(code=code, id=number, secret=request.secret.encode(), dict=DICTIONARY)
    packet["User-Name"] = request.username
    packet["Acct-Session-Id"] = request.acct_session_id
    if request.framed_address and _family(request.framed_address) == socket.AF_INET:
        packet["Framed-IP-Address"] = request.framed_address
    if request.rate_limit is not None:
        packet["Mikrotik-Rate-Limit"] = request.rate_limit
    packet["Event-Timestamp"] = now
    packet.raw_packet = packet.RequestPacket()
    return packet


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _socket(family: socket.AddressFamily) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_DGRAM)
    opened.setblocking(False)
    return opened


def _transmit(sockets: dict[socket.AddressFamily, socket.socket], packets: Iterable[tuple[Request, bytes]]) -> None:
    for request, data in packets:
        try:
            sockets[_family(request.address)].sendto(data, (request.address, request.port))
        except OSError:  # unreachable for now: it counts as unanswered and is tried again
            continue


def _read(packet: Any, data: bytes) -> Answer | None:
    """The router's answer; None for a packet that is not one (forged, or another secret)."""
    try:
        reply = packet.CreateReply(packet=data)
        if not packet.VerifyReply(reply, data):
            return None
    except (PacketError, KeyError, ValueError):
        return None
    if reply.code in (DisconnectACK, CoAACK):
        return Answer("acknowledged")
    cause = reply.get("Error-Cause", ["none given"])[0]
    return Answer("refused", f"refused by the router (error cause {cause})")
