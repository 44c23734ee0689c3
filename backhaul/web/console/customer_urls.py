"""The addresses of customers' pages, their zones and what is kept of them."""

from __future__ import annotations

from backhaul.web.console import (
    customer_documents,
    customer_page,
    customer_settings,
    customer_templates,
    customers,
    timeline,
    zones,
)
from backhaul.web.console.addresses import at

urlpatterns = [
    at("customers/add/", customers.add_customer, "add-customer"),
    at("customers/add/check/", customers.check_customer, "check-customer"),
    at("customers/templates/", customer_templates.templates, "customer-templates"),
    at("customers/templates/add/", customer_templates.add, "add-template"),
    at("customers/templates/<id:pk>/", customer_templates.edit, "template"),
    at("customers/templates/<id:pk>/archive/", customer_templates.archive, "archive-template"),
    at("customers/<id:pk>/", customer_page.customer, "customer"),
    at("customers/<id:pk>/statement/", customer_page.statement, "customer-statement"),
    at("customers/<id:pk>/bills/", customer_page.bills, "customer-bills"),
    at("customers/<id:pk>/payments/", customer_page.payments, "customer-payments"),
    at("customers/<id:pk>/usage/", customer_page.usage, "customer-usage"),
    at("customers/<id:pk>/sessions/", customer_page.sessions, "customer-sessions"),
    at("customers/<id:pk>/documents/", customer_documents.documents, "customer-documents"),
    at("customers/<id:pk>/documents/add/", customer_documents.add, "add-document"),
    at("customers/<id:pk>/documents/<id:document>/", customer_documents.document, "document"),
    at("customers/<id:pk>/documents/<id:document>/withdraw/", customer_documents.withdraw, "withdraw-document"),
    at("customers/<id:pk>/timeline/", timeline.timeline, "customer-timeline"),
    at("customers/<id:pk>/edit/", customers.edit_customer, "edit-customer"),
    at("zones/", zones.zones, "zones"),
    at("zones/add/", zones.add, "add-zone"),
    at("zones/<id:pk>/", zones.zone, "zone"),
    at("zones/<id:pk>/edit/", zones.edit, "edit-zone"),
    at("zones/<id:pk>/move/", zones.move, "move-zone"),
    at("zones/<id:pk>/merge/", zones.merge, "merge-zone"),
    at("zones/<id:pk>/remove/", zones.remove, "remove-zone"),
    at("settings/fields/", customer_settings.fields, "custom-fields"),
    at("settings/fields/add/", customer_settings.add, "add-field"),
    at("settings/fields/<id:pk>/", customer_settings.edit, "field"),
    at("settings/fields/<id:pk>/archive/", customer_settings.archive, "archive-field"),
    at("settings/customer-ids/", customer_settings.numbering, "customer-ids"),
]
