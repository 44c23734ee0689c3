"""The console as people use it, in a real browser: no error in its console, no request that leaves the host."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page, expect

from backhaul.billing import tasks
from backhaul.operators.functions import rows
from tests.builders import acting
from tests.scenarios.test_package_change import add_gold
from tests.web.town import Town

AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"
pytestmark = pytest.mark.browser


def open_menu(page: Page, label: str) -> None:
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name=label).click()


def visit(page: Page, path: str) -> None:
    page.goto(urljoin(page.url, path))


def act(page: Page, action: str) -> Any:
    """Choose an action of a customer; the panel that it opens."""
    page.locator("summary", has_text="Actions").click()
    page.get_by_role("link", name=action, exact=True).click()
    panel = page.locator("#panel")
    expect(panel).to_be_visible()
    return panel


def number_in(address: str) -> int:
    """The id at the end of an address."""
    return int(address.strip("/").split("/")[-1])


WITHOUT_NETWORK = """() => {
    Object.defineProperty(navigator, "onLine", { get: () => false, configurable: true });
    window.fetch = () => Promise.reject(new TypeError());
}"""


def test_a_day_at_riverside(visitors: Any, town: Town) -> None:
    add_gold(town.cast, name="Market Wi-Fi", connection_types=("hotspot",))
    page: Page = visitors("riverside")
    open_menu(page, "Customers")
    page.get_by_role("link", name="Add customer").click()
    page.get_by_label("Name").first.fill("Shirin Akter")
    page.get_by_label("Mobile").fill("01811-222333")
    page.get_by_label("Username").fill("abdul.karim")
    page.get_by_label("Package").select_option(label="Market Wi-Fi · 900.00")
    expect(page.get_by_label("Connection type")).to_have_value("hotspot")
    expect(page.get_by_label("Connection type").locator("option:enabled")).to_have_count(1)
    page.get_by_label("Package").select_option(label="Home 20 · 800.00")
    page.get_by_label("Connection type").select_option(label="PPPoE")
    page.get_by_role("button", name="Add customer").click()
    expect(page.locator("#id_username_error")).to_contain_text("taken")
    expect(page.get_by_label("Mobile")).to_have_value("01811-222333")
    page.get_by_label("Username").fill("shirin")
    page.get_by_role("button", name="Add customer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Shirin Akter")
    expect(page.locator("main")).to_contain_text("Shirin Akter is added.")

    page.get_by_role("link", name="Collect cash").last.click()
    page.get_by_label("Amount received").fill("50000")
    page.get_by_label("Reference").click()
    expect(page.get_by_label("Amount received")).to_have_value("50,000.00")
    page.evaluate(WITHOUT_NETWORK)
    page.get_by_role("button", name="Take payment").click()
    expect(page.locator("#toast")).to_contain_text("cannot be reached")
    expect(page.get_by_label("Amount received")).to_have_value("50,000.00")
    page.evaluate("delete navigator.onLine")
    page.get_by_role("button", name="Take payment").dblclick()
    expect(page.get_by_role("heading", name="Payment received")).to_be_visible()
    expect(page.locator("main")).to_contain_text("Kept as advance")
    with acting(town.cast.padma, town.cast.riverside):
        assert rows("SELECT count(*) AS n FROM payment WHERE amount_minor = 5000000")[0]["n"] == 1

    page.get_by_role("link", name="Shirin Akter").click()
    panel = act(page, "Suspend")
    expect(panel).to_contain_text("One customer goes offline now")
    panel.get_by_role("button", name="Suspend").click()
    expect(panel.locator(".invalid-feedback")).to_contain_text("required")
    panel.get_by_label("Reason").fill("asked for it")
    panel.get_by_role("button", name="Suspend").click()
    expect(page.locator("header .bh-badge")).to_have_text("Suspended")
    expect(page.locator("main")).to_contain_text("asked for it")
    panel = act(page, "Lift suspension")
    panel.get_by_role("button", name="Lift suspension").click()
    expect(page.locator("header .bh-badge")).to_have_text("Active")


def test_a_list_is_narrowed_while_typing_and_the_back_button_undoes_it(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    open_menu(page, "Customers")
    page.get_by_placeholder("Name, username, mobile or customer id").fill("nusrat")
    expect(page.locator("#results tbody tr")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=nusrat"))
    page.set_viewport_size({"width": 700, "height": 1000})
    page.emulate_media(media="print")
    expect(page.locator("#results thead")).to_be_visible()  # paper is no phone: rows stand in columns
    page.emulate_media(media="screen")
    page.set_viewport_size({"width": 1360, "height": 900})
    page.get_by_label("Any status").select_option("disabled")
    expect(page.locator("#results")).to_contain_text("No customer matches")
    palette = page.locator("#palette")
    option = palette.get_by_role("option")
    page.keyboard.press("Control+k")
    expect(option.filter(has_text="Outages")).to_be_visible()
    page.keyboard.type("abdul")
    expect(option.filter(has_text="Abdul Karim")).to_have_attribute("aria-selected", "true")
    expect(option).to_have_count(2)
    page.evaluate(AXE.read_text(encoding="utf-8"))
    assert (
        page.evaluate("axe.run('#palette', {preload: false}).then(told => told.violations.map(each => each.id))") == []
    )
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.locator("#results")).to_contain_text("Abdul Karim")
    page.go_back()
    expect(page).to_have_url(re.compile(r"q=nusrat"))
    page.keyboard.press("Control+k")
    page.keyboard.type("nobody of that name")
    expect(palette).to_contain_text("Try fewer letters")
    expect(option).to_have_text(["Add customer"])
    page.keyboard.press("Escape")
    expect(palette).not_to_be_visible()


# The network answers as ever, but what was asked first comes last, once it is let go, although it was given up.
LATE = """() => {
    const real = window.fetch;
    const held = new Promise(resolve => (window.letGo = resolve));
    window.fetch = async (address) => {
        const answer = await real(address);
        if (address.endsWith("q=abdul")) await held;
        return answer;
    };
}"""
# Until the page has had what was let go, and its turn to draw it.
LET_GO = """async () => {
    window.letGo();
    for (let n = 0; n < 3; n++) await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
}"""


def test_an_older_answer_of_the_palette_never_replaces_a_newer_one(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside", width=390)
    page.evaluate(LATE)
    page.get_by_role("button", name="Find customers and pages").click()
    box = page.get_by_role("combobox")
    with page.expect_request(re.compile("q=abdul")):
        box.fill("abdul")
    box.fill("nusrat")
    option = page.get_by_role("option")
    expect(option.filter(has_text="Nusrat Jahan")).to_be_visible()
    page.evaluate(LET_GO)
    expect(option.filter(has_text="Abdul")).to_have_count(0)
    option.filter(has_text="Nusrat Jahan").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Nusrat Jahan")


def test_a_list_is_walked_by_keys_and_letters_lead_to_pages(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    page.keyboard.type("gc")
    expect(page.get_by_role("heading", level=1)).to_have_text("Customers")
    rows_shown = page.locator("#results tbody tr")
    page.keyboard.type("jjk")
    expect(rows_shown.first.locator("a").first).to_be_focused()
    for by, row in (("KeyJ", 1), ("KeyK", 0)):  # on a Bangla keyboard
        page.locator("body").dispatch_event("keydown", {"key": "ক", "code": by, "bubbles": True})
        expect(rows_shown.nth(row).locator("a").first).to_be_focused()
    page.keyboard.type("x")
    expect(rows_shown.first.locator("input[name=pick]")).to_be_checked()
    page.keyboard.type("?")
    keys = page.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Next and previous row of a list")
    page.keyboard.press("Escape")
    page.keyboard.type("/")
    page.keyboard.type("jahan")  # letters that are typed are no keys
    expect(rows_shown).to_have_count(1)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Nusrat Jahan")
    page.keyboard.type("?")
    keys.get_by_label("Single letters are keys").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.type("gc?")
    expect(keys).not_to_be_visible()
    visit(page, "/bills/")
    page.keyboard.type("gc")
    expect(page.get_by_role("heading", level=1)).to_have_text("Bills")


def test_the_page_of_one_of_several_resellers_tells_how_long_its_fund_lasts(visitors: Any, town: Town) -> None:
    page: Page = visitors("padma")
    visit(page, f"/resellers/{town.cast.rival}/")
    expect(page.locator(f"#lasts-{town.cast.rival}")).to_contain_text("lasts 2 months or more")


def test_north_recharges_riverside_after_seeing_both_balances(visitors: Any, town: Town) -> None:
    page: Page = visitors("north")
    open_menu(page, "Resellers")
    page.get_by_role("link", name="Recharge").click()
    page.get_by_label("Amount").fill("2500")
    page.get_by_role("button", name="See what will happen").click()
    expect(page.locator("main")).to_contain_text("Available to Riverside")
    page.get_by_role("button", name="Change").click()
    expect(page.get_by_label("Amount")).to_have_value("2,500.00")
    page.get_by_role("button", name="See what will happen").click()
    page.get_by_role("button", name="Confirm").dblclick()
    expect(page.locator("main")).to_contain_text("+2,500.00")
    with acting(town.cast.padma, town.cast.north):
        assert rows("SELECT count(*) AS n FROM fund_movement WHERE fund_minor = 250000")[0]["n"] == 1


def test_padma_rehearses_the_run_and_bills_and_its_books_balance(visitors: Any, town: Town) -> None:
    page: Page = visitors("padma")
    open_menu(page, "Billing run")
    page.get_by_role("button", name="Rehearse").click()
    expect(page.get_by_role("progressbar")).to_be_visible()
    tasks.make_plan(isp_id=town.cast.padma.isp_id, plan_id=number_in(page.url))  # what the worker does
    expect(page.locator("main")).to_contain_text("This is a rehearsal")
    page.get_by_role("button", name=re.compile("^Bill ")).click()
    expect(page.locator("main")).to_contain_text("You may leave this page")
    tasks.carry_out_run(isp_id=town.cast.padma.isp_id, run_id=number_in(page.url))
    expect(page.locator("main")).to_contain_text("The run is done")
    open_menu(page, "Trial balance")
    expect(page.locator("#results")).to_contain_text("Debits equal credits")
    page.get_by_role("link", name="Operator funds").click()
    expect(page.locator("main")).to_contain_text("Closing")
    open_menu(page, "Journal")
    expect(page.locator("#results")).to_contain_text("Wholesale charge")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_pages_are_as_light_as_the_machine_they_are_read_on(visitors: Any, town: Town, dark: bool) -> None:
    page: Page = visitors("north", dark=dark)
    assert page.evaluate("document.documentElement.dataset.bsTheme") == ("dark" if dark else "light")


def test_all_figures_of_a_statement_stand_on_a_phone_beneath_each_other(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside", width=390)
    for path in ("receivables", "cash-flow", "movements", "day-book", "accounts/receivable_customers"):
        visit(page, f"/books/{path}/")
        expect(page.locator(".bh-many")).to_be_visible()
        assert page.locator(".bh-scroll").evaluate("element => element.scrollWidth <= element.clientWidth"), path


def test_a_long_menu_shows_where_its_page_stands(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    for path, name in (("journal/post", "Journal"), ("periods", "Periods"), ("accounts/cash", "Accounts")):
        visit(page, f"/books/{path}/")
        lit = page.locator(".bh-nav [aria-current]")
        expect(lit).to_have_text(name)
        expect(lit).to_be_in_viewport()
    journal = page.locator(".bh-nav").get_by_role("link", name="Journal", exact=True)
    was = journal.bounding_box()
    journal.click()
    expect(page.locator("h1")).to_have_text("Journal")
    assert journal.bounding_box() == was, "the menu stays under the hand"


def test_the_whole_console_speaks_bangla(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    page.get_by_role("button", name="বাংলা").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("ড্যাশবোর্ড")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Dashboard")
