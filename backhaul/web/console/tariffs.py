"""What direct children pay for each plan: all on one page, many prices changed at once, each with its versions."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.preview import Reach
from backhaul.catalog.queries import list_tariff_prices
from backhaul.catalog.tariffs import (
    change_tariffs,
    list_tariff_children,
    list_tariff_matrix,
    list_tariff_versions,
    withdraw_tariff_price,
)
from backhaul.resellers.queries import get_reseller
from backhaul.web.console import given as given_in
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.reseller_forms import ChangeTariffsForm
from backhaul.web.console.two_steps import Act, Preview, bound, weighed
from backhaul.web.templatetags.console import day, money


@page("resellers.view")
def tariffs(request: PageRequest) -> HttpResponse:
    """GET tariffs/?after="""
    name, _tab, pk = given_in.text(request, "after").rpartition(" ")
    last = given_in.as_id(pk)
    after = None if last is None else (name, last)
    children = paged(
        request, list_tariff_children(after=after, limit=ROWS + 1), lambda row: f"{row['name']} {row['id']}"
    )
    cells = list_tariff_matrix([row["id"] for row in children.rows], request.today)
    table = [row | {"cells": [cell for cell in cells if cell["child_id"] == row["id"]]} for row in children.rows]
    plans = table[0]["cells"] if table else []
    return show(request, "tariffs", {"page": children, "table": table, "plans": plans})


@page("resellers.edit")
def change(request: PageRequest) -> HttpResponse:
    """GET, POST tariffs/change/: many prices at once, from a day on."""
    children = list_tariff_children()
    plans = list_tariff_matrix([row["id"] for row in children[:1]], request.today)
    act = Act(
        _("Change prices"), _("Change prices"), reverse("tariffs"), _("The prices are set."),
        note=_("Each chosen price changes by the same part or amount from that day on; what was charged stays."),
    )  # fmt: skip
    first = (request.today.replace(day=1) + timedelta(days=31)).replace(day=1)
    form = ChangeTariffsForm(sent(request), children=children, plans=plans, initial={"starts_on": first})

    def do(given: dict[str, Any]) -> None:
        change_tariffs(**form.arguments(), today=request.today)

    def more(given: dict[str, Any]) -> Preview:
        changed = form.arguments()
        chosen = set(changed["plans"])
        with_them = [
            row
            for row in list_tariff_matrix(changed["children"], changed["starts_on"] - timedelta(days=1))
            if row["price_minor"] is not None and (row["plan_operator_id"], row["plan_id"]) in chosen
        ]
        return Preview(figures=[(_("Prices that change"), len(with_them)), (_("From"), day(changed["starts_on"]))])

    return weighed(
        request, act, form, do=do, more=more,
        reach=lambda given: Reach(given["starts_on"], bills=False, children=tuple(form.arguments()["children"])),
    )  # fmt: skip


@page("resellers.view")
def versions(request: PageRequest, pk: int, plan_operator: int, plan: int) -> HttpResponse:
    """GET resellers/<id>/prices/<plan>/versions/: every price that was ever set, who set it and when."""
    row, price = get_reseller(pk), _price(request, pk, plan_operator, plan)
    found = by_whom(request, list_tariff_versions(pk, (plan_operator, plan)), "by_actor_id")
    context = {
        "reseller": row,
        "price": price,
        "rows": [one | {"ahead": one["starts_on"] > request.today and not one["replaced"]} for one in found],
    }
    return show(request, "tariff_versions", context)


@page("resellers.edit")
def withdraw(request: PageRequest, pk: int, plan_operator: int, plan: int) -> HttpResponse:
    """GET, POST resellers/<id>/prices/<plan>/withdraw/?on=: a price that has not begun, the next one unless said."""
    row, price = get_reseller(pk), _price(request, pk, plan_operator, plan)
    on = given_in.day(request, "on") or price["next_starts_on"] or request.today
    act = Act(
        _("Withdraw the price of %(day)s") % {"day": day(on)},
        _("Withdraw"),
        reverse("tariff-versions", args=[pk, plan_operator, plan]),
        _("Withdrawn."),
        note=_("%(plan)s for %(reseller)s: what holds the day before goes on. Both stay on record.")
        % {"plan": price["plan_name"], "reseller": row["name"]},
        tone="danger",
    )
    return weighed(
        request, act, bound(request, forms.Form),
        do=lambda given: withdraw_tariff_price(
            child_id=pk, plan=(plan_operator, plan), starts_on=on, today=request.today
        ),
        reach=lambda given: Reach(on, bills=False, children=(pk,)),
        more=lambda given: Preview(figures=[(_("Price now"), money(price["price_minor"]))]),
    )  # fmt: skip


def _price(request: PageRequest, child_id: int, plan_operator: int, plan: int) -> dict[str, Any]:
    for price in list_tariff_prices(child_id, request.today):
        if (price["plan_operator_id"], price["plan_id"]) == (plan_operator, plan):
            return price
    raise Http404
