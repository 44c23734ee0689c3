"""When an ISP cuts: its time of day, the weekdays it spares, and its holidays (SPEC 2.5)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, time
from typing import Any

from backhaul.common.errors import InvalidInput, NotAllowed, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import Scope, current_scope
from backhaul.operators.services import record_audit

NOON = time(12)


class HolidayExists(Refusal):
    """That day is a holiday already."""

    code = "holiday_exists"


def set_cut_window(*, cut_time: time, spared_weekdays: Collection[int], now: datetime) -> None:
    """Set the time of the day's cuts and the weekdays without any (1 = Monday), for all of the ISP's tree."""
    scope = _isp()
    if not set(spared_weekdays) <= set(range(1, 8)) or len(set(spared_weekdays)) == 7:
        raise InvalidInput("Leave at least one weekday on which services are cut.", field="spared_weekdays")
    execute(
        "INSERT INTO cut_window (operator_id, cut_time, spared_weekdays) VALUES (%s, %s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET cut_time = EXCLUDED.cut_time, "
        "spared_weekdays = EXCLUDED.spared_weekdays",
        [scope.operator_id, cut_time, sorted(set(spared_weekdays))],
    )
    record_audit(
        verb="cut_window_set", subject_type="operator", subject_id=scope.operator_id, at=now, cut_time=cut_time,
        spared_weekdays=sorted(set(spared_weekdays)),
    )  # fmt: skip


def add_holiday(*, on_date: date, name: str) -> None:
    """Add a day on which nobody is cut. Raises HolidayExists."""
    scope = _isp()
    if not name.strip():
        raise InvalidInput("Give the holiday a name.", field="name")
    if not execute(
        "INSERT INTO holiday (operator_id, on_date, name) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [scope.operator_id, on_date, name.strip()],
    ):
        raise HolidayExists("That day is a holiday already.", field="on_date")


def remove_holiday(*, on_date: date) -> None:
    """Make a day one on which services are cut again."""
    scope = _isp()
    if not execute("DELETE FROM holiday WHERE operator_id = %s AND on_date = %s", [scope.operator_id, on_date]):
        raise NotFound("There is no such holiday.")


def get_cut_window() -> dict[str, Any]:
    """The ISP's cut_time and spared_weekdays, as everybody below it reads them too."""
    found = rows("SELECT cut_time, spared_weekdays FROM cut_window WHERE operator_id = %s", [current_scope().isp_id])
    return found[0] if found else {"cut_time": NOON, "spared_weekdays": []}


def list_holidays(since: date) -> list[dict[str, Any]]:
    """The ISP's holidays from a day on: on_date, name."""
    return rows(
        "SELECT on_date, name FROM holiday WHERE operator_id = %s AND on_date >= %s ORDER BY on_date",
        [current_scope().isp_id, since],
    )


def _isp() -> Scope:
    scope = current_scope()
    scope.require("catalog.edit")
    if scope.parent_id is not None:
        raise NotAllowed("Cuts are the same for the whole of an internet provider; ask it to change them.")
    return scope
