"""Stepping up: before something dangerous a person gives the password once more, unless that was just done.

if (asks := confirm_password(request)) is not None:
    return asks
"""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.common import clock
from backhaul.identity.sign_in import try_own_password
from backhaul.web.console.pages import SIGNED_IN, PageRequest, leave_to, page, sent, show
from backhaul.web.console.tries import failed, heard
from backhaul.web.console.where import address_of

FRESH = timedelta(minutes=10)
_KEY = "confirmed_at"


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=gettext_lazy("Your password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autofocus": True, "autocomplete": "current-password"}),
    )


def confirmed_at(request: HttpRequest) -> datetime | None:
    """When the person at this browser last proved to be the one who signed in; signing in counts."""
    noted = request.session.get(_KEY)
    return datetime.fromisoformat(noted) if noted else None


def note_confirmed(request: HttpRequest, now: datetime) -> None:
    """The person has just proved who it is."""
    request.session[_KEY] = now.isoformat()


def confirm_password(request: HttpRequest, *, since: datetime | None = None) -> HttpResponse | None:
    """None where the person proved who it is within ten minutes (and not before `since`); else the answer that leads to
    the page which asks for the password and comes back here."""
    proved = confirmed_at(request)
    if proved is not None and proved >= max(clock.now() - FRESH, since or proved):
        return None
    back = request.get_full_path() if request.method == "GET" else request.headers.get("Referer", "")
    asks = leave_to(request, f"{reverse('confirm-password')}?{urlencode({'next': back})}")
    asks.asks_password = True  # type: ignore[attr-defined]  # nothing was done
    return asks


@page(SIGNED_IN, writes=True)
def confirm(request: PageRequest) -> HttpResponse:
    """GET, POST confirm/?next=: the password once more, then back."""
    form = ConfirmForm(sent(request))
    if request.method == "POST" and form.is_valid():
        tried = try_own_password(
            request.user, form.cleaned_data["password"], address=address_of(request), now=request.now
        )
        heard(request, tried, request.now)
        if tried.user is not None:
            note_confirmed(request, request.now)
            return leave_to(request, safe_next(request))
        form.add_error("password", failed(tried, _("This is not your password.")))
    return show(request, "confirm_password", {"cancel_href": reverse("dashboard")}, form=form)


def safe_next(request: HttpRequest) -> str:
    """Where ?next= leads, if it is on this host; else the start."""
    target = request.GET.get("next", "")
    fits = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if fits else reverse("dashboard")
