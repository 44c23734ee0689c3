"""Money into a child's fund: typed, looked at with both balances, then moved."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from backhaul.funds.queries import get_own_fund
from backhaul.resellers.queries import get_reseller
from backhaul.resellers.services import recharge_child_fund
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show
from backhaul.web.console.reseller_forms import RechargeForm


@page("funds.recharge")
def recharge(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/recharge/: the first POST shows what will happen, the one with `confirmed` does it."""
    row = get_reseller(pk)
    form = RechargeForm(sent(request))
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        arguments = form.arguments() | {"child_id": pk, "on": request.today, "now": request.now}
        with refusals_to(form):
            if "confirmed" in request.POST:
                recharge_child_fund(**arguments)
                repaid = arguments["kind"] == "recharge_repaid"  # lowers the debt; the fund stays as it is
                done = _("Done.") if repaid else _("Done. Renewals that waited for this fund are tried again now.")
                messages.success(request, done)
                return go(request, "reseller", pk)
            preview = _preview(row, arguments)
    return show(request, "recharge", {"reseller": row, "preview": preview}, form=form)


def _preview(row: dict[str, Any], arguments: dict[str, Any]) -> dict[str, Any]:
    """Both balances before and after, out of the real thing done and undone."""
    own_before = get_own_fund()
    with rehearsal():
        recharge_child_fund(**arguments)
        after, own_after = get_reseller(row["id"]), get_own_fund()
    return {**arguments, "before": row, "after": after, "own_before": own_before, "own_after": own_after}
