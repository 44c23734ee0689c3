"""A walk through the catalogue: what is declared is there, and nothing else is (ARCHITECTURE §4)."""

from __future__ import annotations

from tests.architecture.catalogue import read_functions, read_tables
from tests.architecture.places import Place
from tests.architecture.rules import findings, function_findings

ROLES = ("app", "batch", "books", "radius", "auditor", "owner")


def test_every_table_is_as_declared(place: Place) -> None:
    with place.connected() as connection:
        tables = read_tables(connection, place.cell)
        assert len(tables) > 40
        broken = findings(connection, tables)
    assert not broken, "\n".join(broken)


def test_every_function_is_as_declared(place: Place) -> None:
    with place.connected() as connection:
        broken = function_findings(read_functions(connection, place.cell), place.cell)
    assert not broken, "\n".join(broken)


IN_WHICH_VISIT = "(NULLIF(current_setting('backhaul.impersonation'::text, true), ''::text))::bigint"


def test_every_row_that_says_who_wrote_it_says_in_which_visit_from_above(place: Place) -> None:
    """SPEC A31: actor and subject on every row. The default says it, so no statement forgets it."""
    with place.connected() as connection:
        found = connection.execute(
            "SELECT c.relname, (SELECT pg_get_expr(d.adbin, d.adrelid) FROM pg_attribute i "
            "JOIN pg_attrdef d ON d.adrelid = i.attrelid AND d.adnum = i.attnum "
            "WHERE i.attrelid = c.oid AND i.attname = 'impersonation_id') "
            "FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = %s::regnamespace AND c.relkind = 'r' AND a.attname IN ('actor_id', 'by_actor_id') "
            "AND c.relname <> 'impersonation'",
            [place.cell],
        ).fetchall()
    assert len(found) >= 20
    assert {name: default for name, default in found if default != IN_WHICH_VISIT} == {}


def test_a_cell_holds_no_trigger_rule_or_view(place: Place) -> None:
    with place.connected() as connection:
        found = connection.execute(
            "SELECT 'trigger ' || tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
            "WHERE NOT tgisinternal AND c.relnamespace = %(cell)s::regnamespace "
            "UNION ALL SELECT 'rule ' || rulename FROM pg_rules WHERE schemaname = %(cell)s::name "
            "UNION ALL SELECT 'view ' || relname FROM pg_class "
            "WHERE relkind IN ('v', 'm') AND relnamespace = %(cell)s::regnamespace",
            {"cell": place.cell},
        ).fetchall()
    assert found == []


def test_only_books_may_create_in_a_cell_and_public_has_nothing(place: Place) -> None:
    with place.connected() as connection:
        found = connection.execute(
            "SELECT replace(a.grantee::regrole::text, 'backhaul_', ''), a.privilege_type "
            "FROM pg_namespace n, aclexplode(n.nspacl) a WHERE n.nspname = %s AND a.grantee <> n.nspowner",
            [place.cell],
        ).fetchall()
    serving = {(role, "USAGE") for role in ("app", "batch", "books", "radius", "auditor")}
    assert set(found) == serving | {("books", "CREATE")}


def test_sequences_can_be_used_and_not_read(place: Place) -> None:
    """A sequence's last value would tell how much the other operators do."""
    with place.connected() as connection:
        found = connection.execute(
            "SELECT DISTINCT replace(a.grantee::regrole::text, 'backhaul_', ''), a.privilege_type "
            "FROM pg_class c, aclexplode(c.relacl) a "
            "WHERE c.relkind = 'S' AND c.relnamespace = %s::regnamespace AND a.grantee <> c.relowner",
            [place.cell],
        ).fetchall()
    assert set(found) == {("app", "USAGE"), ("batch", "USAGE"), ("books", "USAGE")}


def test_roles_have_no_power_of_their_own(place: Place) -> None:
    with place.connected() as connection:
        powers = connection.execute(
            "SELECT rolname, rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication, rolcanlogin "
            "FROM pg_roles WHERE rolname LIKE 'backhaul%' ORDER BY 1"
        ).fetchall()
        memberships = connection.execute(
            "SELECT member::regrole::text, roleid::regrole::text FROM pg_auth_members "
            "WHERE member::regrole::text LIKE 'backhaul%'"
        ).fetchall()
        owned = connection.execute(
            "SELECT DISTINCT relowner::regrole::text FROM pg_class WHERE relowner::regrole::text IN "
            "('backhaul_app', 'backhaul_batch', 'backhaul_radius', 'backhaul_auditor')"
        ).fetchall()
    assert powers == sorted((f"backhaul_{role}", False, role != "books") for role in ROLES)
    assert memberships == [("backhaul_owner", "backhaul_books")]
    assert owned == []


def test_a_database_gives_public_nothing_and_app_no_temporary_tables(place: Place) -> None:
    with place.connected() as connection:
        rights = connection.execute(
            "SELECT role, has_database_privilege(role, current_database(), 'TEMP'), "
            "has_database_privilege(role, current_database(), 'CREATE'), "
            "has_schema_privilege(role, 'public', 'CREATE') "
            "FROM unnest(ARRAY['backhaul_app', 'backhaul_radius', 'backhaul_auditor']) AS role"
        ).fetchall()
        public = connection.execute(
            "SELECT a.privilege_type FROM pg_database d, aclexplode(d.datacl) a "
            "WHERE d.datname = current_database() AND a.grantee = 0"
        ).fetchall()
    assert [right for row in rights for right in row[1:]] == [False] * 9
    assert public == []


def test_no_function_outside_the_cells_runs_with_rights_of_another(place: Place) -> None:
    with place.connected() as connection:
        found = connection.execute(
            "SELECT p.oid::regprocedure::text FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
            "WHERE p.prosecdef AND n.nspname NOT LIKE 'cell%' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
    assert found == []
