"""Log in as reseller and the audit log, by page (SPEC A31)."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta

import psycopg
import pytest
from django.conf import settings
from django.test import Client

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common import clock
from backhaul.operators.functions import rows
from backhaul.operators.people import change_member
from backhaul.operators.people_queries import list_members
from backhaul.operators.services import record_audit
from backhaul.web.console.audit_words import DEEDS
from backhaul.web.console.urls import urlpatterns
from tests.builders import PASSWORD, acting
from tests.web.conftest import signed_in
from tests.web.town import Town

REASON = "his router drops sessions"
# POST changes nothing of an operator's there: signing in, one's own bell, a rehearsal that is undone.
NOTHING_DONE = {"jobs", "job", "next-night"}


def went_in(town: Town, who: str, operator_id: int, *, minutes: int = 30) -> Client:
    client = signed_in(who)
    answer = client.post(f"/enter/{operator_id}/", {"reason": REASON, "minutes": minutes})
    assert answer.status_code == 303, answer.content
    return client


def stepped_up(town: Town, who: str, operator_id: int) -> Client:
    client = went_in(town, who, operator_id)
    assert client.post("/inside/step-up/", {"password": PASSWORD}).status_code == 303
    return client


def text(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, (address, answer.status_code)
    return answer.content.decode()


@pytest.fixture
def owner(server: EmbeddedPostgres) -> Iterator[psycopg.Connection]:
    """The database as nobody but its administrator sees it: to let time pass."""
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with psycopg.connect(url, autocommit=True, options="-c search_path=cell1,public") as connection:
        yield connection


def test_a_page_of_a_reseller_and_the_list_of_all_below_lead_in(town: Town) -> None:
    north, riverside = town.cast.north, town.cast.riverside
    client = signed_in("padma")
    assert f"/enter/{north}/" in text(client, f"/resellers/{north}/")
    listed = text(client, "/enter/?q=river")
    assert f"/enter/{riverside}/" in listed and "North" in listed and f"/enter/{north}/" not in listed


def test_every_page_inside_says_where_one_is_why_and_how_long(town: Town) -> None:
    client = went_in(town, "padma", town.cast.riverside, minutes=15)
    for address in ("/", "/customers/", f"/customers/{town.ids['customer']}/", "/books/", "/audit/"):
        page = text(client, address)
        assert "You are inside Riverside" in page and REASON in page and "15 minutes left" in page, address
        assert "Step up to change things" in page and "Back to my own" in page


@pytest.mark.parametrize(("who", "target"), [("north", "rival"), ("riverside", "north"), ("rival", "riverside")])
def test_sideways_and_upward_there_is_nobody(town: Town, who: str, target: str) -> None:
    client = signed_in(who)
    answer = client.post(f"/enter/{getattr(town.cast, target)}/", {"reason": REASON, "minutes": 15})
    assert answer.status_code in (403, 404)
    assert client.get(f"/customers/{town.ids['customer']}/").status_code == (200 if who == "riverside" else 404)


def test_another_isp_is_not_there(town: Town) -> None:
    for client, target in (
        (signed_in("padma"), town.cast.meghna.isp_id),
        (signed_in("meghna", "meghna"), town.cast.north),
    ):
        assert client.get(f"/enter/{target}/").status_code == 404
        assert client.post(f"/enter/{target}/", {"reason": REASON, "minutes": 15}).status_code == 404


def test_a_reason_and_a_length_of_the_list_are_asked_for(town: Town) -> None:
    client = signed_in("padma")
    for given in ({"reason": "", "minutes": 15}, {"reason": " ", "minutes": 15}, {"reason": "why", "minutes": 241}):
        assert client.post(f"/enter/{town.cast.north}/", given).status_code == 422


def test_whoever_only_looks_is_told_so_and_changes_nothing(town: Town) -> None:
    client = went_in(town, "padma", town.cast.riverside)
    address = f"/customers/{town.ids['customer']}/suspend/"
    answer = client.post(address, {"why": "a try", "confirmed": "1"})
    assert answer.status_code == 403 and b"You are only looking inside Riverside" in answer.content
    paid = client.post(
        f"/collect/{town.ids['customer']}/",
        {"amount": "10", "method": "cash", "reference": "", "request_key": "0d7a2d2e-7c59-4e0e-9f3d-5b7a5b1f5a11"},
    )
    assert paid.status_code == 403
    in_panel = client.post(address, {"why": "a try"}, headers={"HX-Request": "true", "HX-Target": "panel-body"})
    assert in_panel.status_code == 422 and b"only looking" in in_panel.content
    with acting(town.cast.padma, town.cast.riverside):
        assert rows("SELECT 1 FROM block WHERE why = 'a try'") == []
        assert rows("SELECT 1 FROM payment WHERE amount_minor = 1000") == []


def test_stepping_up_takes_the_own_password_and_then_what_is_done_says_by_whom(town: Town) -> None:
    client = went_in(town, "padma", town.cast.riverside)
    assert client.post("/inside/step-up/", {"password": "not mine"}).status_code == 422
    assert client.post("/inside/step-up/", {"password": PASSWORD}).status_code == 303
    banner = text(client, "/")
    assert "looking only" not in banner
    assert re.search(r"until \d\d:\d\d you may change things, recorded with your name", banner)
    customer = town.ids["suspended"]
    paid = client.post(
        f"/collect/{customer}/",
        {"amount": "33", "method": "cash", "reference": "", "request_key": "3f0d9a4e-64a9-4b13-a8e5-1c2f5c8e7a10"},
    )
    assert paid.status_code == 303, paid.content
    receipt = text(signed_in("riverside"), paid["Location"])
    assert "Padma of Padma for you" in receipt
    with acting(town.cast.padma, town.cast.riverside):
        (payment,) = rows("SELECT actor_id, impersonation_id FROM payment WHERE amount_minor = 3300")
        (entry,) = rows(
            "SELECT e.actor_id, e.impersonation_id FROM entry e JOIN posting p USING (operator_id) "
            "WHERE p.entry_id = e.id AND p.amount_minor = 3300 LIMIT 1"
        )
        assert payment == entry and payment["actor_id"] == town.cast.owners["padma"]
        assert payment["impersonation_id"] is not None


@pytest.mark.parametrize(
    "address",
    ["/password/", "/profile/", "/profile/second-factor/", "/profile/email/", "/staff/", "/roles/", "/enter/"],
)
def test_what_is_ones_own_or_the_operators_peoples_stays_shut_after_stepping_up(town: Town, address: str) -> None:
    client = stepped_up(town, "padma", town.cast.north)
    shut = client.get(address)
    assert shut.status_code == 403
    told = b"Only the people of North do this." in shut.content  # and not that a role lacks it
    assert told == address.startswith(("/password/", "/profile/"))
    assert client.post(address, {}).status_code == 403


def test_no_further_in_from_inside(town: Town) -> None:
    client = stepped_up(town, "padma", town.cast.north)
    answer = client.post(f"/enter/{town.cast.riverside}/", {"reason": REASON, "minutes": 15})
    assert answer.status_code == 403


def test_pay_outs_and_passwords_are_refused_after_stepping_up(town: Town) -> None:
    client = stepped_up(town, "padma", town.cast.north)
    key = "5cd8b7e0-11df-4f0c-9f0f-8d1b9e6f3c55"
    given = {"amount": "1", "paid": "cash", "note": "", "request_key": key, "confirmed": "1"}
    answer = client.post(f"/resellers/{town.cast.riverside}/pay-back/", given)
    assert answer.status_code in (403, 422) and b"own people" in answer.content
    inside = stepped_up(town, "padma", town.cast.riverside)
    answer = inside.post(f"/customers/{town.ids['customer']}/password/", {"password": "long enough 1"})
    assert answer.status_code in (403, 422)


def test_back_to_ones_own(town: Town) -> None:
    client = went_in(town, "north", town.cast.riverside)
    assert client.get("/inside/leave/").status_code == 405
    assert client.get(f"/customers/{town.ids['customer']}/").status_code == 200
    assert client.post("/inside/leave/").status_code == 303
    assert "You are inside" not in text(client, "/")
    assert client.get(f"/customers/{town.ids['customer']}/").status_code == 404
    assert client.post("/inside/leave/").status_code == 404
    assert client.get("/inside/step-up/").status_code == 404


def test_a_form_opened_at_the_own_operator_is_not_carried_out_inside_another(town: Town) -> None:
    client = Client(enforce_csrf_checks=True, raise_request_exception=False)

    def token() -> str:
        return str(client.cookies[settings.CSRF_COOKIE_NAME].value)

    client.get("/sign-in/")
    client.post("/sign-in/", {"username": "padma@padma", "password": PASSWORD, "csrfmiddlewaretoken": token()})
    client.get(f"/enter/{town.cast.north}/")
    before = token()
    entering = {"reason": REASON, "minutes": 15, "csrfmiddlewaretoken": before}
    assert client.post(f"/enter/{town.cast.north}/", entering).status_code == 303
    stale = client.post("/packages/add/", {"name": "Meant for Padma", "csrfmiddlewaretoken": before})
    assert stale.status_code == 403 and b"out of date" in stale.content


def test_when_the_time_is_over_nothing_is_done_and_one_is_back(town: Town, owner: psycopg.Connection) -> None:
    client = stepped_up(town, "padma", town.cast.riverside)
    past = timedelta(hours=3)
    owner.execute("UPDATE impersonation SET from_at = from_at - %s, until_at = until_at - %s, "
                  "stepped_up_at = stepped_up_at - %s, changes_until = changes_until - %s", [past] * 4)  # fmt: skip
    for by_itself in ({"X-Unattended": "1", "HX-Request": "true"}, {"Accept": "text/event-stream"}):
        left = client.get("/", headers=by_itself)  # an open page stays as it is, with what was typed
        assert left.status_code == 204 and "HX-Redirect" not in left.headers
    answer = client.post(f"/customers/{town.ids['customer']}/suspend/", {"why": "too late", "confirmed": "1"})
    assert answer.status_code == 303 and answer["Location"] == "/"
    assert "Your time inside the other operator is over" in text(client, "/")
    with acting(town.cast.padma, town.cast.riverside):
        assert rows("SELECT 1 FROM block WHERE why = 'too late'") == []
    assert client.get(f"/customers/{town.ids['customer']}/").status_code == 404


def test_stepping_up_ends_before_the_visit(town: Town, owner: psycopg.Connection) -> None:
    client = stepped_up(town, "padma", town.cast.riverside)
    owner.execute("UPDATE impersonation SET changes_until = now(), stepped_up_at = from_at WHERE ended_at IS NULL")
    late = client.post(f"/customers/{town.ids['customer']}/suspend/", {"why": "later", "confirmed": "1"})
    assert late.status_code == 403 and b"You are only looking inside Riverside" in late.content
    assert "looking only" in text(client, "/")
    assert client.post("/inside/step-up/", {"password": PASSWORD}).status_code == 303
    assert "looking only" not in text(client, "/")


def test_signing_out_ends_it_in_the_list_too(town: Town) -> None:
    client = went_in(town, "padma", town.cast.rival)
    mine = signed_in("rival")
    assert "inside now" in text(mine, "/settings/who-came-in/")
    client.post("/sign-out/")
    listed = text(mine, "/settings/who-came-in/")
    assert "inside now" not in listed and REASON in listed
    again = signed_in("padma")
    assert "You are inside" not in text(again, "/")


def test_the_subject_reads_who_came_in_and_what_was_done_there(town: Town) -> None:
    client = stepped_up(town, "padma", town.cast.riverside)
    done = client.post(f"/customers/{town.ids['customer']}/promise/",
                       {"until_on": "2999-01-01", "why": "x"})  # fmt: skip
    assert done.status_code in (303, 422)
    mine = signed_in("riverside")
    listed = text(mine, "/settings/who-came-in/")
    assert "Padma of Padma for you" in listed and REASON in listed
    with acting(town.cast.padma, town.cast.riverside):
        entry = rows("SELECT max(id) AS id FROM impersonation")[0]["id"]
    acts = text(mine, f"/audit/?inside={entry}")
    assert "Stepped up to change things" in acts and "Somebody from above came in" in acts
    assert "Padma of Padma for you" in acts
    went = text(signed_in("padma"), "/enter/list/")
    assert REASON in went and "Riverside" in went
    assert REASON not in text(signed_in("north"), "/audit/")


def test_each_post_that_did_something_is_one_row_with_no_value_of_any_field(town: Town) -> None:
    client = signed_in("riverside")
    customer = town.ids["customer"]
    with acting(town.cast.padma, town.cast.riverside):
        before = rows("SELECT COALESCE(max(id), 0) AS id FROM audit_event")[0]["id"]
    refused = client.post(f"/customers/{customer}/password/", {"password": ""})
    assert refused.status_code == 422
    done = client.post(f"/customers/{customer}/password/", {"password": "quite-secret-9"})
    assert done.status_code == 303
    with acting(town.cast.padma, town.cast.riverside):
        found = rows(
            "SELECT verb, actor_id, subject_type, subject_id, detail::text FROM audit_event "
            "WHERE id > %s AND verb = 'reset-password'",
            [before],
        )
        all_of_them = rows("SELECT detail::text AS d FROM audit_event WHERE id > %s", [before])
    (row,) = found
    assert (row["actor_id"], row["subject_type"], row["subject_id"]) == (
        town.cast.owners["riverside"], "customer", customer,
    )  # fmt: skip
    assert '"password"' in row["detail"] and "127.0.0.1" in row["detail"]
    assert not any("quite-secret-9" in each["d"] for each in all_of_them)


def test_a_list_of_customers_that_is_taken_away_is_in_the_log_and_not_taken_by_who_only_looks(town: Town) -> None:
    address = "/customers/file/?as=csv"
    looking = went_in(town, "padma", town.cast.riverside)
    assert looking.get(address).status_code == 403
    assert looking.post("/inside/step-up/", {"password": PASSWORD}).status_code == 303
    for client in (looking, signed_in("riverside")):
        assert client.get(address)["Content-Disposition"].startswith("attachment")
    with acting(town.cast.padma, town.cast.riverside):
        taken = rows("SELECT actor_id, impersonation_id FROM audit_event WHERE verb = 'customer-file' ORDER BY id")
    assert [row["actor_id"] for row in taken] == [town.cast.owners["padma"], town.cast.owners["riverside"]]
    assert [row["impersonation_id"] is None for row in taken] == [False, True]


def test_whatever_list_is_taken_away_the_log_says_which_how_long_and_by_which_filters(town: Town) -> None:
    ids, riverside = town.ids, town.cast.riverside
    month = f"{ids['month']:%Y-%m}"
    funds = f"/funds/{riverside}/statements/{month}"
    client, looking = signed_in("riverside"), went_in(town, "padma", riverside)
    taken = {
        "/customers/file/?as=xlsx&status=suspended": ("customers-", 1, {"status": "suspended"}),
        f"/customers/files/{ids['export']}/fetch/": ("customers-", 0, {}),
        f"/bills/files/{ids['bill_export']}/fetch/": ("bills-", 0, {}),
        f"/proof/csv/?month={month}": (f"proof-{month}", None, {"month": month}),
        f"{funds}/csv/?of=customers": ("fund-", None, {"of": "customers"}),
        f"{funds}/pdf/?lang=en": ("fund-", None, {}),
        "/books/trial-balance/?as=csv": ("trial-balance-", None, {}),
        "/books/trial-balance/?as=xlsx": ("trial-balance-", None, {}),
        "/books/trial-balance/?as=pdf&lang=bn": ("trial-balance-", None, {}),
        "/books/heads/file/": ("books-", None, {}),
        "/audit/csv/?verb=suspend": ("audit-", 0, {"verb": "suspend"}),
        f"/customers/{ids['customer']}/documents/{ids['document']}/": ("Contract.pdf", 1, {}),
    }
    for address, (name, many, filters) in taken.items():
        answer = client.get(address)
        assert answer["Content-Disposition"].startswith("attachment"), address
        assert "no-store" in answer["Cache-Control"] and answer["X-Content-Type-Options"] == "nosniff"
        with acting(town.cast.padma, riverside):
            (row,) = rows("SELECT actor_id, verb, detail::text FROM audit_event ORDER BY id DESC LIMIT 1")
        told = json.loads(row["detail"])
        verbs = {"/file/?as": "customer-file", "/documents/": "document"}
        assert row["verb"] == next((verb for part, verb in verbs.items() if part in address), "took-file"), address
        assert row["actor_id"] == town.cast.owners["riverside"]
        assert told["file"].startswith(name) and told["filters"] == filters, (address, told)
        assert told["rows"] == many if many is not None else told["rows"] > 0, (address, told)
        if "fetch" not in address:  # of who asked for it alone
            assert looking.get(address).status_code == 403, address
    assert "Took a list as a file" in text(client, "/audit/?verb=took-file")


def test_the_log_is_filtered_paged_and_downloaded(town: Town) -> None:
    client = signed_in("riverside")
    customer = town.ids["customer"]
    client.post(f"/customers/{customer}/password/", {"password": "quite-secret-9"})
    named = "Set a customer&#x27;s password"
    assert named in text(client, "/audit/?verb=reset-password")
    assert named in text(client, f"/audit/?subject=customer&of={customer}")
    assert named in text(client, f"/audit/?who={town.cast.owners['riverside']}")
    assert named not in text(client, "/audit/?verb=suspend").split('id="results"')[1]
    assert named not in text(client, "/audit/?to=2001-01-01").split('id="results"')[1]
    assert named not in text(client, f"/audit/?who={town.cast.owners['north']}").split('id="results"')[1]
    sheet = client.get("/audit/csv/?verb=reset-password").content.decode("utf-8-sig")
    lines = list(csv.reader(io.StringIO(sheet)))
    assert lines[1][4].startswith("Abdul Karim · ")
    assert date.fromisoformat(lines[1][0].split()[0])  # a moment that a spreadsheet reads, in any language
    assert len(lines) >= 2 and all(line[2] == "Set a customer's password" for line in lines[1:])
    with acting(town.cast.padma, town.cast.riverside):
        event = rows("SELECT max(id) AS id FROM audit_event WHERE verb = 'reset-password'")[0]["id"]
    opened = text(client, f"/audit/{event}/")
    assert f"/customers/{customer}/" in opened and "password" in opened
    assert "Abdul Karim · " in opened
    for other in ("north", "padma", "rival"):
        assert signed_in(other).get(f"/audit/{event}/").status_code == 404


def test_rows_name_whose_service_which_bill_and_who_and_keep_names_from_whom_they_are_closed_to(town: Town) -> None:
    client = signed_in("riverside")
    customer, bill = town.ids["customer"], town.ids["bill"]
    with acting(town.cast.padma, town.cast.riverside):
        service = rows("SELECT id FROM subscription WHERE customer_id = %s", [customer])[0]["id"]
        number = rows("SELECT number FROM invoice WHERE id = %s", [bill])[0]["number"]
        role = rows("SELECT id FROM role WHERE key = 'noc' AND operator_id = %s", [town.cast.riverside])[0]["id"]
        now = clock.now()
        record_audit(verb="price_set", subject_type="subscription", subject_id=service, at=now, price_minor=12_345_00,
                     starts_on=date(2026, 3, 1), given=["bills.view"], was="noc")  # fmt: skip
        for kind, pk in (("invoice", bill), ("zone", town.ids["zone"]), ("role", role), ("customer", 999_999_999)):
            record_audit(verb="changed", subject_type=kind, subject_id=pk, at=now)
        record_audit(verb="signed-in", subject_type="user", subject_id=town.cast.owners["riverside"], at=now)
        newest = rows("SELECT max(id) AS id FROM audit_event WHERE verb = 'price_set'")[0]["id"]
    listed = text(client, "/audit/").split('id="results"')[1]
    assert f'<a href="/customers/{customer}/">Abdul Karim · ' in listed
    assert f'<a href="/bills/{bill}/">{number} · Abdul Karim</a>' in listed
    assert "Harbour" in listed and "Network operations" not in listed  # its roles are arranged by North
    opened = text(client, f"/audit/{newest}/")
    assert "12,345.00" in opened and "1 Mar 2026" in opened and "See bills" in opened and "Network operations" in opened
    with acting(town.cast.padma, town.cast.riverside):
        member = next(row["id"] for row in list_members() if row["role"] == "manager")
        change_member(member_id=member, role="manager", permissions={"audit.view"}, at=now)
    hidden = text(signed_in("manager"), "/audit/").split('id="results"')[1]
    assert "Service" in hidden and "Abdul Karim" not in hidden and f"/customers/{customer}/" not in hidden


def test_every_address_that_takes_a_post_has_words_in_the_audit_log() -> None:
    taking = {str(each.name) for each in urlpatterns if "POST" in (each.callback.__doc__ or "")}
    pages = {str(each.name) for each in urlpatterns if getattr(each.callback, "permission", None) != "public"}
    assert (taking & pages) - NOTHING_DONE - DEEDS.keys() == set()
    assert DEEDS.keys() - taking == set()
