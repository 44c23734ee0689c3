"""Pages that explain an amount: for the bill's own people, for both ends of an edge, in both languages, on paper."""

from __future__ import annotations

from django.urls import reverse

from tests.web.conftest import signed_in
from tests.web.town import Town


def bill_page(town: Town, person: str = "riverside", query: str = "") -> str:
    return signed_in(person).get(reverse("explain-bill", args=[town.ids["bill"]]) + query).content.decode()


def test_a_bill_opens_to_its_price_its_days_its_sum_its_entry_and_its_charge(town: Town) -> None:
    page = bill_page(town)
    for words in (
        "The price that held", "The package “Home 10” of Padma costs 600.00", "The days", "How it is worked out",
        "In the books", "What North charged Riverside for it", "it is the amount that is recorded",
        "Set by North on", "data-print",
    ):  # fmt: skip
        assert words in page, words
    assert "do not give the recorded amount" not in page


def test_a_collector_reads_the_bill_but_neither_books_nor_charges(town: Town) -> None:
    page = bill_page(town, "collector")
    assert "How it is worked out" in page
    assert "In the books" not in page
    assert "450.00" not in page


def test_amounts_lead_to_their_explanations(town: Town) -> None:
    ids, cast = town.ids, town.cast
    client = signed_in("riverside")
    bill = client.get(reverse("bill", args=[ids["bill"]])).content.decode()
    for name, args in (("explain-bill", [ids["bill"]]), ("explain-payment", [ids["payment"]])):
        assert reverse(name, args=args) in bill
    customer = client.get(reverse("customer-statement", args=[ids["customer"]])).content.decode()
    assert reverse("explain-statement", args=[ids["customer"], ids["month"]]) in customer
    movement = client.get(reverse("movement", args=[cast.riverside, ids["charge"]])).content.decode()
    assert reverse("explain-movement", args=[cast.riverside, ids["charge"]]) in movement
    assert "/explain/" in client.get("/funds/").content.decode()


def test_north_reads_both_its_edges_and_no_retail_price(town: Town) -> None:
    cast = town.cast
    address = reverse("explain-charge", args=[cast.riverside, cast.riverside, town.ids["bill"]])
    north, riverside = (signed_in(who).get(address).content.decode() for who in ("north", "riverside"))
    assert "What North charged Riverside for it" in north
    assert "What Padma charged North for it" in north
    assert "600.00" not in north
    assert "What Padma charged" not in riverside
    assert "400.00" not in riverside


def test_in_bangla_too(town: Town) -> None:
    client = signed_in("riverside")
    client.cookies["django_language"] = "bn"
    answer = client.get(reverse("explain-bill", args=[town.ids["bill"]]))
    assert answer.status_code == 200
    assert 'lang="bn"' in answer.content.decode()


def test_an_explanation_is_printed_as_a_pdf(town: Town) -> None:
    address = reverse("explain-bill", args=[town.ids["bill"]])
    answer = signed_in("riverside").get(f"{address}?as=pdf")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF")
