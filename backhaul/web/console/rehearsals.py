"""The days to come, rehearsed by a job in a copy of the ISP: asked for, watched, read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy

from backhaul.billing.rehearsals import get_rehearsal, list_rehearsals, request_rehearsal
from backhaul.web.console.pages import PageRequest, go, only_the_isp, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.forms import DayField

WENT_OFF = ("cut", "suspended", "expired", "below_minimum")


class RehearsalForm(forms.Form):
    until = DayField(
        label=gettext_lazy("Live all days through"),
        help_text=gettext_lazy("Nobody pays and nobody recharges in it; nothing of it is kept but the report."),
    )


@page("bills.run")
def rehearsals(request: PageRequest) -> HttpResponse:
    """GET, POST billing-run/days-ahead/: POST leaves a rehearsal to a job and leads to its page."""
    only_the_isp(request)
    form = RehearsalForm(sent(request), initial={"until": request.today + timedelta(days=31)})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            asked = request_rehearsal(until=form.cleaned_data["until"], today=request.today, now=request.now)
            return go(request, "rehearsal", asked)
    found = by_whom(request, list_rehearsals(), "by_actor_id")
    return show(request, "rehearsals", {"rehearsals": found}, form=form)


@page("bills.run")
def rehearsal(request: PageRequest, pk: int) -> HttpResponse:
    """GET billing-run/days-ahead/<id>/: how far it is, then what it says. Asks for itself again until it is done."""
    found = get_rehearsal(pk)
    return show(request, "rehearsal", {"rehearsal": found, "report": found["report"] and _drawn(found)})


def _drawn(found: dict[str, Any]) -> dict[str, Any]:
    """The report as its page shows it: days on which something comes, days as days, operators by their names."""
    report, names = found["report"], found["names"]
    days = [
        {**done, "on": _day(day["on"]), "off": sum(done[name] for name in WENT_OFF)}
        for day in report["days"]
        for done in day["operators"]
    ]
    return {
        "days": [day for day in days if day["bills"] or day["off"] or day["waiting"]],
        "funds": [
            {**fund, "operator": names[fund["operator"]], "lowest_on": _day(fund["lowest_on"])}
            for fund in report["funds"]
        ],
        "short": [
            {**row, "operator": names[row["operator"]], "on": _day(row["on"]), "until": _day(row["until"])}
            for row in report["short"]
        ],
        "not_billed": [{**row, "on": _day(row["on"])} for row in report["not_billed"]],
        "months": [{**row, "first_on": _day(f"{row['month']}-01")} for row in report["months"]],
        "wrong": report["verify"]["wrong"],
    }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
