"""Billing profiles: adding one from a preset, changing one with a look at whom it reaches."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.billing.margins import preview_profile
from backhaul.billing.preview import Reach
from backhaul.catalog.profiles import get_billing_profile, rules_of
from backhaul.catalog.services import add_billing_profile, update_billing_profile
from backhaul.operators.audit import Wanted, list_events
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.profile_forms import PRESET_NAMES, ProfileForm, preset_of
from backhaul.web.console.two_steps import Act, Preview, weighed
from backhaul.web.templatetags.console import count


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
    context = {"act": {"title": _("Add billing profile")}, "presets": list(PRESET_NAMES.items()), "preset": preset}
    return show(request, "profile_form", context, form=form)


@page("catalog.edit")
def profile(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST profiles/<id>/: the first POST says whom it reaches and what it changes, the second one saves it."""
    row = get_billing_profile(pk)
    initial = {"name": row["name"], "handed_down": row["handed_down"]}
    form = ProfileForm(sent(request), rules=rules_of(row), named=initial)
    past = reverse("profile-versions", args=[pk])
    act = Act(row["name"], _("Save"), reverse("packages"), _("Saved."), history=past)

    def more(given: dict[str, Any]) -> Preview:
        reached = _reached(request, pk, form)
        preview = Preview(figures=[(_("Customers of yours on this profile"), reached["services"])])
        if given["handed_down"]:
            preview.people = _("Those below who use it follow it too.")
        if reached["cut"]:
            preview.warning = ngettext(
                "%(n)s of them would be suspended at the next cut.",
                "%(n)s of them would be suspended at the next cut.",
                reached["cut"],
            ) % {"n": count(reached["cut"])}
        return preview

    return weighed(
        request, act, form, do=lambda given: _save(request, pk, form), more=more, template="profile_form",
        reach=lambda given: Reach(request.today, profile_id=pk),
    )  # fmt: skip


def _save(request: PageRequest, pk: int, form: ProfileForm) -> None:
    given: dict[str, Any] = form.cleaned_data
    update_billing_profile(
        profile_id=pk, name=given["name"], rules=form.rules(), handed_down=given["handed_down"], on=request.today,
        now=request.now,
    )  # fmt: skip


def _reached(request: PageRequest, pk: int, form: ProfileForm) -> dict[str, int]:
    rules = form.rules()
    return preview_profile(pk, auto_suspend=rules.auto_suspend, grace_days=rules.grace_days, on=request.today)


@page("catalog.edit")
def versions(request: PageRequest, pk: int) -> HttpResponse:
    """GET profiles/<id>/versions/: which rules were changed, when and by whom."""
    row = get_billing_profile(pk)
    found = list_events(Wanted(verb="changed", subject_types=("billing_profile",), subject_id=pk))
    rows = [event | {"rules": _in_words(event["detail"])} for event in by_whom(request, found, "actor_id")]
    return show(request, "profile_versions", {"profile": row, "rows": rows})


def _in_words(detail: dict[str, Any]) -> list[tuple[str, Any]]:
    known = {name: field.label for name, field in ProfileForm.base_fields.items()}
    return [(str(known.get(name) or name.replace("_", " ")), _told(value)) for name, value in detail.items()]


def _told(value: Any) -> Any:
    """A rule's value as a person reads it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return ", ".join(value) if isinstance(value, list) else value
