"""Which days a service was off and why, and what its enabled days cost (SPEC §1, 2.5; oracle 5)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.operators.functions import execute, rows
from tests.builders import acting, build_customer
from tests.cast import Cast

NOV_1, DEC_1 = date(2026, 11, 1), date(2026, 12, 1)
PERSONS = ("by_hand", "disabled", "left")


def at(day: int, hour: int = 12, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=UTC)


def block(service: int, operator: int, reason: str, begins: datetime, ends: datetime | None) -> None:
    """A block of a service, as its commands and the runs write it."""
    execute(
        "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, to_on, to_at, by_actor_id) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, 0)",
        [operator, service, reason, begins.date(), begins, ends and ends.date(), ends],
    )


def off(service: int, operator: int, begins: date = NOV_1, ends: date = DEC_1) -> dict[int, str]:
    """Days of November that were off, with the reason."""
    found = rows("SELECT day, reason FROM off_days(%s, %s, %s, %s)", [operator, service, begins, ends])
    assert len({row["day"] for row in found}) == len(found)
    return {row["day"].day: row["reason"] for row in found}


def enabled(
    service: int, operator: int, begins: date = NOV_1, ends: date = DEC_1, *, first: int = 0, cycle_days: int = 30
) -> tuple[int, int]:
    found = rows(
        "SELECT net_minor, days FROM enabled_net(%s, %s, %s, %s, %s, %s)",
        [operator, service, begins, ends, first, cycle_days],
    )
    return found[0]["net_minor"], found[0]["days"]


def test_a_person_spares_the_first_day_and_a_cut_does_not(cast: Cast) -> None:
    me = cast.padma.isp_id
    with acting(cast.padma):
        by_hand = build_customer(cast).subscription_id
        block(by_hand, me, "by_hand", at(4), at(10))
        assert off(by_hand, me) == dict.fromkeys(range(5, 10), "operator")
        cut = build_customer(cast).subscription_id
        block(cut, me, "unpaid", at(4), at(10))
        assert off(cut, me) == dict.fromkeys(range(4, 10), "unpaid")
        still = build_customer(cast).subscription_id
        block(still, me, "fund_short", at(28), None)
        assert off(still, me) == {28: "short", 29: "short", 30: "short"}


def test_toggles_within_a_day_leave_it_enabled(cast: Cast) -> None:
    me = cast.padma.isp_id
    with acting(cast.padma):
        service = build_customer(cast).subscription_id
        for hour in (2, 6, 10, 14):
            block(service, me, "by_hand", at(4, hour), at(4, hour + 1))
        block(service, me, "unpaid", at(4, 20), at(6, 3))  # it came back on the 4th: that day counts
        assert off(service, me) == {5: "unpaid"}


def test_overlapping_blocks_are_one_spell_and_each_day_has_the_longest_holding_cause(cast: Cast) -> None:
    """Oracle 8: unpaid on the 5th, operator minimum on the 6th, pays on the 7th: off until the 12th."""
    me = cast.padma.isp_id
    with acting(cast.padma):
        service = build_customer(cast).subscription_id
        block(service, me, "unpaid", at(5), at(7))
        block(service, me, "operator_minimum", at(6), at(12))
        assert off(service, me) == {5: "unpaid", 6: "unpaid"} | dict.fromkeys(range(7, 12), "operator")


def test_oracle_5_enabled_days_by_cumulative_rounding(cast: Cast) -> None:
    me = cast.padma.isp_id
    with acting(cast.padma):
        service = build_customer(cast, custom_price_minor=450_00).subscription_id
        assert enabled(service, me) == (450_00, 30)
        block(service, me, "by_hand", at(9), at(15))  # off on the 10th to the 14th
        assert enabled(service, me) == (375_00, 25)
        december = build_customer(cast, custom_price_minor=450_00).subscription_id
        block(december, me, "by_hand", at(9, month=12), at(15, month=12))
        assert enabled(december, me, DEC_1, date(2027, 1, 1), cycle_days=31) == (377_42, 26)


def test_each_day_costs_what_was_in_force_on_it(cast: Cast) -> None:
    """The first own price, another, the package's again, a later price of the package, another package."""
    me = cast.padma.isp_id
    home_10, home_20 = cast.packages["Home 10"], cast.packages["Home 20"]
    with acting(cast.padma):
        service = build_customer(cast, custom_price_minor=450_00).subscription_id
        for day, price in ((5, 300_00), (10, None)):
            execute("INSERT INTO custom_price VALUES (%s, %s, %s, %s, now(), 0)", [me, service, at(day).date(), price])
        execute("INSERT INTO package_price VALUES (%s, %s, %s, 66000, true, now(), 0)", [me, home_10, at(15).date()])
        for since, package in ((date(2026, 2, 1), home_10), (at(20).date(), home_20)):
            execute(
                "INSERT INTO package_history VALUES (%s, %s, %s, %s, %s, now(), 0)", [me, service, since, me, package]
            )
        execute("UPDATE subscription SET package_id = %s WHERE id = %s", [home_20, service])
        prices = {
            day: rows("SELECT price_on(%s, %s, %s) AS minor", [me, service, at(day).date()])[0]["minor"]
            for day in (1, 4, 5, 9, 10, 14, 15, 19, 20, 30)
        }
        assert prices == {
            1: 450_00, 4: 450_00, 5: 300_00, 9: 300_00, 10: 600_00, 14: 600_00, 15: 660_00, 19: 660_00,
            20: 800_00, 30: 800_00,
        }  # fmt: skip
        whole = 450 * 4 + 300 * 5 + 600 * 5 + 660 * 5 + 800 * 11
        assert enabled(service, me) == (round(whole * 100 / 30), 30)
        block(service, me, "by_hand", at(14), at(16))
        assert enabled(service, me) == (round((whole - 660) * 100 / 30), 29)


SPELLS = st.lists(
    st.tuples(st.sampled_from(("by_hand", "disabled", "unpaid", "fund_short", "operator_minimum")),
              st.integers(0, 24 * 31), st.integers(1, 24 * 9)),
    max_size=6,
)  # fmt: skip


def hours_say(spells: list[tuple[str, int, int]]) -> set[int]:
    """The days off by the plain rule, hour by hour: independent of the SQL."""
    held = {hour for _, begins, lasts in spells for hour in range(begins, begins + lasts)}
    off_days = set()
    for day in range(1, 31):
        hours = range((day - 1) * 24, day * 24)
        if not held & set(hours):
            continue
        came_back = any(hour in held and hour + 1 not in held for hour in [hours[0] - 1, *hours[:-1]])
        first = next(hour for hour in hours if hour in held)
        begun_by = next(
            (reason for reason, begins, _ in sorted(spells, key=lambda s: (s[1], s[1] + s[2])) if begins == first), ""
        )
        stopped_today = first - 1 not in held
        if not came_back and not (stopped_today and begun_by in PERSONS):
            off_days.add(day)
    return off_days


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spells=SPELLS)
def test_any_blocks_give_the_days_that_the_hours_say(cast: Cast, spells: list[tuple[str, int, int]]) -> None:
    me = cast.padma.isp_id
    start = datetime(2026, 11, 1, tzinfo=UTC)
    with acting(cast.padma):
        service = build_customer(cast, custom_price_minor=997_01).subscription_id
        for reason, begins, lasts in spells:
            block(service, me, reason, start + timedelta(hours=begins), start + timedelta(hours=begins + lasts))
        found = off(service, me)
        assert set(found) == hours_say(spells)
        net, days = enabled(service, me)
        assert days == 30 - len(found)
        by_day = rows(
            "SELECT COALESCE(sum(prorate(99701, d - 1, d, 30)), 0)::bigint AS minor FROM generate_series(1, 30) AS d "
            "WHERE NOT d = ANY (%s)",
            [list(found)],
        )
        assert net == by_day[0]["minor"]
        parts = [
            enabled(service, me, a, b, first=(a - NOV_1).days)
            for a, b in ((NOV_1, at(13).date()), (at(13).date(), DEC_1))
        ]
        assert tuple(map(sum, zip(*parts, strict=True))) == (net, days)
