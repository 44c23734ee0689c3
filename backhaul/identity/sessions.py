"""Who is signed in where: sessions in a table of their own that can be listed and ended by person (SPEC B60).

A session ends by signing out, twelve hours after it was last used (settings), 30 days after it began however much it
is used, when the password changes, or when its row is taken away here.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any, cast

from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from backhaul.identity.models import UserSession

LONGEST = timedelta(days=30)
SEEN_EVERY = timedelta(minutes=5)  # writing each request down would cost each page a write


class SessionStore(DatabaseStore):
    """Django's store in the database, with the person, the address and the device in columns of their own."""

    @classmethod
    def get_model_class(cls) -> type[UserSession]:
        return UserSession

    def create_model_instance(self, data: dict[str, Any]) -> UserSession:
        row = cast(UserSession, super().create_model_instance(data))
        row.user_id = int(data["_auth_user_id"]) if "_auth_user_id" in data else None
        row.address = data.get("address", "")
        row.device = data.get("device", "")
        row.started_at = _instant(data.get("started_at"))
        row.seen_at = _instant(data.get("seen_at"))
        if row.started_at is not None:
            row.expire_date = min(row.expire_date, row.started_at + LONGEST)
        return row


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def begin_session(session: SessionBase, *, address: str, device: str, now: datetime) -> None:
    """Write down where a session that was just signed in comes from."""
    session["address"] = address[:45]
    session["device"] = device[:300]
    session["started_at"] = session["seen_at"] = now.isoformat()


def mark_seen(session: SessionBase, now: datetime) -> None:
    """The session is used: it lives on for its idle time from now."""
    seen_at = _instant(session.get("seen_at"))
    if seen_at is None or now - seen_at >= SEEN_EVERY:
        session["seen_at"] = now.isoformat()


def list_sessions(user_id: int, current_key: str | None, *, now: datetime) -> list[dict[str, Any]]:
    """A person's sessions, the one in use first; `handle` names one without giving away what signs in."""
    found = UserSession.objects.filter(user_id=user_id, expire_date__gt=now).order_by("-seen_at")
    listed = [
        {
            "handle": handle_of(row.session_key),
            "device": row.device,
            "address": row.address,
            "started_at": row.started_at,
            "seen_at": row.seen_at,
            "current": row.session_key == current_key,
        }
        for row in found
    ]
    return sorted(listed, key=lambda row: not row["current"])


def handle_of(session_key: str) -> str:
    return hashlib.sha256(session_key.encode()).hexdigest()[:20]


def end_session(user_id: int, handle: str) -> bool:
    """End one of a person's sessions; False when there is none of that handle."""
    for key in UserSession.objects.filter(user_id=user_id).values_list("session_key", flat=True):
        if handle_of(key) == handle:
            UserSession.objects.filter(session_key=key).delete()
            return True
    return False


def end_other_sessions(user_id: int, current_key: str | None) -> int:
    """End all sessions of a person but one; how many there were."""
    return UserSession.objects.filter(user_id=user_id).exclude(session_key=current_key or "").delete()[0]


def end_sessions_of(user_id: int) -> int:
    """Sign a person out everywhere, at once; how many sessions there were. Who may do that is the caller's to check."""
    return UserSession.objects.filter(user_id=user_id).delete()[0]


def clear_expired_sessions(now: datetime) -> None:
    """Take away the rows of sessions that ended by themselves."""
    UserSession.objects.filter(expire_date__lt=now).delete()
