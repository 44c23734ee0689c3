"""Live pages: a stream that tells an open page which of its topics changed (docs/decisions/0020).

A stream is a connection that a page request opened and that this module takes out of the web server's hands: all
streams of a process live in one thread beside its pages, with one LISTEN connection, and hold no thread of their own.
What is told is a topic; the page asks again for what it shows, with the rights that it then has.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import socket
import ssl
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, cast

import psycopg
from django.conf import settings
from django.contrib.auth import get_user
from django.db import close_old_connections
from django.http import HttpRequest, HttpResponse

from backhaul.common import clock
from backhaul.common.errors import NotFound
from backhaul.identity.queries import get_isp
from backhaul.operators.announce import CHANNEL, jobs_of, topic_of
from backhaul.operators.scope import EntryOver, Scope
from backhaul.web.console.inside import inside_of
from backhaul.web.console.pages import SIGNED_IN, PageRequest, page, unit_of
from backhaul.web.templatetags.console import seat_of

PING_SECONDS = 20.0  # and as often it is looked at whether the person still may hear
SLOW_SECONDS = 10.0  # who takes nothing for so long is gone
OF_A_PERSON = 6
MOST = min(2000, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 2)
ALL = "all"
HEAD = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: private, no-store\r\n"
    b"X-Accel-Buffering: no\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\nretry: 3000\n\n"
)
# Where no stream can be had the browser asks again after half a minute, and its page looks at everything.
INSTEAD = "retry: 30000\n\nevent: change\ndata: all\n\n"


@page(SIGNED_IN)
def stream(request: PageRequest) -> HttpResponse:
    """GET events/?seat=: server-sent events `change` with a topic as data, for one page. Never ends by itself; 204, so
    that the browser asks no more, where the page stands for another person or operator than the session does by now."""
    if request.GET.get("seat", "") not in ("", seat_of(request.scope)):
        return HttpResponse(status=204)
    seat = Seat(request.session.session_key or "", request.user.pk, request.scope.operator_id, heard_by(request.scope))
    connection = take_over(request.META.get("gunicorn.socket")) if HUB.has_room() else None
    if connection is None:
        return HttpResponse(INSTEAD, content_type="text/event-stream")
    HUB.adopt(connection, seat)
    return HttpResponse()  # to nobody: the connection is not the web server's any more


def heard_by(scope: Scope) -> dict[str, str]:
    """The topics that a person may hear at its operator, with their names in the browser."""
    topics = {topic_of(permission): topic_of(permission) for permission in scope.permissions}
    if "customers.view" in scope.permissions:
        topics["online"] = "online"
    return topics | {jobs_of(scope.actor_id): "jobs"}


def take_over(server_socket: socket.socket | None) -> socket.socket | None:
    """The connection of the request that is being answered, from now on ours; None where that cannot be.

    What the web server holds in its place is an end of nothing: it cannot write its answer there, and lets go of it.
    """
    if server_socket is None or isinstance(server_socket, ssl.SSLSocket):
        return None
    ours = server_socket.dup()
    one_end, other_end = socket.socketpair()
    os.dup2(one_end.fileno(), server_socket.fileno())
    one_end.close()
    other_end.close()
    ours.setblocking(False)
    return ours


@dataclass(eq=False)
class Seat:
    """Who listens, where, and to what: the topics of its operator, with their names in the browser."""

    session_key: str
    user_id: int
    operator_id: int
    topics: dict[str, str]

    def look_again(self) -> bool:
        """Whether the person is still signed in and has this seat; its topics are then those that it may hear now."""
        close_old_connections()
        request = cast(PageRequest, HttpRequest())
        request.session = import_module(settings.SESSION_ENGINE).SessionStore(self.session_key)
        request.user = cast(Any, get_user(request))
        if not request.user.is_authenticated:
            return False
        request.now = clock.now()
        request.inside = inside_of(request, request.now)
        try:
            request.isp = get_isp(request.user.isp_id)
            with unit_of(request) as scope:
                self.topics = heard_by(scope)
                return (scope.operator_id, request.user.pk) == (self.operator_id, self.user_id)
        except (NotFound, EntryOver):
            return False


@dataclass(eq=False)
class Stream:
    """One page's stream. `changed` are topics not told yet: a page that takes them slowly is told each once."""

    seat: Seat
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    changed: set[str] = field(default_factory=set)
    ended: bool = False

    def hear(self, topic: str) -> None:
        self.changed.add(topic)
        self.wake.set()

    def end(self) -> None:
        self.ended = True
        self.wake.set()

    def lines(self) -> bytes:
        """What to tell now; afterwards nothing is left to tell."""
        names = {self.seat.topics.get(topic, "") for topic in self.changed - {ALL}} - {""}
        names = {ALL} if ALL in self.changed else names
        self.changed = set()
        return b"".join(f"event: change\ndata: {name}\n\n".encode() for name in sorted(names))


class Hub:
    """All streams of this process, in a thread of its own that begins with the first."""

    def __init__(self) -> None:
        self._streams: dict[int, dict[Stream, None]] = defaultdict(dict)  # by operator, the oldest first
        self._count = 0
        self._starting = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._checker = ThreadPoolExecutor(1, "events-check")

    def has_room(self) -> bool:
        return self._count < MOST

    def adopt(self, connection: socket.socket, seat: Seat) -> None:
        """Tell this connection of what its seat may hear, until it closes or the person may not any more."""
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._run, args=[self._loop], name="events", daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._serve(connection, seat), self._loop)

    def hear(self, payload: str) -> None:
        """Pass on what was announced: "operator topic"."""
        operator, _, topic = payload.partition(" ")
        for each in self._streams.get(int(operator), ()):
            each.hear(topic)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        loop.create_task(self._listen())
        loop.run_forever()

    async def _listen(self) -> None:
        """One connection that hears all announcements; after a break nobody knows what was missed."""
        address = settings.DATABASES["default"]
        while True:
            with contextlib.suppress(psycopg.Error):
                connection = await psycopg.AsyncConnection.connect(
                    host=str(address["HOST"]), port=str(address["PORT"]), dbname=str(address["NAME"]),
                    user=str(address["USER"]), password=str(address["PASSWORD"]),
                    application_name="backhaul-events", autocommit=True,
                )  # fmt: skip
                async with connection:
                    await connection.execute(f"LISTEN {CHANNEL}")
                    for each in [one for streams in self._streams.values() for one in streams]:
                        each.hear(ALL)
                    async for notice in connection.notifies():
                        self.hear(notice.payload)
            await asyncio.sleep(2)

    async def _serve(self, connection: socket.socket, seat: Seat) -> None:
        reader, writer = await asyncio.open_connection(sock=connection)
        each = Stream(seat)
        self._enter(each)
        watching = asyncio.ensure_future(_until_closed(reader, each))
        try:
            writer.write(HEAD)
            await self._tell(each, writer)
        except (OSError, TimeoutError):
            pass
        finally:
            self._leave(each)
            watching.cancel()
            writer.close()

    async def _tell(self, each: Stream, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        look_at = loop.time() + PING_SECONDS
        while not each.ended:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(look_at):
                    await each.wake.wait()
            each.wake.clear()
            if loop.time() >= look_at:
                if not await loop.run_in_executor(self._checker, each.seat.look_again):
                    return
                look_at = loop.time() + PING_SECONDS
                writer.write(b": still here\n\n")
            writer.write(each.lines())
            async with asyncio.timeout(SLOW_SECONDS):
                await writer.drain()

    def _enter(self, each: Stream) -> None:
        """Of a person's streams the oldest makes room: it is of a page left behind."""
        streams = self._streams[each.seat.operator_id]
        streams[each] = None
        self._count += 1
        own = [one for one in streams if one.seat.user_id == each.seat.user_id and not one.ended]
        for one in own[:-OF_A_PERSON]:
            one.end()

    def _leave(self, each: Stream) -> None:
        del self._streams[each.seat.operator_id][each]
        self._count -= 1
        if not self._streams[each.seat.operator_id]:
            del self._streams[each.seat.operator_id]


async def _until_closed(reader: asyncio.StreamReader, each: Stream) -> None:
    with contextlib.suppress(OSError):
        while await reader.read(1024):
            pass
    each.end()


HUB = Hub()
