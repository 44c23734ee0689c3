"""Oracle 10: month ends, leap days, every zone whose clock changes, clocks that go back: one bill for each period.

The judges are dateutil's and PostgreSQL's calendars and the zone rules of Python, never the calendar of billing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.relativedelta import relativedelta

from backhaul.billing.cuts import cut_when_due
from backhaul.billing.runs import bill_isp, bill_missing_nights
from backhaul.billing.services import start_billing
from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package, add_plan
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows
from backhaul.resellers.beginning import Identity
from backhaul.resellers.services import found_isp
from backhaul.subscribers.services import NewCustomer, add_customer
from tests.builders import acting, numbers
from tests.cast import CELL, Cast, fill_funds
from tests.ledger.books import as_admin
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import taken_over
from tests.scenarios.test_steps import sell_terms

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DAILY = ProfileRules(billing_type="daily", cycle="validity", validity_days=1)
Change = tuple[datetime, timedelta, timedelta]
# one zone of each kind of change: by an hour at night, half an hour, two hours, at three quarters, back for Ramadan,
# over midnight back into the day before, at midnight forward, in the evening, into midnight, over it both ways
KINDS = (
    "Europe/Berlin", "Australia/Lord_Howe", "Antarctica/Troll", "Pacific/Chatham", "Africa/Casablanca", "Africa/Cairo",
    "America/Havana", "Pacific/Easter", "America/Nuuk", "America/Santiago",
)  # fmt: skip


# -- anchors ----------------------------------------------------------------------------------------------------------


def bills(isp: IspDirectory, operator_id: int | None = None) -> dict[int, list[dict[str, Any]]]:
    """Bills by service, oldest first."""
    found: dict[int, list[dict[str, Any]]] = {}
    with acting(isp, operator_id):
        for bill in rows("SELECT subscription_id, starts_on, ends_on, issued_on FROM invoice ORDER BY id"):
            found.setdefault(bill["subscription_id"], []).append(bill)
    return found


def anchored(cast: Cast, anchor: int, start: date, cycle: str, operator_id: int) -> int:
    """A service whose periods end on a day of the month, billed from that day on."""
    given = {"cycle_day": anchor} if cycle == "custom_day" else {}
    with acting(cast.padma):
        rules = ProfileRules(cycle=cycle, **given)  # type: ignore[arg-type]
        profile = add_billing_profile(name=f"{cycle} {anchor}", rules=rules, handed_down=True)
    service = taken_over(cast, operator_id, start, joined_on=start, profile=(cast.padma.isp_id, profile))
    return service.subscription_id


@pytest.mark.parametrize("cycle", ["custom_day", "anniversary"])
def test_48_months_of_each_anchor_at_the_months_end_are_48_bills(db: EmbeddedPostgres, cast: Cast, cycle: str) -> None:
    """28 to 31, 2027 to 2031 with a leap day, caught up in one night; charged for the same days on the edge."""
    fill_funds(cast, rival=10_000_000_00)
    starts = {anchor: date(2027, 1, anchor) for anchor in range(28, 32)}
    services = {anchor: anchored(cast, anchor, start, cycle, cast.rival) for anchor, start in starts.items()}
    night(cast, date(2030, 12, 31), top_id=cast.rival)
    found = bills(cast.padma, cast.rival)
    for anchor, start in starts.items():
        wanted = [start + relativedelta(months=n) for n in range(49)]
        periods = [(bill["starts_on"], bill["ends_on"]) for bill in found[services[anchor]]]
        assert periods == list(pairwise(wanted))
        assert date(2028, 2, min(anchor, 29)) in wanted
        with as_admin(db) as admin:  # PostgreSQL clips a month's end as well
            judged = admin.execute(
                "SELECT (%s::date + n * interval '1 month')::date FROM generate_series(0, 48) AS n", [start]
            ).fetchall()
        assert [day for (day,) in judged] == wanted
        with acting(cast.padma):
            charged = rows(
                "SELECT starts_on, ends_on, net_minor FROM charge WHERE subscription_id = %s ORDER BY starts_on",
                [services[anchor]],
            )
        assert [(row["starts_on"], row["ends_on"]) for row in charged] == periods
        assert {row["net_minor"] for row in charged} == {400_00}
    assert_proved()


@pytest.mark.parametrize("year", [2028, 2029, 2100])
def test_nights_over_the_end_of_february_bill_each_anchor_on_its_day(cast: Cast, year: int) -> None:
    """A leap year, the year after, and 2100, which is none."""
    fill_funds(cast, rival=10_000_000_00)
    services = [anchored(cast, n, date(year, 1, n), "custom_day", cast.rival) for n in range(28, 32)]
    for day in (date(year, 2, 26) + n * DAY for n in range(6)):
        night(cast, day, top_id=cast.rival)
    last = date(year, 3, 1) - DAY
    found = bills(cast.padma, cast.rival)
    for anchor, service in enumerate(services, 28):
        _, february = found[service]
        assert february["starts_on"] == february["issued_on"] == min(last, date(year, 2, 28) + (anchor - 28) * DAY)
        assert february["ends_on"] == date(year, 3, anchor)
    assert_proved()


def test_a_year_from_a_leap_day_ends_on_the_28th_and_returns_to_the_29th(cast: Cast) -> None:
    fill_funds(cast, rival=10_000_000_00)
    package = sell_terms(cast, 12, 6_000_00)
    leap = date(2028, 2, 29)
    with acting(cast.padma):
        profile = add_billing_profile(name="By joining", rules=ProfileRules(cycle="anniversary"), handed_down=True)
    taken_over(
        cast, cast.rival, leap, joined_on=leap, package=package, profile=(cast.padma.isp_id, profile)
    )  # fmt: skip
    night(cast, date(2032, 3, 1), top_id=cast.rival)
    (found,) = bills(cast.padma, cast.rival).values()
    assert [bill["starts_on"] for bill in found] == [leap + relativedelta(years=n) for n in range(5)]
    assert found[-1]["starts_on"] == date(2032, 2, 29)
    assert_proved()


# -- clocks -----------------------------------------------------------------------------------------------------------


@cache
def changes_of(zone: str, year: int = 2028) -> tuple[Change, ...]:
    """The instants at which a zone's clock changes in a year, with its offsets before and after."""
    there, found, at = ZoneInfo(zone), [], datetime(year, 1, 1, tzinfo=UTC)

    def offset(instant: datetime) -> timedelta:
        return instant.astimezone(there).utcoffset() or timedelta()

    while at.year == year:
        if offset(at) != offset(at + DAY):
            minutes = (at + timedelta(minutes=n) for n in range(1, 24 * 60 + 1))
            change = next(minute for minute in minutes if offset(minute) != offset(at))
            found.append((change, offset(at), offset(change)))
        at += DAY
    return tuple(found)


def every_rule() -> Iterator[str]:
    """One zone for each way in which clocks change that year."""
    seen = set()
    for zone in sorted(available_timezones()):
        changes = changes_of(zone)
        if changes and changes not in seen:
            seen.add(changes)
            yield zone


def isp_in(zone: str, **profiles: ProfileRules) -> tuple[IspDirectory, dict[str, tuple[int, int]], tuple[int, int]]:
    """An ISP in a zone with profiles by name and a package."""
    slug = f"zone{next(numbers)}"
    isp = found_isp(identity=Identity(slug=slug, name=slug), cell=CELL, time_zone=zone)
    with acting(isp):
        made = {name: (isp.isp_id, add_billing_profile(name=name, rules=rules)) for name, rules in profiles.items()}
        plan = add_plan(name="Home", down_kbps=1000, up_kbps=1000)
        package = add_package(name="Home", plan_operator_id=isp.isp_id, plan_id=plan, price_minor=600_00)
    return isp, made, (isp.isp_id, package)


def serve(isp: IspDirectory, package: tuple[int, int], profile: tuple[int, int], since: date) -> int:
    """A customer of the ISP, billed from a day on."""
    customer = NewCustomer(
        name="Somebody", username=f"u{next(numbers)}", password="secret123", joined_on=since, package=package,
        profile=profile,
    )  # fmt: skip
    with acting(isp):
        added = add_customer(customer=customer, activate=True, on=since, at=noon(since))
        start_billing(subscription_id=added.subscription_id, billed_until=since)
    return added.subscription_id


def around_each_change(zone: str) -> None:
    """Each hour at :10 of the days around each change, as the jobs do: the night's run, and the cut window."""
    there = ZoneInfo(zone)
    for change, _, _ in changes_of(zone):
        first, last = change - 30 * HOUR, change + 42 * HOUR
        began, the_day = first.astimezone(there).date(), change.astimezone(there).date()
        isp, profiles, package = isp_in(
            zone, daily=DAILY, monthly=ProfileRules(cycle="custom_day", cycle_day=the_day.day)
        )
        daily = serve(isp, package, profiles["daily"], began)
        monthly = serve(isp, package, profiles["monthly"], began)
        at = first.replace(minute=10)
        while at <= last:
            bill_missing_nights(isp, today=at.astimezone(there).date(), now=at, cuts=False)
            cut_when_due(isp, now=at)
            at += HOUR
        ended = (at - HOUR).astimezone(there).date()
        days = [began + n * DAY for n in range((ended - began).days + 1)]
        found = bills(isp)
        assert [(bill["starts_on"], bill["issued_on"]) for bill in found[daily]] == [(day, day) for day in days], zone
        assert [bill["starts_on"] for bill in found[monthly]] == [began, the_day], zone
        with acting(isp):
            made = rows("SELECT on_date, kind, started_at FROM billing_run WHERE finished_at IS NOT NULL")
        for kind in ("night", "cut"):
            once = Counter(run["on_date"] for run in made if run["kind"] == kind)
            assert set(once.values()) == {1} and set(once) >= set(days[1:-1]), (zone, kind)
        for run in made:
            local = run["started_at"].astimezone(there)
            assert local.date() == run["on_date"] and (run["kind"] == "night" or local.time() >= time(12)), zone


@pytest.mark.parametrize("zone", KINDS)
def test_one_bill_for_each_day_where_the_clock_changes(db: EmbeddedPostgres, zone: str) -> None:
    assert changes_of(zone)
    around_each_change(zone)
    assert_proved()


@pytest.mark.slow
def test_one_bill_for_each_day_by_every_rule_by_which_clocks_change(db: EmbeddedPostgres) -> None:
    zones = list(every_rule())
    assert len(zones) >= 25
    for zone in zones:
        around_each_change(zone)
    assert_proved()


@pytest.mark.parametrize("back", [HOUR, DAY, 3 * DAY], ids=["an hour", "a day", "three days"])
def test_a_clock_that_goes_back_bills_nothing_twice(db: EmbeddedPostgres, back: timedelta) -> None:
    """Each hour of a day and its midnight; then the clock is set back and the hours come again."""
    zone = "Asia/Dhaka"
    there = ZoneInfo(zone)
    isp, profiles, package = isp_in(zone, daily=DAILY)
    began = date(2028, 2, 25)
    service = serve(isp, package, profiles["daily"], began)
    first = datetime.combine(began, time(0, 10), there)
    hours = [first + n * HOUR for n in range(5 * 24)]
    turned = hours.index(datetime.combine(date(2028, 2, 29), time(0, 10), there)) + 1
    for at in [*hours[:turned], *(hour for hour in hours if hour > hours[turned - 1] - back)]:
        bill_missing_nights(isp, today=at.astimezone(there).date(), now=at.astimezone(UTC), cuts=False)
    bill_isp(isp, on=began, now=hours[0].astimezone(UTC))
    starts = [bill["starts_on"] for bill in bills(isp)[service]]
    assert starts == [began + n * DAY for n in range(5)]
    assert_proved()


@pytest.mark.parametrize("day", [date(2028, 1, 31), date(2028, 2, 29), date(2028, 12, 31)])
def test_each_hour_of_a_month_end_is_one_bill(db: EmbeddedPostgres, day: date) -> None:
    there = ZoneInfo("Asia/Dhaka")
    isp, profiles, package = isp_in("Asia/Dhaka", monthly=ProfileRules(cycle="custom_day", cycle_day=31))
    service = serve(isp, package, profiles["monthly"], day)
    for hour in range(24):
        at = datetime.combine(day, time(hour, 10), there).astimezone(UTC)
        bill_missing_nights(isp, today=at.astimezone(there).date(), now=at)
        bill_isp(isp, on=day, now=at)
    assert [bill["starts_on"] for bill in bills(isp)[service]] == [day]
    assert_proved()
