"""One's own account: who one is, the password, the e-mail address, and where one is signed in. Nothing of it is for
somebody from above who works inside the operator."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import NotFound
from backhaul.identity.models import User
from backhaul.identity.passkeys import list_passkeys, remove_passkeys
from backhaul.identity.second_factor import count_recovery_codes, has_code_app
from backhaul.identity.services import set_own_password, set_profile
from backhaul.identity.sessions import end_other_sessions, end_session, list_sessions
from backhaul.identity.sign_in import try_own_password
from backhaul.operators.sign_in_rules import get_second_factor_rule, keep_a_second_factor, set_second_factor_rule
from backhaul.web.console.access_forms import EmailForm, PasswordForm, ProfileForm, RuleForm
from backhaul.web.console.confirm import confirm_password, note_confirmed
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.entering import with_likings
from backhaul.web.console.mailing import mail_email_key
from backhaul.web.console.notices import tell_changed
from backhaul.web.console.pages import SIGNED_IN, PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.tries import failed, heard
from backhaul.web.console.where import address_of, device_of, site_of


@page(SIGNED_IN, inside=False)
def profile(request: PageRequest) -> HttpResponse:
    """GET, POST profile/"""
    user = request.user
    initial = {name: getattr(user, name) for name in ProfileForm.base_fields}
    form = ProfileForm(sent(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            saved = set_profile(user_id=user.pk, **form.cleaned_data)
            messages.success(request, _("Your profile is saved."))
            return with_likings(go(request, "own-profile"), saved)
    context = {
        "sessions": own_sessions(request),
        "has_code_app": has_code_app(user.pk),
        "recovery_codes": count_recovery_codes(user.pk),
        "passkeys": list_passkeys(user.pk),
        "takes_passkeys": site_of(request).takes_passkeys,
        "sign_in_name": f"{user.name}@{request.isp.slug}",
    }
    return show(request, "own_profile", context, form=form)


@page(SIGNED_IN, inside=False)
def password(request: PageRequest) -> HttpResponse:
    """GET, POST password/: one's own; the first sign-in leads here until it is done."""
    keys = list_passkeys(request.user.pk)
    form = PasswordForm(sent(request), passkeys=", ".join(f"“{key['name']}”" for key in keys))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        tried = try_own_password(request.user, given["current"], address=address_of(request), now=request.now)
        heard(request, tried, request.now)
        if tried.user is None:
            form.add_error("current", failed(tried, _("This is not your present password.")))
        else:
            with refusals_to(form):
                return _changed(request, given)
    return show(request, "password", {"forced": request.user.must_change_password}, form=form)


def _changed(request: PageRequest, given: dict[str, Any]) -> HttpResponse:
    """The password is another one, and whoever was in by the old one is out."""
    user: User = set_own_password(user_id=request.user.pk, current=given["current"], password=given["password"])
    if given.get("remove_passkeys"):
        keep_a_second_factor(left=has_code_app(user.pk))
        remove_passkeys(user.pk)
    update_session_auth_hash(request, user)
    note_confirmed(request, request.now)
    ended = end_other_sessions(user.pk, request.session.session_key)
    tell_changed(request, user, "password", request.now)
    messages.success(request, _("Your password is changed.") + _ended(ended))
    return go(request, "dashboard")


@page(SIGNED_IN, inside=False)
def email(request: PageRequest) -> HttpResponse:
    """GET, POST profile/email/: it becomes one's own once the mail that is sent there was answered."""
    if (asks := confirm_password(request)) is not None:
        return asks
    form = EmailForm(sent(request), initial={"email": request.user.email})
    if request.method == "POST" and form.is_valid():
        address = form.cleaned_data["email"]
        mail_email_key(request, request.user, address, brand=request.shell.brand, now=request.now)
        told = _("We sent a mail to %(address)s. Open the link in it within a day, and the address is yours.")
        messages.success(request, told % {"address": address})
        return go(request, "own-profile")
    return show(request, "settings_form", {
        "title": _("Your e-mail address"), "submit": _("Send the mail"), "cancel_href": reverse("own-profile"),
        "note": _("You can sign in with it, and get a mail there when you have forgotten your password."),
    }, form=form)  # fmt: skip


def own_sessions(request: PageRequest) -> list[dict[str, Any]]:
    """Where the person is signed in, with the device in words."""
    found = list_sessions(request.user.pk, request.session.session_key, now=request.now)
    return [row | {"device": _device(row["device"])} for row in found]


def _device(agent: str) -> str:
    browser, system = device_of(agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown device")


def _ended(count: int) -> str:
    return " " + _("Your other sessions have ended.") if count else ""


@page(SIGNED_IN, inside=False)
def end_one_session(request: PageRequest, handle: str) -> HttpResponse:
    """GET, POST profile/sessions/<handle>/end/"""
    found = next((row for row in own_sessions(request) if row["handle"] == handle and not row["current"]), None)
    if found is None:
        raise NotFound("There is no such session; it may have ended.")
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        end_session(request.user.pk, handle)
        messages.success(request, _("The session has ended."))
        return go(request, "own-profile")
    panel = Panel(
        _("End this session?"), _("End the session"), reverse("own-profile"), tone="warning",
        money=_("No money moves."),
        people=_("%(device)s at %(address)s is signed out at its next click.") % found,
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


@page(SIGNED_IN, inside=False)
def end_others(request: PageRequest) -> HttpResponse:
    """GET, POST profile/sessions/end/"""
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        end_other_sessions(request.user.pk, request.session.session_key)
        messages.success(request, _("Your other sessions have ended."))
        return go(request, "own-profile")
    panel = Panel(
        _("Sign out everywhere else?"), _("Sign out everywhere else"), reverse("own-profile"), tone="warning",
        money=_("No money moves."), people=_("All your other devices are signed out at their next click."),
    )  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


@page("staff.edit", inside=False)
def sign_in_rules(request: PageRequest) -> HttpResponse:
    """GET, POST settings/sign-in/: of whom the operator wants a second factor."""
    if (asks := confirm_password(request)) is not None:
        return asks
    form = RuleForm(sent(request), initial={"second_factor_of": get_second_factor_rule()})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_second_factor_rule(form.cleaned_data["second_factor_of"])
            messages.success(request, _("Saved. It holds from the next sign-in on."))
            return go(request, "dashboard")
    return show(request, "settings_form", {
        "title": _("How your people sign in"), "cancel_href": reverse("dashboard"),
        "note": _("A second factor is a code of an app on the phone, or a passkey. A stolen password alone then opens "
                  "nothing."),
    }, form=form)  # fmt: skip
