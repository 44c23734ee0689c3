"""When the demo's business happens, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

TIME_ZONE = "Asia/Dhaka"


@dataclass(frozen=True)
class Script:
    """The demo's size and calendar. `now` is the instant at which it was begun: nothing happens after it."""

    customers: int
    months: int
    now: datetime

    @property
    def today(self) -> date:
        """The last day of the story."""
        return self.now.astimezone(ZoneInfo(TIME_ZONE)).date()

    @property
    def opens_on(self) -> date:
        """The first day that is billed: the first of a month, `months` calendar months with the running one."""
        month = self.today.year * 12 + self.today.month - self.months
        return date(month // 12, month % 12 + 1, 1)

    @property
    def cutover_on(self) -> date:
        """The day on which customers are taken over and funds are filled: the last before the first billed one."""
        return self.opens_on - timedelta(days=1)

    def days(self) -> Iterator[date]:
        """Every day from the first billed one to today."""
        day = self.opens_on
        while day <= self.today:
            yield day
            day += timedelta(days=1)

    def at(self, day: date, hour: int, minute: int = 0) -> datetime:
        """An instant of that local day, not later than the demo's now."""
        local = datetime.combine(day, time(hour, minute), ZoneInfo(TIME_ZONE))
        return min(local.astimezone(UTC), self.now)

    def as_detail(self) -> dict[str, Any]:
        """What the audit trail keeps, so that an interrupted demo goes on as it began."""
        return {"customers": self.customers, "months": self.months, "now": self.now.isoformat()}

    @classmethod
    def from_detail(cls, detail: dict[str, Any]) -> Script:
        """The script that was begun."""
        return cls(detail["customers"], detail["months"], datetime.fromisoformat(detail["now"]))
