"""Pages of an edge: the planner and its one tap, the emergency fund, slabs, statements of both sides."""

from __future__ import annotations

import csv
import io
from datetime import date, timedelta

import pytest
from django.test import Client

from backhaul.billing.run_tables import table_of
from backhaul.common.clock import local_date, now
from backhaul.funds.services import deduct_from_fund, set_edge_terms
from backhaul.operators.functions import rows
from backhaul.web.console.downloads import csv_file
from tests.builders import acting, request_key
from tests.web.conftest import signed_in
from tests.web.test_actions import count, form_of
from tests.web.town import Town, build_town, sign_up


def today() -> date:
    return local_date(now(), "Asia/Dhaka")


def text(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return answer.content.decode()


@pytest.fixture
def poor(db: object) -> Town:
    """Riverside's fund has 100.00 left; a customer of Home 10 joined a month ago but two days and is due soon."""
    town = build_town()
    cast = town.cast
    with acting(cast.padma, cast.riverside):
        sign_up(cast, "Due Soon", today() - timedelta(days=1))
    with acting(cast.padma, cast.north):
        left = rows("SELECT posted_minor FROM fund WHERE child_id = %s", [cast.riverside])[0]["posted_minor"]
        deduct_from_fund(
            child_id=cast.riverside,
            amount_minor=left - 100_00,
            on=today(),
            request_key=request_key(),
            reason="for the test",
        )
        set_edge_terms(child_id=cast.riverside, emergency_days=31, emergency_fee_minor=20_00)
    return town


def test_one_tap_asks_and_the_parents_form_is_filled(poor: Town) -> None:
    cast = poor.cast
    child, parent, sibling = signed_in("riverside"), signed_in("north"), signed_in("rival")
    sent = {**form_of(child, "/funds/plan/ask/"), "amount": "1,234.50", "note": "For the next 7 days"}
    for _ in range(2):
        assert child.post("/funds/plan/ask/", sent).headers["Location"] == "/funds/plan/"
    assert count(poor, "fund_request") == 1
    assert "1,234.50" in text(child, "/funds/plan/")
    needs = text(parent, "/resellers/needs/")
    assert "For the next 7 days" in needs
    assert f"/resellers/{cast.riverside}/recharge/?amount=123450" in needs
    assert 'value="1,234.50"' in text(parent, f"/resellers/{cast.riverside}/recharge/?amount=123450")
    assert "1,234.50" in text(parent, f"/resellers/{cast.riverside}/")
    assert "1,234.50" not in text(signed_in("padma"), "/resellers/needs/")
    assert sibling.get("/resellers/needs/").status_code == 403


def test_an_emergency_loan_is_shown_first_and_taken_once(poor: Town) -> None:
    child = signed_in("riverside")
    sent = {**form_of(child, "/funds/emergency/"), "days": "31"}
    preview = child.post("/funds/emergency/", sent).content.decode()
    assert "Take the loan" in preview and "20.00" in preview
    assert count(poor, "fund_movement WHERE kind = 'emergency_loan'") == 0
    with acting(poor.cast.padma, poor.cast.riverside):
        plan = rows("SELECT sum(net_minor + vat_minor)::bigint AS minor FROM plan_own_charges(%s, 31)", [today()])
    sent |= {"amount_minor": str(plan[0]["minor"]), "confirmed": "1"}
    assert child.post("/funds/emergency/", {**sent, "amount_minor": "9" * 30}).status_code == 422
    for _ in range(2):
        assert child.post("/funds/emergency/", sent).headers["Location"] == "/funds/"
    assert count(poor, "fund_movement WHERE kind = 'emergency_loan'") == 1
    again = child.post("/funds/emergency/", {**form_of(child, "/funds/emergency/"), "days": "1"})
    assert again.status_code == 422 and "not repaid" in again.content.decode()


def test_the_days_on_which_funds_run_out_are_filled_in(poor: Town) -> None:
    cast = poor.cast
    own = text(signed_in("riverside"), "/funds/run-outs/")
    assert f'id="lasts-{cast.riverside}"' in own and "runs out on" in own
    children = text(signed_in("north"), "/funds/run-outs/?of=children")
    assert f'id="lasts-{cast.riverside}"' in children and "runs out on" in children
    assert f'id="lasts-{cast.north}"' not in children
    above = text(signed_in("padma"), "/funds/run-outs/?of=children")
    assert str(cast.riverside) not in above
    assert "/funds/run-outs/" in text(signed_in("north"), "/funds/")


def test_both_sides_prepare_confirm_and_settle_on_their_pages(db: object) -> None:
    town = build_town()
    base = f"/funds/{town.cast.riverside}"
    month = f"{base}/statements/{town.ids['month']:%Y-%m}/"
    child, parent = signed_in("riverside"), signed_in("north")
    assert child.post(month).headers["Location"] == month
    assert "Disputed" in text(child, f"{base}/statements/")
    refused = parent.post(f"{month}confirm/")
    assert refused.status_code == 422 and "disputed" in refused.content.decode()
    settle = f"{base}/disputes/{town.ids['dispute']}/settle/"
    assert child.post(settle, {"what": ""}).status_code == 422
    assert "paid twice" in text(parent, month)
    answer = (child if "Answer" in text(child, month) else parent).post(settle, {"what": "it was paid once"})
    assert answer.headers["Location"] == month
    for client in (child, parent):
        assert client.post(f"{month}confirm/").headers["Location"] == month
    assert text(child, month).count("confirmed ") >= 2
    assert "Confirmed by both" in text(parent, f"{base}/statements/")
    dispute = f"{base}/movements/{town.ids['recharge']}/dispute/"
    assert parent.post(dispute, {"what": "too much"}).headers["Location"] == month
    assert "too much" in text(child, month)
    for stranger in ("padma", "rival"):
        assert signed_in(stranger).post(f"{month}confirm/").status_code == 404


def test_months_that_run_or_lie_anywhere_have_no_statement(db: object) -> None:
    town = build_town()
    base = f"/funds/{town.cast.riverside}/statements"
    child = signed_in("riverside")
    running = child.post(f"{base}/{today():%Y-%m}/")
    assert running.status_code == 422 and "when its month is over" in running.content.decode()
    assert child.post(f"{base}/2999-01/").status_code == 422
    for month in ("0001-01", "1000-01", "9999-12", "2026-13"):
        assert child.post(f"{base}/{month}/").status_code == 404, month
    assert count(town, "fund_statement") == 1  # the one of the town


def test_a_statement_downloads_by_movement_and_by_customer(db: object) -> None:
    town = build_town()
    month = f"/funds/{town.cast.riverside}/statements/{town.ids['month']:%Y-%m}/csv/"
    child, parent = signed_in("riverside"), signed_in("north")
    answer = child.get(month)
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="fund-riverside-')
    table = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert table[0][4:8] == ["Fund (BDT)", "Balance (BDT)", "Owed (BDT)", "Owed after it (BDT)"]
    assert table[1][2] == "Opening" and table[-1][2] == "Closing" and table[-1][5] == table[-2][5]
    people = child.get(f"{month}?of=customers").content.decode()
    assert "Abdul Karim" in people and "Nusrat Jahan" in people
    above = parent.get(f"{month}?of=customers").content.decode()
    assert "Abdul Karim" not in above and "Its own customers" in above


def test_a_files_name_holds_nothing_but_plain_letters() -> None:
    name = csv_file('fund-North "2"\n; বাংলা-2026-01.csv', []).headers["Content-Disposition"]
    assert name == 'attachment; filename="fund-North-2-2026-01.csv"'


def test_words_in_a_file_are_never_formulas() -> None:
    answer = csv_file("x.csv", [["=1+1", "-5.00", "+88017", "@x", "name", 7]])
    assert answer.content.decode("utf-8-sig").strip() == "'=1+1,-5.00,+88017,'@x,name,7"
    waits = {"code": "RV-1", "name": '=1+HYPERLINK("x")', "reason": "\n=1+1"}
    rows = list(table_of(bills=[], edges=[], short=[], blocked=[waits], exceptions=[], decimals=2, currency="BDT"))
    assert (rows[1][2], rows[1][11]) == ('\'=1+HYPERLINK("x")', "'\n=1+1")


def test_slabs_are_set_for_a_month_to_come_and_progress_is_shown(db: object) -> None:
    town = build_town()
    slabs = f"/resellers/{town.cast.riverside}/slabs/"
    parent = signed_in("north")
    first = today().replace(day=1)
    wrong = {"starts_on": first.isoformat(), "services_0": "2"}
    assert parent.post(slabs, wrong).status_code == 422
    sent = {"starts_on": first.isoformat(), "services_0": "100", "percent_0": "2.5"}
    assert "Bonus then" in parent.post(slabs, sent).content.decode()
    assert parent.post(slabs, {**sent, "confirmed": "1"}).headers["Location"] == slabs
    assert parent.post(slabs, {**sent, "percent_0": "1"}).status_code == 422  # this month's are promised
    assert "until the next slab of 2.5 %" in text(parent, slabs)
    assert "until the next slab of 2.5 %" in text(signed_in("riverside"), "/funds/")
