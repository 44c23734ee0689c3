"""Volume slabs of a child's edge (SPEC C8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.resellers.queries import get_reseller
from backhaul.resellers.slabs import bonus_by_slabs, find_later_slabs, find_slabs, get_progress, set_volume_slabs
from backhaul.web.console.edge_forms import SlabsForm
from backhaul.web.console.pages import PageRequest, page, sent, show
from backhaul.web.console.two_steps import Act, Preview, two_steps
from backhaul.web.templatetags.console import day, money


@page("resellers.edit")
def slabs(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/slabs/"""
    row = get_reseller(pk)
    this = request.today.replace(day=1)
    following = (this + timedelta(days=31)).replace(day=1)
    now = [slab for slab in find_slabs(pk, this) if slab.bonus_bp]
    form = SlabsForm(sent(request), months=[following] if now else [this, following], slabs=find_slabs(pk, following))
    if request.method == "POST":
        return _set(request, row, form)
    context = {
        "reseller": row,
        "month": this,
        "now": now,
        "later": find_later_slabs(pk, this),
        "progress": get_progress(pk, today=request.today),
        "cancel_href": reverse("reseller", args=[pk]),
    }
    return show(request, "slabs", context, form=form)


def _set(request: PageRequest, row: dict[str, Any], form: SlabsForm) -> HttpResponse:
    """What this month's volume earns by the slabs that are there and by the new ones, before they are promised."""
    act = Act(_("Volume slabs"), _("Set slabs"), reverse("slabs", args=[row["id"]]), _("The slabs are set."))

    def do(given: dict[str, Any]) -> None:
        set_volume_slabs(child_id=row["id"], slabs=form.slabs(), starts_on=given["starts_on"], today=request.today)

    def look(given: dict[str, Any]) -> Preview:
        before = bonus_by_slabs(row["id"], slabs_of=given["starts_on"], today=request.today)
        do(given)
        then = bonus_by_slabs(row["id"], slabs_of=given["starts_on"], today=request.today)
        changes = then["bonus_minor"] - before["bonus_minor"]
        return Preview(
            effects=[(_("A month’s bonus to %(name)s, at this month’s volume") % row, changes)],
            figures=[
                (_("Promised from"), day(given["starts_on"])),
                (_("Services charged this month"), then["services"]),
                (_("Their net charges"), money(then["net_minor"])),
                (_("Bonus now"), money(before["bonus_minor"])),
                (_("Bonus then"), money(then["bonus_minor"])),
            ],
            people=_("It is posted to the fund after each month’s end; nobody’s price changes."),
        )

    return two_steps(request, act, form, do=do, look=look)
