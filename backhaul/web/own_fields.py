"""Fields of an operator's own as people read them (SPEC B8)."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _

from backhaul.web.templatetags.console import day


def filled_in(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of the fields that list_values gives those that have a value, each `shown` in words."""
    return [field | {"shown": own_words(field)} for field in values if field["value"]]


def own_words(field: dict[str, Any]) -> str:
    """The value of a field, as list_values gives it, in words; "" where it has none."""
    if not field["value"]:
        return ""
    if field["kind"] == "yes_no":
        return _("Yes") if field["value"] == "yes" else _("No")
    return day(date.fromisoformat(field["value"])) if field["kind"] == "date" else str(field["value"])
