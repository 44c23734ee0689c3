"""The database for a command: started when it is not running, set up when it is behind, left as it was found."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import psycopg

from backhaul.cli.embedded import EmbeddedPostgres, locked
from backhaul.cli.main import configure_django
from backhaul.cli.problems import CannotReach
from backhaul.common.home import Home

PACKAGE = Path(__file__).resolve().parents[1]
SCHEMA_FILES = (
    "*/migrations/*.py",
    "*/sql/**/*.sql",
    "*/tables.py",
    "operators/database.py",
    "operators/row_security.py",
)


def embedded_server(home: Home) -> EmbeddedPostgres:
    """The embedded server of a home; not started."""
    return EmbeddedPostgres(home.path / "postgres", home.postgres_port)


# What a server answers that knows nothing of us yet, or that was set up from a home with other passwords.
NOT_SET_UP_SIGNS = ("password authentication failed", "does not exist", "no pg_hba.conf entry")


@contextlib.contextmanager
def database() -> Iterator[Home]:
    """For commands: Django configured, the database running and up to date inside the block.

    An embedded server that this call had to start is stopped at the end, after other commands are done with it.
    """
    configure_django()
    home = Home.from_environment()
    if home.external_database_url is not None:
        bring_up_to_date(home, admin_url=admin_url_of(home.external_database_url))
        yield home
        return
    server = embedded_server(home)
    with locked(use_lock(home), fcntl.LOCK_SH) as use:
        started = server.ensure_started()
        try:
            bring_up_to_date(home, admin_url=server.admin_url)
            yield home
        finally:
            close_connections()
            if started:
                _await_other_users(use.fileno(), server)
                server.stop()


def use_lock(home: Home) -> Path:
    """Locked (shared) by whoever uses the embedded server, so that nobody stops it under another."""
    return home.path / "run" / "postgres.use.lock"


def _await_other_users(use: int, server: EmbeddedPostgres) -> None:
    told = False
    while not server.dead:
        try:
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if not told:
                click.echo("another backhaul command uses the database; waiting for it to end", err=True)
                told = True
            time.sleep(0.2)


def close_connections() -> None:
    """Give back Django's connections of this process."""
    from django.db import connections

    connections.close_all()


def admin_url_of(url: str) -> str | None:
    """Where DATABASE_URL names a user it is an administrator's: allowed to set the database up, and to create it."""
    parts = urlsplit(url)
    return parts._replace(path="/postgres").geturl() if parts.username else None


def without_login(url: str) -> str:
    """The address alone: an administrator's password is for the set-up, not for messages and children."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def bring_up_to_date(home: Home, *, admin_url: str | None) -> bool:
    """Set the database up unless it is exactly as this version wants it; True if something was done.

    Without an administrator's address a database that is behind, or that has other passwords, is refused.
    """
    if _found_fingerprint(admin_url) == schema_fingerprint():
        return False
    if admin_url is None:
        raise CannotReach(
            f"the database at {without_login(home.database_url())} is not set up for this version and this home; "
            "run: backhaul setup-database --admin-url postgresql://ADMIN:PASSWORD@HOST/postgres"
        )
    set_up(admin_url)
    return True


def set_up(admin_url: str) -> None:
    """Bring roles, passwords, tables, functions and policies to what this version and this home want."""
    from backhaul.operators.database import setup_database

    setup_database(admin_url)
    close_connections()
    _note_fingerprint(admin_url, schema_fingerprint())


def schema_fingerprint() -> str:
    """Changes whenever anything that shapes the database changes."""
    from django.conf import settings

    digest = hashlib.sha256(repr((settings.CELLS, settings.INSTALLED_APPS)).encode())
    for pattern in SCHEMA_FILES:
        for file in sorted(PACKAGE.glob(pattern)):
            digest.update(str(file.relative_to(PACKAGE)).encode() + file.read_bytes())
    return f"Backhaul schema {digest.hexdigest()[:32]}"


def _database_name() -> str:
    from django.conf import settings

    return str(settings.DATABASES["owner"]["NAME"])


def _found_fingerprint(admin_url: str | None) -> str | None:
    """What the last set-up noted on the database itself; asked as the app role where there is no administrator."""
    query = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"
    if admin_url is not None:
        with psycopg.connect(admin_url, connect_timeout=10) as admin:
            row = admin.execute(query, [_database_name()]).fetchone()
            return row[0] if row else None
    from django.db import OperationalError, connections

    try:
        with connections["default"].cursor() as cursor:
            cursor.execute(query, [_database_name()])
            row = cursor.fetchone()
    except OperationalError as error:
        if any(sign in str(error) for sign in NOT_SET_UP_SIGNS):
            return None
        raise
    return row[0] if row else None


def _note_fingerprint(admin_url: str, fingerprint: str) -> None:
    statement = psycopg.sql.SQL("COMMENT ON DATABASE {} IS {}").format(
        psycopg.sql.Identifier(_database_name()), psycopg.sql.Literal(fingerprint)
    )
    with psycopg.connect(admin_url, autocommit=True) as admin:
        admin.execute(statement)
