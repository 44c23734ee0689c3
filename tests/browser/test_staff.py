"""People, roles and modules in a real browser: the box over a group, and what the confirmation says."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_console import open_menu
from tests.web.town import Town

pytestmark = pytest.mark.browser


def test_a_role_is_made_with_whole_modules_and_given_to_a_person(visitors: Any, town: Town) -> None:
    page: Page = visitors("north")
    open_menu(page, "Roles")
    page.get_by_role("link", name="Add role").click()
    page.get_by_label("Name of the role").fill("Front desk")
    group = page.get_by_role("group", name="Payments and cash")
    whole = group.get_by_label("Select all of “Payments and cash”")
    group.get_by_label("Collect cash").check()
    assert whole.evaluate("box => box.indeterminate")
    whole.check()
    expect(group.get_by_label("Take payments back")).to_be_checked()
    group.get_by_label("Take payments back").uncheck()
    expect(whole).not_to_be_checked()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("main")).to_contain_text("The role is added.")
    expect(page.get_by_label("Collect cash")).to_be_checked()
    expect(page.get_by_label("Take payments back")).not_to_be_checked()

    open_menu(page, "Staff")
    page.get_by_role("link", name="Add person").click()
    page.get_by_label("Name", exact=True).fill("Salma Begum")
    page.get_by_label("Sign-in name").fill("salma")
    page.get_by_label("Role").select_option(label="Front desk")
    page.get_by_role("button", name="Add person").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Salma Begum")
    expect(page.locator("main")).to_contain_text("by the role Front desk")
    page.get_by_role("link", name="End access").click()
    panel = page.locator("#panel")
    expect(panel).to_contain_text("End the access of Salma Begum?")
    panel.get_by_role("button", name="End access").click()
    expect(page.get_by_role("row", name="Salma Begum")).to_contain_text("Access ended")


def test_a_module_is_taken_from_a_reseller_and_from_those_below(visitors: Any, town: Town) -> None:
    page: Page = visitors("padma")
    open_menu(page, "Resellers")
    page.get_by_role("link", name="North").click()
    page.get_by_role("link", name="Modules").click()
    page.get_by_label("Open months again").uncheck()
    page.get_by_role("button", name="See what will happen").click()
    expect(page.locator("main")).to_contain_text("taken from 2 people and 1 operator below")
    page.get_by_role("button", name="Set modules").click()
    expect(page.locator("main")).to_contain_text("The modules are set.")
