"""`backhaul up`: embedded PostgreSQL, pages, jobs and RADIUS under one roof, in the foreground."""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import importlib
import importlib.util
import ipaddress
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from types import FrameType

import click

from backhaul.cli.database import (
    admin_url_of,
    bring_up_to_date,
    close_connections,
    embedded_server,
    use_lock,
    without_login,
)
from backhaul.cli.embedded import EmbeddedPostgres, locked
from backhaul.cli.instance import only_instance
from backhaul.cli.main import configure_django
from backhaul.cli.problems import CannotReach
from backhaul.cli.supervisor import Child, Supervisor
from backhaul.common.errors import InvalidInput
from backhaul.common.home import Home

HEALTH_SECONDS = 120
WEB_FAILURES_ALLOWED = 3
CHILD_LOG_LEVEL = os.environ.get("BACKHAUL_LOG_LEVEL", "INFO")  # read before this process quietens its own
CHECK_SECONDS = 0.25
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(BaseException):
    """One of STOP_SIGNALS arrived."""


@click.command()
def up() -> None:
    """Start everything, print the addresses, and run until Ctrl+C or `backhaul down`.

    All that is written goes into BACKHAUL_HOME (default ./var). BACKHAUL_PORT_OFFSET shifts every port.
    An empty embedded database is filled with the demo unless BACKHAUL_DEMO=0.
    """
    home = Home.from_environment()
    supervisor = Supervisor(tell=click.echo)
    began = time.monotonic()
    for sign in STOP_SIGNALS:
        signal.signal(sign, _request_stop)
    try:
        with only_instance(home):
            _refuse_taken_ports(home)
            with _running_database(home) as postgres:
                try:
                    _serve(home, supervisor, postgres, began)
                finally:
                    _ignore_further_signals()
                    click.echo("stopping")
                    supervisor.stop()
    except StopRequested:
        click.echo("stopped")


def _request_stop(number: int, frame: FrameType | None) -> None:
    raise StopRequested


def _ignore_further_signals() -> None:
    for sign in STOP_SIGNALS:
        signal.signal(sign, signal.SIG_IGN)


def _serve(home: Home, supervisor: Supervisor, postgres: EmbeddedPostgres | None, began: float) -> None:
    """Start the children, wait until the pages answer, tell, and watch until a signal ends it."""
    configure_django()
    logins = _fill_demo() if _wants_demo(home) else []
    setup = _setup_address(home)
    close_connections()
    web = _web(home)
    supervisor.add(web)
    supervisor.add(_worker(home))
    radius = _radius(home)
    if radius is not None:
        supervisor.add(radius)
    _await_health(home, supervisor, web)
    _tell(home, [*setup, *logins], with_radius=radius is not None, seconds=time.monotonic() - began)
    while True:
        supervisor.check()
        if postgres is not None and postgres.dead:
            click.echo(f"PostgreSQL ended; starting it again (log: {postgres.log_file})")
            postgres.ensure_started()
        time.sleep(CHECK_SECONDS)


# -- database -----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _running_database(home: Home) -> Iterator[EmbeddedPostgres | None]:
    """The database, up to date; the embedded server is a child of ours, whoever started it before."""
    configure_django()
    if home.external_database_url is not None:
        bring_up_to_date(home, admin_url=admin_url_of(home.external_database_url))
        yield None
        return
    postgres = embedded_server(home)
    with locked(use_lock(home), fcntl.LOCK_SH) as use:
        _take_over(use.fileno())
        try:
            postgres.stop()  # left over from a killed server: not our child, so we could not watch it
            click.echo(f"starting PostgreSQL on port {home.postgres_port}")
            postgres.ensure_started()
            if bring_up_to_date(home, admin_url=postgres.admin_url):
                click.echo("the database is set up for this version")
            fcntl.flock(use, fcntl.LOCK_SH)
            yield postgres
        finally:
            _ignore_further_signals()
            close_connections()
            postgres.stop()


def _take_over(use: int) -> None:
    """Wait until no command uses the embedded server."""
    try:
        fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        click.echo("a backhaul command uses the database; waiting for it to end")
        fcntl.flock(use, fcntl.LOCK_EX)


def _wants_demo(home: Home) -> bool:
    """A server of one's own is filled by `backhaul demo` only; BACKHAUL_DEMO=0 leaves the embedded one empty too."""
    return home.external_database_url is None and os.environ.get("BACKHAUL_DEMO") != "0"


def _fill_demo() -> list[str]:
    """On an empty database fill the demo; the logins to print."""
    if importlib.util.find_spec("backhaul.cli.demo") is None:
        return []
    demo = importlib.import_module("backhaul.cli.demo")
    demo.fill_if_empty()
    lines: list[str] = demo.login_lines()
    return lines


# -- children -----------------------------------------------------------------------------------------------------


def _child(home: Home, name: str, *command: str) -> Child:
    environment = {
        **os.environ,
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",  # a running server writes below its home only
        "BACKHAUL_HOME": str(home.path),
        "BACKHAUL_LOG_LEVEL": CHILD_LOG_LEVEL,
    }
    if home.external_database_url is not None:
        environment["DATABASE_URL"] = without_login(home.external_database_url)
    return Child(name, command, environment, home.path / "log" / f"{name}.log")


def _listen_address() -> str:
    """Where the pages and RADIUS listen; the embedded PostgreSQL stays on 127.0.0.1 in any case."""
    text = os.environ.get("BACKHAUL_LISTEN") or "127.0.0.1"
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise InvalidInput(
            "BACKHAUL_LISTEN must be an address such as 127.0.0.1 or 0.0.0.0, not “%(text)s”", text=text
        ) from None


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _web(home: Home) -> Child:
    gunicorn = (sys.executable, "-m", "gunicorn", "config.wsgi:application", "--worker-class", "gthread")
    size = ("--workers", "2", "--threads", "8", "--graceful-timeout", "15")
    place = ("--bind", f"{_in_url(_listen_address())}:{home.web_port}", "--worker-tmp-dir", str(home.path / "run"))
    return _child(home, "web", *gunicorn, *size, *place, "--no-control-socket")


def _worker(home: Home) -> Child:
    worker = _child(home, "worker", sys.executable, "-m", "backhaul.cli.main", "worker")
    worker.when_orphaned = signal.SIGKILL  # its own way to stop waits for a database that is gone with us
    return worker


def _radius(home: Home) -> Child | None:
    """FreeRADIUS with a freshly rendered configuration; None where it is not installed."""
    from django.conf import settings

    from backhaul.network.radius import server as radius

    if not radius.is_available():
        click.echo("FreeRADIUS is not installed: running without RADIUS logins")
        return None
    address = settings.DATABASES["default"]
    folder = radius.render_configuration(
        home.path,
        database={
            "host": str(address["HOST"]),
            "port": int(str(address["PORT"])),
            "dbname": str(address["NAME"]),
            "user": "backhaul_radius",
            "password": home.secret("role_radius"),
        },
        auth_port=home.radius_port,
        listen=_listen_address(),
    )
    return _child(home, "radius", *radius.command(folder))


def _refuse_taken_ports(home: Home) -> None:
    """Say which port is taken before anything starts."""
    wanted = [
        ("pages", socket.SOCK_STREAM, home.web_port),
        ("RADIUS", socket.SOCK_DGRAM, home.radius_port),
        ("RADIUS accounting", socket.SOCK_DGRAM, home.radius_port + 1),
    ]
    family = socket.AF_INET6 if ":" in _listen_address() else socket.AF_INET
    for purpose, kind, port in wanted:
        with socket.socket(family, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((_listen_address(), port))
            except OSError as error:
                raise CannotReach(
                    f"port {port} for {purpose} at {_listen_address()} cannot be used ({error.strerror}); "
                    "choose others with BACKHAUL_PORT_OFFSET or stop the program that has it"
                ) from None


# -- ready --------------------------------------------------------------------------------------------------------


def _reachable_host() -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(_listen_address(), _listen_address())


def _await_health(home: Home, supervisor: Supervisor, web: Child) -> None:
    deadline = time.monotonic() + HEALTH_SECONDS
    while not _healthy(home):
        supervisor.check()
        if web.failures >= WEB_FAILURES_ALLOWED or time.monotonic() > deadline:
            raise CannotReach(f"the pages do not answer: {web.last_words()} (log: {web.log_file})")
        time.sleep(0.1)


def _healthy(home: Home) -> bool:
    connection = http.client.HTTPConnection(_reachable_host(), home.web_port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _setup_address(home: Home) -> list[str]:
    """On a server without an ISP: where one is founded, with the key that lets nobody else do it."""
    from backhaul.identity.queries import is_founded

    if is_founded():
        return []
    place = f"http://{_in_url(_reachable_host())}:{home.web_port}/welcome/"
    return [f"found your ISP at {place}?token={home.secret('setup_token')}"]


def _tell(home: Home, logins: list[str], *, with_radius: bool, seconds: float) -> None:
    host = _in_url(_reachable_host())
    rows = [("pages", f"http://{host}:{home.web_port}")]
    if with_radius:
        rows.append(("RADIUS", f"{host}:{home.radius_port}, accounting {home.radius_port + 1}"))
    rows.append(("database", home.database_url() if home.external_database_url is None else "as DATABASE_URL says"))
    rows.append(("data, logs", str(home.path)))
    click.echo(f"\nBackhaul is up after {seconds:.1f} s")
    for name, value in rows:
        click.echo(f"  {name:<11}{value}")
    for line in logins:
        click.echo(f"  {line}")
    click.echo("Stop with Ctrl+C.\n")
