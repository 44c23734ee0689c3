"""Outages of a router or a zone: which days they cost, who was hit, and the credit on every edge (SPEC §7, C7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

FULL_DAY = timedelta(hours=12)  # a local day without service for this long is a day lost
MOST_DAYS = 31


@dataclass(frozen=True)
class Outage:
    """What was down (one of router and zone), from when to when, and the days [from_on, to_on) to credit."""

    from_at: datetime
    to_at: datetime
    from_on: date
    to_on: date
    why: str
    nas_id: int | None = None
    zone_id: int | None = None


@dataclass(frozen=True)
class Credited:
    """What an outage did. Of other operators' customers only how many; `edges`: money to direct children, by child."""

    outage_id: int
    services: int
    own: int
    credited: int
    days: int
    retail_minor: int
    to_advance_minor: int
    edges: list[dict[str, Any]] = field(default_factory=list)


def days_lost(from_at: datetime, to_at: datetime, time_zone: str, *, least_one: bool = False) -> tuple[date, date]:
    """The local days [from_on, to_on) that were without service for at least twelve hours; alike where there is none.

    `least_one`: a shorter outage costs the day in which most of it lay. The days of a longer one that are lost always
    follow each other: only its first and its last can be short.
    """
    zone = ZoneInfo(time_zone)
    first, last = local_date(from_at, time_zone), local_date(to_at, time_zone)
    hours: dict[date, timedelta] = {}
    for ahead in range((last - first).days + 1):
        day = first + timedelta(days=ahead)
        begins = datetime.combine(day, time(), zone)
        ends = datetime.combine(day + timedelta(days=1), time(), zone)
        hours[day] = min(to_at, ends) - max(from_at, begins)
    lost = [day for day, length in hours.items() if length >= FULL_DAY]
    if not lost and least_one:
        lost = [max(hours, key=lambda day: hours[day])]
    return (lost[0], lost[-1] + timedelta(days=1)) if lost else (first, first)


def record_outage(*, outage: Outage, on: date, now: datetime) -> Credited:
    """Record an outage of the acting operator's router or zone and credit its days, each once however many overlap.

    Own customers at once; edges below on the way to those hit, where their policy names "outage"; retail of operators
    below follows their profiles at the period's end. Raises InvalidInput, NotFound. A rehearsal
    shows it beforehand.
    """
    scope = current_scope()
    scope.require("billing.discount")
    _refuse_what_cannot_be(outage, now, scope.time_zone)
    done = Credited(
        **call(
            "record_outage",
            nas=outage.nas_id,
            zone=outage.zone_id,
            from_at=outage.from_at,
            to_at=outage.to_at,
            from_on=outage.from_on,
            to_on=outage.to_on,
            why=outage.why.strip(),
            on=on,
            now=now,
        )
    )
    record_audit(
        verb="outage", subject_type="outage", subject_id=done.outage_id, at=now, why=outage.why, credited=done.credited
    )
    return done


def _refuse_what_cannot_be(outage: Outage, now: datetime, time_zone: str) -> None:
    if not outage.why.strip():
        raise InvalidInput("Say what happened; customers ask.", field="why")
    if outage.to_at <= outage.from_at:
        raise InvalidInput("The outage ends after it began.", field="to_at")
    if outage.to_at > now:
        raise InvalidInput("Record an outage when it is over: its end lies ahead.", field="to_at")
    if outage.to_on <= outage.from_on:
        raise InvalidInput("Say which days are credited: at least one.", field="to_on")
    first, last = local_date(outage.from_at, time_zone), local_date(outage.to_at, time_zone)
    if outage.from_on < first or outage.to_on > last + timedelta(days=1):
        raise InvalidInput(
            "Only days of the outage are credited: %(first)s to %(last)s.", first=first, last=last, field="from_on"
        )
    if (outage.to_on - outage.from_on).days > MOST_DAYS:
        raise InvalidInput("At most %(most_days)s days at a time.", most_days=MOST_DAYS, field="to_on")


def name_edges(edges: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What came to direct children, with their names."""
    found = rows("SELECT id, name FROM operator WHERE id = ANY (%s)", [[edge["child_id"] for edge in edges]])
    names = {row["id"]: row["name"] for row in found}
    return [edge | {"name": names[edge["child_id"]]} for edge in edges]


def list_outages(limit: int = 50) -> list[dict[str, Any]]:
    """The acting operator's outages, newest first: what, from, to, days, why, how many services were credited."""
    return rows(
        "SELECT o.id, o.from_at, o.to_at, o.from_on, o.to_on, o.why, o.credited, o.recorded_at, o.actor_id, "
        "o.impersonation_id, "
        "o.to_on - o.from_on AS days, n.name AS router, z.name AS zone FROM outage o "
        "LEFT JOIN nas n ON n.operator_id = o.operator_id AND n.id = o.nas_id "
        "LEFT JOIN zone z ON z.operator_id = o.operator_id AND z.id = o.zone_id "
        "WHERE o.operator_id = %s ORDER BY o.from_at DESC, o.id DESC LIMIT %s",
        [current_scope().operator_id, limit],
    )
