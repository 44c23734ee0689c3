"""No role that serves people or runs bills can write, change or remove what is posted."""

from __future__ import annotations

import psycopg
import pytest
from django.conf import settings
from psycopg.errors import InsufficientPrivilege

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger import services
from backhaul.ledger.rules import ManualLine
from tests.builders import acting
from tests.cast import CELL
from tests.ledger.books import DAY, NOW, build_chain, recharge

MONEY = (
    "entry",
    "posting",
    "manual_entry",
    "seal",
    "account_day",
    "kind_day",
    "party_day",
    "fund_movement",
    "books",
    "posting_template",
)


@pytest.fixture
def posted(db: EmbeddedPostgres) -> int:
    """An ISP with entries in every table."""
    chain = build_chain(2)
    recharge(chain, chain.operators[1], 100)
    with acting(chain.isp):
        services.post_manual_entry(
            effective_on=DAY, lines=[ManualLine("cash", "bank", 5)], reason="moved", request_key="k", now=NOW
        )
    services.seal_all_books(chain.isp, now=NOW)
    return chain.operators[0]


@pytest.mark.parametrize("role", ["app", "batch", "auditor", "radius"])
def test_money_is_append_only_and_appended_by_functions_alone(posted: int, role: str) -> None:
    target = settings.DATABASES["default"]
    with psycopg.connect(
        host=str(target["HOST"]), port=str(target["PORT"]), dbname=str(target["NAME"]), user=f"backhaul_{role}",
        password=settings.HOME.secret(f"role_{role}"), options=f"-c search_path={CELL},public,ext", autocommit=True,
    ) as connection:  # fmt: skip
        for name, value in {"operator": str(posted), "operators": f"{{{posted}}}", "ancestors": "{}"}.items():
            connection.execute("SELECT set_config(%s, %s, false)", [f"backhaul.{name}", value])
        column = {table: "operator_id" for table in MONEY} | {"fund_movement": "child_id", "posting_template": "kind"}
        for table in MONEY:
            for statement in (
                f"UPDATE {table} SET {column[table]} = {column[table]}",
                f"DELETE FROM {table}",
                f"TRUNCATE {table}",
                f"INSERT INTO {table} SELECT * FROM {table} WHERE false",
            ):
                with pytest.raises(InsufficientPrivilege):
                    connection.execute(statement.encode())


@pytest.mark.parametrize("role", ["app", "radius", "auditor"])
def test_only_the_batch_role_seals(posted: int, role: str) -> None:
    target = settings.DATABASES["default"]
    with psycopg.connect(
        host=str(target["HOST"]), port=str(target["PORT"]), dbname=str(target["NAME"]), user=f"backhaul_{role}",
        password=settings.HOME.secret(f"role_{role}"), options=f"-c search_path={CELL},public,ext",
    ) as connection, pytest.raises(InsufficientPrivilege):  # fmt: skip
        connection.execute("SELECT seal_books(%s, now())", [posted])
