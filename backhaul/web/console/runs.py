"""The billing run by hand: rehearsed first, then done."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse

from backhaul.billing.queries import list_runs
from backhaul.billing.runs import RunReport, bill_isp
from backhaul.common.errors import NotAllowed
from backhaul.operators.scope import unit_of_work
from backhaul.web.console.pages import PageRequest, page, sent, show
from backhaul.web.console.run_forms import RunForm


@page("bills.run", in_unit=False)
def billing_run(request: PageRequest) -> HttpResponse:
    """GET, POST billing-run/: POST rehearses and shows what would happen; with `confirmed` it is done.

    Done again, or by two at once, it bills nothing twice.
    """
    if request.scope.parent_id is not None:
        raise NotAllowed("The billing run of the whole tree belongs to the ISP.")
    form = RunForm(sent(request), initial={"on": request.today}, today=request.today)
    report: RunReport | None = None
    if request.method == "POST" and form.is_valid():
        confirmed = "confirmed" in request.POST
        report = bill_isp(request.isp, on=form.cleaned_data["on"], now=request.now, dry_run=not confirmed)
        report = report.seen_by(request.scope.operator_id)
    return show(request, "billing_run", {"report": report, "runs": _recent(request)}, form=form)


def _recent(request: PageRequest) -> list[dict[str, Any]]:
    with unit_of_work(request.isp, request.scope.operator_id, user_id=request.user.pk):
        return list_runs()
