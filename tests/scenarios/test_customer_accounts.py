"""A customer's account month by month, and what all owe by age: both are what the books hold, on both axes."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from itertools import pairwise

import pytest

from backhaul.billing.adjustments import write_off_bill
from backhaul.billing.ageing import AGES, get_receivable_ageing
from backhaul.billing.owed import find_owed_count
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.standing import count_standings
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.ledger.services import seal_all_books
from backhaul.ledger.statements import Statement
from backhaul.operators.functions import rows, savepoint
from backhaul.payments.customer_account import get_customer_account
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import night, noon
from tests.scenarios.test_oracles import taken_over

NIGHTS = (date(2026, 11, 1), date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1))
MONTHS = (*NIGHTS, date(2027, 3, 1), date(2027, 4, 1))


def pay(cast: Cast, customer: AddedCustomer, amount: int, on: date, known: date) -> int:
    """Riverside takes money that is dated `on` and becomes known on another day; the payment's id."""
    with acting(cast.padma, cast.riverside):
        return record_payment(
            customer_id=customer.customer_id, amount_minor=amount, method="cash", received_on=on, now=noon(known),
            request_key=request_key(),
        ).payment_id  # fmt: skip


def months_of(cast: Cast, customer: AddedCustomer, known_on: date | None = None) -> list[Statement]:
    with acting(cast.padma, cast.riverside):
        return [
            get_customer_account(
                customer.customer_id, from_on=first, to_on=after - timedelta(days=1), known_on=known_on
            )
            for first, after in pairwise(MONTHS)
        ]


@pytest.fixture
def lived(cast: Cast) -> tuple[AddedCustomer, AddedCustomer, int]:
    """Four months of two customers: paid late, dated back, too much; one leaves; a bill is given up. A payment's id."""
    fill_funds(cast)
    first, second = (taken_over(cast, cast.riverside) for _ in range(2))
    payments = []
    for on in NIGHTS:
        night(cast, on)
        payments.append(pay(cast, first, 500_00, on + timedelta(days=4), on + timedelta(days=9)))
    pay(cast, first, 2_000_00, date(2027, 2, 9), date(2027, 2, 9))
    with acting(cast.padma, cast.riverside):
        bill = rows("SELECT id FROM invoice WHERE customer_id = %s ORDER BY number", [second.customer_id])[0]["id"]
        write_off_bill(
            invoice_id=bill, why="gone", on=date(2027, 1, 20), now=noon(date(2027, 1, 22)), request_key=request_key()
        )
        disconnect_customer(
            subscription_id=second.subscription_id, on=date(2027, 2, 11), now=noon(date(2027, 2, 11)), why="moved"
        )
    return first, second, payments[1]


def test_every_opening_is_the_closing_before_also_after_a_reversal_dated_back(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int]
) -> None:
    first, second, payment = lived
    before = months_of(cast, first)
    with acting(cast.padma, cast.riverside):
        reverse_payment(payment_id=payment, on=date(2026, 12, 20), now=noon(date(2027, 2, 20)), reason="not ours")
    after = months_of(cast, first)
    for months in (before, after, months_of(cast, second)):
        for earlier, later in pairwise(months):
            assert earlier.facts["closing_minor"] == later.facts["opening_minor"]
        assert all(holds for month in months for _sentence, holds in month.proofs)
    moved = [new.facts["closing_minor"] - old.facts["closing_minor"] for old, new in zip(before, after, strict=True)]
    assert moved == [0, 500_00, 500_00, 500_00, 500_00]


def test_an_account_as_known_before_a_reversal_is_as_it_was(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int]
) -> None:
    first, _second, payment = lived
    known_on = date(2027, 2, 19)
    before = months_of(cast, first)
    with acting(cast.padma, cast.riverside):
        reverse_payment(payment_id=payment, on=date(2026, 12, 20), now=noon(date(2027, 2, 20)), reason="not ours")
    then = months_of(cast, first, known_on)
    assert [month.sections for month in then] == [month.sections for month in before]
    assert all(holds for month in then for _sentence, holds in month.proofs)
    early = months_of(cast, first, date(2026, 12, 8))[1]  # the payment of the 5th became known on the 10th
    assert early.facts["closing_minor"] - before[1].facts["closing_minor"] == 500_00


def test_the_account_of_another_operators_customer_is_none(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int]
) -> None:
    with acting(cast.padma, cast.north), pytest.raises(NotFound):
        get_customer_account(lived[0].customer_id, from_on=NIGHTS[0], to_on=NIGHTS[1])


def open_by_hand(on: date) -> dict[int, int]:
    """What is open on every bill at the end of a day, added up fact by fact."""
    found: dict[int, int] = defaultdict(int)
    for table, day, minor in (
        ("invoice", "issued_on", "total_minor"),
        ("allocation", "allocated_on", "-amount_minor"),
        ("credit_note", "issued_on", "-to_invoice_minor"),
        ("adjustment", "adjusted_on", "-net_minor - vat_minor"),
    ):
        bill = "id" if table == "invoice" else "invoice_id"
        for row in rows(f"SELECT {bill} AS bill, {minor} AS minor FROM {table} WHERE {day} <= %s", [on]):
            found[row["bill"]] += row["minor"]
    return {bill: minor for bill, minor in found.items() if minor}


def test_what_customers_owe_by_age_is_what_their_bills_say_and_the_receivable_account(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int]
) -> None:
    with acting(cast.padma, cast.riverside):
        reverse_payment(payment_id=lived[2], on=date(2027, 1, 20), now=noon(date(2027, 2, 20)), reason="not ours")
        due_on = {row["id"]: row["due_on"] for row in rows("SELECT id, due_on FROM invoice")}
        for days in range(0, 150, 3):
            on = NIGHTS[0] - timedelta(days=2) + timedelta(days=days)
            ageing = get_receivable_ageing(on=on)
            by_hand = dict.fromkeys(AGES, 0)
            for bill, minor in open_by_hand(on).items():
                late = (on - due_on[bill]).days
                ages = ((0, AGES[0]), (31, AGES[1]), (61, AGES[2]), (91, AGES[3]))
                by_hand[next((age for under, age in ages if late < under), AGES[4])] += minor
                by_hand[AGES[5]] += minor
            assert {age: ageing.facts[age] for age in AGES} == by_hand, on
            for known_on in (None, on, date(2027, 1, 21), date(2027, 2, 19)):
                proved = get_receivable_ageing(on=on, known_on=known_on).proofs
                assert [holds for _sentence, holds in proved] == [True], (on, known_on)


def test_ages_are_counted_from_the_day_that_a_bill_was_due(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int]
) -> None:
    second = lived[1]
    with acting(cast.padma, cast.riverside):
        due_on = rows(
            "SELECT due_on FROM invoice WHERE customer_id = %s ORDER BY number OFFSET 1 LIMIT 1", [second.customer_id]
        )[0]["due_on"]
        columns = []
        for days in (-1, 0, 30, 31, 60, 61, 90, 91):
            ageing = get_receivable_ageing(on=due_on + timedelta(days=days), known_on=date(2026, 12, 31))
            mine = next(row for row in ageing.sections[0].rows if row.opens and row.opens.key == second.customer_id)
            columns.append(next(n for n in range(5) if mine.cells[n]))  # where the younger bill stands
    assert columns == [0, 1, 1, 2, 2, 3, 3, 4]


def test_what_was_counted_ahead_with_what_moved_since_is_what_the_bills_say(
    cast: Cast, lived: tuple[AddedCustomer, AddedCustomer, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is sealed. The first ones now are among who owed most then and who changed; or all bills are read."""
    _first, second, payment = lived
    on, known_on = date(2027, 3, 10), date(2027, 4, 30)  # with a day of knowledge all bills are read
    monkeypatch.setattr("backhaul.billing.standing.COUNT_EACH_TIME", 0)
    monkeypatch.setattr("backhaul.billing.owed.KEPT", 1)
    third = taken_over(cast, cast.riverside, date(2027, 2, 1))
    night(cast, date(2027, 2, 12))

    def same(limit: int) -> int:
        with acting(cast.padma, cast.riverside):
            told = get_receivable_ageing(on=on, limit=limit)
            assert find_owed_count(on) is not None and all(holds for _sentence, holds in told.proofs)
            read = get_receivable_ageing(on=on, known_on=known_on, limit=limit)
            assert (told.facts, told.sections, told.more) == (read.facts, read.sections, read.more)
            return told.facts["total_minor"]

    owed = []
    for kept in (1, 300):
        monkeypatch.setattr("backhaul.billing.owed.KEPT", kept)
        count_standings(cast.padma, now=noon(date(2027, 2, 12)))  # before the books are sealed, and after it
        owed.append(same(50))
        seal_all_books(cast.padma, now=noon(date(2027, 2, 12)))
    count_standings(cast.padma, now=noon(date(2027, 2, 12)))
    owed.append(same(50))
    with acting(cast.padma, cast.riverside):
        reverse_payment(payment_id=payment, on=date(2027, 1, 20), now=noon(date(2027, 2, 20)), reason="not ours")
    owed.append(same(50))
    pay(cast, third, 600_00, date(2027, 2, 20), date(2027, 2, 20))  # owes nothing any more
    pay(cast, second, 10_00, date(2027, 2, 20), date(2027, 2, 20))
    owed.append(same(50))
    night(cast, date(2027, 3, 1))
    owed += [same(1), same(50)]
    assert len(set(owed)) == 4 and owed[-1] > owed[-3], owed


def test_a_payment_is_not_taken_back_before_its_own_day(cast: Cast) -> None:
    """Its bill would be unpaid, and the cash gone, on days on which nobody had paid anything."""
    fill_funds(cast)
    customer, on = taken_over(cast, cast.riverside), date(2026, 11, 5)
    paid = pay(cast, customer, 600_00, on, on)
    with acting(cast.padma, cast.riverside):
        with pytest.raises(InvalidInput, match="before its own day"), savepoint():
            reverse_payment(payment_id=paid, on=on - timedelta(days=1), now=noon(on), reason="bounced")
        reverse_payment(payment_id=paid, on=on, now=noon(on), reason="bounced")
