"""Heads of days: made once, kept, and mailed once by a real mail server."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from django.conf import settings
from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput
from backhaul.ledger import services
from backhaul.ledger.head_mail import send_heads
from backhaul.ledger.heads import get_latest_head, list_heads, make_heads, set_head_address
from backhaul.operators.branding import OwnBrand, set_brand
from backhaul.resellers.checks import verify
from tests.builders import acting
from tests.cast import CELL
from tests.ledger.books import NOW, Chain, as_admin, build_chain, recharge

DAY = date(2026, 3, 1)  # of NOW, in Dhaka
NEXT = DAY + timedelta(days=1)
AFTER_MIDNIGHT = datetime(2026, 3, 1, 18, 1, tzinfo=UTC)  # 00:01 in Dhaka


class Inbox:
    """What arrived; addresses that begin with `nobody` are refused."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], Message]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        self.mails.append((list(envelope.rcpt_tos), message_from_bytes(envelope.content)))
        return "250 taken"


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """A mail server, and settings that name it."""
    found = Inbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = Controller(found, hostname="127.0.0.1", port=port)
    server.start()
    for name, value in {"EMAIL_HOST": "127.0.0.1", "EMAIL_PORT": port, "EMAIL_USE_TLS": False}.items():
        monkeypatch.setattr(settings, name, value)
    try:
        yield found
    finally:
        server.stop()


@pytest.fixture
def chain(db: EmbeddedPostgres) -> Chain:
    """An ISP and a reseller, something recorded and sealed, both with an address."""
    made = build_chain(2)
    recharge(made, made.operators[1], 12_345)
    services.seal_all_books(made.isp, now=NOW)
    for n, operator in enumerate(made.operators):
        with acting(made.isp, operator):
            set_head_address(address=f"books{n}@example.net", now=NOW)
    return made


def heads_of(chain: Chain, operator: int) -> list[dict[str, Any]]:
    with acting(chain.isp, operator):
        return list_heads()


def test_a_head_names_the_last_block_of_the_day_and_the_debits_so_far(chain: Chain) -> None:
    recharge(chain, chain.operators[1], 1_000)
    services.seal_all_books(chain.isp, now=AFTER_MIDNIGHT)  # of the next day
    assert make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT) == 2
    with acting(chain.isp):
        first = get_latest_head()
    assert first is not None and (first["on_date"], first["seal_no"], first["debits_minor"]) == (DAY, 1, 12_345)
    make_heads(chain.isp, today=NEXT + timedelta(days=1), now=AFTER_MIDNIGHT + timedelta(days=1))
    with acting(chain.isp):
        second = get_latest_head()
    assert second is not None and (second["on_date"], second["seal_no"], second["debits_minor"]) == (NEXT, 2, 13_345)
    assert all(check.ok for check in verify([CELL]))


def test_a_day_has_one_head_and_one_mail_however_often_the_job_runs(chain: Chain, inbox: Inbox) -> None:
    for _ in range(3):
        make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
        send_heads(chain.isp, now=AFTER_MIDNIGHT)
    assert [len(heads_of(chain, operator)) for operator in chain.operators] == [1, 1]
    assert sorted(to for to, _ in inbox.mails) == [["books0@example.net"], ["books1@example.net"]]
    head = heads_of(chain, chain.operators[0])[0]
    mail = next(mail for to, mail in inbox.mails if to == ["books0@example.net"])
    text = mail.get_payload(decode=True)
    assert isinstance(text, bytes)
    assert f"--head {DAY} {head['hash']}" in text.decode().replace("=\n", "")
    assert "123.45" in text.decode()
    assert head["sent_at"] == AFTER_MIDNIGHT


def test_a_head_is_mailed_in_the_name_of_its_operator(chain: Chain, inbox: Inbox) -> None:
    with acting(chain.isp, chain.operators[0]):
        set_brand(OwnBrand(display_name="Riverside Net", reply_to="books@riverside.example"))
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
    send_heads(chain.isp, now=AFTER_MIDNIGHT)
    mail = next(mail for to, mail in inbox.mails if to == ["books0@example.net"])
    assert mail["From"].startswith("Riverside Net <")
    assert mail["Reply-To"] == "books@riverside.example"


def test_two_jobs_at_once_send_no_mail_twice(chain: Chain, inbox: Inbox) -> None:
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)

    def send() -> int:
        try:
            return send_heads(chain.isp, now=AFTER_MIDNIGHT)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(lambda _: send(), range(4))) == 2
    assert len(inbox.mails) == 2


def test_without_a_mail_server_heads_wait(chain: Chain, monkeypatch: pytest.MonkeyPatch) -> None:
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
    assert settings.EMAIL_HOST == ""
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT) == 0
    head = heads_of(chain, chain.operators[0])[0]
    assert (head["address"], head["sent_at"], head["failure"]) == ("books0@example.net", None, None)


def test_a_mail_server_that_is_down_is_tried_again_later(
    chain: Chain, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
    running = settings.EMAIL_PORT
    monkeypatch.setattr(settings, "EMAIL_PORT", 1)
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT) == 0
    failed = [heads_of(chain, operator)[0]["failure"] for operator in chain.operators]
    assert sorted(failure is None for failure in failed) == [
        False,
        True,
    ]  # the second was not tried: it would fare alike
    monkeypatch.setattr(settings, "EMAIL_PORT", running)
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT + timedelta(minutes=1)) == 1
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT + timedelta(minutes=20)) == 1
    assert len(inbox.mails) == 2


def test_an_address_that_is_refused_holds_up_nobody_else(chain: Chain, inbox: Inbox) -> None:
    with acting(chain.isp):
        set_head_address(address="nobody@example.net", now=NOW)
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT) == 1
    assert [to for to, _ in inbox.mails] == [["books1@example.net"]]
    assert "no such mailbox" in heads_of(chain, chain.isp.isp_id)[0]["failure"]


@pytest.mark.parametrize("address", ["nobody", "a@b, c@d", "a b@c", "a@b\nBcc: c@d", "<a@b>"])
def test_what_is_no_address_is_refused(chain: Chain, address: str) -> None:
    with acting(chain.isp), pytest.raises(InvalidInput):
        set_head_address(address=address, now=NOW)


def test_no_address_no_mail(chain: Chain, inbox: Inbox) -> None:
    for operator in chain.operators:
        with acting(chain.isp, operator):
            set_head_address(address=" ", now=NOW)
    assert make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT) == 2
    assert send_heads(chain.isp, now=AFTER_MIDNIGHT) == 0
    assert inbox.mails == []


def test_a_head_that_a_superuser_changes_is_found(chain: Chain, db: EmbeddedPostgres) -> None:
    make_heads(chain.isp, today=NEXT, now=AFTER_MIDNIGHT)
    with as_admin(db) as admin:
        admin.execute(
            "UPDATE daily_head SET debits_minor = debits_minor + 1 WHERE operator_id = %s", [chain.isp.isp_id]
        )
    wrong = {check.name: check.detail for check in verify([CELL]) if not check.ok}
    assert wrong.keys() == {"books.heads"} and chain.isp.slug in wrong["books.heads"]
