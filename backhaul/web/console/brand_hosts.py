"""Host names of an operator: claiming one, having it checked, giving it up."""

from __future__ import annotations

import ipaddress
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.identity.host_check import ask_host
from backhaul.identity.hosts import (
    begin_check,
    get_claim,
    get_host_or_claim,
    list_claims,
    list_hosts,
    release_host,
    settle_claim,
    start_claim,
)
from backhaul.identity.queries import find_hosts_of
from backhaul.operators.impersonation import list_below
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, told_to, unit_of
from backhaul.web.console.where import host_of, trusted_base

MOST_BELOW = 10_000
FAILURES = {
    "unknown": gettext_lazy("Nobody knows this name yet. New records take minutes, sometimes hours, to be seen."),
    "private": gettext_lazy("The name leads to an address that is not reached from the internet."),
    "silent": gettext_lazy("The name leads somewhere, but nothing answers there."),
    "other": gettext_lazy("The name leads to another server, or to one that does not pass it on to this one."),
}


class ClaimForm(forms.Form):
    host = forms.CharField(
        label=gettext_lazy("Host name"),
        max_length=260,
        widget=forms.TextInput(attrs={"placeholder": "billing.example.com", "autocomplete": "off", "inputmode": "url"}),
        help_text=gettext_lazy("A name in a domain that is yours. Nothing changes until it was checked."),
    )


def hosts_of(request: PageRequest) -> dict[str, Any]:
    """Host names in use and claims, as the page of the brand lists them; for the ISP those of its whole tree."""
    whose = {"isp_id": request.scope.isp_id, "operator_id": request.scope.operator_id}
    hosts, claims = list_hosts(**whose), list_claims(**whose)
    owners = {host.operator_id for host in hosts} | {claim.operator_id for claim in claims}
    others = owners - {request.scope.operator_id}
    names = {row["id"]: row["name"] for row in list_below(limit=MOST_BELOW)} if others else {}
    return {
        "has_hosts": bool(hosts or claims),
        "hosts": [{"host": each.host, "of": names.get(each.operator_id, "")} for each in hosts],
        "claims": [
            {"host": each.host, "of": names.get(each.operator_id, ""), "failure": FAILURES.get(each.failure, "")}
            for each in claims
        ],
    }


@page("brand.edit")
def claim(request: PageRequest) -> HttpResponse:
    """GET, POST settings/brand/hosts/claim/"""
    form = ClaimForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            scope = request.scope
            made = start_claim(
                form.cleaned_data["host"], isp_id=scope.isp_id, operator_id=scope.operator_id, now=request.now
            )
            return go(request, "host", made.host)
    context = {"title": _("Use a host name of your own"), "submit": _("Go on"), "cancel_href": reverse("brand")}
    return show(request, "settings_form", context, form=form)


@page("brand.edit", in_unit=False)
def host(request: PageRequest, host: str) -> HttpResponse:
    """GET, POST settings/brand/hosts/<host>/: the record to set; sent, the host is asked whether it leads here."""
    form = forms.Form(sent(request))
    me = request.scope.operator_id
    if request.method == "POST" and form.is_valid():
        with told_to(form):
            with unit_of(request):
                asked = begin_check(host, operator_id=me, now=request.now)
            failure = ask_host(asked.host, reverse("host-proof", args=[asked.pk]), asked.token)
            with unit_of(request):
                is_ours = settle_claim(asked, failure, request.now)
            if is_ours:
                messages.success(request, _("%(host)s is yours: your people may sign in there.") % {"host": host})
                return go(request, "brand")
    with unit_of(request):
        found = get_claim(host, operator_id=me)
    context = {"claim": found, "failure": FAILURES.get(found.failure, ""), "record": _record(request)}
    return show(request, "host", context, form=form)


def _record(request: PageRequest) -> dict[str, str]:
    """The DNS record that leads to this server: by a name of it that is known, else by the one in the address bar."""
    known = find_hosts_of(request.scope.isp_id)
    here = host_of(request)
    target = here if trusted_base(request, request.scope.isp_id) and here in known else (known or [here])[0]
    try:
        address = ipaddress.ip_address(target.strip("[]"))
    except ValueError:
        return {"type": "CNAME", "value": target}
    return {"type": "A" if address.version == 4 else "AAAA", "value": str(address)}


@page("brand.edit")
def release(request: PageRequest, host: str) -> HttpResponse:
    """GET, POST settings/brand/hosts/<host>/release/: one's own; the ISP may take one of its tree away."""
    whose = {"isp_id": request.scope.isp_id, "operator_id": request.scope.operator_id}
    get_host_or_claim(host, **whose)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            release_host(host, **whose)
            messages.success(request, _("%(host)s is given up.") % {"host": host})
            return go(request, "brand")
    panel = Panel(
        _("Give up %(host)s?") % {"host": host},
        _("Give it up"),
        reverse("brand"),
        money=_("No money moves."),
        people=_("Nobody signs in there by a bare name any more, and no brand is shown. Others may claim it."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
