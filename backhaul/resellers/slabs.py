"""Volume slabs of an edge (SPEC C8): set by the parent, reached by a month's services, posted as a bonus."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from backhaul.common.errors import Refusal
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope, unit_of_work

CAUGHT_UP_MONTHS = 6
BATCH = "batch"


class SlabsPromised(Refusal):
    """Slabs of a month that has begun with others: what was promised for it stays."""

    code = "slabs_promised"


@dataclass(frozen=True)
class Slab:
    """From so many services on, this part of the month's net charges comes back (hundredths of a percent)."""

    from_services: int
    bonus_bp: int


@dataclass(frozen=True)
class Progress:
    """A month on an edge so far. `reached`, `next`: the slab that holds now, and the one above it."""

    month: date
    services: int
    net_minor: int
    bonus_minor: int
    reached: Slab | None
    next: Slab | None

    @property
    def missing(self) -> int:
        """How many more services reach the next slab."""
        return self.next.from_services - self.services if self.next else 0


def set_volume_slabs(*, child_id: int, slabs: Iterable[Slab], starts_on: date, today: date) -> None:
    """Set the slabs of a direct child's edge from a month on (its first day); none ends them.

    A month that has begun keeps what was promised for it: raises SlabsPromised.
    """
    current_scope().require("resellers.edit")
    given = json.dumps([asdict(slab) for slab in slabs])
    call("set_volume_slabs", child=child_id, starts_on=starts_on, today=today, slabs=given)


def find_slabs(child_id: int, month: date) -> list[Slab]:
    """The slabs that hold for a month, smallest first; a part of 0 comes from the version that ended them."""
    found = rows("SELECT from_services, bonus_bp FROM slabs_in(%s, %s) ORDER BY from_services", [child_id, month])
    return [Slab(**row) for row in found]


def find_later_slabs(child_id: int, month: date) -> list[dict[str, Any]]:
    """Versions set for months after `month`: starts_on, from_services, bonus_bp."""
    return rows(
        "SELECT starts_on, from_services, bonus_bp FROM volume_slab WHERE child_id = %s AND starts_on > %s "
        "ORDER BY starts_on, from_services",
        [child_id, month],
    )


def get_progress(child_id: int, *, today: date) -> Progress | None:
    """How far this month's volume has come on an edge, for either end; None where no slab holds."""
    month = today.replace(day=1)
    slabs = [slab for slab in find_slabs(child_id, month) if slab.bonus_bp]
    if not slabs:
        return None
    volume = rows("SELECT services, net_minor FROM volume_of(%s, %s)", [child_id, month])[0]
    reached = [slab for slab in slabs if slab.from_services <= volume["services"]]
    ahead = [slab for slab in slabs if slab.from_services > volume["services"]]
    bonus = 0
    if reached:
        bonus = rows("SELECT volume_bonus(%s, %s) AS minor", [volume["net_minor"], reached[-1].bonus_bp])[0]["minor"]
    return Progress(
        month,
        volume["services"],
        volume["net_minor"],
        bonus,
        reached[-1] if reached else None,
        ahead[0] if ahead else None,
    )


def bonus_by_slabs(child_id: int, *, slabs_of: date, today: date) -> dict[str, int]:
    """What the volume of this month so far would earn by the slabs that hold for a month: services, net_minor,
    bonus_minor."""
    month = today.replace(day=1)
    return rows(
        "SELECT v.services, v.net_minor, volume_bonus(v.net_minor, COALESCE((SELECT s.bonus_bp FROM slabs_in(%s, %s) s "
        "WHERE s.from_services <= v.services ORDER BY s.from_services DESC LIMIT 1), 0)) AS bonus_minor "
        "FROM volume_of(%s, %s) AS v",
        [child_id, slabs_of, child_id, month],
    )[0]


def post_volume_bonuses(isp: IspDirectory, *, today: date, now: datetime) -> int:
    """Post what finished months have earned and was not posted yet, up to CAUGHT_UP_MONTHS back; returns how many.

    Opens its own units, one a month. Once per edge and month, however often it is called.
    """
    posted = 0
    month = today.replace(day=1)
    for _ in range(CAUGHT_UP_MONTHS):
        month = _month_before(month)
        with unit_of_work(isp, using=BATCH):
            posted += int(call("post_volume_bonuses", BATCH, isp=isp.isp_id, month=month, on=today, now=now))
    return posted


def _month_before(month: date) -> date:
    return date(month.year - (month.month == 1), (month.month - 2) % 12 + 1, 1)
