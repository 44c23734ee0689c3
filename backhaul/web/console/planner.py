"""The recharge planner: what days to come need, who is at risk, asking for money, the emergency fund (SPEC C1, C2)."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.common.errors import NotFound
from backhaul.funds.queries import get_own_fund
from backhaul.funds.statements import ask_for_recharge
from backhaul.operators.queries import get_provider_name
from backhaul.resellers.emergency import sum_emergency_loan, take_emergency_loan
from backhaul.resellers.planner import (
    SPANS,
    find_children_needs,
    find_own_run_out,
    find_risk,
    get_own_plan,
    get_own_request,
    list_short_children,
)
from backhaul.web.console import given
from backhaul.web.console.edge_forms import AskForm, LoanForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show
from backhaul.web.templatetags.console import count

SHOWN_DAYS = 31


@page("funds.view")
def plan(request: PageRequest) -> HttpResponse:
    """GET funds/plan/"""
    found = get_own_plan(today=request.today)
    if found is None:
        return show(request, "plan", {"plan": None})
    days = SPANS[-1]
    context = {
        "plan": found,
        "days": found.days[:SHOWN_DAYS],
        "spans": [
            {"days": span, "needs_minor": found.needs[span], "missing_minor": found.missing_minor(span), "form": form}
            for span in SPANS
            for form in [_ask_form(found.missing_minor(span), span)]
        ],
        "risk": find_risk(today=request.today, plan=found, days=days),
        "risk_days": days,
        "asked": get_own_request(),
        "provider": get_provider_name(),
        "fund": get_own_fund(),
    }
    return show(request, "plan", context)


def _ask_form(amount_minor: int, days: int) -> AskForm:
    note = ngettext("For the next day", "For the next %(n)s days", days) % {"n": count(days)}
    return AskForm(initial={"amount": amount_minor, "note": note})


@page("funds.ask")
def ask(request: PageRequest) -> HttpResponse:
    """GET, POST funds/plan/ask/: one tap from the planner, or a sum and a note of one's own."""
    _refuse_isp()
    form = AskForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            ask_for_recharge(
                amount_minor=form.cleaned_data["amount"],
                note=form.cleaned_data["note"],
                now=request.now,
                request_key=str(form.cleaned_data["request_key"]),
            )
            messages.success(request, _("Your provider sees what you need on its page."))
            return go(request, "plan")
    return show(request, "ask", {"provider": get_provider_name()}, form=form)


@page("funds.ask")
def emergency(request: PageRequest) -> HttpResponse:
    """GET, POST funds/emergency/: the first POST shows what will happen, the one with `confirmed` does it."""
    fund = _refuse_isp()
    form = LoanForm(sent(request), days=fund["emergency_days"])
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        with refusals_to(form):
            if "confirmed" in request.POST:
                take_emergency_loan(**_loan(request, form, form.cleaned_data["amount_minor"] or 0))
                messages.success(request, _("The loan is in your fund. Renewals that waited are tried again now."))
                return go(request, "funds")
            preview = _preview(request, form, fund)
    return show(request, "emergency", {"fund": fund, "preview": preview, "provider": get_provider_name()}, form=form)


def _loan(request: PageRequest, form: LoanForm, amount_minor: int) -> dict[str, Any]:
    typed = form.cleaned_data
    return {
        "days": typed["days"],
        "amount_minor": amount_minor,
        "today": request.today,
        "now": request.now,
        "request_key": str(typed["request_key"]),
    }


def _preview(request: PageRequest, form: LoanForm, fund: dict[str, Any]) -> dict[str, Any]:
    """Sum, fee and both balances, out of the real thing done and undone; the sum goes along to be confirmed."""
    amount = sum_emergency_loan(days=form.cleaned_data["days"], today=request.today)
    with rehearsal():
        loan = take_emergency_loan(**_loan(request, form, amount))
        after = get_own_fund()
    return {"loan": loan, "before": fund, "after": after, "days": form.cleaned_data["days"]}


def _refuse_isp() -> dict[str, Any]:
    """The own fund; the ISP has none, so there is no such page for it."""
    fund = get_own_fund()
    if fund is None:
        raise NotFound("You have no provider above you.")
    return fund


@page("resellers.view")
def needs(request: PageRequest) -> HttpResponse:
    """GET resellers/needs/: which children run short within a week or have asked for money."""
    rows = list_short_children(today=request.today)
    for row in rows:
        row["suggested_minor"] = row["asked_minor"] or row["missing"][SPANS[-1]]
    return show(request, "needs", {"rows": rows, "spans": SPANS})


@page("funds.view")
def run_outs(request: PageRequest) -> HttpResponse:
    """GET funds/run-outs/?of=children, or of one of them: the days on which funds run out, filled into a page that is
    already shown.
    """
    one = given.number(request, "of")
    if (one or given.one_of(request, "of", ("children",))) and "resellers.view" in request.scope.permissions:
        needs = find_children_needs(today=request.today)
        found = {child: row["runs_out_on"] for child, row in needs.items() if one in (None, child)}
    else:
        found = {request.scope.operator_id: find_own_run_out(today=request.today)}
    return show(request, "run_outs", {"funds": found.items()})
