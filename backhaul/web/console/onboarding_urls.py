"""The addresses of founding an ISP and of taking operators on."""

from __future__ import annotations

from backhaul.web.console import first_run, first_steps, onboarding, welcome_sheets
from backhaul.web.console.addresses import at

urlpatterns = [
    at("welcome/", first_run.welcome, "welcome"),
    at("welcome/<slug:key>/", first_run.welcome_step, "welcome-step"),
    at("first-steps/dismiss/", first_steps.dismiss, "dismiss-first-steps"),
    at("resellers/add/", onboarding.onboard, "onboard"),
    at("resellers/add/<id:pk>/review/", onboarding.onboard_review, "onboard-review"),
    at("resellers/add/<id:pk>/discard/", onboarding.onboard_discard, "onboard-discard"),
    at("resellers/add/<id:pk>/<slug:key>/", onboarding.onboard_step, "onboard-step"),
    at("resellers/<id:pk>/welcome/", welcome_sheets.welcome_sheet, "welcome-sheet"),
    at("resellers/<id:pk>/first-password/", welcome_sheets.renew_password, "renew-first-password"),
]
