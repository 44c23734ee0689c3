"""Who did something, as the acting operator's pages may say it."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from backhaul.identity.queries import find_staff_names
from backhaul.web.console.pages import PageRequest


def by_whom(request: PageRequest, rows: list[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The rows with `by`: the name of one's own staff, the system, or somebody of another operator (never named)."""
    scope = request.scope
    names = find_staff_names(scope.isp_id, scope.operator_id, {row[key] for row in rows})
    others = {0: _("by the system")}
    return [row | {"by": names.get(row[key]) or others.get(row[key]) or _("by your provider")} for row in rows]
