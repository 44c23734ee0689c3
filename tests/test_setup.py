"""The database can be set up, and set up again."""

from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.database import refuse_unsafe_roles, setup_database


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
