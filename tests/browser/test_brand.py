"""The page of the brand shows what is typed and chosen before anything is saved."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from backhaul.operators.branding import brand_of
from tests.browser.test_console import open_menu
from tests.builders import acting
from tests.web.town import Town

pytestmark = pytest.mark.browser


def logo() -> FilePayload:
    written = BytesIO()
    Image.new("RGB", (300, 100), (140, 20, 90)).save(written, "PNG")
    return {"name": "logo.png", "mimeType": "image/png", "buffer": written.getvalue()}


def test_the_brand_is_seen_before_it_is_saved(visitors: Any, town: Town) -> None:
    page: Page = visitors("riverside")
    open_menu(page, "Brand")
    button = page.get_by_role("button", name="Save")
    before = button.evaluate("it => getComputedStyle(it).backgroundColor")
    page.get_by_label("Palette").fill("#123456")
    expect(page.get_by_label("Colour")).to_have_value("#123456")
    page.get_by_label("Colour").fill("#7a1f5c")
    expect(page.get_by_label("Palette")).to_have_value("#7a1f5c")
    page.wait_for_function(
        "old => getComputedStyle(document.querySelector('form .btn-primary')).backgroundColor !== old", arg=before
    )
    page.get_by_label("Name to show").fill("Riverside Net")
    expect(page.locator("[data-brand-name]").first).to_have_text("Riverside Net")
    page.get_by_label("Logo").set_input_files(logo())
    expect(page.locator(".bh-look img.bh-mark")).to_have_count(3)
    with acting(town.cast.padma, town.cast.riverside):
        assert brand_of().colour != "#7a1f5c"
    button.click()
    expect(page.locator("main")).to_contain_text("Saved.")
    expect(page.locator(".bh-side img.bh-mark")).to_be_visible()
    with acting(town.cast.padma, town.cast.riverside):
        assert brand_of().colour == "#7a1f5c"
