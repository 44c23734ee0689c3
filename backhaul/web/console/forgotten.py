"""Back in by mail: asking for a new password, choosing it, and proving an e-mail address."""

from __future__ import annotations

import time
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache

from backhaul.common import clock
from backhaul.common.errors import Refusal
from backhaul.identity.limits import within_rate
from backhaul.identity.mail_keys import read_email_key, reset_key_fits, use_email_key
from backhaul.identity.models import User
from backhaul.identity.passkeys import list_passkeys
from backhaul.identity.queries import find_person
from backhaul.identity.services import set_password_by_mail
from backhaul.identity.sessions import end_sessions_of
from backhaul.web.console.access import PUBLIC, brand_of_host, draw
from backhaul.web.console.access_forms import ForgotForm, TwiceForm
from backhaul.web.console.entering import known_here
from backhaul.web.console.mailing import mail_reset_key
from backhaul.web.console.notices import tell_changed
from backhaul.web.console.pages import leave_to, sent
from backhaul.web.console.tries import note
from backhaul.web.console.where import address_of, host_of

ASKED_FROM_AN_ADDRESS, WITHIN = 20, timedelta(hours=1)
ANSWER_SECONDS = 0.25  # longer than looking somebody up and writing a mail
GONE = 410


@never_cache
def forgot(request: HttpRequest) -> HttpResponse:
    """GET, POST sign-in/forgot/: the answer is the same whether the name is known or not, and as slow."""
    form = ForgotForm(sent(request))
    if request.method == "POST" and form.is_valid():
        now, begun = clock.now(), time.monotonic()
        if within_rate("forgot", address_of(request), most=ASKED_FROM_AN_ADDRESS, per=WITHIN, now=now):
            user = find_person(form.cleaned_data["username"], host_of(request))
            if user is not None and user.is_active:
                mail_reset_key(request, user, brand=brand_of_host(request, user), now=now)
        time.sleep(max(0.0, begun + ANSWER_SECONDS - time.monotonic()))
        return draw(request, "mail_sent", form)
    return draw(request, "forgot", form)


forgot.permission = PUBLIC  # type: ignore[attr-defined]


@never_cache
def new_password(request: HttpRequest, pk: int, key: str) -> HttpResponse:
    """GET, POST sign-in/forgot/<user>/<key>/: opening it uses nothing up, for programs that read mails open links."""
    user = User.objects.filter(pk=pk).first()
    if user is None or not reset_key_fits(user, key):
        return draw(request, "key_is_over", None, status=GONE)
    form = TwiceForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            changed = set_password_by_mail(
                user_id=pk, fits=lambda found: reset_key_fits(found, key), password=form.cleaned_data["password"]
            )
        except Refusal as refusal:
            form.add_error("password", refusal.message)
        else:
            if changed is None:
                return draw(request, "key_is_over", None, status=GONE)
            end_sessions_of(pk)
            note(request, user, "password-by-mail", clock.now())
            tell_changed(request, changed, "password-by-mail", clock.now())
            messages.success(request, _("Your password is changed. Sign in with it.") + _passkeys_left(pk))
            return known_here(request, leave_to(request, settings.LOGIN_URL), changed)
    return draw(request, "choose_password", form)


def _passkeys_left(user_id: int) -> str:
    """They need no password, so that whoever asked for another because somebody knew it should look at them."""
    left = bool(list_passkeys(user_id))
    return " " + _("Your passkeys stay: remove those that are not yours in your profile.") if left else ""


new_password.permission = PUBLIC  # type: ignore[attr-defined]


@never_cache
def prove_email(request: HttpRequest, key: str) -> HttpResponse:
    """GET, POST sign-in/email/<key>/: asked for by somebody who is signed in, proved by the mail alone."""
    found = read_email_key(key)
    if found is None:
        return draw(request, "key_is_over", None, status=GONE)
    user, email = found
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            proved = use_email_key(key)
        except Refusal as refusal:
            form.add_error(None, refusal.message)
        else:
            if proved is None:
                return draw(request, "key_is_over", None, status=GONE)
            note(request, user, "email-proved", clock.now())
            tell_changed(request, user, "email", clock.now(), also=email)
            messages.success(request, _("%(email)s is your e-mail address now.") % {"email": email})
            return leave_to(request, settings.LOGIN_URL)
    return draw(request, "prove_email", form, email=email, name=user.full_name or user.name)


prove_email.permission = PUBLIC  # type: ignore[attr-defined]
