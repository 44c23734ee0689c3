"""Pure rules of subscribers: status from blocks, customer ids."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from backhaul.common.errors import InvalidInput

# The most lasting first: what a service's status is when several blocks are open.
STATUS_BY_REASON = {
    "left": "left",
    "disabled": "disabled",
    "not_activated": "not_activated",
    "by_hand": "suspended",
    "unpaid": "suspended",
    "expired": "expired",
    "fund_short": "short",
    "upstream_short": "short",
}
STATUSES = ("active", "suspended", "expired", "short", "disabled", "not_activated", "left")
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


def status_of(open_reasons: Collection[str]) -> str:
    """One word for a service from its open blocks: active, suspended, expired, short, disabled, not_activated, left."""
    return next((status for reason, status in STATUS_BY_REASON.items() if reason in open_reasons), "active")


def anchor_day_of(cycle: str, cycle_day: int, joined_on: date) -> int:
    """The day of the month on which a subscription's periods start."""
    return joined_on.day if cycle in ("anniversary", "validity") else cycle_day
