"""Signing in and out."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_cookie

from backhaul.common import clock
from backhaul.identity.models import User
from backhaul.identity.passkeys import ask_for_one, list_passkeys, use_passkey
from backhaul.identity.queries import find_host, get_isp, is_founded
from backhaul.identity.second_factor import has_code_app
from backhaul.identity.sign_in import passkey_may_be_tried, try_code, try_password
from backhaul.operators.scope import unit_of_work
from backhaul.web.console.access_forms import SecondStepForm, SignInForm
from backhaul.web.console.confirm import safe_next
from backhaul.web.console.enter import end_visit
from backhaul.web.console.entering import device_note, enter, needs_second_step, pending, put_off
from backhaul.web.console.frame import brand_of_scope
from backhaul.web.console.pages import leave_to, sent
from backhaul.web.console.tries import failed, heard, note
from backhaul.web.console.where import address_of, host_of, site_of
from backhaul.web.shell import Brand

PUBLIC = "public"
_CHALLENGE = "passkey_challenge"


@never_cache
@vary_on_cookie
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET, POST sign-in/?next=: `name@isp`, an e-mail address, or the bare name on a host name of the ISP."""
    target = safe_next(request)
    if request.user.is_authenticated:
        return leave_to(request, target)
    if request.method == "GET" and not is_founded():
        return leave_to(request, reverse("welcome"))
    form = SignInForm(sent(request))
    if request.method == "POST" and form.is_valid():
        now, given = clock.now(), form.cleaned_data
        tried = try_password(given["username"], given["password"], host=host_of(request), address=address_of(request),
                             now=now, note=device_note(request))  # fmt: skip
        heard(request, tried, now)
        if tried.user is not None:
            if needs_second_step(tried.user):
                put_off(request, tried.user, target, now)
                return leave_to(request, reverse("second-step"))
            return enter(request, tried.user, target, how=tried.how, now=now)
        form.add_error(None, failed(tried, _(
            "The name or the password is not right. A name is written name@company, and so is an e-mail address that "
            "more than one company knows: you@example.com@company."
        )))  # fmt: skip
    return draw(request, "sign_in", form, takes_passkeys=site_of(request).takes_passkeys)


sign_in.permission = PUBLIC  # type: ignore[attr-defined]


@never_cache
@vary_on_cookie
def second_step(request: HttpRequest) -> HttpResponse:
    """GET, POST sign-in/code/: the code of the app, or a recovery code, after the password."""
    now = clock.now()
    waiting = pending(request, now)
    if waiting is None:
        return leave_to(request, settings.LOGIN_URL)
    user, target = waiting
    form = SecondStepForm(sent(request))
    if request.method == "POST" and form.is_valid():
        tried = try_code(user, form.cleaned_data["code"], address=address_of(request), now=now)
        heard(request, tried, now)
        if tried.user is not None:
            return enter(request, user, target, how=tried.how, now=now)
        form.add_error("code", failed(tried, _("This code does not fit, or it was used before.")))
    has_passkeys = bool(list_passkeys(user.pk)) and site_of(request).takes_passkeys
    return draw(request, "second_step", form, takes_codes=has_code_app(user.pk), takes_passkeys=has_passkeys,
                target=target)  # fmt: skip


second_step.permission = PUBLIC  # type: ignore[attr-defined]


@never_cache
@require_POST
def passkey_sign_in(request: HttpRequest) -> HttpResponse:
    """POST sign-in/passkey/?next=: first for what the device is to sign (as JSON), then with what it signed."""
    now, site = clock.now(), site_of(request)
    if not passkey_may_be_tried(address_of(request), now):
        return HttpResponse(status=429)
    answer = request.POST.get("credential", "")
    if not answer:
        asked = ask_for_one(site)
        request.session[_CHALLENGE] = asked.challenge
        return HttpResponse(asked.options, content_type="application/json")
    challenge = request.session.pop(_CHALLENGE, "")  # used once
    user = use_passkey(site, challenge=challenge, answer=answer[:20_000], now=now) if challenge else None
    if user is not None:
        return enter(request, user, safe_next(request), how="passkey", now=now)
    problem = _("This passkey is not known here. Sign in with your password, then add it in your profile.")
    return draw(request, "sign_in", SignInForm(), 422, problem=problem, takes_passkeys=site.takes_passkeys)


passkey_sign_in.permission = PUBLIC  # type: ignore[attr-defined]


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """POST sign-out/: whoever works inside another operator leaves it, too."""
    end_visit(request)
    if request.user.is_authenticated:
        note(request, request.user, "signed-out", clock.now())
    logout(request)
    return leave_to(request, settings.LOGIN_URL)


sign_out.permission = PUBLIC  # type: ignore[attr-defined]


def draw(request: HttpRequest, template: str, form: object, status: int = 0, **context: object) -> HttpResponse:
    """A page for people who are not signed in, in the look of the operator whose host name was asked for."""
    request.brand = brand_of_host(request)  # type: ignore[attr-defined]
    refused = bool(getattr(form, "errors", None))
    return render(
        request, f"console/{template}.html", {"form": form, **context}, status=status or (422 if refused else 200)
    )


def brand_of_host(request: HttpRequest, person: User | None = None) -> Brand:
    """The look of the operator to whom the host name belongs; on one that is nobody's, of a person's own operator."""
    known = find_host(host_of(request))
    if known is not None:
        isp_id, operator_id = known.isp_id, known.operator_id
    elif person is not None:
        isp_id, operator_id = person.isp_id, person.home_operator_id
    else:
        return Brand("Backhaul")
    with unit_of_work(get_isp(isp_id), operator_id):
        return brand_of_scope()
