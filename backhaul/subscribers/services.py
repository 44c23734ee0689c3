"""Commands on customers and their services. Each runs in the caller's unit of work (SPEC §5, B8–B15)."""

from __future__ import annotations

from backhaul.common.errors import Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import NumberFormat

__all__ = ["NumberFormat", "set_numbering"]


class PrefixFrozen(Refusal):
    """Customer ids are in use: their prefix stays (SPEC A15)."""

    code = "prefix_frozen"


def set_numbering(numbering: NumberFormat) -> None:
    """Set how the acting operator's customer ids look; the prefix freezes with the first customer."""
    me = current_scope().operator_id
    known = rows("SELECT prefix, next_number FROM customer_numbering WHERE operator_id = %s FOR NO KEY UPDATE", [me])
    if known and known[0]["next_number"] > 1 and known[0]["prefix"] != numbering.prefix:
        raise PrefixFrozen("Customers have ids with this prefix; it cannot change any more.", field="prefix")
    execute(
        "INSERT INTO customer_numbering (operator_id, prefix, infix, digits, postfix) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET prefix = EXCLUDED.prefix, infix = EXCLUDED.infix, "
        "digits = EXCLUDED.digits, postfix = EXCLUDED.postfix",
        [me, numbering.prefix, numbering.infix, numbering.digits, numbering.postfix],
    )
