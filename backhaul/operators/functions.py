"""How Python calls the SQL functions of *books*: one call, and its refusals come back as Refusal."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg
from django.db import DatabaseError, connections, transaction
from django.utils.translation import gettext

from backhaul.common.errors import Refusal

REFUSED = "BH001"
READ_ONLY = "25006"
JSONB = 3802  # Django hands jsonb over as text


@contextmanager
def refusals() -> Iterator[None]:
    """Turns an SQL function's refusal (SQLSTATE BH001, code in DETAIL) into the Refusal of that code, said in the
    language of whoever is served.
    """
    try:
        yield
    except DatabaseError as error:
        cause = error.__cause__
        if isinstance(cause, psycopg.Error) and cause.diag.sqlstate == REFUSED:
            raise Refusal.from_database(cause.diag.message_detail or "", _said(cause.diag)) from None
        raise


def is_read_only(error: DatabaseError) -> bool:
    """Whether a statement would have written in a unit of work that only looks."""
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and cause.sqlstate == READ_ONLY


def _said(told: psycopg.errors.Diagnostic) -> str:
    """The message, or where values stand in it (HINT: the message without them, and they) its translation with them."""
    if told.message_hint is None:
        return gettext(told.message_primary or "")
    message, values = json.loads(told.message_hint)
    return gettext(message) % tuple(Refusal.written(_value(text)) for text in values)


def _value(text: str) -> date | str:
    """SQL hands the values of its messages over as text: a day as a day again. A name may look like a day that there
    is not: it stays a name."""
    with suppress(ValueError):
        if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text or ""):
            return date.fromisoformat(text)
    return text


def call(name: str, /, using: str = "default", **arguments: Any) -> Any:
    """The single value that `name(p_key => value, …)` returns. A refusal ends the transaction (see savepoint)."""
    named = ", ".join(f"p_{key} => %s" for key in arguments)
    with refusals(), connections[using].cursor() as cursor:
        cursor.execute(f"SELECT {name}({named})", list(arguments.values()))
        row = cursor.fetchone()
        is_json = cursor.description is not None and cursor.description[0].type_code == JSONB
    if row is None or row[0] is None:
        return None
    return json.loads(row[0]) if is_json else row[0]


def rows(
    sql: str, parameters: list[Any] | dict[str, Any] | None = None, using: str = "default"
) -> list[dict[str, Any]]:
    """All rows of a query as dictionaries, for `queries`."""
    with refusals(), connections[using].cursor() as cursor:
        cursor.execute(sql, parameters or [])
        names = [column.name for column in cursor.description or []]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@dataclass(frozen=True)
class Ask:
    """A small question: a SELECT and its parameters, to be asked by itself or together with others."""

    sql: str
    parameters: list[Any]

    def rows(self, using: str = "default") -> list[dict[str, Any]]:
        return rows(self.sql, self.parameters, using=using)


def ask_together(**asked: Ask) -> dict[str, list[dict[str, Any]]]:
    """The rows of several small questions, by name, in one round trip. Values are as JSON has them: days are text."""
    parts = (f"(SELECT COALESCE(json_agg(q), '[]') FROM ({ask.sql}) AS q) AS {name}" for name, ask in asked.items())
    answer = rows(f"SELECT {', '.join(parts)}", [value for ask in asked.values() for value in ask.parameters])[0]
    return {name: json.loads(told) if isinstance(told, str) else told for name, told in answer.items()}


def execute(sql: str, parameters: list[Any] | dict[str, Any] | None = None, using: str = "default") -> int:
    """Runs a statement; the number of rows it touched."""
    with refusals(), connections[using].cursor() as cursor:
        cursor.execute(sql, parameters or [])
        return int(cursor.rowcount)


@contextmanager
def savepoint(using: str = "default") -> Iterator[None]:
    """What fails inside is undone and the unit of work goes on."""
    with transaction.atomic(using=using):
        yield
