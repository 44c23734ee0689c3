"""Reading what stands in an address: junk there is ignored, never an error."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection
from datetime import date

from django.http import HttpRequest

from backhaul.web.forms import BOUND, latin_digits

MAX_ID = 2**63 - 1


def text(request: HttpRequest, name: str) -> str:
    """Words to look for: one line, no control characters, at most 100. What joins letters is part of Bangla words."""
    given = request.GET.get(name, "")
    return latin_digits("".join(letter for letter in given if _is_said(letter))[:100].strip())


def _is_said(letter: str) -> bool:
    return letter.isprintable() or unicodedata.category(letter) == "Cf"


def number(request: HttpRequest, name: str) -> int | None:
    return as_id(request.GET.get(name, ""))


def as_id(given: str) -> int | None:
    """A row's id, or None for what cannot be one."""
    if not (given.isascii() and given.isdecimal() and len(given) <= 19):
        return None
    return int(given) if int(given) <= MAX_ID else None


def pair(request: HttpRequest, name: str) -> tuple[int, int] | None:
    """An (operator id, id) written with a dash between."""
    left, _, right = request.GET.get(name, "").partition("-")
    owner, own = as_id(left), as_id(right)
    return None if owner is None or own is None else (owner, own)


def one_of(request: HttpRequest, name: str, choices: Collection[str]) -> str | None:
    given = request.GET.get(name, "")
    return given if given in choices else None


def day(request: HttpRequest, name: str) -> date | None:
    """A day of the years that pages take: those at the ends of the calendar have no day before or after them."""
    return _known(request.GET.get(name, "")[:10])


def month(request: HttpRequest, name: str) -> date | None:
    """The first day of a month written yyyy-mm."""
    return _known(f"{request.GET.get(name, '')[:7]}-01")


def _known(written: str) -> date | None:
    try:
        found = date.fromisoformat(written)
    except ValueError:
        return None
    return found if BOUND[0] <= found <= BOUND[1] else None
