"""Volume slabs: what a month's services earn, shown beforehand, posted once by the night of the 1st (SPEC C8)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
from django.db import connections

from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import sign_up_customer
from backhaul.common import clock
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.funds.queries import list_fund_movements
from backhaul.ledger.periods import close_books
from backhaul.operators.functions import rows
from backhaul.resellers.slabs import (
    Slab,
    SlabsPromised,
    get_progress,
    post_volume_bonuses,
    set_volume_slabs,
)
from tests.builders import acting, build_person, new_customer
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon

FEB, MAR, APR = date(2026, 2, 1), date(2026, 3, 1), date(2026, 4, 1)
SLABS = [Slab(2, 250), Slab(3, 500), Slab(10, 1_000)]


def sign_up(cast: Cast, operator_id: int, on: date) -> int:
    """A customer on Home 10; its service's id."""
    with acting(cast.padma, operator_id):
        sign_up_customer(customer=new_customer(cast, joined_on=on), on=on, now=noon(on))
        return int(rows("SELECT max(id) AS id FROM subscription")[0]["id"])


def set_slabs(cast: Cast, starts_on: date, today: date, slabs: list[Slab]) -> None:
    """Padma sets North's."""
    with acting(cast.padma):
        set_volume_slabs(child_id=cast.north, slabs=slabs, starts_on=starts_on, today=today)


@pytest.fixture
def february(db: object) -> Cast:
    """North has 1 customer, Riverside below it 2, all of them since 1 February; from 3 services on, 5 % come back.

    One of Riverside's leaves on the 14th: half of 400.00 is given back on North's edge. Net: 3 × 400.00 − 200.00.
    """
    cast = build_cast()
    fill_funds(cast, on=date(2026, 1, 1))
    set_slabs(cast, FEB, date(2026, 1, 20), SLABS)
    sign_up(cast, cast.north, FEB)
    services = [sign_up(cast, cast.riverside, FEB) for _ in range(2)]
    left = date(2026, 2, 14)
    with acting(cast.padma, cast.riverside):
        disconnect_customer(subscription_id=services[0], on=left, now=noon(left), why="moved away")
    return cast


def post(cast: Cast, today: date) -> int:
    """What the job of that day posts."""
    return post_volume_bonuses(cast.padma, today=today, now=noon(today))


def bonuses(cast: Cast) -> list[dict[str, Any]]:
    with acting(cast.padma, cast.north):
        return [row for row in list_fund_movements(cast.north) if row["kind"] == "bonus"]


def test_the_bonus_of_a_month_by_hand_is_posted_once(february: Cast) -> None:
    cast = february
    assert post(cast, MAR) == 1
    assert post(cast, date(2026, 3, 2)) == 0
    (posted,) = bonuses(cast)
    assert posted["fund_minor"] == 50_00  # 5 % of 1,000.00
    assert (posted["moved_on"], posted["note"]) == (MAR, "3 services in 2026-02: 5 %")
    with acting(cast.padma):
        assert rows("SELECT request_key FROM fund_movement WHERE kind = 'bonus'")[0]["request_key"] == "slab:2026-02"
    assert balance(cast, cast.padma.isp_id, "discounts_given") == 50_00
    assert balance(cast, cast.north, "other_income") == -50_00
    assert_proved()


def test_it_is_shown_beforehand_to_both_ends_and_nobody_else(february: Cast) -> None:
    cast = february
    today = date(2026, 2, 20)
    for operator_id in (cast.padma.isp_id, cast.north):
        with acting(cast.padma, operator_id):
            progress = get_progress(cast.north, today=today)
        assert progress is not None
        assert (progress.services, progress.net_minor, progress.bonus_minor) == (3, 1_000_00, 50_00)
        assert (progress.reached, progress.next, progress.missing) == (SLABS[1], SLABS[2], 7)
    for operator_id in (cast.riverside, cast.rival):
        with acting(cast.padma, operator_id):
            assert get_progress(cast.north, today=today) is None


def test_a_missed_first_is_caught_up_and_months_before_the_slabs_earn_nothing(february: Cast) -> None:
    cast = february
    night(cast, MAR)
    assert post(cast, date(2026, 4, 9)) == 2
    assert [(row["fund_minor"], row["moved_on"]) for row in bonuses(cast)][::-1] == [
        (50_00, date(2026, 4, 9)),  # February's, as the months are taken latest first
        (20_00, date(2026, 4, 9)),  # March: 2 services, 2.5 % of 800.00
    ][::-1]
    assert_proved()


def test_runs_at_once_post_one_bonus(february: Cast) -> None:
    cast = february

    def run(_: int) -> int:
        try:
            return post(cast, MAR)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 1
    assert len(bonuses(cast)) == 1
    assert_proved()


def test_closed_books_put_the_bonus_off(february: Cast) -> None:
    cast = february
    with acting(cast.padma, cast.north):
        close_books(through=MAR, now=clock.now())
    assert post(cast, MAR) == 0
    assert post(cast, date(2026, 3, 2)) == 1
    assert_proved()


def test_what_was_promised_for_a_month_stays(february: Cast) -> None:
    cast = february
    with pytest.raises(SlabsPromised):
        set_slabs(cast, FEB, date(2026, 2, 20), [Slab(3, 100)])
    set_slabs(cast, MAR, date(2026, 2, 20), [])  # they end with February
    night(cast, MAR)
    assert post(cast, APR) == 1
    assert [row["note"] for row in bonuses(cast)] == ["3 services in 2026-02: 5 %"]


def test_slabs_that_make_no_sense_and_strangers_are_refused(february: Cast) -> None:
    cast = february
    for slabs, starts_on in (
        ([Slab(3, 100), Slab(3, 200)], MAR),
        ([Slab(0, 100)], MAR),
        ([Slab(1, 10_001)], MAR),
        ([Slab(1, 100)], date(2026, 3, 2)),
        ([Slab(1, 100)], date(2026, 1, 1)),
        ([Slab(2**40, 100)], MAR),
    ):
        with pytest.raises(InvalidInput):
            set_slabs(cast, starts_on, date(2026, 2, 20), slabs)
    for operator_id in (cast.rival, cast.padma.isp_id):
        with acting(cast.padma, operator_id), pytest.raises(NotFound):
            set_volume_slabs(child_id=cast.riverside, slabs=SLABS, starts_on=MAR, today=FEB)
    with acting(cast.padma):
        clerk = build_person(cast.padma.isp_id, "clerk", "accountant")
    with acting(cast.padma, user_id=clerk), pytest.raises(NotAllowed):
        set_volume_slabs(child_id=cast.north, slabs=SLABS, starts_on=MAR, today=FEB)
