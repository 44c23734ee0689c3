"""The texts of mails about signing in, in the reader's language, in the name of whose host name was asked for."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.http import HttpRequest
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from backhaul.identity.mail_keys import email_key, reset_key
from backhaul.identity.mails import queue_mail
from backhaul.identity.models import User
from backhaul.web.console.where import trusted_base
from backhaul.web.shell import Brand

log = logging.getLogger(__name__)


def mail_reset_key(request: HttpRequest, user: User, *, brand: Brand, now: datetime) -> None:
    """Send a person what sets a new password; nothing where there is no address to send it to, or to lead back to."""
    base = _base(request, user)
    if base is None or not user.email:
        return
    link = base + reverse("new-password", args=[user.pk, reset_key(user)])
    with _read_by(user):
        body = _(
            "Somebody, most likely you, asked for a new password for “%(name)s” at %(company)s.\n\n"
            "To choose one, open this address within an hour. It works once:\n\n%(link)s\n\n"
            "If it was not you, do nothing: your password stays as it is."
        ) % {"name": user.name, "company": brand.name, "link": link}
        subject = _("A new password for %(company)s") % {"company": brand.name}
    queue_mail(user, to=user.email, sender_name=brand.sender or brand.name, reply_to=brand.reply_to, subject=subject,
               body=body, now=now)  # fmt: skip


def mail_email_key(request: HttpRequest, user: User, email: str, *, brand: Brand, now: datetime) -> None:
    """Ask whoever reads the mail of an address whether it is this person's."""
    base = _base(request, user)
    if base is None:
        return
    link = base + reverse("prove-email", args=[email_key(user, email)])
    with _read_by(user):
        body = _(
            "“%(name)s” at %(company)s wants to use this e-mail address.\n\n"
            "If that is you, open this address within a day:\n\n%(link)s\n\n"
            "If it is not, do nothing."
        ) % {"name": user.name, "company": brand.name, "link": link}
        subject = _("Your e-mail address at %(company)s") % {"company": brand.name}
    queue_mail(user, to=email, sender_name=brand.sender or brand.name, reply_to=brand.reply_to, subject=subject,
               body=body, now=now)  # fmt: skip


def _base(request: HttpRequest, user: User) -> str | None:
    base = trusted_base(request, user.isp_id)
    if base is None:
        log.warning("no mail is sent: no host name of this server is known (BACKHAUL_HOSTS, or a host of the ISP)")
    return base


@contextmanager
def _read_by(user: User) -> Iterator[None]:
    with translation.override(user.language or translation.get_language()):
        yield
