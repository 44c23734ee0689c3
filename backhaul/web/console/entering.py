"""What happens once somebody has proved who it is: a session begins, and what is still to be set up is asked for."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare

from backhaul.common.errors import NotFound
from backhaul.identity.devices import LASTS, with_device
from backhaul.identity.models import User
from backhaul.identity.passkeys import list_passkeys
from backhaul.identity.queries import get_isp
from backhaul.identity.second_factor import has_code_app
from backhaul.identity.sessions import begin_session
from backhaul.operators.scope import unit_of_work
from backhaul.operators.sign_in_rules import wants_second_factor
from backhaul.web.console.confirm import note_confirmed
from backhaul.web.console.pages import MUST_SET_UP, leave_to
from backhaul.web.console.tries import note
from backhaul.web.console.where import address_of

BACKEND = "backhaul.identity.backends.NameAtIsp"
PENDING_FOR = timedelta(minutes=10)
_PENDING = "pending"
_YEAR = 365 * 24 * 3600


def needs_second_step(user: User) -> bool:
    """Whether the password alone is not enough for this person now."""
    return has_code_app(user.pk) or bool(list_passkeys(user.pk) and is_bound(user))


def is_bound(user: User) -> bool:
    """Whether the person's operator wants a second factor of it."""
    try:
        with unit_of_work(get_isp(user.isp_id), user.home_operator_id, user_id=user.pk):
            return wants_second_factor()
    except NotFound:
        return False  # no seat any more: the pages will say so


def put_off(request: HttpRequest, user: User, target: str, now: datetime) -> None:
    """Remember, on the server, that the first step is done."""
    request.session.cycle_key()
    proved = user.get_session_auth_hash()  # of this password: another one asks for the first step anew
    request.session[_PENDING] = {"user": user.pk, "next": target, "at": now.isoformat(), "proved": proved}


def pending(request: HttpRequest, now: datetime) -> tuple[User, str] | None:
    """Who has done the first step at this browser lately, and where it wanted to go."""
    noted: dict[str, Any] | None = request.session.get(_PENDING)
    if noted is None or now - datetime.fromisoformat(noted["at"]) > PENDING_FOR:
        return None
    user = User.objects.filter(pk=noted["user"], is_active=True).first()
    if user is None or not constant_time_compare(noted["proved"], user.get_session_auth_hash()):
        return None
    return user, noted["next"]


def enter(request: HttpRequest, user: User, target: str, *, how: str, now: datetime) -> HttpResponse:
    """Begin the session under a new key and lead on."""
    request.session.pop(_PENDING, None)
    login(request, user, backend=BACKEND)
    begin_session(request.session, address=address_of(request), device=request.headers.get("User-Agent", ""), now=now)
    note_confirmed(request, now)
    if how == "password" and is_bound(user):
        request.session[MUST_SET_UP] = True
    note(request, user, "signed-in", now, how=how)
    return known_here(request, with_likings(leave_to(request, target), user), user)


def device_note(request: HttpRequest) -> str:
    """What this browser was told when people had signed in here."""
    return request.COOKIES.get(settings.DEVICE_COOKIE_NAME, "")


def known_here(request: HttpRequest, answer: HttpResponse, user: User) -> HttpResponse:
    """This browser is known as one of the person's: tries at the password from elsewhere do not lock it."""
    answer.set_cookie(settings.DEVICE_COOKIE_NAME, with_device(device_note(request), user.pk), max_age=LASTS,
                      httponly=True, samesite="Lax", path=settings.LOGIN_URL)  # fmt: skip
    return answer


def with_likings(answer: HttpResponse, user: User) -> HttpResponse:
    """This browser shows pages in the person's language and theme from now on."""
    if user.language:
        answer.set_cookie(settings.LANGUAGE_COOKIE_NAME, user.language, max_age=_YEAR, samesite="Lax")
    if user.theme:
        answer.set_cookie("theme", user.theme, max_age=_YEAR, samesite="Lax")  # read by theme.js before it paints
    else:
        answer.delete_cookie("theme", samesite="Lax")
    return answer
