"""The page on which anybody who holds a receipt sees whether it is real."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from backhaul.common.errors import NotFound
from backhaul.operators.queries import get_operator, locate_operator
from backhaul.operators.scope import unit_of_work
from backhaul.payments.receipt_codes import check_receipt, get_receipt_code
from backhaul.web.console import given
from backhaul.web.console.access import PUBLIC
from backhaul.web.console.frame import brand_of_scope
from backhaul.web.console.pages import PageRequest
from backhaul.web.currency import amounts_with


def code_of(request: PageRequest, payment: dict[str, Any]) -> dict[str, str]:
    """The code of a receipt, and the address that checks it."""
    code = get_receipt_code(payment)
    operator = get_operator(request.scope.operator_id)
    page = reverse("check-receipt", args=[request.isp.slug, operator["slug"]])
    return {"code": code, "href": f"{page}?{urlencode({'number': payment['number'], 'code': code})}"}


@never_cache
def check(request: HttpRequest, isp: str, operator: str) -> HttpResponse:
    """GET receipts/<isp>/<operator>/?number=&code=: for everybody; a wrong number and a wrong code look alike."""
    try:
        directory, operator_id = locate_operator(f"{isp}/{operator}")
    except NotFound as refusal:
        raise Http404 from refusal
    number, code = given.number(request, "number"), given.text(request, "code")
    receipt = None
    with unit_of_work(directory, operator_id) as scope, amounts_with(scope.currency_decimals):
        request.brand = brand_of_scope()  # type: ignore[attr-defined]
        if number is not None and code:
            try:
                receipt = check_receipt(number, code)
            except NotFound:
                receipt = None
        context = {"receipt": receipt, "asked": bool(code), "number": number, "code": code, "currency": scope.currency}
        return render(request, "console/check_receipt.html", context)


check.permission = PUBLIC  # type: ignore[attr-defined]
