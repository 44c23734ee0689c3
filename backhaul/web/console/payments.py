"""Collecting cash, receipts, the list of payments, and taking one back."""

from __future__ import annotations

from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, override

from backhaul.billing.queries import find_standings, list_open_bills_of
from backhaul.operators.branding import brand_of
from backhaul.payments.drawer_queries import get_own_warnings
from backhaul.payments.queries import get_payment, list_allocations, list_payments
from backhaul.payments.services import Receipt, receive_payment, reverse_payment
from backhaul.subscribers.custom_fields import list_values
from backhaul.subscribers.queries import get_customer, search_customers
from backhaul.web.console import given
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.downloads import pdf_file, print_choices, print_language
from backhaul.web.console.list_sums import payments_come_to
from backhaul.web.console.pages import ROWS, PageRequest, go, page, paged, refusals_to, sent, show, told_to, unit_of
from backhaul.web.console.people import by_whom
from backhaul.web.console.receipts import code_of
from backhaul.web.console.where import address_on_paper
from backhaul.web.forms import KeyedForm, MoneyField
from backhaul.web.own_fields import filled_in
from backhaul.web.paper.bills import receipt_document
from backhaul.web.paper.document import STRIPS, Paper
from backhaul.web.templatetags.console import money
from backhaul.web.words import WORDS, choices


class CollectForm(KeyedForm):
    amount = MoneyField(label=gettext_lazy("Amount received"))
    method = forms.ChoiceField(
        label=gettext_lazy("Paid by"),
        choices=lambda: choices("method"),
        initial="cash",
        widget=forms.RadioSelect(attrs={"class": "form-selectgroup-input"}),
    )
    reference = forms.CharField(
        label=gettext_lazy("Reference"),
        max_length=100,
        required=False,
        help_text=gettext_lazy("A transaction number or a note; it is printed on the receipt."),
    )


class ReverseForm(forms.Form):
    why = forms.CharField(
        label=gettext_lazy("Reason"), max_length=200, help_text=gettext_lazy("It stays in the books, with your name.")
    )


@page("payments.collect")
def collect(request: PageRequest) -> HttpResponse:
    """GET collect/?q=: find who pays."""
    search = given.text(request, "q")
    found = search_customers(search, limit=20) if search else []
    standings = find_standings([row["customer_id"] for row in found])
    rows = [row | standings.get(row["customer_id"], {}) for row in found]
    return show(request, "collect", {"rows": rows, "filters": {"q": search}})


@page("payments.collect", in_unit=False)
def collect_from(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST collect/<customer id>/: the same form sent twice makes one payment, a unit of work by itself."""
    form = CollectForm(sent(request))
    if request.method == "POST" and form.is_valid():
        filled = form.cleaned_data
        with told_to(form):
            receipt = receive_payment(
                request.isp,
                request.user.home_operator_id,
                user_id=request.user.pk,
                inside=request.inside,
                customer_id=pk,
                amount_minor=filled["amount"],
                method=filled["method"],
                received_on=request.today,
                now=request.now,
                request_key=str(filled["request_key"]),
                reference=filled["reference"],
            )
            _tell(request, receipt)
            return go(request, "payment", receipt.payment_id)
    with unit_of(request):
        customer = get_customer(pk) | find_standings([pk])[pk]
        form.initial["amount"] = customer["due_minor"] or None
        bills = list_open_bills_of(pk, today=request.today)
        drawer = get_own_warnings(request.today)
        if drawer["above_limit"]:
            form.initial["method"] = None  # cash only where it was chosen all the same
        return show(request, "collect_from", {"customer": customer, "bills": bills, "drawer": drawer}, form=form)


def _tell(request: PageRequest, receipt: Receipt) -> None:
    if receipt.service == "back":
        messages.success(request, _("The service is back on."))
    elif receipt.service == "pending":
        messages.warning(
            request, _("The payment is recorded. The service waits for funds and comes back as soon as they suffice.")
        )
    if receipt.above_limit:
        messages.warning(request, _("Your drawer holds more than it may: hand over before you take more cash."))


@page("payments.view")
def payments(request: PageRequest) -> HttpResponse:
    """GET payments/?q=&method=&from=&to=&after="""
    filters: dict[str, Any] = {
        "search": given.text(request, "q"),
        "method": given.one_of(request, "method", WORDS["payment_method"]),
        "from_on": given.day(request, "from"),
        "to_on": given.day(request, "to"),
    }
    found = list_payments(**filters, after=given.number(request, "after"), limit=ROWS + 1)
    rows = by_whom(request, [row | {"href": reverse("payment", args=[row["id"]])} for row in found], "actor_id")
    context = {
        "page": paged(request, rows, "id"),
        "filters": {**filters, "active": any(filters.values())},
        "choices": {"method": choices("payment_method")},
        "sums": payments_come_to(filters, request.today, request.scope.permissions),
    }
    return show(request, "payments", context)


@page("payments.view")
def payment(request: PageRequest, pk: int) -> HttpResponse:
    """GET payments/<id>/: the receipt, printable."""
    facts = _facts_of(request, pk)
    context = {"document": brand_of(), "proof": code_of(request, facts["payment"]), "prints": _prints(pk)}
    return show(request, "receipt", facts | context | {"own": filled_in(facts["own"])})


@page("payments.view", in_unit=False)
def payment_pdf(request: PageRequest, pk: int) -> HttpResponse:
    """GET payments/<id>/pdf/?lang=&paper=a4|58mm|80mm: the receipt for the customer, on a sheet or a thermal strip."""
    paper = cast(Paper, given.one_of(request, "paper", ("a4", *STRIPS)) or "a4")
    with unit_of(request), override(print_language(request)):
        facts = _facts_of(request, pk)
        proof = code_of(request, facts["payment"])
        check_at = address_on_paper(request, request.isp.isp_id, proof["href"])
        document = receipt_document(**facts, code=proof["code"], check_at=check_at, paper=paper)
    return pdf_file(request, f"receipt-{facts['payment']['number']}.pdf", document, back=reverse("payment", args=[pk]))


def _prints(pk: int) -> list[tuple[str, str]]:
    """The receipt as files: a sheet in each language, strips in the person's."""
    path = reverse("payment-pdf", args=[pk])
    strips = [(_("Thermal printer, %s") % "80 mm", "80mm"), (_("Thermal printer, %s") % "58 mm", "58mm")]
    return print_choices(path) + [(label, f"{path}?paper={paper}") for label, paper in strips]


def _facts_of(request: PageRequest, pk: int) -> dict[str, Any]:
    """A payment, what it paid, and how its customer stands now, for the screen and for paper."""
    row = by_whom(request, [get_payment(pk)], "actor_id")[0]
    parts = list_allocations(pk)
    return {
        "payment": row,
        "allocations": parts,
        "surplus_minor": row["amount_minor"] - sum(part["amount_minor"] for part in parts),
        "standing": find_standings([row["customer_id"]])[row["customer_id"]],
        "own": list_values(row["customer_id"], on="on_document"),
    }


@page("payments.reverse")
def reverse_one(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST payments/<id>/reverse/"""
    row = get_payment(pk)
    form = ReverseForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            reversal = reverse_payment(
                payment_id=pk, on=request.today, now=request.now, reason=form.cleaned_data["why"]
            )
            messages.success(request, _("The payment is taken back; what it paid is open again."))
            return go(request, "payment", reversal)
    effects = [
        {"label": _("Bill %(number)s is open again") % part, "minor": part["amount_minor"]}
        for part in list_allocations(pk)
    ]
    panel = Panel(
        _("Take back receipt %(number)s?") % row,
        _("Take back"),
        reverse("payment", args=[pk]),
        money=_leaves(row) % {"sum": money(row["amount_minor"]), "method": WORDS["method"][row["method"]]},
        people=_("%(customer_name)s owes the bills below again.") % row,
        effects=effects,
    )
    return show(request, "confirm", {"panel": panel}, form=form)


def _leaves(row: dict[str, Any]) -> str:
    if row["drawer_user_id"] is None:
        return _("%(sum)s leaves your %(method)s account again. Nothing is erased: a reversing payment is added.")
    return _(
        "%(sum)s leaves the drawer that it came into, or your cash if it was handed over. Nothing is erased: a "
        "reversing payment is added."
    )
