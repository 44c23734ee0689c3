"""FreeRADIUS as a child process: a private configuration, rendered anew at every start, and the command to run it."""

from __future__ import annotations

import ipaddress
import os
import pwd
import re
import shutil
from pathlib import Path
from typing import TypedDict

TEMPLATES = Path(__file__).parent / "templates"
UNPRIVILEGED_USERS = ("freerad", "radiusd", "nobody")
PROGRAMS = ("freeradius", "radiusd")
STATEMENT_MILLISECONDS = 1500


class Database(TypedDict):
    """Where FreeRADIUS finds the database, as the radius role."""

    host: str
    port: int
    dbname: str
    user: str
    password: str


def is_available() -> bool:
    """Whether FreeRADIUS is installed on this machine."""
    return _program() is not None


def render_configuration(
    home: Path,
    *,
    database: Database,
    auth_port: int,
    listen: str = "127.0.0.1",
    client_seconds: int = 30,
    reject_seconds: int = 1,
) -> Path:
    """Write the configuration into `home`/radius and return that folder; accounting listens at `auth_port` + 1.

    Only the server's user can read it. What waits in its `detail` folder (accounting taken in while the database was
    away) is kept. `client_seconds`: how long a router's secret is believed before it is looked up again;
    `reject_seconds`: how long a refusal is held back, which slows guessing.
    """
    folder = home.absolute() / "radius"
    (folder / "detail").mkdir(parents=True, exist_ok=True)
    values = {
        **listening_values(auth_port=auth_port, listen=listen),
        "client_seconds": str(client_seconds),
        "reject_seconds": str(reject_seconds),
    }
    write_configuration(folder, sorted(TEMPLATES.glob("*.conf")), values, database)
    return folder


def listening_values(*, auth_port: int, listen: str) -> dict[str, str]:
    """What templates call `address`, `auth_port` and `acct_port`."""
    address = ipaddress.ip_address(listen)
    return {
        "address": f"ipv{address.version}addr = {address}",
        "auth_port": str(auth_port),
        "acct_port": str(auth_port + 1),
    }


def write_configuration(folder: Path, templates: list[Path], values: dict[str, str], database: Database) -> None:
    """Fill templates (each @name@ from `values`) into a folder that only the server's user can read."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    filling = {**values, "conninfo": _conninfo(database)}
    for template in templates:
        _write_private(folder / template.name, _fill(template.read_text(encoding="utf-8"), filling))
    fields = (str(database[key]) for key in ("host", "port", "dbname", "user", "password"))
    _write_private(folder / "pgpass", ":".join(re.sub(r"([\\:])", r"\\\1", field) for field in fields) + "\n")
    _hand_over(folder)


def command(config_dir: Path) -> list[str]:
    """The command that runs the server in the foreground, logging to stdout; ends on SIGTERM.

    It starts inside the folder and only then gives up root: the folder may lie where the server's user cannot walk to.
    """
    program = _program()
    assert program is not None, "FreeRADIUS is not installed"
    user = _user()
    drop: list[str] = []
    if user is not None:
        drop = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups", "--pdeathsig=TERM"]
    run = [program, "-f", "-l", "stdout", "-d", "."]
    return ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(config_dir), *drop, *run]


def _program() -> str | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
    return next((found for name in PROGRAMS if (found := shutil.which(name, path=path))), None)


def _user() -> pwd.struct_passwd | None:
    """Whom root runs the server as; None when not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in UNPRIVILEGED_USERS if name in known)


def _conninfo(database: Database) -> str:
    for key in ("host", "dbname", "user"):
        if not re.fullmatch(r"[A-Za-z0-9._:/-]+", str(database[key])):
            raise ValueError(f"the database's {key} cannot be used in a FreeRADIUS configuration")
    return (
        f"host={database['host']} port={database['port']} dbname={database['dbname']} user={database['user']} "
        f"passfile=pgpass connect_timeout=2 application_name=backhaul-radius "
        f"options='-c statement_timeout={STATEMENT_MILLISECONDS}'"
    )


def _fill(template: str, values: dict[str, str]) -> str:
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], template)


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as handle:
        handle.write(text)


def _hand_over(folder: Path) -> None:
    """Give the folder to the user that the server will run as."""
    user = _user()
    if user is not None:
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.pw_uid, user.pw_gid)
