"""Resellers: the direct children, what they pay, how far they may go, and taking a new one on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.preview import Reach
from backhaul.catalog.guards import own_cost
from backhaul.catalog.queries import list_tariff_prices
from backhaul.catalog.services import set_tariff_price
from backhaul.operators.drafts import list_drafts
from backhaul.resellers.planner import get_child_request
from backhaul.resellers.queries import get_reseller, list_resellers
from backhaul.resellers.services import find_unused_owner
from backhaul.web.console import given
from backhaul.web.console.funds import movements_page
from backhaul.web.console.onboarding_steps import Flow
from backhaul.web.console.pages import PageRequest, page, sent, show
from backhaul.web.console.reseller_forms import PriceForm
from backhaul.web.console.two_steps import Act, Preview, weighed
from backhaul.web.templatetags.console import day, money


@page("resellers.view")
def resellers(request: PageRequest) -> HttpResponse:
    """GET resellers/"""
    drafts = [_left(request, draft) for draft in list_drafts()] if _may_add(request) else []
    return show(request, "resellers", {"rows": list_resellers(), "drafts": drafts})


def _may_add(request: PageRequest) -> bool:
    return "resellers.edit" in request.scope.permissions


def _left(request: PageRequest, draft: dict[str, Any]) -> dict[str, Any]:
    """A draft with its `name` and `href`: where it goes on, at the first step that nobody answered yet."""
    flow = Flow(request, draft["answers"])
    step = next((step.key for step in flow.steps if step.key not in flow.answers), None)
    href = reverse("onboard-step", args=[draft["id"], step]) if step else reverse("onboard-review", args=[draft["id"]])
    return draft | {"name": flow.told("name"), "href": href}


@page("resellers.view")
def reseller(request: PageRequest, pk: int) -> HttpResponse:
    """GET resellers/<id>/?after="""
    prices = list_tariff_prices(pk, request.today)
    context = {
        "reseller": get_reseller(pk),
        "prices": prices,
        "buys": any(row["own_price_minor"] is not None for row in prices),  # an ISP buys from nobody
        "page": movements_page(request, pk, given.number(request, "after")),
        "asked": get_child_request(pk),
        "unused": _may_add(request) and find_unused_owner(request.scope.isp_id, pk) is not None,
    }
    return show(request, "reseller", context)


@page("resellers.edit")
def set_price(request: PageRequest, pk: int, plan_operator: int, plan: int) -> HttpResponse:
    """GET, POST resellers/<id>/prices/<plan>/: beside what the operator pays itself."""
    row, price = get_reseller(pk), _price_of(request, pk, plan_operator, plan)
    names = {"plan": price["plan_name"], "reseller": row["name"]}
    act = Act(
        _("%(plan)s for %(reseller)s") % names, _("Set price"), reverse("reseller", args=[pk]), _("The price is set."),
        note=_("A changed price starts tomorrow at the earliest; until then another for its day replaces it."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        set_tariff_price(
            child_id=pk,
            plan_operator_id=plan_operator,
            plan_id=plan,
            starts_on=given["starts_on"],
            price_minor=given["price"],
            validity_days=given["validity_days"],
            today=request.today,
        )

    def more(given: dict[str, Any]) -> Preview:
        preview = Preview(figures=[(_("Price"), money(given["price"])), (_("From"), day(given["starts_on"]))])
        cost = own_cost((plan_operator, plan), given["starts_on"])
        if cost is not None:
            preview.figures.insert(1, (_("You pay, VAT included"), money(cost)))
            if given["price"] < cost:
                preview.warning = _("Below cost: you lose %(sum)s on each customer of it.") % {
                    "sum": money(cost - given["price"])
                }
        return preview

    first_day = request.today + timedelta(days=0 if price["price_minor"] is None else 1)
    form = PriceForm(sent(request), initial={"price": price["price_minor"], "starts_on": first_day})
    return weighed(
        request, act, form, do=do, more=more,
        reach=lambda given: Reach(given["starts_on"], bills=False, children=(pk,)),
    )  # fmt: skip


def _price_of(request: PageRequest, child_id: int, plan_operator: int, plan: int) -> dict[str, Any]:
    for price in list_tariff_prices(child_id, request.today):
        if (price["plan_operator_id"], price["plan_id"]) == (plan_operator, plan):
            return price
    raise Http404
