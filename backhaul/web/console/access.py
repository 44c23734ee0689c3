"""Signing in and out, and one's own password."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, login, logout, update_session_auth_hash
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST
from django.views.decorators.vary import vary_on_cookie

from backhaul.identity.models import User
from backhaul.identity.queries import find_host, get_isp
from backhaul.identity.services import set_own_password
from backhaul.operators.scope import unit_of_work
from backhaul.web.console.frame import brand_of_scope
from backhaul.web.console.pages import SIGNED_IN, PageRequest, go, leave_to, page, refusals_to, sent, show
from backhaul.web.shell import Brand

PUBLIC = "public"


class SignInForm(forms.Form):
    username = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=130,
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "username", "autocapitalize": "none"}),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        max_length=200,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class PasswordForm(forms.Form):
    current = forms.CharField(
        label=gettext_lazy("Present password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    password = forms.CharField(
        label=gettext_lazy("New password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("At least 8 characters."),
    )
    again = forms.CharField(
        label=gettext_lazy("New password again"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("password") and given.get("again") and given["password"] != given["again"]:
            self.add_error("again", _("The two new passwords differ."))
        return given


@never_cache
@vary_on_cookie
def sign_in(request: HttpRequest) -> HttpResponse:
    """GET, POST sign-in/?next=: `name@isp`, or the bare name on a host name of the ISP."""
    request.brand = _brand_of_host(request)  # type: ignore[attr-defined]
    target = _safe_next(request)
    if request.user.is_authenticated:
        return leave_to(request, target)
    form = SignInForm(sent(request))
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, **form.cleaned_data)
        if user is not None:
            login(request, user)
            return leave_to(request, target)
        form.add_error(None, _("The name or the password is not right. The name is written name@company."))
    status = 422 if form.is_bound else 200
    return render(request, "console/sign_in.html", {"form": form}, status=status)


sign_in.permission = PUBLIC  # type: ignore[attr-defined]


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """POST sign-out/"""
    logout(request)
    return leave_to(request, settings.LOGIN_URL)


sign_out.permission = PUBLIC  # type: ignore[attr-defined]


@page(SIGNED_IN)
def password(request: PageRequest) -> HttpResponse:
    """GET, POST password/: one's own; the first sign-in leads here until it is done."""
    form = PasswordForm(sent(request))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with refusals_to(form):
            user: User = set_own_password(user_id=request.user.pk, current=given["current"], password=given["password"])
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password is changed."))
            return go(request, "dashboard")
    return show(request, "password", {"forced": request.user.must_change_password}, form=form)


def _safe_next(request: HttpRequest) -> str:
    target = request.GET.get("next", "")
    fits = url_has_allowed_host_and_scheme(target, {request.get_host()}, require_https=request.is_secure())
    return target if fits else str(settings.LOGIN_REDIRECT_URL)


def _brand_of_host(request: HttpRequest) -> Brand:
    """The look of the operator to whom the host name belongs."""
    known = find_host(request.get_host().split(":")[0])
    if known is None:
        return Brand("Backhaul")
    with unit_of_work(get_isp(known.isp_id), known.operator_id) as scope:
        return brand_of_scope(scope.name)
