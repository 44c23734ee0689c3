"""A payment that is a unit of work by itself does what one inside a unit does, and nobody gets around it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from django.db import OperationalError, connections

from backhaul.common.errors import KeyReused, NotAllowed, NotFound, Refusal
from backhaul.ledger.choices import PAID
from backhaul.ledger.templates import TEMPLATES
from backhaul.operators.functions import execute, rows
from backhaul.payments.services import Receipt, receive_payment, record_payment
from tests.builders import acting, build_person, request_key
from tests.cast import Cast, fill_funds
from tests.scenarios.money import assert_proved, night, noon
from tests.scenarios.test_oracles import taken_over

NOV_1 = date(2026, 11, 1)
DAY = date(2026, 11, 5)
BILL = 600_00


@pytest.fixture
def customer_id(cast: Cast) -> int:
    """A customer of Riverside with one open bill."""
    fill_funds(cast)
    added = taken_over(cast, cast.riverside)
    night(cast, NOV_1)
    return added.customer_id


def received(customer_id: int, amount_minor: int = BILL, **fields: Any) -> dict[str, Any]:
    standard = {"customer_id": customer_id, "amount_minor": amount_minor, "method": "bank", "received_on": DAY,
                "now": noon(DAY), "request_key": request_key()}  # fmt: skip
    return standard | fields


def receive(cast: Cast, operator_id: int, user_id: int | None = None, **payment: Any) -> Receipt:
    return receive_payment(cast.padma, operator_id, user_id=user_id, **payment)


def payments(cast: Cast) -> list[dict[str, Any]]:
    with acting(cast.padma, cast.riverside):
        return rows("SELECT * FROM payment ORDER BY receipt_number")


def figures(receipt: Receipt) -> tuple[int, ...]:
    return (receipt.receipt_number, receipt.applied_minor, receipt.surplus_minor, receipt.due_minor,
            receipt.overdue_minor)  # fmt: skip


@pytest.mark.parametrize("in_drawer", [False, True])
@pytest.mark.parametrize("amount", [1, BILL - 1, BILL, BILL + 50_00])
def test_a_payment_is_posted_after_its_template(cast: Cast, customer_id: int, amount: int, in_drawer: bool) -> None:
    """The function writes the template out; here the two are held together, line by line: bank, or a drawer's cash."""
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", "collector")
    person, paid = (collector, "cash_with_collector") if in_drawer else (None, "bank")
    payment = received(customer_id, amount, method="cash" if in_drawer else "bank")
    receipt = receive(cast, cast.riverside, collector, **payment)
    amounts = {"applied": receipt.applied_minor, "surplus": receipt.surplus_minor}
    assert sum(amounts.values()) == amount
    expected = [
        {"n": n, "debit_code": paid if line.debit == PAID else line.debit, "credit_code": line.credit,
         "amount_minor": amounts[line.amount], "debit_party": person, "credit_party": customer_id, "effective_on": DAY}
        for n, line in enumerate(TEMPLATES["customer_payment"], start=1)
        if amounts[line.amount]
    ]  # fmt: skip
    with acting(cast.padma, cast.riverside):
        posted = rows(
            "SELECT p.n, debit_code, credit_code, amount_minor, debit_party, credit_party, p.effective_on "
            "FROM posting p JOIN entry e ON e.operator_id = p.operator_id AND e.id = p.entry_id "
            "WHERE e.kind = 'customer_payment' AND e.source_id = %s ORDER BY p.n",
            [receipt.payment_id],
        )
    assert posted == expected
    assert_proved()


def test_alone_and_in_a_unit_payments_do_the_same(cast: Cast, customer_id: int) -> None:
    """Part of a bill, then all of it and more, now this way, now that; the same key again is the same payment."""
    first = received(customer_id, 200_00)
    assert figures(receive(cast, cast.riverside, **first)) == (1, 200_00, 0, 400_00, 0)
    second = received(customer_id, 300_00, received_on=date(2026, 12, 1))
    with acting(cast.padma, cast.riverside):
        repeated = record_payment(**first)
        assert repeated.repeated and figures(repeated) == (1, 200_00, 0, 400_00, 0)
        assert figures(record_payment(**second)) == (2, 300_00, 0, 100_00, 100_00)
    repeated = receive(cast, cast.riverside, **second)
    assert repeated.repeated and figures(repeated) == (2, 300_00, 0, 100_00, 100_00)
    assert figures(receive(cast, cast.riverside, **received(customer_id, 150_00))) == (3, 100_00, 50_00, 0, 0)
    assert figures(receive(cast, cast.riverside, **received(customer_id, 7_00))) == (4, 0, 7_00, 0, 0)
    with pytest.raises(KeyReused):
        receive(cast, cast.riverside, **(first | {"amount_minor": 1}))
    assert [row["amount_minor"] for row in payments(cast)] == [200_00, 300_00, 150_00, 7_00]
    assert_proved()


def test_who_may_not_collect_there_records_nothing(cast: Cast, customer_id: int) -> None:
    with acting(cast.padma, cast.riverside):
        collector = build_person(cast.riverside, "collector", "collector")
        accountant = build_person(cast.riverside, "accountant", "accountant")
    with acting(cast.padma, cast.rival):
        stranger = build_person(cast.rival, "stranger")
    payment = received(customer_id)
    with pytest.raises(NotAllowed, match=r"does not include “payments\.collect”; ask the owner of Riverside"):
        receive(cast, cast.riverside, accountant, **payment)
    with pytest.raises(NotFound, match="no such operator"):
        receive(cast, cast.riverside, stranger, **payment)
    with pytest.raises(NotFound, match="no such operator"):
        receive_payment(cast.meghna, cast.riverside, **payment)
    with pytest.raises(NotFound, match="no such customer"):
        receive(cast, cast.rival, **payment)
    with acting(cast.padma, cast.riverside), pytest.raises(LookupError, match="already open"):
        receive(cast, cast.riverside, **payment)
    assert payments(cast) == []
    receive(cast, cast.riverside, collector, **payment)
    assert [row["actor_id"] for row in payments(cast)] == [collector]


@pytest.mark.parametrize("amount", [100, -100], ids=["done", "refused"])
def test_nothing_of_it_outlives_the_call(cast: Cast, customer_id: int, amount: int) -> None:
    """The connection acts for nobody afterwards, and is in no cell."""
    try:
        receive(cast, cast.riverside, **received(customer_id, amount))
    except Refusal as refusal:
        assert refusal.message == "The amount must be more than zero."
    left = rows(
        "SELECT current_setting('backhaul.operator', true) AS operator, "
        "current_setting('backhaul.actor', true) AS actor, current_setting('search_path') AS path"
    )[0]
    assert "cell" not in left.pop("path")
    assert set(left.values()) <= {None, ""}
    assert len(payments(cast)) == (amount > 0)


def test_a_customer_who_was_cut_comes_back_with_it(cast: Cast, customer_id: int) -> None:
    """A reactivation may follow, so the payment takes an ordinary unit: one payment and the service, in one go."""
    with acting(cast.padma, cast.riverside):
        execute(
            "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id) "
            "SELECT operator_id, id, 'unpaid', '2026-11-04', '2026-11-04', 0 FROM subscription WHERE customer_id = %s",
            [customer_id],
        )
    assert receive(cast, cast.riverside, **received(customer_id)).service == "back"
    with acting(cast.padma, cast.riverside):
        assert rows("SELECT 1 FROM block WHERE to_at IS NULL") == []
    assert len(payments(cast)) == 1


@contextmanager
def cut_once_it_is_done() -> Iterator[None]:
    """The server is reached by a wire that carries all there, and everything back but the answer about a receipt."""
    settings = connections["default"].settings_dict
    real = {"HOST": settings["HOST"], "PORT": settings["PORT"]}
    connections["default"].close()
    with socket.create_server(("127.0.0.1", 0)) as wire:
        carrier = threading.Thread(target=_carry, args=[wire, (real["HOST"], int(real["PORT"]))])
        carrier.start()
        settings.update(HOST="127.0.0.1", PORT=str(wire.getsockname()[1]))
        try:
            yield
        finally:
            settings.update(real)
            connections["default"].close()
            carrier.join(10)


def _carry(wire: socket.socket, real: tuple[str, int]) -> None:
    near, _ = wire.accept()
    with near, socket.create_connection(real) as far:
        back = threading.Thread(target=_carry_back, args=[far, near])
        back.start()
        while data := near.recv(65536):
            far.sendall(data)
        far.shutdown(socket.SHUT_WR)
        back.join(10)


def _carry_back(far: socket.socket, near: socket.socket) -> None:
    """The answer about a receipt is sent once the payment is committed."""
    while data := far.recv(65536):
        if b"receipt_number" in data:
            near.shutdown(socket.SHUT_RDWR)
            return
        near.sendall(data)


def test_a_connection_cut_after_the_commit_leaves_one_payment(cast: Cast, customer_id: int) -> None:
    """LEDGER test 34: the client does not learn that it is done, and sends the same key again."""
    payment = received(customer_id)
    with cut_once_it_is_done(), pytest.raises(OperationalError):
        receive(cast, cast.riverside, **payment)
    assert len(payments(cast)) == 1
    again = receive(cast, cast.riverside, **payment)
    assert again.repeated and figures(again) == (1, BILL, 0, 0, 0)
    assert len(payments(cast)) == 1
    assert_proved()
