"""Money in and out of a child's fund: typed, looked at with what is before and after, then moved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.forms import Form
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.funds.queries import get_own_fund
from backhaul.funds.services import deduct_from_fund, pay_back_fund
from backhaul.resellers.queries import get_reseller, list_resellers
from backhaul.resellers.services import receive_child_payment, recharge_child_fund, transfer_to_child
from backhaul.web.console import given
from backhaul.web.console.fund_forms import DeductForm, PayBackForm, RechargeForm, TransferForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show
from backhaul.web.words import named


@page("funds.recharge")
def recharge(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/recharge/?amount=: money received, credit or a bonus."""
    row = get_reseller(pk)

    def move(**typed: Any) -> None:
        act: Callable[..., object] = recharge_child_fund if "kind" in typed else receive_child_payment
        act(child_id=pk, now=request.now, on=request.today, **typed)

    title = _("Recharge %(name)s") % row
    asked = {"amount": given.number(request, "amount")}  # what the child has asked for, or runs short of
    form = RechargeForm(sent(request), owes=row["owed_minor"] > 0, initial=asked)
    return _moved(request, row, form, move, title=title)


@page("funds.reverse")
def deduct(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/deduct/: a penalty."""
    row = get_reseller(pk)

    def move(**given: Any) -> None:
        deduct_from_fund(child_id=pk, on=request.today, **given)

    title = _("Deduct from the fund of %(name)s") % row
    return _moved(request, row, DeductForm(sent(request)), move, title=title)


@page("funds.recharge")
def transfer(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/transfer/: into the fund of another reseller of one's own."""
    row = get_reseller(pk)
    others = [other for other in list_resellers() if other["id"] != pk]

    def move(**given: Any) -> None:
        transfer_to_child(child_id=pk, on=request.today, now=request.now, **given)

    form = TransferForm(sent(request), others=others)
    return _moved(request, row, form, move, title=_("Transfer from the fund of %(name)s") % row)


@page("funds.reverse")
def pay_back(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/pay-back/: what is left when a reseller closes."""
    row = get_reseller(pk)

    def move(**given: Any) -> None:
        pay_back_fund(child_id=pk, on=request.today, **given)

    title = _("Pay back the fund of %(name)s") % row
    return _moved(request, row, PayBackForm(sent(request)), move, title=title)


def _moved(
    request: PageRequest, row: dict[str, Any], form: Any, move: Callable[..., None], *, title: str
) -> HttpResponse:
    """The first POST shows what will happen, the one with `confirmed` does it, `change` goes back to the form."""
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        arguments = form.arguments()
        with refusals_to(form):
            if "confirmed" in request.POST:
                move(**arguments)
                messages.success(request, _("Done. What waits for funds is tried again now."))
                return go(request, "reseller", row["id"])
            preview = _preview(row, arguments, move) | {"what": _what(form)}
    context = {
        "reseller": row,
        "title": title,
        "preview": preview,
        "back": reverse("reseller", args=[row["id"]]),
        "figures": _figures(form),
        "nobody": "to" in form.fields and not form.fields["to"].choices,
    }
    return show(request, "fund_move", context, form=form)


def _what(form: Form) -> str:
    """What kind of money comes in, for the title of the preview; the page names every other act."""
    return str(named(form.cleaned_data["kind"], "given")) if "kind" in form.fields else ""


def _figures(form: Form) -> list[str]:
    return [name for name in ("amount", "to_debt") if name in form.fields]


def _preview(row: dict[str, Any], arguments: dict[str, Any], move: Callable[..., None]) -> dict[str, Any]:
    """Every figure that changes, before and after, out of the real thing done and undone."""
    ids = [row["id"], *([arguments["to_child_id"]] if "to_child_id" in arguments else [])]
    before, own_before = [get_reseller(child) for child in ids], get_own_fund()
    with rehearsal():
        move(**arguments)
        after, own_after = [get_reseller(child) for child in ids], get_own_fund()
    lines = []
    for old, new in zip(before, after, strict=True):
        lines.append((_("Fund of %(name)s") % old, old["posted_minor"], new["posted_minor"]))
        lines.append((_("Available to %(name)s") % old, old["available_minor"], new["available_minor"]))
        if old["owed_minor"] != new["owed_minor"]:
            lines.append((_("%(name)s owes you") % old, old["owed_minor"], new["owed_minor"]))
    if own_before and own_after:
        own = (own_before["available_minor"], own_after["available_minor"])
        lines.append((_("Your own fund with your provider stays as it is"), *own))
    return {
        "amount_minor": arguments["amount_minor"],
        "lines": [{"label": label, "before": old, "after": new} for label, old, new in lines],
        "paid": arguments.get("paid"),
        "comes_in": "kind" not in arguments and "to_debt_minor" in arguments,
        "lifted": _lifted(before, after),
    }


def _lifted(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[str]:
    """What the movement changes for customers, in words."""
    told = []
    for old, new in zip(before, after, strict=True):
        if old["guard_step"] != new["guard_step"]:
            told.append(
                _("%(name)s: “%(step)s” is lifted.") % {"name": old["name"], "step": named(old["guard_step"], "guard")}
            )
        if old["new_blocked_why"] and not new["new_blocked_why"]:
            told.append(_("%(name)s may take on new customers again.") % old)
        if new["low"] and not old["low"]:
            told.append(_("%(name)s is then below its low balance: no new customers.") % old)
    return told
