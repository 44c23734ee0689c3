"""All that a customer owes, given up at once (SPEC §3)."""

from __future__ import annotations

from datetime import date

import pytest

from backhaul.billing.adjustments import NothingOpen, WrittenOff, write_off_customer
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.operators.functions import rows
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, build_person
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon
from tests.scenarios.test_extras import one_off
from tests.scenarios.test_oracles import NOV_1, pay, taken_over

DEC_1, DEC_5 = date(2026, 12, 1), date(2026, 12, 5)


def give_up(cast: Cast, customer: AddedCustomer, operator_id: int, key: str, user_id: int | None = None) -> WrittenOff:
    with acting(cast.padma, operator_id, user_id=user_id):
        return write_off_customer(
            customer_id=customer.customer_id, why="gone abroad", on=DEC_5, now=noon(DEC_5), request_key=key
        )


@pytest.fixture
def owing(cast: Cast) -> AddedCustomer:
    """Two months, the first paid in part, beside a neighbour who owes as much."""
    fill_funds(cast)
    customer, _neighbour = taken_over(cast, cast.riverside), taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    pay(cast, cast.riverside, customer.customer_id, 100_00, NOV_1)
    night(cast, DEC_1)
    return customer


def test_every_bill_of_the_customer_is_given_up_and_nobody_elses(cast: Cast, owing: AddedCustomer) -> None:
    assert give_up(cast, owing, cast.riverside, "w") == WrittenOff(2, 1_100_00, 0)
    assert balance(cast, cast.riverside, "bad_debt") == 1_100_00
    assert balance(cast, cast.riverside, "receivable_customers") == 1_200_00
    with pytest.raises(NothingOpen):
        give_up(cast, owing, cast.riverside, "again")
    assert_proved()


def test_the_same_form_again_gives_up_nothing_that_came_since(cast: Cast, owing: AddedCustomer) -> None:
    first = give_up(cast, owing, cast.riverside, "w")
    one_off(cast, owing, 50_00)
    assert give_up(cast, owing, cast.riverside, "w") == first
    with acting(cast.padma, cast.riverside):
        open_bills = rows("SELECT 1 FROM invoice_open WHERE customer_id = %s", [owing.customer_id])
    assert len(open_bills) == 1
    assert_proved()


def test_only_who_may_and_only_own_customers(cast: Cast, owing: AddedCustomer) -> None:
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", "collector")
    with pytest.raises(NotAllowed):
        give_up(cast, owing, cast.riverside, "w", collector)
    for other in (cast.north, cast.rival):
        with pytest.raises(NotFound):
            give_up(cast, owing, other, "w")
