"""The vocabulary in which every context declares its owned tables and its definer functions (ARCHITECTURE §4.1–4.3).

A context lists them in its `tables.py`; `backhaul.operators.database` turns the lists into policies, grants and owners,
and a test walks the catalogue to see that nothing is missing. Privileges are letters: S select, I insert, U update,
D delete.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Owned(ABC):
    """A table in a cell. `app`, `batch`, `books` are the privileges of those roles; the auditor reads all but secrets.

    `app_columns` narrows a privilege to columns: {"U": "name, mobile"}. `secret` keeps the auditor out. `refers` are
    the columns that name the owner of a handed-down row: app may write its own id or an ancestor's there, nobody
    else's (a foreign key alone would take any operator's row, and tell by its answer that the row exists).
    """

    name: str
    app: str = "S"
    batch: str = "S"
    books: str = "S"
    app_columns: dict[str, str] = field(default_factory=dict)
    secret: bool = False
    refers: tuple[str, ...] = ()

    @abstractmethod
    def reads(self) -> str:
        """SQL condition under which the app role reads a row."""

    @abstractmethod
    def writes(self) -> str:
        """SQL condition under which the app role writes a row."""

    def leaves(self) -> str:
        """SQL condition that a row written by the app role satisfies afterwards."""
        allowed = [f"({name} IS NULL OR {_is_acting(name)} OR {_among(name, 'ancestors')})" for name in self.refers]
        return " AND ".join([self.writes(), *allowed])


def _among(column: str, setting: str) -> str:
    return f"{column} = ANY ((SELECT NULLIF(current_setting('backhaul.{setting}', true), '')::bigint[])::bigint[])"


def _is_acting(column: str) -> str:
    return f"{column} = (SELECT NULLIF(current_setting('backhaul.operator', true), '')::bigint)"


@dataclass(frozen=True)
class Own(Owned):
    """Belongs to one operator and is seen by it alone (and by whom the operator list of the unit of work names)."""

    column: str = "operator_id"

    def reads(self) -> str:
        return _among(self.column, "operators")

    def writes(self) -> str:
        return _is_acting(self.column)


@dataclass(frozen=True)
class Books(Own):
    """Own, and never granted to anybody: the books, read by the acting operator alone."""

    def reads(self) -> str:
        return _is_acting(self.column)


@dataclass(frozen=True)
class HandedDown(Own):
    """Owned by an operator, readable by everyone below it (plans, pools, NAS, packages, billing profiles).

    `only` narrows what those below read to rows for which the condition holds.
    """

    only: str = "true"

    def reads(self) -> str:
        below = _among(self.column, "ancestors") + ("" if self.only == "true" else f" AND {self.only}")
        return f"{_among(self.column, 'operators')} OR {below}"


@dataclass(frozen=True)
class Edge(Owned):
    """Lies between a parent and a child; each end reads it, the parent writes it where app may write at all.

    Like books it is never granted: who may see a child's customers does not see what that child sells to its children.
    """

    def reads(self) -> str:
        return f"{_is_acting('child_id')} OR {_is_acting('parent_id')}"

    def writes(self) -> str:
        return _is_acting("parent_id")


@dataclass(frozen=True)
class Tree(Owned):
    """The operator table itself: own row, ancestors, and direct children."""

    def reads(self) -> str:
        return f"{_among('id', 'operators')} OR {_among('id', 'ancestors')} OR {_is_acting('parent_id')}"

    def writes(self) -> str:
        return _is_acting("id")


@dataclass(frozen=True)
class Reference(Owned):
    """Seeded by migrations, the same for everybody in the cell, written by nobody."""

    def reads(self) -> str:
        return "true"

    def writes(self) -> str:
        return "false"


@dataclass(frozen=True)
class Definer:
    """An SQL function that runs as *books* with a pinned search_path; `execute` names the roles that may call it."""

    name: str
    execute: tuple[str, ...] = ("app",)


@dataclass(frozen=True)
class Seed:
    """Rows of a Reference table, brought up to date at every set-up."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
