"""A customer who left is taken back: a new charge for the days left, on every edge (SPEC 2.6)."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import bring_back, start_billing
from backhaul.operators.functions import rows
from tests.builders import acting, build_customer
from tests.cast import Cast, fill_funds
from tests.scenarios.money import fund, night, noon, trial_balance

NOV_1, DAY_12, DAY_21 = date(2026, 11, 1), date(2026, 11, 12), date(2026, 11, 21)


def test_restored_pays_for_the_days_left_and_for_none_of_the_days_away(cast: Cast) -> None:
    """600.00 for 30 days: gone on day 12 with 360.00 credited, back on day 21 for the ten days left."""
    fill_funds(cast)
    with acting(cast.padma, cast.riverside):
        added = build_customer(cast)
        start_billing(subscription_id=added.subscription_id, billed_until=NOV_1)
    night(cast, NOV_1)
    act: dict[str, Any] = {"subscription_id": added.subscription_id}
    with acting(cast.padma, cast.riverside):
        gone = disconnect_customer(**act, on=DAY_12, now=noon(DAY_12), why="moved")
    assert (gone.days, gone.back_minor, gone.credit_minor) == (18, 270_00, 360_00)
    with acting(cast.padma, cast.riverside):
        bring_back(**act, reason="left", on=DAY_21, now=noon(DAY_21), hold=False)
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 450_00 + 270_00 - 150_00
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 400_00 + 240_00 - 400_00 // 3
    with acting(cast.padma, cast.riverside):
        bills = rows("SELECT starts_on, ends_on, total_minor FROM invoice ORDER BY id")
        left = rows("SELECT left_on FROM customer WHERE id = %s", [added.customer_id])[0]["left_on"]
    assert bills[1:] == [{"starts_on": DAY_21, "ends_on": date(2026, 12, 1), "total_minor": 200_00}]
    assert left is None
    assert trial_balance(cast, cast.riverside)["receivable_customers"] == 600_00 - 360_00 + 200_00
