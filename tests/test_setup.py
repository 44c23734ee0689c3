"""The database can be set up, and set up again."""

import psycopg
import pytest
from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.database import OtherTables, refuse_unsafe_roles, setup_database
from tests.cast import CELL


def test_setting_up_twice_changes_nothing(server: EmbeddedPostgres) -> None:
    def catalogue() -> list[tuple[object, ...]]:
        with connections["owner"].cursor() as cursor:
            cursor.execute(
                "SELECT schemaname, tablename, policyname, cmd, roles::text, qual, with_check "
                "FROM pg_policies ORDER BY 1, 2, 3"
            )
            return list(cursor.fetchall())

    before = catalogue()
    setup_database(server.admin_url)
    assert catalogue() == before
    assert len(before) > 100
    refuse_unsafe_roles()


def test_a_database_of_another_version_is_left_alone_and_said_in_words(server: EmbeddedPostgres) -> None:
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with psycopg.connect(url, autocommit=True) as admin:
        told = admin.execute("SELECT obj_description(%s::regnamespace::oid, 'pg_namespace')", [CELL]).fetchone()
        assert told is not None
        for comment in ("NULL", "'tables of long ago'"):
            admin.execute(f"COMMENT ON SCHEMA {CELL} IS {comment}".encode())
            try:
                with pytest.raises(OtherTables, match="another version"):
                    setup_database(server.admin_url)
            finally:
                admin.execute(f"COMMENT ON SCHEMA {CELL} IS '{told[0]}'".encode())
    setup_database(server.admin_url)
