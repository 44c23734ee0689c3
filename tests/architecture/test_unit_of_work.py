"""The unit of work is the only way to owned rows, and nothing of it outlives its transaction."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from django.db import ProgrammingError, connections

from backhaul.common.errors import NotFound
from backhaul.identity.models import IspDirectory
from backhaul.operators.database import UnsafeRole, refuse_unsafe_roles
from backhaul.operators.functions import rows, savepoint
from backhaul.operators.scope import current_scope, founding_unit, unit_of_work
from tests.architecture.places import Place
from tests.architecture.samples import cast_of

CAST = cast_of(1)
PADMA = IspDirectory(isp_id=CAST["padma"].id, slug="padma", cell="cell1")
MEGHNA = IspDirectory(isp_id=CAST["meghna"].id, slug="meghna", cell="cell1")
SETTINGS = ("backhaul.operator", "backhaul.operators", "backhaul.ancestors", "backhaul.actor")

pytestmark = pytest.mark.parametrize("place", ["one cell"], indirect=True)


@pytest.fixture(autouse=True)
def one_connection_to_the_end(populated: Place) -> Iterator[None]:
    """The same connection before, during and after a unit, as in a server: a leak would show."""
    yield
    connections["default"].close()


def customers() -> list[int]:
    return [row["operator_id"] for row in rows("SELECT operator_id FROM customer ORDER BY 1")]


def context() -> dict[str, str | None]:
    wanted = ", ".join(f"current_setting('{name}', true) AS \"{name}\"" for name in SETTINGS)
    return rows(f"SELECT {wanted}, current_setting('search_path') AS search_path")[0]


def assert_nothing_is_left() -> None:
    left = context()
    assert "cell" not in str(left.pop("search_path"))
    assert set(left.values()) <= {None, ""}
    with pytest.raises(ProgrammingError, match=r'relation "customer" does not exist'):
        customers()
    with pytest.raises(LookupError):
        current_scope()


def test_an_owned_table_read_outside_a_unit_raises() -> None:
    assert_nothing_is_left()


def test_inside_a_unit_the_acting_operator_sees_its_own() -> None:
    riverside = CAST["riverside"]
    with unit_of_work(PADMA, riverside.id) as scope:
        assert customers() == [riverside.id]
        assert (scope.path, scope.visible, scope.parent_id) == (riverside.path, (riverside.id,), CAST["north"].id)
        assert context() == {
            "backhaul.operator": str(riverside.id),
            "backhaul.operators": f"{{{riverside.id}}}",
            "backhaul.ancestors": f"{{{CAST['padma'].id},{CAST['north'].id}}}",
            "backhaul.actor": "0",
            "search_path": "cell1, public, ext",
        }
    assert_nothing_is_left()


def test_a_unit_that_fails_leaves_nothing() -> None:
    with pytest.raises(ZeroDivisionError), unit_of_work(PADMA):
        assert customers() == [PADMA.isp_id]
        raise ZeroDivisionError
    assert_nothing_is_left()


def test_a_statement_that_fails_leaves_nothing() -> None:
    with pytest.raises(ProgrammingError), unit_of_work(PADMA):
        rows("SELECT no_such_column FROM customer")
    assert_nothing_is_left()


def test_a_savepoint_that_is_undone_or_released_changes_nobody() -> None:
    with unit_of_work(PADMA, CAST["north"].id):
        with pytest.raises(ZeroDivisionError), savepoint():
            raise ZeroDivisionError
        with savepoint():
            assert customers() == [CAST["north"].id]
        assert customers() == [CAST["north"].id]
    assert_nothing_is_left()


def test_a_unit_inside_a_unit_is_refused_and_the_outer_goes_on() -> None:
    with unit_of_work(PADMA, CAST["north"].id):
        with pytest.raises(LookupError, match="already open"), unit_of_work(PADMA, CAST["rival"].id):
            pass
        with pytest.raises(LookupError, match="already open"), founding_unit("cell1"):
            pass
        assert customers() == [CAST["north"].id]


@pytest.mark.parametrize(
    ("isp", "operator", "user"),
    [
        (PADMA, CAST["meghna"].id, None),
        (MEGHNA, CAST["north"].id, None),
        (PADMA, 1, None),
        (PADMA, CAST["north"].id, CAST["rival"].id),
    ],
    ids=["another ISP's operator", "an operator under another ISP's name", "nobody", "a member of a rival"],
)
def test_who_has_no_business_there_is_told_that_it_does_not_exist(
    isp: IspDirectory, operator: int, user: int | None
) -> None:
    with pytest.raises(NotFound, match=r"^There is no such operator\.$"), unit_of_work(isp, operator, user_id=user):
        raise AssertionError("opened")
    assert_nothing_is_left()


def test_a_member_acts_with_the_permissions_of_its_role_there() -> None:
    rival = CAST["rival"]
    with unit_of_work(PADMA, rival.id, user_id=rival.id) as scope:  # the sample row makes it the owner
        assert (scope.role, scope.actor_id) == ("owner", rival.id)
        assert customers() == [rival.id]


def test_two_threads_with_two_operators_do_not_mix() -> None:
    seen: dict[str, set[tuple[int, ...]]] = {}
    together = threading.Barrier(2)

    def look(name: str) -> None:
        try:
            for _ in range(20):
                with unit_of_work(PADMA, CAST[name].id):
                    together.wait(10)
                    seen.setdefault(name, set()).add(tuple(customers()))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=look, args=[name]) for name in ("north", "rival")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {name: {(CAST[name].id,)} for name in ("north", "rival")}


def test_the_server_starts_with_its_own_roles() -> None:
    refuse_unsafe_roles()


@pytest.mark.parametrize("user", ["postgres", "backhaul_owner"])
def test_the_server_refuses_to_start_as_owner_or_superuser(populated: Place, user: str) -> None:
    connection = connections["default"]
    own = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    password = connections["owner"].settings_dict["PASSWORD"]
    if user == "postgres":
        password = populated.admin_url.split(":")[2].split("@")[0]
    connection.close()
    connection.settings_dict.update({"USER": user, "PASSWORD": password})
    try:
        with pytest.raises(UnsafeRole, match="default"):
            refuse_unsafe_roles()
    finally:
        connection.close()
        connection.settings_dict.update(own)


@pytest.mark.parametrize("power", ["BYPASSRLS", "SUPERUSER", "owner of a table", "member of the owner"])
def test_the_server_refuses_an_app_role_that_was_given_too_much(populated: Place, power: str) -> None:
    give, take = {
        "owner of a table": (
            "CREATE TABLE scratch (); ALTER TABLE scratch OWNER TO backhaul_app",
            "DROP TABLE scratch",
        ),
        "member of the owner": ("GRANT backhaul_owner TO backhaul_app", "REVOKE backhaul_owner FROM backhaul_app"),
    }.get(power, (f"ALTER ROLE backhaul_app {power}", f"ALTER ROLE backhaul_app NO{power}"))
    with populated.connected() as admin:
        admin.autocommit = True
        admin.execute(give)
        try:
            with pytest.raises(UnsafeRole):
                refuse_unsafe_roles()
        finally:
            admin.execute(take)
    refuse_unsafe_roles()
