"""The addresses of the list of customers, and of what is done from it: views, columns, acts on many, files."""

from __future__ import annotations

from backhaul.web.console import bulk, customer_files, customer_list, customer_views
from backhaul.web.console.addresses import at

urlpatterns = [
    at("customers/", customer_list.customers, "customers"),
    at("customers/count/", customer_list.count, "count-customers"),
    at("customers/columns/", customer_views.columns, "customer-columns"),
    at("customers/views/save/", customer_views.save, "save-view"),
    at("customers/views/<id:pk>/", customer_views.view, "customer-view"),
    at("customers/bulk/", bulk.runs, "bulk-runs"),
    at("customers/bulk/<id:pk>/", bulk.run, "bulk-run"),
    at("customers/bulk/<slug:act>/", bulk.act_on_many, "bulk-act"),
    at("customers/file/", customer_files.make, "customer-file"),
    at("customers/files/<id:pk>/", customer_files.export, "customer-export"),
    at("customers/files/<id:pk>/fetch/", customer_files.fetch, "fetch-export"),
]
