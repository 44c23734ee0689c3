"""What each role can do to a server by raw SQL, beyond the tables."""

from __future__ import annotations

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.architecture.catalogue import declarations, declared_definers, owner_column, read_functions
from tests.architecture.places import Place, act, attempt
from tests.architecture.samples import all_samples, cast_of, insert

SECRETS = sorted(table.name for _, table in declarations() if table.secret)
REFUSED_TO_APP = {
    "a temporary table": "CREATE TEMP TABLE mine (id int)",
    "a table": "CREATE TABLE mine (id int)",
    "a table in the shared schema": "CREATE TABLE public.mine (id int)",
    "a function": "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "a schema": "CREATE SCHEMA mine",
    "an extension": "CREATE EXTENSION dblink",
    "to be the owner": "SET ROLE backhaul_owner",
    "to be books": "SET ROLE backhaul_books",
    "to be batch": "SET ROLE backhaul_batch",
    "to be superuser": "SET SESSION AUTHORIZATION postgres",
    "to switch row security off": "ALTER TABLE customer DISABLE ROW LEVEL SECURITY",
    "to drop a policy": "DROP POLICY app_select ON customer",
    "to make a policy": "CREATE POLICY mine ON customer FOR SELECT TO backhaul_app USING (true)",
    "to silence foreign keys": "SET session_replication_role = replica",
    "to truncate": "TRUNCATE customer",
    "to lock the journal": "LOCK TABLE entry IN ACCESS EXCLUSIVE MODE",
    "a trigger": "CREATE TRIGGER mine BEFORE INSERT ON customer EXECUTE FUNCTION mine()",
    "a foreign key to find out": "CREATE TABLE public.mine (a bigint, b bigint REFERENCES customer (operator_id, id))",
    "a server file": "COPY customer TO '/tmp/customers'",
    "a server program": "COPY customer TO PROGRAM 'cat'",
    "passwords in clear": "SELECT password FROM radius_password",
    "secrets of routers": "SELECT secret FROM nas",
    "whole rows with a secret": "SELECT * FROM nas",
    "what sequences have reached": "SELECT last_value FROM entry_id",
    "to set a sequence": "SELECT setval('entry_id', 1)",
    "the roles' passwords": "SELECT rolpassword FROM pg_authid",
    "large objects of others": "SELECT lo_import('/etc/passwd')",
}


@pytest.mark.parametrize("what", REFUSED_TO_APP)
def test_app_is_refused(populated: Place, what: str) -> None:
    cast = cast_of(populated.number)
    with populated.connected("app") as connection:
        act(connection, cast["padma"].id, path=cast["padma"].path)
        outcome = attempt(connection, REFUSED_TO_APP[what])
    assert isinstance(outcome, InsufficientPrivilege), outcome


def test_with_row_security_off_app_gets_an_error_and_no_rows(populated: Place) -> None:
    with populated.connected("app") as connection:
        connection.execute("SET row_security = off")
        assert isinstance(attempt(connection, "SELECT * FROM customer"), InsufficientPrivilege)


def test_copy_out_gives_own_rows_only(populated: Place) -> None:
    cast = cast_of(populated.number)
    rival = cast["rival"]
    with populated.connected("app") as connection:
        act(connection, rival.id, path=rival.path)
        with connection.cursor().copy("COPY (SELECT operator_id FROM customer) TO STDOUT") as copy:
            assert [row[0] for row in copy.rows()] == [str(rival.id)]


def test_copy_in_is_refused_where_row_security_holds(populated: Place) -> None:
    with populated.connected("app") as connection, pytest.raises(psycopg.errors.FeatureNotSupported):
        connection.execute("COPY zone (operator_id, name) FROM STDIN")


def test_a_leaky_condition_does_not_run_on_rows_of_others(populated: Place) -> None:
    """A condition that raises on a value must not be asked about rows that the policy hides."""
    cast = cast_of(populated.number)
    rival, north = cast["rival"], cast["north"]
    with populated.connected("app") as connection:
        act(connection, rival.id, path=rival.path)
        outcome = attempt(connection, f"SELECT 1 FROM customer WHERE 1 / (id - {north.id}) > 0")
        assert isinstance(outcome, int), outcome
        outcome = attempt(connection, f"SELECT 1 FROM customer WHERE 1 / (id - {rival.id}) > 0")
        assert isinstance(outcome, psycopg.errors.DivisionByZero)


def test_radius_runs_its_functions_and_reads_the_directory_of_routers_only(place: Place) -> None:
    with place.connected() as connection:
        readable = connection.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) "
            "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
            "AND n.nspname NOT LIKE 'pg_temp%' AND (CASE c.relkind "
            "WHEN 'S' THEN has_sequence_privilege('backhaul_radius', c.oid, 'SELECT, USAGE, UPDATE') "
            "ELSE has_table_privilege('backhaul_radius', c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE') "
            "OR has_any_column_privilege('backhaul_radius', c.oid, 'SELECT, INSERT, UPDATE') END)"
        ).fetchall()
        functions = read_functions(connection, place.cell)
    assert readable == [("public.nas_directory",)]
    callable_ = {each.name for each in functions if each.definer and "backhaul_radius" in each.callers}
    assert callable_ == {each.name for each in declared_definers() if "radius" in each.execute}


def test_radius_gets_a_secret_through_its_function_and_by_no_other_way(populated: Place) -> None:
    rival = cast_of(populated.number)["rival"]
    with populated.connected("radius") as connection:
        found = connection.execute("SELECT nas_secret('10.0.0.0'::inet + %s %% 16000000)", [rival.id]).fetchone()
        assert found == ("secret-1",)
        for statement in ("SELECT secret FROM nas", "SELECT * FROM radius_password", "SELECT * FROM customer"):
            assert isinstance(attempt(connection, statement), InsufficientPrivilege), statement


def test_the_auditor_reads_all_but_secrets_and_writes_nothing(populated: Place) -> None:
    cast = cast_of(populated.number)
    with populated.connected("auditor") as connection:
        for _, table in declarations():
            outcome = attempt(connection, f"SELECT 1 FROM {table.name}")
            if table.secret:
                assert isinstance(outcome, InsufficientPrivilege), table.name
            else:
                assert isinstance(outcome, int) and outcome > 0, (table.name, outcome)
        for sample in all_samples():
            for statement in (
                insert(sample, cast["rival"], 9),
                f"DELETE FROM {sample.table}",
                f"UPDATE {sample.table} SET {next(iter(sample.values))} = {next(iter(sample.values))}",
            ):
                assert isinstance(attempt(connection, statement), InsufficientPrivilege), statement
        for function in declared_definers():
            assert "auditor" not in function.execute
    assert SECRETS == ["nas", "radius_password", "receipt_secret"]


def test_batch_sees_every_operator_and_writes_as_granted_only(populated: Place) -> None:
    cast = cast_of(populated.number)
    samples = {sample.table: sample for sample in all_samples()}
    with populated.connected("batch") as connection:
        for _, table in declarations():
            owner = owner_column(table)
            if owner and "S" in table.batch:
                holders = connection.execute(f"SELECT count(DISTINCT {owner}) FROM {table.name}").fetchall()[0][0]
                assert holders >= 4, table.name
            column = owner or next(iter(samples[table.name].values))
            for letter, statement in {
                "S": f"SELECT {column} FROM {table.name}",
                "I": insert(samples[table.name], cast["rival"], 9),
                "U": f"UPDATE {table.name} SET {column} = {column} WHERE false",
                "D": f"DELETE FROM {table.name} WHERE false",
                "T": f"TRUNCATE {table.name}",
            }.items():
                denied = isinstance(attempt(connection, statement), InsufficientPrivilege)
                needs_read = letter in "UD" and "S" not in table.batch
                assert denied == (letter not in table.batch or needs_read), statement
