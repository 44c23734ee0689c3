"""Billing profiles: adding one from a preset, changing one with a look at whom it reaches."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from backhaul.billing.margins import preview_profile
from backhaul.catalog.profiles import get_billing_profile, rules_of
from backhaul.catalog.services import add_billing_profile, update_billing_profile
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, rehearsal, sent, show
from backhaul.web.console.profile_forms import PRESET_NAMES, ProfileForm, preset_of


@page("catalog.edit")
def add_profile(request: PageRequest) -> HttpResponse:
    """GET, POST profiles/add/?preset="""
    preset = request.GET.get("preset", "calendar")
    named = {"name": str(PRESET_NAMES.get(preset, ""))}
    form = ProfileForm(sent(request), rules=preset_of(preset), named=named)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            add_billing_profile(
                name=form.cleaned_data["name"], rules=form.rules(), handed_down=form.cleaned_data["handed_down"]
            )
            messages.success(request, _("The profile is added."))
            return go(request, "packages")
    context = {"title": _("Add billing profile"), "presets": list(PRESET_NAMES.items()), "preset": preset}
    return show(request, "profile_form", context, form=form)


@page("catalog.edit")
def profile(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST profiles/<id>/: the first POST says whom it reaches, the one with `confirmed` saves it."""
    row = get_billing_profile(pk)
    initial = {"name": row["name"], "handed_down": row["handed_down"]}
    form = ProfileForm(sent(request), rules=rules_of(row), named=initial)
    reached: dict[str, int] | None = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        with refusals_to(form):
            if "confirmed" in request.POST:
                _save(request, pk, form)
                messages.success(request, _("Saved."))
                return go(request, "packages")
            with rehearsal():
                _save(request, pk, form)
                reached = _reached(request, pk, form)
    return show(request, "profile_form", {"title": row["name"], "reached": reached}, form=form)


def _save(request: PageRequest, pk: int, form: ProfileForm) -> None:
    given: dict[str, Any] = form.cleaned_data
    update_billing_profile(
        profile_id=pk, name=given["name"], rules=form.rules(), handed_down=given["handed_down"], on=request.today,
        now=request.now,
    )  # fmt: skip


def _reached(request: PageRequest, pk: int, form: ProfileForm) -> dict[str, int]:
    rules = form.rules()
    return preview_profile(pk, auto_suspend=rules.auto_suspend, grace_days=rules.grace_days, on=request.today)
