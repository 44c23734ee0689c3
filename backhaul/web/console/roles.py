"""Roles: what each may do, who has it, and roles of an operator's own."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from backhaul.identity.queries import find_staff_names
from backhaul.operators.people import add_role, change_role
from backhaul.operators.people_queries import get_role, list_grants, list_members, list_roles, ticked_in_role
from backhaul.operators.rules import OWNER
from backhaul.web.console import given
from backhaul.web.console.confirm import confirm_password
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.staff_forms import RoleForm
from backhaul.web.words import named


@page("roles.edit")
def roles(request: PageRequest) -> HttpResponse:
    """GET roles/"""
    return show(request, "roles", {"rows": [_titled(row) for row in list_roles()], "granted": len(list_grants())})


@page("roles.edit")
def add_a_role(request: PageRequest) -> HttpResponse:
    """GET, POST roles/add/?copy=: a role of one's own, with the ticks of another to begin with. The own password comes
    first, as wherever access is given."""
    if (asks := confirm_password(request)) is not None:
        return asks
    copied = given.number(request, "copy")
    granted = list_grants()
    ticked: set[str] = set()
    drawer = False
    if copied is not None:
        copy = get_role(copied)
        ticked = granted if copy["key"] == OWNER else ticked_in_role(copied)
        drawer = copy["keeps_drawer"]
    mine = request.scope.permissions
    form = RoleForm(
        sent(request), named=True, initial={"keeps_drawer": drawer}, offered=granted & mine, mine=mine,
        ticked=ticked & mine,
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            values = form.cleaned_data
            role_id = add_role(
                name=values["name"], keeps_drawer=values["keeps_drawer"], permissions=form.wanted(), at=request.now
            )
            messages.success(request, _("The role is added. Give it to people on their pages."))
            return go(request, "role", role_id)
    return show(request, "role", {"title": _("Add a role"), "people": []}, form=form)


@page("roles.edit")
def role(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST roles/<id>/: an owner's is fixed. What a role may do, its people may: the own password comes first."""
    row = _titled(get_role(pk))
    scope = request.scope
    fixed = row["key"] == OWNER
    if not fixed and (asks := confirm_password(request)) is not None:
        return asks
    granted = list_grants()
    form = RoleForm(
        sent(request), named=row["is_own"], initial=row, offered=granted,
        mine=() if fixed else scope.permissions, ticked=granted if fixed else ticked_in_role(pk),
    )  # fmt: skip
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            values = form.cleaned_data
            change_role(
                role_id=pk, name=values.get("name"), keeps_drawer=values["keeps_drawer"], permissions=form.wanted(),
                at=request.now,
            )  # fmt: skip
            messages.success(request, _("Saved. It holds from the next page that its people open."))
            return go(request, "role", pk)
    context = {"title": row["title"], "role": row, "fixed": fixed, "people": _people(request, row["key"])}
    return show(request, "role", context, form=form)


def _titled(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"title": row["name"] or named(row["key"], "role")}


def _people(request: PageRequest, key: str) -> list[dict[str, Any]]:
    """Who holds a role."""
    holders = [row for row in list_members() if row["role"] == key and row["ended_at"] is None]
    users = {row["user_id"] for row in holders}
    names = find_staff_names(request.isp.isp_id, request.scope.operator_id, users)
    return [row | {"name": names.get(row["user_id"], "–")} for row in holders]
