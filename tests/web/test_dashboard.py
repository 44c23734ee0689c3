"""The dashboard shows each person what its work needs, and nothing that it may not see."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from backhaul.billing.owed import sum_dues_by_zone
from backhaul.billing.standing import count_expiring, count_standings, get_standing
from backhaul.common import clock
from backhaul.ledger.rules import ManualLine
from backhaul.ledger.services import post_manual_entry, reverse_entry, seal_all_books
from backhaul.network.presence import count_all_online, get_presence
from backhaul.operators.functions import rows
from backhaul.resellers.planner import find_children_needs
from tests.builders import acting, request_key
from tests.web.conftest import signed_in
from tests.web.town import Town

BUDGET = 12
EVERYBODY = {"alerts", "figures"}
MONEY = {"money", "daily", "recent", "held"}
CARDS = {
    "padma": EVERYBODY | MONEY | {"first", "network", "books", "statuses", "expiring", "children"},
    "north": EVERYBODY | MONEY | {"first", "network", "books", "statuses", "expiring", "children", "fund"},
    "riverside": EVERYBODY | MONEY | {"first", "books", "statuses", "expiring", "fund"},
    "collector": EVERYBODY | {"recent", "held", "statuses", "expiring", "mine", "due"},
    "accountant": EVERYBODY | MONEY | {"books", "statuses", "expiring", "fund"},
    "noc": EVERYBODY | {"statuses"},
    "manager": EVERYBODY,
}


@pytest.mark.parametrize("seat", CARDS)
def test_each_person_has_the_cards_of_its_work(town: Town, seat: str) -> None:
    client = signed_in(seat)
    page = client.get("/").content.decode()
    assert set(re.findall(r'id="card-(\w+)"', page)) == CARDS[seat]
    for key in {*CARDS["padma"], *CARDS["collector"], "fund"}:
        answer = client.get(f"/dashboard/{key}/")
        assert (answer.status_code == 200) == (key in CARDS[seat] or not answer.content), key
        assert answer.status_code in (200, 403), key


def test_every_link_of_a_card_leads_to_a_page_that_its_reader_may_open(town: Town) -> None:
    for seat, cards in CARDS.items():
        client = signed_in(seat)
        for key in sorted(cards):
            links = set(re.findall(r'href="(/[^"]*)"', client.get(f"/dashboard/{key}/").content.decode()))
            answers = {link: client.get(link.replace("&amp;", "&")).status_code for link in links}
            assert set(answers.values()) <= {200}, (seat, key, answers)


def test_a_list_behind_a_figure_comes_to_the_same(town: Town) -> None:
    """B6: billed and collected this month, and what is due, with the number of bills and of customers who owe."""
    client = signed_in("riverside")
    cards = client.get("/dashboard/figures/").content.decode()
    opened = re.findall(r'href="(/(?:bills|payments)/\?[^"]+)".*?bh-stat-value">([\d.,]+)<', cards, re.DOTALL)
    assert len(opened) == 3 and "/payments/?from=" in cards
    assert {figure for _, figure in opened} > {"0.00"}
    for href, figure in opened:
        assert f"BDT {figure}</strong>" in client.get(href).content.decode(), href
    assert "bh-card-foot border-top-0 m-0" not in client.get("/bills/?state=open&q=karim").content.decode()


def test_entries_by_hand_of_today_are_those_that_their_card_opens(town: Town) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    with acting(town.cast.padma, town.cast.riverside):
        for on in (today, today - timedelta(days=1)):
            made = post_manual_entry(
                effective_on=on, lines=[ManualLine("cash", "bank", 5)], reason="moved", request_key=request_key(),
                now=now,
            )  # fmt: skip
        reverse_entry(entry_id=made, on=today, reason="wrong", now=now)
    client = signed_in("accountant")
    card = client.get("/dashboard/books/").content.decode()
    href, said = re.findall(r'href="(/books/journal/[^"]+)".*?(\d+) entr', card, re.DOTALL)[0]
    listed = client.get(href.replace("&amp;", "&")).content.decode()
    assert len(re.findall(r'class="text-reset" href="/books/entries/', listed)) == int(said) == 1


def test_a_page_asks_the_database_twelve_times_at_most_beside_its_frame(town: Town) -> None:
    for seat in ("padma", "north", "riverside", "collector", "accountant"):
        client = signed_in(seat)
        client.get("/")
        with CaptureQueriesContext(connections["default"]) as page:
            client.get("/")
        with CaptureQueriesContext(connections["default"]) as frame:
            client.get("/progress/bell/")
        assert len(page) - len(frame) + 1 <= BUDGET, (seat, len(page), len(frame))


def test_who_collects_is_not_told_what_the_whole_business_bills_and_collects(town: Town) -> None:
    month = f"{clock.local_date(clock.now(), 'Asia/Dhaka'):%Y-%m}"
    lists = {f"/bills/?month={month}": "Billed <strong", f"/payments/?from={month}-01": "Collected <strong"}
    for address, told in {"/dashboard/figures/": "this month", **lists}.items():
        assert told not in signed_in("collector").get(address).content.decode(), address
        assert told in signed_in("accountant").get(address).content.decode(), address


def test_a_payment_is_in_the_figures_before_and_after_it_is_sealed(town: Town) -> None:
    client = signed_in("riverside")
    before = client.get("/dashboard/figures/").content.decode()
    assert "250.00 today" in before
    seal_all_books(town.cast.padma, now=clock.now())
    assert client.get("/dashboard/figures/").content.decode() == before
    assert "250.00" in client.get("/dashboard/daily/").content.decode()


def test_what_changed_since_yesterday_and_last_week_is_told(town: Town) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    for days in (1, 7):
        count_standings(town.cast.padma, now=now - timedelta(days=days))
    with acting(town.cast.padma, town.cast.riverside):
        assert get_standing(today, dues=True).change("active", 1) == 0
    with acting(town.cast.padma, town.cast.rival):
        assert get_standing(today, dues=True).statuses["active"] == 0
    page = signed_in("riverside").get("/dashboard/figures/").content.decode()
    assert "since yesterday" in page and "in a week" in page


def test_many_services_are_told_as_they_were_last_counted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    with acting(town.cast.padma, town.cast.riverside):
        counted, ending = get_standing(today, dues=True), count_expiring(today)
    monkeypatch.setattr("backhaul.billing.standing.COUNT_EACH_TIME", 0)
    count_standings(town.cast.padma, now=now)
    with acting(town.cast.padma, town.cast.riverside):
        told = get_standing(today, dues=True)
        assert count_expiring(today) == ending
    assert told.counted_at is not None
    assert (told.statuses, told.dues) == (counted.statuses, counted.dues)


def test_what_is_due_in_zones_is_told_as_it_was_last_counted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    later = clock.now() + timedelta(days=60)  # when what is open is due
    with acting(town.cast.padma, town.cast.riverside):
        zones, counted_at = sum_dues_by_zone(later.date())
    assert zones and counted_at is None
    monkeypatch.setattr("backhaul.billing.standing.COUNT_EACH_TIME", 0)
    count_standings(town.cast.padma, now=later)
    with acting(town.cast.padma, town.cast.riverside):
        assert sum_dues_by_zone(clock.local_date(later, "Asia/Dhaka")) == (zones, later)


def test_charges_that_were_counted_ahead_are_those_that_are_planned(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    today = clock.local_date(now, "Asia/Dhaka")
    with acting(town.cast.padma):
        planned = find_children_needs(today=today)
    monkeypatch.setattr("backhaul.billing.standing.COUNT_EACH_TIME", 0)
    count_standings(town.cast.padma, now=now)
    with acting(town.cast.padma, town.cast.north):
        ahead = rows("SELECT charges::text AS charges FROM operator_day WHERE on_date = %s", [today])
    assert ahead[0]["charges"] not in (None, "{}")
    with acting(town.cast.padma):
        assert find_children_needs(today=today) == planned


def test_who_is_online_is_compared_with_the_same_hour_of_last_week(town: Town) -> None:
    now = clock.now()
    count_all_online(town.cast.padma, now=now - timedelta(days=7))
    count_all_online(town.cast.padma, now=now)
    with acting(town.cast.padma, town.cast.riverside):
        assert get_presence(now=now).before == 0
        assert get_presence(now=now).drop_percent == 0
