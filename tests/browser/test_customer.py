"""One customer in a browser: its tabs and the way back, whom a new one looks like, a document."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.web.town import Town


def test_tabs_change_in_place_and_the_way_back_leads_through_them(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside", width=390)
    host = page.url.rstrip("/")
    page.goto(f"{host}/customers/{town.ids['customer']}/")
    page.get_by_role("link", name="Timeline").click()
    expect(page.get_by_role("heading", name="Everything that happened")).to_be_visible()
    expect(page.get_by_role("link", name="Timeline")).to_be_in_viewport()
    page.locator(".bh-chips").get_by_role("link", name="Payments").click()
    expect(page.locator("#results")).not_to_contain_text("Customer added")
    page.get_by_role("link", name="Usage").click()
    expect(page.locator("#results")).to_contain_text("Nothing was carried")
    page.go_back()
    expect(page.locator("#results")).to_contain_text("Payment, receipt")
    expect(page.locator("#results")).not_to_contain_text("Customer added")


def test_whoever_types_a_known_mobile_is_told_and_offered_a_free_username(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    page.goto(f"{page.url}customers/add/")
    page.get_by_label("Name", exact=True).fill("Abdul Karim")
    page.get_by_label("Mobile").fill("01711000000")
    expect(page.locator("#lookalikes")).to_contain_text("You may have this customer already")
    page.get_by_role("button", name="abdul.karim2").click()
    expect(page.get_by_label("Username")).to_have_value("abdul.karim2")


def test_a_document_is_taken_in_and_listed(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    page.goto(f"{page.url}customers/{town.ids['customer']}/documents/")
    page.get_by_label("What it is").fill("Lease")
    page.get_by_label("File").set_input_files({"name": "a.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4"})
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_role("link", name="Lease")).to_be_visible()
