"""Reads of people, roles and what they may do at the acting operator."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import rows
from backhaul.operators.rules import OWNER, ROLES
from backhaul.operators.scope import current_scope

_MEMBER = """
    SELECT m.id, m.user_id, m.role, r.id AS role_id, r.name AS role_name, m.ended_at,
           ARRAY(SELECT h.permission FROM held_permissions(m.operator_id, m.id) h) AS permissions,
           (SELECT count(*) FROM member_permission p
            WHERE p.operator_id = m.operator_id AND p.membership_id = m.id) AS singly
    FROM membership m JOIN role r ON r.operator_id = m.operator_id AND r.key = m.role
    WHERE m.operator_id = %(me)s
"""
_ROLE = """
    SELECT r.id, r.key, r.name, r.keeps_drawer, r.key LIKE 'own-%%' AS is_own,
           (SELECT count(*) FROM membership m
            WHERE m.operator_id = r.operator_id AND m.role = r.key AND m.ended_at IS NULL) AS people,
           (SELECT count(*) FROM module_grant g WHERE g.operator_id = r.operator_id AND (r.key = 'owner' OR EXISTS (
                SELECT 1 FROM role_permission p
                WHERE p.operator_id = r.operator_id AND p.role_id = r.id AND p.permission = g.permission))) AS actions
    FROM role r WHERE r.operator_id = %(me)s
"""


def list_members() -> list[dict[str, Any]]:
    """Everybody with access, and after them those whose access ended and who have not come back.

    Each: id, user_id, role, role_name (None: a built-in role), permissions (what the person may do today), singly (how
    many were granted on top), ended_at.
    """
    found = rows(f"{_MEMBER} ORDER BY m.ended_at DESC NULLS FIRST, m.id", {"me": _me()})
    latest: dict[int, dict[str, Any]] = {}
    for row in found:
        latest.setdefault(row["user_id"], row)
    return list(latest.values())


def get_member(member_id: int, *, lock: bool = False) -> dict[str, Any]:
    """One person with access, as list_members has it; raises NotFound, also for one whose access ended.

    `lock`: it and the owners, in one order, so that two who change each other take turns.
    """
    if lock:
        rows(
            "SELECT 1 FROM membership WHERE operator_id = %s AND (id = %s OR role = %s) ORDER BY id FOR UPDATE",
            [_me(), member_id, OWNER],
        )
    found = rows(f"{_MEMBER} AND m.id = %(id)s AND m.ended_at IS NULL", {"me": _me(), "id": member_id})
    if not found:
        raise NotFound("There is no such person here.")
    return found[0]


def get_ended_member(member_id: int) -> dict[str, Any]:
    """One person whose access ended and who has not come back, as list_members has it; raises NotFound."""
    here = "AND NOT EXISTS (SELECT 1 FROM membership n WHERE n.user_id = m.user_id AND n.operator_id = m.operator_id"
    found = rows(
        f"{_MEMBER} AND m.id = %(id)s AND m.ended_at IS NOT NULL {here} AND n.ended_at IS NULL)",
        {"me": _me(), "id": member_id},
    )
    if not found:
        raise NotFound("There is no such person here.")
    return found[0]


def find_own_member() -> int | None:
    """The membership of whoever acts; None for the system and for somebody from above."""
    scope = current_scope()
    found = rows(
        "SELECT id FROM membership WHERE operator_id = %s AND user_id = %s AND ended_at IS NULL",
        [scope.operator_id, scope.actor_id],
    )
    return int(found[0]["id"]) if found else None


def list_roles() -> list[dict[str, Any]]:
    """The roles, the built-in ones first: id, key, name (None: a built-in one), keeps_drawer, is_own, people, actions
    (how many its people may do today)."""
    order = "ORDER BY array_position(%(built_in)s::text[], r.key), lower(r.name), r.id"
    return rows(f"{_ROLE} {order}", {"me": _me(), "built_in": list(ROLES)})


def get_role(role_id: int, *, lock: bool = False) -> dict[str, Any]:
    """One role, as list_roles has it; raises NotFound."""
    if lock:
        rows("SELECT 1 FROM role WHERE operator_id = %s AND id = %s FOR UPDATE", [_me(), role_id])
    found = rows(f"{_ROLE} AND r.id = %(id)s", {"me": _me(), "id": role_id})
    if not found:
        raise NotFound("There is no such role.")
    return found[0]


def list_grants() -> set[str]:
    """What the acting operator was granted: nobody there may do anything else."""
    return {row["permission"] for row in rows("SELECT permission FROM module_grant WHERE operator_id = %s", [_me()])}


def ticked_in_role(role_id: int) -> set[str]:
    """What a role holds, granted to the operator or not."""
    found = rows("SELECT permission FROM role_permission WHERE operator_id = %s AND role_id = %s", [_me(), role_id])
    return {row["permission"] for row in found}


def ticked_in_roles() -> dict[str, set[str]]:
    """By the key of the role, what it holds, granted to the operator or not; the owner's holds nothing by itself."""
    found = rows(
        "SELECT r.key, ARRAY(SELECT p.permission FROM role_permission p "
        "WHERE p.operator_id = r.operator_id AND p.role_id = r.id) AS ticked FROM role r WHERE r.operator_id = %s",
        [_me()],
    )
    return {row["key"]: set(row["ticked"]) for row in found}


def ticked_singly(member_id: int) -> set[str]:
    """What a person was granted on top of its role, granted to the operator or not."""
    found = rows(
        "SELECT permission FROM member_permission WHERE operator_id = %s AND membership_id = %s", [_me(), member_id]
    )
    return {row["permission"] for row in found}


def list_reasons(member_id: int) -> dict[str, tuple[bool, bool]]:
    """What a person may do today, and whence: (by the role, singly)."""
    found = rows("SELECT permission, by_role, singly FROM held_permissions(%s, %s)", [_me(), member_id])
    return {row["permission"]: (row["by_role"], row["singly"]) for row in found}


def permissions_of_role(key: str) -> set[str]:
    """What the people of a role may do today; raises InvalidInput where there is no such role."""
    found = [role for role in list_roles() if role["key"] == key]
    if not found:
        raise InvalidInput("There is no such role; choose another.", field="role")
    granted = list_grants()
    return granted if key == OWNER else granted & ticked_in_role(found[0]["id"])


def list_child_grants(child_id: int) -> dict[str, dict[str, int]]:
    """What a direct child was granted: by permission, how many `operators` below it have it too and how many `people`
    there and below may do it. Raises NotFound."""
    found = rows("SELECT permission, operators, people FROM modules_of_child(%s)", [child_id])
    return {row["permission"]: {"operators": row["operators"], "people": row["people"]} for row in found}


def _me() -> int:
    return current_scope().operator_id
