"""What people record in their own books: chosen in plain words, looked at as debits and credits, then recorded."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import NotFound
from backhaul.ledger.events import (
    OPENING,
    OwnEvent,
    get_own_event,
    list_own_events,
    record_opening_balances,
    record_own_event,
    reverse_own_event,
)
from backhaul.ledger.queries import list_entries_of
from backhaul.web.console import given
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.record_forms import KINDS, OF_A_CHILD, Kind, OpeningForm, RecordForm, TakeBackForm
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.templatetags.console import day


def _kinds(request: PageRequest) -> list[Kind]:
    top = request.scope.parent_id is None
    return [kind for kind in KINDS if not (top and kind.key in OF_A_CHILD)]


@page("books.post")
def record(request: PageRequest) -> HttpResponse:
    """GET books/record/?after=: what can be recorded, and what was."""
    found = by_whom(request, list_own_events(before=given.number(request, "after"), limit=ROWS + 1), "actor_id")
    names = {kind.key: kind.name for kind in KINDS}
    for row in found:
        row["name"] = names[row["kind"]]
    return show(request, "record", {"kinds": _kinds(request), "page": paged(request, found, "id")})


@page("books.post")
def record_event(request: PageRequest, key: str) -> HttpResponse:
    """GET, POST books/record/<kind>/"""
    kind = next((kind for kind in _kinds(request) if kind.key == key), None)
    if kind is None:
        raise NotFound("There is no such kind of entry.")
    act = Act(str(kind.name), _("Record it"), reverse("record"), _("Recorded."), note=str(kind.about))
    form: forms.Form = (
        bound(request, OpeningForm, today=request.today)
        if key == OPENING
        else bound(request, RecordForm, of=kind, today=request.today)
    )

    def do(values: dict[str, Any]) -> int:
        keyed: dict[str, Any] = {"request_key": str(values["request_key"]), "now": request.now}
        if isinstance(form, OpeningForm):
            return record_opening_balances(form.balances(), on=values["on"], reason=values["reason"], **keyed)
        assert isinstance(form, RecordForm)
        return record_own_event(OwnEvent(key, **form.terms()), **keyed)

    def look(values: dict[str, Any]) -> Preview:
        return Preview(lines=_lines(key, do(values)), figures=_told(values))

    return two_steps(request, act, form, do=do, look=look)


@page("books.post")
def take_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST books/record/<id>/take-back/: on its own day or a later one, by an entry of its own."""
    event = get_own_event(pk)
    act = Act(
        _("Take back: %(what)s") % {"what": event["reason"]}, _("Take it back"), reverse("record"), _("Taken back."),
        note=_("Nothing is removed: a second entry undoes the first, on the day that you choose."), tone="danger",
    )  # fmt: skip

    def do(values: dict[str, Any]) -> int:
        return reverse_own_event(event_id=pk, on=values["on"], reason=values["reason"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        do(values)
        return Preview(lines=_lines(f"reversal:{event['kind']}", pk), figures=_told(values))

    own_day: date = event["effective_on"]
    form = bound(
        request, TakeBackForm, initial={"on": own_day if event["kind"] == OPENING else max(request.today, own_day)}
    )
    return two_steps(request, act, form, do=do, look=look)


def _told(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(_("On"), day(values["on"])), (_("In your own words"), values["reason"])]


def _lines(kind: str, event_id: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = list_entries_of([(kind, event_id)])[0]["lines"]
    return lines
