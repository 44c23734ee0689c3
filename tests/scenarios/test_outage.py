"""An outage of a router or a zone credits its days to those it hit, on retail and on the edges below, once (C7)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from backhaul.billing.outages import Credited, Outage, days_lost, record_outage
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.network.services import register_nas
from backhaul.operators.functions import rows
from backhaul.subscribers.services import AddedCustomer, add_zone, update_customer
from tests.builders import acting
from tests.cast import Cast, build_cast, fill_funds
from tests.scenarios.days import as_owner, credit_nights, edge_credits, notes, off, profile_credits, refunds
from tests.scenarios.money import assert_proved, fund, night, noon, trial_balance
from tests.scenarios.test_oracles import taken_over

NOV_1, DEC_1 = date(2026, 11, 1), date(2026, 12, 1)
TODAY = date(2026, 11, 20)
BEGAN, ENDED = datetime(2026, 11, 10, 1, tzinfo=UTC), datetime(2026, 11, 12, 19, tzinfo=UTC)


def down(**what: int) -> Outage:
    """Three days, the 10th to the 12th."""
    return Outage(BEGAN, ENDED, date(2026, 11, 10), date(2026, 11, 13), "fibre cut", **what)


def record(cast: Cast, operator_id: int, outage: Outage) -> Credited:
    with acting(cast.padma, operator_id):
        return record_outage(outage=outage, on=TODAY, now=noon(TODAY))


def seen_on(db: EmbeddedPostgres, cast: Cast, router: int, customer: AddedCustomer, started_at: datetime) -> None:
    """A session of a customer on Padma's router that ended when the outage began."""
    as_owner(
        db,
        "INSERT INTO radius_session_history (operator_id, nas_operator_id, nas_id, username, acct_session_id, nonce, "
        "login_id, mac, nas_port, started_at, stopped_at, session_seconds, input_bytes, output_bytes, ended_by, "
        "terminate_cause) SELECT operator_id, %s, %s, username, 's' || id, '', id, '', '', %s, %s, 1, 1, 1, 'silence', "
        "'' FROM radius_login WHERE subscription_id = %s",
        cast.padma.isp_id, router, started_at, BEGAN, customer.subscription_id,
    )  # fmt: skip


@pytest.fixture
def routers(cast: Cast) -> tuple[int, int]:
    """Two routers of Padma."""
    with acting(cast.padma):
        return tuple(  # type: ignore[return-value]
            register_nas(name=name, source_address=address, secret="not-a-word", at=noon(NOV_1))
            for name, address in (("Tower", "192.0.2.9"), ("Hill", "192.0.2.10"))
        )


def test_the_isp_s_router_credits_every_edge_below_and_its_own_customers(
    cast: Cast, db: EmbeddedPostgres, routers: tuple[int, int]
) -> None:
    tower, hill = routers
    fill_funds(cast)
    edge_credits(db, cast.north, "outage")
    edge_credits(db, cast.riverside, "outage")
    here = taken_over(cast, cast.riverside)
    moved = taken_over(cast, cast.riverside)
    own = taken_over(cast, cast.padma.isp_id)
    night(cast, NOV_1)
    for customer in (here, own, moved):
        seen_on(db, cast, tower, customer, BEGAN - timedelta(days=2))
    seen_on(db, cast, hill, moved, BEGAN - timedelta(hours=1))  # was on the other router when it happened
    done = record(cast, cast.padma.isp_id, down(nas_id=tower))
    assert (done.services, done.own, done.days, done.retail_minor) == (2, 1, 6, 60_00)
    assert done.edges == [{"child_id": cast.north, "minor": 40_00}]  # of North's own edges Padma learns nothing
    assert [row["net_minor"] for row in refunds(cast, cast.north)] == [45_00]
    assert fund(cast, cast.riverside, cast.north) == 300_000_00 - 2 * 450_00 + 45_00
    assert [note["net_minor"] for note in notes(cast, cast.padma.isp_id)] == [60_00]
    assert notes(cast, cast.riverside) == []  # what Riverside credits its customers is its own decision
    assert record(cast, cast.padma.isp_id, down(nas_id=tower)).credited == 0
    assert_proved()


def test_retail_of_operators_below_follows_their_profile_at_the_periods_end(
    cast: Cast, db: EmbeddedPostgres, routers: tuple[int, int]
) -> None:
    fill_funds(cast)
    profile_credits(db, cast.profiles["Monthly 1st"], "outage")
    here = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    seen_on(db, cast, routers[0], here, BEGAN - timedelta(days=2))
    record(cast, cast.padma.isp_id, down(nas_id=routers[0]))
    assert notes(cast, cast.riverside) == []
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 1
    assert [note["net_minor"] for note in notes(cast, cast.riverside)] == [60_00]
    assert credit_nights(cast, DEC_1, noon(DEC_1)) == 0
    assert_proved()


@pytest.mark.parametrize("vat_bp", [0, 500])
def test_a_zone_and_its_sub_zones_each_day_once_and_nobody_credits_itself(db: EmbeddedPostgres, vat_bp: int) -> None:
    """Two overlapping outages; days that the service was off anyway are not the outage's; Riverside's edge stays."""
    cast = build_cast(vat_bp=vat_bp)
    fill_funds(cast)
    edge_credits(db, cast.riverside, "outage")
    inside, blocked, outside = (taken_over(cast, cast.riverside) for _ in range(3))
    with acting(cast.padma, cast.riverside):
        area = add_zone(name="Harbour")
        box = add_zone(name="Box 7", parent_id=area)
        update_customer(customer_id=inside.customer_id, at=noon(NOV_1), zone_id=box)
        update_customer(customer_id=blocked.customer_id, at=noon(NOV_1), zone_id=area)
        elsewhere = add_zone(name="Hill")
        update_customer(customer_id=outside.customer_id, at=noon(NOV_1), zone_id=elsewhere)
    night(cast, NOV_1)
    spell = (datetime(2026, 11, 10, 6, tzinfo=UTC), datetime(2026, 11, 12, 6, tzinfo=UTC))  # the 11th
    off(cast, cast.riverside, blocked.subscription_id, "by_hand", spell)
    done = record(cast, cast.riverside, down(zone_id=area))
    gross = 10_000 + vat_bp
    assert (done.services, done.days, done.retail_minor) == (2, 5, 5 * 20_00 * gross // 10_000)
    again = Outage(BEGAN, ENDED + timedelta(days=2), date(2026, 11, 12), date(2026, 11, 15), "again", zone_id=box)
    assert record(cast, cast.riverside, again).retail_minor == 2 * 20_00 * gross // 10_000  # the 13th and 14th
    assert refunds(cast, cast.north) == []
    assert_proved()


def test_an_outage_within_the_month_is_credited_on_bills_made_after_it(cast: Cast, db: EmbeddedPostgres) -> None:
    """Recorded before the period was billed (a night was missed): the credit comes with the night after its end."""
    fill_funds(cast)
    customer = taken_over(cast, cast.riverside)
    with acting(cast.padma, cast.riverside):
        area = add_zone(name="Harbour")
        update_customer(customer_id=customer.customer_id, at=noon(NOV_1), zone_id=area)
    assert record(cast, cast.riverside, down(zone_id=area)).credited == 0
    night(cast, TODAY)
    credit_nights(cast, DEC_1, noon(DEC_1))
    assert [note["net_minor"] for note in notes(cast, cast.riverside)] == [60_00]
    assert_proved()


def test_what_cannot_be_an_outage_is_refused(cast: Cast, routers: tuple[int, int]) -> None:
    tower = routers[0]
    for wrong, field in (
        (Outage(ENDED, BEGAN, TODAY, TODAY, "x", nas_id=tower), "to_at"),
        (Outage(BEGAN, noon(TODAY) + timedelta(days=1), TODAY, TODAY, "x", nas_id=tower), "to_at"),
        (Outage(BEGAN, ENDED, TODAY, TODAY + timedelta(days=1), "x", nas_id=tower), "from_on"),
        (Outage(BEGAN, ENDED, date(2026, 11, 10), date(2026, 11, 10), "x", nas_id=tower), "to_on"),
        (Outage(BEGAN, ENDED, date(2026, 11, 10), date(2026, 11, 11), " ", nas_id=tower), "why"),
    ):
        with pytest.raises(InvalidInput) as refused:
            record(cast, cast.padma.isp_id, wrong)
        assert refused.value.field == field
    with pytest.raises(NotFound):
        record(cast, cast.north, down(nas_id=tower))  # Padma's router
    with acting(cast.padma, cast.padma.isp_id):
        assert rows("SELECT 1 FROM outage") == []


@pytest.mark.parametrize(
    ("begins", "ends", "least_one", "lost"),
    [
        ((10, 1), (12, 19), False, (10, 13)),  # in Dhaka 07:00 on the 10th to 01:00 on the 13th
        ((10, 1), (10, 12), False, (10, 10)),
        ((10, 1), (10, 12), True, (10, 11)),
        ((10, 14), (11, 16), False, (11, 12)),  # four hours of the 10th, 22 of the 11th
        ((10, 16), (10, 21), True, (11, 12)),  # two hours before midnight, three after
    ],
)
def test_days_lost_are_local_days_of_twelve_hours(
    begins: tuple[int, int], ends: tuple[int, int], least_one: bool, lost: tuple[int, int]
) -> None:
    spell = [datetime(2026, 11, day, hour, tzinfo=UTC) for day, hour in (begins, ends)]
    found = days_lost(spell[0], spell[1], "Asia/Dhaka", least_one=least_one)
    assert tuple(day.day for day in found) == lost


def test_what_an_outage_gives_back_of_a_free_service_was_a_gift(
    cast: Cast, db: EmbeddedPostgres, routers: tuple[int, int]
) -> None:
    """SPEC §3: its cost is complimentary service, and comes back out of there: 450.00 less three days of it."""
    fill_funds(cast)
    edge_credits(db, cast.riverside, "outage")
    as_owner(db, "UPDATE billing_profile SET billing_type = 'free' WHERE id = %s", cast.profiles["Monthly 1st"])
    free = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    seen_on(db, cast, routers[0], free, BEGAN - timedelta(days=2))
    record(cast, cast.padma.isp_id, down(nas_id=routers[0]))
    books = trial_balance(cast, cast.riverside)
    assert (books["complimentary_service"], books.get("wholesale_cost")) == (405_00, None)
    assert_proved()
