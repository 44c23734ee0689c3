"""Each service-day of a month is billed, free by a named rule, off, or an exception; nothing is left out (issue 3)."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest

from backhaul.billing.outages import Outage, record_outage
from backhaul.billing.proof import GROUPS, list_proof_services, prove_isp, prove_month
from backhaul.billing.refunds import disconnect_customer
from backhaul.catalog.services import ProfileRules, add_billing_profile
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput
from backhaul.funds.services import recharge_fund
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work
from backhaul.subscribers.services import add_zone, update_customer
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.days import as_owner, off
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import NOV_1, taken_over

DEC_1 = date(2026, 12, 1)
TODAY = date(2026, 12, 5)
Expected = dict[str, Counter[str]]


def profile(cast: Cast, db: EmbeddedPostgres, name: str, setting: str = "") -> tuple[int, int]:
    """A profile of Padma's like the monthly one, with a column set otherwise."""
    with acting(cast.padma):
        rules = ProfileRules(cycle="calendar", cycle_day=1, due_days=7)
        added = add_billing_profile(name=name, rules=rules, handed_down=True)
    if setting:
        as_owner(db, f"UPDATE billing_profile SET {setting} WHERE id = {added}")
    return (cast.padma.isp_id, added)


def days(**classes: int) -> Counter[str]:
    return Counter(classes)


@pytest.fixture
def riverside_in_november(cast: Cast, db: EmbeddedPostgres) -> Expected:
    """Nine services of Riverside's, each with its own story; what each has is said by hand."""
    me, padma = cast.riverside, cast.padma.isp_id
    fill_funds(cast)
    free = profile(cast, db, "Free", "billing_type = 'free'")
    arrears = profile(cast, db, "Arrears", "billed = 'arrears'")
    by_hand = profile(cast, db, "By hand", "auto_bill = false")
    story: dict[int, Counter[str]] = {}

    def service(expected: Counter[str], billed_until: date = NOV_1, **fields: Any) -> Any:
        added = taken_over(cast, me, billed_until, **fields)
        story[added.subscription_id] = expected
        return added

    service(days(billed=30))
    service(days(free_profile=30), profile=free)
    service(days(free_price=30), custom_price_minor=0)
    service(days(before_start=9, billed=21), date(2026, 11, 10))
    service(days(auto_bill_off=30), profile=by_hand)
    service(days(no_tariff=30), package=(padma, cast.packages["Home 50"]))
    service(days(billed=11), joined_on=date(2026, 11, 20), billed_until=date(2026, 11, 20))
    stopped = service(days(billed=25, off_operator=5))
    unpaid_in_arrears = service(days(billed=22, off_unpaid=8), profile=arrears)
    outage = service(days(billed=27, credited=3))
    left = service(days(billed=12))
    as_owner(db, "DELETE FROM tariff_price WHERE child_id = %s AND plan_id = %s", me, cast.plans["Home 50"])
    for day in (1, 10, 20):
        night(cast, date(2026, 11, day))
    off(cast, me, stopped.subscription_id, "by_hand", (noon(date(2026, 11, 9)), noon(date(2026, 11, 15))))
    off(cast, me, unpaid_in_arrears.subscription_id, "unpaid", (noon(date(2026, 11, 20)), noon(date(2026, 11, 28))))
    with acting(cast.padma, me):
        area = add_zone(name="Harbour")
        update_customer(customer_id=outage.customer_id, at=noon(NOV_1), zone_id=area)
        record_outage(
            outage=Outage(
                datetime(2026, 11, 10, 1, tzinfo=UTC), datetime(2026, 11, 12, 19, tzinfo=UTC), date(2026, 11, 10),
                date(2026, 11, 13), "fibre cut", zone_id=area,
            ),
            on=date(2026, 11, 14), now=noon(date(2026, 11, 14)),
        )  # fmt: skip
        day_12 = date(2026, 11, 12)
        disconnect_customer(subscription_id=left.subscription_id, on=day_12, now=noon(day_12), why="moved")
    night(cast, DEC_1)
    return {str(service_id): expected for service_id, expected in story.items()}


def found_by_class(found: list[dict[str, Any]]) -> Counter[str]:
    return Counter({row["class"]: row["days"] for row in found})


def test_every_day_of_every_service_has_its_class_and_the_totals_are_all_of_them(
    cast: Cast, riverside_in_november: Expected
) -> None:
    told = sum(riverside_in_november.values(), Counter[str]())
    with acting(cast.padma, cast.riverside):
        found = prove_month(month_on=NOV_1, today=TODAY)
        assert found_by_class(found) == told
        # days × services, counted without the proof: from joining to the last day
        served = sum(
            (min(row["left_on"] or date(2026, 11, 30), date(2026, 11, 30)) - max(row["joined_on"], NOV_1)).days + 1
            for row in rows("SELECT joined_on, left_on FROM customer")
        )
        assert sum(row["days"] for row in found) == served == 30 * 9 + 11 + 12
        for service, expected in riverside_in_november.items():
            behind = {
                name: [
                    row["days"]
                    for row in list_proof_services(month_on=NOV_1, today=TODAY, of_class=name)
                    if str(row["subscription_id"]) == service
                ]
                for name in expected
            }
            assert behind == {name: [number] for name, number in expected.items()}


def test_the_money_of_the_days_is_the_money_of_the_bills_and_charges(
    cast: Cast, riverside_in_november: Expected
) -> None:
    with acting(cast.padma, cast.riverside):
        found = prove_month(month_on=NOV_1, today=TODAY)
        billed = rows(
            "SELECT (SELECT sum(net_minor - discount_minor) FROM invoice WHERE starts_on < %s) "
            "- (SELECT sum(net_minor) FROM credit_note) AS net, "
            "(SELECT sum(net_minor) FROM charge WHERE child_id = %s AND starts_on < %s) "
            "- (SELECT sum(net_minor) FROM charge_refund WHERE child_id = %s) AS charged",
            [DEC_1, cast.riverside, DEC_1, cast.riverside],
        )[0]
    assert sum(row["net_minor"] for row in found) == billed["net"]
    assert sum(row["charged_minor"] for row in found) == billed["charged"]
    assert {row["group"] for row in found} == set(GROUPS)
    assert_proved()


def test_days_that_a_fault_lost_are_found(cast: Cast, db: EmbeddedPostgres, riverside_in_november: Expected) -> None:
    """A bill begins three days late: those days are an exception that nothing explains, and they cost."""
    service = int(next(iter(riverside_in_november)))
    as_owner(
        db,
        "UPDATE invoice SET starts_on = starts_on + 3, from_day = 3 WHERE subscription_id = %s AND starts_on = %s",
        service, NOV_1,
    )  # fmt: skip
    with acting(cast.padma, cast.riverside):
        found = list_proof_services(month_on=NOV_1, today=TODAY, of_class="unexplained")
    assert [(row["subscription_id"], row["days"], row["first_on"], row["last_on"]) for row in found] == [
        (service, 3, NOV_1, date(2026, 11, 3))
    ]
    assert (found[0]["net_minor"], found[0]["charged_minor"]) == (0, 45_00)


def test_short_funds_grace_cut_and_return(cast: Cast) -> None:
    """Held on the 1st, online that day, cut on the 2nd, paid for on the 20th; another is held on the last day."""
    fill_funds(cast)
    taken_over(cast, cast.rival)
    for day in (1, 2, 3):
        night(cast, date(2026, 11, day))
    with acting(cast.padma):
        recharge_fund(
            child_id=cast.rival, kind="recharge", amount_minor=150_00, on=date(2026, 11, 20), paid="cash",
            request_key=request_key(),
        )  # fmt: skip
    night(cast, date(2026, 11, 20))
    late = taken_over(cast, cast.rival, date(2026, 11, 30), joined_on=date(2026, 11, 30),
                      package=(cast.padma.isp_id, cast.packages["Office 100"]))  # fmt: skip
    night(cast, date(2026, 11, 30))
    with acting(cast.padma, cast.rival):
        found = found_by_class(prove_month(month_on=NOV_1, today=DEC_1))
        assert found == days(short_grace=1, off_short=18, billed=11, held_own=1)
        behind = list_proof_services(month_on=NOV_1, today=DEC_1, of_class="held_own")
    assert [row["subscription_id"] for row in behind] == [late.subscription_id]


def test_a_month_that_runs_is_proved_through_yesterday(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        assert found_by_class(prove_month(month_on=NOV_1, today=date(2026, 11, 11))) == days(billed=10)
        with pytest.raises(InvalidInput):
            prove_month(month_on=DEC_1, today=date(2026, 11, 11))


def test_the_isp_sees_days_of_every_operator_and_nobody_s_prices(cast: Cast, riverside_in_november: Expected) -> None:
    with unit_of_work(cast.padma, using="batch"):
        found = prove_isp(isp_id=cast.padma.isp_id, month_on=NOV_1, today=TODAY)
    assert [operator["slug"] for operator in found] == ["padma", "north", "riverside", "rival"]
    mine = next(operator for operator in found if operator["slug"] == "riverside")
    assert sum(row["days"] for row in mine["classes"]) == 30 * 9 + 11 + 12
    assert all(set(row) == {"group", "class", "days", "services"} for row in mine["classes"])
    with acting(cast.padma):
        assert prove_month(month_on=NOV_1, today=TODAY) == []  # Padma's own: none
