"""Wholesale prices of many children and plans together, and every version of one (SPEC 2.1)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from backhaul.catalog.packages import PriceInThePast
from backhaul.catalog.services import set_tariff_price
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

MOST_PRICES = 2_000
Plan = tuple[int, int]


def list_tariff_children(*, after: tuple[str, int] | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """The direct children by name: id, name."""
    return rows(
        "SELECT id, name FROM operator WHERE parent_id = %s AND (%s::text IS NULL OR (name, id) > (%s, %s)) "
        "ORDER BY name, id LIMIT %s",
        [current_scope().operator_id, *((after[0], *after) if after else (None, None, None)), limit],
    )


def list_tariff_matrix(children: Collection[int], on: date) -> list[dict[str, Any]]:
    """What these children pay for each plan that can be sold: child_id, plan_operator_id, plan_id, plan_name,
    price_minor and validity_days of a day (NULL: not sold), next_price_minor, next_starts_on, own_price_minor."""
    return rows(
        "SELECT c.child_id, p.operator_id AS plan_operator_id, p.id AS plan_id, p.name AS plan_name, v.price_minor, "
        "v.validity_days, n.price_minor AS next_price_minor, n.starts_on AS next_starts_on, s.own_price_minor "
        "FROM plan p JOIN sellable_plans(%(on)s) s ON s.plan_operator_id = p.operator_id AND s.plan_id = p.id "
        "CROSS JOIN unnest(%(children)s::bigint[]) WITH ORDINALITY AS c (child_id, place) "
        "LEFT JOIN LATERAL tariff_version(c.child_id, p.operator_id, p.id, %(on)s) AS v ON true "
        "LEFT JOIN LATERAL (SELECT t.price_minor, t.starts_on FROM tariff_price t WHERE t.child_id = c.child_id "
        "AND t.plan_operator_id = p.operator_id AND t.plan_id = p.id AND t.starts_on > %(on)s "
        "ORDER BY t.starts_on, t.set_at DESC LIMIT 1) AS n ON true "
        "WHERE p.withdrawn_on IS NULL ORDER BY c.place, p.down_kbps, p.name",
        {"on": on, "children": list(children)},
    )


def change_tariffs(
    *,
    children: Collection[int],
    plans: Collection[Plan],
    starts_on: date,
    today: date,
    percent: Decimal | None = None,
    amount_minor: int | None = None,
) -> int:
    """Change every price of these children for these plans from a day on, by a part or by an amount of the price that
    would hold then; prices that there are not stay away. Returns how many. Raises InvalidInput, PriceInThePast."""
    current_scope().require("resellers.edit")
    if (percent is None) == (amount_minor is None):
        raise InvalidInput("Give a percentage or an amount, not both.", field="percent")
    wanted = set(plans)
    priced = [
        row
        for row in list_tariff_matrix(children, starts_on)
        if row["price_minor"] is not None and (row["plan_operator_id"], row["plan_id"]) in wanted
    ]
    if not priced:
        raise InvalidInput("None of these plans has a price there yet.", field="plans")
    if len(priced) > MOST_PRICES:
        raise InvalidInput(
            "Change at most %(most_prices)s prices at once; choose fewer resellers.",
            most_prices=MOST_PRICES,
            field="children",
        )
    for row in priced:
        set_tariff_price(
            child_id=row["child_id"],
            plan_operator_id=row["plan_operator_id"],
            plan_id=row["plan_id"],
            starts_on=starts_on,
            price_minor=_changed(row["price_minor"], percent, amount_minor),
            validity_days=row["validity_days"],
            today=today,
        )
    return len(priced)


def withdraw_tariff_price(*, child_id: int, plan: Plan, starts_on: date, today: date) -> None:
    """Take back a price that has not begun: from its day on, what held the day before goes on. Both stay on record."""
    current_scope().require("resellers.edit")
    if starts_on <= today:
        raise PriceInThePast("This price has begun: what was charged stays as it was; set another one.")
    if not any(row["starts_on"] == starts_on for row in list_tariff_versions(child_id, plan)):
        raise NotFound("There is no such price.")
    before = rows("SELECT * FROM tariff_version(%s, %s, %s, %s)", [child_id, *plan, starts_on - timedelta(days=1)])
    if not before:
        raise InvalidInput("It is the first price of this plan, so nothing holds in its place; set another one.")
    set_tariff_price(
        child_id=child_id,
        plan_operator_id=plan[0],
        plan_id=plan[1],
        starts_on=starts_on,
        price_minor=before[0]["price_minor"],
        validity_days=before[0]["validity_days"],
        today=today,
    )


def list_tariff_versions(child_id: int, plan: Plan) -> list[dict[str, Any]]:
    """Every version of a direct child's price for a plan, the last one first: starts_on, price_minor, validity_days,
    set_at, by_actor_id, `replaced`: another one was set later for its day."""
    return rows(
        "SELECT starts_on, price_minor, validity_days, set_at, COALESCE(by_actor_id, 0) AS by_actor_id, "
        "impersonation_id, "
        "set_at < max(set_at) OVER (PARTITION BY starts_on) AS replaced FROM tariff_price "
        "WHERE parent_id = %s AND child_id = %s AND plan_operator_id = %s AND plan_id = %s "
        "ORDER BY starts_on DESC, set_at DESC",
        [current_scope().operator_id, child_id, *plan],
    )


def _changed(price_minor: int, percent: Decimal | None, amount_minor: int | None) -> int:
    if percent is None:
        return price_minor + (amount_minor or 0)
    return int((price_minor * (100 + percent) / 100).quantize(Decimal(1), rounding=ROUND_HALF_UP))
