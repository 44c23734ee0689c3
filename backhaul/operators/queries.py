"""Reads of the tree, as the acting operator sees it: itself, its ancestors, its direct children."""

from __future__ import annotations

from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

_COLUMNS = "id, parent_id, depth, kind, slug, name, may_have_children, edits_catalog, closed_on"


def get_operator(operator_id: int) -> dict[str, Any]:
    """One operator in sight; raises NotFound."""
    found = rows(f"SELECT {_COLUMNS} FROM operator WHERE id = %s", [operator_id])
    if not found:
        raise NotFound("There is no such operator.")
    return found[0]


def get_child(slug: str) -> dict[str, Any]:
    """The direct child of that short name; raises NotFound naming the ones there are."""
    children = list_children()
    for child in children:
        if child["slug"] == slug:
            return child
    known = ", ".join(child["slug"] for child in children) or "none yet"
    raise NotFound(f"There is no operator “{slug}” here (there is: {known}).", field="operator")


def list_children() -> list[dict[str, Any]]:
    """The acting operator's direct children, by name."""
    me = current_scope().operator_id
    return rows(f"SELECT {_COLUMNS} FROM operator WHERE parent_id = %s ORDER BY name, id", [me])


def get_provider_name() -> str | None:
    """The name of the acting operator's parent; None for the ISP."""
    parent = current_scope().parent_id
    return None if parent is None else str(get_operator(parent)["name"])


def find_below(slug: str) -> int | None:
    """The id of the operator of that short name at or anywhere below the acting one; None when there is none."""
    found: int | None = call("operator_below", slug=slug)
    return found


def list_audit_events(subject_type: str, subject_id: int, limit: int = 100) -> list[dict[str, Any]]:
    """Who did what to an object, newest first."""
    return rows(
        "SELECT at, actor_id, verb, detail FROM audit_event WHERE operator_id = %s AND subject_type = %s "
        "AND subject_id = %s ORDER BY id DESC LIMIT %s",
        [current_scope().operator_id, subject_type, subject_id, limit],
    )
