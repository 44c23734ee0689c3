import re

import pytest
from django.http import Http404, HttpRequest

from backhaul.web.brand import DARK_SURFACE, WHITE, brand_css, brand_stylesheet, contrast


def colours(css: str) -> list[tuple[int, int, int]]:
    return [(int(r, 16), int(g, 16), int(b, 16)) for r, g, b in re.findall(r"#(..)(..)(..)", css)]


@pytest.mark.parametrize("chosen", ["0f766e", "ffff00", "000000", "ffffff", "e11d48", "7f7f7f"])
def test_any_brand_colour_can_be_read_on_light_and_dark_and_under_its_own_text(chosen: str) -> None:
    light, on_light, dark, on_dark = colours(brand_css(chosen))
    assert contrast(light, WHITE) >= 4.5
    assert contrast(dark, DARK_SURFACE) >= 4.5
    assert contrast(light, on_light) >= 4.5
    assert contrast(dark, on_dark) >= 4.5


def test_a_readable_colour_stays_as_it_was_chosen() -> None:
    assert brand_css("115e59").startswith(
        ':root,[data-bs-theme="light"]{--tblr-primary:#115e59;--tblr-primary-fg:#ffffff}'
    )


@pytest.mark.parametrize("address", ["", "fff", "0F766E", "0f766e}body{display:none", "০১২৩৪৫"])
def test_only_six_hexadecimal_digits_make_a_stylesheet(address: str) -> None:
    with pytest.raises(Http404):
        brand_stylesheet(HttpRequest(), address)
