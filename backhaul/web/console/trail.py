"""What pages write into the audit log: one row for every POST that has done something, and for every list that is taken
away as a file."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from django.urls.resolvers import ResolverMatch

from backhaul.operators.scope import Scope
from backhaul.operators.services import record_audit
from backhaul.web.console.audit_words import DEEDS, PAGES, VERBS
from backhaul.web.console.where import address_of

# what a form carries beside what a person filled in
_NOT_FILLED_IN = {"csrfmiddlewaretoken", "confirmed", "change", "request_key"}
# what was made, by the page that its maker is led to
MADE = {url_name: kind for kind, url_name in PAGES.items()} | {"onboard-step": "draft"}
# what an address carries beside filters
_NO_FILTERS = {"csrfmiddlewaretoken", "as", "lang", "after", "paper"}
_MOST_FIELDS = 60
_VALUE_LENGTH = 100
_AGENT_LENGTH = 200


def has_done(request: HttpRequest, answer: HttpResponse) -> bool:
    """Whether something was done: a POST leads on, a list is taken away, or the view says so by `request.done`."""
    leads_on = answer.status_code == 303 or "HX-Redirect" in answer.headers
    if getattr(answer, "asks_password", False):
        return False
    return bool(getattr(request, "done", False) or is_taken(answer)) or (request.method == "POST" and leads_on)


def is_taken(answer: HttpResponse) -> bool:
    """Whether the answer carries a list away (downloads)."""
    return hasattr(answer, "taken")


def write_down(request: HttpRequest, scope: Scope, answer: HttpResponse, now: datetime) -> None:
    """One row of the acting operator's audit log: who did what to which object, from where. No value is kept, only the
    names of the fields that were filled in; of a list that was taken, which file, how many rows and by which filters.
    """
    match = request.resolver_match
    assert match is not None
    subject_type, subject_id = getattr(request, "done_to", None) or _subject(match, answer, scope)
    filled = [name for name, value in request.POST.items() if value and name not in _NOT_FILLED_IN]
    deed = str(match.url_name)
    taken = dict(getattr(answer, "taken", {}))
    if taken and taken["filters"] is None:
        taken["filters"] = _filters(request)
    record_audit(
        verb="took-file" if taken and deed not in (*DEEDS, *VERBS) else deed,
        subject_type=subject_type,
        subject_id=subject_id,
        at=now,
        fields=sorted(filled)[:_MOST_FIELDS],
        path=request.path,
        address=address_of(request),
        agent=request.headers.get("User-Agent", "")[:_AGENT_LENGTH],
        **taken,
    )


def _filters(request: HttpRequest) -> dict[str, str]:
    asked = [(name[:_VALUE_LENGTH], str(value)[:_VALUE_LENGTH]) for name, value in request.GET.items() if value]
    return dict([each for each in asked if each[0] not in _NO_FILTERS][:_MOST_FIELDS])


def _subject(match: ResolverMatch, answer: HttpResponse, scope: Scope) -> tuple[str, int]:
    """What it was done to: the object of the address; what was made, if the answer leads there; else the operator."""
    deed = DEEDS.get(str(match.url_name))
    for name in ("pk", "child"):
        if deed is not None and deed.subject and isinstance(match.kwargs.get(name), int):
            return deed.subject, match.kwargs[name]
    try:
        led_to = resolve(answer.headers.get("Location", answer.headers.get("HX-Redirect", "")))
    except Resolver404:
        return "operator", scope.operator_id
    made = MADE.get(str(led_to.url_name))
    made_id = led_to.kwargs.get("pk")
    return (made, made_id) if made and isinstance(made_id, int) else ("operator", scope.operator_id)
