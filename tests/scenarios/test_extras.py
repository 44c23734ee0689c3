"""What stands beside the monthly bill: one-off bills, late fees, discounts, write-offs, promises (SPEC §3, B15)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from backhaul.billing.adjustments import (
    MoreThanOpen,
    MoreThanWrittenOff,
    NothingOpen,
    discount_bill,
    record_recovery,
    write_off_bill,
)
from backhaul.billing.discounts import NoDiscount, end_discount, get_next_bill, give_discount, list_discounts
from backhaul.billing.one_off import OneOffBill, issue_one_off
from backhaul.billing.promises import (
    make_promise,
    set_suspend_date,
)
from backhaul.catalog.services import ProfileRules, add_billing_profile, set_vat
from backhaul.common.errors import InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.operators.functions import call, rows, savepoint
from backhaul.operators.scope import unit_of_work
from backhaul.payments.queries import list_statement
from backhaul.subscribers.services import AddedCustomer
from tests.builders import acting, build_person, request_key
from tests.cast import START, Cast, fill_funds
from tests.scenarios.money import assert_proved, balance, night, noon, trial_balance
from tests.scenarios.test_oracles import NOV_1, invoices, pay, taken_over

NOV_10 = date(2026, 11, 10)


def billed(cast: Cast, **fields: Any) -> AddedCustomer:
    """A customer of Riverside with a bill of November, due on the 8th."""
    customer = taken_over(cast, cast.riverside, **fields)
    night(cast, NOV_1)
    return customer


def bill_of(cast: Cast, customer: AddedCustomer, kind: str = "period") -> dict[str, Any]:
    found = [row for row in invoices(cast, cast.riverside) if row["customer_id"] == customer.customer_id]
    return next(row for row in found if row["kind"] == kind)


def one_off(cast: Cast, customer: AddedCustomer, net: int, day: date = NOV_10, key: str = "") -> OneOffBill:
    with acting(cast.padma, cast.riverside):
        return issue_one_off(
            subscription_id=customer.subscription_id, title="Installation", net_minor=net, on=day, due_on=day,
            now=noon(day), request_key=key or request_key(),
        )  # fmt: skip


def due_of(cast: Cast, customer: AddedCustomer) -> int:
    with acting(cast.padma, cast.riverside):
        return int(call("due_of", operator=cast.riverside, customer=customer.customer_id))


def profile(cast: Cast, **rules: Any) -> tuple[int, int]:
    """A profile that Padma hands down: bills due on the day of issue, cut the day after."""
    with acting(cast.padma):
        number = len(rows("SELECT 1 FROM billing_profile"))
        added = add_billing_profile(
            name=f"Profile {number}", rules=ProfileRules(**{"auto_suspend": True} | rules), handed_down=True
        )
    return (cast.padma.isp_id, added)


def test_a_one_off_bill_has_its_vat_its_account_and_the_next_number(taxed: Cast) -> None:
    """A bill for an installation of 1,000.00: VAT 5 %, its own revenue account, the next number."""
    customer = billed(taxed)
    made = one_off(taxed, customer, 1_000_00)
    assert (made.net_minor, made.vat_minor, made.total_minor, made.number) == (1_000_00, 50_00, 1_050_00, 2)
    assert balance(taxed, taxed.riverside, "one_off_revenue") == -1_000_00
    assert balance(taxed, taxed.riverside, "vat_payable") == -30_00 - 50_00
    pay(taxed, taxed.riverside, customer.customer_id, 700_00, NOV_10)
    assert due_of(taxed, customer) == 630_00 + 1_050_00 - 700_00
    assert [row["open_minor"] for row in open_bills(taxed)] == [980_00]  # the older bill is paid first
    assert_proved()


def open_bills(cast: Cast) -> list[dict[str, Any]]:
    with acting(cast.padma, cast.riverside):
        return rows("SELECT invoice_id, open_minor FROM invoice_open ORDER BY due_on, number")


def test_a_form_sent_twice_makes_one_bill_and_never_another_one(taxed: Cast) -> None:
    customer = billed(taxed)
    first = one_off(taxed, customer, 1_000_00, key="once")
    assert one_off(taxed, customer, 1_000_00, key="once").invoice_id == first.invoice_id
    with pytest.raises(KeyReused):
        one_off(taxed, customer, 900_00, key="once")
    assert one_off(taxed, customer, 1_000_00).number == first.number + 1  # two on one day are two
    assert_proved()


def test_an_advance_pays_a_one_off_bill_at_once(taxed: Cast) -> None:
    customer = billed(taxed)
    pay(taxed, taxed.riverside, customer.customer_id, 1_000_00, NOV_10)
    assert one_off(taxed, customer, 1_000_00).applied_minor == 370_00
    assert balance(taxed, taxed.riverside, "customer_advances") == 0
    assert due_of(taxed, customer) == 680_00
    assert_proved()


def test_a_one_off_bill_of_nothing_or_for_nothing_or_for_a_stranger_is_refused(taxed: Cast) -> None:
    customer = billed(taxed)
    with acting(taxed.padma, taxed.north), pytest.raises(NotFound):
        issue_one_off(
            subscription_id=customer.subscription_id, title="x", net_minor=1, on=NOV_10, due_on=NOV_10,
            now=noon(NOV_10), request_key="k",
        )  # fmt: skip
    for net in (0, -5):
        with pytest.raises(Refusal):
            one_off(taxed, customer, net)
    assert len(invoices(taxed, taxed.riverside)) == 1


def test_an_unpaid_one_off_bill_suspends_as_any_other(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast))
    pay(cast, cast.riverside, customer.customer_id, 600_00, NOV_1)
    one_off(cast, customer, 100_00, date(2026, 11, 3))
    assert blocked(cast, date(2026, 11, 3)) == []
    assert blocked(cast, date(2026, 11, 4)) == ["unpaid"]
    pay(cast, cast.riverside, customer.customer_id, 100_00, date(2026, 11, 4))
    assert blocked(cast) == []
    assert_proved()


def blocked(cast: Cast, day: date | None = None) -> list[str]:
    """What blocks Riverside's services now, or after the cuts of a day."""
    if day is not None:
        cut(cast, day)
    with acting(cast.padma, cast.riverside):
        return [row["reason"] for row in rows("SELECT reason FROM block WHERE to_at IS NULL ORDER BY id")]


def cut(cast: Cast, day: date) -> None:
    with unit_of_work(cast.padma, using="batch"):
        call("suspend_overdue", using="batch", isp=cast.padma.isp_id, top=cast.north, on=day, now=noon(day))


def fees(cast: Cast, day: date) -> int:
    """How many late fees the night of a day charges in North's shard."""
    with unit_of_work(cast.padma, using="batch"):
        where = {"isp": cast.padma.isp_id, "top": cast.north}
        return int(call("charge_late_fees", using="batch", **where, on=day, now=noon(day)))


def test_a_late_bill_bears_its_fee_once_and_a_fee_bears_none(cast: Cast) -> None:
    """50.00 for a bill three days late, without VAT; nights later nothing more, for the fee itself neither."""
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast, auto_suspend=False, late_fee_minor=50_00, late_fee_after_days=3))
    assert [fees(cast, date(2026, 11, day)) for day in (1, 4, 5, 6, 25)] == [0, 0, 1, 0, 0]
    fee = bill_of(cast, customer, "late_fee")
    assert (fee["total_minor"], fee["vat_minor"], fee["number"], fee["issued_on"]) == (50_00, 0, 2, date(2026, 11, 5))
    assert balance(cast, cast.riverside, "late_fees") == -50_00
    assert due_of(cast, customer) == 650_00
    assert_proved()


def test_late_fees_come_to_who_is_late_only_and_with_the_next_numbers(cast: Cast) -> None:
    fill_funds(cast)
    late = profile(cast, auto_suspend=False, late_fee_minor=50_00)
    customers = [taken_over(cast, cast.riverside, profile=late) for _ in range(3)]
    taken_over(cast, cast.riverside)  # of a profile without a fee
    night(cast, NOV_1)
    pay(cast, cast.riverside, customers[0].customer_id, 600_00, NOV_1)
    assert [fees(cast, date(2026, 11, 3)) for _ in range(2)] == [2, 0]
    assert [row["number"] for row in invoices(cast, cast.riverside) if row["kind"] == "late_fee"] == [5, 6]
    assert_proved()


def test_a_fee_is_asked_for_bills_issued_since_it_is_only(cast: Cast) -> None:
    fill_funds(cast)
    owner, number = profile(cast, auto_suspend=False)
    billed(cast, profile=(owner, number))
    from backhaul.catalog.profiles import update_billing_profile

    with acting(cast.padma):
        rules = ProfileRules(late_fee_minor=50_00)
        update_billing_profile(
            profile_id=number, name="Late", rules=rules, handed_down=True, on=NOV_10, now=noon(NOV_10)
        )
    assert fees(cast, date(2026, 11, 25)) == 0
    night(cast, date(2026, 12, 1))
    assert fees(cast, date(2026, 12, 5)) == 1
    assert_proved()


def test_a_standing_discount_stands_on_the_bills_it_covers(taxed: Cast) -> None:
    """SPEC §3, discount at issue: 600 with 100 off: receivable 525, discounts 100 · revenue 600, VAT 25."""
    customer = taken_over(taxed, taxed.riverside)
    with acting(taxed.padma, taxed.riverside):
        give_discount(
            subscription_id=customer.subscription_id, amount_minor=100_00, from_on=NOV_1, until_on=date(2026, 12, 1),
            why="a friend", now=noon(START),
        )  # fmt: skip
        promised = get_next_bill(customer.subscription_id, NOV_1)
        assert [(row["customer_id"], row["off_minor"]) for row in list_discounts(NOV_1)] == [
            (customer.customer_id, 100_00)
        ]
    night(taxed, NOV_1)
    bill = bill_of(taxed, customer)
    figures = (bill["net_minor"], bill["discount_minor"], bill["vat_minor"], bill["total_minor"])
    assert figures == (600_00, 100_00, 25_00, 525_00)
    assert figures == tuple(promised[f"{part}_minor"] for part in ("net", "discount", "vat", "total"))
    books = trial_balance(taxed, taxed.riverside)
    assert (books["receivable_customers"], books["discounts_given"]) == (525_00, 100_00)
    assert (books["internet_revenue"], books["vat_payable"]) == (-600_00, -25_00)
    night(taxed, date(2026, 12, 1))
    assert invoices(taxed, taxed.riverside)[-1]["total_minor"] == 630_00  # December carries none
    assert_proved()


def test_a_discount_is_never_more_than_the_bill_and_a_bill_of_nothing_posts_it(taxed: Cast) -> None:
    customer = taken_over(taxed, taxed.riverside)
    with acting(taxed.padma, taxed.riverside):
        give_discount(
            subscription_id=customer.subscription_id, amount_minor=900_00, from_on=NOV_1, why="staff", now=noon(START)
        )
    night(taxed, NOV_1)
    bill = bill_of(taxed, customer)
    assert (bill["discount_minor"], bill["total_minor"]) == (600_00, 0)
    assert balance(taxed, taxed.riverside, "discounts_given") == 600_00
    assert_proved()


def test_a_percentage_holds_until_it_is_ended_and_a_new_one_takes_its_place(taxed: Cast) -> None:
    customer = taken_over(taxed, taxed.riverside)
    service = customer.subscription_id
    with acting(taxed.padma, taxed.riverside):
        give_discount(subscription_id=service, part_bp=1000, from_on=NOV_1, why="a", now=noon(START))
        give_discount(subscription_id=service, part_bp=2500, from_on=NOV_1, why="b", now=noon(START))
        assert get_next_bill(service, NOV_1)["discount_minor"] == 150_00
        end_discount(subscription_id=service, now=noon(START))
        with pytest.raises(NoDiscount):
            end_discount(subscription_id=service, now=noon(START))
        assert get_next_bill(service, NOV_1)["discount_minor"] == 0


@pytest.mark.parametrize(
    "terms",
    [
        {"amount_minor": 100, "part_bp": 100},
        {},
        {"amount_minor": 0},
        {"part_bp": 10_001},
        {"amount_minor": 5, "until_on": NOV_1},
        {"amount_minor": 5, "why": " "},
    ],
)
def test_a_discount_of_wrong_terms_is_refused(taxed: Cast, terms: dict[str, Any]) -> None:
    customer = taken_over(taxed, taxed.riverside)
    given: dict[str, Any] = {"subscription_id": customer.subscription_id, "from_on": NOV_1, "why": "x"}
    with acting(taxed.padma, taxed.riverside), pytest.raises(InvalidInput):
        give_discount(**given | terms, now=noon(START))


def test_only_who_may_gives_discounts_and_writes_off(taxed: Cast) -> None:
    customer = billed(taxed)
    bill = bill_of(taxed, customer)
    with acting(taxed.padma, taxed.riverside):
        collector = build_person(taxed.riverside, "collector", "collector")
    same: dict[str, Any] = {"why": "x", "now": noon(NOV_10)}
    of_bill = {**same, "invoice_id": bill["id"], "on": NOV_10, "request_key": "k"}
    service = {**same, "subscription_id": customer.subscription_id}
    with acting(taxed.padma, taxed.riverside, user_id=collector):
        for refused in (
            lambda: give_discount(**service, amount_minor=1, from_on=NOV_1),
            lambda: discount_bill(**of_bill, net_minor=1),
            lambda: write_off_bill(**of_bill),
            lambda: make_promise(**service, until_on=NOV_10, on=NOV_10),
            lambda: set_suspend_date(**service, suspend_on=date(2026, 12, 1), on=NOV_10),
        ):
            with pytest.raises(NotAllowed):
                refused()


def discount(cast: Cast, bill: dict[str, Any], net: int, key: str = "") -> Any:
    with acting(cast.padma, cast.riverside):
        return discount_bill(
            invoice_id=bill["id"], net_minor=net, why="slow for a week", on=NOV_10, now=noon(NOV_10),
            request_key=key or request_key(),
        )  # fmt: skip


def test_a_later_discount_takes_its_vat_with_it(taxed: Cast) -> None:
    """SPEC §3: 100 off later: discounts 100, VAT payable 5 · receivable 105."""
    customer = billed(taxed)
    given = discount(taxed, bill_of(taxed, customer), 100_00, key="d")
    assert (given.net_minor, given.vat_minor) == (100_00, 5_00)
    assert discount(taxed, bill_of(taxed, customer), 100_00, key="d").adjustment_id == given.adjustment_id
    assert due_of(taxed, customer) == 525_00
    books = trial_balance(taxed, taxed.riverside)
    assert (books["discounts_given"], books["vat_payable"], books["internet_revenue"]) == (100_00, -25_00, -600_00)
    assert_proved()


def test_discounts_in_parts_give_back_just_the_vat_of_the_bill_and_no_more_than_is_open(taxed: Cast) -> None:
    customer = billed(taxed, custom_price_minor=333_33)
    bill = bill_of(taxed, customer)
    for _ in range(3):
        discount(taxed, bill, 111_11)
    assert due_of(taxed, customer) == 0
    assert balance(taxed, taxed.riverside, "vat_payable") == 0
    with pytest.raises(MoreThanOpen):
        discount(taxed, bill, 1)
    assert_proved()


def test_a_discount_that_clears_what_is_overdue_brings_the_service_back(cast: Cast) -> None:
    fill_funds(cast)
    customer = billed(cast, profile=profile(cast))
    assert blocked(cast, date(2026, 11, 2)) == ["unpaid"]
    discount(cast, bill_of(cast, customer), 600_00)
    assert blocked(cast) == []
    assert_proved()


def write_off(cast: Cast, bill: dict[str, Any], key: str = "") -> Any:
    with acting(cast.padma, cast.riverside):
        return write_off_bill(
            invoice_id=bill["id"], why="gone abroad", on=NOV_10, now=noon(NOV_10), request_key=key or request_key()
        )


def recover(cast: Cast, bill: dict[str, Any], amount: int, key: str = "") -> Any:
    with acting(cast.padma, cast.riverside):
        return record_recovery(
            invoice_id=bill["id"], amount_minor=amount, paid="bank", on=NOV_10, now=noon(NOV_10),
            request_key=key or request_key(),
        )  # fmt: skip


@pytest.mark.parametrize("relief", [False, True])
def test_a_write_off_is_bad_debt_with_its_vat_back_where_there_is_relief(taxed: Cast, relief: bool) -> None:
    with acting(taxed.padma, taxed.riverside):
        set_vat(starts_on=date(2026, 2, 1), registered=True, rate_bp=500, relief_on_bad_debt=relief)
    customer = billed(taxed)
    bill = bill_of(taxed, customer)
    pay(taxed, taxed.riverside, customer.customer_id, 210_00, NOV_1)
    lost = write_off(taxed, bill, key="w")
    assert (lost.net_minor, lost.vat_minor) == ((400_00, 20_00) if relief else (420_00, 0))
    assert write_off(taxed, bill, key="w").adjustment_id == lost.adjustment_id
    assert due_of(taxed, customer) == 0
    assert balance(taxed, taxed.riverside, "bad_debt") == (400_00 if relief else 420_00)
    assert balance(taxed, taxed.riverside, "vat_payable") == (-10_00 if relief else -30_00)
    with pytest.raises(NothingOpen):
        write_off(taxed, bill)
    with acting(taxed.padma, taxed.riverside):
        month = list_statement(customer.customer_id)[0]
    assert (month["billed_minor"], month["paid_minor"], month["adjusted_minor"], month["closing_minor"]) == (
        630_00, 210_00, -420_00, 0,
    )  # fmt: skip
    # later the customer pays after all
    recover(taxed, bill, 100_00, key="r")
    recover(taxed, bill, 100_00, key="r")
    recover(taxed, bill, 320_00)
    assert balance(taxed, taxed.riverside, "bank") == 420_00
    assert balance(taxed, taxed.riverside, "bad_debt_recovered") == (-400_00 if relief else -420_00)
    assert balance(taxed, taxed.riverside, "vat_payable") == -30_00
    with pytest.raises(MoreThanWrittenOff):
        recover(taxed, bill, 1)
    assert_proved()


def test_another_operators_bill_cannot_be_adjusted(taxed: Cast) -> None:
    bill = bill_of(taxed, billed(taxed))
    same: dict[str, Any] = {"invoice_id": bill["id"], "on": NOV_10, "now": noon(NOV_10), "request_key": "k", "why": "x"}
    attempts: list[Callable[[], object]] = [
        lambda: discount_bill(**same, net_minor=1),
        lambda: write_off_bill(**same),
        lambda: record_recovery(**same, amount_minor=1, paid="cash"),
    ]
    with acting(taxed.padma, taxed.north):
        for foreign in attempts:
            with savepoint(), pytest.raises(NotFound), savepoint():
                foreign()
