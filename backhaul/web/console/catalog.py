"""What the operator sells: packages with their margin and their prices by day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.margins import count_below_cost, list_outside_bands
from backhaul.billing.preview import Reach
from backhaul.catalog.guards import bands_on, own_cost
from backhaul.catalog.packages import get_package, list_package_prices
from backhaul.catalog.profiles import PRESETS
from backhaul.catalog.queries import (
    find_next_vat,
    get_vat,
    list_billing_profiles_offered,
    list_packages_offered,
    list_plans,
)
from backhaul.catalog.services import add_package, set_package_price, update_package, withdraw_package
from backhaul.web.console.catalog_forms import NewPackageForm, PackageForm, PackagePriceForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.profile_forms import PRESET_NAMES
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps, weighed
from backhaul.web.templatetags.console import money


@page("catalog.view")
def packages(request: PageRequest) -> HttpResponse:
    """GET packages/"""
    me = request.scope.operator_id
    rows = [
        row
        | {
            "own": row["operator_id"] == me,
            "margin_minor": None
            if row["own_price_minor"] is None
            else row["price_minor"] - row["own_price_minor"] * row["term_months"],
        }
        for row in list_packages_offered(request.today)
    ]
    profiles = [row | {"own": row["operator_id"] == me} for row in list_billing_profiles_offered()]
    context = {
        "rows": rows,
        "profiles": profiles,
        "presets": [(name, PRESET_NAMES[name]) for name in PRESETS],
        "vat": get_vat(request.today),
        "vat_next": find_next_vat(request.today),
        "below_cost": count_below_cost(request.today),
        "outside": len(list_outside_bands(request.today)),
    }
    return show(request, "packages", context)


@page("catalog.edit")
def add(request: PageRequest) -> HttpResponse:
    """GET, POST packages/add/: what it sells for and what it costs are looked at first."""
    form = NewPackageForm(sent(request), plans=list_plans())
    act = Act(_("Add package"), _("Add package"), reverse("packages"), _("The package is added."))

    def do(given: dict[str, Any]) -> Any:
        return add_package(**form.arguments(), on=request.today)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        terms = form.arguments()
        plan = (terms["plan_operator_id"], terms["plan_id"])
        return _against_cost(plan, terms["price_minor"], terms["term_months"], request)

    return two_steps(request, act, form, do=do, look=look)


def _against_cost(plan: tuple[int, int], price_minor: int, months: int, request: PageRequest) -> Preview:
    """The price beside what the operator pays itself, VAT included."""
    preview = Preview(figures=[(_("Retail price"), money(price_minor))])
    cost = own_cost(plan, request.today)
    if cost is not None:
        preview.figures.append((_("You pay, VAT included"), money(cost * months)))
        if price_minor < cost * months:
            preview.warning = _("Below cost: every customer of it loses you %(sum)s a term.") % {
                "sum": money(cost * months - price_minor)
            }
    return preview


@page("catalog.edit")
def package(request: PageRequest, pk: int) -> HttpResponse:
    """GET packages/<id>/: an own package and its prices."""
    row = get_package(pk, request.today)
    prices = by_whom(request, list_package_prices(pk), "by_actor_id")
    return show(request, "package", {"package": row, "prices": prices, "cost": _cost_of(row, request)})


def _cost_of(row: dict[str, Any], request: PageRequest) -> int | None:
    cost = own_cost((row["plan_operator_id"], row["plan_id"]), request.today)
    return None if cost is None else cost * int(row["term_months"])


@page("catalog.edit")
def edit(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST packages/<id>/edit/"""
    row = get_package(pk, request.today)
    form = PackageForm(sent(request), initial=row)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            update_package(package_id=pk, now=request.now, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return go(request, "package", pk)
    context = {"title": row["name"], "submit": _("Save"), "cancel_href": reverse("package", args=[pk])}
    return show(request, "settings_form", context, form=form)


@page("catalog.edit")
def price(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST packages/<id>/price/: whom it reaches, from when, and what it comes to, before it is saved."""
    row = get_package(pk, request.today)
    act = Act(
        _("New price of %(name)s") % row, _("Set price"), reverse("package", args=[pk]), _("The price is set."),
        note=_("Now %(sum)s. A price that has not begun is replaced by another one for its day.")
        % {"sum": money(row["price_minor"])},
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        set_package_price(
            package_id=pk,
            price_minor=given["price"],
            starts_on=given["starts_on"],
            today=request.today,
            now=request.now,
        )

    def reach(given: dict[str, Any]) -> Reach:
        return Reach(given["starts_on"], package_id=pk)

    def more(given: dict[str, Any]) -> Preview:
        plan = (row["plan_operator_id"], row["plan_id"])
        preview = _against_cost(plan, given["price"], row["term_months"], request)
        preview.figures += [(_("Allowed"), band.says()) for band in bands_on([plan], given["starts_on"]).get(plan, [])]
        if row["handed_down"]:
            preview.people = _("Those below who sell this package sell it at the new price too.")
        return preview

    tomorrow = request.today + timedelta(days=1)
    form = bound(request, PackagePriceForm, initial={"price": row["price_minor"], "starts_on": tomorrow})
    return weighed(request, act, form, do=do, reach=reach, more=more)


@page("catalog.edit")
def withdraw(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST packages/<id>/withdraw/"""
    row = get_package(pk, request.today)
    act = Act(
        _("Withdraw %(name)s") % row, _("Withdraw"), reverse("packages"), _("Withdrawn."),
        note=_("It is sold no more, here and below. Customers who have it keep it, at its price."), tone="danger",
    )  # fmt: skip
    return withdrawal(request, act, lambda: withdraw_package(package_id=pk, on=request.today, now=request.now))


def withdrawal(request: PageRequest, act: Act, withdraw_it: Callable[[], None]) -> HttpResponse:
    """The page of an act that ends selling something; its note is what is confirmed."""

    def look(given: dict[str, Any]) -> Preview:
        withdraw_it()
        return Preview(people=act.note)

    return two_steps(request, act, bound(request, forms.Form), do=lambda given: withdraw_it(), look=look)
