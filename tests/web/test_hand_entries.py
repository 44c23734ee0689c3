"""Entries by hand and the chart of accounts: posted once, taken back once, kept where events need them."""

from __future__ import annotations

from datetime import timedelta

from backhaul.common.clock import local_date, now
from backhaul.operators.functions import rows
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.test_books import POST, hand_entry, page_of
from tests.web.town import build_town


def test_an_entry_by_hand_of_several_lines_is_looked_at_posted_once_and_taken_back(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    typed = hand_entry(client)
    looked = client.post(POST, typed)
    words = looked.content.decode()
    assert looked.status_code == 200
    assert words.index("1000 Cash") < words.index("1010 Bank") < words.index("3000 Owner")
    assert "Opening the shop" in words
    changed = client.post(POST, {**typed, "change": "1"}).content.decode()
    assert 'value="1,000.00"' in changed
    for _ in range(2):
        assert client.post(POST, {**typed, "confirmed": "1"}).status_code == 303
    with acting(town.cast.padma, town.cast.riverside):
        entry = rows("SELECT id FROM entry WHERE kind = 'manual'")
        lines = rows("SELECT debit_code, credit_code, amount_minor FROM posting WHERE entry_id = %s", [entry[0]["id"]])
    assert len(entry) == 1
    assert [tuple(line.values()) for line in lines] == [
        ("cash", "owner_capital", 1000_00), ("bank", "owner_capital", 500_00),
    ]  # fmt: skip
    path = f"/books/entries/{entry[0]['id']}/"
    back = {"on": typed["effective_on"], "reason": "typed twice", "confirmed": "1"}
    assert client.post(f"{path}reverse/", back).status_code == 303
    page = page_of(client, path)
    assert "Taken back by entry" in page
    assert f"{path}reverse/" not in page
    assert "taken back before" in client.post(f"{path}reverse/", back).content.decode()


def test_the_chart_of_accounts_is_edited_and_keeps_what_events_need(db: object) -> None:
    build_town()
    client = signed_in("accountant")
    chart = page_of(client, "/books/accounts/")
    assert "/books/accounts/rent/close/" in chart
    assert "/books/accounts/cash/close/" not in chart
    added = {"number": "5910", "name": "Tea", "kind": "expense"}
    assert client.post("/books/accounts/add/", added).status_code == 303
    refused = client.post("/books/accounts/add/", added)
    assert (refused.status_code, "Tea has that number already" in refused.content.decode()) == (422, True)
    assert (
        client.post("/books/accounts/own_tea/edit/", {"number": "5911", "name": "Tea and biscuits"}).status_code == 303
    )
    assert "Tea and biscuits" in page_of(client, "/books/accounts/")
    tomorrow = (local_date(now(), "Asia/Dhaka") + timedelta(days=1)).isoformat()
    assert client.post("/books/accounts/own_tea/close/", {"on": tomorrow, "confirmed": "1"}).status_code == 303
    assert "/books/accounts/own_tea/open/" in page_of(client, "/books/accounts/")
    assert client.post("/books/accounts/own_tea/open/").status_code == 303
    kept = client.post("/books/accounts/cash/close/", {"on": tomorrow, "confirmed": "1"})
    assert "it stays open" in kept.content.decode()
