"""The chart of accounts, and entries by hand: what an operator's accountant writes itself."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.ledger.chart import add_account, close_account, edit_account, open_account, why_not_closed
from backhaul.ledger.queries import get_account, get_entry, list_accounts, sort_by_kind
from backhaul.ledger.services import post_manual_entry, reverse_entry
from backhaul.web.console.chart_forms import (
    LINES,
    MORE_LINES,
    MOST_LINES,
    AccountForm,
    CloseAccountForm,
    HandEntryForm,
    OwnAccountForm,
    TakeBackForm,
)
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.templatetags.console import day
from backhaul.web.words import named


@page("books.view")
def accounts(request: PageRequest) -> HttpResponse:
    """GET books/accounts/"""
    listed = [row | {"stays_open": why_not_closed(row["code"], row["party_kind"])} for row in list_accounts()]
    groups = [{"label": named(kind, "account"), "accounts": rows} for kind, rows in sort_by_kind(listed)]
    return show(request, "accounts", {"groups": groups})


@page("books.post")
def add_own_account(request: PageRequest) -> HttpResponse:
    """GET, POST books/accounts/add/"""
    form = OwnAccountForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            add_account(**form.cleaned_data, now=request.now)
            messages.success(request, _("The account is added."))
            return go(request, "accounts")
    return _asked(request, _("Add an account"), form)


@page("books.post")
def change_account(request: PageRequest, code: str) -> HttpResponse:
    """GET, POST books/accounts/<code>/edit/"""
    row = get_account(code)
    form = AccountForm(sent(request), initial=row)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            edit_account(code=code, **form.cleaned_data, now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "accounts")
    return _asked(request, f"{row['number']} {_(row['name'])}", form)


def _asked(request: PageRequest, title: str, form: Form) -> HttpResponse:
    return show(request, "ask_account", {"title": title, "back": reverse("accounts")}, form=form)


@page("books.post")
def shut_account(request: PageRequest, code: str) -> HttpResponse:
    """GET, POST books/accounts/<code>/close/"""
    row = get_account(code)
    name = f"{row['number']} {_(row['name'])}"
    act = Act(
        _("Close %(account)s") % {"account": name}, _("Close"), reverse("accounts"), _("The account is closed."),
        undo=None if row["closed_on"] else lambda: reverse("open-account", args=[code]),
        note=_("It takes no more entries by hand from that day on. What it held stays in all statements."),
    )  # fmt: skip

    def do(values: dict[str, Any]) -> None:
        close_account(code=code, on=values["on"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        do(values)
        return Preview(figures=[(_("No entries from"), day(values["on"]))])

    form = bound(request, CloseAccountForm, initial={"on": request.today})
    return two_steps(request, act, form, do=do, look=look)


@page("books.post")
def reopen_account(request: PageRequest, code: str) -> HttpResponse:
    """GET, POST books/accounts/<code>/open/"""
    row = get_account(code)
    form = Form(sent(request))
    if request.method == "POST" and form.is_valid():
        open_account(code=code, now=request.now)
        messages.success(request, _("The account is open again."))
        return go(request, "accounts")
    return _asked(request, _("Open %(account)s again") % {"account": _(row["name"])}, form)


@page("books.post")
def post_entry(request: PageRequest) -> HttpResponse:
    """GET, POST books/journal/post/: several lines, looked at before they are posted."""
    act = Act(
        _("Entry by hand"), _("Post"), reverse("journal"), _("The entry is posted."),
        note=_("For what no bill, payment or other event records. What is posted is never changed: it is taken back."),
    )  # fmt: skip
    count = _line_count(request)
    if request.method == "POST" and "more" in request.POST:
        typed = {name: value for name, value in request.POST.items() if name not in ("more", "csrfmiddlewaretoken")}
        form = HandEntryForm(initial=typed, lines=min(count + MORE_LINES, MOST_LINES))
        return show(request, "post_entry", {"act": act, "preview": None}, form=form)
    form = HandEntryForm(sent(request), lines=count, initial={"effective_on": request.today})

    def do(values: dict[str, Any]) -> int:
        return post_manual_entry(
            effective_on=form.day,
            lines=form.pairs(),
            reason=values["reason"],
            request_key=str(values["request_key"]),
            now=request.now,
        )

    def look(values: dict[str, Any]) -> Preview:
        return Preview(
            lines=get_entry(do(values))["lines"],
            figures=[(_("On"), day(form.day)), (_("What it is for"), values["reason"])],
        )

    return two_steps(request, act, form, do=do, look=look, template="post_entry")


def _line_count(request: PageRequest) -> int:
    sent_lines = sum(name.startswith("account_") for name in request.POST)
    return min(max(LINES, sent_lines), MOST_LINES)


@page("books.post")
def take_entry_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST books/entries/<id>/reverse/"""
    entry = get_entry(pk)
    act = Act(
        _("Take entry %(n)s back") % {"n": entry["number"]}, _("Take back"), reverse("entry", args=[pk]),
        _("The entry is taken back."),
        note=_("The same lines with the sides swapped, on the day that you give. Both entries stay in the books."),
        tone="danger",
    )  # fmt: skip

    def do(values: dict[str, Any]) -> int:
        return reverse_entry(entry_id=pk, on=values["on"], reason=values["reason"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        lines = get_entry(do(values))["lines"]
        effects = [
            (f"{line['number']} {_(line['account'])}", line["debit_minor"] - line["credit_minor"]) for line in lines
        ]
        return Preview(effects=effects, figures=[(_("On"), day(values["on"]))])

    initial = {"on": max(request.today, entry["effective_on"])}
    return two_steps(request, act, bound(request, TakeBackForm, initial=initial), do=do, look=look)
