"""What a newcomer is told about the demo: who can sign in, who can log in, and what to try."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from backhaul.cli.demonstration.cast import (
    KARNAPHULI,
    MEGHNA,
    NAS_SECRET,
    NORTH,
    PADMA,
    PASSWORD,
    RIVAL,
    RIVERSIDE,
    SURMA,
    Role,
)
from backhaul.cli.demonstration.people import RADIUS_PASSWORD
from backhaul.common import clock
from backhaul.common.home import Home

SHOWN: dict[str, tuple[Role, str]] = {
    "padma": (PADMA, "owner of the ISP"),
    "collector": (PADMA, "collector"),
    "accountant": (PADMA, "accountant"),
    "noc": (PADMA, "network operation"),
    "manager": (PADMA, "manager, granted action by action"),
    "north": (NORTH, "owner of a reseller"),
    "riverside": (RIVERSIDE, "owner of North's sub-operator"),
    "rival": (RIVAL, "owner of a reseller"),
    "surma": (SURMA, "owner of a reseller whose fund runs short"),
    "karnaphuli": (KARNAPHULI, "owner of a reseller"),
    "meghna": (MEGHNA, "owner of another ISP"),
}
BACKHAUL = ".venv/bin/backhaul"
RADIUS_LOGINS = {
    "demo-padma": "let in, with speed and pool of the package",
    "demo-north": "let in, North's customer",
    "demo-riverside": "let in, Riverside's customer",
    "demo-walled": "let in to the walled garden: suspended until paid",
}


def as_object(home: Home) -> dict[str, Any]:
    """The leaflet for machines."""
    return {
        "password": PASSWORD,
        "sign_in": [{"name": _address(name), "operator": role.name, "who": who} for name, (role, who) in SHOWN.items()],
        "radius": {
            "port": home.radius_port,
            "secret": NAS_SECRET,
            "password": RADIUS_PASSWORD,
            "usernames": list(RADIUS_LOGINS),
        },
        "commands": _commands(home),
    }


def as_lines(home: Home) -> list[str]:
    """The leaflet for people."""
    lines = ["", f"Sign in on the pages, password {PASSWORD}"]
    lines += [f"  {_address(name):<20}{role.name:<24}{who}" for name, (role, who) in SHOWN.items()]
    lines += ["", f"Log in over RADIUS, password {RADIUS_PASSWORD}"]
    lines += [f"  {name:<20}{answer}" for name, answer in RADIUS_LOGINS.items()]
    lines += ["", "Try"]
    return [*lines, *(f"  {command}" for command in _commands(home))]


def _address(name: str) -> str:
    isp = MEGHNA if SHOWN[name][0] is MEGHNA else PADMA
    return f"{name}@{isp.slug}"


def _commands(home: Home) -> list[str]:
    next_month = (clock.now().date().replace(day=1) + timedelta(days=32)).replace(day=1)
    ask = f"radclient -x 127.0.0.1:{home.radius_port} auth {NAS_SECRET}"
    return [
        f"echo 'User-Name=demo-north,User-Password={RADIUS_PASSWORD}' | {ask}",
        f"echo 'User-Name=demo-walled,CHAP-Password={RADIUS_PASSWORD}' | {ask}",
        f"{BACKHAUL} verify",
        f"{BACKHAUL} bill --isp padma --on {next_month} --dry-run",
        f"{BACKHAUL} export-journal --operator north --format hledger",
    ]
