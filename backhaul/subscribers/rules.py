"""Pure rules of subscribers: status from blocks, customer ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation

from backhaul.common.errors import InvalidInput

STATUSES = ("active", "suspended", "expired", "short", "disabled", "not_activated", "left")
_BANGLA_DIGITS = str.maketrans("০১২৩৪৫৬৭৮৯", "0123456789")
FIELD_KINDS = ("text", "number", "date", "choice", "yes_no")
ZONE_LEVELS = ("division", "district", "area", "zone", "sub_zone", "box")  # levels 1 to 6, the widest first
_FILE_STARTS = {
    b"%PDF-": "application/pdf",
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG\r\n\x1a\n": "image/png",
}
_MILLIONTH = Decimal("0.000001")
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
        raise InvalidInput("“%(text)s” is not a mobile number; write it like 01711000000.", text=text, field="mobile")
    return plain


def clean_place(latitude: Decimal | None, longitude: Decimal | None) -> tuple[Decimal | None, Decimal | None]:
    """A place on the map, in millionths of a degree; refuses half a place and one that is not on the earth."""
    if latitude is None and longitude is None:
        return None, None
    if latitude is None or longitude is None:
        raise InvalidInput("Give both latitude and longitude, or neither.",
                           field="longitude" if longitude is None else "latitude")  # fmt: skip
    if not (latitude.is_finite() and abs(latitude) <= 90):
        raise InvalidInput("A latitude lies between -90 and 90.", field="latitude")
    if not (longitude.is_finite() and abs(longitude) <= 180):
        raise InvalidInput("A longitude lies between -180 and 180.", field="longitude")
    return latitude.quantize(_MILLIONTH), longitude.quantize(_MILLIONTH)


def count_with_those_below(paths: Sequence[Sequence[int]], own: Mapping[int | None, int]) -> dict[int, int]:
    """How many each node of a tree has with all below it; `paths`: each node's ids from the top to itself."""
    whole = {path[-1]: 0 for path in paths}
    for path in paths:
        for node in path:
            whole[node] += own.get(path[-1], 0)
    return whole


def clean_value(kind: str, choices: Sequence[str], text: str, *, field: str) -> str:
    """What was given for a field of an operator's own, written the one way in which it is kept; "" for nothing.

    A number without needless zeros, a day as 2026-02-28, yes or no. Raises InvalidInput beside `field`.
    """
    text = " ".join(text.split())
    if not text:
        return ""
    if len(text) > 500:
        raise InvalidInput("At most 500 characters are kept here.", field=field)
    if kind == "number":
        return _clean_number(plain_digits(text), field)
    if kind == "date":
        return _clean_day(plain_digits(text), field)
    allowed = ("yes", "no") if kind == "yes_no" else choices
    if kind in ("choice", "yes_no") and text not in allowed:
        raise InvalidInput("Choose one of: %(allowed)s.", allowed=", ".join(allowed), field=field)
    return text


def _clean_number(text: str, field: str) -> str:
    try:
        number = Decimal(text.replace(",", ""))
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > 19 or len(number.as_tuple().digits) > 20:
        raise InvalidInput("“%(text)s” is not a number.", text=text, field=field)
    return f"{number.normalize() + 0:f}"


def _clean_day(text: str, field: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidInput("“%(text)s” is not a date; write it like 2026-02-28.", text=text, field=field) from None


def type_of_file(content: bytes) -> str | None:
    """What a document is by what it begins with; None for what is not kept here."""
    return next((kind for start, kind in _FILE_STARTS.items() if content.startswith(start)), None)


def suggest_username(name: str, prefix: str, number: int, *, digits: int = 4) -> str:
    """A username out of a customer's name: abdul.karim; or the prefix with the next customer number: rv-0042."""
    letters = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", letters)
    if words and not prefix:
        return ".".join(words)[:32].rstrip(".")
    return f"{prefix or 'user-'}{number:0{digits}d}"
