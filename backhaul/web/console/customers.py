"""Customers: one customer, adding and editing."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from backhaul.billing.days import list_service_history
from backhaul.billing.queries import get_planned_change, list_bills_of
from backhaul.billing.services import sign_up_customer
from backhaul.network.queries import list_live_sessions, list_past_sessions
from backhaul.payments.queries import list_payments_of, list_statement
from backhaul.subscribers.queries import get_customer, list_blocks
from backhaul.subscribers.services import update_customer
from backhaul.web.console.customer_columns import with_standing
from backhaul.web.console.customer_forms import AddCustomerForm, EditCustomerForm
from backhaul.web.console.customer_list import line_of
from backhaul.web.console.customer_status import actions_for
from backhaul.web.console.extras import agreed_with, extra_actions
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.words import named


@page("customers.view")
def customer(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/"""
    row = line_of(with_standing([get_customer(pk)])[0])
    may = request.scope.permissions
    blocks = by_whom(request, list_blocks(row["subscription_id"]), "by_actor_id")
    open_reasons = {block["reason"] for block in blocks if block["to_at"] is None}
    context = {
        "customer": row,
        "actions": [*actions_for(row, open_reasons, may), *extra_actions(row, open_reasons, may)],
        "agreed": agreed_with(row["subscription_id"], request) if "bills.view" in may else {},
        "open_blocks": [block for block in blocks if block["to_at"] is None],
        "planned": get_planned_change(row["subscription_id"]),
        "history": by_whom(request, list_service_history(row["subscription_id"]), "by_actor_id"),
        "statement": list_statement(pk) if "bills.view" in may else [],
        "bills": list_bills_of(pk, today=request.today) if "bills.view" in may else [],
        "payments": list_payments_of(pk) if "payments.view" in may else [],
        **_sessions(request, row["subscription_id"]),
    }
    return show(request, "customer", context)


def _sessions(request: PageRequest, subscription_id: int) -> dict[str, Any]:
    mine = {"operator_id": request.scope.operator_id, "subscription_id": subscription_id}
    live = list_live_sessions(**mine, now=request.now)
    past = list_past_sessions(**mine, limit=5)
    online = next((session for session in live if session["online"]), None)
    if online:
        since = date_format(localtime(online["started_at"]), "j M, H:i")
        note = _("since %(time)s · %(address)s") % {"time": since, "address": online["framed_address"] or "–"}
    elif past:
        note = _("last seen %(time)s") % {"time": date_format(localtime(past[0]["stopped_at"]), "j M, H:i")}
    else:
        note = _("never seen yet")
    state = "online" if online else "offline"
    return {"session": {"state": state, "name": named(state, "session"), "note": note}, "live": live, "past": past}


@page("customers.edit")
def add_customer(request: PageRequest) -> HttpResponse:
    """GET, POST customers/add/"""
    form = AddCustomerForm(sent(request), today=request.today)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            added = sign_up_customer(
                customer=form.customer(),
                on=request.today,
                now=request.now,
                activate=form.cleaned_data["activate"],
                request_key=str(form.cleaned_data["request_key"]),
            )
            messages.success(request, _("%(name)s is added.") % {"name": form.cleaned_data["name"]})
            return go(request, "customer", added.customer_id)
    return show(request, "customer_form", {"nothing_to_sell": not form.packages}, form=form)


@page("customers.edit")
def edit_customer(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/edit/"""
    row = get_customer(pk)
    form = EditCustomerForm(sent(request), initial=row)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            update_customer(customer_id=pk, at=request.now, **form.changes(row))
            messages.success(request, _("Saved."))
            return go(request, "customer", pk)
    return show(request, "customer_edit", {"customer": row}, form=form)
