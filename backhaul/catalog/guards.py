"""What a price may be: bands set by those above, and what it must cover (SPEC C5, C6).

Prices are compared as they are set: net of VAT, for a month; a package of three months counts three of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext

from backhaul.catalog.queries import plan_exists
from backhaul.common.digits import digits
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import format_minor, refuse_beyond_limit
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

Plan = tuple[int, int]


class PriceOutsideBand(Refusal):
    """A retail price lies below a floor or above a cap that somebody above has set."""

    code = "price_outside_band"


@dataclass(frozen=True)
class Band:
    """What a month of a plan may cost, by whom (`set_by`, a name) and from when; None: no bound on that side."""

    set_by: str
    starts_on: date
    floor_minor: int | None
    cap_minor: int | None

    def holds(self, price_minor: int, months: int) -> bool:
        """Whether a price for so many months lies inside."""
        return (self.floor_minor is None or price_minor >= self.floor_minor * months) and (
            self.cap_minor is None or price_minor <= self.cap_minor * months
        )

    def says(self) -> str:
        """The band in words, in the language of whoever is served."""
        if self.floor_minor is None:
            words = gettext("at most %(cap)s a month, set by %(who)s from %(day)s")
        elif self.cap_minor is None:
            words = gettext("at least %(floor)s a month, set by %(who)s from %(day)s")
        else:
            words = gettext("at least %(floor)s and at most %(cap)s a month, set by %(who)s from %(day)s")
        decimals = current_scope().currency_decimals
        floor, cap = (
            digits(format_minor(minor or 0, decimals=decimals)) for minor in (self.floor_minor, self.cap_minor)
        )
        return words % {"floor": floor, "cap": cap, "who": self.set_by, "day": Refusal.written(self.starts_on)}


def bands_on(plans: Iterable[Plan], on: date) -> dict[Plan, list[Band]]:
    """The bands that bind the acting operator's prices of these plans on a day: its own and those of all above."""
    wanted = sorted(set(plans))
    found = rows(
        "SELECT DISTINCT ON (b.plan_operator_id, b.plan_id, b.operator_id) b.plan_operator_id, b.plan_id, o.name, "
        "b.starts_on, b.floor_minor, b.cap_minor FROM price_band b JOIN operator o ON o.id = b.operator_id "
        "JOIN unnest(%s::bigint[], %s::bigint[]) AS w (operator_id, id) "
        "ON w.operator_id = b.plan_operator_id AND w.id = b.plan_id "
        "WHERE b.operator_id = ANY (%s) AND b.starts_on <= %s "
        "ORDER BY b.plan_operator_id, b.plan_id, b.operator_id, b.starts_on DESC, b.set_at DESC",
        [[plan[0] for plan in wanted], [plan[1] for plan in wanted], list(current_scope().path), on],
    )
    bands: dict[Plan, list[Band]] = {}
    for row in found:
        band = Band(row["name"], row["starts_on"], row["floor_minor"], row["cap_minor"])
        bands.setdefault((row["plan_operator_id"], row["plan_id"]), []).append(band)
    return bands


def refuse_outside(bands: Iterable[Band], price_minor: int, *, months: int = 1, field: str = "price") -> None:
    """Raises PriceOutsideBand with the band's own words."""
    for band in bands:
        if not band.holds(price_minor, months):
            raise PriceOutsideBand(
                "The price lies outside of what this plan may cost: %(band)s.", band=band.says(), field=field
            )


def refuse_outside_band(plan: Plan, price_minor: int, *, months: int, on: date, field: str = "price") -> None:
    """`refuse_outside` for one plan by the bands of a day."""
    refuse_outside(bands_on([plan], on).get(plan, []), price_minor, months=months, field=field)


def set_price_band(
    *, plan: Plan, starts_on: date, floor_minor: int | None, cap_minor: int | None, on: date, now: datetime
) -> None:
    """Bind what a month of a plan may cost, net, at the acting operator and at all below it; both None: no band.

    Prices that lie outside already stay and are listed; none outside is saved any more. Of one day the last holds.
    """
    scope = current_scope()
    scope.require("catalog.edit")
    if not plan_exists(*plan):
        raise NotFound("There is no such plan.", field="plan")
    for field, minor in (("floor_minor", floor_minor), ("cap_minor", cap_minor)):
        if minor is not None and refuse_beyond_limit(minor, field=field) < 0:
            raise InvalidInput("A price is not negative.", field=field)
    if floor_minor is not None and cap_minor is not None and floor_minor > cap_minor:
        raise InvalidInput("The highest price cannot be less than the lowest.", field="cap_minor")
    if starts_on < on:
        raise InvalidInput("A band starts today at the earliest.", field="starts_on")
    rows(
        "INSERT INTO price_band (operator_id, plan_operator_id, plan_id, starts_on, floor_minor, cap_minor, set_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id, plan_operator_id, plan_id, starts_on) "
        "DO UPDATE SET floor_minor = EXCLUDED.floor_minor, cap_minor = EXCLUDED.cap_minor, set_at = EXCLUDED.set_at "
        "RETURNING 1",
        [scope.operator_id, *plan, starts_on, floor_minor, cap_minor, now],
    )
    record_audit(
        verb="price_band_set", subject_type="plan", subject_id=plan[1], at=now, starts_on=starts_on,
        floor_minor=floor_minor, cap_minor=cap_minor,
    )  # fmt: skip


def list_price_bands(on: date) -> list[dict[str, Any]]:
    """Every plan of the chain with the own band that holds on a day and what those above allow together.

    Columns: plan_operator_id, plan_id, plan_name, floor_minor, cap_minor, starts_on (own), and `above`: Bands.
    """
    me = current_scope().operator_id
    found = rows(
        "SELECT p.operator_id AS plan_operator_id, p.id AS plan_id, p.name AS plan_name, b.floor_minor, b.cap_minor, "
        "b.starts_on FROM plan p LEFT JOIN LATERAL (SELECT * FROM price_band b WHERE b.operator_id = %s "
        "AND b.plan_operator_id = p.operator_id AND b.plan_id = p.id AND b.starts_on <= %s "
        "ORDER BY b.starts_on DESC LIMIT 1) AS b ON true "
        "WHERE p.operator_id = ANY (%s) AND p.withdrawn_on IS NULL ORDER BY p.down_kbps, p.name",
        [me, on, list(current_scope().path)],
    )
    all_bands = bands_on([(row["plan_operator_id"], row["plan_id"]) for row in found], on)
    name = current_scope().name
    return [
        row
        | {
            "above": [
                band for band in all_bands.get((row["plan_operator_id"], row["plan_id"]), []) if band.set_by != name
            ]
        }
        for row in found
    ]


def own_cost(plan: Plan, on: date) -> int | None:
    """What the acting operator pays its provider for a month of a plan, VAT included; None at the ISP and unpriced."""
    found = rows(
        "SELECT (net_minor + vat_minor)::bigint AS minor FROM own_costs(%s) "
        "WHERE plan_operator_id = %s AND plan_id = %s",
        [on, *plan],
    )
    return int(found[0]["minor"]) if found else None


def own_costs(on: date) -> dict[Plan, int]:
    """`own_cost` of every plan that the acting operator buys; empty at the ISP."""
    found = rows("SELECT plan_operator_id, plan_id, (net_minor + vat_minor)::bigint AS minor FROM own_costs(%s)", [on])
    return {(row["plan_operator_id"], row["plan_id"]): row["minor"] for row in found}
