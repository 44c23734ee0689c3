"""Limits on what may be tried: counted in the database, so that they hold over all web processes.

A try is counted before it is made, in one statement, so that many at once cannot all slip in under the limit. An
address of IPv6 counts as its network of 64 bits: whoever has one has all of them.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import F

from backhaul.identity.models import Try

FREE_TRIES = 5  # the fifth that fails locks
FORGOTTEN_AFTER = timedelta(hours=24)
LONGEST_MINUTES = 60
_COUNT_LOCKING = """
    INSERT INTO sign_in_try AS t (what, address, times, first_at, last_at)
    VALUES (%(what)s, %(address)s, 1, %(now)s, %(now)s)
    ON CONFLICT (what, address) DO UPDATE SET
        times = CASE WHEN t.last_at < %(forgotten)s THEN 1 ELSE t.times + 1 END,
        first_at = CASE WHEN t.last_at < %(forgotten)s THEN %(now)s ELSE t.first_at END,
        last_at = %(now)s,
        locked_until = CASE WHEN t.last_at >= %(forgotten)s AND t.times + 1 >= %(free)s
            THEN %(now)s + make_interval(mins => LEAST(%(longest)s, 2 ^ LEAST(t.times + 1 - %(free)s, 10))::int) END
    WHERE t.locked_until IS NULL OR t.locked_until <= %(now)s
    RETURNING t.times
"""
_COUNT_IN_WINDOW = """
    INSERT INTO sign_in_try AS t (what, address, times, first_at, last_at)
    VALUES (%(what)s, %(address)s, 1, %(now)s, %(now)s)
    ON CONFLICT (what, address) DO UPDATE SET
        times = CASE WHEN t.first_at <= %(begun)s THEN 1 ELSE t.times + 1 END,
        first_at = CASE WHEN t.first_at <= %(begun)s THEN %(now)s ELSE t.first_at END,
        last_at = %(now)s
    WHERE t.first_at <= %(begun)s OR t.times < %(most)s
    RETURNING t.times
"""


@dataclass(frozen=True)
class Counted:
    """May it be tried; and if it fails, was it the one that locks."""

    allowed: bool
    locks: bool = False


def count_try(what: str, address: str, now: datetime) -> Counted:
    """Count a try on something from an address: five that fail lock it for a minute there, each further one for twice
    as long as the one before, up to an hour. From other addresses it stays open."""
    places: dict[str, Any] = {"what": what[:200], "address": _place(address), "now": now,
              "forgotten": now - FORGOTTEN_AFTER, "free": FREE_TRIES, "longest": LONGEST_MINUTES}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_LOCKING, places)
        row = cursor.fetchone()
    return Counted(False) if row is None else Counted(True, locks=row[0] >= FREE_TRIES)


def forget_tries(what: str, address: str | None = None) -> None:
    """It went well: the next failure is the first again. Without an address: from everywhere."""
    found = Try.objects.filter(what=what[:200])
    (found if address is None else found.filter(address=_place(address))).delete()


def locked_for(what: str, address: str, now: datetime) -> timedelta | None:
    """How long it is still locked from that address; None when it is open."""
    found = Try.objects.filter(what=what[:200], address=_place(address))
    until = found.values_list("locked_until", flat=True).first()
    return until - now if until is not None and until > now else None


def within_rate(what: str, address: str, *, most: int, per: timedelta, now: datetime) -> bool:
    """Count one more of what may happen so often from an address (empty: at all) within a time; False: too often."""
    return times_within(what, address, most=most, per=per, now=now) is not None


def times_within(what: str, address: str, *, most: int, per: timedelta, now: datetime) -> int | None:
    """The same: which one of so many it is; None: too often."""
    places: dict[str, Any] = {"what": what, "address": _place(address), "now": now, "begun": now - per, "most": most}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_IN_WINDOW, places)
        row = cursor.fetchone()
    return None if row is None else int(row[0])


def give_back(what: str, address: str) -> None:
    """One of what was counted by within_rate does not count after all."""
    Try.objects.filter(what=what, address=_place(address), times__gt=0).update(times=F("times") - 1)


def clear_old_tries(now: datetime) -> None:
    """Take away what is forgotten."""
    Try.objects.filter(last_at__lt=now - FORGOTTEN_AFTER).delete()


def _place(address: str) -> str:
    """What an address counts as; empty for none."""
    if ":" not in address:
        return address
    whole = ipaddress.IPv6Address(address)
    if whole.ipv4_mapped is not None:
        return str(whole.ipv4_mapped)
    return str(ipaddress.ip_network((int(whole), 64), strict=False))
