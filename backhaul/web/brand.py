"""An operator's colour as a stylesheet of its own: the content security policy allows no inline styles.

The colour stands in the address, so the answer never changes and browsers keep it for good.
"""

import re

from django.http import Http404, HttpRequest, HttpResponse

READABLE = 4.5
TINT = 0.13  # what stands behind the marked entry of the menu
Colour = tuple[int, int, int]
WHITE: Colour = (255, 255, 255)
INK: Colour = (11, 18, 32)
DARK_SURFACE: Colour = (21, 30, 47)


def luminance(colour: Colour) -> float:
    """Relative luminance as the accessibility guidelines (WCAG 2) define it."""
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """From 1 (the same) to 21 (black on white); text needs 4.5."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def mix(colour: Colour, towards: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(colour, towards, strict=True))
    return red, green, blue


def readable_on(surface: Colour, colour: Colour, towards: Colour) -> Colour:
    """The colour itself, or the nearest mix towards another that can be read on the surface and on its own tint."""
    steps = (mix(colour, towards, step / 20) for step in range(21))
    return next(shade for shade in steps if contrast(shade, mix(surface, shade, TINT)) >= READABLE)


def as_hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def brand_css(digits: str) -> str:
    """The stylesheet for a colour of six hexadecimal digits; darkened or lightened until text in it can be read."""
    colour: Colour = (int(digits[0:2], 16), int(digits[2:4], 16), int(digits[4:6], 16))
    light = readable_on(WHITE, colour, INK)
    dark = readable_on(DARK_SURFACE, colour, WHITE)

    def rule(selector: str, shade: Colour) -> str:
        ink = max((WHITE, INK), key=lambda text: contrast(text, shade))
        return f"{selector}{{--tblr-primary:{as_hex(shade)};--tblr-primary-fg:{as_hex(ink)}}}"

    return rule(':root,[data-bs-theme="light"]', light) + "\n" + rule('[data-bs-theme="dark"]', dark) + "\n"


def brand_stylesheet(request: HttpRequest, colour: str) -> HttpResponse:
    """GET brand/<six hexadecimal digits>.css"""
    if not re.fullmatch(r"[0-9a-f]{6}", colour):
        raise Http404
    answer = HttpResponse(brand_css(colour), content_type="text/css; charset=utf-8")
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    return answer
