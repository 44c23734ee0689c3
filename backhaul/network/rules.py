"""Pure rules of the network: what a username, MAC address, password and address may be."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from backhaul.common.errors import InvalidInput

_PRINTABLE = re.compile(r"[^\x00-\x1f\x7f]{1,128}")


def clean_username(text: str) -> str:
    """The login name without outer blanks; refuses control characters and more than 128 characters."""
    name = text.strip()
    if not _PRINTABLE.fullmatch(name):
        raise InvalidInput("Give a user name of 1 to 128 characters.", field="username")
    return name


def clean_password(text: str) -> str:
    """A password as it is; refuses an empty one, control characters and more than 128 characters."""
    if not _PRINTABLE.fullmatch(text):
        raise InvalidInput("Give a password of 1 to 128 characters.", field="password")
    return text


def clean_mac(text: str | None) -> str | None:
    """Twelve small hexadecimal digits of a MAC address written in any usual way; None for nothing."""
    digits = re.sub(r"[\s:.-]", "", text or "").lower()
    if not digits:
        return None
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise InvalidInput("“%(text)s” is not a MAC address; write it like AA:BB:CC:DD:EE:FF.", text=text, field="mac")
    return digits


def clean_address(text: str | None, *, field: str) -> str | None:
    """One IP address; None for nothing."""
    plain = (text or "").strip()
    if not plain:
        return None
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        raise InvalidInput("“%(text)s” is not an IP address.", text=text, field=field) from None
    if isinstance(address, ipaddress.IPv6Address) and address.scope_id:
        raise InvalidInput(
            "“%(text)s” holds on one link only; give an address that is known everywhere.", text=text, field=field
        )
    return str(address)


def clean_network(text: str | None) -> str | None:
    """A network like 100.64.0.0/22; None for nothing."""
    plain = (text or "").strip()
    if not plain:
        return None
    try:
        return str(ipaddress.ip_network(plain))
    except ValueError:
        raise InvalidInput(
            "“%(text)s” is not a network; write it like 100.64.0.0/22.", text=text, field="network"
        ) from None


def is_router_name(name: str) -> bool:
    """Whether a name can stand in a RADIUS attribute and in any router's configuration as it is."""
    return re.fullmatch(r"[A-Za-z0-9._-]{1,63}", name) is not None


def is_usable_secret(secret: str) -> bool:
    """Whether routers and FreeRADIUS read a shared secret alike: no quotes, backslash, per cent sign or blanks."""
    return re.fullmatch(r"[A-Za-z0-9!#$&()*+,./:;<=>?@^_~-]{6,128}", secret) is not None


def clean_router(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings of a router by their columns, each as it is kept; refuses the first that cannot be used."""
    return {key: _ROUTER[key](value, key) for key, value in settings.items()}


def _router_name(text: str, field: str) -> str:
    name = text.strip()
    if not (1 <= len(name) <= 60 and name.isprintable()):
        raise InvalidInput("Give the router a name of 1 to 60 letters.", field=field)
    return name


def _source_address(text: str, field: str) -> str:
    address = clean_address(text, field=field)
    if address is None:
        raise InvalidInput("Give the address from which the router's packets come.", field=field)
    if (found := ipaddress.ip_address(address)).is_unspecified or found.is_multicast:
        raise InvalidInput(
            "No packet comes from %(address)s; give the router's own address.", address=address, field=field
        )
    return address


def _secret(secret: str, field: str) -> str:
    if not is_usable_secret(secret):
        raise InvalidInput("Give a secret of 6 to 128 letters, digits and signs, no quotes or blanks.", field=field)
    return secret


def _port(port: int, field: str) -> int:
    if not 1 <= port <= 65535:
        raise InvalidInput("Give a port from 1 to 65535.", field=field)
    return port


def _interim(seconds: int, field: str) -> int:
    if not 60 <= seconds <= 3600:
        raise InvalidInput("Give an interval of 60 to 3600 seconds.", field=field)
    return seconds


_ROUTER: dict[str, Callable[[Any, str], Any]] = {
    "name": _router_name,
    "source_address": _source_address,
    "secret": _secret,
    "change_of_authorization_address": lambda text, field: clean_address(text, field=field),
    "change_of_authorization_port": _port,
    "interim_seconds": _interim,
    "enabled": lambda enabled, _: bool(enabled),
}
