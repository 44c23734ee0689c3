"""The addresses of wholesale prices, and of what the catalogue was."""

from __future__ import annotations

from backhaul.web.console import prices, profiles, resellers, tariffs
from backhaul.web.console.addresses import at

PRICE = "resellers/<id:pk>/prices/<id:plan_operator>/<id:plan>/"
urlpatterns = [
    at("vat/versions/", prices.vat_versions, "vat-versions"),
    at("profiles/<id:pk>/versions/", profiles.versions, "profile-versions"),
    at("tariffs/", tariffs.tariffs, "tariffs"),
    at("tariffs/change/", tariffs.change, "change-tariffs"),
    at(PRICE, resellers.set_price, "set-price"),
    at(PRICE + "versions/", tariffs.versions, "tariff-versions"),
    at(PRICE + "withdraw/", tariffs.withdraw, "withdraw-price"),
]
