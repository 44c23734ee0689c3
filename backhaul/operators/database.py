"""Setting a database up: roles, schemas, migrations per cell, functions, policies and grants (ARCHITECTURE §4).

Everything here can be run again: it brings any database to the state that the code declares.
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from backhaul.common.errors import Refusal
from backhaul.common.sql import function_files, tables_sql
from backhaul.operators.row_security import Definer, Owned, Seed

LOGIN_ROLES = ("owner", "app", "batch", "radius", "auditor")
PREFIX = "backhaul"
COMMANDS = {"S": "SELECT", "I": "INSERT", "U": "UPDATE", "D": "DELETE"}
CELL_IDS = 10**12


class UnsafeRole(Refusal):
    """The server would run with rights that make isolation void; it does not start."""

    code = "unsafe_role"


class OtherTables(Refusal):
    """The database holds the tables of another version of Backhaul, which this one cannot change yet."""

    code = "other_tables"


class CellRouter:
    """Cell contexts migrate in cell schemas only, all else in the shared schema only."""

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        if db != "owner":
            return False
        schema = str(connections["owner"].settings_dict.get("BACKHAUL_SCHEMA", "public"))
        return (schema != "public") == (app_label in settings.CELL_CONTEXTS)


def declared_tables(context: str) -> list[Owned]:
    """The owned tables of a context."""
    tables: list[Owned] = importlib.import_module(f"backhaul.{context}.tables").TABLES
    return tables


def declared_functions(context: str) -> list[Definer]:
    """The definer functions of a context."""
    functions: list[Definer] = importlib.import_module(f"backhaul.{context}.tables").FUNCTIONS
    return functions


def setup_database(admin_url: str) -> None:
    """Create or update roles, database, cells, tables, functions and policies.

    Raises OtherTables for a database of another version.

    `admin_url` names a role that may create roles and databases, on any database of the server. The database to set up
    is settings.DATABASES['owner'].
    """
    name = str(settings.DATABASES["owner"]["NAME"])
    with psycopg.connect(admin_url, autocommit=True) as admin:
        _create_roles(admin)
        if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone() is None:
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER backhaul_owner").format(sql.Identifier(name)))
    build_database(_with_database(admin_url, name))


def build_database(url: str) -> None:
    """Create or update cells, tables, functions and policies of the database to set up, whose roles are there.

    `url` leads into it, as an administrator or as its owner. Raises OtherTables.
    """
    with psycopg.connect(url, autocommit=True) as admin:
        _create_schemas(admin, str(settings.DATABASES["owner"]["NAME"]))
    _migrate("public", [label for label in _migrated_apps() if label not in settings.CELL_CONTEXTS])
    for cell in settings.CELLS:
        with psycopg.connect(url, autocommit=True) as admin:
            _refuse_other_tables(admin, cell)
        _migrate(cell, settings.CELL_CONTEXTS)
    with psycopg.connect(url) as admin:
        _apply_shared(admin)
        for number, cell in enumerate(settings.CELLS, start=1):
            _apply_cell(admin, cell, number)


def refuse_unsafe_roles(aliases: Iterable[str] = ("default", "batch")) -> None:
    """Raise UnsafeRole when a serving connection is superuser, bypasses row security or owns a cell's tables."""
    for alias in aliases:
        with connections[alias].cursor() as cursor:
            cursor.execute(
                "SELECT r.rolsuper OR r.rolbypassrls OR r.rolname = 'backhaul_owner' OR EXISTS ("
                "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                "WHERE n.nspname = ANY (%s) AND c.relkind = 'r' AND pg_has_role(r.oid, c.relowner, 'MEMBER')) "
                "FROM pg_roles r WHERE r.rolname = current_user",
                [settings.CELLS],
            )
            row = cursor.fetchone()
        if row is None or row[0]:
            raise UnsafeRole(
                "The connection “%(alias)s” runs as an owner or superuser: row-level security would not hold. "
                "Let it use the roles made by “backhaul setup-database”.",
                alias=alias,
            )


def _create_roles(admin: psycopg.Connection[Any]) -> None:
    """Roles with this server's passwords; needs CREATEROLE."""
    known = {row[0] for row in admin.execute("SELECT rolname FROM pg_roles").fetchall()}
    if f"{PREFIX}_books" not in known:
        admin.execute(f"CREATE ROLE {PREFIX}_books NOLOGIN")
    for role in LOGIN_ROLES:
        verb = "ALTER" if f"{PREFIX}_{role}" in known else "CREATE"
        password = settings.HOME.secret(f"role_{role}")
        admin.execute(
            sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
                sql.SQL(verb), sql.Identifier(f"{PREFIX}_{role}"), sql.Literal(password)
            )
        )
    admin.execute(f"GRANT {PREFIX}_owner, {PREFIX}_books TO CURRENT_USER")
    admin.execute(f"GRANT {PREFIX}_books TO {PREFIX}_owner")  # so that set-up may replace what *books* owns


def _create_schemas(admin: psycopg.Connection[Any], database: str) -> None:
    """Schemas, the search extension, and nothing for everybody."""
    for schema in ("ext", *settings.CELLS):
        admin.execute(
            sql.SQL("CREATE SCHEMA IF NOT EXISTS {} AUTHORIZATION backhaul_owner").format(sql.Identifier(schema))
        )
    admin.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA ext")
    admin.execute("CREATE EXTENSION IF NOT EXISTS btree_gist SCHEMA ext")
    admin.execute("ALTER SCHEMA public OWNER TO backhaul_owner")
    admin.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(database)))
    roles = sql.SQL(", ").join(sql.Identifier(f"{PREFIX}_{role}") for role in (*LOGIN_ROLES, "books"))
    admin.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(sql.Identifier(database), roles))
    admin.execute(
        sql.SQL("GRANT TEMP ON DATABASE {} TO backhaul_books, backhaul_batch").format(sql.Identifier(database))
    )
    admin.execute(sql.SQL("GRANT USAGE ON SCHEMA public, ext TO {}").format(roles))


def _migrated_apps() -> list[str]:
    return [config.label for config in apps.get_app_configs()]


def _refuse_other_tables(admin: psycopg.Connection[Any], cell: str) -> None:
    """Mark an empty cell with what its tables will be; raise OtherTables where it holds those of another version."""
    digest = hashlib.sha256("".join(tables_sql(context) for context in settings.CELL_CONTEXTS).encode())
    wanted = f"tables {digest.hexdigest()}"
    found = admin.execute(
        "SELECT to_regclass(%s) IS NOT NULL, obj_description(to_regnamespace(%s)::oid, 'pg_namespace')",
        [f"{cell}.operator", cell],
    ).fetchone()
    if found == (True, wanted):
        return
    if found is not None and found[0]:
        raise OtherTables(
            "This database was set up by another version of Backhaul, and its tables cannot be changed to this "
            "version's yet. Go on with the version that made it, or start this one on an empty home or database."
        )
    admin.execute(sql.SQL("COMMENT ON SCHEMA {} IS {}").format(sql.Identifier(cell), sql.Literal(wanted)))


def _migrate(schema: str, labels: list[str]) -> None:
    """Run Django's migrations with one schema on the path; each schema keeps its own list of what was applied."""
    connection = connections["owner"]
    connection.close()
    connection.settings_dict["BACKHAUL_SCHEMA"] = schema
    connection.settings_dict["OPTIONS"] = {
        **connection.settings_dict["OPTIONS"],
        "options": f"-c search_path={schema},ext",
    }
    try:
        call_command("migrate", database="owner", interactive=False, verbosity=0)
    finally:
        connection.close()


def _with_database(url: str, name: str) -> str:
    parts = urlsplit(url)
    assert unquote(name) == name
    return parts._replace(path=f"/{name}").geturl()


def _apply_shared(admin: psycopg.Connection[Any]) -> None:
    """Grants on the shared tables, and the functions that lead from a shared directory into a cell."""
    admin.execute("SET ROLE backhaul_owner")
    admin.execute("SET search_path = public, ext")
    admin.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO backhaul_app, backhaul_batch")
    admin.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO backhaul_app, backhaul_batch")
    admin.execute("REVOKE ALL ON django_migrations FROM backhaul_app, backhaul_batch")
    admin.execute("GRANT SELECT ON isp_directory, host_directory, nas_directory TO backhaul_auditor")
    for context in settings.CELL_CONTEXTS:
        for file in function_files(context, shared=True):
            admin.execute(file.read_bytes())
    admin.execute("RESET ROLE")


def _apply_cell(admin: psycopg.Connection[Any], cell: str, number: int) -> None:
    """Functions, policies and grants of one cell, in one transaction: serving goes on with the old or with the new."""
    admin.execute(sql.SQL("SET search_path = {}, ext").format(sql.Identifier(cell)))
    everyone = ", ".join(f"{PREFIX}_{role}" for role in ("app", "batch", "books", "radius", "auditor"))
    admin.execute(f"GRANT USAGE ON SCHEMA {cell} TO {everyone}")
    admin.execute(f"GRANT CREATE ON SCHEMA {cell} TO {PREFIX}_books")
    admin.execute("SET ROLE backhaul_owner")
    _start_ids(admin, cell, number)
    admin.execute("RESET ROLE")
    for context in settings.CELL_CONTEXTS:
        for table in declared_tables(context):
            _protect(admin, cell, table)
        _replace_functions(admin, cell, context)
        for seed in getattr(importlib.import_module(f"backhaul.{context}.tables"), "SEEDS", []):
            _sow(admin, seed)
    _own_functions(admin, cell, [each for context in settings.CELL_CONTEXTS for each in declared_functions(context)])
    admin.execute(f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {cell} FROM PUBLIC, {everyone}")
    admin.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {cell} TO {PREFIX}_books, {PREFIX}_batch, {PREFIX}_app")


def _start_ids(admin: psycopg.Connection[Any], cell: str, number: int) -> None:
    """Ids are unique over all cells: the sequences of cell n start at n × 10¹² (setval: what every engine accepts)."""
    found = admin.execute(
        "SELECT sequencename FROM pg_sequences WHERE schemaname = %s AND last_value IS NULL", [cell]
    ).fetchall()
    for (name,) in found:
        admin.execute("SELECT setval(%s, %s, false)", [f"{cell}.{name}", number * CELL_IDS + 1])


def _protect(admin: psycopg.Connection[Any], cell: str, table: Owned) -> None:
    """Row-level security by role and command, and the grants of one table, exactly as declared."""
    name = table.name
    admin.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY")
    for (policy,) in admin.execute(
        "SELECT policyname FROM pg_policies WHERE schemaname = %s AND tablename = %s", [cell, name]
    ).fetchall():
        admin.execute(sql.SQL("DROP POLICY {} ON {}").format(sql.Identifier(policy), sql.Identifier(name)))
    everyone = ", ".join(f"{PREFIX}_{role}" for role in ("app", "batch", "books", "radius", "auditor"))
    admin.execute(f"REVOKE ALL ON {name} FROM PUBLIC, {everyone}")
    auditor = "" if table.secret else "S"
    unlimited = {"owner": "SIUD", "batch": table.batch, "books": table.books, "auditor": auditor}
    for role, letters in unlimited.items():
        for letter in letters:
            _policy(admin, name, role, letter, "true", "true")
        if letters and role != "owner":
            admin.execute(f"GRANT {', '.join(COMMANDS[letter] for letter in letters)} ON {name} TO {PREFIX}_{role}")
    for letter in table.app:
        columns = f" ({table.app_columns[letter]})" if letter in table.app_columns else ""
        admin.execute(f"GRANT {COMMANDS[letter]}{columns} ON {name} TO {PREFIX}_app")
        _policy(admin, name, "app", letter, table.reads() if letter == "S" else table.writes(), table.leaves())


def _policy(  # noqa: PLR0917  one line of SQL, word by word
    admin: psycopg.Connection[Any], table: str, role: str, letter: str, found: str, left: str
) -> None:
    """`found`: which rows the command finds; `left`: what holds for the rows that it leaves behind."""
    using = "" if letter == "I" else f"USING ({found})"
    check = f"WITH CHECK ({left})" if letter in "IU" else ""
    command = COMMANDS[letter]
    admin.execute(f"CREATE POLICY {role}_{command.lower()} ON {table} FOR {command} TO {PREFIX}_{role} {using} {check}")


def _replace_functions(admin: psycopg.Connection[Any], cell: str, context: str) -> None:
    admin.execute("SET ROLE backhaul_owner")
    for file in function_files(context):
        admin.execute(file.read_bytes())
    admin.execute("RESET ROLE")


def _sow(admin: psycopg.Connection[Any], seed: Seed) -> None:
    admin.execute("SET ROLE backhaul_owner")
    columns = ", ".join(seed.columns)
    values = ", ".join(["%s"] * len(seed.columns))
    updates = ", ".join(f"{column} = EXCLUDED.{column}" for column in seed.columns if column not in seed.key)
    with admin.cursor() as cursor:
        cursor.executemany(
            f"INSERT INTO {seed.table} ({columns}) VALUES ({values}) "
            f"ON CONFLICT ({', '.join(seed.key)}) DO UPDATE SET {updates}",
            seed.rows,
        )
    admin.execute("RESET ROLE")


def _own_functions(admin: psycopg.Connection[Any], cell: str, functions: list[Definer]) -> None:
    """Definer functions belong to *books*, with a pinned path that ends in pg_temp; the others run as their caller.

    PUBLIC may execute nothing; a definer function that no context declares may be executed by nobody.
    """
    everyone = [f"{PREFIX}_{role}" for role in ("app", "batch", "books", "radius", "auditor")]
    definers = {function.name: function for function in functions}
    found = admin.execute(
        "SELECT p.oid::regprocedure::text, p.proname, p.prosecdef FROM pg_proc p "
        "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = %s",
        [cell],
    ).fetchall()
    for signature, name, is_definer in found:
        admin.execute(f"REVOKE ALL ON FUNCTION {signature} FROM PUBLIC, {', '.join(everyone)}")
        if is_definer and name in definers:
            admin.execute(f"ALTER FUNCTION {signature} OWNER TO {PREFIX}_books")
            admin.execute(f"ALTER FUNCTION {signature} SET search_path = {cell}, ext, pg_temp")
            callers = [f"{PREFIX}_{role}" for role in definers[name].execute]
            admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {', '.join([*callers, f'{PREFIX}_books'])}")
        elif not is_definer:
            admin.execute(f"GRANT EXECUTE ON FUNCTION {signature} TO {', '.join(everyone)}")
