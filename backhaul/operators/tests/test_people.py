"""Who may do what: granted by the provider, held by the role or given singly, and never more than one has oneself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

import psycopg
import pytest
from django.db import connections

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.operators.alone import call_alone
from backhaul.operators.functions import call, savepoint
from backhaul.operators.people import (
    LastOwner,
    OwnerFixed,
    RoleTaken,
    add_role,
    change_member,
    change_role,
    end_member,
    givable_roles,
    refuse_mightier,
    refuse_role,
    set_child_modules,
)
from backhaul.operators.people_queries import (
    find_own_member,
    get_member,
    list_child_grants,
    list_grants,
    list_members,
    list_reasons,
    list_roles,
)
from backhaul.operators.queries import list_audit_events
from backhaul.operators.rules import PERMISSIONS, ROLES, TREE, grantable, standard_grants
from backhaul.operators.scope import Scope
from backhaul.payments.drawer_queries import list_drawers
from backhaul.payments.drawers import Rules, set_drawer_rules
from backhaul.resellers.services import add_staff
from tests.builders import NOON, acting, build_operator, build_person
from tests.cast import Cast

BELOW: dict[str, Any] = {"kind": "sub_operator", "owner": False}


@contextmanager
def as_owner(cast: Cast, name: str = "north") -> Iterator[Scope]:
    operator = cast.padma.isp_id if name == "padma" else getattr(cast, name)
    with acting(cast.padma, operator, user_id=cast.owners[name]) as scope:
        yield scope


def member_of(user_id: int) -> int:
    return next(int(row["id"]) for row in list_members() if row["user_id"] == user_id)


def role_id(key: str) -> int:
    return next(int(row["id"]) for row in list_roles() if row["key"] == key)


def may(cast: Cast, operator_id: int, user_id: int) -> frozenset[str]:
    with acting(cast.padma, operator_id, user_id=user_id) as scope:
        return scope.permissions


def test_an_operator_gets_what_is_usual_for_its_kind_and_its_parent_has(cast: Cast) -> None:
    assert may(cast, cast.padma.isp_id, cast.owners["padma"]) == PERMISSIONS
    north = may(cast, cast.north, cast.owners["north"])
    assert (
        north == standard_grants("reseller", may_have_children=True, edits_catalog=True) == PERMISSIONS - {"bills.run"}
    )
    riverside = may(cast, cast.riverside, cast.owners["riverside"])
    assert {"customers.edit", "payments.collect", "books.post", "brand.edit", "settings.edit"} <= riverside
    never = {name for name, permission in TREE.items() if permission.kept}
    assert never >= {"resellers.edit", "catalog.edit", "network.edit", "staff.edit", "roles.edit"}
    assert not riverside & never


def test_a_grandchild_gets_nothing_that_its_parent_lacks(cast: Cast) -> None:
    with as_owner(cast, "padma"):
        set_child_modules(child_id=cast.north, permissions=PERMISSIONS - {"bills.run", "books.post"}, at=NOON)
    below = build_operator(cast.padma, cast.north, "below", **BELOW)
    with acting(cast.padma, below):
        assert "books.close" in list_grants()
        assert "books.post" not in list_grants()


def test_the_database_refuses_a_grant_that_the_parent_lacks(cast: Cast, server: EmbeddedPostgres) -> None:
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    columns = "operator_id, permission, isp_id, parent_id"
    grant = f"INSERT INTO {cast.padma.cell}.module_grant ({columns}) VALUES (%s, %s, %s, %s)"
    isp = cast.padma.isp_id
    refused: list[tuple[Any, ...]] = [
        (cast.riverside, "bills.run", isp, cast.north),  # North lacks it
        (cast.riverside, "catalog.edit", isp, isp),  # Padma has it, and is not its parent
        (cast.riverside, "catalog.edit", isp, None),  # from nobody, and no ISP
        (cast.riverside, "catalog.edit", cast.meghna.isp_id, cast.north),
    ]
    with psycopg.connect(url, autocommit=True) as admin:
        for row in refused:
            with pytest.raises(psycopg.errors.IntegrityError):
                admin.execute(grant, row)
        admin.execute(grant, (cast.riverside, "catalog.edit", isp, cast.north))
        with pytest.raises(psycopg.errors.ForeignKeyViolation):
            admin.execute(
                f"DELETE FROM {cast.padma.cell}.module_grant WHERE operator_id = %s AND permission = 'catalog.edit'",
                [cast.north],
            )


def test_what_is_taken_from_a_child_is_taken_from_everyone_below_it(cast: Cast) -> None:
    with as_owner(cast):
        before = list_child_grants(cast.riverside)
        assert before["books.post"] == {"operators": 0, "people": 1}
    with as_owner(cast, "padma"):
        held = list_child_grants(cast.north)
        assert held["books.post"] == {"operators": 1, "people": 2}
        set_child_modules(child_id=cast.north, permissions=held.keys() - {"books.post"}, at=NOON)
        assert list_child_grants(cast.north).keys() == held.keys() - {"books.post"}
        assert list_audit_events("operator", cast.north)[0]["detail"] == {"given": [], "taken": ["books.post"]}
    assert "books.post" not in may(cast, cast.north, cast.owners["north"]) | may(
        cast, cast.riverside, cast.owners["riverside"]
    )
    assert "books.post" in may(cast, cast.rival, cast.owners["rival"])
    with as_owner(cast), pytest.raises(NotAllowed, match="may not do yourself: Record in the books"):
        set_child_modules(child_id=cast.riverside, permissions=before.keys(), at=NOON)


def test_only_a_direct_child_is_granted_anything_and_never_the_run_of_the_whole_tree(cast: Cast) -> None:
    with as_owner(cast, "padma"):
        for other in (cast.riverside, cast.padma.isp_id, cast.meghna.isp_id):
            with pytest.raises(NotFound), savepoint():
                set_child_modules(child_id=other, permissions=[], at=NOON)
        with pytest.raises(InvalidInput, match="whole tree"):
            set_child_modules(child_id=cast.north, permissions=PERMISSIONS, at=NOON)
        set_child_modules(child_id=cast.rival, permissions=grantable(PERMISSIONS), at=NOON)
        assert list_child_grants(cast.rival).keys() == PERMISSIONS - {"bills.run"}
    with acting(cast.padma, cast.north), pytest.raises(NotAllowed):
        call("set_modules", child=cast.riverside, permissions=["bills.run"])


def test_every_operator_has_the_built_in_roles_with_what_they_hold(cast: Cast) -> None:
    for operator in (cast.padma.isp_id, cast.north, cast.riverside):
        with acting(cast.padma, operator):
            granted = list_grants()
            expected = {key: len(granted if key == "owner" else granted & held) for key, held in ROLES.items()}
            assert {role["key"]: role["actions"] for role in list_roles()} == expected


def test_actions_are_granted_one_by_one_on_top_of_a_thin_role(cast: Cast) -> None:
    with as_owner(cast):
        user = build_person(cast.north, "minu", "manager")
        member = member_of(user)
        change_member(member_id=member, role="manager", permissions={"customers.view", "staff.edit"}, at=NOON)
        assert list_reasons(member)["customers.view"] == (False, True)
        assert list_reasons(member)["drawers.receive"] == (True, False)
    assert may(cast, cast.north, user) == ROLES["manager"] | {"customers.view", "staff.edit"}
    with as_owner(cast):
        change_member(member_id=member, role="noc", permissions=[], at=NOON)
        assert list_audit_events("member", member)[0]["detail"] == {
            "role": "noc", "was": "manager", "given": [], "taken": ["customers.view", "staff.edit"],
        }  # fmt: skip
    assert may(cast, cast.north, user) == ROLES["noc"]


def test_a_role_of_ones_own_and_a_changed_one_hold_at_once(cast: Cast) -> None:
    with as_owner(cast):
        own = add_role(name="  Front   desk ", permissions={"customers.view"}, at=NOON)
        key = next(role["key"] for role in list_roles() if role["id"] == own)
        user = build_person(cast.north, "desk", key)
        with pytest.raises(RoleTaken):
            add_role(name="front desk", permissions=[], at=NOON)
    assert may(cast, cast.north, user) == {"customers.view"}
    with acting(cast.padma, cast.north, user_id=user) as scope:
        assert scope.role_name == "Front desk"
    with as_owner(cast):
        change_role(role_id=own, name="Counter", permissions={"bills.view", "payments.collect"}, at=NOON)
    assert may(cast, cast.north, user) == {"bills.view", "payments.collect"}


def test_cash_is_in_the_hands_of_those_whose_role_keeps_a_drawer(cast: Cast) -> None:
    with as_owner(cast):
        own = add_role(name="Field team", permissions={"payments.collect"}, keeps_drawer=True, at=NOON)
        office = add_role(name="Office", permissions={"payments.collect"}, at=NOON)
        keys = {role["id"]: role["key"] for role in list_roles()}
        field, _desk = (build_person(cast.north, name, keys[each]) for name, each in (("a1", own), ("a2", office)))
        collector = build_person(cast.north, "a3", "collector")
        assert {row["user_id"] for row in list_drawers()} == {field, collector}
        set_drawer_rules(Rules(everyone=True), now=NOON)
        assert len(list_drawers()) == 4  # and the owner, and the office: all who take payments
        change_role(role_id=own, name=None, keeps_drawer=False, permissions=[], at=NOON)
        assert field not in {row["user_id"] for row in list_drawers()}


def test_an_owners_role_is_no_matter_of_ticks(cast: Cast) -> None:
    with as_owner(cast), pytest.raises(OwnerFixed):
        change_role(role_id=role_id("owner"), name=None, permissions=[], at=NOON)


def test_what_a_role_holds_beyond_the_grants_waits_for_them(cast: Cast) -> None:
    with as_owner(cast):
        user = build_person(cast.riverside, "watch", "noc")
    assert may(cast, cast.riverside, user) == {"dashboard.view", "customers.view"}
    with acting(cast.padma, cast.riverside):  # saving the role leaves what it cannot show
        change_role(role_id=role_id("noc"), name=None, permissions={"dashboard.view"}, at=NOON)
    with as_owner(cast):
        set_child_modules(
            child_id=cast.riverside, permissions=list_child_grants(cast.riverside).keys() | {"network.view"}, at=NOON
        )
    assert may(cast, cast.riverside, user) == {"dashboard.view", "network.view"}


def test_nobody_gives_what_he_may_not_do_himself(cast: Cast) -> None:
    with as_owner(cast):
        user = build_person(cast.north, "minu", "manager")
        other = member_of(build_person(cast.north, "tinu", "manager"))
        boss = member_of(build_person(cast.north, "boss", "accountant"))
        mine = {"staff.edit", "roles.edit", "customers.view", "customers.suspend", "resellers.edit"}
        change_member(member_id=member_of(user), role="manager", permissions=mine, at=NOON)
    with acting(cast.padma, cast.north, user_id=user):
        change_member(member_id=other, role="manager", permissions={"customers.suspend"}, at=NOON)
        for refused in (
            lambda: change_member(member_id=other, role="manager", permissions={"books.post"}, at=NOON),
            lambda: change_member(member_id=other, role="accountant", permissions=[], at=NOON),
            lambda: change_member(member_id=other, role="owner", permissions=[], at=NOON),
            lambda: change_member(member_id=boss, role="manager", permissions=[], at=NOON),
            lambda: end_member(member_id=boss, at=NOON),
            lambda: end_member(member_id=_owner(), at=NOON),
            lambda: add_role(name="Mighty", permissions={"books.post"}, at=NOON),
            lambda: change_role(role_id=role_id("manager"), name=None, permissions={"books.post"}, at=NOON),
            lambda: change_role(role_id=role_id("accountant"), name=None, permissions=[], at=NOON),
            lambda: add_staff(operator_id=cast.north, role="accountant", name="x", full_name="X", password="12345678"),
            lambda: set_child_modules(child_id=cast.riverside, permissions=[], at=NOON),
        ):
            with pytest.raises(NotAllowed):
                refused()
        assert get_member(boss)["role"] == "accountant"


def _owner() -> int:
    return next(int(row["id"]) for row in list_members() if row["role"] == "owner")


def test_what_a_role_will_do_once_it_is_granted_again_is_not_given_by_who_may_not(cast: Cast) -> None:
    """A manager who took a role while it held nothing more than he would have it the day the provider gives back."""
    mine = {"staff.edit", "roles.edit", "catalog.view", *ROLES["noc"]}
    with as_owner(cast):
        user = build_person(cast.north, "minu", "manager")
        watch = member_of(build_person(cast.north, "watch", "noc"))
        change_member(member_id=member_of(user), role="manager", permissions=mine - {"network.edit"}, at=NOON)
    with as_owner(cast, "padma"):
        held = list_child_grants(cast.north).keys()
        set_child_modules(child_id=cast.north, permissions=held - {"network.edit"}, at=NOON)
    with acting(cast.padma, cast.north, user_id=user):
        own = member_of(user)
        assert "noc" not in givable_roles() and "collector" not in givable_roles()
        with pytest.raises(NotAllowed):
            change_member(member_id=own, role="noc", permissions=mine - {"network.edit"}, at=NOON)
        with pytest.raises(NotAllowed):
            refuse_role("noc")
        with pytest.raises(NotAllowed):
            refuse_mightier(watch)
    with as_owner(cast, "padma"):
        set_child_modules(child_id=cast.north, permissions=held, at=NOON)
    assert "network.edit" not in may(cast, cast.north, user)
    with as_owner(cast):
        change_member(member_id=member_of(user), role="manager", permissions=mine, at=NOON)
    with acting(cast.padma, cast.north, user_id=user):
        assert "noc" in givable_roles()
        refuse_mightier(watch)


@pytest.mark.parametrize("role", ["accountant", "collector", "noc", "manager"])
def test_without_the_permission_nobody_manages_people_or_roles(cast: Cast, role: str) -> None:
    with as_owner(cast):
        user = build_person(cast.north, "minu", role)
        other = member_of(build_person(cast.north, "tinu", "manager"))
    with acting(cast.padma, cast.north, user_id=user):
        for refused in (
            lambda: change_member(member_id=other, role="manager", permissions=[], at=NOON),
            lambda: end_member(member_id=other, at=NOON),
            lambda: add_role(name="Mine", permissions=[], at=NOON),
            lambda: change_role(role_id=role_id("manager"), name=None, permissions=[], at=NOON),
            lambda: set_child_modules(child_id=cast.riverside, permissions=[], at=NOON),
        ):
            with pytest.raises(NotAllowed):
                refused()


def test_the_last_owner_stays_and_nobody_ends_the_own_access(cast: Cast) -> None:
    with as_owner(cast):
        own = find_own_member()
        assert own is not None
        with pytest.raises(LastOwner):
            change_member(member_id=own, role="manager", permissions=[], at=NOON)
        with pytest.raises(NotAllowed, match="own access"):
            end_member(member_id=own, at=NOON)
        second = member_of(build_person(cast.north, "second"))
    with acting(cast.padma, cast.north):
        end_member(member_id=second, at=NOON)
        with pytest.raises(LastOwner):
            end_member(member_id=own, at=NOON)
    with as_owner(cast) as scope:
        assert scope.role == "owner"
        with pytest.raises(NotFound):
            get_member(second)


def test_two_owners_who_remove_each_other_at_once_leave_one(cast: Cast) -> None:
    with as_owner(cast):
        second = build_person(cast.north, "second")
        theirs, mine = member_of(second), member_of(cast.owners["north"])
    seated, ended = Event(), Event()
    answers: list[str] = []

    def remove_the_first() -> None:
        try:
            with acting(cast.padma, cast.north, user_id=second):
                seated.set()
                assert ended.wait(10)
                end_member(member_id=mine, at=NOON)
        except LastOwner:
            answers.append("last owner")
        finally:
            connections.close_all()

    other = Thread(target=remove_the_first)
    with as_owner(cast):
        other.start()
        assert seated.wait(10)
        end_member(member_id=theirs, at=NOON)
        ended.set()
        other.join(0.5)  # it is waiting for this transaction, or has looked past it
    other.join(20)
    with acting(cast.padma, cast.north):
        owners = [row["id"] for row in list_members() if row["role"] == "owner" and row["ended_at"] is None]
    assert (owners, answers) == ([mine], ["last owner"])


def test_who_is_made_an_owner_meanwhile_is_no_managers_to_change(cast: Cast) -> None:
    with as_owner(cast):
        user = build_person(cast.north, "minu", "manager")
        rising = member_of(build_person(cast.north, "rising", "manager"))
        change_member(member_id=member_of(user), role="manager", permissions={"staff.edit"}, at=NOON)
    answers: list[str] = []

    def look_at() -> None:
        try:
            with acting(cast.padma, cast.north, user_id=user):
                refuse_mightier(rising)
                answers.append("may be changed")
        except NotAllowed:
            answers.append("not allowed")
        finally:
            connections.close_all()

    manager = Thread(target=look_at)
    with as_owner(cast):
        change_member(member_id=rising, role="owner", permissions=[], at=NOON)
        manager.start()
        manager.join(0.5)  # it is waiting for this transaction, or has looked past it
    manager.join(20)
    assert answers == ["not allowed"]


def test_people_and_roles_of_another_operator_do_not_exist(cast: Cast) -> None:
    with as_owner(cast, "rival"):
        member, role = find_own_member(), role_id("manager")
    assert member is not None
    with as_owner(cast):
        for unknown in (
            lambda: change_member(member_id=member, role="manager", permissions=[], at=NOON),
            lambda: end_member(member_id=member, at=NOON),
            lambda: change_role(role_id=role, name=None, permissions=[], at=NOON),
        ):
            with pytest.raises(NotFound):
                unknown()


def test_a_call_that_is_a_unit_by_itself_asks_for_the_same_permission(cast: Cast) -> None:
    with as_owner(cast):
        user = build_person(cast.north, "minu", "manager")
        member = member_of(user)
    with pytest.raises(NotAllowed, match=r"audit\.view"):
        call_alone(cast.padma, cast.north, "audit.view", "operator_below", user_id=user, slug="riverside")
    with as_owner(cast):
        change_member(member_id=member, role="manager", permissions={"audit.view"}, at=NOON)
    assert call_alone(cast.padma, cast.north, "audit.view", "operator_below", user_id=user, slug="riverside")
