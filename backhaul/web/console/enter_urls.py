"""The addresses of working inside an operator below, and of the audit log."""

from __future__ import annotations

from backhaul.web.console import audit, enter
from backhaul.web.console.addresses import at

urlpatterns = [
    at("enter/", enter.below, "below"),
    at("enter/list/", enter.entered, "entered"),
    at("enter/<id:pk>/", enter.enter, "enter-operator"),
    at("inside/step-up/", enter.step_up, "step-up"),
    at("inside/leave/", enter.leave, "leave-operator"),
    at("settings/who-came-in/", enter.came_in, "came-in"),
    at("audit/", audit.audit, "audit"),
    at("audit/csv/", audit.audit_csv, "audit-csv"),
    at("audit/<id:pk>/", audit.audit_entry, "audit-entry"),
]
