"""What only an operator's own books know: recorded once, in open days, with accounts that fit, and taken back once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import AlreadyReversed, InvalidInput, KeyReused, NotAllowed, NotFound, Refusal
from backhaul.ledger import events, services
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.chart import add_account, close_account
from backhaul.ledger.choices import OWN_EVENTS
from backhaul.ledger.events import OPENING, OwnEvent
from backhaul.ledger.periods import close_books
from backhaul.ledger.rules import ManualLine
from backhaul.ledger.services import post_manual_entry
from backhaul.operators.functions import execute, rows, savepoint
from backhaul.resellers.checks import verify
from tests.builders import acting, build_person
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, Chain, balances_by_hand, build_chain, recharge
from tests.ledger.test_closing_races import in_order

TEA = OwnEvent("expense", 105_00, DAY, "tea", vat_minor=5_00, paid="cash", chosen="office_expense")


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    return build_chain(2)


def record(event: OwnEvent = TEA, key: str = "k") -> int:
    return events.record_own_event(event, request_key=key, now=NOW)


def open_with(balances: dict[str, int], key: str = "o", on: Any = DAY) -> int:
    return events.record_opening_balances(balances, on=on, reason="taken over", request_key=key, now=NOW)


def held(chain: Chain) -> dict[str, int]:
    return balances_by_hand(chain.isp.isp_id, DAY + timedelta(days=99))


CASES = [
    (TEA, {"office_expense": 100_00, "input_vat": 5_00, "cash": -105_00}),
    (OwnEvent("owner_puts_in", 7, DAY, "x", paid="bank"), {"bank": 7, "owner_capital": -7}),
    (OwnEvent("owner_draws", 7, DAY, "x", paid="mobile_wallet"), {"drawings": 7, "mobile_wallet": -7}),
    (OwnEvent("provider_paid", 7, DAY, "x", paid="bank"), {"paid_to_provider": 7, "bank": -7}),
    (OwnEvent("provider_paid_by_owner", 7, DAY, "x"), {"paid_to_provider": 7, "owner_capital": -7}),
    (OwnEvent("money_moved", 7, DAY, "x", paid="cash", chosen="bank"), {"bank": 7, "cash": -7}),
    (OwnEvent("supplier_bill", 9, DAY, "x", vat_minor=2, chosen="stock"),
     {"stock": 7, "input_vat": 2, "supplier_payable": -9}),
    (OwnEvent("supplier_paid", 7, DAY, "x", paid="bank"), {"supplier_payable": 7, "bank": -7}),
    (OwnEvent("asset_bought", 9, DAY, "x", vat_minor=2, paid="bank"),
     {"fixed_assets": 7, "input_vat": 2, "bank": -9}),
    (OwnEvent("payroll", 7, DAY, "x"), {"salaries": 7, "salaries_payable": -7}),
    (OwnEvent("salaries_paid", 7, DAY, "x", paid="cash"), {"salaries_payable": 7, "cash": -7}),
]  # fmt: skip


@pytest.mark.parametrize(("event", "posted"), CASES, ids=lambda value: getattr(value, "kind", ""))
def test_a_kind_posts_what_it_says(chain: Chain, event: OwnEvent, posted: dict[str, int]) -> None:
    with acting(chain.isp):
        made = record(event)
        assert held(chain) == posted
        listed = events.list_own_events()
        assert [(row["id"], row["kind"], row["total_minor"], row["reversed_on"]) for row in listed] == [
            (made, event.kind, event.total_minor, None)
        ]


def test_every_kind_is_tried_here_and_known_everywhere() -> None:
    assert {case[0].kind for case in CASES} | {"vat_return", OPENING} == set(events.OWN_KINDS) == set(OWN_EVENTS)


def test_the_same_form_sent_twice_records_once_and_with_other_figures_is_refused(chain: Chain) -> None:
    with acting(chain.isp):
        first = record()
    with acting(chain.isp):
        assert record() == first
        assert held(chain)["cash"] == -105_00
    for other in (replace(TEA, total_minor=106_00), replace(TEA, chosen="rent"), replace(TEA, on=DAY + timedelta(1))):
        with pytest.raises(KeyReused), acting(chain.isp):
            record(other)


@pytest.mark.parametrize(
    ("changed", "refusal"),
    [
        ({"kind": "lottery"}, InvalidInput),
        ({"kind": OPENING}, InvalidInput),
        ({"total_minor": 0, "vat_minor": 0}, Refusal),
        ({"total_minor": -5, "vat_minor": 0}, InvalidInput),
        ({"vat_minor": 105_01}, InvalidInput),
        ({"total_minor": 10**15 + 1}, InvalidInput),
        ({"paid": None}, InvalidInput),
        ({"paid": "fund"}, InvalidInput),
        ({"chosen": None}, services.UnknownAccount),
        ({"chosen": "cellar"}, services.UnknownAccount),
        ({"chosen": "receivable_customers"}, services.AccountOfParties),
        ({"chosen": "bank"}, InvalidInput),
        ({"chosen": "owner_capital"}, InvalidInput),
        ({"chosen": "internet_revenue"}, InvalidInput),
        ({"reason": "  "}, InvalidInput),
        ({"kind": "money_moved", "vat_minor": 0, "chosen": "cash"}, InvalidInput),
        ({"kind": "money_moved", "vat_minor": 0, "chosen": "stock"}, InvalidInput),
        ({"kind": "payroll", "vat_minor": 0, "chosen": None}, InvalidInput),  # no money moves: no method
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_and_leaves_nothing(
    chain: Chain, changed: dict[str, Any], refusal: type[Refusal]
) -> None:
    with acting(chain.isp):
        with pytest.raises(refusal), savepoint():
            record(replace(TEA, **changed))
        assert rows("SELECT 1 FROM own_event") == [] and held(chain) == {}


def test_what_bills_and_charges_keep_is_not_offered_for_an_expense(chain: Chain) -> None:
    with acting(chain.isp):
        offered = [account["code"] for account in events.list_cost_accounts(DAY)]
    assert offered == [
        "gateway_fees", "finance_cost", "office_expense", "salaries", "rent", "electricity", "repairs", "bandwidth",
        "stock", "fixed_assets",
    ]  # fmt: skip


def test_a_closed_account_is_refused_from_its_last_day_on(chain: Chain) -> None:
    with acting(chain.isp):
        execute("UPDATE account SET closed_on = %s WHERE code = 'office_expense'", [DAY])
        with pytest.raises(services.AccountClosed), savepoint():
            record()
        assert "office_expense" not in {account["code"] for account in events.list_cost_accounts(DAY)}


def test_closed_days_take_neither_an_event_nor_its_undoing(chain: Chain) -> None:
    with acting(chain.isp):
        made = record()
        close_books(through=DAY, now=NOW + timedelta(days=9))
        with pytest.raises(services.PeriodClosed), savepoint():
            record(key="late")
        with pytest.raises(services.PeriodClosed), savepoint():
            events.reverse_own_event(event_id=made, on=DAY, reason="wrong", now=NOW)
        assert record() == made  # sent again: nothing new
        events.reverse_own_event(event_id=made, on=DAY + timedelta(days=1), reason="wrong", now=NOW)
        assert held(chain) == {}


def test_an_event_is_taken_back_once_not_before_its_day_and_by_its_operator_alone(chain: Chain) -> None:
    later = DAY + timedelta(days=3)
    with acting(chain.isp):
        made = record()
        with pytest.raises(InvalidInput), savepoint():
            events.reverse_own_event(event_id=made, on=DAY - timedelta(days=1), reason="early", now=NOW)
    with acting(chain.isp, chain.operators[1]), pytest.raises(NotFound), savepoint():
        events.reverse_own_event(event_id=made, on=later, reason="wrong", now=NOW)
    with acting(chain.isp):
        events.reverse_own_event(event_id=made, on=later, reason="wrong", now=NOW)
        assert sum_balance("cash", DAY) == -105_00 and held(chain) == {}
        assert events.get_own_event(made)["reversed_on"] == later
        with pytest.raises(AlreadyReversed), savepoint():
            events.reverse_own_event(event_id=made, on=later, reason="again", now=NOW)
    assert [check for check in verify([CELL]) if not check.ok] == []


def test_opening_balances_leave_the_difference_in_their_own_account(chain: Chain) -> None:
    with acting(chain.isp):
        open_with({"cash": 1_500_00, "fixed_assets": 9_000_00, "vat_payable": -400_00, "stock": 0})
        assert held(chain) == {
            "cash": 1_500_00, "fixed_assets": 9_000_00, "vat_payable": -400_00, "opening_balances": -10_100_00,
        }  # fmt: skip
    assert [check for check in verify([CELL]) if not check.ok] == []


def test_opening_balances_are_recorded_once_until_they_are_taken_back(chain: Chain) -> None:
    with acting(chain.isp):
        first = open_with({"cash": 1})
        assert open_with({"cash": 1}) == first
        with pytest.raises(events.AlreadyOpened), savepoint():
            open_with({"cash": 2}, key="again")
        events.reverse_own_event(event_id=first, on=DAY, reason="miscounted", now=NOW)
        open_with({"cash": 2}, key="again")
        assert held(chain) == {"cash": 2, "opening_balances": -2}


def test_opening_balances_are_taken_back_on_their_own_day(chain: Chain) -> None:
    """Taken back later and recorded anew, they would stand twice in the days between."""
    with acting(chain.isp):
        first = open_with({"cash": 1})
        with pytest.raises(InvalidInput, match="on their own day"), savepoint():
            events.reverse_own_event(event_id=first, on=DAY + timedelta(days=1), reason="miscounted", now=NOW)
        assert held(chain)["cash"] == 1


def test_opening_balances_come_before_everything_else(chain: Chain) -> None:
    recharge(chain, chain.operators[1], 100)
    with acting(chain.isp):
        with pytest.raises(events.NotFirst), savepoint():
            open_with({"cash": 1}, on=DAY + timedelta(days=1))
        open_with({"cash": 1}, on=DAY)


@pytest.mark.parametrize(
    "code", ["internet_revenue", "rent", "opening_balances", "fund", "customer_advances", "cellar"]
)
def test_opening_balances_are_of_what_is_there_and_owed_not_kept_by_party(chain: Chain, code: str) -> None:
    with acting(chain.isp):
        with pytest.raises(Refusal), savepoint():
            open_with({"cash": 5, code: 5})
        assert code not in {account["code"] for account in events.list_opening_accounts(DAY)}
        assert held(chain) == {}


def test_a_vat_return_pays_what_is_owed_less_input_vat_and_no_more(chain: Chain) -> None:
    with acting(chain.isp):
        open_with({"vat_payable": -2_000_00})
        record(OwnEvent("supplier_bill", 33_600_00, DAY, "cable", vat_minor=1_600_00, chosen="stock"))
        owed = events.get_vat_owed(DAY)
        assert (owed.charged_minor, owed.reclaimed_minor, owed.usable_minor) == (2_000_00, 1_600_00, 1_600_00)
        paid = OwnEvent("vat_return", 2_000_00, DAY, "March", vat_minor=1_600_00, paid="bank")
        for too_much in (replace(paid, total_minor=2_000_01), replace(paid, vat_minor=1_600_01)):
            with pytest.raises(events.MoreVatThanOwed), savepoint():
                record(too_much, key="vat")
        first = record(paid, key="vat")
        assert record(paid, key="vat") == first
        assert (sum_balance("vat_payable", DAY), sum_balance("input_vat", DAY), sum_balance("bank", DAY)) == (
            0, 0, -400_00,
        )  # fmt: skip


def test_input_vat_beyond_what_is_owed_waits_for_the_next_return(chain: Chain) -> None:
    with acting(chain.isp):
        open_with({"vat_payable": -100_00, "input_vat": 150_00})
        assert events.get_vat_owed(DAY).usable_minor == 100_00
        record(OwnEvent("vat_return", 100_00, DAY, "March", vat_minor=100_00, paid="bank"))
        assert held(chain) == {"input_vat": 50_00, "opening_balances": -50_00}


def test_vat_that_a_later_return_paid_is_not_paid_again_by_one_dated_back(chain: Chain) -> None:
    with acting(chain.isp):
        open_with({"vat_payable": -100_00, "input_vat": 30_00})
        paid = OwnEvent("vat_return", 100_00, DAY + timedelta(days=14), "March", vat_minor=30_00, paid="bank")
        first = record(paid, key="in time")
        with pytest.raises(events.MoreVatThanOwed), savepoint():
            record(replace(paid, on=DAY), key="dated back")
        events.reverse_own_event(event_id=first, on=DAY + timedelta(days=15), reason="wrong", now=NOW)
        record(replace(paid, on=DAY), key="dated back")


def test_two_vat_returns_at_once_are_one(db: EmbeddedPostgres) -> None:
    chain = build_chain(1)
    with acting(chain.isp):
        open_with({"vat_payable": -100_00})
    paid = OwnEvent("vat_return", 100_00, DAY, "March", paid="bank")

    def second() -> None:
        with acting(chain.isp), pytest.raises(events.MoreVatThanOwed), savepoint():
            record(paid, key="second")

    assert in_order(db, acting(chain.isp), lambda: record(paid, key="first"), second) == ["posted", "closed"]


def test_an_event_on_an_account_that_is_closed_since_is_not_taken_back(chain: Chain) -> None:
    with acting(chain.isp):
        code = add_account(number="1450", name="Cable on reels", kind="asset", now=NOW)
        made = record(replace(TEA, vat_minor=0, chosen=code))
        post_manual_entry(
            effective_on=DAY,
            lines=[ManualLine("office_expense", code, 105_00)],
            reason="laid",
            request_key="m",
            now=NOW,
        )
        close_account(code=code, on=DAY + timedelta(days=1), now=NOW)
        with pytest.raises(services.AccountClosed), savepoint():
            events.reverse_own_event(event_id=made, on=DAY + timedelta(days=1), reason="wrong", now=NOW)


def test_a_collector_records_nothing(chain: Chain) -> None:
    with acting(chain.isp):
        person = build_person(chain.isp.isp_id, "rafiq", "collector")
    with acting(chain.isp, user_id=person):
        with pytest.raises(NotAllowed), savepoint():
            record()
        with pytest.raises(NotAllowed), savepoint():
            open_with({"cash": 1})
