"""The billing run: rehearsed by a job, confirmed by a person, done by the night or at once, watched while it runs."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from backhaul.billing import run_queries
from backhaul.billing.run_plans import confirm_plan, get_plan, list_plan_lines, request_plan, withdraw_plan
from backhaul.billing.run_tables import table_of
from backhaul.billing.runs import start_run
from backhaul.common.errors import NotAllowed, NotFound
from backhaul.web.console.downloads import csv_file
from backhaul.web.console.jobs import follow
from backhaul.web.console.pages import ROWS, PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.run_forms import DecisionForm, RunForm
from backhaul.web.console.run_nights import nights_to_tell
from backhaul.web.templatetags.console import dated


@page("bills.run")
def billing_run(request: PageRequest) -> HttpResponse:
    """GET, POST billing-run/: POST leaves the rehearsal of a date to a job and leads to its page."""
    if request.scope.parent_id is not None:
        raise NotAllowed("The billing run of the whole tree belongs to the ISP.")
    form = RunForm(sent(request), initial={"on": request.today}, today=request.today)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            on = form.cleaned_data["on"]
            plan_id = request_plan(on=on, now=request.now)
            follow(request, "rehearsal", dated(on), key=f"plan:{plan_id}", page=("run-plan", plan_id))
            return go(request, "run-plan", plan_id)
    context = {"runs": run_queries.list_runs(), "plans": run_queries.list_plans(), **nights_to_tell(request)}
    return show(request, "billing_run", context, form=form)


@page("bills.run")
def plan(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST billing-run/plans/<id>/: what a run would do; confirmed, its night reproduces it. Asks for itself
    again until the rehearsal is done.
    """
    form = DecisionForm(sent(request))
    found = get_plan(pk)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            return _decide(request, found, form.cleaned_data["decision"])
    lines = list_plan_lines(pk, limit=ROWS) if found["ready"] else []
    context = {
        "plan": found | {"isp_id": request.scope.isp_id},
        "report": found["report"],
        "lines": lines,
        "most_lines": ROWS,
        "ahead": found["on_date"] > request.today,
    }
    return show(request, "run_plan", context, form=form)


@page("bills.run")
def run(request: PageRequest, pk: int) -> HttpResponse:
    """GET billing-run/<id>/: how far a run is, and what it did. Asks for itself again until it is done."""
    context = {
        "run": run_queries.get_run(pk),
        "shards": run_queries.list_run_shards(pk),
        "edges": run_queries.list_run_edges(pk),
        "short": run_queries.list_funds_waited_for(),
        "exceptions": run_queries.list_run_exceptions(pk),
        "plan": run_queries.find_plan_of_run(pk),
    }
    return show(request, "run", context)


@page("bills.run")
def plan_csv(request: PageRequest, pk: int) -> HttpResponse:
    """GET billing-run/plans/<id>/csv/"""
    found = get_plan(pk)
    if not found["ready"]:
        raise NotFound("The rehearsal is not done yet.")
    parts = {name: found["report"][name] for name in ("edges", "short", "blocked", "exceptions")}
    rows = table_of(
        bills=list_plan_lines(pk), decimals=request.isp.currency_decimals, currency=request.isp.currency, **parts
    )
    return csv_file(f"plan-{found['on_date']}-{pk}.csv", rows)


@page("bills.run")
def run_csv(request: PageRequest, pk: int) -> HttpResponse:
    """GET billing-run/<id>/csv/"""
    found = run_queries.get_run(pk)
    rows = table_of(
        bills=run_queries.list_run_lines(pk),
        edges=run_queries.list_run_edges(pk),
        short=run_queries.list_funds_waited_for(),
        blocked=[],
        exceptions=run_queries.list_run_exceptions(pk),
        decimals=request.isp.currency_decimals,
        currency=request.isp.currency,
    )
    return csv_file(f"run-{found['on_date']}-{pk}.csv", rows)


def _decide(request: PageRequest, found: dict[str, Any], decision: str) -> HttpResponse:
    if decision == "withdraw":
        withdraw_plan(plan_id=found["id"])
        return go(request, "run-plan", found["id"])
    if found["run_id"] is not None:
        return go(request, "run", found["run_id"])
    if found["confirmed_at"] is None:
        confirm_plan(plan_id=found["id"], now=request.now)
    if decision == "confirm" or found["on_date"] > request.today:
        return go(request, "run-plan", found["id"])
    run_id = start_run(on=found["on_date"], now=request.now)
    follow(request, "billing_run", dated(found["on_date"]), key=f"run:{run_id}", page=("run", run_id))
    return go(request, "run", run_id)
