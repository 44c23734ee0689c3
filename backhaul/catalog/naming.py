"""What packages, profiles and plans have in common: names that are each operator's own and used once, and an end."""

from __future__ import annotations

from datetime import date, datetime

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit


class NameInUse(Refusal):
    """The operator has a plan, package or profile of that name already."""

    code = "name_in_use"


def insert_named(table: str, name: str, values: dict[str, object]) -> int:
    """Add a row of the acting operator under a name; its id. Raises NameInUse."""
    columns = ["operator_id", "name", *values]
    added = rows(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
        "ON CONFLICT (operator_id, name) DO NOTHING RETURNING id",
        [current_scope().operator_id, _cleaned(name), *values.values()],
    )
    if not added:
        raise _in_use(name)
    return int(added[0]["id"])


def update_named(table: str, row_id: int, name: str, values: dict[str, object]) -> None:
    """Change a row of the acting operator, its name too. Raises NotFound, NameInUse."""
    me = current_scope().operator_id
    taken = f"SELECT 1 FROM {table} WHERE operator_id = %s AND name = %s AND id <> %s"
    if rows(taken, [me, _cleaned(name), row_id]):
        raise _in_use(name)
    changes = {"name": _cleaned(name), **values}
    assignments = ", ".join(f"{column} = %s" for column in changes)
    if not execute(
        f"UPDATE {table} SET {assignments} WHERE operator_id = %s AND id = %s", [*changes.values(), me, row_id]
    ):
        raise NotFound("There is nothing of yours to change here.")


def withdraw_named(table: str, row_id: int, on: date, now: datetime) -> None:
    """Sell something of the acting operator no more. Raises NotFound."""
    if not execute(
        f"UPDATE {table} SET withdrawn_on = %s WHERE operator_id = %s AND id = %s AND withdrawn_on IS NULL",
        [on, current_scope().operator_id, row_id],
    ):
        raise NotFound("There is nothing of yours to withdraw here.")
    record_audit(verb="withdrawn", subject_type=table, subject_id=row_id, at=now)


def _cleaned(name: str) -> str:
    if not name.strip():
        raise InvalidInput("Give it a name.", field="name")
    return name.strip()


def _in_use(name: str) -> NameInUse:
    return NameInUse("There is a “%(what)s” already; choose another name.", what=name.strip(), field="name")
