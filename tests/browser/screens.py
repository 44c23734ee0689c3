"""Takes the pictures of docs/screens from a server with the demo: `python -m tests.browser.screens http://127.0.0.1:8000`.

Each page is one that a role sees often; docs/screens/README.md says what was found on it. A picture is kept in so few
colours that the whole set stays small.
"""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.chromium import launch

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screens"
PASSWORD = "demo-backhaul"
COLOURS = 224
DESK, PHONE = (1360, 900), (390, 844)
FIRST = "main tbody tr:first-child a"
COLLECT = "main >> text=Collect cash >> nth=-1"


@dataclass(frozen=True)
class Shot:
    """`follow`: what is clicked on the page of `path`, one after the other."""

    name: str
    who: str
    path: str
    follow: tuple[str, ...] = ()
    phone: bool = False
    dark: bool = False
    bangla: bool = False

    @property
    def file(self) -> str:
        return f"{self.who}-{self.name}.png"


SHOTS = (
    Shot("sign-in", "anybody", "/sign-in/"),
    Shot("dashboard", "padma", "/"),
    Shot("customers", "padma", "/customers/"),
    Shot("customer", "padma", "/customers/?q=demo-padma", (FIRST,)),
    Shot("timeline", "padma", "/customers/?q=demo-padma", (FIRST, "text=Timeline")),
    Shot("bill", "padma", "/bills/", (FIRST,)),
    Shot("packages", "padma", "/packages/"),
    Shot("plan", "padma", "/plans/", ("main tbody tr:first-child >> text=Edit",)),
    Shot("resellers", "padma", "/resellers/"),
    Shot("reseller", "padma", "/resellers/", (FIRST,)),
    Shot("recharge", "padma", "/resellers/", ("main tbody tr:first-child >> text=Recharge",)),
    Shot("billing-run", "padma", "/billing-run/"),
    Shot("audit", "padma", "/audit/"),
    Shot("role", "padma", "/roles/", (FIRST,)),
    Shot("brand", "padma", "/settings/brand/"),
    Shot("dashboard", "north", "/"),
    Shot("funds", "north", "/funds/"),
    Shot("planner", "north", "/funds/plan/"),
    Shot("statement", "north", "/funds/", ("text=Statements", FIRST)),
    Shot("onboarding", "north", "/resellers/add/"),
    Shot("child", "north", "/resellers/", (FIRST,)),
    Shot("dashboard", "riverside", "/"),
    Shot("add-customer", "riverside", "/customers/add/"),
    Shot("collect", "riverside", "/collect/?q=demo"),
    Shot("zones", "riverside", "/zones/"),
    Shot("proof", "riverside", "/proof/"),
    Shot("dashboard", "collector", "/"),
    Shot("due", "collector", "/customers/?has=due"),
    Shot("collect", "collector", "/customers/?has=due", (FIRST, "main >> text=Collect cash >> nth=-1")),
    Shot("receipt", "collector", "/payments/", (FIRST,)),
    Shot("drawer", "collector", "/drawer/"),
    Shot("dashboard", "accountant", "/"),
    Shot("books", "accountant", "/books/"),
    Shot("income-statement", "accountant", "/books/income-statement/"),
    Shot("trial-balance", "accountant", "/books/trial-balance/"),
    Shot("entry", "accountant", "/books/journal/", (FIRST,)),
    Shot("periods", "accountant", "/books/periods/"),
    Shot("dashboard", "manager", "/"),
    Shot("drawers", "manager", "/drawers/"),
    Shot("what-he-may-do", "manager", "/my-access/"),
    Shot("dashboard", "noc", "/"),
    Shot("sessions", "noc", "/network/sessions/"),
    Shot("router", "noc", "/network/routers/", (FIRST,)),
    Shot("dashboard-phone", "riverside", "/", phone=True),
    Shot("customers-phone-dark", "riverside", "/customers/", phone=True, dark=True),
    Shot("customer-phone", "riverside", "/customers/?q=demo", (FIRST,), phone=True),
    Shot("collect-phone", "collector", "/customers/?has=due", (FIRST, COLLECT), phone=True),
    Shot("statement-phone", "accountant", "/books/income-statement/", phone=True),
    Shot("sessions-phone-dark", "noc", "/network/sessions/", phone=True, dark=True),
    Shot("dashboard-dark", "padma", "/", dark=True),
    Shot("dashboard-bangla", "north", "/", bangla=True),
)  # fmt: skip


def sign_in(page: Page, host: str, name: str) -> None:
    page.goto(f"{host}/sign-in/")
    page.get_by_label("Name").fill(f"{name}@padma")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{host}/")


def take(page: Page, host: str, shot: Shot) -> bytes:
    """The picture of a page as it stands once all of it is there; the stream of events never ends."""
    page.goto(f"{host}{shot.path}")
    for step in shot.follow:
        page.locator(step).first.click()
        page.wait_for_load_state()
    expect(page.locator("[aria-busy=true], .htmx-request")).to_have_count(0, timeout=40_000)
    return page.screenshot(animations="disabled")


def keep(picture: bytes, file: Path) -> None:
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(file, optimize=True)


def visit(browser: Browser, host: str, shots: list[Shot]) -> None:
    """Shots of one person at one size, in one session."""
    first = shots[0]
    width, height = PHONE if first.phone else DESK
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if first.dark else "light", locale="en-GB"
    )
    page = context.new_page()
    page.set_default_timeout(8_000)
    if first.who != "anybody":
        sign_in(page, host, first.who)
    if first.bangla:
        page.get_by_role("button", name="বাংলা").click()
    for shot in shots:
        keep(take(page, host, shot), FOLDER / shot.file)
    context.close()


def main(host: str, wanted: list[str]) -> None:
    """All of them, or those of which a part of the name is given."""
    by_visit: dict[tuple[object, ...], list[Shot]] = {}
    for shot in SHOTS:
        if not wanted or any(part in shot.file for part in wanted):
            by_visit.setdefault((shot.who, shot.phone, shot.dark, shot.bangla), []).append(shot)
    with sync_playwright() as playwright:
        browser = launch(playwright)
        for shots in by_visit.values():
            visit(browser, host, shots)
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
