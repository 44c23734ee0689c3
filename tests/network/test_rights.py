"""What the database itself keeps from each role: secrets, passwords, other operators' logins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import NotFound
from backhaul.network import queries, services
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import acting_for_child, unit_of_work
from tests.builders import NOON
from tests.cast import CELL
from tests.network.conftest import Network, add_login, found, radius_database


@pytest.fixture
def as_radius(network: Network) -> Iterator[psycopg.Connection[Any]]:
    """A connection as FreeRADIUS has it."""
    with psycopg.connect(**radius_database(), autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize(
    "query",
    [
        "SELECT password FROM radius_password",
        "SELECT * FROM radius_password",
        "UPDATE radius_password SET password = password || 'x' RETURNING password",
        "SELECT secret FROM nas",
        "SELECT * FROM nas",
        "SELECT claim_disconnects(1, now(), 1)",
        "SELECT nas_secret('127.0.0.1')",
        "SELECT authorize_login(1, '127.0.0.1', 'rina', '')",
        "UPDATE radius_session_live SET updated_at = now()",
        "DELETE FROM radius_session_history",
    ],
)
@pytest.mark.parametrize("using", ["default", "batch"])
def test_neither_web_nor_runs_read_passwords_secrets_or_write_sessions(
    network: Network, query: str, using: str
) -> None:
    if using == "batch" and "claim_disconnects" in query:
        return
    add_login(network)
    with pytest.raises(DatabaseError, match="permission denied"), unit_of_work(network.isp, using=using):
        rows(query, using=using)


def test_a_password_is_revealed_to_its_operator_alone_and_the_trail_says_so(network: Network) -> None:
    login = add_login(network, child=True)
    with unit_of_work(network.isp), acting_for_child(network.north):
        assert services.reveal_password(login_id=login, at=NOON) == "secret-1"
        assert rows("SELECT verb, subject_id FROM audit_event") == [{"verb": "revealed", "subject_id": login}]
    with pytest.raises(NotFound), unit_of_work(network.isp):
        services.reveal_password(login_id=login, at=NOON)


def test_a_parent_sees_no_login_of_its_child(network: Network) -> None:
    add_login(network, child=True)
    assert found(network, "SELECT 1 FROM radius_login") == []
    with unit_of_work(network.isp):
        assert services.set_login_access(operator_id=network.north, subscription_id=7, access="reject", at=NOON) == 0
        with pytest.raises(NotFound):
            services.change_password(operator_id=network.north, subscription_id=7, password="stolen", at=NOON)


def test_a_child_uses_a_pool_and_a_router_handed_down_and_changes_neither(network: Network) -> None:
    with unit_of_work(network.isp), acting_for_child(network.north):
        assert [pool["name"] for pool in queries.list_pools()] == ["clients"]
        assert [nas["name"] for nas in queries.list_nas(now=NOON)] == ["core"]
        assert execute("UPDATE nas SET enabled = false") == 0
        assert execute("UPDATE pool SET name = 'mine'") == 0


def test_a_user_name_is_taken_for_the_whole_isp(network: Network) -> None:
    add_login(network, "rina", child=True)
    with unit_of_work(network.isp):
        assert queries.find_taken_usernames(["rina", "karim"]) == {"rina"}
        with pytest.raises(services.UsernameTaken):
            services.provision_login(
                operator_id=network.isp.isp_id, isp_id=network.isp.isp_id, username=" rina ", password="x"
            )


def test_of_many_logins_the_one_that_collides_is_named(network: Network) -> None:
    isp_id = network.isp.isp_id
    add_login(network, "taken", static_ip="203.0.113.1")

    def provision(*logins: services.NewLogin) -> None:
        with unit_of_work(network.isp):
            services.provision_logins(operator_id=isp_id, isp_id=isp_id, logins=logins)

    with pytest.raises(services.UsernameTaken, match="“taken”"):
        provision(services.NewLogin("a", "p"), services.NewLogin("taken", "p"))
    with pytest.raises(services.UsernameTaken, match="“twice”"):
        provision(services.NewLogin("twice", "p"), services.NewLogin("twice", "p"))
    with pytest.raises(services.AddressTaken, match=r"203\.0\.113\.1"):
        provision(services.NewLogin("b", "p"), services.NewLogin("c", "p", static_ip="203.0.113.1"))
    assert len(found(network, "SELECT 1 FROM radius_login")) == 1


def test_radius_reaches_its_three_functions_and_no_table(as_radius: psycopg.Connection[Any]) -> None:
    as_radius.execute(f"SET search_path = {CELL}".encode())
    for query in (
        "SELECT * FROM radius_login",
        "SELECT * FROM radius_password",
        "SELECT * FROM nas",
        "SELECT * FROM operator",
        "UPDATE public.nas_directory SET isp_id = 1",
        "SELECT set_login_access('{1}', '{1}', 'open', NULL, '', now())",
        "SELECT * FROM claim_disconnects(1, now(), 1)",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            as_radius.execute(query)


@pytest.mark.parametrize(
    ("key", "value"),
    [("seconds", "many"), ("address", "not-an-address"), ("in", "99999999999999999999"), ("received", "")],
)
def test_a_value_that_cannot_be_read_is_kept_as_an_error(
    network: Network, as_radius: psycopg.Connection[Any], key: str, value: str
) -> None:
    record = {"received": "1790000000", "username": "rina", "session": "s1", "mac": "", "port": "", key: value}
    pairs = [text for pair in record.items() for text in pair]
    answer = as_radius.execute(
        f"SELECT public.radius_account('127.0.0.1', 'Start'{', %s' * len(pairs)})", pairs
    ).fetchone()
    assert answer == ("error",)
    (kept,) = found(network, "SELECT message, record->>'username' AS username FROM radius_accounting_error")
    assert kept["username"] == "rina"


def test_a_locked_table_makes_accounting_fail_so_that_it_is_repeated(
    network: Network, as_radius: psycopg.Connection[Any], server: EmbeddedPostgres
) -> None:
    as_radius.execute("SET lock_timeout = '200ms'")
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with psycopg.connect(url) as other:
        other.execute(f"LOCK TABLE {CELL}.radius_session_live".encode())
        with pytest.raises(psycopg.errors.LockNotAvailable):
            as_radius.execute(
                "SELECT public.radius_account('127.0.0.1', 'Start', 'received', '1790000000', 'username', 'rina', "
                "'session', 's1', 'mac', '', 'port', '')"
            )
    assert found(network, "SELECT 1 FROM radius_accounting_error") == []
