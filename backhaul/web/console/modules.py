"""What a direct child may do: ticks of the permission tree, with who loses what before it is done."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.operators.people import set_child_modules
from backhaul.operators.people_queries import list_child_grants, list_grants
from backhaul.operators.rules import TREE, grantable
from backhaul.resellers.queries import get_reseller
from backhaul.web.console.pages import PageRequest, page, sent
from backhaul.web.console.staff_forms import TreeForm
from backhaul.web.console.two_steps import Act, Preview, two_steps
from backhaul.web.templatetags.console import count


@page("resellers.edit")
def modules(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/modules/"""
    row = get_reseller(pk)
    held = list_child_grants(pk)
    act = Act(
        _("What %(name)s may do") % {"name": row["name"]},
        _("Set modules"),
        reverse("reseller", args=[pk]),
        _("The modules are set."),
        note=_("Its roles and people hold no more than this; what you take is taken from everybody below it, too."),
    )
    form = TreeForm(
        sent(request), offered=grantable(list_grants()) | held.keys(), mine=request.scope.permissions, ticked=held
    )

    def do(_values: dict[str, Any]) -> None:
        set_child_modules(child_id=pk, permissions=form.wanted(), at=request.now)

    def look(_values: dict[str, Any]) -> Preview:
        do(_values)  # what would be refused is refused here
        wanted = form.wanted()
        taken = {name: held[name] for name in held if name not in wanted}
        preview = Preview(figures=[_lost(name, below) for name, below in taken.items()])
        preview.figures += [(TREE[name].label, _("granted")) for name in TREE if name in wanted and name not in held]
        if not preview.figures:
            preview.people = _("Nothing changes.")
        elif any(below["people"] for below in taken.values()):
            preview.warning = _("Who loses an action finds its pages closed from the next click on.")
        return preview

    return two_steps(request, act, form, do=do, look=look, template="modules")


def _lost(name: str, below: dict[str, int]) -> tuple[Any, str]:
    people = ngettext("taken from %(n)s person", "taken from %(n)s people", below["people"])
    people %= {"n": count(below["people"])}
    if below["operators"]:
        operators = ngettext("and %(n)s operator below", "and %(n)s operators below", below["operators"])
        people = f"{people} {operators % {'n': count(below['operators'])}}"
    return TREE[name].label, people
