"""Commands on people and roles of the acting operator, and on what a direct child may do (SPEC A36, B1–B7).

Nobody gives what he may not do himself, and nobody changes what another may do that he may not; what somebody could do
once it is granted to the operator again counts as well. Each runs in the caller's unit of work and leaves its trail.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotAllowed, Refusal
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.people_queries import (
    find_own_member,
    get_ended_member,
    get_member,
    get_role,
    list_child_grants,
    list_grants,
    ticked_in_role,
    ticked_in_roles,
    ticked_singly,
)
from backhaul.operators.rules import OWNER, TREE, grantable
from backhaul.operators.scope import SYSTEM, current_scope
from backhaul.operators.services import add_member, record_audit


class LastOwner(Refusal):
    """Somebody must be left who may do everything."""

    code = "last_owner"


class RoleTaken(Refusal):
    """There is a role of that name."""

    code = "role_taken"


class OwnerFixed(Refusal):
    """An owner may do all that the operator may; that is no matter of ticks."""

    code = "owner_fixed"


def add_role(*, name: str, permissions: Collection[str], at: datetime, keeps_drawer: bool = False) -> int:
    """Create a role of the acting operator's own; returns its id. Raises RoleTaken, NotAllowed.

    `keeps_drawer`: cash that its people take is in their hands until somebody receives it.
    """
    scope = current_scope()
    scope.require("roles.edit")
    _refuse_others(permissions)
    plain = _free_name(name, None)
    found = rows(
        "INSERT INTO role (operator_id, id, key, name, keeps_drawer) "
        "SELECT %(me)s, n, 'own-' || n, %(name)s, %(drawer)s "
        "FROM nextval(pg_get_serial_sequence('role', 'id')) AS n RETURNING id",
        {"me": scope.operator_id, "name": plain, "drawer": keeps_drawer},
    )
    role_id = int(found[0]["id"])
    _tick("role_permission", "role_id", role_id, set(), set(permissions))
    record_audit(verb="added", subject_type="role", subject_id=role_id, at=at, name=plain, holds=sorted(permissions))
    return role_id


def change_role(
    *, role_id: int, name: str | None, permissions: Collection[str], at: datetime, keeps_drawer: bool | None = None
) -> None:
    """Let a role hold these permissions; who has it may do them at once. `name`: of an own role. None: as it is.

    What it holds beyond what the operator was granted stays, for when it is. Raises OwnerFixed, RoleTaken, NotAllowed.
    """
    scope = current_scope()
    scope.require("roles.edit")
    role = get_role(role_id, lock=True)
    if role["key"] == OWNER:
        raise OwnerFixed(
            "An owner may do all that %(scope_name)s may; give people another role to let them do less.",
            scope_name=scope.name,
        )
    before = ticked_in_role(role_id)
    after = set(permissions) | (before - list_grants())
    _refuse_others(before ^ after)
    called = _free_name(name, role_id) if name is not None and role["is_own"] else role["name"]
    drawer = role["keeps_drawer"] if keeps_drawer is None else keeps_drawer
    execute(
        "UPDATE role SET name = %s, keeps_drawer = %s WHERE operator_id = %s AND id = %s",
        [called, drawer, scope.operator_id, role_id],
    )
    _tick("role_permission", "role_id", role_id, before, after)
    record_audit(
        verb="changed", subject_type="role", subject_id=role_id, at=at,
        given=sorted(after - before), taken=sorted(before - after), keeps_drawer=drawer,
    )  # fmt: skip


def change_member(*, member_id: int, role: str, permissions: Collection[str], at: datetime) -> None:
    """Give a person another role, by its key, and these permissions singly on top of it.

    Raises LastOwner, and NotAllowed where the person may do, or would then do, what whoever acts may not.
    """
    scope = current_scope()
    scope.require("staff.edit")
    member = get_member(member_id, lock=True)
    refuse_mightier(member_id)
    if role != member["role"]:
        refuse_role(role)
        if member["role"] == OWNER:
            _keep_an_owner(member_id)
    before = ticked_singly(member_id)
    after = set() if role == OWNER else set(permissions) | (before - list_grants())
    _refuse_others(after - before)
    execute("UPDATE membership SET role = %s WHERE operator_id = %s AND id = %s", [role, scope.operator_id, member_id])
    _tick("member_permission", "membership_id", member_id, before, after)
    record_audit(
        verb="changed", subject_type="member", subject_id=member_id, at=at, role=role, was=member["role"],
        given=sorted(after - before), taken=sorted(before - after),
    )  # fmt: skip


def end_member(*, member_id: int, at: datetime) -> int:
    """End a person's access; returns the user's id. Raises LastOwner, and NotAllowed as change_member does."""
    scope = current_scope()
    scope.require("staff.edit")
    member = get_member(member_id, lock=True)
    if member["user_id"] == scope.actor_id:
        raise NotAllowed("Nobody ends the own access; let somebody else do it.")
    refuse_mightier(member_id)
    if member["role"] == OWNER:
        _keep_an_owner(member_id)
    execute(
        "UPDATE membership SET ended_at = %s WHERE operator_id = %s AND id = %s", [at, scope.operator_id, member_id]
    )
    record_audit(verb="ended", subject_type="member", subject_id=member_id, at=at, role=member["role"])
    return int(member["user_id"])


def return_member(*, member_id: int, at: datetime) -> int:
    """Give a person whose access ended the same role again, without what was granted singly; returns the membership's
    id. Raises NotFound where it did not end or the person has come back, and NotAllowed as change_member does."""
    scope = current_scope()
    scope.require("staff.edit")
    ended = get_ended_member(member_id)
    refuse_role(ended["role"])
    add_member(user_id=ended["user_id"], role=ended["role"])
    found = rows(
        "SELECT id FROM membership WHERE operator_id = %s AND user_id = %s AND ended_at IS NULL",
        [scope.operator_id, ended["user_id"]],
    )
    new_id = int(found[0]["id"])
    record_audit(verb="returned", subject_type="member", subject_id=new_id, at=at, role=ended["role"])
    return new_id


def refuse_mightier(member_id: int) -> None:
    """Raises NotAllowed for a person who may do what whoever acts may not: only the same or mightier change it. Until
    the transaction ends the person becomes no mightier."""
    scope = current_scope()
    member = get_member(member_id, lock=True)
    if scope.actor_id == SYSTEM:
        return
    if member["role"] == OWNER and scope.role != OWNER:
        raise NotAllowed("Only an owner changes what an owner may do.")
    if scope.role != OWNER and not _ticked_of(member) <= _own_ticks():
        raise NotAllowed("This person may do more than you; ask an owner.")


def refuse_role(role: str) -> None:
    """Raises NotAllowed where whoever acts may not give that role, InvalidInput where there is none of that key."""
    if role not in ticked_in_roles():
        raise InvalidInput("There is no such role; choose another.", field="role")
    if role in givable_roles():
        return
    if role == OWNER:
        raise NotAllowed("Only an owner makes another owner.")
    raise NotAllowed("This role may do more than you; only somebody who may all of it gives it.", field="role")


def givable_roles() -> set[str]:
    """The keys of the roles that whoever acts may give: what they hold is ticked for itself, too, granted or not. For
    what they hold beyond the grants would else come to whoever gave himself the role while it counted for nothing."""
    scope = current_scope()
    roles = ticked_in_roles()
    if scope.actor_id == SYSTEM or scope.role == OWNER:
        return set(roles)
    own = _own_ticks()
    return {key for key, ticked in roles.items() if key != OWNER and ticked <= own}


def _own_ticks() -> set[str]:
    """What is ticked for whoever acts, by its role or singly, granted to the operator or not."""
    own = find_own_member()
    return set() if own is None else _ticked_of(get_member(own))


def _ticked_of(member: dict[str, Any]) -> set[str]:
    return ticked_in_role(member["role_id"]) | ticked_singly(member["id"])


def set_child_modules(*, child_id: int, permissions: Collection[str], at: datetime) -> None:
    """Grant a direct child these permissions and no others; what it loses, everybody below it loses at once."""
    scope = current_scope()
    scope.require("resellers.edit")
    before = set(list_child_grants(child_id))
    _refuse_others(before ^ set(permissions))
    if not grantable(permissions) >= set(permissions):
        raise InvalidInput("The billing run covers the whole tree; it stays with the provider.", field="permissions")
    call("set_modules", child=child_id, permissions=sorted(permissions))
    record_audit(
        verb="modules", subject_type="operator", subject_id=child_id, at=at,
        given=sorted(set(permissions) - before), taken=sorted(before - set(permissions)),
    )  # fmt: skip


def _refuse_others(permissions: Collection[str]) -> None:
    """Permissions that there are, and that whoever acts has."""
    unknown = set(permissions) - TREE.keys()
    if unknown:
        raise InvalidInput(
            "There is no permission %(unknown)s.", unknown=", ".join(sorted(unknown)), field="permissions"
        )
    lacking = set(permissions) - current_scope().permissions
    if lacking:
        words = ", ".join(sorted(str(TREE[name].label) for name in lacking))
        raise NotAllowed(
            "You cannot give or take what you may not do yourself: %(words)s.", words=words, field="permissions"
        )


def _keep_an_owner(member_id: int) -> None:
    """The owners are locked: two do not leave at once."""
    owners = rows(
        "SELECT id FROM membership WHERE operator_id = %s AND role = %s AND ended_at IS NULL",
        [current_scope().operator_id, OWNER],
    )
    if {row["id"] for row in owners} <= {member_id}:
        raise LastOwner("This is the last owner. Make somebody else an owner first.", field="role")


def _free_name(name: str, role_id: int | None) -> str:
    plain = " ".join(name.split())
    if not plain:
        raise InvalidInput("Give the role a name.", field="name")
    taken = rows(
        "SELECT 1 FROM role WHERE operator_id = %s AND lower(name) = lower(%s) AND id IS DISTINCT FROM %s",
        [current_scope().operator_id, plain, role_id],
    )
    if taken:
        raise RoleTaken("There is a role “%(plain)s”; choose another name.", plain=plain, field="name")
    return plain


def _tick(table: str, column: str, row_id: int, before: set[str], after: set[str]) -> None:
    me = current_scope().operator_id
    execute(
        f"DELETE FROM {table} WHERE operator_id = %s AND {column} = %s AND permission = ANY (%s)",
        [me, row_id, sorted(before - after)],
    )
    execute(
        f"INSERT INTO {table} (operator_id, {column}, permission) SELECT %s, %s, unnest(%s::text[])",
        [me, row_id, sorted(after - before)],
    )
