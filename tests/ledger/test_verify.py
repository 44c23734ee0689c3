"""`verify` agrees with a whole business, looks at all of it, and finds every figure that is changed behind its back."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from backhaul.billing.adjustments import discount_bill, record_recovery, write_off_bill
from backhaul.billing.one_off import issue_one_off
from backhaul.billing.refunds import disconnect_customer
from backhaul.billing.services import issue_opening_dues
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import recharge_fund, transfer_fund
from backhaul.funds.statements import prepare_statement
from backhaul.ledger import services
from backhaul.ledger.events import OwnEvent, record_own_event
from backhaul.payments.deposits import DepositAct, record_deposit
from backhaul.payments.drawers import count_drawer, receive_hand_over, settle_shortage
from backhaul.payments.services import record_payment, reverse_payment
from backhaul.resellers.checks import verify
from tests.builders import acting, build_person, request_key
from tests.cast import CELL, Cast, build_cast, fill_funds
from tests.ledger.books import as_admin
from tests.scenarios.money import night, noon
from tests.scenarios.test_oracles import taken_over

NOV = date(2026, 11, 1)
DEC = date(2026, 12, 1)


@pytest.fixture
def business(db: EmbeddedPostgres) -> Cast:
    """Two months with VAT: bills at every level, payments short and over, a reversal, a refund, dues taken over."""
    cast = build_cast(vat_bp=500)
    fill_funds(cast, rival=500)
    with acting(cast.padma):
        recharge_fund(
            child_id=cast.north, kind="recharge_credit", amount_minor=777, on=NOV, paid=None, request_key=request_key()
        )
        recharge_fund(child_id=cast.north, kind="bonus", amount_minor=55, on=NOV, paid=None, request_key=request_key())
        transfer_fund(child_id=cast.north, to_child_id=cast.rival, amount_minor=1_00, on=NOV, request_key=request_key())
    people = [
        taken_over(cast, who) for who in (cast.riverside, cast.riverside, cast.north, cast.padma.isp_id, cast.rival)
    ]
    with acting(cast.padma, cast.riverside):
        issue_opening_dues(
            [(people[0].customer_id, people[0].subscription_id, 9_99)], on=NOV, due_on=NOV, now=noon(NOV)
        )
    night(cast, NOV)
    with acting(cast.padma, cast.riverside):
        pay(people[0].customer_id, 700_00)
        wrong = pay(people[1].customer_id, 2_000_00)
        pay(people[1].customer_id, 1)
    hand_over(cast, people[0].customer_id)
    night(cast, DEC)
    with acting(cast.padma, cast.riverside):
        reverse_payment(payment_id=wrong, on=DEC, now=noon(DEC), reason="bounced")
        day = date(2026, 12, 11)
        disconnect_customer(subscription_id=people[0].subscription_id, on=day, now=noon(day), why="moved away")
        adjust(people[1].subscription_id)
        prepare_statement(child_id=cast.riverside, month=NOV, today=DEC, now=noon(DEC))
        tea = OwnEvent("expense", 105_00, DEC, "tea", vat_minor=5_00, paid="cash", chosen="office_expense")
        record_own_event(tea, request_key=request_key(), now=noon(DEC))
        left = DepositAct(people[1].customer_id, "deposit_in", 50_00, DEC, "router on loan", "cash")
        record_deposit(left, request_key=request_key(), now=noon(DEC))
    return cast


def adjust(subscription_id: int) -> None:
    """A one-off bill, something off it, the rest given up, and some of that coming in after all."""
    made = issue_one_off(
        subscription_id=subscription_id, title="Router", net_minor=90_00, on=DEC, due_on=DEC, now=noon(DEC),
        request_key=request_key(),
    )  # fmt: skip
    act: dict[str, Any] = {"invoice_id": made.invoice_id, "on": DEC, "now": noon(DEC), "why": "x"}
    discount_bill(**act, net_minor=10_00, request_key=request_key())
    write_off_bill(**act, request_key=request_key())
    record_recovery(**act, amount_minor=5_00, paid="cash", request_key=request_key())


def hand_over(cast: Cast, customer_id: int) -> None:
    """A collector takes 9.00 and hands 8.00 of it over, pays half of what is missing, and takes 2.00 more."""
    with acting(cast.padma, cast.riverside):
        collector, accountant = (build_person(cast.riverside, role, role) for role in ("collector", "accountant"))
    with acting(cast.padma, cast.riverside, user_id=collector):
        pay(customer_id, 9_00)
        counted = count_drawer(counted_minor=8_00, now=noon(NOV), request_key=request_key())
        pay(customer_id, 2_00)
    with acting(cast.padma, cast.riverside, user_id=accountant):
        receive_hand_over(hand_over_id=counted, on=NOV, now=noon(NOV))
        settle_shortage(
            user_id=collector, amount_minor=50, paid="cash", on=NOV, now=noon(NOV), request_key=request_key()
        )


def pay(customer_id: int, amount_minor: int) -> int:
    received = record_payment(
        customer_id=customer_id, amount_minor=amount_minor, method="cash", received_on=NOV, now=noon(NOV),
        request_key=request_key(),
    )  # fmt: skip
    return int(received.payment_id)


def failed() -> dict[str, str]:
    return {check.name: check.detail for check in verify([CELL]) if not check.ok}


def test_a_whole_business_is_proved_before_and_after_sealing_and_no_check_is_empty(business: Cast) -> None:
    assert failed() == {}
    services.seal_all_books(business.padma, now=noon(DEC))
    answers = verify([CELL])
    assert [check for check in answers if not check.ok] == []
    assert {check.name for check in answers if check.count == 0} == {
        "books.manual_entries",
        "books.reversals",
        "books.locked_periods",
        "books.heads",
        "bills.unearned",
    }


TAMPERING = [
    ("UPDATE invoice SET total_minor = total_minor + 1, vat_minor = vat_minor + 1 WHERE number = 2", "bills.posted"),
    ("UPDATE invoice SET number = 99 WHERE number = 2", "numbers.bills"),
    (
        "UPDATE invoice SET starts_on = starts_on - 1, ends_on = ends_on - 1 WHERE starts_on = '2026-12-01'",
        "periods.overlap",
    ),
    ("DELETE FROM invoice WHERE kind = 'opening'", "bills.posted"),
    ("DELETE FROM invoice WHERE kind = 'one_off'", "bills.posted"),
    ("UPDATE adjustment SET net_minor = net_minor + 1 WHERE kind = 'write_off'", "bills.open"),
    ("UPDATE adjustment SET vat_minor = vat_minor + 1 WHERE kind = 'discount'", "bills.adjustments"),
    ("UPDATE adjustment SET net_minor = net_minor + 10000 WHERE kind = 'recovered'", "bills.adjustments"),
    ("DELETE FROM adjustment WHERE kind = 'recovered'", "bills.adjustments"),
    ("UPDATE invoice_open SET open_minor = open_minor + 1", "bills.open"),
    ("DELETE FROM invoice_open", "customers.dues"),
    ("UPDATE deposit SET amount_minor = amount_minor + 1", "customers.deposits"),
    ("DELETE FROM deposit", "customers.deposits"),
    ("UPDATE own_event SET amounts = '{\"bought\": 10000}'", "books.own_events"),
    ("UPDATE own_event SET effective_on = effective_on + 1", "books.own_events"),
    ("DELETE FROM own_event", "books.own_events"),
    ("UPDATE customer_advance SET advance_minor = advance_minor + 1", "customers.advances"),
    ("UPDATE allocation SET amount_minor = amount_minor + 1 WHERE payment_id IS NOT NULL", "payments.posted"),
    ("UPDATE allocation SET amount_minor = amount_minor + 1 WHERE payment_id IS NULL", "payments.advances_applied"),
    ("UPDATE payment SET amount_minor = amount_minor + 1 WHERE amount_minor = 1", "payments.posted"),
    ("DELETE FROM payment WHERE receipt_number = 2", "numbers.receipts"),
    ("UPDATE payment SET drawer_user_id = NULL WHERE drawer_user_id IS NOT NULL", "drawers.cash"),
    ("UPDATE drawer SET held_minor = held_minor + 1", "drawers.held"),
    ("UPDATE drawer SET waiting_minor = 0", "drawers.held"),
    ("UPDATE hand_over SET expected_minor = expected_minor + 1", "drawers.cash"),
    ("UPDATE hand_over SET counted_minor = counted_minor - 1", "drawers.shortages"),
    ("DELETE FROM shortage_settlement", "drawers.shortages"),
    ("UPDATE credit_note SET net_minor = net_minor + 1, to_invoice_minor = to_invoice_minor + 1", "bills.credit_notes"),
    ("UPDATE charge SET net_minor = net_minor + 1", "charges.movements"),
    ("UPDATE charge SET ends_on = ends_on + 1", "charges.invoices"),
    ("DELETE FROM charge WHERE child_id <> owner_id", "charges.invoices"),
    ("UPDATE charge SET owner_id = child_id + 1000", "charges.invoices"),
    ("UPDATE charge_refund SET net_minor = net_minor + 100000", "charges.refunds"),
    ("UPDATE charge_refund SET vat_minor = vat_minor + 1", "charges.movements"),
    ("UPDATE fund_movement SET vat_minor = vat_minor + 1 WHERE vat_minor > 0", "edges.movements"),
    ("UPDATE fund_movement SET moved_on = moved_on + 1", "edges.movements"),
    ("DELETE FROM fund_movement WHERE kind = 'bonus'", "edges.movements"),
    ("UPDATE fund_movement SET moved_on = moved_on + 1 WHERE kind = 'transfer_in'", "edges.transfers"),
    ("UPDATE fund_movement SET request_key = 'another' WHERE kind = 'transfer_in'", "edges.transfers"),
    (
        "INSERT INTO charge SELECT child_id, owner_id, invoice_id, parent_id, subscription_id, starts_on, ends_on, "
        "price_minor, cycle_days, from_day, (part + 1)::smallint, 0, 0, NULL, charged_on "
        "FROM charge WHERE price_minor > 0",
        "charges.once",
    ),
    ("UPDATE fund_statement SET owed_minor = owed_minor + 1", "edges.statements"),
    ("UPDATE fund_statement SET digest = 'another'", "edges.statements"),
    ("UPDATE fund_movement SET moved_on = moved_on - 1 WHERE moved_on = '2026-11-01'", "edges.statements"),
    ("UPDATE fund SET posted_minor = posted_minor + 1", "tree.conserved"),
    ("UPDATE fund SET owed_minor = owed_minor - 1", "edges.debts"),
    ("UPDATE posting SET amount_minor = amount_minor + 1 WHERE credit_code = 'wholesale_revenue'", "tree.conserved"),
    ("UPDATE posting SET debit_party = debit_party + 1 WHERE debit_code = 'receivable_customers'", "customers.dues"),
    ("UPDATE posting SET effective_on = effective_on + 1 WHERE n = 1", "books.entries"),
    ("UPDATE posting SET debit_party = NULL", "books.accounts"),
    ("UPDATE entry SET source_id = source_id + 500000 WHERE kind = 'retail_invoice'", "bills.posted"),
]


def test_every_figure_changed_by_a_superuser_is_found(db: EmbeddedPostgres, business: Cast) -> None:
    """Each statement is undone by its opposite state: the rows of the table as they were."""
    services.seal_all_books(business.padma, now=noon(DEC))
    with as_admin(db) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement, expected in TAMPERING:
            table = statement.split()[1 if statement.startswith("UPDATE") else 2]
            admin.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM {table}".encode())
            assert admin.execute(statement.encode()).rowcount > 0, statement
            found = failed()
            assert expected in found, f"{statement}: {sorted(found)}"
            admin.execute(f"DELETE FROM {table}".encode())
            columns = ", ".join(stored_columns(admin, table))
            admin.execute(f"INSERT INTO {table} ({columns}) SELECT {columns} FROM kept".encode())
            admin.execute("DROP TABLE kept")
    assert failed() == {}


def stored_columns(admin: Any, table: str) -> list[str]:
    found = admin.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND attgenerated = ''",
        [table],
    )
    return [row[0] for row in found]
