"""A newcomer's walk: from an empty server to a customer's receipt, by what stands on the pages alone."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from playwright.sync_api import Browser, Locator

from tests.browser.conftest import Visitor
from tests.builders import PASSWORD

MOST = 40


class Newcomer:
    """Somebody who reads labels: what it clicks is counted, and every page that it waits for."""

    def __init__(self, visitor: Visitor) -> None:
        self.page, self.clicks, self.loads = visitor.page, 0, 0
        self.page.on("load", self._loaded)

    def _loaded(self, _: object) -> None:
        self.loads += 1

    def choose(self, name: str) -> None:
        """Click an entry of the menu."""
        self._click(self.page.get_by_role("navigation").get_by_role("link", name=name, exact=True))

    def follow(self, name: str) -> None:
        self._click(self.page.get_by_role("main").get_by_role("link", name=name, exact=True))

    def press(self, name: str) -> None:
        self._click(self.page.get_by_role("main").get_by_role("button", name=name, exact=True))

    def write(self, given: dict[str, str]) -> None:
        """Fill fields by their labels."""
        for label, text in given.items():
            self.page.get_by_label(label, exact=True).first.fill(text)

    def sees(self, words: str) -> None:
        self.page.get_by_text(words).first.wait_for()

    def _click(self, what: Locator) -> None:
        self.clicks += 1
        what.first.click()
        self.page.wait_for_load_state()


@pytest.fixture
def newcomer(chromium: Browser, host: str, db: object) -> Iterator[Newcomer]:
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, locale="en-GB")
    visitor = Visitor(context, host)
    walks = Newcomer(visitor)
    visitor.page.goto(f"{host}/welcome/?token={settings.HOME.secret('setup_token')}")
    yield walks
    context.close()
    assert visitor.complaints == []


def test_from_an_empty_server_to_a_receipt_in_few_clicks(newcomer: Newcomer) -> None:
    founds_an_isp(newcomer)
    takes_a_reseller_on(newcomer)
    adds_a_package(newcomer)
    sells_it_and_is_paid(newcomer)
    assert newcomer.clicks < MOST and newcomer.loads < MOST, (newcomer.clicks, newcomer.loads)


def founds_an_isp(newcomer: Newcomer) -> None:
    newcomer.write({"Company name": "Lake Net", "Short name": "lake"})
    newcomer.press("Next")
    newcomer.press("Next")  # customer ids and VAT as they are proposed
    newcomer.write({"Price a month": "800"})
    newcomer.press("Next")
    newcomer.write({"Your name": "Mina Das", "Sign-in name": "mina"})
    newcomer.write({"Password": PASSWORD, "Password once more": PASSWORD})
    newcomer.press("Found it and sign in")
    newcomer.sees("What to do first")


def takes_a_reseller_on(newcomer: Newcomer) -> None:
    newcomer.choose("Resellers")
    newcomer.follow("Add reseller")
    newcomer.write({"Company name": "Lake View", "Short name": "lakeview"})
    newcomer.press("Next")
    newcomer.press("Next")  # prepaid, charged from the start
    newcomer.write({"Home 10": "450"})
    newcomer.press("Save and look it over")
    newcomer.follow("Answer First sign-in")
    newcomer.write({"Owner's name": "Lipi Akter"})
    newcomer.press("Next")
    newcomer.write({"Amount": "5000"})
    newcomer.press("Save and look it over")
    newcomer.sees("5,000.00")
    newcomer.press("Take it on")
    newcomer.sees("lakeview@lake")


def adds_a_package(newcomer: Newcomer) -> None:
    newcomer.choose("Packages")
    newcomer.follow("Add package")
    newcomer.write({"Name": "Home 10 night", "Retail price": "600"})
    newcomer.press("See what will happen")
    newcomer.press("Add package")
    newcomer.sees("Home 10 night")


def sells_it_and_is_paid(newcomer: Newcomer) -> None:
    newcomer.choose("Customers")
    newcomer.follow("Add customer")
    newcomer.write({"Name": "Abdul Karim", "Mobile": "01711000000", "Username": "karim"})
    packages = newcomer.page.get_by_label("Package", exact=True)
    packages.select_option(label=packages.locator("option", has_text="Home 10 night").inner_text())
    newcomer.press("Add customer")
    newcomer.sees("LAK-00001")
    newcomer.follow("Bills")
    newcomer.sees("600.00")
    newcomer.follow("Collect cash")
    newcomer.press("Take payment")
    newcomer.sees("Payment received")
