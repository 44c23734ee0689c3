"""Pure rules of subscribers: status from blocks, customer ids."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from backhaul.common.errors import InvalidInput

STATUSES = ("active", "suspended", "expired", "short", "disabled", "not_activated", "left")
CONNECTION_TYPES = ("pppoe", "hotspot", "static", "other")
_BANGLA_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
_MOBILE = re.compile(r"\+?[0-9]{6,15}")
INFIX_FIELDS = ("{zone}", "{yyyy}", "{mm}")


@dataclass(frozen=True)
class NumberFormat:
    """How an operator's customer ids look: prefix + infix + number, zero-padded + postfix (SPEC A15)."""

    prefix: str = ""
    infix: str = ""
    digits: int = 5
    postfix: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.digits <= 12:
            raise InvalidInput("A customer number has 1 to 12 digits.", field="digits")
        plain = self.infix
        for name in INFIX_FIELDS:
            plain = plain.replace(name, "")
        if "{" in plain or "}" in plain:
            raise InvalidInput("In the middle of a customer id, use {zone}, {yyyy}, {mm} or plain text.", field="infix")


def format_code(numbering: NumberFormat, number: int, *, zone_code: str, joined_on: date) -> str:
    """The customer id of a number: PAD-MIR-00042."""
    infix = (
        numbering.infix.replace("{zone}", zone_code)
        .replace("{yyyy}", f"{joined_on.year:04d}")
        .replace("{mm}", f"{joined_on.month:02d}")
    )
    return f"{numbering.prefix}{infix}{number:0{numbering.digits}d}{numbering.postfix}"


def anchor_day_of(cycle: str, cycle_day: int, joined_on: date) -> int:
    """The day of the month on which a subscription's periods start."""
    return joined_on.day if cycle in ("anniversary", "validity") else cycle_day


def plain_digits(text: str) -> str:
    """Bangla digits as the usual ones."""
    return text.translate(_BANGLA_DIGITS)


def clean_name(text: str) -> str:
    """A customer's name in one line; refuses an empty one and more than 120 characters."""
    name = " ".join(text.split())
    if not 1 <= len(name) <= 120:
        raise InvalidInput("Give the customer's name, at most 120 characters.", field="name")
    return name


def clean_mobile(text: str) -> str:
    """A telephone number of 6 to 15 digits, with a + before it if there was one; "" for nothing."""
    plain = plain_digits(text).strip().replace(" ", "").replace("-", "")
    if plain and not _MOBILE.fullmatch(plain):
        raise InvalidInput(f"“{text}” is not a mobile number; write it like 01711000000.", field="mobile")
    return plain
