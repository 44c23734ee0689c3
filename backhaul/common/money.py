"""Money as integer minor units; text only at the edges (SPEC §1)."""

from __future__ import annotations

import re

from backhaul.common.errors import InvalidInput

MAX_MINOR = 10**15
_AMOUNT = re.compile(r"([0-9]{1,25}|[0-9]{1,3}(?:,[0-9]{2,3}){0,8},[0-9]{3})(?:\.([0-9]{1,3}))?")
_BANGLA_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")


def parse_minor(text: str, *, decimals: int = 2, field: str | None = None) -> int:
    """Minor units of an amount typed by a person: "1,500.00", "1,00,000", "1500" or Bangla digits; never negative.

    Raises InvalidInput for anything else: more decimals than the currency has, a comma that groups nothing ("100,5" may
    mean 100.50, so it is not taken for 1005).
    """
    plain = text.strip().translate(_BANGLA_DIGITS)
    match = _AMOUNT.fullmatch(plain)
    if match is None or len(match[2] or "") > decimals:
        raise InvalidInput("“%(text)s” is not an amount; write it like 1500.00", text=text, field=field)
    minor: int = int(match[1].replace(",", "")) * 10**decimals + int((match[2] or "").ljust(decimals, "0") or 0)
    if minor > MAX_MINOR:
        raise InvalidInput("This amount is larger than any amount kept here.", field=field)
    return minor


def refuse_beyond_limit(amount_minor: int, *, field: str | None = None) -> int:
    """The amount itself; raises InvalidInput where it is larger than any amount kept here."""
    if abs(amount_minor) > MAX_MINOR:
        raise InvalidInput("This amount is larger than any amount kept here.", field=field)
    return amount_minor


def headed(label: object, currency: str) -> str:
    """The head of a column of amounts in a file: "Amount (BDT)". Its cells are figures alone."""
    return f"{label} ({currency})"


def format_minor(amount_minor: int, *, decimals: int = 2) -> str:
    """ "1,500.00" for 150000; a minus sign in front of negative amounts."""
    whole, part = divmod(abs(amount_minor), 10**decimals)
    sign = "-" if amount_minor < 0 else ""
    return f"{sign}{whole:,}.{part:0{decimals}d}" if decimals else f"{sign}{whole:,}"
