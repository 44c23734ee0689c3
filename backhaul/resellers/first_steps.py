"""What an operator that is new to all this does first, ticked off by what is there."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

NEW_DAYS = 60
# What each step makes, and the permission that it takes. Plans are the ISP's alone.
_MAKES = {
    "plan": ("catalog.edit", "plan WHERE operator_id = %(me)s"),
    "package": ("catalog.edit", "package WHERE operator_id = %(me)s"),
    "reseller": ("resellers.edit", "operator WHERE parent_id = %(me)s"),
    "router": ("network.edit", "nas WHERE operator_id = %(me)s"),
    "customer": ("customers.edit", "customer WHERE operator_id = %(me)s"),
    "staff": ("staff.edit", "membership WHERE operator_id = %(me)s OFFSET 1"),
}


def find_first_steps(today: date) -> dict[str, bool]:
    """The first steps that whoever acts may take, in their order, and whether each was; empty once all were, once the
    list was dismissed, and for a business that has been in its books for longer than NEW_DAYS."""
    scope = current_scope()
    asked = [key for key, (needs, _) in _MAKES.items() if needs in scope.permissions]
    if scope.parent_id is not None:
        asked = [key for key in asked if key != "plan"]
    columns = ", ".join(f"EXISTS (SELECT 1 FROM {_MAKES[key][1]}) AS {key}" for key in asked)
    found = rows(
        "SELECT EXISTS (SELECT 1 FROM first_steps_done WHERE operator_id = %(me)s) "
        "OR EXISTS (SELECT 1 FROM entry WHERE operator_id = %(me)s AND effective_on < %(new_from)s) AS over"
        + (f", {columns}" if asked else ""),
        {"me": scope.operator_id, "new_from": today - timedelta(days=NEW_DAYS)},
    )[0]
    if found.pop("over") or all(found.values()):
        return {}
    return found


def dismiss_first_steps(*, at: datetime) -> None:
    """Show the acting operator's people no first steps any more; again changes nothing."""
    execute(
        "INSERT INTO first_steps_done (operator_id, dismissed_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        [current_scope().operator_id, at],
    )
