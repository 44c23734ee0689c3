"""One ISP's rows, from the real database into the scratch one: all that its money and its services hang on.

Both ends are the owner's, for whom row-level security lets every row through: which rows are the ISP's is said here,
from the declared classes of the tables. Rows are read as of one instant.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import TopologicalSorter
from typing import Any

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.conninfo import make_conninfo

from backhaul.operators.database import declared_tables
from backhaul.operators.row_security import Edge, Own, Owned, Tree

# What no bill, charge or cut depends on: sessions, what is still to be sent, who did what, how lists are kept. Nor do
# tables of secrets.
LEFT_OUT = {
    "radius_session_live", "radius_session_history", "radius_accounting_error", "disconnect_request", "head_address",
    "head_mail", "audit_event", "impersonation", "verify_run", "verify_answer", "customer_view",
    "customer_list_choice", "bulk_run", "bulk_item", "customer_export", "customer_export_part", "rehearsal",
}  # fmt: skip
WRITTEN_OVER = {("nas", "secret"): "left-out"}  # others refer to its rows; the column must hold something else
STAMPS = "xid_epoch"  # how this cluster's transaction ids are counted on (docs/decisions/0005)


def copy_isp(isp_id: int, cell: str, *, from_database: str) -> int:
    """Copy an ISP out of another database of the same server into the owner's one; returns how many rows."""
    with _owner(cell, from_database) as source, _owner(cell) as target:
        source.isolation_level, source.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
        target.autocommit = True  # one long transaction would keep the real books from being sealed
        ids = [row[0] for row in source.execute("SELECT id FROM operator WHERE isp_id = %s", [isp_id])]
        copied = _copy(source, target, "public.isp_directory", sql.SQL("isp_id = {}").format(isp_id))
        for table in _in_order(target, cell):
            mine = sql.SQL("{} = ANY ({})").format(sql.Identifier(_owning_column(table)), ids)
            target.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(sql.Identifier(table.name)))
            copied += _copy(source, target, table.name, mine)
            target.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(sql.Identifier(table.name)))
            target.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(table.name)))
        _count_on(source, target, cell)
        _stamp_on(source, target)
    return copied


def _owner(cell: str, database: str | None = None) -> psycopg.Connection[Any]:
    owner: dict[str, Any] = settings.DATABASES["owner"]
    return psycopg.connect(
        make_conninfo(
            host=owner["HOST"], port=owner["PORT"], user=owner["USER"], password=owner["PASSWORD"],
            dbname=database or owner["NAME"], options=f"-c search_path={cell},public,ext",
            application_name="backhaul-rehearsal",
        )
    )  # fmt: skip


def _owning_column(table: Owned) -> str:
    """The column by which a row belongs to an operator; "" for what is the same for everybody."""
    match table:
        case Own():
            return table.column
        case Edge():
            return "child_id"
        case Tree():
            return "id"
        case _:
            return ""


def _in_order(target: psycopg.Connection[Any], cell: str) -> Iterator[Owned]:
    """The tables to copy, each after those that it refers to."""
    blanked = {name for name, _ in WRITTEN_OVER}
    known = {
        table.name: table
        for context in settings.CELL_CONTEXTS
        for table in declared_tables(context)
        if _owning_column(table) and table.name not in LEFT_OUT and (not table.secret or table.name in blanked)
    }
    order: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(known, ()))
    for name, referred in target.execute(
        "SELECT a.relname, b.relname FROM pg_constraint c JOIN pg_class a ON a.oid = c.conrelid "
        "JOIN pg_class b ON b.oid = c.confrelid "
        "WHERE c.contype = 'f' AND a.oid <> b.oid AND c.connamespace = %s::regnamespace",
        [cell],
    ):
        order.add(name, referred)
    return (known[name] for name in order.static_order() if name in known)


def _copy(source: psycopg.Connection[Any], target: psycopg.Connection[Any], name: str, mine: sql.Composable) -> int:
    """The rows of a table for which `mine` holds; returns how many."""
    table = sql.Identifier(*name.split("."))
    columns = [
        row[0]
        for row in target.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped "
            "AND attgenerated = '' ORDER BY attnum",
            [name],
        )
    ]
    values = [
        sql.Literal(WRITTEN_OVER[name, column]) + sql.SQL("::text")
        if (name, column) in WRITTEN_OVER
        else sql.Identifier(column)
        for column in columns
    ]
    out = sql.SQL("COPY (SELECT {} FROM {} WHERE {}) TO STDOUT (FORMAT binary)").format(
        sql.SQL(", ").join(values), table, mine
    )
    into = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT binary)").format(
        table, sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with source.cursor() as reading, target.cursor() as writing:
        with reading.copy(out) as rows, writing.copy(into) as copy:
            for chunk in rows:
                copy.write(chunk)
        return writing.rowcount


def _count_on(source: psycopg.Connection[Any], target: psycopg.Connection[Any], cell: str) -> None:
    """Sequences go on from where the real ones are, so new ids stand above all that were copied."""
    found = target.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = %s", [cell]).fetchall()
    for (name,) in found:
        state = source.execute(sql.SQL("SELECT last_value, is_called FROM {}").format(sql.Identifier(name))).fetchone()
        assert state is not None
        target.execute("SELECT setval(%s::regclass, %s, %s)", [name, *state])


def _stamp_on(source: psycopg.Connection[Any], target: psycopg.Connection[Any]) -> None:
    """The same cluster stamps new entries in both databases: they are counted on from the same offset."""
    stamped = source.execute(
        "SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attrdef d JOIN pg_attribute a "
        "ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attrelid = 'entry'::regclass AND a.attname = 'xid'"
    ).fetchone()
    assert stamped is not None
    target.execute(f"ALTER TABLE entry ALTER COLUMN xid SET DEFAULT {stamped[0]}".encode())
    target.execute(f"DELETE FROM {STAMPS}")
    target.execute(f"ALTER TABLE {STAMPS} NO FORCE ROW LEVEL SECURITY")
    _copy(source, target, STAMPS, sql.SQL("true"))
    target.execute(f"ALTER TABLE {STAMPS} FORCE ROW LEVEL SECURITY")
