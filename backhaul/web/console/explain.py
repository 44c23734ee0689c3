"""Explain this amount: every amount opens to the sentences and sums that it comes from, on the screen and on paper."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.billing.explain import explain_bill, explain_credit_note
from backhaul.billing.explain_edges import explain_charge
from backhaul.billing.explain_movements import explain_movement
from backhaul.billing.explain_rules import Explanation
from backhaul.payments.explain import explain_payment, explain_statement
from backhaul.web.console import given
from backhaul.web.console.downloads import pdf_file
from backhaul.web.console.pages import PageRequest, page, show, unit_of
from backhaul.web.explained import told
from backhaul.web.paper.explained import explanation_document

Build = Callable[[frozenset[str]], Explanation]


@page("bills.view", in_unit=False)
def bill(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/<id>/explain/?as=pdf"""
    back = (reverse("bill", args=[pk]), _("Bill"))

    def build(may: frozenset[str]) -> Explanation:
        return explain_bill(pk, books="books.view" in may, edges="funds.view" in may)

    return _serve(request, build, back, f"bill-{pk}")


@page("bills.view", in_unit=False)
def credit_note(request: PageRequest, pk: int) -> HttpResponse:
    """GET credit-notes/<id>/explain/?as=pdf"""
    back = (reverse("bills"), _("Bills"))
    return _serve(request, lambda may: explain_credit_note(pk, books="books.view" in may), back, f"credit-note-{pk}")


@page("payments.view", in_unit=False)
def payment(request: PageRequest, pk: int) -> HttpResponse:
    """GET payments/<id>/explain/?as=pdf"""
    back = (reverse("payment", args=[pk]), _("Receipt"))
    return _serve(request, lambda may: explain_payment(pk, books="books.view" in may), back, f"receipt-{pk}")


@page("funds.view", in_unit=False)
def movement(request: PageRequest, child: int, pk: int) -> HttpResponse:
    """GET funds/<child>/movements/<id>/explain/?as=pdf"""
    back = (reverse("movement", args=[child, pk]), _("Movement"))
    return _serve(request, lambda may: explain_movement(child, pk, books="books.view" in may), back, f"movement-{pk}")


@page("funds.view", in_unit=False)
def charge(request: PageRequest, child: int, owner: int, invoice: int) -> HttpResponse:
    """GET funds/<child>/charges/<owner>/<invoice>/explain/?as=pdf"""
    mine = child == request.scope.operator_id
    back = (reverse("funds"), _("Funds")) if mine else (reverse("reseller", args=[child]), _("Reseller"))
    return _serve(request, lambda _may: explain_charge(child, owner, invoice), back, f"charge-{invoice}")


@page("bills.view", in_unit=False)
def statement(request: PageRequest, pk: int, month: date) -> HttpResponse:
    """GET customers/<id>/statement/<year-month>/explain/?as=pdf"""
    back = (reverse("customer", args=[pk]), _("Customer"))
    return _serve(request, lambda _may: explain_statement(pk, month), back, f"statement-{pk}-{month:%Y-%m}")


def _serve(request: PageRequest, build: Build, back: tuple[str, str], name: str) -> HttpResponse:
    """The explanation as its page, or as a PDF; built with what the reader's role may see."""
    with unit_of(request) as scope:
        told_so = told(build(scope.permissions))
        if given.one_of(request, "as", ("pdf",)) is None:
            return show(request, "explain", {"told": told_so, "back_href": back[0], "back_label": back[1]})
        document = explanation_document(told_so, on=request.today)
    return pdf_file(request, f"explain-{name}.pdf", document, back=request.path)
