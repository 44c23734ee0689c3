"""The mail of daily heads: an outbox written with each head, drained to the mail server of the settings."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend

from backhaul.common.money import format_minor
from backhaul.identity.mails import sent_by
from backhaul.identity.models import IspDirectory
from backhaul.operators.branding import brand_of
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import unit_of_work

BATCH = "batch"
AGAIN_AFTER = timedelta(minutes=15)
_WAITING = """
    SELECT m.operator_id, m.on_date, m.address, m.tries, h.seal_no, encode(h.hash, 'hex') AS hash, h.debits_minor,
           o.name, o.slug
    FROM head_mail m JOIN daily_head h ON h.operator_id = m.operator_id AND h.on_date = m.on_date
    JOIN operator o ON o.id = m.operator_id
    WHERE o.isp_id = %s AND m.sent_at IS NULL AND (m.tried_at IS NULL OR m.tried_at <= %s)
    ORDER BY m.on_date, m.operator_id LIMIT 1 FOR UPDATE OF m SKIP LOCKED
"""


OF_THIS_MAIL = (
    ValueError, smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError,
    smtplib.SMTPNotSupportedError,
)  # fmt: skip


@dataclass(frozen=True)
class _Outcome:
    """What the mail server said where it did not take a mail; `unreachable`: the next one would fare alike."""

    failure: str | None
    unreachable: bool = False


def can_mail() -> bool:
    """Whether the server was told of a mail server; without one, mails wait."""
    return bool(settings.EMAIL_HOST)


def send_heads(isp: IspDirectory, *, now: datetime) -> int:
    """Hand the waiting mails of an ISP to the mail server; how many it took. Call it outside a unit of work.

    A mail is marked in the transaction that holds its row while it is sent: two jobs never send the same one. Only
    where the server dies between the two is it sent again, with the same Message-ID, by which readers drop the copy.
    What the mail server refuses is tried again later, and the others go on.
    """
    sent = 0
    with _mail_server() as server:
        while can_mail():
            done = _send_next(isp, server, now)
            if done is None or done.unreachable:
                break
            sent += done.failure is None
    return sent


@contextmanager
def _mail_server() -> Iterator[BaseEmailBackend]:
    """One connection for all mails, opened by the first."""
    server: BaseEmailBackend = get_connection()
    try:
        yield server
    finally:
        server.close()


def _send_next(isp: IspDirectory, server: BaseEmailBackend, now: datetime) -> _Outcome | None:
    """Try the mail that has waited longest; None when nothing waits."""
    with unit_of_work(isp, using=BATCH):
        found = rows(_WAITING, [isp.isp_id, now - AGAIN_AFTER], using=BATCH)
        if not found:
            return None
        outcome = _hand_over(isp, found[0], server)
        execute(
            "UPDATE head_mail SET tries = tries + 1, tried_at = %s, failure = %s, "
            "sent_at = CASE WHEN %s::text IS NULL THEN %s::timestamptz END WHERE operator_id = %s AND on_date = %s",
            [now, outcome.failure, outcome.failure, now, found[0]["operator_id"], found[0]["on_date"]],
            using=BATCH,
        )
        return outcome


def _hand_over(isp: IspDirectory, head: dict[str, Any], server: BaseEmailBackend) -> _Outcome:
    try:
        server.open()  # stays open for the next
        _mail(isp, head, server).send()
    except (OSError, ValueError) as error:  # of the mail server (its exceptions are OSErrors), or of the address
        server.close()  # whatever state the conversation is in, the next mail begins a new one
        said = " ".join(str(error).split())[:300] or type(error).__name__
        return _Outcome(said, unreachable=not isinstance(error, OF_THIS_MAIL))
    return _Outcome(None)


def _mail(isp: IspDirectory, head: dict[str, Any], server: BaseEmailBackend) -> EmailMessage:
    on, sender, name = head["on_date"], settings.DEFAULT_FROM_EMAIL, " ".join(head["name"].split())
    brand = brand_of(head["operator_id"], using=BATCH)
    total = format_minor(head["debits_minor"], decimals=isp.currency_decimals)
    body = (
        f"The books of {name} at the end of {on}:\n\n"
        f"  block   {head['seal_no']}\n  hash    {head['hash']}\n  debits  {total} {isp.currency}\n\n"
        "Keep this mail. Nothing that was in the books by then can be changed without this hash no longer fitting. "
        "To prove it, download the books from their page (or ask for the file) and run, on any computer:\n\n"
        f"  backhaul check-books FILE --head {on} {head['hash']}\n"
    )
    return EmailMessage(
        subject=f"Books of {name}, {on}: block {head['seal_no']}, {head['hash'][:12]}",
        body=body,
        from_email=sent_by(brand.sender),
        to=[head["address"]],
        reply_to=[brand.reply_to] if brand.reply_to else None,
        connection=server,
        headers={"Message-ID": f"<head-{isp.slug}-{head['slug']}-{on}@{sender.rpartition('@')[2].rstrip('>')}>"},
    )
