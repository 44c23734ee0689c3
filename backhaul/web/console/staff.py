"""Staff: who may sign in here, with which role, and what each person can see and do."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.identity.models import User
from backhaul.identity.queries import list_staff
from backhaul.identity.services import set_first_password
from backhaul.operators.people import change_member, end_member, givable_roles, refuse_mightier, return_member
from backhaul.operators.people_queries import (
    find_own_member,
    get_ended_member,
    get_member,
    list_grants,
    list_members,
    list_roles,
    permissions_of_role,
    ticked_singly,
)
from backhaul.operators.queries import get_provider_name
from backhaul.operators.services import record_audit
from backhaul.resellers.services import add_staff
from backhaul.web.console.abilities import sheet_of
from backhaul.web.console.confirm import confirm_password
from backhaul.web.console.customer_forms import offer
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.notices import tell_changed
from backhaul.web.console.pages import SIGNED_IN, PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.staff_forms import AccessForm, FirstPasswordForm, PersonForm
from backhaul.web.nav import menu_for
from backhaul.web.words import named


@page("staff.edit")
def staff(request: PageRequest) -> HttpResponse:
    """GET staff/"""
    users = list_staff(request.isp.isp_id, request.scope.operator_id)
    rows = [row | _described(users.get(row["user_id"])) | {"role_label": role_label(row)} for row in list_members()]
    return show(request, "staff", {"rows": rows, "me": request.user.pk})


@page("staff.edit")
def add_person(request: PageRequest) -> HttpResponse:
    """GET, POST staff/add/: somebody who may sign in, with a first password. Who finds a browser open must not leave
    itself a way back in: the own password comes first, as wherever access is given."""
    if (asks := confirm_password(request)) is not None:
        return asks
    form = PersonForm(sent(request))
    offer(form, "role", _roles_to_give())
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        with refusals_to(form):
            user_id = add_staff(
                operator_id=request.scope.operator_id, role=given["role"], name=given["login"],
                full_name=given["full_name"], password=given["password"],
            )  # fmt: skip
            member = next(row for row in list_members() if row["user_id"] == user_id)
            record_audit(
                verb="added", subject_type="member", subject_id=member["id"], at=request.now, role=given["role"]
            )
            login = f"{given['login']}@{request.isp.slug}"
            messages.success(
                request,
                _("%(name)s may sign in as %(login)s.") % {"name": given["full_name"], "login": login},
            )
            return go(request, "person", member["id"])
    return show(request, "add_person", {}, form=form)


@page("staff.edit")
def person(request: PageRequest, pk: int) -> HttpResponse:
    """GET staff/<id>/: what this person can see and do, and why."""
    return _sheet(request, pk, {"manages": True})


@page(SIGNED_IN)
def my_access(request: PageRequest) -> HttpResponse:
    """GET my-access/: the same of oneself."""
    own = find_own_member()
    if own is None:
        raise Http404
    return _sheet(request, own, {"manages": False})


@page("staff.edit")
def access(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/access/: the role, and what is granted singly on top of it."""
    if (asks := confirm_password(request)) is not None:
        return asks
    row = get_member(pk)
    by_role = permissions_of_role(row["role"])
    form = AccessForm(
        sent(request), initial={"role": row["role"]}, offered=list_grants(), mine=request.scope.permissions,
        ticked=ticked_singly(pk), notes={name: _("by the role already") for name in by_role},
    )  # fmt: skip
    offer(form, "role", _roles_to_give(row))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            change_member(member_id=pk, role=form.cleaned_data["role"], permissions=form.wanted(), at=request.now)
            messages.success(request, _("It holds from the next page that the person opens."))
            return go(request, "person", pk)
    return show(request, "access", {"person": _person(request, row)}, form=form)


@page("staff.edit")
def reset_password(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/password/: a new first password; every session of the person ends."""
    if (asks := confirm_password(request)) is not None:
        return asks
    row = _person(request, get_member(pk))
    form = FirstPasswordForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            refuse_mightier(pk)
            user = User.objects.get(pk=row["user_id"])
            set_first_password(user_id=user.pk, password=form.cleaned_data["password"])
            tell_changed(request, user, "first-password", request.now)  # to the mailbox that it had until now
            record_audit(verb="password_reset", subject_type="member", subject_id=pk, at=request.now)
            messages.success(request, _("The new first password is set."))
            return go(request, "person", pk)
    context = {
        "title": _("New first password for %(name)s") % {"name": row["name"]},
        "note": _("The person is signed out everywhere, and adds passkeys and the e-mail address anew."),
        "submit": _("Set password"),
        "cancel_href": reverse("person", args=[pk]),
    }
    return show(request, "settings_form", context, form=form)


@page("staff.edit")
def end_access(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/end/"""
    row = _person(request, get_member(pk))
    panel = Panel(
        _("End the access of %(name)s?") % {"name": row["name"]},
        _("End access"),
        reverse("person", args=[pk]),
        money=_("No money moves. A drawer that is not empty stays in the list until it is handed over."),
        people=_("The person opens no page here any more, from now on. What it did stays in the history."),
    )
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            end_member(member_id=pk, at=request.now)
            messages.success(request, _("The access is ended."))
            return go(request, "staff")
    return show(request, "confirm", {"panel": panel}, form=form)


@page("staff.edit")
def return_access(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST staff/<id>/return/: the same role again, for somebody whose access ended."""
    if (asks := confirm_password(request)) is not None:
        return asks
    row = _person(request, get_ended_member(pk))
    panel = Panel(
        _("Give %(name)s access again?") % {"name": row["name"]},
        _("Give access"),
        reverse("staff"),
        tone="primary",
        money=_("No money moves."),
        people=_("The person signs in as before, with the role %(role)s; what was granted singly is gone.")
        % {"role": row["role_label"]},
    )
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            member_id = return_member(member_id=pk, at=request.now)
            messages.success(request, _("The person has access again."))
            return go(request, "person", member_id)
    return show(request, "confirm", {"panel": panel}, form=form)


def role_label(row: dict[str, Any]) -> Any:
    """What a role is called: by its own name, or as those that everybody has."""
    return row["role_name"] or named(row["role"], "role")


def _sheet(request: PageRequest, pk: int, context: dict[str, Any]) -> HttpResponse:
    row = _person(request, get_member(pk))
    provider = get_provider_name()
    context |= {
        "person": row,
        "sheet": sheet_of(row, request.scope.name, provider),
        "menu": menu_for(row["permissions"], "", {}),
        "is_me": row["user_id"] == request.user.pk,
    }
    return show(request, "person", context)


def _person(request: PageRequest, row: dict[str, Any]) -> dict[str, Any]:
    users = list_staff(request.isp.isp_id, request.scope.operator_id)
    return row | _described(users.get(row["user_id"])) | {"role_label": role_label(row)}


def _described(user: User | None) -> dict[str, Any]:
    if user is None:
        return {"name": "–", "login": "", "last_sign_in_at": None, "must_change_password": False}
    return {
        "name": user.full_name or user.name,
        "login": user.name,
        "last_sign_in_at": user.last_login,
        "must_change_password": user.must_change_password,
    }


def _roles_to_give(of: dict[str, Any] | None = None) -> list[tuple[str, Any]]:
    """The roles that whoever asks may give, and the one that the person has."""
    offered = givable_roles() | ({of["role"]} if of is not None else set())
    return [
        (role["key"], role["name"] or named(role["key"], "role")) for role in list_roles() if role["key"] in offered
    ]
