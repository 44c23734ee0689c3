"""What to do first, on the dashboard of an owner: a list that ticks itself off and can be put away."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from backhaul.common.errors import NotAllowed
from backhaul.operators.rules import OWNER
from backhaul.resellers.first_steps import dismiss_first_steps, find_first_steps
from backhaul.web.console.pages import PageRequest, go, page

FIRST_STEPS_OVER = "first_steps_over"  # in the session
STEPS = {
    "plan": ("add-plan", _("Add a plan"), _("A speed that you sell; it has no price yet.")),
    "package": ("add-package", _("Add a package"), _("A plan with a name and a price for customers.")),
    "reseller": ("onboard", _("Take a reseller on"), _("Who sells for you, with a fund and prices of its own.")),
    "router": ("add-router", _("Add a router"), _("Then customers log in over it.")),
    "customer": (
        "add-customer",
        _("Add a customer"),
        _("The first bill is made at once. Many come from a file: backhaul import-customers."),
    ),
    "staff": ("add-staff", _("Give somebody access"), _("Each person signs in under an own name.")),
}


def first_steps(today: date) -> list[dict[str, Any]]:
    """The steps as the card shows them."""
    return [
        {"title": STEPS[key][1], "about": STEPS[key][2], "href": reverse(STEPS[key][0]), "done": done}
        for key, done in find_first_steps(today).items()
    ]


@page("dashboard.view")
def dismiss(request: PageRequest) -> HttpResponse:
    """POST first-steps/dismiss/"""
    if request.scope.role != OWNER:
        raise NotAllowed("Only an owner puts this list away.")
    if request.method == "POST":
        dismiss_first_steps(at=request.now)
    return go(request, "dashboard")
