"""Commands on the tree: operators and their people. Each runs in the caller's unit of work."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.rules import ROLES, grantable, standard_grants
from backhaul.operators.scope import current_scope

_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


def add_operator(
    *,
    slug: str,
    name: str,
    kind: str,
    may_have_children: bool = False,
    edits_catalog: bool = False,
    modules: Collection[str] | None = None,
) -> int:
    """Create an operator below the acting one (an ISP where none acts), with the roles of rules.ROLES; returns its id.

    It is granted `modules` (permissions; None: what is usual for its kind), as far as the acting operator has them.
    Raises slug_taken, and not_allowed where the acting operator may not have children.
    """
    if not _SLUG.fullmatch(slug):
        raise InvalidInput("Give a short name of 2 to 63 small letters, digits and dashes.", field="slug")
    if not name.strip():
        raise InvalidInput("Give the operator a name.", field="name")
    usual = standard_grants(kind, may_have_children=may_have_children, edits_catalog=edits_catalog)
    operator_id = call(
        "add_operator",
        slug=slug,
        name=name.strip(),
        kind=kind,
        permissions=sorted(usual if modules is None else grantable(modules)),
        roles=json.dumps({key: sorted(held) for key, held in ROLES.items()}),
    )
    return int(operator_id)


def add_member(*, user_id: int, role: str) -> None:
    """Give a user a role, by its key, at the acting operator."""
    me = current_scope().operator_id
    known = [row["key"] for row in rows("SELECT key FROM role WHERE operator_id = %s ORDER BY key", [me])]
    if role not in known:
        raise InvalidInput(
            "There is no role “%(role)s”; choose one of: %(known)s.", role=role, known=", ".join(known), field="role"
        )
    execute("INSERT INTO membership (operator_id, user_id, role) VALUES (%s, %s, %s)", [me, user_id, role])


def record_audit(*, verb: str, subject_type: str, subject_id: int, at: datetime, **detail: Any) -> None:
    """Write who did what to which object into the acting operator's trail."""
    scope = current_scope()
    execute(
        "INSERT INTO audit_event (operator_id, at, actor_id, verb, subject_type, subject_id, detail) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s::jsonb)",
        [scope.operator_id, at, scope.actor_id, verb, subject_type, subject_id, json.dumps(detail, default=str)],
    )
