"""Statements of a fund, for both ends: by day, by customer, confirmed by both, disputed by line (SPEC C9)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import NotFound
from backhaul.common.money import format_minor
from backhaul.funds.queries import get_fund
from backhaul.funds.statements import (
    confirm_statement,
    dispute_movement,
    get_dispute,
    get_statement,
    list_disputes,
    list_lines,
    list_statements,
    prepare_statement,
    settle_dispute,
    sum_by_day,
)
from backhaul.identity.queries import find_staff_names
from backhaul.operators.queries import get_operator
from backhaul.resellers.queries import get_movement
from backhaul.resellers.slabs import get_progress
from backhaul.resellers.statements import list_own_customers, sum_charges
from backhaul.web.console import given
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.downloads import csv_file, pdf_file
from backhaul.web.console.edge_forms import WordsForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, unit_of
from backhaul.web.currency import amounts_head
from backhaul.web.paper.fund_statements import fund_document
from backhaul.web.templatetags.console import dated, day, money
from backhaul.web.words import named

CUSTOMERS = 200


@page("funds.view")
def statements(request: PageRequest, child: int) -> HttpResponse:
    """GET funds/<child>/statements/"""
    edge = _edge(request, child)
    rows = list_statements(child, today=request.today)
    for row in rows:
        row["href"] = reverse("fund-statement", args=[child, row["month_on"]])
        row["state"] = _state(row, request.today)
    return show(
        request, "fund_statements", {**edge, "rows": rows, "progress": get_progress(child, today=request.today)}
    )


@page("funds.view")
def statement(request: PageRequest, child: int, month: date) -> HttpResponse:
    """GET, POST funds/<child>/statements/<year-month>/: POST prepares it, once the month is over."""
    edge = _edge(request, child)
    row = get_statement(child, month)
    form = Form(sent(request))
    if request.method == "POST":
        request.scope.require("funds.confirm")
        with refusals_to(form):
            prepare_statement(child_id=child, month=month, today=request.today, now=request.now)
            return go(request, "fund-statement", child, month)
    lines = list_lines(child, month)
    said: dict[int, list[dict[str, Any]]] = {}
    for dispute in list_disputes(child, month):
        said.setdefault(dispute["movement_id"], []).append(dispute)
    for line in lines:
        line["disputes"] = said.get(line["id"], [])
    context = {
        **edge,
        "row": row,
        "state": _state(row, request.today),
        "is_over": _next(month) <= request.today,
        "lines": lines,
        "late": [line for line in lines if line["is_late"]],
        "days": sum_by_day(lines),
        "customers": list_own_customers(child, month, CUSTOMERS),
        "charges": sum_charges(child, month),
        "signed": _signed(request, edge, row),
        "carried_minor": row["opening_minor"] - row["prepared_opening_minor"] if row["prepared"] else 0,
    }
    return show(request, "fund_statement", context, form=form)


@page("funds.view")
def statement_csv(request: PageRequest, child: int, month: date) -> HttpResponse:
    """GET funds/<child>/statements/<year-month>/csv/?of=customers"""
    edge = _edge(request, child)
    row = get_statement(child, month)
    of = given.one_of(request, "of", ("customers",)) or "movements"
    made = _customer_table if of == "customers" else _movement_table
    return csv_file(_file_name(edge, month, f"-{of}.csv"), made(row, child, month, request.isp.currency_decimals))


@page("funds.view", in_unit=False)
def statement_pdf(request: PageRequest, child: int, month: date) -> HttpResponse:
    """GET funds/<child>/statements/<year-month>/pdf/: what both ends confirm, with everything behind it."""
    with unit_of(request):
        edge = _edge(request, child)
        row = get_statement(child, month)
        held = _("Your fund with %(other_name)s") if edge["mine"] else _("What %(other_name)s holds with you")
        lines = list_lines(child, month)
        document = fund_document(
            row,
            title=held % edge,
            state=_state(row, request.today),
            signed=_signed(request, edge, row),
            lines=lines,
            customers=list_own_customers(child, month),
            charges=sum_charges(child, month),
        )
    back = reverse("fund-statement", args=[child, month])
    return pdf_file(request, _file_name(edge, month, ".pdf"), document, back=back, rows=len(lines))


@page("funds.confirm")
def confirm(request: PageRequest, child: int, month: date) -> HttpResponse:
    """GET, POST funds/<child>/statements/<year-month>/confirm/"""
    edge = _edge(request, child)
    row = get_statement(child, month)
    if not row["prepared"]:
        raise NotFound("This statement is not prepared yet.")
    form = Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            confirm_statement(child_id=child, month=month, now=request.now)
            messages.success(request, _("Your side has confirmed the month."))
            return go(request, "fund-statement", child, month)
    panel = Panel(
        _("Confirm %(month)s?") % {"month": dated(month, "F Y")},
        _("Confirm"),
        reverse("fund-statement", args=[child, month]),
        tone="primary",
        money=_("The closing balance of %(sum)s, as it was prepared on %(day)s. No money moves.")
        % {"sum": money(row["prepared_closing_minor"]), "day": day(row["prepared_at"])},
        people=_("%(other)s sees that you have confirmed it. It cannot be taken back.") % {"other": edge["other_name"]},
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("funds.confirm")
def dispute(request: PageRequest, child: int, pk: int) -> HttpResponse:
    """GET, POST funds/<child>/movements/<id>/dispute/"""
    edge = _edge(request, child)
    moved = get_movement(child, pk)
    form = WordsForm(sent(request))
    back = [child, moved["moved_on"].replace(day=1)]
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            dispute_movement(child_id=child, movement_id=pk, what=form.cleaned_data["what"], now=request.now)
            messages.success(request, _("%(other)s sees it beside the line.") % {"other": edge["other_name"]})
            return go(request, "fund-statement", *back)
    panel = Panel(
        _("Dispute a line of %(day)s?") % {"day": day(moved["moved_on"])},
        _("Dispute"),
        reverse("fund-statement", args=back),
        tone="warning",
        money=_("%(what)s of %(sum)s stays as it is; what is wrong is put right by a further movement.") % _line(moved),
        people=_("Nobody confirms the month before %(other)s has answered.") % {"other": edge["other_name"]},
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("funds.confirm")
def settle(request: PageRequest, child: int, pk: int) -> HttpResponse:
    """GET, POST funds/<child>/disputes/<id>/settle/"""
    edge = _edge(request, child)
    said = get_dispute(child, pk)
    form = WordsForm(sent(request))
    back = [child, said["moved_on"].replace(day=1)]
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            settle_dispute(child_id=child, dispute_id=pk, how=form.cleaned_data["what"], now=request.now)
            messages.success(request, _("The dispute is settled."))
            return go(request, "fund-statement", *back)
    panel = Panel(
        _("Answer and settle “%(what)s”?") % {"what": said["what"]},
        _("Settle"),
        reverse("fund-statement", args=back),
        tone="primary",
        money=_("%(what)s of %(sum)s stays as it is; what is wrong is put right by a further movement.") % _line(said),
        people=_("%(other)s reads your answer; the month can be confirmed then.") % {"other": edge["other_name"]},
    )
    return show(request, "confirm", {"panel": panel}, form=form)


def _edge(request: PageRequest, child: int) -> dict[str, Any]:
    """Both ends by name as the reader sees them; raises NotFound where the reader is none of them."""
    fund = get_fund(child)
    mine = child == request.scope.operator_id
    other = get_operator(fund["parent_id"] if mine else child)["name"]
    back = reverse("funds") if mine else reverse("reseller", args=[child])
    return {"fund": fund, "mine": mine, "child": child, "child_name": fund["name"], "other_name": other, "back": back}


def _file_name(edge: dict[str, Any], month: date, what: str) -> str:
    name = f"fund-{edge['child_name']}-{month:%Y-%m}{what}"
    return name.replace(" ", "-").lower().encode("ascii", "ignore").decode()


def _line(moved: dict[str, Any]) -> dict[str, str]:
    return {"what": str(named(moved["kind"], "movement")), "sum": money(moved["fund_minor"] or moved["owed_minor"])}


def _state(row: dict[str, Any], today: date) -> str:
    """A month's state, as a word of STATES."""
    if _next(row["month_on"]) > today:
        return "running"
    if row["disputes"]:
        return "disputed"
    if not row["prepared"]:
        return "not_prepared"
    if row["differs"]:
        return "differs"
    return "signed" if row["parent_confirmed_at"] and row["child_confirmed_at"] else "to_confirm"


def _signed(request: PageRequest, edge: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    """Both sides and when they confirmed; a person is named to its own colleagues only."""
    ours, theirs = ("child", "parent") if edge["mine"] else ("parent", "child")
    person = row[f"{ours}_confirmed_by"]
    names = find_staff_names(request.isp.isp_id, request.scope.operator_id, {person} if person else set())
    return [
        {"name": request.scope.name, "at": row[f"{ours}_confirmed_at"], "by": names.get(person, ""), "ours": True},
        {"name": edge["other_name"], "at": row[f"{theirs}_confirmed_at"], "by": "", "ours": False},
    ]


def _movement_table(row: dict[str, Any], child: int, month: date, decimals: int) -> Iterator[list[object]]:
    """Opening, every movement with both balances after it, closing."""
    yield [
        _("Day"),
        _("Number"),
        _("What"),
        _("Note"),
        amounts_head(_("Fund")),
        amounts_head(_("Balance")),
        amounts_head(_("Owed")),
        amounts_head(_("Owed after it")),
        _("Late"),
    ]
    yield [month, "", _("Opening"), "", "", _figure(row["opening_minor"], decimals), "", "", ""]
    for line in list_lines(child, month):
        amounts = [_figure(line[f"{key}_minor"], decimals) for key in ("fund", "balance", "owed", "owed_after")]
        late = _("after the statement") if line["is_late"] else ""
        yield [line["moved_on"], line["id"], str(named(line["kind"], "movement")), line["note"], *amounts, late]
    yield [_next(month), "", _("Closing"), "", "", _figure(row["closing_minor"], decimals), "", "", ""]


def _customer_table(row: dict[str, Any], child: int, month: date, decimals: int) -> Iterator[list[object]]:
    """Own customers by name, those below as one sum."""
    sums_heads = map(amounts_head, (_("Charged"), _("Given back"), _("Sum")))
    yield [_("Customer id"), _("Name"), _("Services"), _("Periods"), *sums_heads]
    sums = sum_charges(child, month)
    people = list_own_customers(child, month)
    rows = people or [{**sums["own"], "code": "", "name": _("Its own customers")}]
    for line in [*rows, {**sums["below"], "code": "", "name": _("Customers of operators below")}]:
        amounts = [_figure(line[f"{key}_minor"], decimals) for key in ("charged", "refunded", "sum")]
        yield [line["code"], line["name"], line["services"], line["periods"], *amounts]


def _figure(minor: int, decimals: int) -> str:
    """As a spreadsheet reads it: nothing between the thousands."""
    return format_minor(minor, decimals=decimals).replace(",", "")


def _next(month: date) -> date:
    return date(month.year + month.month // 12, month.month % 12 + 1, 1)
