"""A packet's source address leads to its ISP's cell, call after call on one connection."""

from __future__ import annotations

import psycopg
from django.conf import settings

NUMBERS = (1, 2, 3)


def test_logins_and_accounting_find_their_cell_by_the_router_that_asks(three_cells: str) -> None:
    with psycopg.connect(three_cells) as admin:
        for number in NUMBERS:
            furnish(admin, number)
    try:
        parts = psycopg.conninfo.conninfo_to_dict(three_cells, user="backhaul_radius")
        parts["password"] = settings.HOME.secret("role_radius")
        with psycopg.connect(**parts, autocommit=True) as radius:  # type: ignore[arg-type]
            for number in NUMBERS * 8:
                source = f"198.51.100.{number}"
                answer = radius.execute("SELECT public.radius_authorize(%s, 'rina', '')", [source]).fetchone()
                assert answer is not None and answer[0][:2] == [f"password-{number}", ""]
                booked = radius.execute(
                    "SELECT public.radius_account(%s, 'Start', 'received', '1790000000', 'username', 'rina', "
                    "'session', 's1', 'mac', '', 'port', '')",
                    [source],
                ).fetchone()
                assert booked in (("started",), ("updated",))
        with psycopg.connect(three_cells) as admin:
            for number in NUMBERS:
                live = admin.execute(f"SELECT login_id FROM cell{number}.radius_session_live").fetchall()
                assert live == [(number * 10**12 + 777_000,)]
    finally:
        with psycopg.connect(three_cells) as admin:
            admin.execute("DELETE FROM nas_directory WHERE source_address << '198.51.100.0/24'")
            admin.execute("SET session_replication_role = replica")
            for number in NUMBERS:
                for table in ("radius_session_live", "radius_password", "radius_login", "nas", "operator"):
                    column = "id" if table == "operator" else "operator_id"
                    admin.execute(f"DELETE FROM cell{number}.{table} WHERE {column} = {number * 10**12 + 777_000}")


def furnish(admin: psycopg.Connection[tuple[object, ...]], number: int) -> None:
    """An ISP with one router and one login, all of one id, in a cell."""
    one = number * 10**12 + 777_000
    admin.execute(f"SET search_path = cell{number}, public")
    admin.execute(
        "INSERT INTO operator (id, isp_id, parent_id, depth, path, kind, slug, name) "
        f"VALUES ({one}, {one}, NULL, 0, ARRAY[{one}], 'isp', 'isp-{number}', 'Isp')"
    )
    admin.execute(
        f"INSERT INTO nas (operator_id, id, name, source_address, secret) "
        f"VALUES ({one}, {one}, 'core', '198.51.100.{number}', 'testing123')"
    )
    admin.execute(f"INSERT INTO nas_directory VALUES ('198.51.100.{number}', {one}, 'cell{number}')")
    admin.execute(f"INSERT INTO radius_login (operator_id, id, isp_id, username) VALUES ({one}, {one}, {one}, 'rina')")
    admin.execute(f"INSERT INTO radius_password VALUES ({one}, {one}, 'password-{number}')")
