"""The walk through the catalogue notices what is taken away, widened or added: one change at a time, each undone.

A sample of the changes here; all of them, one by one, in the slow ring.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from tests.architecture.catalogue import Table, read_functions, read_rights, read_tables
from tests.architecture.places import Connection, Place
from tests.architecture.rules import RULES, findings, function_findings, policies_say_what_is_declared
from tests.architecture.test_isolation import reads, writes
from tests.architecture.test_violations import unrefused

_TABLES = "FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'django_migrations'"
_CONSTRAINTS = """FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
    WHERE t.relnamespace = current_schema()::regnamespace AND c.contype ="""
_POLICIES_OF_APP = """FROM pg_policies
    WHERE schemaname = current_schema() AND roles = ARRAY['backhaul_app'::name] AND"""
_FUNCTIONS = "FROM pg_proc WHERE pronamespace = current_schema()::regnamespace"

# Queries that print DDL, by the walk that is to notice it.
BY_RULES = {
    "policies dropped": """SELECT format('DROP POLICY %I ON %I', policyname, tablename)
        FROM pg_policies WHERE schemaname = current_schema()""",
    "grants revoked": """
        SELECT DISTINCT format('REVOKE %s ON %I FROM %s', a.privilege_type, c.relname, a.grantee::regrole)
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.grantee <> c.relowner""",
    "grants of columns revoked": """
        SELECT format('REVOKE %s (%I) ON %I FROM %s', a.privilege_type, t.attname, c.relname, a.grantee::regrole)
        FROM pg_class c JOIN pg_attribute t ON t.attrelid = c.oid, aclexplode(t.attacl) a
        WHERE c.relnamespace = current_schema()::regnamespace""",
    "grants added": f"""SELECT format('GRANT %s ON %I TO backhaul_%s', command, tablename, role)
        FROM (SELECT tablename {_TABLES}) AS t,
            unnest(ARRAY['app', 'batch', 'books', 'auditor', 'radius']) AS role,
            unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS command
        WHERE NOT has_table_privilege('backhaul_' || role, tablename, command)""",
    "row security not forced": f"SELECT format('ALTER TABLE %I NO FORCE ROW LEVEL SECURITY', tablename) {_TABLES}",
    "row security off": f"SELECT format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', tablename) {_TABLES}",
    "foreign keys dropped": f"""
        SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', t.relname, c.conname) {_CONSTRAINTS} 'f'""",
    "foreign keys deferrable": f"""
        SELECT format('ALTER TABLE %I ALTER CONSTRAINT %I DEFERRABLE', t.relname, c.conname) {_CONSTRAINTS} 'f'""",
    "tables added": "SELECT 'CREATE TABLE stray (operator_id bigint)'",
}
BY_CONDITIONS = {
    "policies widened": f"""SELECT format('ALTER POLICY %I ON %I USING (true)', policyname, tablename)
        {_POLICIES_OF_APP} qual <> 'true'""",
    "checks of policies widened": f"""SELECT format('ALTER POLICY %I ON %I WITH CHECK (true)', policyname, tablename)
        {_POLICIES_OF_APP} with_check <> 'true'""",
}
BY_VIOLATIONS = {
    "checks dropped": f"SELECT format('ALTER TABLE %I DROP CONSTRAINT %I', t.relname, c.conname) {_CONSTRAINTS} 'c'",
    "checks of domains dropped": """SELECT format('ALTER DOMAIN %s DROP CONSTRAINT %I', c.contypid::regtype, c.conname)
        FROM pg_constraint c
        WHERE c.connamespace = current_schema()::regnamespace AND c.contypid <> 0 AND c.contype = 'c'""",
    "unique rules dropped": """SELECT CASE WHEN c.oid IS NULL THEN format('DROP INDEX %I', i.relname)
            ELSE format('ALTER TABLE %I DROP CONSTRAINT %s CASCADE', t.relname, quote_ident(c.conname)) END
        FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        LEFT JOIN pg_constraint c ON c.conindid = i.oid AND c.contype IN ('p', 'u')
        WHERE x.indisunique AND t.relnamespace = current_schema()::regnamespace AND t.relname <> 'django_migrations'""",
}
BY_FUNCTIONS = {
    "paths unpinned": f"""
        SELECT format('ALTER FUNCTION %s RESET search_path', oid::regprocedure) {_FUNCTIONS} AND prosecdef""",
    "paths without pg_temp": f"""
        SELECT format('ALTER FUNCTION %s SET search_path = cell1', oid::regprocedure) {_FUNCTIONS} AND prosecdef""",
    "functions given away": f"SELECT format('GRANT EXECUTE ON FUNCTION %s TO PUBLIC', oid::regprocedure) {_FUNCTIONS}",
    "functions of another owner": f"""
        SELECT format('ALTER FUNCTION %s OWNER TO postgres', oid::regprocedure) {_FUNCTIONS} AND prosecdef""",
    "rights raised": f"""
        SELECT format('ALTER FUNCTION %s SECURITY DEFINER', oid::regprocedure) {_FUNCTIONS} AND NOT prosecdef""",
}
OF_RIGHTS = {"policies dropped", "grants revoked", "grants of columns revoked", "grants added"}
KINDS = {**BY_RULES, **BY_CONDITIONS, **BY_VIOLATIONS, **BY_FUNCTIONS}
SAMPLE = {**dict.fromkeys(KINDS, 6), **dict.fromkeys(BY_VIOLATIONS, 3), **dict.fromkeys(BY_CONDITIONS, 2)}


def noticed(connection: Connection, place: Place, kind: str, change: str, before: dict[str, Table]) -> bool:
    if kind in BY_FUNCTIONS:
        return function_findings(read_functions(connection, place.cell), place.cell) != []
    if kind in BY_VIOLATIONS:
        return felt_by_rows(connection, place, re.match(r'ALTER TABLE "?(\w+)', change))
    tables = tables_with_rights(connection, place, before) if kind in OF_RIGHTS else read_tables(connection, place.cell)
    if kind in BY_CONDITIONS:
        changed = re.findall(r' ON "?(\w+)', change)[0]  # its own conditions first, which is quick to see
        own = {changed: tables[changed]}
        return bool(policies_say_what_is_declared(connection, own) or findings(connection, tables))
    return any(True for rule in RULES for _ in rule(tables))


def tables_with_rights(connection: Connection, place: Place, before: dict[str, Table]) -> dict[str, Table]:
    """The tables as they were, with the policies and grants of now."""
    bare = {name: replace(table, policies=[], grants=set(), column_grants=set()) for name, table in before.items()}
    read_rights(connection, place.cell, bare)
    return bare


def felt_by_rows(connection: Connection, place: Place, table: re.Match[str] | None) -> bool:
    """Whether the rows of the table notice it, which is quick to see; or else any rows at all."""
    if table:
        connection.execute("SAVEPOINT rows_of_one")
        if unrefused(connection, place, table[1]):
            return True
        connection.execute("ROLLBACK TO SAVEPOINT rows_of_one")
    return unrefused(connection, place) != []


def unnoticed(place: Place, kind: str, sample: int | None = None) -> list[str]:
    """Those changes of a kind after which the walk still finds all in order; `sample`: of how many, spread over all."""
    with place.connected() as connection:
        changes = sorted(row[0] for row in connection.execute(KINDS[kind]).fetchall())
        assert changes, kind
        before = read_tables(connection, place.cell)
        silent = []
        for change in changes if sample is None else changes[:: max(1, len(changes) // sample)]:
            connection.execute("SAVEPOINT mutation")
            connection.execute(change)
            if not noticed(connection, place, kind, change, before):
                silent.append(change)
            connection.execute("ROLLBACK TO SAVEPOINT mutation")
    return silent


@pytest.mark.parametrize("place", ["one cell"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_a_change_does_not_go_unnoticed(populated: Place, kind: str) -> None:
    silent = unnoticed(populated, kind, SAMPLE[kind])
    assert not silent, "\n".join(silent)


@pytest.mark.parametrize("place", ["one cell"], indirect=True)
@pytest.mark.parametrize(
    ("policy", "clause", "condition"),
    [
        ("app_select ON customer", "USING", "qual"),
        ("app_select ON plan", "USING", "qual"),
        ("app_select ON fund", "USING", "qual"),
        ("app_select ON posting", "USING", "qual"),
        ("app_insert ON customer", "WITH CHECK", "with_check"),
        ("app_insert ON package", "WITH CHECK", "with_check"),
        ("app_update ON zone", "USING", "qual"),
        ("app_update ON zone", "WITH CHECK", "with_check"),
    ],
)
def test_a_widened_policy_is_felt_by_who_tries(populated: Place, policy: str, clause: str, condition: str) -> None:
    """Not only read in the catalogue: the operators of the cast reach each other's rows, and the sweeps say so."""
    name, table = policy.split(" ON ")
    with populated.connected() as admin:
        admin.autocommit = True
        before = admin.execute(
            f"SELECT {condition} FROM pg_policies WHERE (schemaname, tablename, policyname) = (%s, %s, %s)",
            [populated.cell, table, name],
        ).fetchall()[0][0]
        assert reads(populated, "rival") + writes(populated) == []
        admin.execute(f"ALTER POLICY {policy} {clause} (true)")
        try:
            felt = reads(populated, "rival") + writes(populated)
        finally:
            admin.execute(f"ALTER POLICY {policy} {clause} ({before})")
    assert felt
    assert all(line.startswith(f"{table}:") for line in felt)


@pytest.mark.slow
@pytest.mark.parametrize("place", ["one cell"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_no_single_change_goes_unnoticed(populated: Place, kind: str) -> None:
    silent = unnoticed(populated, kind)
    assert not silent, "\n".join(silent)
