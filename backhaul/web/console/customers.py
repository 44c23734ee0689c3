"""Customers: adding one, by a template or like another, and editing one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.services import sign_up_customer
from backhaul.common.errors import Refusal
from backhaul.subscribers.custom_fields import list_values
from backhaul.subscribers.lookalikes import Sought, find_free_username, find_lookalikes, is_username_taken
from backhaul.subscribers.queries import get_customer
from backhaul.subscribers.services import update_customer
from backhaul.subscribers.templates import get_template, list_templates
from backhaul.web.console import given
from backhaul.web.console.customer_forms import AddCustomerForm, EditCustomerForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, tell
from backhaul.web.console.undo import PLACE, give_back, is_undo, placed, undo_at

DETAILS = ("name", "mobile", "address", "zone_id", "mac", "static_ip", *PLACE)


class LooksAlike(Refusal):
    """The new customer may be one that is there; asked once, added at the second try."""

    code = "looks_alike"


@page("customers.edit")
def add_customer(request: PageRequest) -> HttpResponse:
    """GET, POST customers/add/?template=&like=: filled by a template, or like a customer that is there."""
    filled = _filled(request)
    form = AddCustomerForm(sent(request), today=request.today, initial=filled)
    alike: list[dict[str, Any]] = []
    if request.method == "POST" and form.is_valid():
        alike = find_lookalikes(form.sought())
        with refusals_to(form):
            added = sign_up_customer(
                customer=form.customer(),
                on=request.today,
                now=request.now,
                activate=form.cleaned_data["activate"],
                request_key=str(form.cleaned_data["request_key"]),
            )
            if not added.repeated and not _seen(request).issuperset(row["customer_id"] for row in alike):
                raise LooksAlike(
                    _("This may be somebody you have already: look below. Send it again to add it anyway.")
                )
            messages.success(request, _("%(name)s is added.") % {"name": form.cleaned_data["name"]})
            return go(request, "customer", added.customer_id)
    context = {"nothing_to_sell": not form.packages, "templates": list_templates(), "alike": alike, "filled": filled}
    return show(request, "customer_form", context, form=form)


def _filled(request: PageRequest) -> dict[str, Any]:
    """What the form begins with: of a template, or of another customer; nothing that is somebody's own."""
    template, like = given.number(request, "template"), given.number(request, "like")
    if template is None and like is None:
        return {}
    row = get_template(template) if template is not None else get_customer(like or 0)
    prefix = row.get("username_prefix", "")
    return {
        "template": template,
        "like": row["name"],
        "package": f"{row['package_operator_id']}-{row['package_id']}",
        "profile": f"{row['profile_operator_id']}-{row['profile_id']}",
        "connection_type": row["connection_type"],
        "zone": row["zone_id"],
        "address": row.get("address", ""),
        "custom_price": row["custom_price_minor"],
        **({"username": find_free_username("", prefix=prefix)} if prefix else {}),
    }


def _seen(request: PageRequest) -> set[int]:
    """The customers of whom the person was told already that the new one may be the same."""
    return {int(part) for part in request.POST.get("seen", "").split("-") if given.as_id(part) is not None}


@page("customers.edit")
def check_customer(request: PageRequest) -> HttpResponse:
    """GET customers/add/check/?name=&mobile=&zone=&mac=&username=: whom it may be already; a username that is free."""
    name, username = given.text(request, "name"), given.text(request, "username")
    sought = Sought(name, given.text(request, "mobile"), given.number(request, "zone"), given.text(request, "mac"))
    is_taken = is_username_taken(username)
    free = find_free_username(name) if name and (is_taken or not username) else ""
    context = {"alike": find_lookalikes(sought), "is_taken": is_taken, "username": username, "free": free}
    return show(request, "customer_check", context)


@page("customers.edit")
def edit_customer(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/edit/"""
    row = get_customer(pk)
    if is_undo(request):
        return _details_as_they_were(request, pk)
    form = EditCustomerForm(sent(request), initial=row, own=list_values(pk, on="on_form"))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            was = _details(pk)
            update_customer(customer_id=pk, at=request.now, **form.changes(row))
            changed = {name: value for name, value in _details(pk).items() if value != was[name]}
            before = {name: was[name] for name in changed}
            tell(request, _("Saved."), undo=undo_at(request, request.path, was=before, now=changed))
            return go(request, "customer", pk)
    return show(request, "customer_edit", {"customer": row}, form=form)


def _details(pk: int) -> dict[str, Any]:
    """What the form of a customer can change; own fields by their ids."""
    row = get_customer(pk)
    return {name: row[name] for name in DETAILS} | {str(field["id"]): field["value"] for field in list_values(pk)}


def _details_as_they_were(request: PageRequest, pk: int) -> HttpResponse:
    def do(was: dict[str, Any]) -> None:
        own = {int(name): value for name, value in was.items() if name not in DETAILS}
        kept = {field["id"]: field["value"] for field in list_values(pk)} if own else {}
        given = {name: value for name, value in placed(was).items() if name in DETAILS}
        update_customer(customer_id=pk, at=request.now, custom=kept | own if own else None, **given)

    def now(left: dict[str, Any]) -> dict[str, Any]:
        is_now = _details(pk)
        return {name: is_now.get(name) for name in left}

    return give_back(request, reverse("customer", args=[pk]), now=now, do=do)
