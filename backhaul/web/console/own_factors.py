"""One's own second factor: the app with codes, recovery codes, passkeys."""

from __future__ import annotations

import io

import segno
from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import NotFound
from backhaul.identity.passkeys import (
    add_passkey,
    ask_for_new,
    get_passkey,
    list_passkeys,
    remove_passkey,
    rename_passkey,
)
from backhaul.identity.second_factor import (
    app_address,
    has_code_app,
    new_recovery_codes,
    new_secret,
    turn_off_code_app,
    turn_on_code_app,
)
from backhaul.identity.sessions import end_other_sessions
from backhaul.operators.sign_in_rules import keep_a_second_factor
from backhaul.web.console.access_forms import FirstCodeForm, PasskeyForm, PasskeyNameForm
from backhaul.web.console.confirm import confirm_password
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.notices import tell_changed
from backhaul.web.console.pages import MUST_SET_UP, SIGNED_IN, PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.where import site_of

_SECRET, _CHALLENGE = "code_app_secret", "new_passkey_challenge"


@page(SIGNED_IN, inside=False)
def set_up(request: PageRequest) -> HttpResponse:
    """GET, POST profile/second-factor/: the app is told the secret, and shows by a first code that it knows it."""
    if (asks := confirm_password(request)) is not None:
        return asks
    if request.method == "POST" and _SECRET not in request.session and has_code_app(request.user.pk):
        messages.info(request, _("Codes are on already. If you did not keep the recovery codes, make new ones."))
        return go(request, "own-profile")
    secret = request.session.setdefault(_SECRET, new_secret())
    form = FirstCodeForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            codes = turn_on_code_app(request.user.pk, secret, form.cleaned_data["code"], now=request.now)
            request.session.pop(_SECRET)
            request.session.pop(MUST_SET_UP, None)
            _changed(request, "codes-on")
            request.done = True
            return show(request, "recovery_codes", {"codes": codes, "account": _account(request)})
    groups = [secret[n : n + 4] for n in range(0, len(secret), 4)]
    context = {
        "secret": " ".join(groups),
        "address": app_address(secret, account=_account(request), issuer=request.shell.brand.name),
        "forced": MUST_SET_UP in request.session,
        "takes_passkeys": site_of(request).takes_passkeys,
    }
    return show(request, "second_factor", context, form=form)


@page(SIGNED_IN, inside=False)
def qr_code(request: PageRequest) -> HttpResponse:
    """GET profile/second-factor/qr.svg: the secret that is being set up, for the app's camera."""
    secret = request.session.get(_SECRET)
    if secret is None:
        raise Http404
    drawn = io.BytesIO()
    address = app_address(secret, account=_account(request), issuer=request.shell.brand.name)
    segno.make(address, error="m", micro=False).save(drawn, kind="svg", border=3, light="#fff", scale=4)
    return HttpResponse(drawn.getvalue(), content_type="image/svg+xml")


@page(SIGNED_IN, inside=False)
def turn_off(request: PageRequest) -> HttpResponse:
    """GET, POST profile/second-factor/off/"""
    _need_code_app(request)
    if (asks := confirm_password(request)) is not None:
        return asks
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            keep_a_second_factor(left=bool(list_passkeys(request.user.pk)))
            turn_off_code_app(request.user.pk)
            _changed(request, "codes-off")
            messages.success(request, _("Signing in asks for no code any more."))
            return go(request, "own-profile")
    panel = Panel(
        _("Sign in without codes?"), _("Turn codes off"), reverse("own-profile"), money=_("No money moves."),
        people=_("Whoever knows your password can then sign in as you. Your recovery codes are void."),
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


@page(SIGNED_IN, inside=False)
def recovery_codes(request: PageRequest) -> HttpResponse:
    """GET, POST profile/recovery-codes/: fresh ones, shown once."""
    _need_code_app(request)
    if (asks := confirm_password(request)) is not None:
        return asks
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        request.done = True
        codes = new_recovery_codes(request.user.pk)
        tell_changed(request, request.user, "recovery-codes", request.now)
        return show(request, "recovery_codes", {"codes": codes, "account": _account(request)})
    panel = Panel(
        _("Make new recovery codes?"), _("Make new codes"), reverse("own-profile"), tone="warning",
        money=_("No money moves."), people=_("Those that you have work no more."),
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


@page(SIGNED_IN, inside=False)
def new_passkey(request: PageRequest) -> HttpResponse:
    """GET, POST profile/passkeys/add/: sent without `credential`, it answers what the device is to sign (JSON)."""
    if (asks := confirm_password(request)) is not None:
        return asks
    site = site_of(request)
    form = PasskeyForm(sent(request))
    if request.method == "POST" and form.is_valid():
        if not form.cleaned_data["credential"]:
            asked = ask_for_new(request.user, site, shown_as=_account(request), company=request.shell.brand.name)
            request.session[_CHALLENGE] = asked.challenge
            return HttpResponse(asked.options, content_type="application/json")
        with refusals_to(form):
            add_passkey(
                request.user, site, name=form.cleaned_data["name"], answer=form.cleaned_data["credential"],
                challenge=request.session.pop(_CHALLENGE, ""), now=request.now,
            )  # fmt: skip
            request.session.pop(MUST_SET_UP, None)
            tell_changed(request, request.user, "passkey-added", request.now)
            messages.success(request, _("The passkey is added. Next time you can sign in with it alone."))
            return go(request, "own-profile")
    return show(request, "new_passkey", {"takes_passkeys": site.takes_passkeys}, form=form)


@page(SIGNED_IN, inside=False)
def name_passkey(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST profile/passkeys/<id>/name/"""
    found = get_passkey(request.user.pk, pk)
    form = PasskeyNameForm(sent(request), initial={"name": found["name"]})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            rename_passkey(request.user.pk, pk, form.cleaned_data["name"])
            return go(request, "own-profile")
    return show(
        request, "settings_form", {"title": _("Name of the passkey"), "cancel_href": reverse("own-profile")}, form=form
    )


@page(SIGNED_IN, inside=False)
def drop_passkey(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST profile/passkeys/<id>/remove/"""
    found = get_passkey(request.user.pk, pk)
    if (asks := confirm_password(request)) is not None:
        return asks
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            others = [each for each in list_passkeys(request.user.pk) if each["id"] != pk]
            keep_a_second_factor(left=bool(others) or has_code_app(request.user.pk))
            remove_passkey(request.user.pk, pk)
            _changed(request, "passkey-removed")
            messages.success(request, _("The passkey is removed."))
            return go(request, "own-profile")
    panel = Panel(
        _("Remove the passkey “%(name)s”?") % found, _("Remove it"), reverse("own-profile"), money=_("No money moves."),
        people=_("That device signs you in no more. Remove the passkey from the device, too."),
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


def _changed(request: PageRequest, what: str) -> None:
    """Whoever got in elsewhere without what holds from now on, or by what was removed, is out."""
    end_other_sessions(request.user.pk, request.session.session_key)
    tell_changed(request, request.user, what, request.now)


def _need_code_app(request: PageRequest) -> None:
    if not has_code_app(request.user.pk):
        raise NotFound("You have set up no app with codes.")


def _account(request: PageRequest) -> str:
    """Who one is, as apps and devices show it."""
    return f"{request.user.name}@{request.isp.slug}"
