"""The audit log of an operator: everything that was done here, by whom, to what, from where (SPEC A31)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from backhaul.identity.queries import find_names
from backhaul.operators.audit import Wanted, get_event, list_actors, list_events
from backhaul.operators.impersonation import find_came_in
from backhaul.web.console import given
from backhaul.web.console.audit_rows import facts_of, told
from backhaul.web.console.audit_words import DEEDS, SAME_AS, SUBJECTS, VERBS, deed_named
from backhaul.web.console.downloads import csv_file
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.console.people import by_whom, came_in_names

MOST_IN_FILE = 50_000


@page("audit.view")
def audit(request: PageRequest) -> HttpResponse:
    """GET audit/?who=&verb=&subject=&of=&from=&to=&inside=&after="""
    filters = _filters(request)
    found = list_events(_wanted(request, filters), before=given.number(request, "after"), limit=ROWS + 1)
    listed = paged(request, found, "id")
    context = {
        "page": replace(listed, rows=told(request, by_whom(request, list(listed.rows), "actor_id"))),
        "filters": {**filters, "active": any(value is not None for value in filters.values())},
        "choices": _choices(request),
        "query": request.GET.urlencode(),
        "visit": _visit(request, filters["inside"]),
    }
    return show(request, "audit", context)


@page("audit.view")
def audit_csv(request: PageRequest) -> HttpResponse:
    """GET audit/csv/: the same rows, the newest 50,000 of them."""
    found = list_events(_wanted(request, _filters(request)), limit=MOST_IN_FILE)
    rows = told(request, by_whom(request, found, "actor_id"))
    return csv_file(f"audit-{request.today}.csv", _table(rows))


@page("audit.view")
def audit_entry(request: PageRequest, pk: int) -> HttpResponse:
    """GET audit/<id>/: one act, with all that was written down about it."""
    (row,) = told(request, by_whom(request, [get_event(pk)], "actor_id"))
    return show(request, "audit_entry", {"entry": row, "facts": list(facts_of(row["detail"]))})


def _filters(request: PageRequest) -> dict[str, Any]:
    return {
        "who": given.number(request, "who"),
        "verb": given.one_of(request, "verb", {**DEEDS, **VERBS}),
        "subject": given.one_of(request, "subject", SUBJECTS),
        "of": given.number(request, "of"),
        "from_on": given.day(request, "from"),
        "to_on": given.day(request, "to"),
        "inside": given.number(request, "inside"),
    }


def _wanted(request: PageRequest, filters: dict[str, Any]) -> Wanted:
    kind, first, last = filters["subject"], filters["from_on"], filters["to_on"]
    return Wanted(
        actor_id=filters["who"],
        verb=filters["verb"],
        subject_types=(kind, *(other for other, same in SAME_AS.items() if same == kind)) if kind else (),
        subject_id=filters["of"],
        from_at=_midnight(request, first) if first else None,
        until_at=_midnight(request, last + timedelta(days=1)) if last and last < date.max else None,
        inside=filters["inside"],
    )


def _midnight(request: PageRequest, on: date) -> datetime:
    return datetime.combine(on, time.min, ZoneInfo(request.isp.time_zone))


def _choices(request: PageRequest) -> dict[str, list[tuple[Any, str]]]:
    people = find_names(request.scope.isp_id, set(list_actors()))
    verbs = {verb: deed_named(verb) for verb in (*DEEDS, *VERBS)}
    return {
        "who": sorted([*people.items(), (0, _("The system"))], key=lambda pair: pair[1].lower()),
        "verb": sorted(verbs.items(), key=lambda pair: pair[1].lower()),
        "subject": sorted(((kind, str(label)) for kind, label in SUBJECTS.items()), key=lambda pair: pair[1].lower()),
        "inside": [(0, _("By somebody from above"))],
    }


def _visit(request: PageRequest, inside: int | None) -> str:
    """Whose visit the rows are of, where one was asked for."""
    return came_in_names(request, find_came_in([inside])).get(inside, "") if inside else ""


def _table(rows: list[dict[str, Any]]) -> Iterator[list[object]]:
    yield [_("When"), _("Who"), _("What"), _("Of"), _("Name"), _("Id"), _("From the address"), _("Details"),
           _("Filled in")]  # fmt: skip
    for row in rows:
        details = "; ".join(f"{name}: {value}" for name, value in facts_of(row["detail"]))
        at = localtime(row["at"]).strftime("%Y-%m-%d %H:%M:%S")
        yield [at, row["by"], row["deed"], row["kind"], row["name"], row["subject_id"],
               row["detail"].get("address", ""), details, ", ".join(row["detail"].get("fields", []))]  # fmt: skip
