"""Long terms that are left, changed and taken up again: in the end nothing is unearned and no cost waits."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import date, timedelta

import pytest

from backhaul.billing.changes import change_package
from backhaul.billing.unearned import release_unearned
from backhaul.catalog.services import add_package
from backhaul.common.errors import Refusal
from backhaul.funds.services import set_edge_terms
from backhaul.ledger.periods import close_books
from backhaul.operators.functions import rows, savepoint
from tests.builders import acting
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_oracles import taken_over
from tests.scenarios.test_refunds import back, leave

MONTHS = [date(2026 + (10 + n) // 12, (10 + n) % 12 + 1, 1) for n in range(6)]


def worth(minor: int, start: date, end: date, first: date, last: date) -> int:
    """What days [first, last) are of a sum over [start, end), by SPEC 2.5."""
    days = (end - start).days
    first, last = max(first, start), min(last, end)
    if first >= last:
        return 0
    upto = [(2 * minor * (day - start).days + days) // (2 * days) for day in (first, last)]
    return upto[1] - upto[0]


def ahead(cast: Cast, day: date) -> int:
    """What Riverside's long bills hold for days from `day` on that were not credited."""
    with acting(cast.padma, cast.riverside):
        bills = rows("SELECT id, starts_on, ends_on, issued_on, net_minor - discount_minor AS minor FROM invoice "
                     "WHERE kind = 'period' AND ends_on - starts_on > 31 AND ends_on > issued_on")  # fmt: skip
        notes = rows("SELECT invoice_id, from_on, to_on FROM credit_note WHERE from_on IS NOT NULL")
    held = 0
    for bill in bills:
        span = (bill["minor"], bill["starts_on"], bill["ends_on"])
        credited = sum(worth(*span, max(day, note["from_on"]), note["to_on"])
                       for note in notes if note["invoice_id"] == bill["id"])  # fmt: skip
        held += worth(*span, day, bill["ends_on"]) - credited
    return held


@pytest.mark.parametrize("seed", [1])
def test_nothing_stays_unearned(cast: Cast, seed: int) -> None:
    dice = random.Random(seed)
    fill_funds(cast, north=100_000_00, riverside=100_000_00)
    with acting(cast.padma, cast.north):
        set_edge_terms(child_id=cast.riverside, charge_whole_term=dice.random() < 0.7)
    packages = []
    with acting(cast.padma):
        for months, price in ((3, 1_700_00), (6, 3_111_11), (1, 650_00)):
            package = add_package(
                name=f"{months} months", plan_operator_id=cast.padma.isp_id, plan_id=cast.plans["Home 10"],
                price_minor=price, term_months=months, handed_down=True,
            )  # fmt: skip
            packages.append((cast.padma.isp_id, package))
    services = [taken_over(cast, cast.riverside, package=packages[n % 2]).subscription_id for n in range(4)]
    for number, month in enumerate(MONTHS):
        after = MONTHS[number + 1] if number + 1 < len(MONTHS) else date(2027, 5, 1)
        for day in sorted({month, *(month + timedelta(days=dice.randrange(1, 28)) for _ in range(4))}):
            if day == month:
                night(cast, day)
                continue
            service = dice.choice(services)
            try:
                act = dice.choice(("leave", "change", "back"))
                if act == "leave":
                    leave(cast, cast.riverside, service, day)
                elif act == "back":
                    back(cast, cast.riverside, service, day)
                else:
                    with acting(cast.padma, cast.riverside), savepoint():
                        change_package(subscription_id=service, package=dice.choice(packages), on=day, now=noon(day))
            except Refusal:
                continue
        for service in services if month == MONTHS[-1] else ():
            with suppress(Refusal):
                leave(cast, cast.riverside, service, after - timedelta(days=2))
        if dice.random() < 0.5:
            release_unearned(cast.padma, month=month, now=noon(after))
        with acting(cast.padma, cast.riverside):
            close_books(through=after - timedelta(days=1), now=noon(after))
        assert -balance(cast, cast.riverside, "unearned_revenue") == ahead(cast, after)
    assert_proved()
    with acting(cast.padma, cast.riverside):
        assert len(rows("SELECT 1 FROM credit_note WHERE from_on IS NOT NULL")) > 3
    assert balance(cast, cast.riverside, "unearned_revenue") == 0
    assert balance(cast, cast.riverside, "wholesale_ahead") == 0
