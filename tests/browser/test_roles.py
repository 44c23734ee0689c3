"""What each role does at work, by visible labels only, before a desk's screen and on a phone."""

from __future__ import annotations

import re
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backhaul.billing.bulk import Seat, carry_out_bulk
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.clock import now
from backhaul.operators.functions import rows
from backhaul.payments.drawers import count_drawer
from tests.browser.test_accountant import day_of_last_month, printed
from tests.browser.test_console import act
from tests.builders import acting, build_person, request_key
from tests.web.test_network import go_online
from tests.web.town import Town

pytestmark = [
    pytest.mark.browser,
    pytest.mark.parametrize("width", [1360, 390], ids=["desktop", "phone"]),
]
numbers = count(1)


def menu(page: Page, label: str) -> None:
    """A page by the main menu, which a phone keeps behind a button."""
    link = page.get_by_role("navigation", name="Main menu").get_by_role("link", name=label, exact=True)
    if not link.is_visible():
        page.get_by_role("button", name="Menu", exact=True).first.click()
    link.click()


def says(page: Page | Locator, words: str) -> None:
    """That is what people read."""
    expect(page.locator("main") if isinstance(page, Page) else page).to_contain_text(words)


def headed(page: Page, title: str) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(title)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row", name=name)


def hire(town: Town, role: str, *, at: int | None = None) -> tuple[str, int]:
    """A person of that role at Riverside or at another operator: the sign-in name and the user id."""
    name = f"{role}{next(numbers)}"
    with acting(town.cast.padma, at or town.cast.riverside):
        return name, build_person(at or town.cast.riverside, name, role)


@pytest.fixture(scope="module")
def online(town: Town, server: EmbeddedPostgres) -> str:
    """The username of North's customer who is connected."""
    go_online(server, "rafiq.ahmed")
    return "rafiq.ahmed"


def work(town: Town) -> None:
    """What the worker does with an act on many of North's customers."""
    cast = town.cast
    with acting(cast.padma, cast.north):
        run_id = rows("SELECT max(id) AS id FROM bulk_run")[0]["id"]
    carry_out_bulk(cast.padma, Seat(cast.north, cast.owners["north"]), run_id=run_id, now=now())


def panel(page: Page) -> Locator:
    return page.locator("#panel")


# -- who collects, keeps the network, keeps the books, and who does what it is granted -------------------------------


def test_a_collector_finds_who_owes_takes_cash_and_hands_it_over(visitors: Any, town: Town, width: int) -> None:
    name, _ = hire(town, "collector")
    page: Page = visitors(name, width=width)
    page.get_by_role("link", name=re.compile("In no zone")).click()
    headed(page, "Customers")
    expect(row(page, "Abdul Karim")).to_contain_text(re.compile(r"\d\d0\.00"))
    page.get_by_role("link", name="Abdul Karim").click()
    page.get_by_role("link", name="Collect cash").last.click()
    expect(page.get_by_label("Amount received")).not_to_have_value("")
    page.get_by_label("Amount received").fill("100")
    page.get_by_role("button", name="Take payment").click()
    headed(page, "Payment received")
    says(page, "BDT 100.00")
    says(page, "Still due")
    page.get_by_role("group").filter(has_text="PDF").locator("summary").click()
    assert "100.00" in printed(page, page.get_by_role("link", name="58 mm").first.click)

    menu(page, "My drawer")
    expect(page.locator("main")).to_contain_text(re.compile(r"Receipts not handed over\s*1"))
    page.get_by_role("link", name="Count and hand over").click()
    page.get_by_label("Cash that you counted").fill("100")
    page.get_by_role("button", name="See what will happen").click()
    says(page, "What is missing is due from you.")
    page.get_by_role("button", name="Hand over").click()
    says(page, "Give the cash to who receives it.")
    says(page, "What you counted waits for whoever receives it.")


def test_the_noc_goes_from_who_is_online_to_the_router(visitors: Any, town: Town, online: str, width: int) -> None:
    name, _ = hire(town, "noc", at=town.cast.north)
    page: Page = visitors(name, width=width)
    page.get_by_role("link", name=re.compile("Online now")).click()
    headed(page, "Customers")
    expect(row(page, "Rafiq Ahmed")).to_be_visible()
    expect(row(page, "Nadia Islam")).to_have_count(0)
    page.get_by_role("link", name="Rafiq Ahmed").click()
    says(page, "Online")
    menu(page, "Sessions")
    says(row(page, "Rafiq Ahmed"), online)
    says(row(page, "Rafiq Ahmed"), "AA:BB:CC:00:11:22")
    menu(page, "Routers")
    says(row(page, "Tower"), "192.0.2.9")
    page.get_by_role("link", name="Tower").click()
    headed(page, "Tower")
    says(page, "/radius add")
    expect(page.get_by_role("link", name="Bills")).to_have_count(0)


def test_a_manager_does_what_he_is_granted_and_finds_nothing_else(visitors: Any, town: Town, width: int) -> None:
    name, _ = hire(town, "manager", at=town.cast.north)
    owner: Page = visitors("north", width=width)
    menu(owner, "Staff")
    owner.get_by_role("link", name=name.title()).click()
    owner.get_by_role("link", name="Change access").click()
    owner.get_by_label("See customers").check()
    owner.get_by_role("button", name="Save").click()
    says(owner, "See customers")

    page: Page = visitors(name, width=width)
    for closed in ("Bills", "Collect cash", "Funds", "Staff"):
        expect(page.get_by_role("navigation", name="Main menu").get_by_text(closed, exact=True)).to_have_count(0)
    menu(page, "Customers")
    customer = "Nadia Islam" if width < 500 else "Rafiq Ahmed"
    page.get_by_role("link", name=customer).click()
    act(page, "Discount")
    panel(page).get_by_label("Amount off each bill").fill("50")
    panel(page).get_by_label("Reason").fill("a neighbour of the office")
    panel(page).get_by_role("button", name="See what will happen").click()
    says(panel(page), "This is what will happen:")
    panel(page).get_by_role("button", name="Give the discount").click()
    menu(page, "Discounts")
    says(row(page, customer), "a neighbour of the office")
    page.locator("summary", has_text=name.title()).click()
    page.get_by_role("link", name="What you may do").click()
    headed(page, "What you can see and do")
    says(page, "Give discounts")
    says(page, "closed")


def test_a_manager_receives_what_a_collector_counted(visitors: Any, town: Town, width: int) -> None:
    _, collector = hire(town, "collector")
    with acting(town.cast.padma, town.cast.riverside, user_id=collector):
        count_drawer(counted_minor=0, note=f"round {width}", now=now(), request_key=request_key())
    name, _ = hire(town, "manager")
    page: Page = visitors(name, width=width)
    menu(page, "Drawers")
    row(page, f"round {width}").get_by_role("link", name="Receive").click()
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name="Receive").click()
    says(page, "received")
    expect(page.get_by_role("row", name=f"round {width}").get_by_role("link", name="Receive")).to_have_count(0)


def test_an_accountant_closes_a_month_and_prints_its_statement(visitors: Any, town: Town, width: int) -> None:
    at = town.cast.north if width < 500 else town.cast.riverside
    name, _ = hire(town, "accountant", at=at)
    page: Page = visitors(name, width=width)
    last = day_of_last_month()
    menu(page, "Periods")
    page.get_by_role("link", name=f"Close {last:%B}").click()
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name="Close", exact=True).click()
    says(page, "The books are closed.")
    says(row(page, f"{last:%B %Y}"), name.title())
    menu(page, "Income statement")
    page.locator("input[name=from]").fill(last.replace(day=1).isoformat())
    says(page, f"1 {last:%b %Y} – ")
    page.locator("input[name=to]").fill(last.isoformat())
    says(page, f"– {last.day} {last:%b %Y}")
    says(page, "Internet revenue")
    words = printed(page, lambda: page.get_by_role("link", name="PDF, English").click())
    assert "Income statement" in words and "1,200.00" in words


# -- who owns an ISP, a reseller, a sub-operator ---------------------------------------------------------------------


def test_an_isp_recharges_a_reseller_looks_inside_and_comes_back(visitors: Any, town: Town, width: int) -> None:
    page: Page = visitors("padma", width=width)
    menu(page, "Resellers")
    row(page, "North").get_by_role("link", name="Recharge").click()
    page.get_by_label("Amount").fill("1500")
    page.get_by_role("button", name="See what will happen").click()
    says(page, "Available to North")
    page.get_by_role("button", name="Confirm").click()
    says(page, "+1,500.00")

    page.get_by_role("link", name="Log in", exact=True).click()
    panel(page).get_by_label("Why").fill("he asked about a bill")
    panel(page).get_by_role("button", name="Log in").click()
    banner = page.get_by_text("You are inside North")
    expect(banner).to_be_visible()
    menu(page, "Customers")
    page.get_by_role("link", name="Rafiq Ahmed").click()
    headed(page, "Rafiq Ahmed")
    page.get_by_role("button", name="Back to my own").click()
    expect(banner).to_have_count(0)
    menu(page, "Resellers")
    expect(row(page, "North")).to_be_visible()


def test_a_reseller_prices_a_plan_for_its_child_and_acts_on_many(visitors: Any, town: Town, width: int) -> None:
    page: Page = visitors("north", width=width)
    menu(page, "Resellers")
    page.get_by_role("link", name="Riverside").click()
    row(page, "Office 100").get_by_role("link", name="Set price").click()
    panel(page).get_by_label("Price for 30 days or a month").fill("2,150")
    panel(page).get_by_role("button", name="See what will happen").click()
    says(panel(page), "This is what will happen:")
    panel(page).get_by_role("button", name="Set price").click()
    says(page, "The price is set.")
    says(row(page, "Office 100"), "2,150.00")
    if width < 500:
        return  # boxes over a list are for a desk
    menu(page, "Customers")
    page.get_by_label("Tick all on this page").check()
    page.get_by_text("Do to many").click()
    page.get_by_role("button", name="Suspend", exact=True).click()
    headed(page, "Suspend: 2 customers")
    page.get_by_label("Reason").fill("the tower is down")
    page.get_by_role("button", name="See what will happen").click()
    says(page, "Looking at what it would do")
    work(town)
    says(page, "It will be done to 2 of 2 customers.")
    page.get_by_role("button", name="Suspend: 2 customers").click()
    says(page, "0 of 2 customers done")
    work(town)
    says(page, "Done to 2 customers.")


def test_a_sub_operator_adds_a_customer_suspends_it_and_lifts_that(visitors: Any, town: Town, width: int) -> None:
    page: Page = visitors("riverside", width=width)
    menu(page, "Customers")
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("Name").first.fill(f"Shirin {width}")
    page.get_by_label("Mobile").fill(f"01811-22{width:04}")
    page.get_by_label("Username").fill(f"shirin{width}")
    page.get_by_label("Package").select_option(label="Home 20 · 800.00")
    page.get_by_label("Billing").select_option(label="Monthly 1st")
    page.get_by_role("button", name="Add customer").click()
    headed(page, f"Shirin {width}")
    says(page, f"Shirin {width} is added.")
    act(page, "Suspend")
    says(panel(page), "One customer goes offline now")
    panel(page).get_by_label("Reason").fill("moves house")
    panel(page).get_by_role("button", name="Suspend").click()
    says(page, "moves house")
    expect(page.locator("header .bh-badge")).to_have_text("Suspended")
    act(page, "Lift suspension")
    panel(page).get_by_role("button", name="Lift suspension").click()
    expect(page.locator("header .bh-badge")).to_have_text("Active")
