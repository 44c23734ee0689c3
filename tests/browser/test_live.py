"""An open dashboard shows what others do, without being asked, by the server that `backhaul up` starts."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Page, expect

from backhaul.cli.embedded import EmbeddedPostgres
from tests.browser.conftest import LIMIT_MS
from tests.web.conftest import signed_in
from tests.web.town import Town

pytestmark = pytest.mark.browser
SECONDS = 20


@pytest.fixture(scope="module")
def host(server: EmbeddedPostgres) -> Iterator[str]:
    """Gunicorn with threads, as in production; it has the address and the secrets of the tests' database."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    gunicorn = (sys.executable, "-m", "gunicorn", "config.wsgi:application", "--worker-class", "gthread")
    process = subprocess.Popen(
        [*gunicorn, "--bind", address, "--threads", "4", "--no-control-socket"],
        env={**os.environ, "BACKHAUL_LOG_LEVEL": "ERROR"},
    )
    try:
        _await(f"http://{address}/healthz")
        yield f"http://{address}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)


def _await(address: str) -> None:
    until = time.monotonic() + SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=5):
                return
        except OSError:
            assert time.monotonic() < until, f"{address} does not answer"
            time.sleep(0.1)


@pytest.fixture
def opened(chromium: Browser, host: str) -> Iterator[Callable[[str], Page]]:
    """opened("rival") is the dashboard of that person in a browser of its own, with its stream."""
    contexts: list[BrowserContext] = []

    def opened(name: str) -> Page:
        session = signed_in(name).cookies[settings.SESSION_COOKIE_NAME].value
        contexts.append(chromium.new_context(locale="en-GB"))
        contexts[-1].add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": host}])
        page = contexts[-1].new_page()
        with page.expect_response(lambda answer: answer.url.startswith(f"{host}/events/")):
            page.goto(f"{host}/")
        page.locator("#card-recent tbody tr, #card-recent .bh-empty").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def pay(town: Town, amount: str) -> None:
    """A collector takes money by page."""
    collector, address = signed_in("collector"), f"/collect/{town.ids['customer']}/"
    key = re.search(r'name="request_key" value="([^"]+)"', collector.get(address).content.decode())
    assert key is not None
    answer = collector.post(address, {"amount": amount, "method": "cash", "request_key": key[1]})
    assert answer.status_code == 303, answer.content


def test_a_payment_appears_on_an_open_dashboard_of_its_operator_alone(
    opened: Callable[[str], Page], town: Town
) -> None:
    owner, rival = opened("riverside"), opened("rival")
    asked: list[str] = []
    rival.on("request", lambda request: asked.append(request.url))
    expect(owner.locator("#card-recent")).not_to_contain_text("71.00")
    pay(town, "71.00")
    expect(owner.locator("#card-recent")).to_contain_text("71.00", timeout=LIMIT_MS)
    expect(owner.locator("#card-figures")).to_contain_text("321.00 today", timeout=LIMIT_MS)
    assert asked == []


def look_away_and_back(page: Page) -> None:
    """Only then is the stream asked for anew at once."""
    for hidden in ("true", "false"):
        page.evaluate(
            f"Object.defineProperty(document, 'hidden', {{value: {hidden}, configurable: true}});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )


def test_who_is_signed_out_meanwhile_keeps_what_was_typed_and_saves_it_once_signed_in_again(
    opened: Callable[[str], Page], town: Town, host: str
) -> None:
    page = opened("rival")
    page.goto(f"{host}/profile/")
    page.get_by_label("Full name").fill("Typed by hand")
    page.context.clear_cookies()
    look_away_and_back(page)
    told = page.get_by_role("alert").filter(has_text="You are signed out here")
    expect(told).to_be_visible(timeout=LIMIT_MS)
    page.get_by_role("button", name="Save").click()
    expect(page).to_have_url(f"{host}/profile/")
    session = signed_in("rival").cookies[settings.SESSION_COOKIE_NAME].value
    page.context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": host}])
    look_away_and_back(page)
    expect(told).to_be_hidden(timeout=LIMIT_MS)
    page.get_by_role("button", name="Save").click()
    expect(page.locator("summary", has_text="Typed by hand")).to_be_visible(timeout=LIMIT_MS)


def test_a_page_of_a_visit_that_ended_in_another_window_says_so_and_keeps_what_was_typed(
    opened: Callable[[str], Page], town: Town, host: str
) -> None:
    page = opened("padma")
    page.goto(f"{host}/enter/{town.cast.north}/")
    page.get_by_label("Why").fill("a fault")
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{host}/")
    page.goto(f"{host}/customers/add/")
    name = page.get_by_label("Name", exact=True)
    name.fill("Typed by hand")
    other = page.context.new_page()
    other.goto(f"{host}/")
    other.get_by_role("button", name="Back to my own").click()
    expect(other.get_by_text("You are inside")).to_have_count(0, timeout=LIMIT_MS)
    look_away_and_back(page)
    told = page.get_by_role("alert").filter(has_text="your visit is over")
    expect(told).to_be_visible(timeout=LIMIT_MS)
    expect(name).to_have_value("Typed by hand")
