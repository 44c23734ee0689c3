"""The scratch database of a rehearsal: made beside the real one, and gone at the end, whatever the end is.

A rehearsal that lives keeps one connection open to its database. So one that nobody is connected to was left behind by
a process that was killed, and the next rehearsal drops it.
"""

from __future__ import annotations

import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg import errors, sql
from psycopg.conninfo import make_conninfo

from backhaul.cli.database import admin_url_of, embedded_server
from backhaul.common.errors import Refusal
from backhaul.common.home import Home

OWNER = "backhaul_owner"
MARK = "_rehearsal_"
MAKING = 7_203_001  # the advisory lock under which databases are made and those left behind are found
GONE_SECONDS = 20.0
# What is thrown away need not be durable; a session whose process was killed must not go on for long.
SETTINGS = {"synchronous_commit": "off", "client_connection_check_interval": "1s"}


class MayNotCreateDatabases(Refusal):
    """The login that a rehearsal would make its scratch database with has no CREATEDB."""

    code = "may_not_create_databases"


def maker_of(home: Home) -> str:
    """How to connect to the real database as somebody who may be allowed to make another one beside it.

    The administrator, where the address of the database names one or the database is the embedded one; else its owner.
    """
    url = home.database_url()
    if home.external_database_url is None:
        return make_conninfo(embedded_server(home).admin_url, dbname=database_of(url))
    return url if admin_url_of(url) else make_conninfo(url, user=OWNER, password=home.secret("role_owner"))


def database_of(url: str) -> str:
    """The database that an address leads to."""
    return str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@contextlib.contextmanager
def scratch_database(maker: str) -> Iterator[str]:
    """A new, empty database on the same server, dropped at the end of the block; yields its name.

    Databases that killed rehearsals left behind are dropped first. Raises MayNotCreateDatabases.
    """
    prefix = database_of(maker)[:40] + MARK
    name = prefix + secrets.token_hex(4)
    with contextlib.ExitStack() as ends:
        with psycopg.connect(maker, autocommit=True) as door:
            _refuse_without_createdb(door)
            with _alone(door):
                for left in _left_behind(door, prefix):
                    _drop(door, left)
                ends.callback(_throw_away, maker, name)
                door.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(OWNER)))
                ends.enter_context(psycopg.connect(make_conninfo(maker, dbname=name), autocommit=True))
            for setting, value in SETTINGS.items():
                door.execute(
                    sql.SQL("ALTER DATABASE {} SET {} = {}").format(
                        sql.Identifier(name), sql.Identifier(setting), sql.Literal(value)
                    )
                )
        yield name


def _refuse_without_createdb(door: psycopg.Connection[Any]) -> None:
    found = door.execute(
        "SELECT rolcreatedb OR rolsuper, rolname FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if found is None or not found[0]:
        who = found[1] if found else "this login"
        raise MayNotCreateDatabases(
            "A rehearsal works in a database of its own, and “%(who)s” may not create one. Let an "
            "administrator of the server allow it once: ALTER ROLE %(who)s CREATEDB",
            who=who,
        )


@contextlib.contextmanager
def _alone(door: psycopg.Connection[Any]) -> Iterator[None]:
    """Between the making of a database and the first connection to it, nobody takes it for one left behind."""
    door.execute("SELECT pg_advisory_lock(%s)", [MAKING])
    try:
        yield
    finally:
        door.execute("SELECT pg_advisory_unlock(%s)", [MAKING])


def _left_behind(door: psycopg.Connection[Any], prefix: str) -> list[str]:
    """Scratch databases of this database's rehearsals that no session of a living one is connected to."""
    found = door.execute(
        "SELECT d.datname FROM pg_database d WHERE starts_with(d.datname, %s) "
        "AND length(d.datname) = %s AND pg_get_userbyid(d.datdba) = %s "
        "AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.datid = d.oid AND a.usesysid IS NOT NULL)",
        [prefix, len(prefix) + 8, OWNER],
    ).fetchall()
    return [name for (name,) in found]


def _throw_away(maker: str, name: str) -> None:
    # Where the server is gone, the next rehearsal finds what is left.
    with contextlib.suppress(psycopg.OperationalError), psycopg.connect(maker, autocommit=True) as door:
        _drop(door, name)


def _drop(door: psycopg.Connection[Any], name: str) -> None:
    """Drop it with the sessions in it; those that the maker may not end are waited for, they end by themselves."""
    deadline = time.monotonic() + GONE_SECONDS
    statement = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
    while True:
        try:
            door.execute(statement)
            return
        except (errors.InsufficientPrivilege, errors.ObjectInUse):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
