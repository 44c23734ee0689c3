"""The small pieces that long lists are made of, drawn without a template each: fifty rows have hundreds.

The components c-money, c-badge and c-person are these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from backhaul.web.templatetags.console import day, initials, last_day, mac, money, state_label, state_tone, tone_of
from backhaul.web.words import named

register = template.Library()
NOTHING = mark_safe('<span class="bh-figure bh-nil">–</span>')


class Column(Protocol):
    """A column of the list of customers."""

    @property
    def key(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def label(self) -> object: ...


@register.simple_tag
def amount(minor: int | str | None, signed: object = "", strong: object = "") -> SafeString:
    """Minor units as a figure; `signed`: what is above zero has its plus sign."""
    if minor is None or isinstance(minor, str):  # a template's missing figure
        return NOTHING
    look = " bh-nil" if minor == 0 else " bh-minus" if minor < 0 else " bh-plus" if signed else ""
    return format_html(
        '<span class="bh-figure{}{}">{}{}</span>',
        look,
        " fw-bold" if strong else "",
        "+" if signed and minor > 0 else "",
        money(minor),
    )


@register.simple_tag
def badge(state: str = "", label: object = "", tone: str = "") -> SafeString:
    """A state in its colour, by its usual name unless `label` says another."""
    return format_html(
        '<span class="bh-badge bh-tone-{}">{}</span>', tone or state_tone(state), label or state_label(state)
    )


@register.simple_tag
def person(name: str, sub: object = "", href: str = "") -> SafeString:
    """A customer or one of the staff: initials, the name, and a line under it."""
    return format_html(
        '<span class="bh-person"><span class="bh-avatar bh-tone-{}" aria-hidden="true">{}</span>'
        "<span>{}{}</span></span>",
        tone_of(name),
        initials(name),
        format_html('<a href="{}">{}</a>', href, name) if href else format_html("<strong>{}</strong>", name),
        format_html("<small>{}</small>", sub) if sub else "",
    )


@register.simple_tag
def cells(row: dict[str, Any], columns: Sequence[Column]) -> SafeString:
    """What stands in these columns of the list of customers."""
    return mark_safe("".join(_cell(row, column) for column in columns))


def _cell(row: dict[str, Any], column: Column) -> SafeString:
    if column.key == "status":
        return format_html('<td class="bh-corner">{}</td>', badge(row["status"]))
    words = _WORDS.get(column.key) or _WORDS.get(column.kind)
    value = row.get(column.key)
    look = _LOOKS.get(column.key) or _LOOKS.get(column.kind, "")
    return format_html(
        '<td class="{}" data-label="{}">{}</td>', look, column.label, words(row, value) if words else value or "–"
    )


_LOOKS = {
    "money": "bh-figure",
    "day": "text-nowrap",
    "last_day": "text-nowrap",
    "mac": "text-nowrap",
    "zone": "bh-skip-phone",
}


def _session(_row: dict[str, Any], value: str) -> SafeString:
    look = "bh-good" if value == "online" else "text-secondary"
    return format_html('<span class="{}">{}</span>', look, named(value, "session"))


_WORDS: dict[str, Callable[[dict[str, Any], Any], object]] = {
    "money": lambda _row, value: amount(value),
    "day": lambda _row, value: day(value),
    "last_day": lambda row, value: "–" if row["status"] == "not_activated" else last_day(value),
    "session": _session,
    "connection_type": lambda _row, value: named(value, "connection"),
    "mac": lambda _row, value: mac(value),
}
