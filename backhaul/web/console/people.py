"""Who did something, as the acting operator's pages may say it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from backhaul.identity.queries import find_names, find_staff_names
from backhaul.operators.impersonation import find_came_in
from backhaul.operators.queries import find_operator_names
from backhaul.web.console.pages import PageRequest


def by_whom(request: PageRequest, rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The rows with `by`: the name of one's own staff, the system, somebody of the provider who worked inside here (by
    name: its rows have impersonation_id), or somebody of another operator (never named)."""
    scope = request.scope
    names = find_staff_names(scope.isp_id, scope.operator_id, {row[key] for row in rows})
    ids = sorted({row["impersonation_id"] for row in rows if row.get("impersonation_id")})
    visitors = came_in_names(request, find_came_in(ids)) if ids else {}
    others = {0: _("by the system")}
    elsewhere = _("by a reseller") if scope.operator_id == scope.isp_id else _("by your provider")
    return [
        row
        | {"by": visitors.get(row.get("impersonation_id")) or names.get(row[key]) or others.get(row[key]) or elsewhere}
        for row in rows
    ]


def came_in_names(request: PageRequest, visits: dict[int, dict[str, Any]]) -> dict[int | None, str]:
    """Who came in from above, by the id of the visit: the person's name and whose it is. `visits` have actor_id and
    actor_operator_id."""
    people = find_names(request.scope.isp_id, {visit["actor_id"] for visit in visits.values()})
    operators = find_operator_names(sorted({visit["actor_operator_id"] for visit in visits.values()}))
    return {
        visit_id: _("%(person)s of %(operator)s for you")
        % {
            "person": people.get(visit["actor_id"], "–"),
            "operator": operators.get(visit["actor_operator_id"], _("your provider")),
        }
        for visit_id, visit in visits.items()
    }
