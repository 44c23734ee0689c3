"""Package change: the day of change is the new package's, the net is charged on every edge or nothing is (SPEC 2.7)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import IntegrityError

from backhaul.billing.changes import (
    Change,
    ConnectionRefused,
    RenewalWaits,
    SamePackage,
    cancel_planned_change,
    change_package,
    plan_change,
)
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import FundTooLow, UpstreamShort
from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package, add_plan, set_tariff_price
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.network.services import register_nas
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import unit_of_work
from backhaul.subscribers.services import FundLow, StatusRefused, suspend_subscription
from tests.builders import acting, build_customer
from tests.cast import START, Cast, fill_funds
from tests.network.conftest import as_admin
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over
from tests.scenarios.test_refunds import edge, leave, promised, spent

DAY_12 = date(2026, 11, 12)


def add_gold(
    cast: Cast, retail: int = 900_00, *, term_months: int = 1, name: str = "Gold", **plan_terms: Any
) -> tuple[int, int]:
    """A package of Padma at 900.00, over a plan that North gets at 600.00 and Riverside at 700.00."""
    isp = cast.padma.isp_id
    with acting(cast.padma):
        plan = add_plan(name=f"{name} plan", down_kbps=30_720, up_kbps=15_360, pool=_pool(cast), **plan_terms)
        for child, price in ((cast.north, 600_00), (cast.rival, 600_00)):
            set_tariff_price(
                child_id=child, plan_operator_id=isp, plan_id=plan, starts_on=START, price_minor=price, today=START
            )
        package = add_package(
            name=name, plan_operator_id=isp, plan_id=plan, price_minor=retail, term_months=term_months, handed_down=True
        )
    with acting(cast.padma, cast.north):
        set_tariff_price(
            child_id=cast.riverside,
            plan_operator_id=isp,
            plan_id=plan,
            starts_on=START,
            price_minor=700_00,
            today=START,
        )
    return isp, package


def _pool(cast: Cast) -> tuple[int, int]:
    found = rows("SELECT operator_id, id FROM pool ORDER BY id LIMIT 1")
    return found[0]["operator_id"], found[0]["id"]


def change(cast: Cast, service: int, package: tuple[int, int], day: date = DAY_12, **options: Any) -> Change:
    with acting(cast.padma, cast.riverside):
        return change_package(subscription_id=service, package=package, on=day, now=noon(day), **options)


def apply_planned(cast: Cast, day: date) -> int:
    with unit_of_work(cast.padma, using="batch"):
        return int(call("apply_planned_changes", "batch", isp=cast.padma.isp_id, top=cast.north, on=day, now=noon(day)))


def one(cast: Cast, sql: str) -> Any:
    with acting(cast.padma, cast.riverside):
        return rows(sql)[0]


def test_600_to_900_on_day_12_of_30_costs_190_more(cast: Cast) -> None:
    """19 days from the 12th on: 380.00 of 600.00 back, 570.00 of 900.00 charged: net 190.00.

    On the edges at their own prices: Riverside 450 → 700.00: 285.00 back, 443.33 charged (A(30) − A(11) = 700.00 −
    256.67); North 400 → 600.00: 253.33 back (400.00 − 146.67), 380.00 charged.
    """
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    done = change(cast, service, gold)
    assert (done.credit_minor, done.billed_minor, done.fee_minor, done.net_minor) == (380_00, 570_00, 0, 190_00)
    assert spent(cast) == (450_00 - 285_00 + 443_33, 400_00 - 253_33 + 380_00)
    assert balance(cast, cast.riverside, "receivable_customers") == 790_00
    new = invoices(cast, cast.riverside)[-1]
    assert (new["starts_on"], new["ends_on"], new["revision"]) == (DAY_12, date(2026, 12, 1), 0)
    night(cast, date(2026, 12, 1))
    assert invoices(cast, cast.riverside)[-1]["net_minor"] == 900_00
    assert spent(cast) == (608_33 + 700_00, 526_67 + 600_00)
    assert_proved()


def test_a_package_of_a_plan_that_is_not_sold_for_the_customers_connection_is_refused(cast: Cast) -> None:
    """SPEC 5, at each way in: a new customer, a change today, one that is planned, and the row itself."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    package = add_gold(cast, connection_types=("static", "hotspot"))
    night(cast, NOV_1)
    with pytest.raises(ConnectionRefused):
        change(cast, service, package)
    with pytest.raises(ConnectionRefused), acting(cast.padma, cast.riverside):
        plan_change(subscription_id=service, package=package, on=DAY_12, now=noon(DAY_12))
    with acting(cast.padma, cast.riverside):
        with pytest.raises(InvalidInput, match="hotspot, static only"):
            build_customer(cast, on=DAY_12, package=package)
        build_customer(cast, on=DAY_12, package=package, username="wireless", connection_type="hotspot")
    with pytest.raises(IntegrityError, match="radius_login_connection_of_plan"), acting(cast.padma, cast.riverside):
        execute("UPDATE radius_login SET connection_type = 'pppoe' WHERE username = 'wireless'")
    assert_proved()


def test_a_paid_bill_pays_the_new_one_and_the_difference_is_due(cast: Cast) -> None:
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    gold = add_gold(cast)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 600_00, date(2026, 11, 2))
    assert change(cast, customer.subscription_id, gold).to_advance_minor == 380_00
    assert balance(cast, cast.riverside, "receivable_customers") == 190_00
    assert balance(cast, cast.riverside, "customer_advances") == 0
    assert_proved()


def test_the_old_is_credited_at_the_price_charged_and_the_new_charged_at_that_days_tariff(cast: Cast) -> None:
    """Home 10 becomes dearer on the 5th, Gold on the 10th (700 → 760): 285.00 back, 481.33 charged to Riverside."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    plan = _plan_of(cast, gold)
    with acting(cast.padma, cast.north):
        for plan_id, day, price in ((cast.plans["Home 10"], 5, 500_00), (plan, 10, 760_00)):
            set_tariff_price(
                child_id=cast.riverside, plan_operator_id=cast.padma.isp_id, plan_id=plan_id,
                starts_on=date(2026, 11, day), price_minor=price, today=date(2026, 11, 2),
            )  # fmt: skip
    change(cast, service, gold)
    assert spent(cast)[0] == 450_00 - 285_00 + 481_33
    assert_proved()


def _plan_of(cast: Cast, package: tuple[int, int]) -> int:
    with acting(cast.padma):
        return int(rows("SELECT plan_id FROM package WHERE id = %s", [package[1]])[0]["plan_id"])


@pytest.mark.parametrize("short", ["riverside", "north"])
def test_what_some_fund_cannot_bear_changes_nothing(cast: Cast, short: str) -> None:
    """Riverside needs 158.33 more than it gets back, North 126.67; one unit less and nothing happens at all."""
    need: dict[str, Any] = {"riverside": 450_00 + 158_33, "north": 400_00 + 126_67}
    need[short] -= 1
    fill_funds(cast, **need)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    with pytest.raises(FundTooLow if short == "riverside" else UpstreamShort):
        change(cast, service, gold)
    assert one(cast, "SELECT package_id FROM subscription")["package_id"] == cast.packages["Home 10"]
    assert len(invoices(cast, cast.riverside)) == 1
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT 1 FROM credit_note") == rows("SELECT 1 FROM package_history") == []
    fill_funds(cast, north=1 if short == "north" else 0, riverside=1 if short == "riverside" else 0, on=DAY_12)
    assert change(cast, service, gold).net_minor == 190_00
    assert_proved()


def test_a_change_ignores_the_edges_refund_policies(cast: Cast) -> None:
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, refund_policy="none")
    edge(cast, cast.north, cast.padma.isp_id, refund_policy="less_minimum", refund_minimum_minor=100_00)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    change(cast, service, gold)
    assert spent(cast) == (608_33, 526_67)
    assert_proved()


def test_a_change_on_the_first_day_credits_all_and_issues_a_revision(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    done = change(cast, service, gold, NOV_1)
    assert (done.credit_minor, done.billed_minor) == (600_00, 900_00)
    assert [(bill["starts_on"], bill["revision"]) for bill in invoices(cast, cast.riverside)] == [
        (NOV_1, 0),
        (NOV_1, 1),
    ]
    assert spent(cast) == (700_00, 600_00)
    assert_proved()


def test_there_and_back_on_one_day_costs_nothing(cast: Cast) -> None:
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    change(cast, service, gold)
    done = change(cast, service, (cast.padma.isp_id, cast.packages["Home 10"]))
    assert done.net_minor == -190_00
    assert spent(cast) == (450_00, 400_00)
    assert balance(cast, cast.riverside, "receivable_customers") == 600_00
    with acting(cast.padma, cast.riverside):
        assert len(rows("SELECT 1 FROM package_history")) == 3
    assert_proved()


def test_leaving_after_a_change_gives_back_the_new_rate_once(cast: Cast) -> None:
    """Gold from the 12th, left on the 21st: 9 days of 900.00 = 270.00; Riverside 9 of 700.00 = 210.00."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    night(cast, NOV_1)
    change(cast, service, gold)
    day = date(2026, 11, 21)
    assert promised(cast, cast.riverside, service, day) == leave(cast, cast.riverside, service, day)
    assert spent(cast) == (608_33 - 210_00, 526_67 - 180_00)
    assert balance(cast, cast.riverside, "receivable_customers") == 790_00 - 270_00
    assert_proved()


def test_a_daily_edge_charges_the_day_of_change_at_the_new_price(cast: Cast) -> None:
    """North charges Riverside by the day: 11 days of Home 10 at 15.00 (165.00), from the 12th on 1/30 of 700.00.

    Day 12 was charged in the night already: it comes back, and is charged again: A(12) − A(11) of 700.00 = 23.33.
    """
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, charge_timing="daily")
    service = taken_over(cast, cast.riverside).subscription_id
    gold = add_gold(cast)
    for day in range(1, 13):
        night(cast, date(2026, 11, day))
    assert spent(cast)[0] == 180_00
    change(cast, service, gold)
    assert spent(cast)[0] == 165_00 + 23_33
    night(cast, date(2026, 11, 13))
    assert spent(cast)[0] == 165_00 + 46_66  # A(13) − A(11) = 303.33 − 256.67
    assert_proved()


def test_a_price_of_its_own_ends_with_its_package_unless_a_new_one_is_given(cast: Cast) -> None:
    """500.00 instead of 600.00, then Gold at its 900.00; and with 840.00 instead of 900.00: 19 days = 532.00."""
    fill_funds(cast)
    gold = add_gold(cast)
    plain, special = (taken_over(cast, cast.riverside, custom_price_minor=500_00).subscription_id for _ in range(2))
    night(cast, NOV_1)
    assert change(cast, plain, gold).billed_minor == 570_00
    assert change(cast, special, gold, custom_price_minor=840_00).billed_minor == 532_00
    night(cast, date(2026, 12, 1))
    assert sorted(bill["net_minor"] for bill in invoices(cast, cast.riverside)[-2:]) == [840_00, 900_00]
    assert_proved()


def test_what_cannot_be_changed_is_refused_with_a_reason(cast: Cast) -> None:
    fill_funds(cast)
    gold = add_gold(cast)
    home = (cast.padma.isp_id, cast.packages["Home 10"])
    service, off = (taken_over(cast, cast.riverside).subscription_id for _ in range(2))
    waiting = taken_over(cast, cast.riverside, date(2026, 11, 10)).subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        suspend_subscription(subscription_id=off, why="asked", on=DAY_12, at=noon(DAY_12))
    for one_service, package, refusal in (
        (service, home, SamePackage), (off, gold, StatusRefused), (waiting, gold, RenewalWaits),
        (service, (cast.padma.isp_id, 10**9), NotFound), (10**15, gold, NotFound),
    ):  # fmt: skip
        with pytest.raises(refusal):
            change(cast, one_service, package)


def test_an_upgrade_is_refused_below_the_low_balance_mark_and_a_downgrade_is_not(cast: Cast) -> None:
    """SPEC 2.4: low balance blocks upgrades."""
    fill_funds(cast)
    gold = add_gold(cast)
    silver = add_gold(cast, 500_00, name="Silver")
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    edge(cast, cast.riverside, cast.north, low_balance_minor=300_000_00)
    with pytest.raises(FundLow):
        change(cast, service, gold)
    assert change(cast, service, silver).net_minor < 0


def test_a_planned_change_is_carried_out_when_the_period_has_ended(cast: Cast) -> None:
    """Agreed on the 12th for 1 December: November stays as it is, December is Gold; no money moves by the agreement."""
    fill_funds(cast)
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside, custom_price_minor=500_00).subscription_id
    night(cast, NOV_1)
    before = spent(cast)
    with acting(cast.padma, cast.riverside):
        assert plan_change(subscription_id=service, package=gold, on=DAY_12, now=noon(DAY_12)) == date(2026, 12, 1)
    assert apply_planned(cast, date(2026, 11, 30)) == 0
    assert spent(cast) == before
    assert [apply_planned(cast, date(2026, 12, 1)) for _ in range(2)] == [1, 0]
    assert spent(cast) == before
    night(cast, date(2026, 12, 1))
    assert invoices(cast, cast.riverside)[-1]["net_minor"] == 900_00
    history = _history(cast)
    assert [row["starts_on"] for row in history] == [date(2026, 2, 1), date(2026, 12, 1)]
    assert spent(cast) == (450_00 + 700_00, 400_00 + 600_00)
    assert one(cast, "SELECT down_kbps FROM radius_login")["down_kbps"] == 30_720
    assert_proved()


def _history(cast: Cast) -> list[dict[str, Any]]:
    with acting(cast.padma, cast.riverside):
        return rows("SELECT * FROM package_history ORDER BY starts_on, changed_at")


def test_a_plan_can_be_replaced_and_taken_back_and_ends_with_a_change_or_a_leaving(cast: Cast) -> None:
    fill_funds(cast)
    gold = add_gold(cast)
    silver = add_gold(cast, 500_00, name="Silver")
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        act: dict[str, Any] = {"subscription_id": service, "on": DAY_12, "now": noon(DAY_12)}
        for package in (gold, silver):
            plan_change(package=package, **act)
        assert [row["package_id"] for row in rows("SELECT package_id FROM planned_change")] == [silver[1]]
        cancel_planned_change(subscription_id=service, now=noon(DAY_12))
        with pytest.raises(NotFound):
            cancel_planned_change(subscription_id=service, now=noon(DAY_12))
        plan_change(package=silver, **act)
        change_package(package=gold, **act)
        assert rows("SELECT 1 FROM planned_change") == []
        plan_change(package=silver, **act)
        disconnect_customer(**act, why="moved")
        assert rows("SELECT 1 FROM planned_change") == []


def test_the_speed_follows_live_and_another_pool_ends_the_session(cast: Cast, db: EmbeddedPostgres) -> None:
    """SPEC §5: attributes + disconnect, or a live rate change where only the rate differs."""
    fill_funds(cast)
    gold = add_gold(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    _put_online(cast, db)
    change(cast, service, gold)
    assert one(cast, "SELECT rate_limit FROM radius_login")["rate_limit"] == "15360k/30720k"
    asked = one(cast, "SELECT kind, reason FROM disconnect_request")
    assert (asked["kind"], asked["reason"]) == ("change_of_authorization", "package changed")
    with acting(cast.padma):
        execute("UPDATE plan SET pool_operator_id = NULL, pool_id = NULL WHERE id = %s", [cast.plans["Home 20"]])
    change(cast, service, (cast.padma.isp_id, cast.packages["Home 20"]), date(2026, 11, 13))
    with acting(cast.padma, cast.riverside):
        assert {row["kind"] for row in rows("SELECT kind FROM disconnect_request")} == {
            "change_of_authorization", "disconnect",
        }  # fmt: skip
    assert one(cast, "SELECT version FROM radius_login")["version"] == 2


def _put_online(cast: Cast, server: EmbeddedPostgres) -> None:
    """A running session of the only login, as accounting would have written it."""
    with acting(cast.padma):
        register_nas(name="Tower", source_address="192.0.2.9", secret="not-a-word", at=noon(NOV_1))
    as_admin(
        server,
        "INSERT INTO radius_session_live (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, login_version, mac, nas_port, started_at, updated_at, interim_seconds, session_seconds, "
        "input_bytes, output_bytes) SELECT l.operator_id, n.operator_id, n.id, l.username, 's1', '', l.id, l.version, "
        "'aabbcc001122', '', now(), now(), 300, 1, 0, 0 FROM radius_login l, nas n",
    )


def test_the_day_of_a_change_that_the_night_charged_is_no_part_of_the_bill_that_it_ends(cast: Cast) -> None:
    """Billed in arrears on a daily edge: the old bill ends before day 12, whose charge came back with the change."""
    fill_funds(cast)
    edge(cast, cast.riverside, cast.north, charge_timing="daily")
    with acting(cast.padma):
        profile = add_billing_profile(name="Later", rules=ProfileRules(billed="arrears"), handed_down=True)
    service = taken_over(cast, cast.riverside, profile=(cast.padma.isp_id, profile)).subscription_id
    gold = add_gold(cast)
    for day in range(1, 13):
        night(cast, date(2026, 11, day))
    change(cast, service, gold)
    assert [
        (bill["starts_on"].day, bill["ends_on"].day, bill["net_minor"]) for bill in invoices(cast, cast.riverside)
    ] == [(1, 12, 220_00)]
    assert spent(cast)[0] == 165_00 + 23_33
    assert_proved()
