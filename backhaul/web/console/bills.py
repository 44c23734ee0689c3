"""Bills: the list, and one bill with all it is made of."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override

from backhaul.billing.adjustments import get_written_off, list_adjustments
from backhaul.billing.days import list_bill_days
from backhaul.billing.queries import (
    get_bill,
    get_own_charge,
    list_bills,
    list_credit_notes,
    list_held_bills,
)
from backhaul.common.errors import NotFound
from backhaul.operators.branding import brand_of
from backhaul.payments.bill_facts import find_bill_facts
from backhaul.payments.queries import list_bill_payments
from backhaul.subscribers.custom_fields import list_values
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console import given
from backhaul.web.console.bill_extras import bill_actions
from backhaul.web.console.bill_filters import bill_query, read_bill_filter, recent_months, shown_bill_filter
from backhaul.web.console.downloads import pdf_file, print_choices, print_language
from backhaul.web.console.list_sums import bills_come_to
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show, unit_of
from backhaul.web.console.people import by_whom
from backhaul.web.own_fields import filled_in
from backhaul.web.paper.bills import bill_document


@page("bills.view")
def bills(request: PageRequest) -> HttpResponse:
    """GET bills/?q=&state=&month=&zone=&after="""
    wanted = read_bill_filter(request)
    found = list_bills(wanted, today=request.today, after=given.number(request, "after"), limit=ROWS + 1)
    states = [("open", _("Not paid in full")), ("overdue", _("Overdue")), ("paid", _("Paid"))]
    context: dict[str, Any] = {
        "page": paged(request, [row | {"href": reverse("bill", args=[row["id"]])} for row in found], "number"),
        "filters": shown_bill_filter(wanted),
        "choices": {"state": states, "month": recent_months(request.today), "zone": list_zone_choices()},
        "sums": bills_come_to(wanted, request.today, request.scope.permissions),
        "held": list_held_bills(),
        "print": [(_("One PDF"), "pdf"), (_("ZIP of single files"), "zip")],
        "query": bill_query(wanted),
    }
    return show(request, "bills", context)


@page("bills.view")
def bill(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/<id>/: printable."""
    facts = _facts_of(request, pk)
    row = facts["bill"]
    context = {
        "days": (row["ends_on"] - row["starts_on"]).days,
        "charge": get_own_charge(pk),
        "actions": bill_actions(row, get_written_off(pk), request.scope.permissions),
        "document": brand_of(),
        "own": filled_in(list_values(row["customer_id"], on="on_document")),
        "prints": print_choices(reverse("bill-pdf", args=[pk])),
    }
    return show(request, "bill", facts | context | {"adjustments": by_whom(request, facts["adjustments"], "actor_id")})


@page("bills.view", in_unit=False)
def bill_pdf(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/<id>/pdf/?lang=: the bill for the customer."""
    with unit_of(request), override(print_language(request)):
        found = find_bill_facts([pk], today=request.today)
        if not found:
            raise NotFound("There is no such bill.")
        document = bill_document(**found[0])
    return pdf_file(request, f"bill-{found[0]['bill']['number']}.pdf", document, back=reverse("bill", args=[pk]))


def _facts_of(request: PageRequest, pk: int) -> dict[str, Any]:
    """A bill and all it is made of, for the screen."""
    row, given_up = get_bill(pk, today=request.today), get_written_off(pk)
    return {
        "bill": row | ({"state": "written_off"} if given_up and row["state"] == "paid" else {}),
        "payments": list_bill_payments(pk),
        "credit_notes": list_credit_notes(pk),
        "bill_days": list_bill_days(pk) if row["kind"] == "period" else [],
        "adjustments": list_adjustments(pk),
    }
