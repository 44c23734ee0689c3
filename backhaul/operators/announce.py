"""Telling open pages that something has changed: an operator and a topic, heard when the transaction has committed.

Whoever hears it asks again for what it shows (backhaul/web/console/events.py), so nothing of what changed is told here.
"""

from __future__ import annotations

import time

from django.db import connections, transaction

from backhaul.operators.scope import current_scope

CHANNEL = "backhaul_events"
# A transaction that notifies commits alone in its cluster: a busy operator's payments must not wait for each other
# because of open pages. Those ask again half a second after the end of this pause, so that they miss nothing in it.
PAUSE_SECONDS = 1.0
_told: dict[tuple[int, str], float] = {}


def announce(topic: str, *, operator_id: int | None = None, using: str = "default") -> None:
    """Tell the pages of an operator (default: the acting one) that `topic` changed, if this transaction commits.

    At most once a second for each operator and topic of a process.
    """
    operator = operator_id or current_scope().operator_id
    key, now = (operator, topic), time.monotonic()
    if now - _told.get(key, -PAUSE_SECONDS) < PAUSE_SECONDS:
        return
    with connections[using].cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, %s)", [CHANNEL, f"{operator} {topic}"])
    transaction.on_commit(lambda: _told.__setitem__(key, now), using=using)


def topic_of(permission: str) -> str:
    """The topic of what an action with this permission changes: "payments.collect" → "payments"."""
    return permission.partition(".")[0]


def tell_pages(permission: str) -> None:
    """Something was done for the acting operator with this permission ("" changes nothing that pages show)."""
    if permission:
        announce(topic_of(permission))


def announce_in_tree(topic: str, isp_id: int, *, using: str) -> None:
    """Tell the pages of every operator of an ISP that `topic` changed: after work on the whole tree."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_notify(%s, id || ' ' || %s)) FROM operator WHERE isp_id = %s", [CHANNEL, topic, isp_id]
        )


def jobs_of(user_id: int) -> str:
    """The topic on which one person hears that work it started has begun or ended."""
    return f"jobs:{user_id}"
