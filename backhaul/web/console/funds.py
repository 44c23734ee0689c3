"""Funds: the own one with the provider, and what moved in it."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from backhaul.billing.queries import get_held_for_own_fund, list_held_bills, list_movement_charges
from backhaul.funds.queries import get_own_fund, list_fund_movements
from backhaul.operators.queries import get_provider_name
from backhaul.resellers.planner import find_own_run_out
from backhaul.resellers.queries import get_movement, is_stopped_by_provider, list_resellers
from backhaul.resellers.slabs import get_progress
from backhaul.web.console import given
from backhaul.web.console.pages import ROWS, Page, PageRequest, page, paged, show


@page("funds.view")
def funds(request: PageRequest) -> HttpResponse:
    """GET funds/?after="""
    own = get_own_fund()
    context: dict[str, Any] = {"fund": own, "page": Page([])}
    if own is not None:
        after = given.number(request, "after")
        context |= {
            "provider": get_provider_name(),
            "provider_stopped": is_stopped_by_provider(),
            "page": movements_page(request, request.scope.operator_id, after),
            "runs_out_on": find_own_run_out(today=request.today),
            "progress": get_progress(request.scope.operator_id, today=request.today),
            "held": list_held_bills(limit=10),
            "waiting": get_held_for_own_fund(),
        }
    if "resellers.view" in request.scope.permissions:
        context["children"] = list_resellers()
    return show(request, "funds", context)


def movements_page(request: PageRequest, child_id: int, after: int | None) -> Page:
    """A page of a fund's movements, each with the link to what it is made of."""
    found = list_fund_movements(child_id, before=after, limit=ROWS + 1)
    return paged(request, [row | {"href": reverse("movement", args=[child_id, row["id"]])} for row in found], "id")


@page("funds.view")
def movement(request: PageRequest, child: int, pk: int) -> HttpResponse:
    """GET funds/<child>/movements/<id>/?after=: the customer periods that a charge is made of."""
    row = get_movement(child, pk)
    found = list_movement_charges(child, pk, after=given.number(request, "after"), limit=ROWS + 1)
    mine = child == request.scope.operator_id
    back = reverse("funds") if mine else reverse("reseller", args=[child])
    return show(
        request, "movement", {"movement": row, "page": paged(request, found, "invoice_id"), "mine": mine, "back": back}
    )
