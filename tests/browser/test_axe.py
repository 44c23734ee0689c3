"""Every page of the console before the usual judges: axe, the width of a phone, and whether the menu shows the place.

The addresses are those of tests/web/permissions.csv, where a new one is missed; one that answers with something else
than a whole page is listed here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import pytest
from playwright.sync_api import Page

from tests.browser.test_console import AXE
from tests.web.test_permissions import ROWS, address
from tests.web.town import Town

SEATS = ("riverside", "north", "padma", "collector")  # of the first of them that may open a page it is looked at
NO_PAGES = {
    "sign-in", "forgot", "check-customer", "count-customers", "second-factor-qr", "dashboard-card", "events", "bell",
    "bill-pdf", "payment-pdf", "fund-statement-csv", "fund-statement-pdf", "run-csv", "run-plan-csv", "proof-csv",
    "books-file", "audit-csv", "customer-file", "run-outs", "fetch-export", "fetch-bill-export", "document",
    "welcome-sheet", "find",
}  # fmt: skip
OF_LOOKS = ("color-contrast", "target-size", "scrollable-region-focusable", "aria-hidden-focus")
MENU = [".bh-nav"]  # judged once for each seat
ANYWHERE = {
    "password", "confirm-password", "own-profile", "own-email", "second-factor", "add-passkey", "end-other-sessions",
    "my-access", "jobs", "job", "next-night", "check-receipt",
}  # fmt: skip  # by no entry of the menu

pytestmark = pytest.mark.browser


def pages_by_seat() -> dict[str, list[str]]:
    """The names of all pages by the seat that looks at them."""
    found: dict[str, list[str]] = defaultdict(list)
    for row in ROWS:
        seat = next((seat for seat in SEATS if row[seat] == "200"), None)
        if seat and row["url"] not in NO_PAGES:
            found[seat].append(row["url"])
    return found


def breaches(page: Page, name: str, left_out: list[str]) -> Iterator[tuple[str, str]]:
    """What is wrong with a page before a desk by day; then, on a phone by night, with what is different there.
    `left_out`: parts that are the same on every page.
    """
    yield from judged(page, left_out, {})
    if name not in ANYWHERE and not page.locator(".bh-nav [aria-current]").count():
        yield "menu", "shows no place"
    page.set_viewport_size({"width": 390, "height": 844})
    page.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    page.evaluate("document.getAnimations().forEach(change => change.finish())")  # colours do not fade into each other
    yield from judged(page, left_out, {"runOnly": list(OF_LOOKS)})
    page.set_viewport_size({"width": 1360, "height": 900})


def judged(page: Page, left_out: list[str], options: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    asked = [{"exclude": left_out}, {"resultTypes": ["violations"], "preload": False, **options}]
    for breach in page.evaluate("asked => axe.run(...asked)", asked)["violations"]:
        yield breach["id"], breach["nodes"][0]["html"][:160]
    if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        yield "too wide", str(page.viewport_size)


@pytest.mark.parametrize("seat", SEATS)
def test_every_page_can_be_used_by_everybody(visitors: Any, town: Town, seat: str) -> None:
    """axe's script is run by the browser, not by the page; nothing is left to scroll sideways for."""
    found, script = [], AXE.read_text(encoding="utf-8")
    page: Page = visitors(seat)
    for n, name in enumerate(pages_by_seat()[seat]):
        page.goto(urljoin(page.url, address(town, name)))
        page.evaluate(script)
        found += [(name, *breach) for breach in breaches(page, name, MENU if n else [])]
    assert not found, "\n".join(map(str, found))
