"""What the operator sells: packages with their margin, and billing profiles."""

from __future__ import annotations

from django.http import HttpResponse

from backhaul.catalog.queries import get_vat, list_billing_profiles_offered, list_packages_offered
from backhaul.web.console.pages import PageRequest, page, show


@page("catalog.view")
def packages(request: PageRequest) -> HttpResponse:
    """GET packages/"""
    rows = [
        row | {"margin_minor": None if row["own_price_minor"] is None else row["price_minor"] - row["own_price_minor"]}
        for row in list_packages_offered(request.today)
    ]
    return show(
        request,
        "packages",
        {"rows": rows, "profiles": list_billing_profiles_offered(), "vat": get_vat(request.today)},
    )
