"""A real browser before real pages: Chromium, the server in threads of this process, the database of the tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pytest
from django.core.wsgi import get_wsgi_application
from django.db import connections
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response, sync_playwright

from backhaul.cli.embedded import EmbeddedPostgres
from conftest import clean
from tests.browser.chromium import launch
from tests.builders import PASSWORD
from tests.web.town import Town, build_town

LIMIT_MS = 15_000


class Server(ThreadingMixIn, WSGIServer):
    """Each request in a thread of its own, which leaves no connection behind."""

    daemon_threads = True

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        super().process_request_thread(request, client_address)
        connections.close_all()


class Silent(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: failures are told by the tests."""


@pytest.fixture(scope="module")
def town(server: EmbeddedPostgres) -> Iterator[Town]:
    yield build_town()
    clean(server)


@pytest.fixture(scope="session")
def host() -> Iterator[str]:
    """The address of the console."""
    with make_server("127.0.0.1", 0, get_wsgi_application(), Server, Silent) as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    # Playwright keeps an event loop running in this thread; what these tests ask the database is meant to wait.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


class Visitor:
    """One person's browser; what must never happen is kept in `complaints`."""

    def __init__(self, context: BrowserContext, host: str) -> None:
        self.host = host
        self.complaints: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(LIMIT_MS)
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.complaints.append(f"{self.page.url}: {error}"))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def sign_in(self, name: str) -> Page:
        self.page.goto(f"{self.host}/sign-in/")
        self.page.get_by_label("Name").fill(f"{name}@padma")
        self.page.get_by_label("Password").fill(PASSWORD)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(f"{self.host}/")
        return self.page

    def _heard(self, message: ConsoleMessage) -> None:
        refused_form = "status of 422" in message.text  # the browser tells of it whatever the page does
        if message.type in ("error", "warning") and not refused_form:
            self.complaints.append(f"{self.page.url}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.host, "data:")):
            self.complaints.append(f"{self.page.url} asked {request.url}")

    def _answered(self, response: Response) -> None:
        """A page says what it may run, and nothing that is written into it is among that."""
        policy = response.headers.get("content-security-policy", "")
        if response.request.resource_type == "document" and ("default-src 'self'" not in policy or "unsafe" in policy):
            self.complaints.append(f"{response.url} may run what it likes: {policy!r}")


@pytest.fixture
def visitors(chromium: Browser, host: str) -> Iterator[Any]:
    """Opens browsers: visitors("riverside", width=390) is signed in; at the end none may have had a complaint."""
    opened: list[tuple[BrowserContext, Visitor]] = []

    def visit(name: str, *, width: int = 1360, height: int = 900, dark: bool = False) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light", locale="en-GB"
        )
        visitor = Visitor(context, host)
        opened.append((context, visitor))
        return visitor.sign_in(name)

    yield visit
    complaints = [complaint for _, visitor in opened for complaint in visitor.complaints]
    for context, _ in opened:
        context.close()
    assert complaints == []
