"""The page of periods: months, closing and reopening looked at first, the year end and its entry."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from django.test import Client

from backhaul.common.clock import local_date, now
from backhaul.ledger.periods import close_books, get_books
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.test_actions import count
from tests.web.town import Town, build_town

PAGE = "/books/periods/"


@pytest.fixture
def riverside(db: object) -> Town:
    """A town whose people joined on the first of last month; see tests/web/town.py."""
    return build_town()


def last_of_last_month() -> date:
    return local_date(now(), "Asia/Dhaka").replace(day=1) - timedelta(days=1)


def text(client: Client, path: str = PAGE) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return re.sub(r"\s+", " ", answer.content.decode())


def locked_through(town: Town) -> date | None:
    with acting(town.cast.padma, town.cast.riverside):
        found: date | None = get_books()["locked_through"]
    return found


def test_a_month_is_looked_at_closed_and_opened_again_with_a_reason(riverside: Town) -> None:
    owner = signed_in("riverside")
    day = last_of_last_month()
    shown = text(owner, f"{PAGE}?in={day.isoformat()}")
    began = text(owner, f"{PAGE}?in={day.replace(year=day.year - 1).isoformat()}")
    assert began.count("Before the books began") == 12 and "Year before" not in began
    assert "No period of the books is closed yet" in shown
    assert f'{PAGE}close/?through={day.isoformat()}"' in shown  # the first month that anything happened in
    sent = {"through": day.isoformat()}
    preview = owner.post(f"{PAGE}close/", sent).content.decode()
    assert "Days that are locked" in preview and "Entries in them" in preview
    assert 'name="confirmed"' in preview
    assert locked_through(riverside) is None
    assert owner.post(f"{PAGE}close/", {**sent, "confirmed": "1"}).headers["Location"] == PAGE
    assert locked_through(riverside) == day
    page = text(owner, f"{PAGE}?in={day.isoformat()}")
    assert f"The books are closed through {day.day} {day:%b %Y}" in page
    reopen = f"{PAGE}{day:%Y-%m}/reopen/"
    assert reopen in page
    assert owner.post(reopen, {"why": "", "confirmed": "1"}).status_code == 422
    looked = owner.post(reopen, {"why": "a bill was missing"}).content.decode()
    assert "Days that are open again" in looked
    assert locked_through(riverside) == day
    assert owner.post(reopen, {"why": "a bill was missing", "confirmed": "1"}).status_code == 303
    assert locked_through(riverside) == day.replace(day=1) - timedelta(days=1)
    assert "a bill was missing" in text(owner)


def test_what_is_unfinished_in_the_days_is_told_before_they_are_closed(riverside: Town) -> None:
    owner = signed_in("riverside")
    today = local_date(now(), "Asia/Dhaka")
    preview = owner.post(f"{PAGE}close/", {"through": today.isoformat()}).content.decode()
    assert "Today is not over" in preview
    assert "Still on its way: Paid to provider" in preview  # the fund's recharge, that nobody has booked as paid
    assert locked_through(riverside) is None


def test_a_day_to_come_and_a_closed_one_are_refused_beside_the_field(riverside: Town) -> None:
    owner = signed_in("riverside")
    with acting(riverside.cast.padma, riverside.cast.riverside):
        close_books(through=last_of_last_month(), now=now())
    later = last_of_last_month() + timedelta(days=400)
    for day, says in ((later, "through today at the latest"), (last_of_last_month(), "closed through")):
        answer = owner.post(f"{PAGE}close/", {"through": day.isoformat(), "confirmed": "1"})
        assert answer.status_code == 422
        assert says in answer.content.decode()


def test_an_accountant_closes_and_does_not_open_again(riverside: Town) -> None:
    accountant = signed_in("accountant")
    day = last_of_last_month()
    assert accountant.post(f"{PAGE}close/", {"through": day.isoformat(), "confirmed": "1"}).status_code == 303
    reopen = f"{PAGE}{day:%Y-%m}/reopen/"
    assert reopen not in text(accountant, f"{PAGE}?in={day.isoformat()}")
    assert accountant.post(reopen, {"why": "mine", "confirmed": "1"}).status_code == 403
    assert locked_through(riverside) == day
    assert text(signed_in("riverside")).count("Accountant") >= 1  # who closed it


def test_a_year_ends_with_its_entry_shown_first_and_reopening_takes_it_back(riverside: Town) -> None:
    """The year is made to end with last month, in which Riverside billed for the first time."""
    owner = signed_in("riverside")
    day = last_of_last_month()
    assert owner.post(f"{PAGE}year/", {"month": "13"}).status_code == 422
    assert owner.post(f"{PAGE}year/", {"month": str((day + timedelta(days=1)).month)}).status_code == 303
    year = text(owner, f"{PAGE}?in={day.isoformat()}")
    (path,) = set(re.findall(rf'href="({PAGE}[0-9-]+/year-end/)"', year))
    preview = owner.post(path, {}).content.decode()
    assert "To retained earnings" in preview and "Internet revenue" in preview
    assert count(riverside, "entry WHERE kind = 'year_close'") == 0
    assert owner.post(path, {"confirmed": "1"}).headers["Location"] == PAGE
    assert count(riverside, "entry WHERE kind = 'year_close'") == 1
    assert locked_through(riverside) == day
    closed = text(owner, f"{PAGE}?in={day.isoformat()}")
    assert "Year closed" in closed and path not in closed
    again = owner.post(path, {"confirmed": "1"})
    assert again.status_code == 422 and "closed already" in again.content.decode()
    looked = owner.post(f"{PAGE}{day:%Y-%m}/reopen/", {"why": "one more bill"}).content.decode()
    assert "Year end taken back" in looked
    owner.post(f"{PAGE}{day:%Y-%m}/reopen/", {"why": "one more bill", "confirmed": "1"})
    assert count(riverside, "entry WHERE kind = 'reversal:year_close'") == 1


def test_what_came_into_a_closed_month_is_said_and_nonsense_in_the_address_is_not_minded(riverside: Town) -> None:
    owner = signed_in("riverside")
    for junk in ("nonsense", "0001-01-01", "9999-12-31"):
        assert "Months of the year" in text(owner, f"{PAGE}?in={junk}")
    assert "into a closed period" not in text(owner)
