"""What is said, and what is written down, when a sign-in or a step of it does not succeed."""

from __future__ import annotations

from datetime import datetime, timedelta
from math import ceil

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.common.errors import NotFound
from backhaul.identity.models import User
from backhaul.identity.queries import find_host, get_isp
from backhaul.identity.sign_in import Tried
from backhaul.operators.scope import current_scope, unit_of_work
from backhaul.operators.services import record_audit
from backhaul.web.console.where import address_of, host_of
from backhaul.web.templatetags.console import count

NOBODYS = ("locked-out",)  # who it was is not known; all else a person did who had proved who it is


def failed(tried: Tried, otherwise: str) -> str:
    """What the form says: how long it is locked, or what is wrong."""
    if tried.anywhere:
        return _(
            "Too many tries at this name from many places. Sign in where you have signed in before, with a passkey, or "
            "let us mail you a new password; or wait an hour."
        )
    return locked(tried.wait) if tried.wait is not None else otherwise


def locked(wait: timedelta) -> str:
    minutes = max(1, ceil(wait.total_seconds() / 60))
    return ngettext(
        "Too many tries from here. Wait %(count)s minute, then try again; or sign in from another place.",
        "Too many tries from here. Wait %(count)s minutes, then try again; or sign in from another place.",
        minutes,
    ) % {"count": count(minutes)}


def heard(request: HttpRequest, tried: Tried, now: datetime) -> None:
    """A try that locked stands in the audit log of the person's operator; for a name that is nobody's, in that of the
    operator whose host name was asked for."""
    if tried.locks:
        note(request, tried.about, "locked-out", now)


def note(request: HttpRequest, user: User | None, verb: str, now: datetime, **detail: str) -> None:
    """Write down what happened at the sign-in, outside of any page's unit of work or inside one."""
    told = {"address": address_of(request), **detail}
    user_id = user.pk if user else 0
    try:
        current_scope()
    except LookupError:
        _note_in_own_unit(request, user, verb, now, told)
    else:
        record_audit(verb=verb, subject_type="user", subject_id=user_id, at=now, **told)


def _note_in_own_unit(request: HttpRequest, user: User | None, verb: str, now: datetime, told: dict[str, str]) -> None:
    known = find_host(host_of(request))
    if user is not None:
        isp_id, operator_id = user.isp_id, user.home_operator_id
    elif known is not None:
        isp_id, operator_id = known.isp_id, known.operator_id
    else:
        return
    doer = user.pk if user is not None and verb not in NOBODYS else None
    try:
        with unit_of_work(get_isp(isp_id), operator_id, user_id=doer):
            record_audit(verb=verb, subject_type="user", subject_id=user.pk if user else 0, at=now, **told)
    except NotFound:
        return  # the operator is gone; there is nobody to tell
