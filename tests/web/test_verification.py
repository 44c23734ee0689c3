"""Pages of the proof: what the ISP and a reseller read of a verification, seals, the file of one's own books."""

from __future__ import annotations

from datetime import date

import pytest
from django.conf import settings

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.books_check import check_books
from backhaul.ledger.heads import get_head_address
from backhaul.ledger.services import seal_all_books
from backhaul.resellers import verification
from tests.builders import acting
from tests.ledger.books import as_admin
from tests.scenarios.money import noon
from tests.web.conftest import signed_in
from tests.web.test_actions import form_of
from tests.web.town import Town, build_town

TODAY = date(2026, 12, 1)


@pytest.fixture
def own_town(db: EmbeddedPostgres) -> Town:
    """A town that the test may change."""
    return build_town()


def test_the_isp_verifies_and_watches_and_a_reseller_reads_its_own_answers(own_town: Town) -> None:
    cast = own_town.cast
    padma, riverside = signed_in("padma"), signed_in("riverside")
    asked = padma.post("/books/verify/")
    run_id = int(asked.headers["Location"].split("/")[-2])
    assert "questions answered. You may leave this page" in padma.get(asked.headers["Location"]).content.decode()
    verification.carry_out_verify(cast.padma, run_id=run_id, now=noon(TODAY))
    shown = padma.get(asked.headers["Location"]).content.decode()
    assert "Everything agrees" in shown and "No fund is used beyond its balance" in shown
    assert "Everything agrees" in riverside.get(asked.headers["Location"]).content.decode()
    assert "Verify now" not in riverside.get("/books/verify/").content.decode()
    assert riverside.post("/books/verify/").status_code == 403
    assert padma.get("/books/verify/").content.decode().count("Everything agrees") == 2  # and the run of the town


def test_a_reseller_reads_what_is_wrong_and_its_provider_only_that_it_is(db: EmbeddedPostgres, own_town: Town) -> None:
    cast = own_town.cast
    seal_all_books(cast.padma, now=noon(TODAY))
    with as_admin(db) as admin:
        admin.execute("UPDATE entry SET reason = 'forged' WHERE operator_id = %s", [cast.riverside])
    with acting(cast.padma):
        run_id = verification.request_verify(now=noon(TODAY))
    verification.carry_out_verify(cast.padma, run_id=run_id, now=noon(TODAY))
    page = f"/books/verify/{run_id}/"
    of_padma, of_riverside = (signed_in(who).get(page).content.decode() for who in ("padma", "riverside"))
    assert "Does not hold: riverside" in of_padma and "block 1" not in of_padma
    assert "riverside, block 1: its entries were changed after it was sealed" in of_riverside
    assert "These books take no entries" in of_riverside and "These books take no entries" not in of_padma
    collect = f"/collect/{own_town.ids['customer']}/"
    client = signed_in("riverside")
    refused = client.post(collect, {**form_of(client, collect), "amount": "1", "method": "cash"})
    assert "do not hold" in refused.content.decode()


def test_heads_are_mailed_where_the_books_say_and_wait_without_a_mail_server(own_town: Town) -> None:
    riverside = signed_in("riverside")
    assert riverside.post("/books/heads/", {"address": "nonsense"}).status_code == 422
    assert riverside.post("/books/heads/", {"address": "me@example.net"}).status_code == 303
    with acting(own_town.cast.padma, own_town.cast.riverside):
        assert get_head_address() == "me@example.net"
    assert settings.EMAIL_HOST == ""
    shown = riverside.get("/books/heads/").content.decode()
    assert "me@example.net" in shown and "Mails wait" in shown


def test_who_may_only_look_changes_no_address(own_town: Town) -> None:
    accountant = signed_in("accountant")
    assert accountant.get("/books/heads/").status_code == 200
    assert signed_in("collector").post("/books/heads/", {"address": "me@example.net"}).status_code == 403


def test_the_file_of_ones_own_books_checks_and_holds_nothing_of_others(own_town: Town) -> None:
    cast = own_town.cast
    seal_all_books(cast.padma, now=noon(TODAY))
    answer = signed_in("riverside").get("/books/heads/file/")
    assert answer["Content-Disposition"].startswith('attachment; filename="books-riverside-')
    lines = b"".join(answer).decode().splitlines()
    found = check_books(lines)
    assert found.holds and [books.operator_id for books in found.books] == [cast.riverside]
    assert found.books[0].entries > 2
