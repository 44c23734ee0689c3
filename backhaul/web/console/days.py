"""Days: outages that are credited, and the proof that none of a month was forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.outages import Credited, list_outages, name_edges, record_outage
from backhaul.billing.proof import GROUPS, PROOF_CLASSES, list_proof_services, prove_month
from backhaul.common.errors import InvalidInput
from backhaul.common.money import format_minor
from backhaul.network.queries import list_nas
from backhaul.web.console import given
from backhaul.web.console.day_forms import OutageForm
from backhaul.web.console.downloads import csv_file
from backhaul.web.console.pages import ROWS, PageRequest, go, page, paged, refusals_to, rehearsal, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.currency import amounts_head
from backhaul.web.templatetags.console import count
from backhaul.web.words import named


@page("bills.view")
def outages(request: PageRequest) -> HttpResponse:
    """GET outages/"""
    return show(request, "outages", {"outages": by_whom(request, list_outages(), "actor_id")})


@page("billing.discount")
def add_outage(request: PageRequest) -> HttpResponse:
    """GET, POST outages/add/: the first POST shows what it comes to, the second, unchanged, does it."""
    routers = [(row["id"], row["name"]) for row in list_nas(now=request.now) if row["own"]]
    form = OutageForm(sent(request), time_zone=request.isp.time_zone, routers=routers)
    preview: Credited | None = None
    if request.method == "POST" and form.is_valid():
        outage = form.outage()
        act: dict[str, Any] = {"outage": outage, "on": request.today, "now": request.now}
        with refusals_to(form):
            if form.was_shown(outage):
                done = record_outage(**act)
                messages.success(request, _("%(n)s services are credited.") % {"n": count(done.credited)})
                return go(request, "outages")
            with rehearsal():
                preview = record_outage(**act)
            form.show_days(outage)
    context = {"preview": preview, "edges": name_edges(preview.edges) if preview else []}
    return show(request, "outage_form", context, form=form)


@page("bills.view")
def proof(request: PageRequest) -> HttpResponse:
    """GET proof/?month=2026-11: every service-day of a month by class, in days and money."""
    month = _month(request)
    try:
        found = prove_month(month_on=month, today=request.today)
    except InvalidInput:
        found = []
    groups = [
        {
            "name": group,
            "classes": [row | {"href": _href("proof-class", month, row["class"])} for row in of_group],
            "days": sum(row["days"] for row in of_group),
            "net_minor": sum(row["net_minor"] for row in of_group),
        }
        for group in GROUPS
        if (of_group := [row for row in found if row["group"] == group])
    ]
    totals = {key: sum(row[key] for row in found) for key in ("days", "net_minor", "charged_minor")}
    exceptions = sum(row["days"] for row in found if row["group"] == "exception")
    context = {"month": month, "groups": groups, "totals": totals, "exceptions": exceptions}
    return show(request, "proof", context | {"csv": _href("proof-csv", month)})


@page("bills.view")
def proof_class(request: PageRequest, of_class: str) -> HttpResponse:
    """GET proof/<class>/?month=&after=: the services behind a class."""
    if of_class not in PROOF_CLASSES:
        raise Http404
    month = _month(request)
    try:
        found = list_proof_services(
            month_on=month, today=request.today, of_class=of_class, after=given.number(request, "after"), limit=ROWS + 1
        )
    except InvalidInput:
        found = []
    lines = [row | {"href": reverse("customer", args=[row["customer_id"]])} for row in found]
    context = {"month": month, "of_class": of_class, "page": paged(request, lines, "subscription_id")}
    return show(request, "proof_class", context | {"back": _href("proof", month)})


@page("bills.view")
def proof_csv(request: PageRequest) -> HttpResponse:
    """GET proof/csv/?month=: every service with the days of each of its classes."""
    month = _month(request)
    with_charges = "funds.view" in request.scope.permissions
    return csv_file(f"proof-{month:%Y-%m}.csv", _proof_table(request, month, with_charges))


def _proof_table(request: PageRequest, month: date, with_charges: bool) -> Iterator[list[object]]:
    heads: list[object] = [
        _("Customer id"),
        _("Name"),
        _("Kind of day"),
        _("Days"),
        _("First"),
        _("Last"),
        amounts_head(_("Billed, net")),
    ]
    yield heads + ([amounts_head(_("Charged to you, net"))] if with_charges else [])
    for row in list_proof_services(month_on=month, today=request.today):
        sums = [row["net_minor"], row["charged_minor"]] if with_charges else [row["net_minor"]]
        money = [format_minor(minor, decimals=request.isp.currency_decimals) for minor in sums]
        name = str(named(row["class"], "proof"))
        yield [row["code"], row["name"], name, row["days"], row["first_on"], row["last_on"], *money]


def _month(request: PageRequest) -> date:
    """The first of the month that was asked for, else of the last whole month; a month to come is this one."""
    first = request.today.replace(day=1)
    last = date(first.year - (first.month == 1), (first.month + 10) % 12 + 1, 1)
    try:
        asked = date.fromisoformat(f"{request.GET.get('month', '')[:7]}-01")
    except ValueError:
        return last
    return asked if asked < request.today else last


def _href(name: str, month: date, *args: object) -> str:
    return f"{reverse(name, args=args)}?month={month:%Y-%m}"
