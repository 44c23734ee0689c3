"""Bills: the list, and one bill with all it is made of."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.adjustments import get_written_off, list_adjustments
from backhaul.billing.days import list_bill_days
from backhaul.billing.queries import (
    STATES,
    get_bill,
    get_own_charge,
    list_bills,
    list_credit_notes,
    list_held_bills,
)
from backhaul.operators.queries import get_brand
from backhaul.payments.queries import list_bill_payments
from backhaul.web.console import given
from backhaul.web.console.bill_extras import bill_actions
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.console.people import by_whom


@page("bills.view")
def bills(request: PageRequest) -> HttpResponse:
    """GET bills/?q=&state=&after="""
    state = given.one_of(request, "state", STATES)
    search = given.text(request, "q")
    found = list_bills(
        today=request.today, state=state, search=search, after=given.number(request, "after"), limit=ROWS + 1
    )
    choices = [("open", _("Not paid in full")), ("overdue", _("Overdue")), ("paid", _("Paid"))]
    context: dict[str, Any] = {
        "page": paged(request, [row | {"href": reverse("bill", args=[row["id"]])} for row in found], "number"),
        "filters": {"q": search, "state": state, "active": bool(search or state)},
        "choices": {"state": choices},
        "held": list_held_bills(),
    }
    return show(request, "bills", context)


@page("bills.view")
def bill(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/<id>/: printable."""
    row, given_up = get_bill(pk, today=request.today), get_written_off(pk)
    context = {
        "bill": row | ({"state": "written_off"} if given_up and row["state"] == "paid" else {}),
        "days": (row["ends_on"] - row["starts_on"]).days,
        "payments": list_bill_payments(pk),
        "credit_notes": list_credit_notes(pk),
        "charge": get_own_charge(pk),
        "bill_days": list_bill_days(pk) if row["kind"] == "period" else [],
        "adjustments": by_whom(request, list_adjustments(pk), "actor_id"),
        "actions": bill_actions(row, given_up, request.scope.permissions),
        "document": get_brand(),
    }
    return show(request, "bill", context)
