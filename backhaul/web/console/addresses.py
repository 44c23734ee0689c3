"""How addresses are declared: what may stand in them, and that each says who may open it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponseBase
from django.urls import URLPattern, path, register_converter
from django.urls.converters import StringConverter

from backhaul.operators.rules import PERMISSIONS
from backhaul.web.console.access import PUBLIC
from backhaul.web.console.given import as_id
from backhaul.web.console.pages import SIGNED_IN

Served = Callable[..., HttpResponseBase]


class RowId(StringConverter):
    """A row's id; what cannot be one leads nowhere."""

    regex = "[0-9]{1,19}"

    def to_python(self, value: str) -> int:  # type: ignore[override]
        found = as_id(value)
        if found is None:
            raise ValueError
        return found


class Month(StringConverter):
    """A calendar month by its first day, written 2026-02; of years from 1000 to 2999."""

    regex = "[12][0-9]{3}-[0-9]{2}"

    def to_python(self, value: str) -> date:  # type: ignore[override]
        return date.fromisoformat(f"{value}-01")

    def to_url(self, value: date) -> str:  # type: ignore[override]
        return f"{value:%Y-%m}"


class HostName(StringConverter):
    """A host name as it is kept: in small letters, in its ASCII form."""

    regex = "[a-z0-9.-]{1,253}"


register_converter(RowId, "id")
register_converter(HostName, "host")
register_converter(Month, "month")


def at(address: str, view: Served, name: str) -> URLPattern:
    """An address whose view says which permission of the tree it needs, or that it needs none."""
    if not hasattr(view, "permission"):
        raise ImproperlyConfigured(f"{name}: the view declares no permission; see backhaul/web/console/pages.py")
    if view.permission not in {*PERMISSIONS, SIGNED_IN, PUBLIC}:
        raise ImproperlyConfigured(f"{name}: there is no permission “{view.permission}”; see operators/choices.py")
    return path(address, view, name=name)
