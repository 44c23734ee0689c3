"""Helping, or stopping, a member of staff at the sign-in: signed out everywhere, a second factor to be set up anew."""

from __future__ import annotations

from collections.abc import Callable

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.identity.models import User
from backhaul.identity.second_factor import remove_second_factor
from backhaul.identity.sessions import end_sessions_of
from backhaul.identity.sign_in import lift_locks
from backhaul.operators.people import refuse_mightier
from backhaul.operators.people_queries import get_member
from backhaul.web.console.confirm import confirm_password
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.notices import tell_changed
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show


@page("staff.edit")
def sign_out_person(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/sign-out/"""
    user_id = get_member(pk)["user_id"]
    panel = Panel(
        _("Sign this person out everywhere?"), _("Sign out everywhere"), reverse("person", args=[pk]), tone="warning",
        money=_("No money moves."),
        people=_("All devices of the person are signed out at their next click. The password stays as it is."),
    )  # fmt: skip
    return _act(request, pk, panel, lambda: end_sessions_of(user_id), _("The person is signed out everywhere."))


@page("staff.edit", inside=False)
def reset_second_factor(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/second-factor/: for who lost the phone and the recovery codes, or is locked out."""
    user_id = get_member(pk)["user_id"]
    if (asks := confirm_password(request)) is not None:
        return asks

    def start_anew() -> None:
        remove_second_factor(user_id)
        lift_locks(user_id)
        end_sessions_of(user_id)
        tell_changed(request, User.objects.get(pk=user_id), "factors-reset", request.now)

    panel = Panel(
        _("Let this person set up the second factor anew?"), _("Let it be set up anew"), reverse("person", args=[pk]),
        money=_("No money moves."),
        people=_("Codes, recovery codes and passkeys of the person work no more, and the password alone signs in until "
                 "new ones are set up. Be sure that it is the person who asks. Locks after too many tries are lifted."),
    )  # fmt: skip
    return _act(request, pk, panel, start_anew, _("The second factor can be set up anew."))


def _act(request: PageRequest, pk: int, panel: Panel, do: Callable[[], object], done: str) -> HttpResponse:
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            refuse_mightier(pk)
            do()
            messages.success(request, done)
            return go(request, "person", pk)
    return show(request, "confirm", {"panel": panel}, form=form)
