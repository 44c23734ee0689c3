"""What the catalogue of one cell holds, read once, in plain Python."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from backhaul.operators.row_security import Definer, Edge, Own, Owned, Tree
from tests.architecture.places import Connection

_GRANTEE = "CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END"
PRIVILEGES = {"SELECT": "S", "INSERT": "I", "UPDATE": "U", "DELETE": "D"}


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    required: bool
    generated: bool


@dataclass(frozen=True)
class Index:
    name: str
    columns: tuple[str, ...]
    unique: bool
    primary: bool
    predicate: str | None


@dataclass(frozen=True)
class ForeignKey:
    name: str
    columns: tuple[str, ...]
    table: str
    targets: tuple[str, ...]
    deferrable: bool
    validated: bool
    acts: bool  # CASCADE, SET NULL …


@dataclass
class Table:
    name: str
    owner: str
    secured: bool
    forced: bool
    columns: dict[str, Column] = field(default_factory=dict)
    indexes: list[Index] = field(default_factory=list)
    checks: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name → columns
    foreign_keys: list[ForeignKey] = field(default_factory=list)
    # role, command letter, USING, WITH CHECK
    policies: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    grants: set[tuple[str, str]] = field(default_factory=set)
    column_grants: set[tuple[str, str, str]] = field(default_factory=set)


@dataclass(frozen=True)
class Function:
    signature: str
    name: str
    definer: bool
    owner: str
    config: tuple[str, ...]
    callers: frozenset[str]
    leakproof: bool


def declarations() -> list[tuple[str, Owned]]:
    """(context, table) as declared, in the order of the contexts."""
    return [(context, table) for context in settings.CELL_CONTEXTS for table in _module(context).TABLES]


def declared_definers() -> list[Definer]:
    return [function for context in settings.CELL_CONTEXTS for function in _module(context).FUNCTIONS]


def _module(context: str) -> Any:
    return importlib.import_module(f"backhaul.{context}.tables")


def owner_column(table: Owned) -> str | None:
    """The column that names whose row it is; None where it is nobody's."""
    if isinstance(table, Own):
        return table.column
    return "child_id" if isinstance(table, Edge) else "id" if isinstance(table, Tree) else None


def read_tables(connection: Connection, cell: str) -> dict[str, Table]:
    """All tables of the cell but Django's list of migrations."""
    tables = {
        name: Table(name, owner, secured, forced)
        for name, owner, secured, forced in _all(
            connection,
            "SELECT relname, relowner::regrole::text, relrowsecurity, relforcerowsecurity FROM pg_class "
            "WHERE relnamespace = %s::regnamespace AND relkind IN ('r', 'p', 'f') AND relname <> 'django_migrations'",
            cell,
        )
    }
    for name, *column in _all(
        connection,
        "SELECT c.relname, a.attname, format_type(a.atttypid, NULL), a.attnotnull, a.attgenerated <> '' "
        "FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE c.relnamespace = %s::regnamespace "
        "AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        cell,
    ):
        if name in tables:
            tables[name].columns[column[0]] = Column(*column)
    for name, index in _indexes(connection, cell):
        if name in tables:
            tables[name].indexes.append(index)
    _read_constraints(connection, cell, tables)
    read_rights(connection, cell, tables)
    return tables


def _indexes(connection: Connection, cell: str) -> list[tuple[str, Index]]:
    found = _all(
        connection,
        "SELECT t.relname, i.relname, ARRAY(SELECT COALESCE((SELECT attname FROM pg_attribute "
        "WHERE attrelid = x.indrelid AND attnum = key AND key > 0), '(expression)') "
        "FROM unnest(x.indkey::int[]) WITH ORDINALITY AS k (key, place) ORDER BY place)::text[], "
        "x.indisunique, x.indisprimary, pg_get_expr(x.indpred, x.indrelid) "
        "FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid "
        "WHERE i.relnamespace = %s::regnamespace",
        cell,
    )
    return [(row[0], Index(row[1], tuple(row[2]), *row[3:])) for row in found]


def _read_constraints(connection: Connection, cell: str, tables: dict[str, Table]) -> None:
    names = "ARRAY(SELECT attname FROM unnest({}) WITH ORDINALITY AS k (key, place) JOIN pg_attribute ON attrelid = {} \
        AND attnum = key ORDER BY place)::text[]"
    for row in _all(
        connection,
        "SELECT t.relname, c.conname, c.contype, "
        + names.format("c.conkey", "c.conrelid")
        + ", f.relname, "
        + names.format("c.confkey", "c.confrelid")
        + ", c.condeferrable, c.convalidated, "
        "c.confdeltype NOT IN ('a', 'r', ' ') OR c.confupdtype NOT IN ('a', 'r', ' '), f.relnamespace = t.relnamespace "
        "FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid LEFT JOIN pg_class f ON f.oid = c.confrelid "
        "WHERE t.relnamespace = %s::regnamespace AND c.contype IN ('c', 'f')",
        cell,
    ):
        name, constraint, kind, columns, target, targets, deferrable, validated, acts, inside = row
        if name in tables and kind == "c":
            tables[name].checks[constraint] = tuple(columns)
        elif name in tables:
            assert inside, f"{constraint} leaves the cell"
            tables[name].foreign_keys.append(
                ForeignKey(constraint, tuple(columns), target, tuple(targets), deferrable, validated, acts)
            )
    for name, column, constraint in _all(
        connection,
        "SELECT t.relname, a.attname, c.conname FROM pg_constraint c JOIN pg_attribute a ON a.atttypid = c.contypid "
        "JOIN pg_class t ON t.oid = a.attrelid AND t.relkind = 'r' "
        "WHERE t.relnamespace = %s::regnamespace AND c.contype = 'c'",
        cell,
    ):
        tables[name].checks[constraint] = (column,)  # a domain's checks are its column's


def read_rights(connection: Connection, cell: str, tables: dict[str, Table]) -> None:
    """Adds policies and grants to tables that have none yet."""
    for name, roles, command, permissive, using, check in _all(
        connection,
        "SELECT tablename, roles::text[], cmd, permissive, qual, with_check FROM pg_policies WHERE schemaname = %s",
        cell,
    ):
        who = "+".join(role.removeprefix("backhaul_") for role in roles)
        letter = PRIVILEGES.get(command, command) if permissive == "PERMISSIVE" else permissive
        tables[name].policies.append((who, letter, using, check))
    for name, owner, grantee, privilege in _all(
        connection,
        f"SELECT c.relname, c.relowner::regrole::text, {_GRANTEE}, a.privilege_type "
        "FROM pg_class c, aclexplode(c.relacl) a WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r'",
        cell,
    ):
        if name in tables and grantee != owner:
            tables[name].grants.add((grantee.removeprefix("backhaul_"), PRIVILEGES.get(privilege, privilege)))
    for name, column, grantee, privilege in _all(
        connection,
        f"SELECT c.relname, t.attname, {_GRANTEE}, a.privilege_type "
        "FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a "
        "WHERE c.relnamespace = %s::regnamespace",
        cell,
    ):
        if name in tables:
            letter = PRIVILEGES.get(privilege, privilege)
            tables[name].column_grants.add((grantee.removeprefix("backhaul_"), letter, column))


def read_functions(connection: Connection, cell: str) -> list[Function]:
    """All functions of the cell."""
    found = _all(
        connection,
        "SELECT p.oid::regprocedure::text, p.proname, p.prosecdef, p.proowner::regrole::text, "
        f"COALESCE(p.proconfig, '{{}}'), ARRAY(SELECT {_GRANTEE} FROM "
        "aclexplode(COALESCE(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner), p.proleakproof "
        "FROM pg_proc p WHERE p.pronamespace = %s::regnamespace",
        cell,
    )
    return [
        Function(signature, name, definer, owner, tuple(config), frozenset(callers), leakproof)
        for signature, name, definer, owner, config, callers, leakproof in found
    ]


def _all(connection: Connection, query: str, cell: str) -> list[Any]:
    return connection.execute(query, [cell]).fetchall()
