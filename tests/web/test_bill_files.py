"""Many bills on paper: asked for from the list, printed by a job, kept for who asked, and told when it fails."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from backhaul.billing.queries import BillFilter, find_bill_ids, list_bills
from backhaul.common.file_names import numbered_name
from backhaul.operators.functions import rows
from backhaul.web import tasks
from backhaul.web.console import bill_files, bill_printing
from backhaul.web.console.bill_filters import as_json, from_json
from backhaul.web.paper.press import NotPrinted
from tests.builders import acting, build_person
from tests.cast import Cast
from tests.printed import pages_of, text_of
from tests.web.conftest import jobs_of, signed_in
from tests.web.town import Town, sign_up

BANGLA = str.maketrans("0123456789", "০১২৩৪৫৬৭৮৯")
PEOPLE = ("Amin Khan", "Bela Roy", "Chan Mia", "Dipu Das", "Esha Sen")


@pytest.fixture(scope="module")
def billed(town: Town) -> Town:
    """Five more customers of Riverside, two of them in the harbour, each with a bill of its first month."""
    with acting(town.cast.padma, town.cast.riverside):
        people = [sign_up(town.cast, name, town.ids["month"]) for name in PEOPLE]
        rows("UPDATE customer SET zone_id = %s WHERE id = ANY (%s) RETURNING id", [town.ids["zone"], people[:2]])
    return town


def asked(client: Client, query: str) -> str:
    """The address of the file that these bills are printed into."""
    answer = client.post(f"/bills/file/?{query}")
    assert answer.status_code == 303, answer.content.decode()
    return str(answer["Location"])


def run_last_job(cast: Cast) -> None:
    tasks.print_bill_file(**jobs_of(cast, bill_files.PRINT)[-1])


def fetched(client: Client, address: str) -> bytes:
    answer: Any = client.get(f"{address}fetch/")
    assert answer.status_code == 200
    return b"".join(answer)


def test_bills_of_a_month_and_a_zone_are_found(billed: Town) -> None:
    month, today = billed.ids["month"], date(2026, 11, 22)
    with acting(billed.cast.padma, billed.cast.riverside):
        harbour = list_bills(BillFilter(zone_id=billed.ids["zone"]), today=today)
        everything = list_bills(BillFilter(month=month), today=today)
        assert {row["customer_name"] for row in harbour} == set(PEOPLE[:2])
        assert {row["customer_name"] for row in everything} >= set(PEOPLE)
        assert list_bills(BillFilter(month=date(2020, 1, 1)), today=today) == []
        lowest_first = find_bill_ids(BillFilter(month=month), today=today, limit=100)
    assert lowest_first == [row["id"] for row in reversed(everything)]


def test_the_list_offers_what_it_shows_to_print(billed: Town) -> None:
    client = signed_in("riverside")
    words = client.get(f"/bills/?zone={billed.ids['zone']}&month={billed.ids['month']:%Y-%m}").content.decode()
    assert (PEOPLE[0] in words, PEOPLE[4] in words) == (True, False)
    [address] = re.findall(r'href="(/bills/file/\?[^"]*as=zip)"', words)
    offered = client.get(address.replace("&amp;", "&")).content.decode()
    assert "2 bills as a ZIP of single files" in offered
    assert "Try another number" in client.get("/bills/file/?q=nobody-of-that-name").content.decode()
    assert client.post("/bills/file/?q=nobody-of-that-name").status_code == 200
    asks = client.get("/bills/file/?state=open&as=zip").content.decode()
    assert 'data-panel href="/bills/file/?state=open&amp;as=zip&amp;lang=bn"' in asks  # the list is below the panel


@pytest.mark.parametrize("language", ["en", "bn"])
def test_bills_are_one_pdf_in_order_each_with_pages_of_its_own(
    billed: Town, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    monkeypatch.setattr(bill_printing, "BATCH", 2)
    client = signed_in("riverside")
    address = asked(client, f"month={billed.ids['month']:%Y-%m}&as=pdf&lang={language}")
    assert "being made" in client.get(address).content.decode()
    run_last_job(billed.cast)
    with acting(billed.cast.padma, billed.cast.riverside):
        bills = list(reversed(list_bills(BillFilter(month=billed.ids["month"]), today=date(2026, 11, 22))))
    pages = pages_of(fetched(client, address))
    assert len(pages) == len(bills) >= 5
    for page, bill in zip(pages, bills, strict=True):
        amount = f"{bill['total_minor'] / 100:,.2f}"
        assert bill["customer_name"] in page
        assert (amount if language == "en" else amount.translate(BANGLA)) in page
        assert ("Page 1 of 1" in page, "Billed to" in page) == (language == "en", language == "en")


def test_bills_are_single_files_with_the_figures_of_the_books(billed: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_printing, "BATCH", 3)
    client = signed_in("riverside")
    address = asked(client, f"month={billed.ids['month']:%Y-%m}&as=zip&lang=en")
    run_last_job(billed.cast)
    assert "bills." in client.get(address).content.decode()
    with acting(billed.cast.padma, billed.cast.riverside):
        bills = {
            f"{row['number']} {row['customer_name']}.pdf": row
            for row in list_bills(BillFilter(), today=date(2026, 11, 22))
        }
    with zipfile.ZipFile(io.BytesIO(fetched(client, address))) as folder:
        assert len(folder.namelist()) >= 5
        for name in folder.namelist():
            words = text_of(folder.read(name))
            assert bills[name]["customer_name"] in words
            assert f"BDT {bills[name]['due_minor'] / 100:,.2f}" in words
        single = client.get(f"/bills/{bills[name]['id']}/pdf/?lang=en").content
        assert text_of(single) == words


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("শিরীন আক্তার", "7 শিরীন আক্তার.pdf"),
        ("র\u200d্যাব", "7 র\u200d্যাব.pdf"),
        ("Md. A.K. Azad", "7 Md. A.K. Azad.pdf"),
        ("../../etc/passwd", "7 etc passwd.pdf"),
        ("C:\\a|b?\r\n\x00\u2028c\u202e...  ", "7 C a b c.pdf"),
        ("", "7.pdf"),
    ],
)
def test_a_file_is_named_by_number_and_customer_wherever_it_is_kept(name: str, kept: str) -> None:
    assert numbered_name(7, name, ".pdf") == kept


@pytest.mark.parametrize("letter", ["x", "ক", "😀"])
def test_a_files_name_is_not_longer_than_a_file_system_takes(letter: str) -> None:
    name = numbered_name(7, letter * 300, ".pdf")
    assert name.startswith(f"7 {letter}") and name.endswith(f"{letter}.pdf")
    assert 130 < len(name.encode()) <= 140


def test_a_file_is_only_for_who_asked(billed: Town) -> None:
    address = asked(signed_in("riverside"), "as=zip")
    run_last_job(billed.cast)
    with acting(billed.cast.padma, billed.cast.riverside):
        build_person(billed.cast.riverside, "co-owner", "owner")
    for seat in ("co-owner", "north", "rival", "padma"):
        client = signed_in(seat)
        assert client.get(address).status_code == client.get(f"{address}fetch/").status_code == 404, seat
    number = address.split("/")[-2]
    assert signed_in("riverside").get(f"/customers/files/{number}/fetch/").status_code == 404  # no list of customers


def test_a_failure_is_told_on_the_page_and_by_the_bell(billed: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    client = signed_in("riverside")
    address = asked(client, "as=pdf")
    monkeypatch.setattr("backhaul.web.paper.press.HERE", Path("/nowhere"))
    with pytest.raises(NotPrinted):
        run_last_job(billed.cast)
    assert "could not be made" in client.get(address).content.decode()
    assert client.get(f"{address}fetch/").status_code == 404
    with acting(billed.cast.padma, billed.cast.riverside):
        last = rows("SELECT outcome FROM job_progress WHERE link = %s", [address])
    assert last == [{"outcome": "failed"}]


def test_too_many_bills_are_refused_before_anything_is_queued(billed: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill_files, "MOST", 3)
    before = len(jobs_of(billed.cast, bill_files.PRINT))
    answer = signed_in("riverside").post("/bills/file/?as=pdf")
    assert "More than 3 bills" in answer.content.decode()
    assert len(jobs_of(billed.cast, bill_files.PRINT)) == before


def test_which_bills_is_kept_for_the_job_as_it_was_asked() -> None:
    whole = BillFilter("open", "karim", date(2026, 11, 1), 7)
    assert from_json(as_json(whole)) == whole
    assert from_json(as_json(BillFilter())) == BillFilter()
