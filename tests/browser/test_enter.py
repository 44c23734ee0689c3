"""Log in as reseller in a real browser: in by the reseller's page, the banner, looking, stepping up, and back."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_console import act, visit
from tests.builders import PASSWORD
from tests.web.town import Town

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("width", [1360, 390])
def test_in_looking_stepping_up_and_back(visitors: Any, town: Town, width: int) -> None:
    page: Page = visitors("padma", width=width)
    visit(page, "/enter/")
    page.get_by_role("row", name="Riverside").get_by_role("link", name="Log in").click()
    panel = page.locator("#panel")
    why = panel.get_by_label("Why")
    why.fill(" ")
    why.evaluate("field => { field.style.width = '20rem'; }")  # as browsers do where a field is dragged larger
    panel.get_by_role("button", name="Log in").click()
    expect(panel).to_contain_text("This field is required")
    why.fill("his customer cannot connect")
    panel.get_by_text("15 minutes").click()
    panel.get_by_role("button", name="Log in").click()
    banner = page.locator(".bh-acting[role=status]")
    expect(banner).to_contain_text("You are inside Riverside")
    expect(banner).to_contain_text("his customer cannot connect")
    expect(banner).to_contain_text("15 minutes left")
    expect(banner).to_contain_text("looking only")

    visit(page, f"/customers/{town.ids['customer']}/")
    act(page, "Suspend")
    panel.get_by_label("Reason").fill("a try")
    panel.get_by_role("button", name="Suspend").click()
    expect(panel).to_contain_text("You are only looking inside Riverside")
    panel.get_by_role("link", name="Step up to change things").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_role("button", name="Step up", exact=True).click()
    expect(banner).to_contain_text("recorded with your name")
    assert f"/customers/{town.ids['customer']}/" in page.url

    banner.get_by_role("button", name="Back to my own").click()
    expect(banner).to_have_count(0)

    mine: Page = visitors("riverside", width=width)
    visit(mine, "/settings/who-came-in/")
    expect(mine.locator("main")).to_contain_text("Padma of Padma for you")
    mine.get_by_role("link", name="acts").first.click()
    expect(mine.locator("main")).to_contain_text("Stepped up to change things")
