"""The acting operator's own books: trial balance, journal, one account."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from backhaul.billing.queries import find_customer_names
from backhaul.ledger.queries import get_account_ledger, get_trial_balance, list_accounts, list_journal, sort_by_kind
from backhaul.ledger.rules import Place
from backhaul.web.console import given
from backhaul.web.console.pages import ROWS, PageRequest, page, paged, show
from backhaul.web.words import named

BOUND = (date(1900, 1, 1), date(2999, 12, 31))


def _day(request: PageRequest, name: str, default: date) -> date:
    found = given.day(request, name)
    return found if found and BOUND[0] <= found <= BOUND[1] else default


@page("books.view")
def trial_balance(request: PageRequest) -> HttpResponse:
    """GET books/trial-balance/?as_of="""
    as_of = _day(request, "as_of", request.today)
    balance = get_trial_balance(on=as_of)
    accounts = [row | {"href": f"{reverse('account', args=[row['code']])}?to={as_of}"} for row in balance["accounts"]]
    groups = [{"label": named(kind, "account"), "accounts": rows} for kind, rows in sort_by_kind(accounts)]
    return show(request, "trial_balance", {"as_of": as_of, "groups": groups, "totals": balance["totals"]})


@page("books.view")
def journal(request: PageRequest) -> HttpResponse:
    """GET books/journal/?account=&from=&to=&after="""
    accounts = list_accounts()
    chosen = given.one_of(request, "account", {account["code"] for account in accounts})
    from_on, to_on = _day(request, "from", BOUND[0]), _day(request, "to", BOUND[1])
    found = list_journal(from_on=from_on, to_on=to_on, account=chosen, before=_place(request), limit=ROWS + 1)
    filters: dict[str, Any] = {
        "account": chosen,
        "from": None if from_on == BOUND[0] else from_on,
        "to": None if to_on == BOUND[1] else to_on,
    }
    context = {
        "page": paged(request, _with_customers(found), lambda row: f"{row['effective_on']}.{row['id']}"),
        "filters": {**filters, "active": any(filters.values())},
        "choices": {"account": [(account["code"], f"{account['number']} {account['name']}") for account in accounts]},
    }
    return show(request, "journal", context)


def _place(request: PageRequest) -> Place | None:
    day, _dot, entry = request.GET.get("after", "").partition(".")
    entry_id = given.as_id(entry)
    try:
        return None if entry_id is None else Place(date.fromisoformat(day), entry_id)
    except ValueError:
        return None


def _with_customers(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of customers' accounts named: the books know their ids only."""
    lines = [line for entry in entries for line in entry["lines"] if line["party_kind"] == "customer"]
    names = find_customer_names([line["party_id"] for line in lines if line["party_id"]])
    for line in lines:
        line["party"] = names.get(line["party_id"], "")
    return entries


@page("books.view")
def account(request: PageRequest, code: str) -> HttpResponse:
    """GET books/accounts/<code>/?from=&to="""
    to_on = _day(request, "to", request.today)
    from_on = _day(request, "from", to_on - timedelta(days=90))
    ledger = get_account_ledger(code, from_on=from_on, to_on=to_on)
    return show(request, "account", {"ledger": ledger, "filters": {"from": from_on, "to": to_on}})
