"""The list of customers in a browser: boxes over a list, and an act on many up to its preview."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.web.town import Town


def test_ticked_customers_are_acted_on_after_a_preview(town: Town, visitors: Any, host: str) -> None:
    page = visitors("riverside")
    page.goto(f"{host}/customers/")
    expect(page.get_by_text("2 customers", exact=True)).to_be_visible()
    page.get_by_label("Tick all on this page").check()
    assert page.locator("input[name=pick]:checked").count() == 2
    page.get_by_text("Do to many").click()
    page.get_by_role("button", name="Change zone").click()
    expect(page.get_by_role("heading", name="Change zone: 2 customers")).to_be_visible()
    page.get_by_role("button", name="See what will happen").click()
    expect(page.get_by_text("Looking at what it would do: 0 of 2 customers.")).to_be_visible()


def test_filters_and_columns_change_the_list_in_place(town: Town, visitors: Any, host: str) -> None:
    page = visitors("riverside")
    page.goto(f"{host}/customers/")
    page.get_by_label("Any status").select_option("suspended")
    expect(page.get_by_text("1 customer", exact=True)).to_be_visible()
    page.get_by_text("More filters").click()
    page.get_by_label("Any connection").select_option("hotspot")
    expect(page.get_by_text("No customer matches")).to_be_visible()
    page.get_by_role("link", name="Columns").click()
    page.get_by_text("Mobile", exact=True).click()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name="Clear")).to_be_visible()


def test_the_way_back_from_a_customer_leads_to_the_list_as_it_was_left(town: Town, visitors: Any, host: str) -> None:
    page = visitors("riverside")
    page.goto(f"{host}/customers/?status=suspended&sort=name")
    page.locator("main tbody a").first.click()
    page.get_by_role("link", name="Bills").last.click()
    page.locator("main").get_by_role("link", name="Customers", exact=True).click()
    expect(page.get_by_label("Any status")).to_have_value("suspended")
    expect(page).to_have_url(f"{host}/customers/?status=suspended&sort=name")
