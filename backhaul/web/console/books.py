"""The acting operator's own books: where to begin, the journal, one entry and what it came from."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.queries import find_customer_names
from backhaul.identity.queries import find_staff_names
from backhaul.ledger.balances import get_position, list_turnovers
from backhaul.ledger.choices import TITLES
from backhaul.ledger.heads import get_latest_head, get_stop
from backhaul.ledger.queries import get_entry, list_accounts, list_journal
from backhaul.ledger.rules import Place, period_before
from backhaul.operators.scope import current_scope
from backhaul.web.console import given
from backhaul.web.console.entry_events import find_event
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.statement_pages import day_of
from backhaul.web.forms import BOUND


@page("books.view")
def books(request: PageRequest) -> HttpResponse:
    """GET books/: what there is, what others owe, what is owed, what this month brought; and where to read more."""
    first = request.today.replace(day=1)
    before = period_before(first, request.today)
    context = {
        "position": get_position(on=request.today),
        "month_on": first,
        "result_minor": _result(first, request.today),
        "before_minor": _result(*before),
        "before": before,
        "head": get_latest_head(),
        "stop": get_stop(),
    }
    return show(request, "books", context)


def _result(from_on: date, to_on: date) -> int:
    return sum(row["credit_minor"] - row["debit_minor"] for row in list_turnovers(from_on=from_on, to_on=to_on))


@page("books.view")
def journal(request: PageRequest) -> HttpResponse:
    """GET books/journal/?account=&kind=&from=&to=&after="""
    accounts = list_accounts()
    chosen = given.one_of(request, "account", {account["code"] for account in accounts})
    kind = given.one_of(request, "kind", TITLES)
    from_on, to_on = day_of(request, "from", BOUND[0]), day_of(request, "to", BOUND[1])
    found = list_journal(
        from_on=from_on, to_on=to_on, account=chosen, kind=kind, before=_place(request), limit=ROWS + 1
    )
    filters: dict[str, Any] = {
        "account": chosen,
        "kind": kind,
        "from": None if from_on == BOUND[0] else from_on,
        "to": None if to_on == BOUND[1] else to_on,
    }
    kinds = sorted(((code, _(title)) for code, title in TITLES.items()), key=lambda choice: choice[1])
    context = {
        "page": paged(request, with_customers(found), lambda row: f"{row['effective_on']}.{row['id']}"),
        "filters": {**filters, "active": any(filters.values())},
        "choices": {
            "account": [(account["code"], f"{account['number']} {_(account['name'])}") for account in accounts],
            "kind": kinds,
        },
    }
    return show(request, "journal", context)


def _place(request: PageRequest) -> Place | None:
    day, _dot, entry = request.GET.get("after", "").partition(".")
    entry_id = given.as_id(entry)
    try:
        return None if entry_id is None else Place(date.fromisoformat(day), entry_id)
    except ValueError:
        return None


def with_customers(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of accounts kept by customer or by person named: the books know their ids only."""
    scope = current_scope()
    lines = [line for entry in entries for line in entry["lines"] if line["party_kind"] in ("customer", "user")]
    ids: dict[str, set[int]] = {"customer": set(), "user": set()}
    for line in lines:
        ids[line["party_kind"]].add(line["party_id"])
    names = {
        "customer": find_customer_names(list(ids["customer"])),
        "user": find_staff_names(scope.isp_id, scope.operator_id, ids["user"]),
    }
    for line in lines:
        line["party"] = names[line["party_kind"]].get(line["party_id"], "")
    return entries


@page("books.view")
def entry(request: PageRequest, pk: int) -> HttpResponse:
    """GET books/entries/<id>/: its lines, who recorded it and when, the event that it came from, what reverses it."""
    found = with_customers([get_entry(pk)])[0]
    context = {
        "entry": by_whom(request, [found], "actor_id")[0],
        "totals": {side: sum(line[side] for line in found["lines"]) for side in ("debit_minor", "credit_minor")},
        "event": find_event(found, may=request.scope.permissions),
        "by_hand": found["kind"] == "manual" and found["reversed_by_id"] is None,
        "day_book": f"{reverse('day-book')}?to={found['effective_on']}",
    }
    return show(request, "entry", context)
