"""Plans of the ISP: what they are, adding, changing and withdrawing one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.billing.plan_edits import PlanEdit, edit_plan, measure_plan
from backhaul.catalog.plans import get_plan
from backhaul.catalog.queries import list_plans
from backhaul.catalog.services import add_plan, withdraw_plan
from backhaul.network.queries import list_pools
from backhaul.operators.queries import find_operator_names
from backhaul.web.console.catalog import withdrawal
from backhaul.web.console.catalog_forms import PlanForm
from backhaul.web.console.pages import PageRequest, go, only_the_isp, page, refusals_to, sent, show
from backhaul.web.console.two_steps import Act, Preview, two_steps
from backhaul.web.templatetags.console import count, speed
from backhaul.web.words import named

SHOWN = 20


@page("catalog.view")
def plans(request: PageRequest) -> HttpResponse:
    """GET plans/"""
    return show(request, "plans", {"rows": list_plans(), "is_isp": request.scope.parent_id is None})


@page("catalog.edit")
def add_a_plan(request: PageRequest) -> HttpResponse:
    """GET, POST plans/add/: the ISP's."""
    only_the_isp(request)
    form = PlanForm(sent(request), pools=list_pools())
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            add_plan(**form.arguments())
            messages.success(
                request, _("The plan is added. Set its price for each reseller, and make a package over it.")
            )
            return go(request, "plans")
    context = {
        "title": _("Add plan"),
        "submit": _("Add plan"),
        "cancel_href": reverse("plans"),
        "note": _("What is sold, without a price: speed and addresses."),
    }
    return show(request, "settings_form", context, form=form)


@page("catalog.edit")
def edit_a_plan(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST plans/<id>/edit/: whom it reaches and who is cut for it, before it is saved."""
    only_the_isp(request)
    row = get_plan(pk)
    act = Act(
        _("Change %(name)s") % row, _("Save"), reverse("plans"), _("Saved."),
        note=_("All services over this plan follow, yours and those below you. Prices and bills stay."),
    )  # fmt: skip
    form = PlanForm(sent(request), pools=list_pools(), plan=row)

    def look(given: dict[str, Any]) -> Preview:
        edit = measure_plan(plan_id=pk, now=request.now, **form.arguments())
        return _told(edit, request.scope.operator_id)

    def do(given: dict[str, Any]) -> None:
        edit_plan(plan_id=pk, now=request.now, shown=request.POST.get("digest", ""), **form.arguments())

    return two_steps(request, act, form, do=do, look=look)


def _told(edit: PlanEdit, me: int) -> Preview:
    """What is different, of whom how many services it reaches, and what happens to those who are online."""
    before, after = edit.before, edit.after
    says: dict[str, Callable[[dict[str, Any]], str]] = {
        _("Name"): lambda plan: str(plan["name"]),
        _("Speed down / up"): lambda plan: f"{speed(plan['down_kbps'])} / {speed(plan['up_kbps'])}",
        _("Address pool"): lambda plan: str(plan["pool"] or _("The router's own")),
        _("Sold for"): lambda plan: ", ".join(str(named(each, "connection")) for each in plan["connection_types"]),
    }
    figures: list[tuple[str, Any]] = [
        (label, f"{said(before)} → {said(after)}") for label, said in says.items() if said(before) != said(after)
    ]
    people = _("No service changes, and nobody is cut. Prices and bills stay.")
    if edit.sum("changing"):
        figures += _by_operator(edit, me)
        people = _("Whoever is not online gets it at the next login. Prices and bills stay: a plan has none.")
    if edit.sum("live"):
        figures.append((_("Online: the new speed at once, nobody is cut"), count(edit.sum("live"))))
    return Preview(figures=figures, people=people, warning=_cut(edit.sum("cut")), digest=edit.digest)


def _by_operator(edit: PlanEdit, me: int) -> list[tuple[str, Any]]:
    """Own services first, then those of direct children and below them, the most first."""
    reach = sorted(edit.reach, key=lambda row: (row["child_id"] != me, -row["services"], row["child_id"]))
    names = find_operator_names([row["child_id"] for row in reach[: SHOWN + 1]])
    told = [
        (
            _("Services of your own customers")
            if row["child_id"] == me
            else _("Services of %(name)s and below it") % {"name": names.get(row["child_id"], "")},
            count(row["services"]),
        )
        for row in reach[:SHOWN]
    ]
    if rest := reach[SHOWN:]:
        label = ngettext("Services of %(n)s more reseller", "Services of %(n)s more resellers", len(rest))
        told.append((label % {"n": count(len(rest))}, count(sum(row["services"] for row in rest))))
    return told


def _cut(services: int) -> str:
    if not services:
        return ""
    return ngettext(
        "%(n)s customer is online and is cut once: it logs in anew and gets an address of the other pool.",
        "%(n)s customers are online and are cut once: they log in anew and get an address of the other pool.",
        services,
    ) % {"n": count(services)}


@page("catalog.edit")
def withdraw_a_plan(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST plans/<id>/withdraw/"""
    only_the_isp(request)
    get_plan(pk)
    act = Act(
        _("Withdraw plan"), _("Withdraw"), reverse("plans"), _("Withdrawn."),
        note=_("No package over it is sold any more, here and below. Customers who have it keep it."), tone="danger",
    )  # fmt: skip
    return withdrawal(request, act, lambda: withdraw_plan(plan_id=pk, on=request.today, now=request.now))
