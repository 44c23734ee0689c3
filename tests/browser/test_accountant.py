"""An accountant's month in a real browser: posted, closed, corrected, reported, and followed back to a receipt."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from backhaul.common.clock import local_date, now
from tests.browser.test_console import AXE, open_menu
from tests.printed import text_of
from tests.web.town import Town

pytestmark = pytest.mark.browser

# Two customers on Home 10, and what the accountant below writes into the month: at first, and when it is open again.
REPORTED = {
    "Internet revenue": "1,200.00",
    "Total income": "1,200.00",
    "Wholesale cost": "900.00",
    "Office expense": "500.00",
    "Rent": "8,250.00",
    "Total expenses": "9,650.00",
    "Loss": "−8,450.00",
}


def day_of_last_month(day: int | None = None) -> date:
    """That day of the month before this one, or its last."""
    last = local_date(now(), "Asia/Dhaka").replace(day=1) - timedelta(days=1)
    return last.replace(day=day) if day else last


def check(page: Page) -> None:
    """What axe, the usual judge, has against the page as it stands; nothing is left to scroll sideways for."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    breaches = page.evaluate("axe.run()")["violations"]
    assert [(page.url, breach["id"], breach["nodes"][0]["html"][:120]) for breach in breaches] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


def confirm(page: Page, button: str, says: str) -> None:
    """The second step of an act: what will happen is shown, then done."""
    expect(page.locator("main")).to_contain_text("This is what will happen:")
    check(page)
    page.get_by_role("button", name=button, exact=True).click()
    expect(page.locator("main")).to_contain_text(says)


def look(page: Page) -> None:
    page.get_by_role("button", name="See what will happen").click()


def choose(field: Locator, account: str) -> None:
    """An account by its name, whatever its number is."""
    field.select_option(value=field.locator("option", has_text=account).first.get_attribute("value"))


def write_entry(page: Page, on: date, reason: str, amount: str) -> None:
    """Rent out of the till, typed line by line."""
    open_menu(page, "How it stands")
    check(page)
    page.get_by_role("link", name="Entry by hand").click()
    page.get_by_label("On", exact=True).fill(on.isoformat())
    expect(page.locator("output[data-months]")).to_have_text(f"{on.day} {on:%b %Y}")  # whatever the browser's language
    page.get_by_label("What it is for").fill(reason)
    choose(page.get_by_label("Line 1: Account"), "Rent")
    page.get_by_label("Line 1: Debit").fill(amount)
    choose(page.get_by_label("Line 2: Account"), "Cash")
    page.get_by_label("Line 2: Credit").fill(amount)
    check(page)
    look(page)


def tell(page: Page, on: date, reason: str, amount: str) -> None:
    """An expense in plain words."""
    open_menu(page, "Record something")
    check(page)
    page.get_by_role("link", name="Something I paid for").click()
    page.get_by_label("Day").fill(on.isoformat())
    page.get_by_label("Amount").fill(amount)
    choose(page.get_by_label("What it was for"), "Office expense")
    page.get_by_label("In your own words").fill(reason)
    check(page)
    look(page)


def close_last_month(page: Page) -> None:
    open_menu(page, "Periods")
    check(page)
    page.get_by_role("link", name=f"Close {day_of_last_month():%B}").click()
    expect(page.get_by_label("Closed through")).to_have_value(day_of_last_month().isoformat())
    check(page)
    look(page)
    confirm(page, "Close", "The books are closed.")
    expect(page.get_by_role("row", name=f"{day_of_last_month():%B %Y}")).to_contain_text("Accountant")


def begin_the_year_with_last_month(page: Page) -> None:
    open_menu(page, "Periods")
    page.get_by_role("link", name="Years begin in January").click()
    page.get_by_label("A year begins in").select_option(label=f"{day_of_last_month():%B}")
    check(page)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("link", name=f"Years begin in {day_of_last_month():%B}")).to_be_visible()
    expect(page.get_by_role("table").first.locator("tbody tr").first).to_contain_text(f"{day_of_last_month():%B %Y}")


def is_refused(page: Page, reason: str, amount: str) -> None:
    """A closed month takes nothing, says so in words, and what was typed is still there to be given a later day."""
    last = day_of_last_month()
    expect(page.locator("main")).to_contain_text(f"closed through {last.day} {last:%b %Y}")
    check(page)
    assert reason in [field.input_value() for field in page.locator("main input[type=text]").all()]
    assert amount in [field.input_value() for field in page.locator("main input[type=text]").all()]


def open_again(owner: Page, accountant: Page) -> None:
    """Only an owner opens a month again, and says why."""
    path = f"/books/periods/{day_of_last_month():%Y-%m}/reopen/"
    open_menu(accountant, "Periods")
    expect(accountant.get_by_role("link", name="Open again")).to_have_count(0)
    assert accountant.request.get(accountant.url.replace("/books/periods/", path)).status == 403
    open_menu(owner, "Periods")
    owner.get_by_role("link", name="Open again").click()
    look(owner)
    expect(owner.locator(".invalid-feedback")).to_contain_text("required")
    owner.get_by_label("Why").fill("the landlord's bill came late")
    check(owner)
    look(owner)
    confirm(owner, "Open again", "The books are open again.")
    expect(owner.locator("main")).to_contain_text("the landlord's bill came late")


def read_last_month(page: Page) -> None:
    """The days of a statement, chosen in its filter."""
    page.locator("input[name=from]").fill(day_of_last_month(1).isoformat())
    expect(page.locator("#results")).to_contain_text(f"1 {day_of_last_month():%b %Y} – ")
    page.locator("input[name=to]").fill(day_of_last_month().isoformat())
    expect(page.locator("#results")).to_contain_text(f" – {day_of_last_month().day} {day_of_last_month():%b %Y}")
    check(page)


def figures(page: Page) -> dict[str, str]:
    """The first amount of each row of the statement by the name of its account."""
    rows = page.locator("#results table tr", has=page.locator("td.bh-figure"))
    cells = [row.locator("td").all_inner_texts() for row in rows.all()]
    return {cell[0].strip().lstrip("0123456789 "): cell[1].strip() for cell in cells}


def follow_to_the_receipt(page: Page) -> None:
    """From a figure of the statement to its account, an entry, the customer who was billed, and the receipt of what
    this customer paid."""
    page.get_by_role("link", name="Internet revenue").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Internet revenue")
    check(page)
    page.locator("#results tbody a").first.click()
    expect(page.locator("main")).to_contain_text("Where it comes from")
    check(page)
    page.get_by_role("link", name="Abdul Karim").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Customer account")
    check(page)
    page.get_by_role("link", name="Payment", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Payment received")
    expect(page.locator("main")).to_contain_text("250.00")
    check(page)


def printed(page: Page, click: Callable[[], None]) -> str:
    with page.expect_download() as download:
        click()
    content = Path(download.value.path()).read_bytes()
    assert content.startswith(b"%PDF-")
    return text_of(content)


def test_an_accountant_closes_corrects_and_reports_a_month(visitors: Any, town: Town) -> None:
    accountant: Page = visitors("accountant")
    owner: Page = visitors("riverside")
    begin_the_year_with_last_month(accountant)
    write_entry(accountant, day_of_last_month(10), "Shop rent", "8,000")
    confirm(accountant, "Post", "The entry is posted.")
    tell(accountant, day_of_last_month(12), "Paper and ink", "500")
    confirm(accountant, "Record it", "Recorded.")
    close_last_month(accountant)
    tell(accountant, day_of_last_month(13), "Tea for guests", "70")
    is_refused(accountant, "Tea for guests", "70.00")
    write_entry(accountant, day_of_last_month(20), "Rent of the store", "2,500")
    is_refused(accountant, "Rent of the store", "2,500.00")
    accountant.get_by_label("On", exact=True).fill(local_date(now(), "Asia/Dhaka").isoformat())
    look(accountant)
    confirm(accountant, "Post", "The entry is posted.")
    open_again(owner, accountant)
    write_entry(accountant, day_of_last_month(21), "Rent raised", "250")
    confirm(accountant, "Post", "The entry is posted.")
    close_last_month(accountant)
    open_menu(accountant, "Income statement")
    assert figures(accountant)["Rent"] == "2,500.00"  # the correction belongs to this month
    read_last_month(accountant)
    assert figures(accountant) == REPORTED
    words = printed(accountant, lambda: accountant.get_by_role("link", name="PDF, English").click())
    for said in ("Income statement", "Riverside", *REPORTED.values()):
        assert said in words, said
    follow_to_the_receipt(accountant)
