"""Pages of drawers: the collector's own tells nothing before the count, whoever receives sees what is missing."""

from __future__ import annotations

from django.test import Client

from backhaul.operators.functions import rows
from tests.builders import acting
from tests.web.conftest import signed_in
from tests.web.test_actions import form_of
from tests.web.test_catalog_pages import amounts, text_of, twice
from tests.web.town import Town, build_town


def shown(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.content.decode()[:2000]
    return text_of(answer.content.decode())


def collected(client: Client, town: Town, amount: str, method: str = "cash") -> str:
    """The address of the receipt."""
    path = f"/collect/{town.ids['customer']}/"
    answer = client.post(path, {**form_of(client, path), "amount": amount, "method": method})
    assert answer.status_code == 303, answer.content.decode()[:2000]
    return str(answer.headers["Location"])


def waiting_of(town: Town) -> int:
    with acting(town.cast.padma, town.cast.riverside):
        return int(rows("SELECT id FROM hand_over WHERE state = 'waiting'")[0]["id"])


def test_a_day_of_a_collector_from_receipt_to_hand_over(db: object) -> None:
    town = build_town()
    collector, accountant, owner = (signed_in(name) for name in ("collector", "accountant", "riverside"))
    twice(accountant, f"/drawers/hand-overs/{town.ids['hand_over']}/receive/")
    collected(collector, town, "120")
    collected(collector, town, "30")
    mine = shown(collector, "/drawer/")
    assert "150.00" not in mine and "Receipts not handed over 2" in mine
    assert "May hold at most no limit" in mine and "Closed through no day yet" in mine
    step, done = twice(collector, "/drawer/hand-over/", counted_minor="140", note="two notes", close_day="on")
    assert done.status_code == 303 and "140.00" in step and "150.00" not in step
    assert "Your day is closed" in step and "waits for whoever receives it" in shown(collector, "/drawer/")
    everything = shown(accountant, "/drawers/")
    assert "two notes" in everything and {"140.00", "150.00"} <= amounts(everything)
    path = f"/drawers/hand-overs/{waiting_of(town)}/"
    step, done = twice(accountant, f"{path}receive/")
    assert done.status_code == 303 and {"+140.00", "+10.00", "150.00"} <= amounts(step)
    assert "10.00 is due from you" in shown(collector, "/drawer/")
    person = f"/drawers/{town.ids['collector']}/"
    step, done = twice(owner, f"{person}settle/", amount_minor="10", how="", why="a torn note")
    assert done.status_code == 303 and "You give up" in step and "Forgiven · a torn note" in shown(owner, person)
    assert "−10.00" in shown(owner, person)


def test_a_late_receipt_and_one_above_the_limit_are_told_and_listed(db: object) -> None:
    town = build_town()
    collector, owner = signed_in("collector"), signed_in("riverside")
    person = f"/drawers/{town.ids['collector']}/"
    assert owner.post(f"{person}limit/", {"float_limit_minor": "100"}).status_code == 303
    assert owner.post(f"{person}limit/", {"float_limit_minor": "0"}).status_code == 422
    form = f"/collect/{town.ids['customer']}/"
    assert "checked" in collector.get(form).content.decode()
    receipt = collected(collector, town, "101")
    assert "hand over before you take more cash" in shown(collector, receipt)
    page = collector.get(form).content.decode()
    assert "Your drawer holds more than 100.00" in text_of(page) and "checked" not in page.partition("</main>")[0]
    assert collector.post("/drawer/close/", {}).status_code == 303
    assert "You have closed today" in shown(collector, form)
    collected(collector, town, "5")
    listed = shown(owner, "/drawers/")
    assert "Late" in listed and "Above the limit" in listed and "5.00" in listed
    sent = {"late_receipts": "refused", "float_limit_minor": "200", "everyone": "on"}
    assert owner.post("/drawers/rules/", sent).status_code == 303
    answer = collector.post(form, {**form_of(collector, form), "amount": "5", "method": "cash"})
    assert answer.status_code == 422 and "ask the office to open the day again" in answer.content.decode()
    step, done = twice(owner, f"{person}days/", through="", why="forgot one")
    assert done.status_code == 303 and "no day" in step and "Opened again" in shown(owner, person)
    collected(collector, town, "5")
    collected(owner, town, "50")
    assert "Riverside" in shown(owner, "/drawers/") and "Receipts not handed over 1" in shown(owner, "/drawer/")


def test_a_hand_over_is_sent_back_and_only_once_answered(db: object) -> None:
    town = build_town()
    accountant = signed_in("accountant")
    path = f"/drawers/hand-overs/{town.ids['hand_over']}/"
    assert accountant.post(f"{path}send-back/", {"why": ""}).status_code == 422
    assert accountant.post(f"{path}send-back/", {"why": "count again"}).status_code == 303
    assert accountant.post(f"{path}receive/", {}).status_code == 422
    assert "count again" in shown(signed_in("collector"), "/drawer/")


def test_anybody_sees_whether_a_receipt_is_real(db: object) -> None:
    town = build_town()
    collector = signed_in("collector")
    receipt = collected(collector, town, "120")
    page = collector.get(receipt).content.decode()
    address = page.split('href="/receipts/')[1].split('"')[0].replace("&amp;", "&")
    anybody = Client()
    real = shown(anybody, f"/receipts/{address}")
    assert "is real." in real and "120.00" in real and "Karim" not in real
    assert "No receipt has this number" in shown(anybody, f"/receipts/{address[:-1]}0")
    assert "No receipt" not in shown(anybody, "/receipts/padma/riverside/")
    assert anybody.get("/receipts/padma/nobody/").status_code == 404
    reverse = f"{receipt}reverse/"
    accountant = signed_in("accountant")
    assert accountant.post(reverse, {**form_of(accountant, reverse), "why": "typed twice"}).status_code == 303
    assert "was taken back later" in shown(anybody, f"/receipts/{address}")
    assert "typed twice" in shown(accountant, "/drawers/") and "The drawer" in shown(accountant, "/drawers/")


def test_the_journal_names_whose_cash_it_is(db: object) -> None:
    town = build_town()
    collected(signed_in("collector"), town, "120")
    page = shown(signed_in("accountant"), "/books/journal/?account=cash_with_collector")
    assert "Cash with collectors" in page and "Collector" in page
