"""Books that were found changed take no postings, all others do; what was found is kept for whom it concerns."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from backhaul.billing.runs import bill_isp
from backhaul.billing.services import sign_up_customer
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.cli.main import run
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.ledger import services
from backhaul.ledger.checks import EXAMPLES
from backhaul.ledger.heads import get_stop
from backhaul.ledger.rules import ManualLine
from backhaul.payments.services import record_payment
from backhaul.resellers.checks import ALL
from backhaul.resellers.verification import (
    carry_out_verify,
    get_own_verification,
    get_verify_run,
    list_own_verifications,
    list_verify_runs,
    release_books,
    request_verify,
    verify_and_keep,
)
from tests.builders import acting, new_customer, request_key
from tests.cast import CELL, Cast, build_cast, fill_funds
from tests.ledger.books import as_admin
from tests.scenarios.money import noon

NOV = date(2026, 11, 1)
DEC = date(2026, 12, 1)


@pytest.fixture
def business(db: EmbeddedPostgres) -> Cast:
    """Everybody's first customer is billed for November; all of it sealed."""
    cast = build_cast()
    fill_funds(cast, rival=1_000_00)
    for operator in (cast.padma.isp_id, cast.north, cast.riverside, cast.rival):
        with acting(cast.padma, operator):
            sign_up_customer(customer=new_customer(cast, joined_on=NOV), on=NOV, now=noon(NOV))
    services.seal_all_books(cast.padma, now=noon(NOV))
    return cast


def change_a_digit(db: EmbeddedPostgres, operator: int) -> None:
    with as_admin(db) as admin:
        done = admin.execute(
            "UPDATE posting SET amount_minor = amount_minor + 1 WHERE (operator_id, entry_id, n) = "
            "(SELECT operator_id, entry_id, n FROM posting WHERE operator_id = %s ORDER BY entry_id LIMIT 1)",
            [operator],
        )
        assert done.rowcount == 1


def verify(cast: Cast) -> dict[str, str]:
    checks = verify_and_keep([CELL], now=noon(DEC))
    return {check.name: check.detail for check in checks if not check.ok}


def post(cast: Cast, operator: int) -> int:
    with acting(cast.padma, operator):
        return services.post_manual_entry(
            effective_on=DEC, lines=[ManualLine("cash", "bank", 5)], reason="moved", request_key=request_key(),
            now=noon(DEC),
        )  # fmt: skip


def test_one_digit_changed_is_named_with_its_books_and_block_and_stops_these_books_only(
    db: EmbeddedPostgres, business: Cast
) -> None:
    assert verify(business) == {}
    change_a_digit(db, business.north)
    found = verify(business)
    assert "north, block 1: its entries were changed after it was sealed" in found["books.seals"]
    with pytest.raises(services.BooksStopped, match="The books of North do not hold"):
        post(business, business.north)
    for operator in (business.padma.isp_id, business.riverside, business.rival):
        assert post(business, operator)


def test_the_night_leaves_out_who_posts_into_stopped_books_and_bills_the_others(
    db: EmbeddedPostgres, business: Cast
) -> None:
    change_a_digit(db, business.north)
    verify(business)
    report = bill_isp(business.padma, on=DEC, now=noon(DEC))
    assert (
        report.created == 2
    )  # Padma's and Rival's; those of North and of Riverside, below it, are posted in its books
    assert {item["reason"] for item in report.exceptions} == {"books_stopped"}
    assert len(report.exceptions) == 2
    release_books(operator="north", reason="a test changed it", now=noon(DEC))
    assert bill_isp(business.padma, on=DEC, now=noon(DEC)).created == 2


def test_money_for_stopped_books_is_refused_and_says_why(db: EmbeddedPostgres, business: Cast) -> None:
    change_a_digit(db, business.north)
    verify(business)
    with acting(business.padma, business.north) as scope:
        customer = customers_of(scope.operator_id)
        with pytest.raises(services.BooksStopped, match="until they were looked at and released"):
            record_payment(customer_id=customer, amount_minor=1, method="cash", received_on=DEC, now=noon(DEC),
                           request_key=request_key())  # fmt: skip


def customers_of(operator: int) -> int:
    from backhaul.operators.functions import rows

    return int(rows("SELECT id FROM customer WHERE operator_id = %s", [operator])[0]["id"])


def test_what_was_released_does_not_stop_them_again_and_anything_else_does(
    db: EmbeddedPostgres, business: Cast
) -> None:
    change_a_digit(db, business.north)
    verify(business)
    release_books(operator="padma/north", reason="the auditor's correction", now=noon(DEC))
    verify(business)
    assert post(business, business.north)
    with as_admin(db) as admin:
        admin.execute("UPDATE books SET last_seal_no = 7 WHERE operator_id = %s", [business.north])
    verify(business)
    with pytest.raises(services.BooksStopped):
        post(business, business.north)
    with as_admin(db) as admin:
        told = admin.execute(
            "SELECT verb, detail ->> 'reason' FROM audit_event WHERE subject_type = 'books' ORDER BY id"
        )
        assert told.fetchall() == [
            ("books.stopped", None), ("books.released", "the auditor's correction"), ("books.stopped", None),
        ]  # fmt: skip


def test_figures_that_go_on_do_not_stop_released_books_again(db: EmbeddedPostgres, business: Cast) -> None:
    """A day net that was changed is off by the same after every further entry of that day and account."""
    with as_admin(db) as admin:
        admin.execute(
            "UPDATE account_day SET debit_minor = debit_minor + 1 WHERE operator_id = %s AND code = 'wholesale_cost'",
            [business.north],
        )
    assert {"books.balance", "books.account_days"} <= set(verify(business))
    release_books(operator="padma/north", reason="to be made anew", now=noon(DEC))
    with acting(business.padma, business.north):
        services.post_manual_entry(
            effective_on=NOV, lines=[ManualLine("wholesale_cost", "bank", 5)], reason="late", request_key=request_key(),
            now=noon(DEC),
        )  # fmt: skip
    services.seal_all_books(business.padma, now=noon(DEC))
    verify(business)
    assert post(business, business.north)


def test_another_digit_in_a_block_that_was_excused_stops_them_again(db: EmbeddedPostgres, business: Cast) -> None:
    change_a_digit(db, business.north)
    verify(business)
    release_books(operator="padma/north", reason="the auditor's correction", now=noon(DEC))
    change_a_digit(db, business.north)  # the same block, by one more
    verify(business)
    with pytest.raises(services.BooksStopped):
        post(business, business.north)


def test_what_is_wrong_beyond_the_examples_stops_excused_books_too(db: EmbeddedPostgres, business: Cast) -> None:
    """More days of an account than are named differ; then one more, that is not named either."""
    with as_admin(db) as admin:
        for n in range(EXAMPLES + 1):
            admin.execute(
                "INSERT INTO account_day (operator_id, code, day, debit_minor) VALUES (%s, 'cash', %s, 1)",
                [business.north, NOV + timedelta(days=n)],
            )
        verify(business)
        release_books(operator="padma/north", reason="known", now=noon(DEC))
        verify(business)
        assert post(business, business.north)
        admin.execute(
            "UPDATE account_day SET day = day + 1 WHERE operator_id = %s AND code = 'cash' AND day = %s",
            [business.north, NOV + timedelta(days=EXAMPLES)],
        )
    verify(business)
    with pytest.raises(services.BooksStopped):
        post(business, business.north)


def test_the_command_releases_and_refuses_what_is_not_stopped(
    db: EmbeddedPostgres, business: Cast, capsys: pytest.CaptureFixture[str]
) -> None:
    change_a_digit(db, business.north)
    verify(business)
    with pytest.raises(NotFound):
        release_books(operator="rival", reason="why not", now=noon(DEC))
    assert run(["verify", "--release", "north"]) == 2
    assert "--release and --reason go together" in capsys.readouterr().err


def test_each_operator_reads_its_own_answers_and_the_isp_which_books_hold(db: EmbeddedPostgres, business: Cast) -> None:
    change_a_digit(db, business.riverside)
    verify(business)
    with acting(business.padma):
        run = get_verify_run(list_verify_runs()[0]["id"])
    broken = {answer["name"]: answer for answer in run["answers"] if answer["operators"]}
    assert broken["books.seals"]["operators"] == ["riverside"]
    assert broken["books.seals"]["examples"] == []  # what is wrong in there is not Padma's to read
    with acting(business.padma, business.riverside):
        own = get_own_verification(list_own_verifications()[0]["run_id"])
        stopped = get_stop()
    seals = next(answer for answer in own["answers"] if answer["name"] == "books.seals")
    (example,) = seals["examples"]
    assert example.startswith("riverside, block 1: its entries were changed after it was sealed; they come to ")
    assert stopped is not None and "riverside, block 1" in stopped["stopped_why"]
    with acting(business.padma, business.rival):
        assert list_own_verifications()[0]["wrong"] == 0
        assert get_stop() is None
    with acting(business.meghna):
        assert [run["wrong"] for run in list_verify_runs()] == [0]


def test_a_run_that_was_asked_for_is_watched_and_kept(db: EmbeddedPostgres, business: Cast) -> None:
    with acting(business.padma):
        run_id = request_verify(now=noon(DEC))
        waiting: dict[str, Any] = get_verify_run(run_id)
        assert request_verify(now=noon(DEC) + timedelta(minutes=5)) == run_id
    assert (waiting["ended_at"], waiting["answered"], waiting["questions"]) == (None, 0, len(ALL))
    carry_out_verify(business.padma, run_id=run_id, now=noon(DEC))
    with acting(business.padma):
        done = get_verify_run(run_id)
    assert (done["answered"], done["wrong"], len(done["answers"])) == (len(ALL), 0, len(ALL))
    assert done["ended_at"] is not None
    with acting(business.padma, business.north), pytest.raises(NotAllowed):
        request_verify(now=noon(DEC) + timedelta(days=1))


def test_a_run_that_breaks_off_says_nothing(db: EmbeddedPostgres, business: Cast) -> None:
    with acting(business.padma):
        run_id = request_verify(now=noon(DEC))
    with as_admin(db) as admin:
        admin.execute("REVOKE SELECT ON charge FROM backhaul_batch")
        try:
            with pytest.raises(Exception, match="permission denied"):
                carry_out_verify(business.padma, run_id=run_id, now=noon(DEC))
        finally:
            admin.execute("GRANT SELECT ON charge TO backhaul_batch")
    with acting(business.padma):
        run = get_verify_run(run_id)
    assert run["failed"] and run["answers"] == []
