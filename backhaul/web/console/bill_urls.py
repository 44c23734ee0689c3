"""The addresses of bills on paper, many at a time."""

from __future__ import annotations

from backhaul.web.console import bill_files
from backhaul.web.console.addresses import at

urlpatterns = [
    at("bills/file/", bill_files.make, "bill-file"),
    at("bills/files/<id:pk>/", bill_files.export, "bill-export"),
    at("bills/files/<id:pk>/fetch/", bill_files.fetch, "fetch-bill-export"),
]
