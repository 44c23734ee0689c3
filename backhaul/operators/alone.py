"""A unit of work that is one call of an SQL function: opened, checked, called and committed in one round trip.

An ordinary unit takes five, and what it has locked stays locked over two of them: hot counters suffer (payments).
"""

from __future__ import annotations

from typing import Any

from django.db import connections

from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import refusals
from backhaul.operators.scope import SYSTEM


def call_alone(
    isp: IspDirectory,
    operator_id: int,
    permission: str,
    name: str,
    /,
    *,
    user_id: int | None = None,
    **arguments: Any,
) -> Any:
    """The single value that `name(p_key => value, …)` returns, for `operator_id`; committed when this returns.

    For functions of *books* that act for the acting operator alone: what it may see besides itself is not set. Nothing
    is done unless the user may do `permission` there. Raises NotFound and NotAllowed as unit_of_work and Scope.require
    do, LookupError inside a unit of work.
    """
    connection = connections["default"]
    if connection.in_atomic_block:
        raise LookupError("a unit of work is already open")
    assert isp.cell.isidentifier()
    named = ", ".join(f"p_{key} => %s" for key in arguments)
    # The statements of one message are one transaction, committed at its end, undone when one of them fails. CASE: the
    # seat is looked at before the function is called, for certain.
    statements = (
        f"SET LOCAL search_path = {isp.cell}, public, ext",
        "SET LOCAL backhaul.operator = %s",
        "SET LOCAL backhaul.actor = %s",
        f"SELECT CASE WHEN has_seat(%s, %s, %s, %s) THEN {name}({named}) END",
    )
    acting = [str(operator_id), str(user_id or SYSTEM)]
    seat = [isp.isp_id, operator_id, user_id, permission]
    with refusals(), connection.cursor() as cursor:
        cursor.execute("; ".join(statements), [*acting, *seat, *arguments.values()])
        for _ in statements[1:]:
            cursor.nextset()
        row = cursor.fetchone()
    return None if row is None else row[0]
