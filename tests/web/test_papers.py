"""Documents as people download them: what they say in both languages, what they keep to themselves, who gets them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pypdfium2
import pytest
from django.test import Client
from django.urls import reverse
from django.utils.translation import override

from backhaul.billing.adjustments import discount_bill, write_off_bill
from backhaul.billing.queries import get_bill
from backhaul.common.clock import local_date, now
from backhaul.ledger.heads import get_latest_head, make_heads
from backhaul.ledger.services import seal_all_books
from backhaul.ledger.statements import Column, Row, Statement, section
from backhaul.operators.functions import rows
from backhaul.payments.bill_facts import find_bill_facts
from backhaul.payments.queries import get_payment
from backhaul.payments.receipt_codes import get_receipt_code
from backhaul.subscribers.queries import get_customer
from backhaul.web.paper import document
from backhaul.web.paper.bills import bill_document
from backhaul.web.paper.press import print_document
from backhaul.web.paper.statements import statement_document
from tests.builders import acting, request_key
from tests.printed import text_of
from tests.web.conftest import signed_in
from tests.web.town import Town, sign_up


def downloaded(client: Client, path: str, name: str) -> str:
    """The words of a PDF under that name."""
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer["Content-Disposition"] == f'attachment; filename="{name}"'
    return text_of(answer.content)


def in_bangla(client: Client) -> Client:
    client.post("/i18n/setlang/", {"language": "bn", "next": "/"})
    return client


def number_of(town: Town, table: str, column: str, pk: int) -> int:
    with acting(town.cast.padma, town.cast.riverside):
        return int(rows(f"SELECT {column} AS number FROM {table} WHERE id = %s", [pk])[0]["number"])


def test_a_bill_says_what_the_customer_owes_and_not_what_it_cost(town: Town) -> None:
    number = number_of(town, "invoice", "number", town.ids["bill"])
    words = downloaded(signed_in("riverside"), reverse("bill-pdf", args=[town.ids["bill"]]), f"bill-{number}.pdf")
    for said in (
        f"Bill {number}",
        "Abdul Karim",
        "01711000000",
        "Riverside",
        "600.00",
        "The days behind it",
        "250.00",
        "Still due",
    ):
        assert said in words, said
    for kept in ("450.00", "Charged to", "provider"):
        assert kept not in words, kept


def test_a_bill_says_why_something_was_taken_off_it_but_not_why_the_rest_was_given_up(town: Town) -> None:
    on, at = local_date(now(), town.cast.padma.time_zone), now()
    with acting(town.cast.padma, town.cast.riverside):
        customer = sign_up(town.cast, "Habib Sarker", town.ids["month"])
        bill = rows("SELECT id FROM invoice WHERE customer_id = %s", [customer])[0]["id"]
        act = {"invoice_id": bill, "on": on, "now": at}
        discount_bill(**act, net_minor=50_00, why="rain week", request_key=request_key())
        write_off_bill(**act, why="moved abroad", request_key=request_key())
    words = text_of(signed_in("riverside").get(reverse("bill-pdf", args=[bill])).content)
    for said in ("Habib Sarker", "Written off", "Discount", "rain week", "550.00", "BDT 0.00"):
        assert said in words, said
    assert "moved abroad" not in words


def test_days_of_one_kind_in_a_row_are_one_line_of_a_bill(town: Town) -> None:
    kinds = [("billed", None)] * 3 + [("off", "unpaid")] * 2 + [("billed", None)]
    days = [
        {"day": date(2026, 11, n), "state": state, "reason": reason, "net_minor": 20_00 if state == "billed" else 0}
        for n, (state, reason) in enumerate(kinds, start=1)
    ]
    with acting(town.cast.padma, town.cast.riverside):
        paper = bill_document(
            get_bill(town.ids["bill"], today=date(2026, 11, 9)),
            customer=get_customer(town.ids["customer"]),
            bill_days=days,
            payments=[],
            credit_notes=[],
            adjustments=[],
        )
    assert [row.cells for row in paper.tables[1].rows] == [
        ("1 Nov – 3 Nov 2026", "Billed", "3", "60.00"),
        ("4 Nov – 5 Nov 2026", "Off · unpaid", "2", "0.00"),
        ("6 Nov 2026", "Billed", "1", "20.00"),
    ]


def test_a_bill_and_a_receipt_are_in_bangla_when_asked_for(town: Town) -> None:
    client = in_bangla(signed_in("riverside"))
    bill = number_of(town, "invoice", "number", town.ids["bill"])
    receipt = number_of(town, "payment", "receipt_number", town.ids["payment"])
    words = downloaded(client, reverse("bill-pdf", args=[town.ids["bill"]]), f"bill-{bill}.pdf")
    assert ("মোট" in words, "Total" in words) == (True, False)
    words = downloaded(client, reverse("payment-pdf", args=[town.ids["payment"]]), f"receipt-{receipt}.pdf")
    assert ("নগদ" in words, "Cash" in words, "২৫০.০০" in words, f" {receipt}" in words) == (True, False, True, True)


def test_a_bill_asks_for_all_that_is_due_through_it_and_says_how_to_pay(town: Town) -> None:
    with acting(town.cast.padma, town.cast.riverside), override("en"):
        bills = rows("SELECT id, number FROM invoice WHERE customer_id = %s ORDER BY id", [town.ids["customer"]])
        [facts] = find_bill_facts([bills[0]["id"]], today=date(2026, 11, 9))
        later = bill_document(**facts | {"earlier_minor": 120_00})
        paid = bill_document(**facts | {"bill": facts["bill"] | {"due_minor": 0}})
    assert facts["earlier_minor"] == 0
    assert later.due and later.due.value == "BDT 470.00"
    assert [fact.value for fact in later.due.facts[:2]] == ["350.00", "120.00"]
    words = text_of(print_document(later))
    for said in ("Amount due", "BDT 470.00", "Earlier bills", "How to pay", later.facts[1].value, "Home 10"):
        assert said in words, said
    assert paid.due and (paid.due.label, paid.due.settled, paid.panels) == ("Nothing is due", True, ())


@pytest.mark.parametrize("seat", ["riverside", "collector", "accountant"])
def test_a_document_is_in_the_language_that_is_chosen_for_it(town: Town, seat: str) -> None:
    client = signed_in(seat)
    for name, key in (("bill-pdf", "bill"), ("payment-pdf", "payment")):
        path = reverse(name, args=[town.ids[key]])
        bangla, english = (text_of(client.get(f"{path}?lang={language}").content) for language in ("bn", "en"))
        assert ("আবদুল" in bangla, "Customer id" in bangla, "Customer id" in english) == (False, False, True)
        assert "Abdul Karim" in bangla and "২৫০.০০" in bangla and "250.00" in english


@pytest.mark.parametrize(("paper", "wide_mm"), [("58mm", 58), ("80mm", 80), ("a4", 210), ("a3", 210)])
def test_a_receipt_is_as_wide_as_the_paper_and_a_strip_as_long_as_it_needs(
    town: Town, paper: str, wide_mm: int
) -> None:
    path = reverse("payment-pdf", args=[town.ids["payment"]])
    printed = signed_in("riverside").get(f"{path}?paper={paper}").content
    with pypdfium2.PdfDocument(printed) as pdf:
        assert len(pdf) == 1
        width, height = (side / 72 * 25.4 for side in pdf[0].get_size())
        left, _, right, _ = drawn_within(pdf[0])
    assert round(width) == wide_mm
    if wide_mm < 100:
        assert 70 < height < 250
        assert right - left <= {58: 48, 80: 72}[wide_mm] + 0.5
    with acting(town.cast.padma, town.cast.riverside):
        code = get_receipt_code(get_payment(town.ids["payment"]))
    words = text_of(printed)
    for said in (code, "BDT 250.00", "Abdul Karim", "Cash"):
        assert said in words, said


def drawn_within(page: Any) -> tuple[float, float, float, float]:
    """The box of all that is drawn on a page, in millimetres."""
    boxes = [each.get_bounds() for each in page.get_objects()]
    sides = zip(*boxes, strict=True)
    return tuple(pick(side) / 72 * 25.4 for pick, side in zip((min, min, max, max), sides, strict=True))


def test_a_receipt_says_who_paid_what_for_which_bill(town: Town) -> None:
    number = number_of(town, "payment", "receipt_number", town.ids["payment"])
    bill = number_of(town, "invoice", "number", town.ids["bill"])
    path = reverse("payment-pdf", args=[town.ids["payment"]])
    words = downloaded(signed_in("riverside"), path, f"receipt-{number}.pdf")
    for said in (f"Receipt {number}", "Abdul Karim", "Cash", f"Bill {bill}", "250.00", "Still due"):
        assert said in words, said


def test_both_ends_of_a_fund_get_the_same_figures_and_only_one_the_names(town: Town) -> None:
    month = town.ids["month"]
    path, name = reverse("fund-statement-pdf", args=[town.cast.riverside, month]), f"fund-riverside-{month:%Y-%m}.pdf"
    with acting(town.cast.padma, town.cast.riverside):
        kept = rows("SELECT digest FROM fund_statement WHERE child_id = %s", [town.cast.riverside])[0]["digest"]
    child, parent = (downloaded(signed_in(seat), path, name) for seat in ("riverside", "north"))
    for words in (child, parent):
        assert kept in words
        for said in ("Every movement", "Opening", "Closing", "Recharge", "not confirmed yet"):
            assert said in words, said
    assert ("Abdul Karim" in child, "Abdul Karim" in parent) == (True, False)


def test_a_statement_of_the_books_is_printed_whole(town: Town) -> None:
    columns = (Column("Debit"), Column("Credit"), Column("On", "day"), Column("Entries", "count"))
    cash = Row("Cash", (1_250_00, None, date(2026, 11, 3), 1200), code="1010", level=1)
    own = Row("#panic()", (None, -7_50, None, None), named=True, note="typed by a person")
    statement = Statement(
        name="trial-balance",
        title="Trial balance",
        label="Account",
        columns=columns,
        sections=(section("Assets", [cash, own], columns, "Total"),),
        totals=(Row("Total", (1_250_00, -7_50, None, 1200)),),
        proofs=(("Debits equal credits", True),),
        from_on=date(2026, 11, 1),
        to_on=date(2026, 11, 30),
        known_on=date(2026, 12, 4),
    )
    said: dict[str, str] = {}
    for language in ("en", "bn"):
        with acting(town.cast.padma, town.cast.riverside), override(language):
            paper = statement_document(statement, seal="Head ab12")
        said[language] = text_of(print_document(paper))
        for words in ("1010", "#panic()", "typed by a person", "Head ab12", "Riverside"):
            assert words in said[language], (language, words)
        figures = ("1,250.00", "−7.50", "1,200") if language == "en" else ("১,২৫০.০০", "−৭.৫০", "১,২০০")
        assert [figure for figure in figures if figure not in said[language]] == []
    assert "Page 1 of 1" in said["en"]
    assert "১ / ১" in said["bn"]
    for words in ("Trial balance", "Cash", "Assets", "1 Nov – 30 Nov 2026", "4 Dec 2026", "Debits equal credits"):
        assert (words in said["en"], words in said["bn"]) == (True, False), words


def test_statements_bear_the_head_of_the_books_at_their_foot(town: Town) -> None:
    isp, at = town.cast.padma, now()
    seal_all_books(isp, now=at)
    make_heads(isp, today=local_date(at, isp.time_zone) + timedelta(days=1), now=at + timedelta(days=1))
    with acting(isp, town.cast.riverside):
        head = get_latest_head()
    assert head is not None
    client = signed_in("riverside")
    fund = reverse("fund-statement-pdf", args=[town.cast.riverside, town.ids["month"]])
    for path in (f"{reverse('trial-balance')}?as=pdf", fund):
        assert head["hash"] in text_of(client.get(path).content)


def test_what_is_too_long_for_a_pdf_is_said_on_the_page(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "MAX_CELLS", 1)
    client = signed_in("riverside")
    answer = client.get(reverse("bill-pdf", args=[town.ids["bill"]]), follow=True)
    assert answer.redirect_chain == [(reverse("bill", args=[town.ids["bill"]]), 303)]
    assert "are too many for a PDF" in answer.content.decode()
