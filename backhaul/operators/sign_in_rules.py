"""Whom an operator wants a second factor of (SPEC B3)."""

from __future__ import annotations

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope


class FactorWanted(Refusal):
    """The operator wants a second factor of this person: the last one stays."""

    code = "factor_wanted"


OF_WHOM = ("nobody", "owners", "everybody")


def get_second_factor_rule() -> str:
    """One of OF_WHOM, for the acting operator's people."""
    found = rows("SELECT second_factor_of FROM sign_in_rule WHERE operator_id = %s", [current_scope().operator_id])
    return str(found[0]["second_factor_of"]) if found else "nobody"


def set_second_factor_rule(of_whom: str) -> None:
    """From their next sign-in on these people set a second factor up first, or use the one they have."""
    scope = current_scope()
    scope.require("staff.edit")
    if of_whom not in OF_WHOM:
        raise InvalidInput("Choose one of those offered.", field="second_factor_of")
    execute(
        "INSERT INTO sign_in_rule (operator_id, second_factor_of) VALUES (%s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET second_factor_of = EXCLUDED.second_factor_of",
        [scope.operator_id, of_whom],
    )


def wants_second_factor() -> bool:
    """Whether the acting operator wants one of the person who acts."""
    rule = get_second_factor_rule()
    return rule == "everybody" or (rule == "owners" and current_scope().role == "owner")


def keep_a_second_factor(*, left: bool) -> None:
    """Asked before one is given up; `left`: the person has another. Raises FactorWanted."""
    if not left and wants_second_factor():
        raise FactorWanted("Your company wants a second factor of you. Set another one up first.")
