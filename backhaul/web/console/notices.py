"""Telling a person that what signs it in has changed, by mail and behind the bell: whoever did it, the person hears of
it. A thief who knows the password can change much, but not without that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.common.errors import NotFound
from backhaul.identity.mails import queue_mail
from backhaul.identity.models import User
from backhaul.identity.passkeys import list_passkeys
from backhaul.identity.queries import get_isp
from backhaul.operators.progress import note_done
from backhaul.operators.scope import current_scope, unit_of_work
from backhaul.web.console.frame import brand_of_scope
from backhaul.web.console.where import address_of, trusted_base
from backhaul.web.shell import Brand
from backhaul.web.templatetags.console import moment

CHANGES = {
    "password": gettext_lazy("The password was changed"),
    "password-by-mail": gettext_lazy("A new password was set by a mail"),
    "first-password": gettext_lazy("Somebody of the company set a first password"),
    "email": gettext_lazy("The e-mail address was changed"),
    "codes-on": gettext_lazy("Codes at the sign-in were turned on"),
    "codes-off": gettext_lazy("Codes at the sign-in were turned off"),
    "recovery-codes": gettext_lazy("New recovery codes were made"),
    "passkey-added": gettext_lazy("A passkey was added"),
    "passkey-removed": gettext_lazy("A passkey was removed"),
    "factors-reset": gettext_lazy("Somebody of the company took the second factor away, to be set up anew"),
}
PASSWORDS = ("password", "password-by-mail")
NOTICES_AN_HOUR = 20  # apart from the mails that anybody can ask for, which could use up a common limit


def tell_changed(request: HttpRequest, user: User, what: str, now: datetime, *, also: str = "") -> None:
    """One of CHANGES happened to how a person signs in. It is mailed to the address of `user`, as it was read before
    that, and to `also`."""
    with _at_home_of(user) as brand, _read_by(user):
        if brand is None:
            return
        said = str(CHANGES[what])
        note_done(user_id=user.pk, task="sign_in", label=said, link=reverse("own-profile"), now=now)
        body, subject = _body(request, user, what, brand, now), f"{said} · {brand.name}"
        for address in {user.email, also} - {""}:
            queue_mail(user, to=address, sender_name=brand.sender or brand.name, reply_to=brand.reply_to,
                       subject=subject, body=body, now=now, counted="notice", most=NOTICES_AN_HOUR)  # fmt: skip


def _body(request: HttpRequest, user: User, what: str, brand: Brand, now: datetime) -> str:
    isp = get_isp(user.isp_id)
    with timezone.override(ZoneInfo(isp.time_zone)):
        at = moment(now)
    lines = [
        _("%(what)s for “%(name)s” at %(company)s: %(at)s, from the address %(address)s.")
        % {"what": CHANGES[what], "name": user.name, "company": brand.name, "at": at, "address": address_of(request)},
    ]
    kept = ", ".join(f"“{key['name']}”" for key in list_passkeys(user.pk)) if what in PASSWORDS else ""
    if kept:
        lines.append(_("These passkeys still sign you in, without the password: %(names)s.") % {"names": kept})
    base = trusted_base(request, user.isp_id)
    profile = f"\n\n{base}{reverse('own-profile')}" if base else ""
    lines.append(
        _(
            "If it was you, there is nothing to do. If not, change your password at once, remove what is not yours in "
            "your profile, and tell the owner of your company."
        )
        + profile
    )
    return "\n\n".join(lines)


@contextmanager
def _at_home_of(user: User) -> Iterator[Brand | None]:
    """The look of the operator at which the person is told, in the page's unit of work or one of its own; None where
    the person has no seat any more."""
    try:
        current_scope()
    except LookupError:
        try:
            with unit_of_work(get_isp(user.isp_id), user.home_operator_id, user_id=user.pk):
                yield brand_of_scope()
        except NotFound:
            yield None
    else:
        yield brand_of_scope()


@contextmanager
def _read_by(user: User) -> Iterator[None]:
    with translation.override(user.language or translation.get_language()):
        yield
