"""Log in as reseller (SPEC A31): going into an operator below, stepping up there, coming back, and who came in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.common import clock
from backhaul.common.errors import NotFound, Refusal
from backhaul.identity.queries import find_staff_names, get_isp
from backhaul.identity.sign_in import try_own_password
from backhaul.operators import impersonation
from backhaul.operators.scope import unit_of_work
from backhaul.web.console import given
from backhaul.web.console.confirm import ConfirmForm, note_confirmed, safe_next
from backhaul.web.console.inside import come_back, go_inside, inside_of
from backhaul.web.console.pages import ROWS, SIGNED_IN, PageRequest, go, leave_to, page, paged, refusals_to, sent, show
from backhaul.web.console.people import came_in_names
from backhaul.web.console.tries import failed, heard
from backhaul.web.console.where import address_of
from backhaul.web.templatetags.console import count

MINUTES = (15, 30, 60, 240)


class EnterForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why"),
        max_length=impersonation.MAX_REASON,
        help_text=gettext_lazy("The operator reads it, with your name."),
        widget=forms.TextInput(attrs={"autofocus": True, "autocomplete": "off"}),
    )
    minutes = forms.TypedChoiceField(
        label=gettext_lazy("For how long"),
        coerce=int,
        choices=lambda: [(each, _length(each)) for each in MINUTES],
        initial=MINUTES[1],
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )


def _length(minutes: int) -> str:
    if minutes > 60:
        return _("%(n)s hours") % {"n": count(minutes // 60)}
    return _("%(n)s minutes") % {"n": count(minutes)}


@page("resellers.enter")
def below(request: PageRequest) -> HttpResponse:
    """GET enter/?q=&after=: all operators below, at any depth."""
    search = given.text(request, "q")
    found = impersonation.list_below(search=search, after=given.number(request, "after"), limit=ROWS + 1)
    return show(request, "enter_below", {"page": paged(request, found, "id"), "filters": {"q": search}})


@page("resellers.enter")
def enter(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST enter/<operator id>/: why and for how long; then the pages are that operator's."""
    operator = impersonation.get_below(pk)
    form = EnterForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            entered = impersonation.enter_operator(operator_id=pk, now=request.now, **form.cleaned_data)
            go_inside(request, pk, entered)
            return go(request, "dashboard")
    return show(request, "enter", {"operator": operator}, form=form)


@page(SIGNED_IN, writes=True)
def step_up(request: PageRequest) -> HttpResponse:
    """GET, POST inside/step-up/?next=: the own password once more, so that things may be changed."""
    entry = request.scope.entry
    if entry is None:
        raise NotFound("You are not inside another operator.")
    form = ConfirmForm(sent(request))
    if request.method == "POST" and form.is_valid():
        tried = try_own_password(
            request.user, form.cleaned_data["password"], address=address_of(request), now=request.now
        )
        heard(request, tried, request.now)
        if tried.user is not None:
            impersonation.step_up(now=request.now)
            note_confirmed(request, request.now)
            messages.success(request, _("You can change things at %(name)s now.") % {"name": request.scope.name})
            return leave_to(request, safe_next(request))
        form.add_error("password", failed(tried, _("This is not your password.")))
    return show(request, "step_up", {"entry": entry, "back": safe_next(request)}, form=form)


@page(SIGNED_IN, writes=True)
def leave(request: PageRequest) -> HttpResponse:
    """POST inside/leave/: back to the own console."""
    if request.scope.entry is None:
        raise NotFound("You are not inside another operator.")
    if request.method != "POST":
        return HttpResponseNotAllowed(["POST"])
    impersonation.end_impersonation(now=request.now)
    come_back(request)
    return go(request, "dashboard")


def end_visit(request: HttpRequest) -> None:
    """Before signing out: whoever is inside another operator leaves it, in its list too."""
    inside = inside_of(request, clock.now(), writes=True)
    if inside is None or not request.user.is_authenticated:
        return
    try:
        home = request.user.home_operator_id
        with unit_of_work(get_isp(request.user.isp_id), home, user_id=request.user.pk, inside=inside):
            impersonation.end_impersonation(now=inside.at)
    except Refusal:
        return  # it was over already


@page("audit.view")
def came_in(request: PageRequest) -> HttpResponse:
    """GET settings/who-came-in/?after=: everybody from above who worked inside here."""
    found = impersonation.list_came_in(before=given.number(request, "after"), limit=ROWS + 1)
    names = came_in_names(request, {row["id"]: row for row in found})
    rows = [_stood(row, request.now) | {"who": names[row["id"]]} for row in found]
    return show(request, "came_in", {"page": paged(request, rows, "id")})


@page("resellers.enter")
def entered(request: PageRequest) -> HttpResponse:
    """GET enter/list/?after=: where the own people went in."""
    found = impersonation.list_entered(before=given.number(request, "after"), limit=ROWS + 1)
    scope = request.scope
    names = find_staff_names(scope.isp_id, scope.operator_id, {row["actor_id"] for row in found})
    rows = [_stood(row, request.now) | {"who": names.get(row["actor_id"]) or _("somebody who left")} for row in found]
    return show(request, "entered", {"page": paged(request, rows, "id"), "back": reverse("below")})


def _stood(row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The row with `open`: still inside, and `left_at`: when it ended."""
    is_open = row["ended_at"] is None and row["until_at"] > now
    return row | {"open": is_open, "left_at": None if is_open else row["ended_at"] or row["until_at"]}
