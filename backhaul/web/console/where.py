"""Where a request comes from, and which addresses of this server may be written into a mail."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.http import HttpRequest

from backhaul.identity.passkeys import Site
from backhaul.identity.queries import find_host, find_hosts_of

_HERE = ("localhost", "127.0.0.1", "[::1]")


def address_of(request: HttpRequest) -> str:
    """The address that a request came from; behind a proxy, the one that the proxy itself saw."""
    told = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() if settings.BEHIND_PROXY else ""
    try:
        return str(ipaddress.ip_address(told or request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return ""


def host_of(request: HttpRequest) -> str:
    """The host name that was asked for, without its port."""
    host = request.get_host()
    return host if host.endswith("]") else host.rpartition(":")[0] or host


def site_of(request: HttpRequest) -> Site:
    """Where passkeys are made and used."""
    return Site(host=host_of(request), origin=f"{request.scheme}://{request.get_host()}")


def trusted_base(request: HttpRequest, isp_id: int) -> str | None:
    """The beginning of addresses in mails to people of an ISP. A host name that anybody may claim in a request is not
    taken at its word: it must be the ISP's, or one that the server was told of. None where there is no such name."""
    known = find_host(host_of(request))
    told = settings.ALLOWED_HOSTS != ["*"] or (host_of(request) in _HERE and _is_from_here(request))
    if told or (known is not None and known.isp_id == isp_id):
        return f"{request.scheme}://{host_of(request)}{_own_port(request)}"
    own = find_hosts_of(isp_id)
    return f"{request.scheme}://{own[0]}" if own else None


def address_on_paper(request: HttpRequest, isp_id: int, path: str) -> str:
    """The whole address of a page, to be printed or handed on: as in mails, and where no host name of the server is
    known, the one that the person itself came by."""
    base = trusted_base(request, isp_id)
    return request.build_absolute_uri(path) if base is None else base + path


def _own_port(request: HttpRequest) -> str:
    """The port that was asked for, if this server listens there; any other is a claim, and a proxy's is the usual."""
    port = f":{settings.HOME.web_port}"
    return port if request.get_host() == host_of(request) + port else ""


def _is_from_here(request: HttpRequest) -> bool:
    """Whether somebody at this machine asks: from anywhere else its own names lead to whoever reads the mail."""
    address = address_of(request)
    return bool(address) and ipaddress.ip_address(address).is_loopback


def device_of(agent: str) -> tuple[str, str]:
    """The browser and the system that a user agent names, as far as people care; empty where it is neither."""
    browsers = (("Edg", "Edge"), ("OPR/", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
                ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"))  # fmt: skip
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "Mac"), ("CrOS", "ChromeOS"), ("Linux", "Linux"))  # fmt: skip
    browser = next((name for mark, name in browsers if mark in agent), "")
    system = next((name for mark, name in systems if mark in agent), "")
    return browser, system
