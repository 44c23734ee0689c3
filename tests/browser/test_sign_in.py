"""Signing in where the browser does the work: passkeys, and the codes of an app."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import LIMIT_MS, Visitor
from tests.browser.test_console import AXE
from tests.builders import PASSWORD
from tests.web.town import Town

pytestmark = pytest.mark.browser
KEY = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
       "isUserVerified": True, "automaticPresenceSimulation": True}  # fmt: skip


@pytest.fixture
def visitor(chromium: Browser, host: str, town: Town) -> Iterator[Visitor]:
    """A browser at `localhost`: browsers make no passkeys for bare numbers. It may have no complaint at the end."""
    context = chromium.new_context(viewport={"width": 390, "height": 844}, locale="en-GB")
    one = Visitor(context, host.replace("127.0.0.1", "localhost"))
    yield one
    context.close()
    assert one.complaints == []


def by_password(page: Page, host: str, name: str) -> None:
    page.goto(f"{host}/sign-in/")
    page.get_by_label("Name or e-mail").fill(f"{name}@padma")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def breaches(page: Page) -> list[tuple[str, str]]:
    """What axe finds on a page that only comes up on the way."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    return [(page.url, breach["id"]) for breach in page.evaluate("axe.run()")["violations"]]


def sign_out(page: Page) -> None:
    page.context.clear_cookies()


def with_a_key(page: Page) -> Any:
    """The page's browser has a device that makes passkeys and needs no finger."""
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": KEY})
    return devices


def test_a_passkey_is_made_named_used_instead_of_a_password_and_removed(visitor: Visitor) -> None:
    page, host = visitor.page, visitor.host
    with_a_key(page)
    by_password(page, host, "riverside")
    page.goto(f"{host}/profile/")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name of the device").fill("my phone")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.locator("main")).to_contain_text("The passkey is added")
    assert breaches(page) == []
    sign_out(page)
    page.goto(f"{host}/sign-in/?next=/profile/")
    assert breaches(page) == []
    page.get_by_role("button", name="Sign in with a passkey").click()
    page.wait_for_url(f"{host}/profile/")
    expect(page.locator("main")).to_contain_text("my phone")
    expect(page.locator("main")).to_contain_text("used ")
    page.get_by_role("link", name="Rename").click()
    page.locator("#panel").get_by_label("Name of the device").fill("the old phone")
    page.locator("#panel").get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("the old phone")
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove it").click()
    expect(page.locator("main")).to_contain_text("The passkey is removed")
    sign_out(page)
    page.goto(f"{host}/sign-in/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("This passkey is not known here")


def test_an_app_is_set_up_from_its_picture_and_asked_for_at_the_next_sign_in(visitor: Visitor) -> None:
    page, host = visitor.page, visitor.host
    by_password(page, host, "north")
    page.goto(f"{host}/profile/")
    page.get_by_role("link", name="Turn codes on").click()
    picture = page.get_by_role("img", name="Picture for the app")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("image => image.naturalWidth > 100")
    secret = page.locator("#secret").inner_text().replace(" ", "")
    page.get_by_label("Code").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn codes on").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Recovery codes")
    assert page.locator("#codes code").count() == 10
    with page.expect_download(timeout=LIMIT_MS) as kept:
        page.get_by_role("link", name="Download").click()
    text = kept.value.path().read_text()
    assert len(re.findall(r"^[a-z0-9]{5}-[a-z0-9]{5}$", text, re.M)) == 10
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert breaches(page) == []
    sign_out(page)
    page.goto(f"{host}/sign-in/forgot/")
    assert breaches(page) == []
    by_password(page, host, "north")
    page.wait_for_url(f"{host}/sign-in/code/")
    assert breaches(page) == []
    page.get_by_label("Code").fill(pyotp.TOTP(secret).at(datetime.now(UTC), counter_offset=1))
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(f"{host}/")
