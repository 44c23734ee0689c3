"""The network: routers that ask for logins, sessions that are open, and those that are to end."""

from __future__ import annotations

import ipaddress
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.network.queries import get_nas, list_disconnects, list_nas, list_sessions
from backhaul.network.services import register_nas, update_nas
from backhaul.subscribers.queries import find_customers_of, search_customers
from backhaul.web.console import given
from backhaul.web.console.network_forms import EditRouterForm, RouterForm
from backhaul.web.console.pages import ROWS, PageRequest, go, page, paged, refusals_to, sent, show

FOUND_BY_NAME = 100
SERVER, SECRET = "SERVER", "SECRET"  # stand in the lines for the router where we do not know better


@page("network.view")
def routers(request: PageRequest) -> HttpResponse:
    """GET network/routers/"""
    rows = [
        row | {"href": reverse("router", args=[row["id"]]) if row["own"] else ""} for row in list_nas(now=request.now)
    ]
    return show(request, "routers", {"rows": rows})


@page("network.view")
def router(request: PageRequest, pk: int) -> HttpResponse:
    """GET network/routers/<id>/: its settings, and what to type on it."""
    return _router_page(request, pk)


@page("network.edit")
def add_router(request: PageRequest) -> HttpResponse:
    """GET, POST network/routers/add/: the answer is the router's page, the only time with its secret."""
    form = RouterForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            pk = register_nas(at=request.now, **form.settings())
            messages.success(request, _("%(name)s is added: its first packet is answered.") % form.cleaned_data)
            return _router_page(request, pk, secret=form.cleaned_data["secret"])
    return show(request, "router_form", {}, form=form)


@page("network.edit")
def edit_router(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST network/routers/<id>/edit/: with a new secret, the answer shows it as add_router does."""
    row = get_nas(pk)
    form = EditRouterForm(sent(request), initial=row)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            update_nas(nas_id=pk, at=request.now, **form.settings())
            messages.success(request, _("Saved. It holds within half a minute."))
            secret = form.cleaned_data["secret"]
            return _router_page(request, pk, secret=secret) if secret else go(request, "router", pk)
    return show(request, "router_form", {"router": row}, form=form)


def _router_page(request: PageRequest, pk: int, secret: str = "") -> HttpResponse:
    request.done = request.method == "POST"
    row = get_nas(pk)
    server = _server_address(request)
    port = settings.HOME.radius_port
    return show(
        request,
        "router",
        {
            "router": row,
            "secret": secret,
            "server": server,
            "auth_port": port,
            "lines": _router_os(row, server or SERVER, port, secret or SECRET),
            "only_here": server and ipaddress.ip_address(server).is_loopback,
        },
    )


def _server_address(request: PageRequest) -> str:
    """The address by which this page was opened; "" where that was a name, which routers do not take."""
    host = request.get_host()
    host = host[1 : host.index("]")] if host.startswith("[") else host.split(":")[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def _router_os(row: dict[str, Any], server: str, port: int, secret: str) -> list[str]:
    """What RouterOS is told. A login may take a second or two on a busy night: 3 s, not its own 300 ms."""
    quoted = secret.replace("$", r"\$").replace("?", r"\?")
    return [
        f'/radius add service=ppp,hotspot address={server} secret="{quoted}" authentication-port={port} '
        f"accounting-port={port + 1} timeout=3s",
        f"/ppp aaa set use-radius=yes accounting=yes interim-update={row['interim_seconds']}s",
        f"/radius incoming set accept=yes port={row['change_of_authorization_port']}",
    ]


@page("network.view")
def sessions(request: PageRequest) -> HttpResponse:
    """GET network/sessions/?q=&after=: the open sessions of the operator's own customers."""
    q = given.text(request, "q")
    logins = [row["login_id"] for row in search_customers(q, FOUND_BY_NAME) if row["login_id"]] if q else []
    found = list_sessions(
        now=request.now, search=q, login_ids=logins, after=given.number(request, "after"), limit=ROWS + 1
    )
    return show(request, "sessions", {"page": paged(request, _with_customers(found), "id"), "q": q})


@page("network.view")
def disconnects(request: PageRequest) -> HttpResponse:
    """GET network/disconnects/?show=all&after=: sessions that routers were told to end, until they are seen to."""
    everything = given.one_of(request, "show", ("all",))
    found = list_disconnects(open_only=not everything, after=given.number(request, "after"), limit=ROWS + 1)
    listed = [row | {"state": _state(row)} for row in _with_customers(found)]
    context = {
        "page": paged(request, listed, "id"),
        "show": everything or "",
        "choices": [("all", _("All, with those that ended"))],
    }
    return show(request, "disconnects", context)


def _with_customers(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with the name and page of the customer whose service they are about."""
    customers = find_customers_of([row["subscription_id"] for row in found if row["subscription_id"]])
    return [_of(row, customers.get(row["subscription_id"])) for row in found]


def _of(row: dict[str, Any], customer: dict[str, Any] | None) -> dict[str, Any]:
    if customer is None:
        return row | {"who": row["username"], "href": ""}
    href = reverse("customer", args=[customer["customer_id"]])
    return row | {"who": customer["name"], "href": href}


def _state(row: dict[str, Any]) -> str:
    if row["seen_ended_at"]:
        return "ended"
    if row["done"]:
        return "applied"
    return "agreed" if row["acknowledged_at"] else "asked"
