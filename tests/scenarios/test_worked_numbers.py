"""The worked numbers of SPEC §2, §3 and §8 that no other test has; where the others are:

| number | test |
| --- | --- |
| 2.1 400.00 · 450.00 · 600.00 | test_oracles: every level is debited at its own wholesale price |
| 2.3 own fund short: 1 day | test_oracles: a held renewal stays online for short_days |
| 2.3 upstream short: 3 days | here |
| 2.4 step_in_days 7, notice 24 hours | test_guards |
| 2.5 31 Jan → 28/29 Feb → 31 Mar; A(k) | billing/tests/test_rules; nights of it: test_calendar_matrix |
| 2.5 cut at 12:00, run at 00:10 | test_calendar_matrix: each hour around a change of the clock; here: to the minute |
| 2.6 day 12 of 30: +270.00, +240.00 | test_oracles: oracle 1; with VAT 283.50, 252.00 in both books: here |
| 2.7 600 → 900 on day 12 of 30: 190.00 | test_package_change |
| §3 charge 472.50 = 450.00 + 22.50, prepaid and postpaid | here |
| §3 recharge 5,000 reversed with 200 left | funds/tests/test_movements |
| §3 discount of 100 at issue: 525, 600, 25; later: 100, 5, 105 | test_extras |
| §3 credit note with 5 %: up to the due, the rest to advances | here |
| §8 oracles 1, 2, 3, 6, 7 | test_oracles; 2's 30 Nov → 5 Dec → 3 Jan: test_steps |
| §8 oracle 4 | here |
| §8 oracle 5: 375.00, 450.00 and 75.00, 377.42 | test_enabled_days |
| §8 oracle 8 | test_guards |
| §8 oracle 9 | comes with the gateways that take the money |
| §8 oracle 10 | test_calendar_matrix |
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from itertools import pairwise
from typing import Any

import pytest

from backhaul.billing.cuts import cut_when_due
from backhaul.billing.refunds import disconnect_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.functions import rows
from backhaul.payments.queries import list_statement
from backhaul.payments.services import reverse_payment
from backhaul.subscribers.prices import set_custom_price
from tests.builders import acting
from tests.cast import Cast, build_cast, fill_funds
from tests.ledger.books import as_admin
from tests.scenarios.days import as_owner
from tests.scenarios.money import assert_proved, fund, night, noon, trial_balance
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over

DEC_1, JAN_1 = date(2026, 12, 1), date(2027, 1, 1)
DAY_12 = date(2026, 11, 12)
FACTS = ("invoice", "payment", "allocation", "credit_note", "entry", "posting", "charge", "fund_movement")


def wholesale(books: dict[str, int]) -> dict[str, int]:
    """Of a trial balance, what the wholesale of this test moves."""
    return {code: net for code, net in books.items() if code not in ("cash", "paid_to_provider")}


@pytest.fixture
def taxed(db: EmbeddedPostgres) -> Cast:
    """Everybody charges 5 % and takes its input VAT back."""
    return build_cast(vat_bp=500)


def leave(cast: Cast, subscription_id: int, day: date) -> Any:
    with acting(cast.padma, cast.riverside):
        return disconnect_customer(subscription_id=subscription_id, on=day, now=noon(day), why="moved away")


@pytest.mark.parametrize("mode", ["prepaid", "postpaid"])
def test_the_charge_of_450_with_5_percent_and_its_refund_in_all_books(
    db: EmbeddedPostgres, taxed: Cast, mode: str
) -> None:
    """SPEC §3: 472.50 = 450.00 + 22.50; 18 of 30 days come back as 283.50 = 270.00 + 13.50, above as 252.00."""
    as_owner(db, "UPDATE fund SET mode = %s, credit_limit_minor = 1000000 WHERE child_id = %s", mode, taxed.riverside)
    prepaid = mode == "prepaid"
    fill_funds(taxed, north=10_000_00, riverside=10_000_00 if prepaid else 0)
    service = taken_over(taxed, taxed.riverside).subscription_id
    night(taxed, NOV_1)
    theirs, own = ("operator_funds", "fund") if prepaid else ("receivable_operators", "payable_to_provider")
    there = 10_000_00 if prepaid else 0
    north, riverside = (wholesale(trial_balance(taxed, who)) for who in (taxed.north, taxed.riverside))
    assert north == {
        theirs: 472_50 - there, "wholesale_revenue": -450_00, "vat_payable": -22_50,
        "wholesale_cost": 400_00, "input_vat": 20_00, "fund": 10_000_00 - 420_00,
    }  # fmt: skip
    assert riverside == {
        own: there - 472_50, "wholesale_cost": 450_00, "input_vat": 22_50,
        "receivable_customers": 630_00, "internet_revenue": -600_00, "vat_payable": -30_00,
    }  # fmt: skip
    assert leave(taxed, service, DAY_12).back_minor == 283_50
    north, riverside = (wholesale(trial_balance(taxed, who)) for who in (taxed.north, taxed.riverside))
    assert north == {
        theirs: 189_00 - there, "wholesale_revenue": -180_00, "vat_payable": -9_00,
        "wholesale_cost": 160_00, "input_vat": 8_00, "fund": 10_000_00 - 420_00 + 252_00,
    }  # fmt: skip
    assert (riverside[own], riverside["wholesale_cost"], riverside["input_vat"]) == (there - 189_00, 180_00, 9_00)
    assert wholesale(trial_balance(taxed, taxed.padma.isp_id)) == {
        "operator_funds": -10_000_00 + 168_00, "wholesale_revenue": -160_00, "vat_payable": -8_00,
    }  # fmt: skip
    assert_proved()


@pytest.mark.parametrize(("paid", "due", "advance"), [(0, 252_00, 0), (200_00, 52_00, 0), (630_00, 0, 378_00)])
def test_a_credit_note_takes_its_vat_along_up_to_the_due_and_the_rest_is_advance(
    taxed: Cast, paid: int, due: int, advance: int
) -> None:
    """SPEC §3: 18 of 30 days of 600.00 + 30.00 are 360.00 + 18.00."""
    fill_funds(taxed)
    customer = taken_over(taxed, taxed.riverside)
    night(taxed, NOV_1)
    if paid:
        pay(taxed, taxed.riverside, customer.customer_id, paid, date(2026, 11, 3))
    assert leave(taxed, customer.subscription_id, DAY_12).credit_minor == 378_00
    books = trial_balance(taxed, taxed.riverside)
    assert (books["internet_revenue"], books["vat_payable"]) == (-240_00, -12_00)
    assert books.get("receivable_customers", 0) == due
    assert books.get("customer_advances", 0) == -advance
    assert_proved()


def test_upstream_short_stays_online_three_days(cast: Cast) -> None:
    """SPEC 2.3: the child did nothing wrong: held on the 1st, online on the 3rd, off on the 4th for that reason."""
    fill_funds(cast, north=10_00, riverside=10_000_00)
    taken_over(cast, cast.riverside)
    assert [night(cast, date(2026, 11, day)).cut for day in (1, 2, 3, 4, 5)] == [0, 0, 0, 1, 0]
    with acting(cast.padma, cast.riverside):
        assert [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL")] == ["upstream_short"]
    assert fund(cast, cast.riverside, cast.north) == 10_000_00
    assert_proved()


def test_services_are_cut_at_noon_and_not_a_minute_before(cast: Cast) -> None:
    """SPEC 2.5: cut_time 12:00 of the ISP's own clock, six hours ahead of UTC."""
    fill_funds(cast, riverside=100_00)
    taken_over(cast, cast.riverside)
    for day in (1, 2):
        night(cast, date(2026, 11, day), cuts=False)
    assert cut_when_due(cast.padma, now=datetime(2026, 11, 2, 5, 59, 59, tzinfo=UTC)) is None
    cut = cut_when_due(cast.padma, now=datetime.combine(date(2026, 11, 2), time(6), UTC))
    assert cut is not None and cut.short == 1
    assert cut_when_due(cast.padma, now=datetime(2026, 11, 2, 6, 5, tzinfo=UTC)) is None


def test_a_price_of_its_own_is_retail_only_and_begins_with_the_next_period(cast: Cast) -> None:
    """SPEC 2.1: set inside a billed period it changes nothing of it, and nothing of what the edges charge."""
    fill_funds(cast)
    service = taken_over(cast, cast.riverside).subscription_id
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        set_custom_price(subscription_id=service, price_minor=500_00, starts_on=DAY_12, today=DAY_12, now=noon(DAY_12))
    night(cast, DAY_12)
    night(cast, DEC_1)
    assert [bill["net_minor"] for bill in invoices(cast, cast.riverside)] == [600_00, 500_00]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 2 * 450_00
    assert_proved()


@pytest.mark.parametrize("on", [date(2026, 11, 4), date(2027, 1, 20)], ids=["dated then", "dated today"])
def test_oracle_4_a_payment_reversed_three_periods_back_only_appends(
    db: EmbeddedPostgres, cast: Cast, on: date
) -> None:
    """SPEC 2.8: no row changes or goes; every opening equals the closing before it; every later one moves alike."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside).customer_id
    night(cast, NOV_1)
    receipt = pay(cast, cast.riverside, customer, 600_00, date(2026, 11, 3))
    for month in (DEC_1, JAN_1):
        night(cast, month)
        pay(cast, cast.riverside, customer, 600_00, month.replace(day=5))
    with as_admin(db) as admin:
        kept = {table: facts(admin, table) for table in FACTS}
        before = statement(cast, customer)
        assert [line["closing_minor"] for line in before] == [0, 0, 0]
        with acting(cast.padma, cast.riverside):
            reverse_payment(
                payment_id=receipt.payment_id, on=on, now=noon(date(2027, 1, 20)), reason="cheque came back"
            )
        for table in FACTS:
            assert kept[table] <= facts(admin, table), table
    after = statement(cast, customer)
    for line, next_line in pairwise(after):
        assert next_line["opening_minor"] == line["closing_minor"]
    assert [line["closing_minor"] for line in after] == ([600_00] * 3 if on.year == 2026 else [0, 0, 600_00])
    assert [line["billed_minor"] for line in after] == [600_00] * 3
    with acting(cast.padma, cast.riverside):
        opened = rows("SELECT i.starts_on, o.open_minor FROM invoice_open o JOIN invoice i ON i.id = o.invoice_id")
    assert opened == [{"starts_on": NOV_1, "open_minor": 600_00}]
    assert_proved()


def facts(admin: Any, table: str) -> set[str]:
    """Every row of an append-only table, as text."""
    return {row for (row,) in admin.execute(f"SELECT t::text FROM {table} AS t")}


def statement(cast: Cast, customer_id: int) -> list[dict[str, Any]]:
    """A customer's months, oldest first."""
    with acting(cast.padma, cast.riverside):
        return list_statement(customer_id)[::-1]
