"""Reads of the tree, as the acting operator sees it: itself, its ancestors, its direct children."""

from __future__ import annotations

import json
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.identity.models import IspDirectory
from backhaul.identity.queries import get_isp_by_slug, list_isps
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope, unit_of_work

_COLUMNS = "id, parent_id, depth, kind, slug, name, closed_on"


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
    raise NotFound(
        "There is no operator “%(slug)s” here (there is: %(known)s).", slug=slug, known=known, field="operator"
    )


def list_children() -> list[dict[str, Any]]:
    """The acting operator's direct children, by name."""
    me = current_scope().operator_id
    return rows(f"SELECT {_COLUMNS} FROM operator WHERE parent_id = %s ORDER BY name, id", [me])


def search_children(text: str, *, limit: int) -> list[dict[str, Any]]:
    """The acting operator's direct children whose name or short name contains the text, by name."""
    return rows(
        f"SELECT {_COLUMNS} FROM operator WHERE parent_id = %(me)s "
        "AND strpos(lower(name || ' ' || slug), lower(%(text)s)) > 0 ORDER BY name, id LIMIT %(limit)s",
        {"me": current_scope().operator_id, "text": text, "limit": limit},
    )


def get_provider_name() -> str | None:
    """The name of the acting operator's parent; None for the ISP."""
    parent = current_scope().parent_id
    return None if parent is None else str(get_operator(parent)["name"])


def find_operator_names(operator_ids: list[int]) -> dict[int, str]:
    """Names by id of the operators that the acting one may see: those above it and its direct children."""
    found = rows("SELECT id, name FROM operator WHERE id = ANY (%s)", [operator_ids])
    return {row["id"]: row["name"] for row in found}


def find_below(slug: str) -> int | None:
    """The id of the operator of that short name at or anywhere below the acting one; None when there is none."""
    found: int | None = call("operator_below", slug=slug)
    return found


def locate_operator(address: str) -> tuple[IspDirectory, int]:
    """The ISP and id of an operator written as `isp/slug`, or as `slug` where only one ISP has it; opens its own units.

    For commands run on the server. Raises NotFound, and InvalidInput where several ISPs have that slug.
    """
    isp_slug, slash, slug = address.rpartition("/")
    isps = [get_isp_by_slug(isp_slug)] if slash else list_isps()
    found = []
    for isp in isps:
        with unit_of_work(isp):
            operator_id = find_below(slug)
        if operator_id is not None:
            found.append((isp, operator_id))
    if len(found) > 1:
        choices = ", ".join(f"{isp.slug}/{slug}" for isp, _ in found)
        raise InvalidInput(
            "Several ISPs have an operator “%(slug)s”; write one of: %(choices)s.",
            slug=slug,
            choices=choices,
            field="operator",
        )
    if not found:
        raise NotFound("There is no operator “%(address)s” on this server.", address=address, field="operator")
    return found[0]


def list_audit_events(subject_type: str, subject_id: int, limit: int = 100) -> list[dict[str, Any]]:
    """Who did what to an object, newest first."""
    found = rows(
        "SELECT at, actor_id, verb, detail::text FROM audit_event WHERE operator_id = %s AND subject_type = %s "
        "AND subject_id = %s ORDER BY id DESC LIMIT %s",
        [current_scope().operator_id, subject_type, subject_id, limit],
    )
    return [{**row, "detail": json.loads(row["detail"])} for row in found]
