"""How people keep their list of customers: columns, saved views, and the view that opens at first (SPEC B19)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

MAX_VIEWS = 100
MAY_ARRANGE = "staff.edit"  # takes away views that others share


class ViewExists(Refusal):
    """The person has a view of that name."""

    code = "view_exists"


def get_list_choice() -> dict[str, Any]:
    """The acting person's `columns` (none: the usual ones) and `view_id` (None: the whole list opens)."""
    found = rows("SELECT columns, view_id FROM customer_list_choice WHERE operator_id = %s AND user_id = %s", _me())
    return found[0] if found else {"columns": [], "view_id": None}


def choose_columns(columns: Sequence[str], *, view_id: int | None = None) -> None:
    """Remember which columns the acting person sees: in its list, or in a view. Those of an own view are the view's;
    in a view that somebody else shares, they are this person's alone; none: as the view has them. Raises NotFound."""
    if view_id is not None:
        return _choose_columns_of(_get(view_id), list(columns))
    execute(
        "INSERT INTO customer_list_choice (operator_id, user_id, columns) VALUES (%s, %s, %s) "
        "ON CONFLICT (operator_id, user_id) DO UPDATE SET columns = EXCLUDED.columns",
        [*_me(), list(columns)],
    )


def _choose_columns_of(view: dict[str, Any], columns: list[str]) -> None:
    operator_id, user_id = _me()
    if view["is_own"]:
        execute(
            "UPDATE customer_view SET columns = %s WHERE operator_id = %s AND id = %s",
            [columns, operator_id, view["id"]],
        )
        return
    execute(
        "INSERT INTO customer_list_choice (operator_id, user_id, of_views) "
        "VALUES (%s, %s, jsonb_build_object(%s::text, to_jsonb(%s::text[]))) ON CONFLICT (operator_id, user_id) "
        "DO UPDATE SET of_views = customer_list_choice.of_views || EXCLUDED.of_views",
        [operator_id, user_id, str(view["id"]), columns],
    )


def choose_view(view_id: int | None) -> None:
    """The view that opens at first for the acting person; None: the whole list. Raises NotFound."""
    if view_id is not None:
        _get(view_id)
    execute(
        "INSERT INTO customer_list_choice (operator_id, user_id, view_id) VALUES (%s, %s, %s) "
        "ON CONFLICT (operator_id, user_id) DO UPDATE SET view_id = EXCLUDED.view_id",
        [*_me(), view_id],
    )


def list_views() -> list[dict[str, Any]]:
    """The acting person's own views and those shared at its operator, by name: id, name, query, columns (as this person
    sees them), is_shared, by_actor_id, is_own, is_default."""
    me = dict(zip(("operator", "user"), _me(), strict=True))
    return rows(
        "SELECT v.id, v.name, v.query, v.is_shared, v.by_actor_id, v.by_actor_id = %(user)s AS is_own, "
        "COALESCE(NULLIF(ARRAY(SELECT jsonb_array_elements_text(c.of_views -> v.id::text)), '{}'), v.columns) "
        "AS columns, COALESCE(c.view_id = v.id, false) AS is_default FROM customer_view v "
        "LEFT JOIN customer_list_choice c ON c.operator_id = v.operator_id AND c.user_id = %(user)s "
        "WHERE v.operator_id = %(operator)s AND (v.is_shared OR v.by_actor_id = %(user)s) ORDER BY v.name, v.id",
        me,
    )


def save_view(*, name: str, query: str, columns: Sequence[str], is_shared: bool, now: datetime) -> int:
    """Keep filters, order and columns under a name, for the acting person or, shared, for all of its operator.

    Raises ViewExists.
    """
    name = " ".join(name.split())
    if not 1 <= len(name) <= 60:
        raise InvalidInput("Give the view a name of at most 60 characters.", field="name")
    if len([view for view in list_views() if view["is_own"]]) >= MAX_VIEWS:
        raise InvalidInput("You have very many views already; remove one first.", field="name")
    made = rows(
        "INSERT INTO customer_view (operator_id, by_actor_id, name, is_shared, query, columns, made_at) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id, by_actor_id, name) DO NOTHING RETURNING id",
        [*_me(), name, is_shared, query[:2000], list(columns), now],
    )
    if not made:
        raise ViewExists("You have a view of that name; choose another one, or remove that one first.", field="name")
    return int(made[0]["id"])


def remove_view(view_id: int) -> None:
    """Remove an own view, or with "staff.edit" one that somebody shares. Raises NotFound, NotAllowed."""
    me = current_scope().operator_id
    view = _get(view_id)
    if not view["is_own"]:
        current_scope().require(MAY_ARRANGE)
    execute("UPDATE customer_list_choice SET view_id = NULL WHERE operator_id = %s AND view_id = %s", [me, view_id])
    execute(
        "UPDATE customer_list_choice SET of_views = of_views - %s WHERE operator_id = %s AND of_views ? %s",
        [str(view_id), me, str(view_id)],
    )
    execute("DELETE FROM customer_view WHERE operator_id = %s AND id = %s", [me, view_id])


def _get(view_id: int) -> dict[str, Any]:
    view = next((view for view in list_views() if view["id"] == view_id), None)
    if view is None:
        raise NotFound("There is no such view.")
    return view


def _me() -> list[int]:
    scope = current_scope()
    return [scope.operator_id, scope.actor_id]
