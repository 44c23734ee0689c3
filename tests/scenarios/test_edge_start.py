"""Before an edge is started it charges nothing; at its start what runs is charged from that day on (SPEC 2.4, A20)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import FundTooLow, bring_back, sign_up_customer, start_billing
from backhaul.billing.starting import AlreadyStarted, NotSettled, Start, close_operator, preview_start, start_edge
from backhaul.catalog.services import set_tariff_price
from backhaul.common.errors import NotAllowed, NotFound, Refusal
from backhaul.funds.queries import get_fund
from backhaul.funds.services import OperatorClosed, pay_back_fund, recharge_fund, set_edge_terms, transfer_fund
from backhaul.operators.functions import rows
from backhaul.resellers.beginning import Vat
from backhaul.subscribers.services import AddedCustomer, FundLow
from tests.builders import acting, build_customer, build_operator, build_person, new_customer, request_key
from tests.cast import PLANS, START, Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, fund, night, noon

NOV_1, NOV_12 = date(2026, 11, 1), date(2026, 11, 12)


def build_unstarted(cast: Cast, parent_id: int, *, vat: Vat | None = None, **terms: object) -> int:
    """An operator whose edge has prices and has not started."""
    child = build_operator(cast.padma, parent_id, "newtown", vat=vat, owner=False, started=False, **terms)
    price_home_10(cast, parent_id, child, 450_00)
    return child


def price_home_10(cast: Cast, parent_id: int, child: int, price: int, starts_on: date = START) -> None:
    with acting(cast.padma, parent_id):
        set_tariff_price(
            child_id=child, plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], starts_on=starts_on,
            price_minor=price, today=starts_on - timedelta(days=1),
        )  # fmt: skip


def running(cast: Cast, operator_id: int, count: int = 1) -> list[AddedCustomer]:
    """Customers taken over, to be billed from November on."""
    with acting(cast.padma, operator_id):
        added = [build_customer(cast) for _ in range(count)]
        for one in added:
            start_billing(subscription_id=one.subscription_id, billed_until=NOV_1)
    return added


def recharge(cast: Cast, parent_id: int, child: int, amount: int, *, kind: str = "recharge") -> None:
    with acting(cast.padma, parent_id):
        paid = "cash" if kind == "recharge" else None
        recharge_fund(child_id=child, kind=kind, amount_minor=amount, on=NOV_1, paid=paid, request_key=request_key())


def test_before_the_start_its_edge_charges_zero_and_the_edges_above_as_ever(cast: Cast) -> None:
    fill_funds(cast)
    child = build_unstarted(cast, cast.north)
    running(cast, child)
    report = night(cast, NOV_1)
    assert (report.created, report.held) == (1, 0)
    assert (fund(cast, child, cast.north), fund(cast, cast.north, cast.padma.isp_id)) == (0, 1_500_000_00 - 400_00)
    with acting(cast.padma, cast.north):
        charged = rows("SELECT price_minor, net_minor, movement_id FROM charge WHERE child_id = %s", [child])
    assert charged == [{"price_minor": 0, "net_minor": 0, "movement_id": None}]
    assert_proved()


def test_at_the_start_running_periods_are_charged_for_that_day_and_the_days_left(cast: Cast) -> None:
    """19 of November's 30 days at 450.00 = 285.00 each; North's own edge was charged the whole 400.00 already."""
    fill_funds(cast)
    child = build_unstarted(cast, cast.north)
    running(cast, child, count=2)
    night(cast, NOV_1)
    with acting(cast.padma, cast.north):
        assert preview_start(child_id=child, on=NOV_12) == Start(2, 570_00, 0)
    with pytest.raises(FundTooLow), acting(cast.padma, cast.north):
        start_edge(child_id=child, on=NOV_12)
    assert fund(cast, child, cast.north) == 0
    recharge(cast, cast.north, child, 570_00)
    with acting(cast.padma, cast.north):
        assert start_edge(child_id=child, on=NOV_12) == Start(2, 570_00, 0)
        charged = rows(
            "SELECT starts_on, ends_on, part, net_minor FROM charge WHERE child_id = %s AND part > 0", [child]
        )
        moved = rows("SELECT kind, fund_minor FROM fund_movement WHERE child_id = %s ORDER BY id DESC LIMIT 1", [child])
    assert [tuple(row.values()) for row in charged] == [(NOV_12, date(2026, 12, 1), 1, 285_00)] * 2
    assert moved == [{"kind": "wholesale_charge", "fund_minor": -570_00}]
    assert fund(cast, cast.north, cast.padma.isp_id) == 1_500_000_00 - 800_00
    assert balance(cast, child, "wholesale_cost") == 570_00
    assert_proved()
    recharge(cast, cast.north, child, 900_00)
    assert night(cast, date(2026, 12, 1)).created == 2
    assert fund(cast, child, cast.north) == 0
    assert_proved()


def test_the_start_charges_at_the_tariff_of_its_day_with_the_sellers_vat(cast: Cast) -> None:
    vat = Vat(starts_on=START, rate_bp=500)
    middle = build_operator(
        cast.padma, cast.padma.isp_id, "middle", vat=vat, owner=False, may_have_children=True, edits_catalog=True
    )
    price_home_10(cast, cast.padma.isp_id, middle, PLANS["Home 10"][2])
    recharge(cast, cast.padma.isp_id, middle, 5_000_00)
    child = build_unstarted(cast, middle, vat=vat)
    price_home_10(cast, middle, child, 600_00, NOV_12)
    running(cast, child)
    night(cast, NOV_1)
    recharge(cast, middle, child, 400_00)
    with acting(cast.padma, middle):
        assert start_edge(child_id=child, on=NOV_12) == Start(1, 380_00, 19_00)  # 19 of 30 days at 600.00, 5 %
    assert (balance(cast, child, "wholesale_cost"), balance(cast, child, "input_vat")) == (380_00, 19_00)
    assert_proved()


def test_who_left_before_the_start_is_not_charged_and_who_leaves_after_it_gets_back_what_was_charged(
    cast: Cast,
) -> None:
    fill_funds(cast)
    child = build_unstarted(cast, cast.north)
    left, leaves = running(cast, child, count=2)
    night(cast, NOV_1)
    with acting(cast.padma, child):
        day = date(2026, 11, 5)
        disconnect_customer(subscription_id=left.subscription_id, on=day, now=noon(day), why="moved")
    recharge(cast, cast.north, child, 1_000_00)
    with acting(cast.padma, cast.north):
        assert start_edge(child_id=child, on=NOV_12) == Start(1, 285_00, 0)
    with acting(cast.padma, child):
        day = date(2026, 11, 20)
        disconnect_customer(subscription_id=leaves.subscription_id, on=day, now=noon(day), why="moved")
    assert fund(cast, child, cast.north) == 1_000_00 - 285_00 + 150_00  # ten days of 30 at 450.00
    assert_proved()


def test_a_postpaid_edge_owes_what_its_start_charges(cast: Cast) -> None:
    fill_funds(cast)
    child = build_unstarted(cast, cast.north, mode="postpaid", credit_limit_minor=284_99)
    running(cast, child)
    night(cast, NOV_1)
    with pytest.raises(FundTooLow), acting(cast.padma, cast.north):
        start_edge(child_id=child, on=NOV_12)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=child, credit_limit_minor=285_00)
        start_edge(child_id=child, on=NOV_12)
        assert (get_fund(child)["posted_minor"], get_fund(child)["owed_minor"]) == (0, 285_00)
    assert_proved()


def test_an_edge_starts_once_by_its_parent_and_with_prices(cast: Cast) -> None:
    fill_funds(cast)
    child = build_operator(cast.padma, cast.padma.isp_id, "newtown", owner=False, started=False)
    with acting(cast.padma):
        accountant = build_person(cast.padma.isp_id, "accountant", role="accountant")
    with pytest.raises(NotAllowed), acting(cast.padma, user_id=accountant):
        start_edge(child_id=child, on=NOV_12)
    for seat in (cast.north, child):
        with pytest.raises(NotFound), acting(cast.padma, seat):
            start_edge(child_id=child, on=NOV_12)
    with acting(cast.padma):
        assert start_edge(child_id=child, on=NOV_12) == Start(0, 0, 0)
    for again in (child, cast.north):
        with pytest.raises(AlreadyStarted), acting(cast.padma):
            start_edge(child_id=again, on=NOV_12)


def test_on_trial_there_are_at_most_so_many_customers_and_the_empty_fund_keeps_nobody_out(cast: Cast) -> None:
    fill_funds(cast)
    child = build_unstarted(cast, cast.padma.isp_id, trial_customers=2, low_balance_minor=500_00)
    with acting(cast.padma, child):
        sign_up_customer(customer=new_customer(cast, joined_on=NOV_1), on=NOV_1, now=noon(NOV_1))
        later = sign_up_customer(
            customer=new_customer(cast, joined_on=NOV_1), on=NOV_1, now=noon(NOV_1), activate=False
        )
    with pytest.raises(FundLow, match="until then you can have 2 customers"), acting(cast.padma, child):
        sign_up_customer(customer=new_customer(cast, joined_on=NOV_1), on=NOV_1, now=noon(NOV_1))
    with acting(cast.padma, child):
        bring_back(subscription_id=later.subscription_id, reason="not_activated", on=NOV_1, now=noon(NOV_1), hold=False)
    recharge(cast, cast.padma.isp_id, child, 2_000_00)
    with acting(cast.padma):
        start_edge(child_id=child, on=NOV_12)
    with acting(cast.padma, child):
        sign_up_customer(customer=new_customer(cast, joined_on=NOV_12), on=NOV_12, now=noon(NOV_12))
    assert_proved()


def test_a_trial_counts_the_customers_of_operators_below_too(cast: Cast) -> None:
    fill_funds(cast)
    middle = build_unstarted(cast, cast.padma.isp_id, trial_customers=1, may_have_children=True, edits_catalog=True)
    below = build_operator(cast.padma, middle, "below", owner=False, started=False)
    price_home_10(cast, middle, below, 500_00)
    with acting(cast.padma, below):
        build_customer(cast)
    with pytest.raises(FundLow, match="Newtown cannot take new customers"), acting(cast.padma, below):
        build_customer(cast)
    with pytest.raises(FundLow, match="until then you can have 1 customers"), acting(cast.padma, middle):
        build_customer(cast)


def test_an_operator_is_not_closed_before_it_is_settled(cast: Cast) -> None:
    """A20: not with money in its fund, with a debt, with operators below it or with customers."""

    def refused() -> Refusal:
        with pytest.raises(NotSettled) as refusal, acting(cast.padma):
            close_operator(child_id=cast.rival, on=NOV_12)
        return refusal.value

    recharge(cast, cast.padma.isp_id, cast.rival, 100_00)
    assert "fund" in refused().message
    with acting(cast.padma):
        pay_back_fund(child_id=cast.rival, amount_minor=100_00, on=NOV_12, paid="cash", request_key=request_key())
    with acting(cast.padma, cast.rival):
        customer = build_customer(cast)
    assert "customers" in refused().message
    with acting(cast.padma, cast.rival):
        disconnect_customer(subscription_id=customer.subscription_id, on=NOV_12, now=noon(NOV_12), why="moved")
    with acting(cast.padma):
        close_operator(child_id=cast.rival, on=NOV_12)
        assert rows("SELECT closed_on FROM operator WHERE id = %s", [cast.rival]) == [{"closed_on": NOV_12}]
    for kind in ("recharge", "recharge_credit", "bonus"):
        with pytest.raises(OperatorClosed, match="closed on 12 Nov 2026"):
            recharge(cast, cast.padma.isp_id, cast.rival, 100_00, kind=kind)
    with pytest.raises(FundLow, match="closed this account"), acting(cast.padma, cast.rival):
        build_customer(cast)
    with pytest.raises(NotSettled, match="below"), acting(cast.padma):
        close_operator(child_id=cast.north, on=NOV_12)
    with pytest.raises(NotFound), acting(cast.padma, cast.north):
        close_operator(child_id=cast.rival, on=NOV_12)
    recharge(cast, cast.padma.isp_id, cast.north, 100_00)
    with pytest.raises(OperatorClosed), acting(cast.padma):
        transfer_fund(
            child_id=cast.north, to_child_id=cast.rival, amount_minor=1_00, on=NOV_12, request_key=request_key()
        )
