"""The one place that reads the clock. Edges call it and pass the value down; the domain never does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo


def now() -> datetime:
    """The present instant, in UTC."""
    return datetime.now(UTC)


def local_date(instant: datetime, time_zone: str) -> date:
    """The calendar date of an instant in an ISP's time zone (SPEC §1)."""
    return instant.astimezone(ZoneInfo(time_zone)).date()
