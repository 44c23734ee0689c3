"""One act on many customers as pages: what it asks for, what will happen to each, how far it is, what came of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.bulk import PERMISSION, confirm_bulk, go_on, progress_key, request_bulk
from backhaul.billing.bulk_acts import BULK_ACTS
from backhaul.billing.finding import CustomerFilter, count_customers
from backhaul.billing.finding_conditions import FOUND
from backhaul.subscribers.bulk import get_run, list_items, list_reasons, list_runs, sum_run
from backhaul.web.console import given
from backhaul.web.console.bulk_forms import ACTS
from backhaul.web.console.customer_filters import kept_query, read_filter
from backhaul.web.console.customer_list import said
from backhaul.web.console.jobs import follow
from backhaul.web.console.pages import ROWS, PageRequest, go, page, paged, refusals_to, sent, show
from backhaul.web.console.people import by_whom

STILL = timedelta(minutes=2)  # a job that has not moved for so long is gone
SHOWN = {"problems": ("would_not", "refused"), "fine": ("would", "done")}


@page(PERMISSION)
def act_on_many(request: PageRequest, act: str) -> HttpResponse:
    """GET, POST customers/bulk/<act>/?pick=&pick= or ?all=1&<filters>: asks for what the act needs."""
    if act not in BULK_ACTS:
        raise Http404
    request.scope.require(BULK_ACTS[act].permission)
    words = ACTS[act]
    form = words.form(sent(request), today=request.today, who=_who(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            run_id = request_bulk(act=act, given=form.given(), who=_who(request), now=request.now)
            _follow(request, run_id, act, "looking")
            return go(request, "bulk-run", run_id)
    return show(request, "bulk_act", {"words": words, "whom": _whom(request), "back": _back(request)}, form=form)


@page(PERMISSION)
def runs(request: PageRequest) -> HttpResponse:
    """GET customers/bulk/: what was done to many, newest first."""
    found = [row | {"words": ACTS[row["act"]]} for row in by_whom(request, list_runs(), "by_actor_id")]
    return show(request, "bulk_runs", {"runs": found})


@page(PERMISSION)
def run(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/bulk/<id>/: the preview, its confirmation by digest, progress, and what became of each."""
    found = get_run(pk)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            if "again" in request.POST:
                go_on(run_id=pk, now=request.now)
            else:
                confirm_bulk(run_id=pk, digest=request.POST.get("digest", ""), now=request.now)
                _follow(request, pk, found["act"], "doing")
                messages.success(request, _("Confirmed. It is being done."))
            return go(request, "bulk-run", pk)
    counts = sum_run(pk)
    which = given.one_of(request, "show", SHOWN)
    items = list_items(pk, states=SHOWN[which] if which else None, after=given.number(request, "after"), limit=ROWS + 1)
    context = {
        "run": by_whom(request, [found], "by_actor_id")[0],
        "words": ACTS[found["act"]],
        "counts": counts,
        "finished": found["customers"] - counts["waiting" if found["state"] == "looking" else "would"],
        "stands_still": found["state"] in ("looking", "doing") and request.now - found["touched_at"] > STILL,
        "reasons": list_reasons(pk),
        "page": paged(request, items, "subscription_id"),
        "show": which,
    }
    return show(request, "bulk_run", context, form=form)


def _follow(request: PageRequest, run_id: int, act: str, state: str) -> None:
    follow(request, "bulk", str(ACTS[act].label), key=progress_key(run_id, state), page=("bulk-run", run_id))


def _picked(request: PageRequest) -> list[int]:
    picked = (given.as_id(each) for each in request.GET.getlist("pick")[:ROWS])
    return [each for each in picked if each is not None]


def _who(request: PageRequest) -> CustomerFilter | list[int]:
    return read_filter(request) if "all" in request.GET else _picked(request)


def _whom(request: PageRequest) -> dict[str, Any]:
    """Who is meant, in words; nobody, where nothing was ticked."""
    if "all" in request.GET:
        wanted = read_filter(request)
        found = count_customers(CustomerFilter(search=wanted.search)).n if wanted.search.strip() else 0
        return {"all": True, "said": said(count_customers(wanted)), "most": FOUND if found >= FOUND else 0}
    picked = len(_picked(request))
    return {"all": False, "n": picked}


def _back(request: PageRequest) -> str:
    return f"{reverse('customers')}?{kept_query(request, 'sort')}"
