"""Volume slabs of a child's edge (SPEC C8)."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.resellers.queries import get_reseller
from backhaul.resellers.slabs import find_later_slabs, find_slabs, get_progress, set_volume_slabs
from backhaul.web.console.edge_forms import SlabsForm
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show


@page("resellers.edit")
def slabs(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/slabs/"""
    row = get_reseller(pk)
    this = request.today.replace(day=1)
    following = (this + timedelta(days=31)).replace(day=1)
    now = [slab for slab in find_slabs(pk, this) if slab.bonus_bp]
    form = SlabsForm(sent(request), months=[following] if now else [this, following], slabs=find_slabs(pk, following))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            starts_on = form.cleaned_data["starts_on"]
            set_volume_slabs(child_id=pk, slabs=form.slabs(), starts_on=starts_on, today=request.today)
            messages.success(request, _("The slabs are set."))
            return go(request, "slabs", pk)
    context = {
        "reseller": row,
        "month": this,
        "now": now,
        "later": find_later_slabs(pk, this),
        "progress": get_progress(pk, today=request.today),
        "cancel_href": reverse("reseller", args=[pk]),
    }
    return show(request, "slabs", context, form=form)
