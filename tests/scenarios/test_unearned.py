"""Terms longer than a month: billed ahead, earned month by month to the minor unit, whatever becomes of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.unearned import release_last_month, release_unearned
from backhaul.catalog.services import add_package
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput
from backhaul.funds.services import set_edge_terms
from backhaul.ledger.periods import close_books, close_year, reopen_books
from backhaul.resellers.checks import verify
from tests.builders import acting
from tests.cast import CELL, Cast, build_cast, fill_funds
from tests.ledger.books import as_admin
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_oracles import NOV_1, taken_over

NOV, DEC, JAN = date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1)


def quarter(cast: Cast, *, whole_term: bool = True) -> int:
    """Riverside's customer with three months at 1,700.00 from 1 November; North charges it 3 × 450.00."""
    fill_funds(cast)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, charge_whole_term=whole_term)
    with acting(cast.padma):
        package = add_package(
            name="Quarter", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"], price_minor=1_700_00,
            term_months=3, handed_down=True,
        )  # fmt: skip
    return taken_over(cast, cast.riverside, package=(cast.padma.isp_id, package)).subscription_id


def month_end(cast: Cast, month: date) -> int:
    return release_unearned(cast.padma, month=month, now=noon(month + timedelta(days=32)))


def stands(cast: Cast) -> tuple[int, int, int, int]:
    """Riverside's unearned and earned revenue, wholesale cost that waits, and cost."""
    codes = ("unearned_revenue", "internet_revenue", "wholesale_ahead", "wholesale_cost")
    unearned, earned, ahead, cost = (balance(cast, cast.riverside, code) for code in codes)
    return -unearned, -earned, ahead, cost


def test_a_term_of_three_months_is_earned_and_paid_for_day_by_day(cast: Cast) -> None:
    """92 days. A(30) = 554.35, A(61) = 1,127.17 of 1,700.00; 440.22 and 895.11 of 1,350.00."""
    quarter(cast)
    night(cast, NOV_1)
    assert stands(cast) == (1_700_00, 0, 0, 1_350_00)
    for month, expected in (
        (NOV, (1_145_65, 554_35, 909_78, 440_22)),
        (DEC, (572_83, 1_127_17, 454_89, 895_11)),
        (JAN, (0, 1_700_00, 0, 1_350_00)),
    ):
        assert month_end(cast, month) == 1
        assert stands(cast) == expected
        assert_proved()


def test_a_month_ends_once_and_never_after_a_later_one(cast: Cast) -> None:
    quarter(cast)
    night(cast, NOV_1)
    assert [month_end(cast, month) for month in (NOV, NOV, DEC, NOV)] == [1, 0, 1, 0]
    assert stands(cast)[0] == 572_83


def test_cost_that_is_charged_month_by_month_waits_for_nothing(cast: Cast) -> None:
    quarter(cast, whole_term=False)
    night(cast, NOV_1)
    month_end(cast, NOV)
    assert stands(cast) == (1_145_65, 554_35, 0, 450_00)
    assert_proved()


def test_bills_of_a_month_are_revenue_at_once(cast: Cast) -> None:
    fill_funds(cast)
    taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    assert month_end(cast, NOV) == 0
    assert stands(cast) == (0, 600_00, 0, 450_00)


def test_who_leaves_early_leaves_nothing_unearned_and_no_cost_ahead(cast: Cast) -> None:
    """Left on 12 December, day 42: 923.91 credited, 733.70 back; earned 1,700.00 − 923.91, cost 1,350.00 − 733.70."""
    service = quarter(cast)
    night(cast, NOV_1)
    month_end(cast, NOV)
    day = date(2026, 12, 12)
    with acting(cast.padma, cast.riverside):
        disconnect_customer(subscription_id=service, on=day, now=noon(day), why="moved")
    month_end(cast, DEC)
    assert stands(cast) == (0, 776_09, 0, 616_30)
    assert_proved()


def test_a_month_that_is_closed_before_its_night_is_ended_first(cast: Cast) -> None:
    """Else its revenue would be the next month's. Closed within a month, only the months before it are ended."""
    quarter(cast)
    night(cast, NOV_1)
    with acting(cast.padma, cast.riverside):
        close_books(through=date(2026, 11, 29), now=noon(DEC))
    assert stands(cast) == (1_700_00, 0, 0, 1_350_00)
    with acting(cast.padma, cast.riverside):
        close_books(through=date(2026, 12, 5), now=noon(DEC + timedelta(days=9)))
    assert stands(cast) == (1_145_65, 554_35, 909_78, 440_22)
    assert month_end(cast, NOV) == 0
    assert month_end(cast, DEC) == 1
    assert stands(cast) == (572_83, 1_127_17, 454_89, 895_11)
    with acting(cast.padma, cast.riverside):
        reopen_books(through=None, why="to look", now=noon(JAN))
        close_books(through=date(2026, 11, 30), now=noon(JAN))
    assert month_end(cast, NOV) == 0
    assert stands(cast) == (572_83, 1_127_17, 454_89, 895_11)
    assert_proved()


def test_a_year_end_takes_what_its_last_month_earned(cast: Cast) -> None:
    quarter(cast)
    night(cast, NOV_1)
    month_end(cast, NOV)
    with acting(cast.padma, cast.riverside):
        close_year(last_on=date(2026, 12, 31), now=noon(JAN))
    assert balance(cast, cast.riverside, "retained_earnings") == 895_11 - 1_127_17
    assert stands(cast) == (572_83, 0, 454_89, 0)
    assert month_end(cast, DEC) == 0
    assert_proved()


def test_vat_waits_for_no_month(db: EmbeddedPostgres) -> None:
    """Riverside reclaims the 67.50 on 1,350.00 and owes 85.00 on its bill at once; only the net waits."""
    cast = build_cast(vat_bp=500)
    quarter(cast)
    night(cast, NOV_1)
    month_end(cast, NOV)
    assert stands(cast) == (1_145_65, 554_35, 909_78, 440_22)
    assert balance(cast, cast.riverside, "vat_payable") == -85_00
    assert_proved()


def test_the_night_ends_the_month_before_and_a_month_is_named_by_its_first_day(cast: Cast) -> None:
    quarter(cast)
    night(cast, NOV_1)
    assert release_last_month(cast.padma, today=date(2026, 12, 3), now=noon(DEC)) == 1
    assert stands(cast)[0] == 1_145_65
    with pytest.raises(InvalidInput):
        release_unearned(cast.padma, month=date(2026, 12, 3), now=noon(DEC))


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE unearned_month SET released_minor = released_minor + 1",
        "UPDATE unearned_month SET cost_minor = cost_minor + 1",
        "DELETE FROM unearned_month",
        "UPDATE posting SET amount_minor = amount_minor - 1 WHERE credit_code = 'unearned_revenue'",
    ],
)
def test_verify_finds_what_was_changed(db: EmbeddedPostgres, tampering: str) -> None:
    cast = build_cast()
    quarter(cast)
    night(cast, NOV_1)
    month_end(cast, NOV)
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(tampering.encode())
    assert "bills.unearned" in {check.name for check in verify([CELL]) if not check.ok}
