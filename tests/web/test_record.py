"""Pages on which people record what only they know: looked at as debits and credits, recorded once, taken back once."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.urls import reverse

from backhaul.common.clock import now
from backhaul.common.errors import NotAllowed
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.events import OWN_KINDS
from backhaul.operators.functions import execute, rows
from backhaul.payments.services import record_payment
from backhaul.web.console.record_forms import KINDS
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.test_actions import FOREVER, count, form_of, today
from tests.web.town import Town, build_town


def holds(town: Town, *codes: str) -> list[int]:
    with acting(town.cast.padma, town.cast.riverside):
        return [sum_balance(code, FOREVER) for code in codes]


def newest(town: Town, table: str) -> int:
    with acting(town.cast.padma, town.cast.riverside):
        return int(rows(f"SELECT max(id) AS id FROM {table}")[0]["id"])


def register_for_vat(town: Town, since: date) -> None:
    with acting(town.cast.padma, town.cast.riverside):
        execute(
            "INSERT INTO vat_setting (operator_id, starts_on, registered, rate_bp, reclaims_input, relief_on_bad_debt) "
            "VALUES (%s, %s, true, 500, true, false)",
            [town.cast.riverside, since],
        )


def test_vat_in_a_price_is_asked_for_and_taken_only_where_it_is_reclaimed(db: object) -> None:
    """Kept apart by who never gets it back, it would be no cost: the profit would be too high."""
    town = build_town()
    client = signed_in("riverside")
    path = reverse("record-event", args=["expense"])
    assert "vat_minor" not in form_of(client, path)
    register_for_vat(town, today())
    sent = {
        **form_of(client, path), "on": (today() - timedelta(days=1)).isoformat(), "total_minor": "1,050",
        "vat_minor": "50", "chosen": "rent", "paid": "cash", "reason": "Rent",
    }  # fmt: skip
    answer = client.post(path, sent)
    assert answer.status_code == 422 and "You did not reclaim VAT on that day" in answer.content.decode()
    assert client.post(path, {**sent, "on": today().isoformat(), "confirmed": "1"}).status_code == 303


def test_an_expense_is_shown_as_debit_and_credit_recorded_once_and_taken_back(db: object) -> None:
    town = build_town()
    register_for_vat(town, date(2020, 1, 1))
    client = signed_in("riverside")
    path = reverse("record-event", args=["expense"])
    before = holds(town, "office_expense", "input_vat", "cash")
    sent = {
        **form_of(client, path), "on": today().isoformat(), "total_minor": "1,050", "vat_minor": "50",
        "chosen": "office_expense", "paid": "cash", "reason": "Tea and paper",
    }  # fmt: skip
    shown = client.post(path, sent).content.decode()
    lines = re.findall(r"<tr><td.*?</tr>", shown, re.S)
    assert [("Office expense" in line, "Cash" in line, "1,000.00" in line, "1,050.00" in line) for line in lines] == [
        (False, False, False, False), (True, False, True, False), (False, True, False, True),
    ]  # fmt: skip
    assert holds(town, "office_expense", "input_vat", "cash") == before
    for _ in range(2):
        assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
    assert holds(town, "office_expense", "input_vat", "cash") == [
        before[0] + 1_000_00, before[1] + 50_00, before[2] - 1_050_00,
    ]  # fmt: skip
    page = client.get(reverse("record")).content.decode()
    assert "Tea and paper" in page and "Something I paid for" in page
    undo = reverse("take-back-event", args=[newest(town, "own_event")])
    back = {"on": today().isoformat(), "reason": "typed twice"}
    assert "Office expense" in client.post(undo, back).content.decode()
    assert client.post(undo, {**back, "confirmed": "1"}).status_code == 303
    assert holds(town, "office_expense", "input_vat", "cash") == before
    assert client.post(undo, {**back, "confirmed": "1"}).status_code == 422
    assert "Taken back on" in client.get(reverse("record")).content.decode()


def test_what_is_refused_stands_in_the_form_and_keeps_what_was_typed(db: object) -> None:
    town = build_town()
    register_for_vat(town, date(2020, 1, 1))
    client = signed_in("riverside")
    path = reverse("record-event", args=["expense"])
    sent = {
        **form_of(client, path), "on": today().isoformat(), "total_minor": "100", "vat_minor": "100.01",
        "chosen": "rent", "paid": "cash", "reason": "Rent",
    }  # fmt: skip
    answer = client.post(path, sent)
    assert answer.status_code == 422
    assert "The VAT is a part of the amount" in answer.content.decode() and 'value="Rent"' in answer.content.decode()
    assert count(town, "own_event WHERE kind = 'expense'") == 0


def test_opening_balances_come_before_the_first_entry(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("record-event", args=["opening_balances"])
    sent = {**form_of(client, path), "on": today().isoformat(), "reason": "Begun", "account_cash": "100"}
    late = client.post(path, {**sent, "account_vat_payable": "40"})
    assert late.status_code == 422 and "come before all of them" in late.content.decode()
    early = {**sent, "on": "2020-01-01", "account_vat_payable": "40", "confirmed": "1"}
    assert client.post(path, early).status_code == 303
    assert holds(town, "vat_payable", "opening_balances")[1] == -60_00


def test_every_kind_has_its_form_and_who_has_no_provider_pays_none(db: object) -> None:
    build_town()
    assert {kind.key for kind in KINDS} == set(OWN_KINDS)
    north, padma = signed_in("north"), signed_in("padma")
    chosen = north.get(reverse("record")).content.decode()
    for kind in KINDS:
        path = reverse("record-event", args=[kind.key])
        assert path in chosen and north.get(path).status_code == 200, kind.key
    path = reverse("record-event", args=["provider_paid"])
    assert path not in padma.get(reverse("record")).content.decode() and padma.get(path).status_code == 404
    assert padma.get(reverse("record-event", args=["lottery"])).status_code == 404


def test_a_deposit_is_taken_kept_for_dues_and_taken_back(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    customer = town.ids["customer"]
    for what, amount, left in (("in", "400", "450.00"), ("kept", "120", "330.00"), ("given_back", "30", "300.00")):
        path = reverse("deposit-act", args=[customer, what])
        sent = {**form_of(client, path), "amount_minor": amount, "on": today().isoformat(), "why": "router"}
        if what != "kept":
            sent["method"] = "cash"
        assert left in client.post(path, sent).content.decode()
        for _ in range(2):
            assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
        assert f"{left} left for safety" in client.get(reverse("deposit", args=[customer])).content.decode()
    undo = reverse("take-back-deposit", args=[newest(town, "deposit WHERE kind = 'deposit_kept'")])
    assert client.post(undo, {"on": today().isoformat(), "reason": "wrong", "confirmed": "1"}).status_code == 303
    assert "420.00 left for safety" in client.get(reverse("deposit", args=[customer])).content.decode()


def test_tax_that_a_company_withheld_pays_its_bill_and_is_the_office_s_to_record(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("tax-withheld", args=[town.ids["customer"]])
    sent = {**form_of(client, path), "amount": "60", "reference": "TDS-17"}
    due = holds(town, "receivable_customers")[0]
    assert "60.00" in client.post(path, sent).content.decode()
    for _ in range(2):
        assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
    assert holds(town, "tax_withheld", "receivable_customers") == [60_00, due - 60_00]
    assert "Tax withheld" in client.get(reverse("payments")).content.decode()
    with acting(town.cast.padma, town.cast.riverside, user_id=town.ids["collector"]), pytest.raises(NotAllowed):
        record_payment(
            customer_id=town.ids["customer"], amount_minor=1, method="tax_withheld", received_on=today(), now=now(),
            request_key="k",
        )  # fmt: skip
