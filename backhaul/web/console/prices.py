"""What prices may be and what they must cover: bands, margins, VAT; and when the ISP cuts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.margins import list_below_cost, list_coming_tariffs, list_outside_bands, list_turning
from backhaul.billing.preview import Reach, list_cuts
from backhaul.catalog.cuts import add_holiday, get_cut_window, list_holidays, remove_holiday, set_cut_window
from backhaul.catalog.guards import list_price_bands, own_costs, set_price_band
from backhaul.catalog.queries import get_vat, list_packages_offered, list_vat_versions
from backhaul.catalog.services import set_vat
from backhaul.web.console.catalog_forms import BandForm, CutForm, HolidayForm, VatForm
from backhaul.web.console.pages import PageRequest, only_the_isp, page, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps, weighed
from backhaul.web.templatetags.console import count, day, money

SHOWN = 20
SHOWN_DAYS = 5
DAYS_OF_CUTS = timedelta(days=31)


@page("catalog.view")
def margins(request: PageRequest) -> HttpResponse:
    """GET margins/: every margin, what is sold below cost, and who turns negative under prices that are announced."""
    coming = [
        row
        | {"who": list_turning((row["plan_operator_id"], row["plan_id"]), row["starts_on"], request.today, limit=SHOWN)}
        for row in list_coming_tariffs(request.today)
    ]
    below = list_below_cost(request.today)
    context = {
        "below": below,
        "services": below[0]["services"] if below else 0,
        "coming": coming,
        "outside": list_outside_bands(request.today),
        "packages": _margins(request.today),
    }
    return show(request, "margins", context)


def _margins(on: date) -> list[dict[str, Any]]:
    """What is offered beside what the operator pays for it, VAT included, for a term; the least margin first."""
    costs = own_costs(on)
    found = [
        row | {"cost_minor": cost * row["term_months"], "margin_minor": row["price_minor"] - cost * row["term_months"]}
        for row in list_packages_offered(on)
        if (cost := costs.get((row["plan_operator_id"], row["plan_id"]))) is not None
    ]
    return sorted(found, key=lambda row: (row["margin_minor"], row["name"]))


@page("catalog.view")
def bands(request: PageRequest) -> HttpResponse:
    """GET bands/"""
    return show(request, "bands", {"rows": list_price_bands(request.today)})


@page("catalog.edit")
def band(request: PageRequest, plan_operator: int, plan: int) -> HttpResponse:
    """GET, POST bands/<plan>/"""
    row = _band_of(request.today, plan_operator, plan)
    act = Act(
        _("Price band of %(plan_name)s") % row, _("Set the band"), reverse("bands"), _("Saved."),
        note=_("It binds you and all below. No price outside is saved any more; those that are there stay, listed."),
    )  # fmt: skip

    def do(given: dict[str, Any]) -> None:
        set_price_band(plan=(plan_operator, plan), on=request.today, now=request.now, **given)

    def look(given: dict[str, Any]) -> Preview:
        do(given)
        outside = list_outside_bands(given["starts_on"])
        figures: list[tuple[str, Any]] = [(_("Your own prices outside of a band then"), len(outside))]
        return Preview(figures=figures + [(each["what"], money(each["price_minor"])) for each in outside[:SHOWN]])

    initial = {"floor_minor": row["floor_minor"], "cap_minor": row["cap_minor"], "starts_on": request.today}
    return two_steps(request, act, bound(request, BandForm, initial=initial), do=do, look=look)


def _band_of(on: date, plan_operator: int, plan: int) -> dict[str, Any]:
    for row in list_price_bands(on):
        if (row["plan_operator_id"], row["plan_id"]) == (plan_operator, plan):
            return row
    raise Http404


@page("catalog.edit")
def vat(request: PageRequest) -> HttpResponse:
    """GET, POST vat/: from a day on; of one day there is one setting."""
    now = get_vat(request.today)
    act = Act(
        _("VAT"), _("Save"), reverse("packages"), _("Saved."),
        note=_("Bills and charges from that day on carry it; what is billed already stays. Until its day comes, "
               "another setting for that day replaces it."),
        history=reverse("vat-versions"),
    )  # fmt: skip
    form = bound(request, VatForm, initial=now | {"percent": f"{now['rate_bp'] / 100:g}", "starts_on": request.today})
    return weighed(
        request, act, form, do=lambda given: set_vat(**form.arguments(), today=request.today),
        reach=lambda given: Reach(given["starts_on"], by_issue=True, children=None),
    )  # fmt: skip


@page("catalog.edit")
def vat_versions(request: PageRequest) -> HttpResponse:
    """GET vat/versions/: what held when, who set it."""
    rows = by_whom(request, list_vat_versions(), "by_actor_id")
    return show(request, "vat_versions", {"rows": [row | {"ahead": row["starts_on"] > request.today} for row in rows]})


@page("catalog.view")
def cuts(request: PageRequest) -> HttpResponse:
    """GET cuts/: when services are cut, and the holidays to come."""
    context = {
        "window": get_cut_window(),
        "weekdays": [name for number, name in CutForm().fields["spared_weekdays"].choices  # type: ignore[attr-defined]
                     if number in get_cut_window()["spared_weekdays"]],
        "holidays": list_holidays(request.today),
        "is_isp": request.scope.parent_id is None,
    }  # fmt: skip
    return show(request, "cuts", context)


@page("catalog.edit")
def set_cuts(request: PageRequest) -> HttpResponse:
    """GET, POST cuts/edit/"""
    only_the_isp(request)
    act = Act(_("When services are cut"), _("Save"), reverse("cuts"), _("Saved."))
    form = bound(request, CutForm, initial=get_cut_window())
    return _cuts_page(request, act, form, lambda given: set_cut_window(now=request.now, **given))


@page("catalog.edit")
def add_a_holiday(request: PageRequest) -> HttpResponse:
    """GET, POST cuts/holidays/add/"""
    only_the_isp(request)
    act = Act(_("Add holiday"), _("Add holiday"), reverse("cuts"), _("Saved."))
    return _cuts_page(request, act, bound(request, HolidayForm), lambda given: add_holiday(**given))


@page("catalog.edit")
def remove_a_holiday(request: PageRequest) -> HttpResponse:
    """GET, POST cuts/holidays/remove/ with on_date."""
    only_the_isp(request)
    act = Act(_("Remove holiday"), _("Remove"), reverse("cuts"), _("Saved."))
    form = bound(request, HolidayForm, initial={"on_date": request.GET.get("on_date")})
    del form.fields["name"]
    return _cuts_page(request, act, form, lambda given: remove_holiday(**given))


def _cuts_page(
    request: PageRequest, act: Act, form: forms.Form, do: Callable[[dict[str, Any]], object]
) -> HttpResponse:
    """Which days are cut days no more and which become one, and how many customers that moves, before it is saved."""

    def look(given: dict[str, Any]) -> Preview:
        since = max(request.today, given.get("on_date") or request.today)
        before = list_cuts(since, since + DAYS_OF_CUTS)
        do(given)
        return _moved_cuts(before, list_cuts(since, since + DAYS_OF_CUTS))

    return two_steps(request, act, form, do=do, look=look)


def _moved_cuts(before: list[dict[str, Any]], then: list[dict[str, Any]]) -> Preview:
    was, will = ({row["on_date"]: row["services"] for row in found} for found in (before, then))
    spared = [on for on in was if on not in will]
    added = [on for on in will if on not in was]
    figures = [
        (label, ", ".join(day(on) for on in days[:SHOWN_DAYS]) + (" …" if len(days) > SHOWN_DAYS else ""))
        for label, days in ((_("Nobody is cut any more on"), spared), (_("Cut from now on on"), added))
        if days
    ]
    moved = [(on, was[on], next((later for later in will if later > on), None)) for on in spared if was[on]]
    figures += [
        (
            _("Customers of yours due to be suspended on %(day)s") % {"day": day(on)},
            _("%(n)s, then on %(day)s") % {"n": count(services), "day": day(later)},
        )
        for on, services, later in moved[:SHOWN_DAYS]
    ]
    people = _("For all of your tree; nobody’s bill changes.")
    return Preview(figures=figures or [(_("Days on which services are cut"), _("the same"))], people=people)
