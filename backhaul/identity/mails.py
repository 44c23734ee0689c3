"""Mails about signing in: an outbox, drained to the mail server of the settings; without one they wait."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import formataddr, parseaddr

from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.db import transaction

from backhaul.identity.limits import within_rate
from backhaul.identity.models import Mail, User

AGAIN_AFTER = timedelta(minutes=2)
GIVEN_UP_AFTER = timedelta(hours=24)  # what it offers is over by then
MAILS_AN_HOUR = 5


def queue_mail(
    user: User,
    *,
    to: str,
    sender_name: str,
    subject: str,
    body: str,
    now: datetime,
    reply_to: str = "",
    counted: str = "mail",
    most: int = MAILS_AN_HOUR,
) -> bool:
    """Put a mail behind this transaction's commit; False where the person got enough of those `counted` together
    within the hour."""
    if not within_rate(f"{counted} {user.pk}", "", most=most, per=timedelta(hours=1), now=now):
        return False
    # one line each: they become headers
    name, title, answers_to = (" ".join(each.split()) for each in (sender_name, subject, reply_to))
    Mail.objects.create(user_id=user.pk, address=to, sender_name=name[:120], reply_to=answers_to, subject=title[:200],
                        body=body, queued_at=now)  # fmt: skip
    return True


def send_waiting_mails(now: datetime) -> int:
    """Hand what waits to the mail server; how many it took. A mail is marked in the transaction that holds its row, so
    that two jobs never send the same one."""
    Mail.objects.filter(sent_at=None, queued_at__lt=now - GIVEN_UP_AFTER).delete()
    sent = 0
    while settings.EMAIL_HOST:
        done = _send_next(now)
        if done is None:
            break
        sent += done
    return sent


def _send_next(now: datetime) -> bool | None:
    with transaction.atomic():
        waiting = Mail.objects.select_for_update(skip_locked=True).filter(sent_at=None)
        mail = waiting.exclude(tried_at__gt=now - AGAIN_AFTER).order_by("queued_at", "pk").first()
        if mail is None:
            return None
        mail.tries, mail.tried_at, mail.failure = mail.tries + 1, now, ""
        try:
            _message(mail).send()
        except (OSError, ValueError) as error:  # of the mail server (its exceptions are OSErrors), or of the address
            mail.failure = " ".join(str(error).split())[:300] or type(error).__name__
        else:
            mail.sent_at, mail.body = now, ""
        mail.save()
        return mail.sent_at is not None


def _message(mail: Mail) -> EmailMessage:
    return EmailMessage(
        subject=mail.subject,
        body=mail.body,
        from_email=sent_by(mail.sender_name),
        to=[mail.address],
        reply_to=[mail.reply_to] if mail.reply_to else None,
        connection=get_connection(),
    )


def sent_by(sender_name: str) -> str:
    """The sender of mails in somebody's name: the address stays the server's own, which its mail server vouches for."""
    return formataddr((sender_name, parseaddr(settings.DEFAULT_FROM_EMAIL)[1]))


def clear_old_mails(now: datetime) -> None:
    """Take away the rows of mails that were sent."""
    Mail.objects.filter(sent_at__lt=now - timedelta(days=30)).delete()
