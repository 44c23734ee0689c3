"""The list of customers: search, filters, order."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.queries import find_standings
from backhaul.catalog.queries import list_packages_offered
from backhaul.subscribers.queries import CustomerFilter, list_customers, list_zones
from backhaul.subscribers.rules import STATUSES
from backhaul.web.console import given
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.templatetags.console import state_label

ORDERS = ("newest", "name", "code")


@page("customers.view")
def customers(request: PageRequest) -> HttpResponse:
    """GET customers/?q=&status=&package=&zone=&order=&after="""
    wanted = CustomerFilter(
        search=given.text(request, "q"),
        status=given.one_of(request, "status", STATUSES),
        zone_id=given.number(request, "zone"),
        package=given.pair(request, "package"),
    )
    order = given.one_of(request, "order", ORDERS) or "newest"
    found = list_customers(wanted, order=order, after=given.number(request, "after"), limit=ROWS + 1)
    listed = paged(request, [line_of(row) for row in with_standing(found)], "customer_id")
    return show(
        request, "customers", {"page": listed, "filters": _filters(request, wanted), "choices": _choices(request)}
    )


def with_standing(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Customers with what they owe and until when they are billed."""
    standings = find_standings([row["customer_id"] for row in found])
    return [row | standings.get(row["customer_id"], {}) for row in found]


def line_of(row: dict[str, Any]) -> dict[str, Any]:
    """A customer with its address and the line under its name."""
    code_and_mobile = " · ".join(filter(None, (row["code"], row["mobile"])))
    return row | {"code_and_mobile": code_and_mobile, "href": reverse("customer", args=[row["customer_id"]])}


def _filters(request: PageRequest, wanted: CustomerFilter) -> dict[str, Any]:
    return {
        "q": wanted.search,
        "active": wanted != CustomerFilter(),
        "status": wanted.status,
        "zone": wanted.zone_id,
        "package": "-".join(map(str, wanted.package)) if wanted.package else "",
        "order": request.GET.get("order", ""),
    }


def _choices(request: PageRequest) -> dict[str, Any]:
    return {
        "status": [(status, state_label(status)) for status in STATUSES],
        "package": [(f"{row['operator_id']}-{row['id']}", row["name"]) for row in list_packages_offered(request.today)],
        "zone": [(row["id"], row["name"]) for row in list_zones()],
        "order": [("name", _("By name")), ("code", _("By customer id"))],
    }
