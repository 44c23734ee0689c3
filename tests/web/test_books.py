"""Pages of the books: every figure leads down to its event, files hold numbers, entries by hand keep what was typed."""

from __future__ import annotations

import csv
import io
import re
import threading
from datetime import date

import pytest
from django.test import Client
from python_calamine import CalamineWorkbook

from backhaul.billing.adjustments import discount_bill
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.clock import local_date, now
from backhaul.ledger.day_book import get_account_statement
from backhaul.ledger.events import OwnEvent, record_own_event
from backhaul.web.console.statement_files import statement_csv, statement_xlsx
from tests.builders import acting, request_key
from tests.ledger.books import as_admin
from tests.scenarios.test_money_races import wait_for_locks
from tests.web.conftest import signed_in
from tests.web.test_actions import form_of
from tests.web.town import Town

STATEMENTS = (
    "trial-balance", "movements", "accounts/receivable_customers/parties",
    "income-statement", "balance-sheet", "cash-flow", "receivables", "day-book", "accounts/cash",
)  # fmt: skip
HOLDS = {
    "movements": "Debits equal credits",
    "accounts/receivable_customers/parties": "The parties come to what the account holds",
    "trial-balance": "Debits equal credits",
    "income-statement": "Total income",
    "balance-sheet": "Assets equal liabilities and equity",
    "cash-flow": "Opening and what came in",
    "receivables": "The total is the receivable account",
    "day-book": "By kind",
    "accounts/cash": "Closing",
}


def page_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


@pytest.mark.parametrize("name", STATEMENTS)
def test_every_statement_is_a_page_and_a_file_of_the_same_figures(town: Town, name: str) -> None:
    client = signed_in("riverside")
    path = f"/books/{name}/"
    page = page_of(client, path)
    assert HOLDS[name] in page
    assert "Not so:" not in page
    answer = client.get(f"{path}?as=csv")
    table = list(csv.reader(io.StringIO(answer.content.decode().removeprefix("\ufeff"))))
    assert answer["Content-Disposition"].endswith('.csv"')
    book = CalamineWorkbook.from_filelike(io.BytesIO(client.get(f"{path}?as=xlsx").content))
    sheet = book.get_sheet_by_index(0).to_python()
    figures = {cell for row in table[1:] for cell in row[4:] if re.fullmatch(r"-?\d+\.\d\d", cell)}
    in_book = {f"{cell:.2f}" for row in sheet for cell in row if isinstance(cell, float)}
    assert figures
    assert figures <= in_book
    of_money = [n for n, head in enumerate(table[0]) if head.endswith(" (BDT)")]
    assert {n for row in table[1:] for n, cell in enumerate(row) if cell in figures} <= set(of_money)
    assert {table[0][n] for n in of_money} <= {cell for row in sheet for cell in row}
    assert page.count('<small class="bh-unit">BDT</small>') == len(of_money)
    for figure in figures:
        assert f"{abs(float(figure)):,.2f}" in page, figure
    if name == "accounts/cash":
        assert any(isinstance(cell, date) for row in sheet for cell in row)


def test_a_statement_is_of_one_instant(server: EmbeddedPostgres, town: Town) -> None:
    """Money comes in between the flows and the balances: the page shows it in both or in neither."""
    client = signed_in("riverside")
    pages: list[str] = []
    with as_admin(server) as admin, admin.transaction():
        admin.execute("LOCK TABLE account_day IN ACCESS EXCLUSIVE MODE")
        reader = threading.Thread(target=lambda: pages.append(page_of(client, "/books/cash-flow/")))
        reader.start()
        wait_for_locks(server, 1)
        with acting(town.cast.padma, town.cast.riverside):
            record_own_event(
                OwnEvent("owner_puts_in", 7_77, local_date(now(), "Asia/Dhaka"), "more", paid="cash"),
                request_key=request_key(), now=now(),
            )  # fmt: skip
    reader.join()
    assert "Not so:" not in pages[0]


def test_a_file_that_leaves_rows_out_says_so(town: Town) -> None:
    words = "There are more rows; choose fewer days."
    with acting(town.cast.padma, town.cast.riverside):
        for limit, told in ((1000, False), (1, True)):
            statement = get_account_statement(
                "receivable_customers", from_on=date(2020, 1, 1), to_on=date(2999, 1, 1), limit=limit
            )
            sheet = CalamineWorkbook.from_filelike(io.BytesIO(statement_xlsx(statement).content)).get_sheet_by_index(0)
            assert any(words in row for row in sheet.to_python()) is told
            assert (words in statement_csv(statement).content.decode()) is told


def test_a_statement_is_printed_as_it_is_shown(town: Town) -> None:
    answer = signed_in("riverside").get("/books/balance-sheet/?as=pdf")
    assert answer.content.startswith(b"%PDF")
    assert re.search(r'filename="balance-sheet-\d{4}-\d\d-\d\d\.pdf"', answer["Content-Disposition"])


def test_what_was_not_known_yet_is_not_shown(town: Town) -> None:
    client = signed_in("riverside")
    assert "Receivable from customers" in page_of(client, "/books/trial-balance/")
    page = page_of(client, "/books/trial-balance/?known=2020-01-01")
    assert "Receivable from customers" not in page
    assert "as known on 1 Jan 2020" in page


def test_the_day_book_names_customers_and_people(town: Town) -> None:
    page = page_of(signed_in("riverside"), "/books/day-book/")
    assert "Abdul Karim" in page


def test_the_way_from_an_entry_says_what_it_leads_to(town: Town) -> None:
    """A discount is not its bill."""
    with acting(town.cast.padma, town.cast.riverside):
        discount_bill(
            invoice_id=town.ids["bill"], net_minor=1_00, why="slow", on=local_date(now(), "Asia/Dhaka"), now=now(),
            request_key=request_key(),
        )  # fmt: skip
    client = signed_in("riverside")
    (entry, *_) = links(page_of(client, "/books/journal/?kind=bill_discount"), r"/books/entries/\d+/")
    assert "Bill that it lowers" in page_of(client, entry)


@pytest.mark.parametrize("name", ["trial-balance", "balance-sheet", "income-statement", "receivables"])
def test_a_figure_leads_to_the_same_days_as_known_on_the_same_day(town: Town, name: str) -> None:
    today = local_date(now(), "Asia/Dhaka")
    page = page_of(signed_in("riverside"), f"/books/{name}/?to={today}&known={today}")
    led = re.findall(r'href="(/books/accounts/[^"]+|/books/income-statement/[^"]+|/customers/\d+/account/[^"]*)"', page)
    assert led
    for address in led:
        if "as=" not in address:
            assert f"to={today}" in address and f"known={today}" in address, address


def test_a_shopkeeper_reads_how_the_business_stands(town: Town) -> None:
    page = page_of(signed_in("riverside"), "/books/")
    for words in ("What you own", "What others owe you", "What you owe", "this month"):
        assert words in page
    assert page.count('aria-current="page"') == 1


def links(page: str, pattern: str) -> list[str]:
    return [href.replace("&amp;", "&") for href in re.findall(rf'href="({pattern})"', page)]


def test_a_figure_leads_down_to_its_account_entry_and_receipt(town: Town) -> None:
    client = signed_in("riverside")
    sheet = page_of(client, "/books/balance-sheet/")
    account = page_of(client, links(sheet, r"/books/accounts/cash/[^\"]*")[0])
    entries = [page_of(client, href) for href in dict.fromkeys(links(account, r"/books/entries/\d+/"))]
    paid = next(page for page in entries if f"/payments/{town.ids['payment']}/" in page)
    assert "250.00" in paid
    assert "Riverside" in paid  # who recorded it
    person = links(paid, r"/customers/\d+/account/")[0]
    assert "The closing is what the books hold for this customer" in page_of(client, person)


BEHIND = r"/(?:bills|payments|funds|drawers)/[\d/a-z]*\d+/|/customers/\d+/deposit/|/books/record/"


def test_every_entry_of_the_journal_can_be_opened_and_leads_to_what_happened(town: Town) -> None:
    for seat in ("riverside", "north", "padma"):
        client = signed_in(seat)
        entries = links(page_of(client, "/books/journal/"), r"/books/entries/\d+/")
        assert entries
        for href in dict.fromkeys(entries):
            page = page_of(client, href)
            behind = links(page.split('id="page"')[1], BEHIND)
            assert behind, (seat, page)
            assert client.get(behind[0]).status_code == 200


def test_the_journal_shows_one_kind_when_asked(town: Town) -> None:
    client = signed_in("riverside")
    page = page_of(client, "/books/journal/?kind=customer_payment")
    assert len(links(page, r"/books/entries/\d+/")) == 1


POST = "/books/journal/post/"


def hand_entry(client: Client, **typed: str) -> dict[str, str]:
    return {
        **form_of(client, POST), "effective_on": local_date(now(), "Asia/Dhaka").isoformat(),
        "reason": "Opening the shop", "account_0": "cash", "debit_0": "1,000.00", "account_1": "bank", "debit_1": "500",
        "account_2": "owner_capital", "credit_2": "1500.00", **typed,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"credit_2": "1400"}, "Debits and credits differ"),
        ({"account_1": ""}, "Choose an account."),
        ({"credit_1": "5"}, "one of them"),
        (dict.fromkeys(("account_0", "account_1", "account_2", "debit_0", "debit_1", "credit_2"), ""), "at least one"),
        ({"account_0": "receivable_customers"}, "Select a valid choice"),
        ({"reason": ""}, "This field is required"),
        ({"debit_0": "a lot"}, "is not an amount"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_entry_is_said_and_nothing_typed_is_lost(
    town: Town, typed: dict[str, str], says: str
) -> None:
    client = signed_in("accountant")
    sent = hand_entry(client, **typed)
    answer = client.post(POST, {**sent, "confirmed": "1"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert says in page
    kept = [sent[name] for name in ("reason", "debit_0", "debit_1", "credit_2") if sent[name]]
    assert all(f'value="{value}"' in page for value in kept)


def test_more_lines_are_given_without_losing_any(town: Town) -> None:
    client = signed_in("riverside")
    page = client.post(POST, {**hand_entry(client), "more": "1"}).content.decode()
    assert 'name="account_7"' in page
    assert 'name="account_8"' not in page
    assert 'value="1,000.00"' in page
    assert '<option value="owner_capital" selected>' in page


def test_a_customers_account_is_a_page_and_a_file(town: Town) -> None:
    client = signed_in("riverside")
    path = f"/customers/{town.ids['customer']}/account/"
    page = page_of(client, f"{path}?from={town.ids['month']}")
    assert "Abdul Karim" in page
    assert "The closing is what the books hold for this customer" in page
    table = client.get(f"{path}?from={town.ids['month']}&as=csv").content.decode()
    assert "-250.00" not in table  # paid stands in its own column
    assert "250.00" in table
