"""The addresses of the brand: its page, host names, and what everybody may fetch."""

from __future__ import annotations

from backhaul.web.console import brand_files, brand_hosts, brand_page
from backhaul.web.console.addresses import at

urlpatterns = [
    at("settings/brand/", brand_page.brand, "brand"),
    at("settings/brand/pictures/remove/", brand_page.remove, "remove-pictures"),
    at("settings/brand/hosts/claim/", brand_hosts.claim, "claim-host"),
    at("settings/brand/hosts/<host:host>/", brand_hosts.host, "host"),
    at("settings/brand/hosts/<host:host>/release/", brand_hosts.release, "release-host"),
    at("brand/<id:isp>/<id:operator>/<slug:digest>.png", brand_files.picture, "brand-picture"),
    at(".well-known/backhaul-host/<slug:claim>/", brand_files.proof, "host-proof"),
]
