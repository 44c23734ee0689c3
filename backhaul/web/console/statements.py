"""The statements of the acting operator's books: each a page, and a file for a spreadsheet or paper."""

from __future__ import annotations

from datetime import timedelta

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.ageing import get_receivable_ageing
from backhaul.billing.queries import find_customer_names
from backhaul.identity.queries import find_staff_names
from backhaul.ledger.day_book import get_account_statement, get_day_book, get_parties
from backhaul.ledger.reports import (
    get_balance_sheet,
    get_cash_flow,
    get_income_statement,
    get_movements,
    get_trial_balance,
)
from backhaul.ledger.statements import Statement
from backhaul.operators.queries import find_operator_names
from backhaul.payments.customer_account import get_customer_account
from backhaul.web.console.books import with_customers
from backhaul.web.console.pages import PageRequest, page
from backhaul.web.console.statement_pages import Asked, asked_of, serve
from backhaul.web.paper.statements import account_document


def _books() -> tuple[str, str]:
    return reverse("books"), _("Books")


@page("books.view", in_unit=False)
def trial_balance(request: PageRequest) -> HttpResponse:
    """GET books/trial-balance/?to=&known=&as="""
    return serve(
        request, lambda ask: get_trial_balance(on=ask.to_on, known_on=ask.known_on), over_days=False, back=_books()
    )


@page("books.view", in_unit=False)
def movements(request: PageRequest) -> HttpResponse:
    """GET books/movements/?from=&to=&known=&as="""
    return serve(
        request,
        lambda ask: get_movements(from_on=ask.from_on, to_on=ask.to_on, known_on=ask.known_on),
        over_days=True,
        back=_books(),
    )


@page("books.view", in_unit=False)
def income_statement(request: PageRequest) -> HttpResponse:
    """GET books/income-statement/?from=&to=&known=&as="""
    return serve(
        request,
        lambda ask: get_income_statement(from_on=ask.from_on, to_on=ask.to_on, known_on=ask.known_on),
        over_days=True,
        back=_books(),
    )


@page("books.view", in_unit=False)
def balance_sheet(request: PageRequest) -> HttpResponse:
    """GET books/balance-sheet/?to=&known=&as="""
    return serve(
        request, lambda ask: get_balance_sheet(on=ask.to_on, known_on=ask.known_on), over_days=False, back=_books()
    )


@page("books.view", in_unit=False)
def cash_flow(request: PageRequest) -> HttpResponse:
    """GET books/cash-flow/?from=&to=&known=&as="""
    return serve(
        request,
        lambda ask: get_cash_flow(from_on=ask.from_on, to_on=ask.to_on, known_on=ask.known_on),
        over_days=True,
        back=_books(),
    )


@page("books.view", in_unit=False)
def ageing(request: PageRequest) -> HttpResponse:
    """GET books/receivables/?to=&known=&as="""
    return serve(
        request,
        lambda ask: get_receivable_ageing(on=ask.to_on, known_on=ask.known_on, limit=ask.rows(100)),
        over_days=False,
        back=_books(),
    )


@page("books.view", in_unit=False)
def day_book(request: PageRequest) -> HttpResponse:
    """GET books/day-book/?to=&known=&as="""
    return serve(
        request,
        lambda ask: get_day_book(on=ask.to_on, known_on=ask.known_on, limit=ask.rows(40), named=with_customers),
        over_days=False,
        back=_books(),
    )


@page("books.view", in_unit=False)
def account(request: PageRequest, code: str) -> HttpResponse:
    """GET books/accounts/<code>/?from=&to=&known=&as=: the last 90 days, unless said otherwise."""

    def build(ask: Asked) -> Statement:
        return get_account_statement(
            code, from_on=ask.from_on, to_on=ask.to_on, known_on=ask.known_on, limit=ask.rows(1000)
        )

    back = (reverse("accounts"), _("Accounts"))
    return serve(request, build, over_days=True, back=back, asked=_last_days)


@page("books.view", in_unit=False)
def parties(request: PageRequest, code: str) -> HttpResponse:
    """GET books/accounts/<code>/parties/?to=&known=&as="""

    def names(kind: str, ids: list[int]) -> dict[int, str]:
        if kind == "customer":
            return find_customer_names(ids)
        if kind == "operator":
            return find_operator_names(ids)
        return find_staff_names(request.scope.isp_id, request.scope.operator_id, set(ids))

    return serve(
        request,
        lambda ask: get_parties(code, on=ask.to_on, names=names, known_on=ask.known_on, limit=ask.rows(200)),
        over_days=False,
        back=(reverse("account", args=[code]), _("Account")),
    )


def _last_days(request: PageRequest) -> Asked:
    until = asked_of(request).to_on
    return asked_of(request, from_on=until - timedelta(days=90))


@page("bills.view", in_unit=False)
def customer_account(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/account/?from=&to=&known=&as=: this month, unless said otherwise."""
    back = (reverse("customer", args=[pk]), _("Customer"))
    return serve(
        request,
        lambda ask: get_customer_account(pk, from_on=ask.from_on, to_on=ask.to_on, known_on=ask.known_on),
        over_days=True,
        back=back,
        paper=account_document,
    )
