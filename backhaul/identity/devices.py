"""Browsers in which people have signed in before: a signed note that stays there, of the last few of them.

It signs nobody in. It only counts the tries of such a browser apart, so that whoever uses up the tries at somebody's
password from elsewhere does not keep that person out.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from django.core import signing

LASTS = timedelta(days=365)
PEOPLE = 5  # of one browser
_SALT = "backhaul device"


def known_device(note: str, user_id: int) -> str:
    """As what this browser is known to somebody; empty where it is not."""
    return _read(note).get(str(user_id), "")


def with_device(note: str, user_id: int) -> str:
    """The note of a browser in which somebody has just proved who it is."""
    known = _read(note)
    mine = known.pop(str(user_id), "") or secrets.token_hex(16)
    latest = dict(list(known.items())[-(PEOPLE - 1) :])
    return signing.dumps(latest | {str(user_id): mine}, salt=_SALT)


def _read(note: str) -> dict[str, str]:
    try:
        known: dict[str, str] = signing.loads(note, salt=_SALT, max_age=LASTS)
    except signing.BadSignature:
        return {}
    return known
