"""What prices may be and what they must cover: bands, margins, VAT; and when the ISP cuts."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.margins import list_below_cost, list_coming_tariffs, list_outside_bands, list_turning
from backhaul.catalog.cuts import add_holiday, get_cut_window, list_holidays, remove_holiday, set_cut_window
from backhaul.catalog.guards import list_price_bands, set_price_band
from backhaul.catalog.queries import get_vat
from backhaul.catalog.services import set_vat
from backhaul.web.console.catalog_forms import BandForm, CutForm, HolidayForm, VatForm
from backhaul.web.console.pages import PageRequest, go, only_the_isp, page, refusals_to, sent, show
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps

SHOWN = 20


@page("catalog.view")
def margins(request: PageRequest) -> HttpResponse:
    """GET margins/: what is sold below cost now, and who turns negative under prices that the provider announced."""
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
    }
    return show(request, "margins", context)


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
        outside = len(list_outside_bands(given["starts_on"]))
        return Preview(figures=[(_("Your own prices outside of a band then"), outside)])

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
    form = VatForm(sent(request), initial=now | {"percent": now["rate_bp"] / 100, "starts_on": request.today})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_vat(**form.arguments())
            messages.success(request, _("Saved."))
            return go(request, "packages")
    context = {
        "title": _("VAT"),
        "submit": _("Save"),
        "cancel_href": reverse("packages"),
        "note": _("Bills and charges from that day on carry it; what is billed already stays."),
    }
    return show(request, "settings_form", context, form=form)


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
    form = CutForm(sent(request), initial=get_cut_window())
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_cut_window(now=request.now, **form.cleaned_data)
            messages.success(request, _("Saved."))
            return go(request, "cuts")
    context = {"title": _("When services are cut"), "submit": _("Save"), "cancel_href": reverse("cuts")}
    return show(request, "settings_form", context, form=form)


@page("catalog.edit")
def add_a_holiday(request: PageRequest) -> HttpResponse:
    """GET, POST cuts/holidays/add/"""
    only_the_isp(request)
    form = HolidayForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            add_holiday(**form.cleaned_data)
            messages.success(request, _("Saved."))
            return go(request, "cuts")
    context = {"title": _("Add holiday"), "submit": _("Add holiday"), "cancel_href": reverse("cuts")}
    return show(request, "settings_form", context, form=form)


@page("catalog.edit")
def remove_a_holiday(request: PageRequest) -> HttpResponse:
    """POST cuts/holidays/remove/ with on_date."""
    only_the_isp(request)
    form = HolidayForm(sent(request))
    del form.fields["name"]
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            remove_holiday(**form.cleaned_data)
            messages.success(request, _("Saved."))
            return go(request, "cuts")
    context = {"title": _("Remove holiday"), "submit": _("Remove"), "cancel_href": reverse("cuts")}
    return show(request, "settings_form", context, form=form)
