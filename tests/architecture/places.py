"""Where the rules are checked: a cell of a database, reached as any of its roles by plain psycopg."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from django.conf import settings

Connection = psycopg.Connection[Any]


@dataclass(frozen=True)
class Place:
    """One cell of one database. `admin_url` is the superuser's address of that database."""

    admin_url: str
    number: int

    @property
    def cell(self) -> str:
        return f"cell{self.number}"

    @contextmanager
    def connected(self, role: str = "postgres") -> Iterator[Connection]:
        """A transaction as a login role (or the superuser) with the cell on its path; rolled back at the end."""
        options = f"-c search_path={self.cell},public,ext"
        parts: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(self.admin_url, options=options)
        if role != "postgres":
            parts |= {"user": f"backhaul_{role}", "password": settings.HOME.secret(f"role_{role}")}
        connection: Connection = psycopg.connect(**parts)
        try:
            yield connection
        finally:
            connection.rollback()
            connection.close()


def act(
    connection: Connection, operator: int | None, *, path: tuple[int, ...] = (), visible: tuple[int, ...] | None = None
) -> None:
    """Say who acts for the rest of the transaction, as a unit of work does; None = nobody."""
    seen = visible if visible is not None else (() if operator is None else (operator,))
    for name, value in {
        "operator": "" if operator is None else str(operator),
        "operators": "{" + ",".join(map(str, seen)) + "}",
        "ancestors": "{" + ",".join(map(str, path[:-1])) + "}",
        "actor": "0",
    }.items():
        connection.execute("SELECT set_config(%s, %s, true)", [f"backhaul.{name}", value])


def attempt(connection: Connection, statement: str, parameters: list[Any] | None = None) -> psycopg.Error | int:
    """Run a statement in a savepoint that is undone: the error that refused it, or the number of rows it touched."""
    connection.execute("SAVEPOINT attempt")
    try:
        return connection.execute(statement, parameters).rowcount
    except psycopg.Error as error:
        return error
    finally:
        connection.execute("ROLLBACK TO SAVEPOINT attempt")
