"""What pages do: one domain call each, once, with everything typed kept when it is refused."""

from __future__ import annotations

import re
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import uuid4

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from backhaul.billing import tasks
from backhaul.common.clock import local_date, now
from backhaul.ledger.balances import sum_balance
from backhaul.operators.functions import rows
from backhaul.payments.queries import list_statement
from tests.builders import acting
from tests.web.conftest import digest_of, signed_in
from tests.web.town import Town, build_town

FOREVER = date(2999, 1, 1)


def form_of(client: Client, path: str) -> dict[str, str]:
    """The hidden and chosen values of the form on a page."""
    page = client.get(path).content.decode()
    return {
        name: value
        for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page)
        if name not in ("csrfmiddlewaretoken", "next")
    }


def typed_in(client: Client, path: str) -> dict[str, str]:
    """What a browser would send of the form on a page: hidden and filled fields, what is chosen and what is ticked."""
    page = client.get(path).content.decode()
    found = form_of(client, path)
    for tag in re.findall(r"<input [^>]*>", page):
        name, value = (re.search(rf' {what}="([^"]*)"', tag) for what in ("name", "value"))
        is_off = 'type="checkbox"' in tag and " checked" not in tag
        if name and not is_off and name[1] not in ("csrfmiddlewaretoken", "next"):
            found[name[1]] = value[1] if value else ("on" if "checked" in tag else "")
    for name, options in re.findall(r'<select name="(\w+)".*?>(.*?)</select>', page, re.S):
        chosen = re.search(r'value="([^"]*)" selected', options)
        found[name] = chosen[1] if chosen else ""
    return found


def new_customer(town: Town, client: Client, **fields: Any) -> dict[str, Any]:
    cast = town.cast
    return {
        **form_of(client, "/customers/add/"),
        "name": "Farid Hossain",
        "mobile": "০১৭১২ ৩৪৫৬৭৮",
        "username": "farid",
        "password": "secret123",
        "connection_type": "pppoe",
        "package": f"{cast.padma.isp_id}-{cast.packages['Home 10']}",
        "profile": f"{cast.padma.isp_id}-{cast.profiles['Monthly anniversary']}",
        "activate": "on",
        **fields,
    }


def today() -> date:
    return local_date(now(), "Asia/Dhaka")


def count(town: Town, sql: str, operator_id: int | None = None) -> int:
    with acting(town.cast.padma, operator_id or town.cast.riverside):
        return int(rows(f"SELECT count(*) AS n FROM {sql}")[0]["n"])


def test_a_form_sent_twice_adds_one_customer_and_bills_it_once(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    sent = new_customer(town, client)
    first, second = (client.post("/customers/add/", sent) for _ in range(2))
    assert first.status_code == 303
    assert first.headers["Location"] == second.headers["Location"]
    assert count(town, "customer WHERE username = 'farid' AND mobile = '01712345678'") == 1
    assert count(town, "invoice i JOIN customer c ON c.id = i.customer_id WHERE c.username = 'farid'") == 1


def test_a_refusal_stands_beside_its_field_and_keeps_what_was_typed(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    answer = client.post("/customers/add/", new_customer(town, client, username="abdul.karim"))
    page = answer.content.decode()
    assert answer.status_code == 422
    assert re.search(r'id="id_username_error".*?is taken', page, re.S)
    assert 'value="Farid Hossain"' in page
    assert count(town, "customer WHERE name = 'Farid Hossain'") == 0


def test_a_fund_below_its_mark_adds_nobody_but_collects(db: object) -> None:
    town = build_town()
    north, riverside = signed_in("north"), signed_in("riverside")
    path = reverse("limits", args=[town.cast.riverside])
    limits = {**typed_in(north, path), "low_balance_minor": "999,999.00"}
    assert "no new customers" in north.post(path, limits).content.decode()
    assert riverside.post("/customers/add/", new_customer(town, riverside, username="before")).status_code == 303
    assert north.post(path, {**limits, "confirmed": "1"}).status_code == 303
    answer = riverside.post("/customers/add/", new_customer(town, riverside))
    assert answer.status_code == 422
    assert "recharge it" in answer.content.decode()
    path = reverse("collect-from", args=[town.ids["customer"]])
    sent = {**form_of(riverside, path), "amount": "100", "method": "cash"}
    assert riverside.post(path, sent).status_code == 303


def test_a_double_click_takes_one_payment_and_the_receipt_says_where_it_went(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("collect-from", args=[town.ids["customer"]])
    sent = {**form_of(client, path), "amount": "5,000.00", "method": "cash"}
    first, second = (client.post(path, sent) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert count(town, "payment WHERE amount_minor = 500000") == 1
    receipt = client.get(first.headers["Location"]).content.decode()
    assert "5,000.00" in receipt
    assert "Kept as advance" in receipt


def test_a_payment_at_the_counter_keeps_no_receipt_number_waiting_for_the_network(db: object) -> None:
    """Set up, permission, payment and commit are one message; the page around it is drawn in other units."""
    town = build_town()
    client = signed_in("riverside")
    path = reverse("collect-from", args=[town.ids["customer"]])
    form = {**form_of(client, path), "amount": "100", "method": "cash"}
    with CaptureQueriesContext(connection) as asked:
        assert client.post(path, form).status_code == 303
    sent = [query["sql"] for query in asked if "record_payment(" in query["sql"]]
    assert len(sent) == 1
    assert "SET LOCAL backhaul.operator" in sent[0] and "has_seat(" in sent[0]
    # nobody else's customer, and nothing is left of what was refused
    stranger = signed_in("rival")
    assert stranger.post(path, {**form, "request_key": str(uuid4())}).status_code == 404
    assert stranger.get(path).status_code == 404
    wrong = client.post(path, {**form, "amount": "99999999999999999.00", "request_key": str(uuid4())})
    assert (wrong.status_code, "larger" in wrong.content.decode()) == (422, True)
    assert count(town, "payment WHERE amount_minor = 10000") == 1


def test_junk_for_an_amount_is_refused_and_nothing_is_taken(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("collect-from", args=[town.ids["customer"]])
    for junk in ("", "0", "-5", "abc", "1.234", "9" * 30, "\x00", "1e3"):
        answer = client.post(path, {**form_of(client, path), "amount": junk, "method": "cash"})
        assert answer.status_code == 422, junk
    assert client.post(path, {"amount": "5", "method": "gold", "request_key": "x"}).status_code == 422
    assert count(town, "payment") == 1


def test_a_payment_taken_back_opens_its_bills_again(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    path = reverse("reverse-payment", args=[town.ids["payment"]])
    assert client.post(path, {"why": ""}).status_code == 422
    done = client.post(path, {"why": "counted wrongly"}, headers={"HX-Request": "true"})
    assert (done.status_code, "/payments/" in done.headers["HX-Redirect"]) == (204, True)
    assert client.post(path, {"why": "again"}).status_code == 422
    with acting(town.cast.padma, town.cast.riverside):
        statement = list_statement(town.ids["customer"])
        assert (statement[0]["paid_minor"], statement[0]["paid_back_minor"]) == (250_00, 250_00)


def test_the_statement_agrees_with_the_books_and_each_opening_with_the_closing_before(db: object) -> None:
    town = build_town()
    with acting(town.cast.padma, town.cast.riverside):
        customers = [row["id"] for row in rows("SELECT id FROM customer")]
        statements = [list_statement(pk) for pk in customers]
        owed = sum_balance("receivable_customers", FOREVER) + sum_balance("customer_advances", FOREVER)
    assert sum(statement[0]["closing_minor"] for statement in statements) == owed
    for statement in statements:
        for later, earlier in pairwise(statement):
            assert later["opening_minor"] == earlier["closing_minor"]
        for line in statement:
            assert line["closing_minor"] == line["opening_minor"] + line["billed_minor"] - line["paid_minor"] + (
                line["paid_back_minor"] + line["adjusted_minor"]
            )


def test_actions_change_the_service_and_say_who_and_why(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    pk = town.ids["customer"]
    page = reverse("customer", args=[pk])
    for name, status in (("suspend", "Suspended"), ("disable", "Disabled")):
        assert client.post(reverse(name, args=[pk]), {"why": "because of <b>rain</b>"}).status_code == 303
        shown = client.get(page).content.decode()
        assert status in shown
        assert "because of &lt;b&gt;rain" in shown
        block = {"suspend": "by_hand", "disable": "disabled"}[name]
        assert re.search(rf'<form method="post" action="{reverse("lift-block", args=[pk, block])}">.*Undo', shown, re.S)
    assert client.post(reverse("suspend", args=[pk]), {"why": "again"}).status_code == 422
    for reason in ("disabled", "by_hand"):
        assert client.post(reverse("lift-block", args=[pk, reason])).status_code == 303
    assert "Suspended<" not in client.get(page).content.decode()
    assert client.post(reverse("reset-password", args=[pk]), {"password": "another1"}).status_code == 303
    assert client.post(reverse("edit-customer", args=[pk]), {"name": "Abdul K.", "mobile": "x"}).status_code == 422
    assert client.post(reverse("edit-customer", args=[pk]), {"name": "Abdul K."}).status_code == 303
    assert "Abdul K." in client.get(page).content.decode()
    assert client.get(reverse("lift-block", args=[pk, "unpaid"])).status_code == 404


def test_leaving_shows_the_refund_first_and_gives_back_exactly_that(db: object) -> None:
    town = build_town()
    client = signed_in("riverside")
    added = client.post("/customers/add/", new_customer(town, client)).headers["Location"]
    pk = int(added.strip("/").split("/")[-1])
    path = reverse("leave", args=[pk])
    shown = client.get(path).content.decode()
    with acting(town.cast.padma, town.cast.riverside):
        before = rows("SELECT posted_minor FROM fund WHERE child_id = %s", [town.cast.riverside])[0]["posted_minor"]
    assert client.post(path, {"why": "moved", "credit": "on"}).status_code == 303
    with acting(town.cast.padma, town.cast.riverside):
        after = rows("SELECT posted_minor FROM fund WHERE child_id = %s", [town.cast.riverside])[0]["posted_minor"]
    back = after - before
    assert back > 0
    assert f"+{back / 100:,.2f}" in shown


def test_a_recharge_shows_both_balances_moves_nothing_until_confirmed_and_then_once(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    path = reverse("recharge", args=[town.cast.riverside])
    sent = {**form_of(client, path), "kind": "recharge", "amount": "1,000.00", "paid": "bank", "note": ""}
    assert "for the debt" not in client.get(path).content.decode()  # nothing is owed
    movements = "fund_movement WHERE kind = 'recharge'"
    before = count(town, movements)
    shown = client.post(path, sent).content.decode()
    assert "This is what will happen" in shown
    assert count(town, movements) == before
    for _ in range(2):
        assert client.post(path, {**sent, "confirmed": "1"}).status_code == 303
    assert count(town, movements) == before + 1
    with acting(town.cast.padma):
        waiting = rows("SELECT count(*) AS n FROM procrastinate_jobs WHERE task_name LIKE '%%retry_held'")
    assert waiting[0]["n"] == 1
    too_much = {**sent, **form_of(client, path), "to_debt": "0.01"}
    assert client.post(path, too_much).status_code == 422


def test_a_price_set_today_holds_from_its_day_on(db: object) -> None:
    town = build_town()
    client = signed_in("north")
    cast = town.cast
    path = reverse("set-price", args=[cast.riverside, cast.padma.isp_id, cast.plans["Home 10"]])
    later_on = today() + timedelta(days=2)
    sent = {"price": "399", "starts_on": later_on.isoformat()}
    shown = client.post(path, sent)
    assert shown.status_code == 200 and "Below cost" in shown.content.decode()  # North pays 400.00
    sent["price"] = "470"
    shown = client.post(path, sent)
    assert "Below cost" not in shown.content.decode()
    assert client.post(path, {**sent, **digest_of(shown.content.decode()), "confirmed": "1"}).status_code == 303
    assert "470.00" in client.get(reverse("reseller", args=[cast.riverside])).content.decode()
    assert client.post(path, {"price": "470", "starts_on": "2020-01-01"}).status_code == 422
    assert client.post(path, {"price": "470", "starts_on": "soon"}).status_code == 422


def test_the_run_is_rehearsed_without_a_trace_and_then_done_once(db: object) -> None:
    town = build_town()
    isp_id, client = town.cast.padma.isp_id, signed_in("padma")
    before = count(town, "invoice")
    plan = client.post("/billing-run/", {"on": today().isoformat()}).headers["Location"]
    assert "hx-get" in client.get(plan).content.decode()  # asks again until the job has done it
    tasks.make_plan(isp_id=isp_id, plan_id=number_in(plan))
    assert "This is a rehearsal" in client.get(plan).content.decode()
    assert count(town, "invoice") == before
    run = client.post(plan, {"decision": "run"}).headers["Location"]
    assert "You may leave this page" in client.get(run).content.decode()
    tasks.carry_out_run(isp_id=isp_id, run_id=number_in(run))
    shown = client.get(run, headers={"HX-Request": "true", "HX-Target": "results"}).content.decode()
    assert "exactly as it was confirmed" in shown and "hx-get" not in shown
    billed = count(town, "invoice")
    assert billed > before
    assert client.post(plan, {"decision": "run"}).headers["Location"] == run
    assert "exactly as it was confirmed" in client.get(plan).content.decode() + shown
    assert count(town, "invoice") == billed
    assert client.post("/billing-run/", {"on": "2999-01-01"}).status_code == 422
    assert "Done" in client.get("/billing-run/").content.decode()


def test_a_plan_for_a_later_night_is_confirmed_withdrawn_and_read_as_csv(db: object) -> None:
    town = build_town()
    client = signed_in("padma")
    later = today() + timedelta(days=3)
    plan = client.post("/billing-run/", {"on": later.isoformat()}).headers["Location"]
    assert client.post(plan, {"decision": "confirm"}).status_code == 422  # not rehearsed yet
    tasks.make_plan(isp_id=town.cast.padma.isp_id, plan_id=number_in(plan))
    assert client.post(plan, {"decision": "confirm"}).status_code == 303
    shown = client.get(plan).content.decode()
    assert "comes out exactly like this" in shown and 'value="run"' not in shown
    assert client.post(plan, {"decision": "withdraw"}).status_code == 303
    assert "comes out exactly like this" not in client.get(plan).content.decode()
    assert client.post(plan, {"decision": "wish"}).status_code == 422
    lines = client.get(f"{plan}csv/").content.decode().splitlines()
    assert lines[0].startswith("\ufeffwhat,code,name,from,to,net (BDT),discount (BDT),vat (BDT),total (BDT),due_on")


def number_in(path: str) -> int:
    """The id at the end of an address."""
    return int(path.strip("/").split("/")[-1])
