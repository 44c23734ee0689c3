"""Days off are credited at the period's end, where profile and edges say so, each day once (SPEC 2.5, oracle 5)."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from backhaul.catalog.services import set_vat
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.periods import close_books
from backhaul.operators.functions import rows
from tests.builders import acting
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.days import as_owner, credit_nights, edge_credits, notes, off, profile_credits, refunds
from tests.scenarios.money import assert_proved, balance, fund, night, noon
from tests.scenarios.test_oracles import pay, taken_over
from tests.scenarios.test_refunds import profile

NOV_1, DEC_1 = date(2026, 11, 1), date(2026, 12, 1)
FIVE_DAYS = (datetime(2026, 11, 9, 6, tzinfo=UTC), datetime(2026, 11, 15, 6, tzinfo=UTC))  # off on the 10th to the 14th


def test_oracle_5_in_advance_450_and_a_credit_note_of_75(cast: Cast, db: EmbeddedPostgres) -> None:
    """Suspended by the operator 5 days of 30: nothing before the period ends, then once."""
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    customer = taken_over(cast, cast.riverside, custom_price_minor=450_00)
    night(cast, NOV_1)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    assert credit_nights(cast, date(2026, 11, 30), noon(date(2026, 11, 30))) == 0
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 1
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 0
    (note,) = notes(cast, cast.riverside)
    assert (note["net_minor"], note["to_invoice_minor"], note["reason"]) == (75_00, 75_00, "operator")
    assert (note["from_on"], note["to_on"]) == (date(2026, 11, 10), date(2026, 11, 15))
    assert balance(cast, cast.riverside, "receivable_customers") == 450_00 - 75_00
    assert refunds(cast, cast.north) == refunds(cast, cast.padma.isp_id) == []  # no edge says so
    assert_proved()


@pytest.mark.parametrize("vat_bp", [0, 500])
def test_each_edge_follows_its_own_policy_at_its_own_rate(db: EmbeddedPostgres, vat_bp: int) -> None:
    cast = build_cast(vat_bp=vat_bp)
    fill_funds(cast)
    edge_credits(db, cast.riverside, "operator", "short")
    edge_credits(db, cast.north, "unpaid", "short")
    first = taken_over(cast, cast.riverside)
    second = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    before = fund(cast, cast.riverside, cast.north), fund(cast, cast.north, cast.padma.isp_id)
    off(cast, cast.riverside, first.subscription_id, "by_hand", FIVE_DAYS)  # 10th–14th: Riverside's edge
    off(cast, cast.riverside, second.subscription_id, "fund_short", FIVE_DAYS)  # 9th–14th: both edges
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 2
    after = fund(cast, cast.riverside, cast.north), fund(cast, cast.north, cast.padma.isp_id)
    gross = 10_000 + vat_bp
    assert after[0] - before[0] == (75_00 + 90_00) * gross // 10_000
    assert after[1] - before[1] == 80_00 * gross // 10_000
    assert [(row["from_on"].day, row["to_on"].day, row["reason"]) for row in refunds(cast, cast.padma.isp_id)] == [
        (9, 15, "short")
    ]
    with acting(cast.padma, cast.north):  # one movement per edge and night
        made = rows("SELECT count(*) AS n FROM fund_movement WHERE kind = 'wholesale_refund'")[0]["n"]
    assert made == 2
    assert notes(cast, cast.riverside) == []
    assert_proved()


@pytest.mark.parametrize("reclaims", [True, False])
def test_days_of_a_gift_come_back_out_of_what_the_gift_cost(db: EmbeddedPostgres, reclaims: bool) -> None:
    """A free and a paying customer in one movement; for North, between them and Padma, neither was a gift."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast)
    with acting(cast.padma, cast.riverside):
        set_vat(starts_on=NOV_1, registered=True, rate_bp=500, reclaims_input=reclaims)
    for child in (cast.riverside, cast.north):
        edge_credits(db, child, "operator")
    free = taken_over(cast, cast.riverside, profile=profile(cast, "Staff", billing_type="free"))
    paying = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    for customer in (free, paying):
        off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 2
    costs = [balance(cast, cast.riverside, code) for code in ("complimentary_service", "wholesale_cost")]
    assert costs == [375_00 if reclaims else 393_75] * 2
    assert balance(cast, cast.north, "complimentary_service") == 0
    assert_proved()


def test_a_block_entered_late_is_credited_the_next_night_and_only_its_new_days(
    cast: Cast, db: EmbeddedPostgres
) -> None:
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator", "unpaid")
    edge_credits(db, cast.riverside, "operator", "unpaid")
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    credit_nights(cast, DEC_1, noon(DEC_1))
    # entered on 2 December: it had been off from the 12th to the 17th as unpaid, too
    off(
        cast, cast.riverside, customer.subscription_id, "unpaid",
        (datetime(2026, 11, 12, 6, tzinfo=UTC), datetime(2026, 11, 18, 6, tzinfo=UTC)),
    )  # fmt: skip
    assert credit_nights(cast, date(2026, 12, 2), noon(date(2026, 12, 2))) == 1
    found = [(n["from_on"].day, n["to_on"].day, n["reason"], n["net_minor"]) for n in notes(cast, cast.riverside)]
    assert found == [(10, 15, "operator", 100_00), (15, 18, "unpaid", 60_00)]
    assert sum(row["net_minor"] for row in refunds(cast, cast.north)) == 8 * 15_00
    assert_proved()


def test_a_paid_bill_s_credit_becomes_advance_and_vat_adds_up(db: EmbeddedPostgres) -> None:
    cast = build_cast(vat_bp=750)
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    customer = taken_over(cast, cast.riverside, custom_price_minor=333_33)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 300_00, NOV_1)
    service = customer.subscription_id
    for begins, ends in ((1, 8), (9, 20), (21, 30)):
        spell = (datetime(2026, 11, begins, 6, tzinfo=UTC), datetime(2026, 11, ends, 6, tzinfo=UTC))
        off(cast, cast.riverside, service, "by_hand", spell)
    credit_nights(cast, DEC_1, noon(DEC_1))
    made = notes(cast, cast.riverside)
    assert [note["from_on"].day for note in made] == [2, 10, 22]
    upto = [(2 * 333_33 * day + 30) // 60 for day in range(31)]
    kept = sum(upto[day] - upto[day - 1] for day in (1, 8, 9, 20, 21, 30))
    net = sum(note["net_minor"] for note in made)
    assert net == 333_33 - kept
    total = net + sum(note["vat_minor"] for note in made)
    assert total == 333_33 + 25_00 - kept - round(kept * 25_00 / 333_33)
    assert balance(cast, cast.riverside, "receivable_customers") == 0
    assert -balance(cast, cast.riverside, "customer_advances") == total - (358_33 - 300_00)
    assert_proved()


def test_closed_books_make_a_credit_wait_and_hold_up_nobody_else(cast: Cast, db: EmbeddedPostgres) -> None:
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    edge_credits(db, cast.riverside, "operator")
    edge_credits(db, cast.north, "operator")
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    with acting(cast.padma, cast.riverside):
        close_books(through=DEC_1, now=noon(DEC_1))
    credit_nights(cast, DEC_1, noon(DEC_1))
    assert notes(cast, cast.riverside) == refunds(cast, cast.north) == []
    assert [row["net_minor"] for row in refunds(cast, cast.padma.isp_id)] == [66_67]
    second = date(2026, 12, 2)
    credit_nights(cast, second, noon(second))
    assert [note["net_minor"] for note in notes(cast, cast.riverside)] == [100_00]
    assert [row["net_minor"] for row in refunds(cast, cast.north)] == [75_00]
    assert_proved()


def test_a_new_customer_s_part_month_is_credited_at_its_own_days(cast: Cast, db: EmbeddedPostgres) -> None:
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    service = taken_over(cast, cast.riverside, date(2026, 11, 6)).subscription_id
    night(cast, date(2026, 11, 6))
    off(cast, cast.riverside, service, "by_hand", FIVE_DAYS)
    credit_nights(cast, DEC_1, noon(DEC_1))
    assert [note["net_minor"] for note in notes(cast, cast.riverside)] == [100_00]
    assert_proved()


def in_arrears(db: EmbeddedPostgres, profile_id: int) -> None:
    as_owner(db, "UPDATE billing_profile SET billed = 'arrears' WHERE id = %s", profile_id)


@pytest.mark.parametrize(("first", "last", "net_minor"), [(NOV_1, DEC_1, 375_00), (DEC_1, date(2027, 1, 1), 377_42)])
def test_oracle_5_in_arrears_one_bill_of_the_enabled_days(
    cast: Cast, db: EmbeddedPostgres, first: date, last: date, net_minor: int
) -> None:
    """450.00 and 5 days off: 375.00 of 30 days, 377.42 of 31; the edge that says so gives back its days, once."""
    fill_funds(cast)
    in_arrears(db, cast.profiles["Monthly 1st"])
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")  # nothing is left to credit of a bill in arrears
    edge_credits(db, cast.riverside, "operator")
    customer = taken_over(cast, cast.riverside, first, custom_price_minor=450_00)
    spell = (noon(first.replace(day=9)), noon(first.replace(day=15)))
    night(cast, first)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", spell)
    night(cast, last)
    credit_nights(cast, last, noon(last))
    with acting(cast.padma, cast.riverside):
        made = rows("SELECT net_minor, billed_days, starts_on, ends_on FROM invoice")
    days = (last - first).days
    assert made == [{"net_minor": net_minor, "billed_days": days - 5, "starts_on": first, "ends_on": last}]
    assert notes(cast, cast.riverside) == []
    assert [row["net_minor"] for row in refunds(cast, cast.north)] == [450_00 - net_minor]
    assert_proved()


def test_a_day_charged_daily_on_which_the_service_was_cut_is_credited_where_the_edge_says_so(
    cast: Cast, db: EmbeddedPostgres
) -> None:
    """Charged at 00:10, cut for non-payment at noon: not an enabled day."""
    fill_funds(cast)
    as_owner(db, "UPDATE fund SET charge_timing = 'daily' WHERE child_id = %s", cast.riverside)
    edge_credits(db, cast.riverside, "unpaid")
    customer = taken_over(cast, cast.riverside)
    for day in (1, 2, 3):
        night(cast, date(2026, 11, day))
    off(cast, cast.riverside, customer.subscription_id, "unpaid", (datetime(2026, 11, 3, 6, tzinfo=UTC), None))
    fourth = date(2026, 11, 4)
    credit_nights(cast, fourth, noon(fourth))
    assert [(row["from_on"].day, row["net_minor"]) for row in refunds(cast, cast.north)] == [(3, 15_00)]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 2 * 15_00
    assert_proved()


def test_the_night_of_the_next_period_credits_the_days_of_the_last(cast: Cast, db: EmbeddedPostgres) -> None:
    """The run itself, at any depth: the new bill is whole, the credit note stands on the old one, once a re-run."""
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "operator")
    edge_credits(db, cast.north, "operator")
    customer = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    off(cast, cast.riverside, customer.subscription_id, "by_hand", FIVE_DAYS)
    night(cast, DEC_1)
    night(cast, DEC_1)
    with acting(cast.padma, cast.riverside):
        bills = rows("SELECT net_minor, starts_on FROM invoice ORDER BY starts_on")
    assert [(bill["net_minor"], bill["starts_on"]) for bill in bills] == [(600_00, NOV_1), (600_00, DEC_1)]
    assert [note["net_minor"] for note in notes(cast, cast.riverside)] == [100_00]
    assert [row["net_minor"] for row in refunds(cast, cast.padma.isp_id)] == [66_67]
    assert_proved()
