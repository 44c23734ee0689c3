"""What tests of explanations ask: every explanation of an operator, and that each can be said and agrees."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from backhaul.billing.explain import explain_bill, explain_credit_note
from backhaul.billing.explain_edges import explain_charge
from backhaul.billing.explain_movements import explain_movement
from backhaul.billing.explain_rules import Explanation, Section
from backhaul.billing.explain_words import Teller
from backhaul.operators.functions import rows
from backhaul.payments.explain import explain_payment, explain_statement
from backhaul.payments.queries import list_statement
from tests.builders import acting
from tests.cast import Cast

TELLER = Teller()


def bill_explained(cast: Cast, operator_id: int, number: int = 1) -> Explanation:
    """A bill of an operator by its number; nothing about it differs."""
    with acting(cast.padma, operator_id):
        bill = rows("SELECT id FROM invoice WHERE operator_id = %s AND number = %s", [operator_id, number])[0]["id"]
        explanation = explain_bill(bill)
    assert_agrees(explanation)
    return explanation


def every_explanation(operator_id: int) -> Iterator[Explanation]:
    """All amounts of the acting operator that can be explained."""
    for row in rows("SELECT id FROM invoice WHERE operator_id = %s ORDER BY id", [operator_id]):
        yield explain_bill(row["id"])
    for row in rows("SELECT id FROM credit_note WHERE operator_id = %s ORDER BY id", [operator_id]):
        yield explain_credit_note(row["id"])
    for row in rows("SELECT id FROM payment WHERE operator_id = %s ORDER BY id", [operator_id]):
        yield explain_payment(row["id"])
    for row in rows("SELECT child_id, id FROM fund_movement ORDER BY child_id, id"):
        yield explain_movement(row["child_id"], row["id"])
    for row in rows("SELECT DISTINCT child_id, owner_id, invoice_id FROM charge"):
        yield explain_charge(row["child_id"], row["owner_id"], row["invoice_id"])
    for row in rows("SELECT id FROM customer WHERE operator_id = %s", [operator_id]):
        for line in list_statement(row["id"]):
            yield explain_statement(row["id"], line["month"])


def assert_agrees(explanation: Explanation) -> None:
    """Every sentence can be said, and the steps give what is recorded."""
    words = "\n".join(told(explanation))
    assert not explanation.differs, words


def assert_all_agree(cast: Cast, *operators: int) -> int:
    """Everything that these operators can have explained agrees; how many there were."""
    seen = 0
    for operator_id in operators:
        with acting(cast.padma, operator_id):
            for explanation in every_explanation(operator_id):
                assert_agrees(explanation)
                seen += 1
    return seen


def told(explanation: Explanation) -> list[str]:
    """All sentences of an explanation, its sums beneath them, its figures behind them."""
    lines = [TELLER.sentence(explanation.subject)]
    for section in explanation.sections:
        lines.append(TELLER.heading(section.name, section.values))
        for step in section.steps:
            lines.append(f"{TELLER.sentence(step)} {step.minor if step.minor is not None else ''}")
            lines.append(TELLER.arithmetic(step.sum))
        lines.append(f"= {section.total_minor}, recorded {section.stored_minor}")
    return lines


def sums(section: Section) -> list[str]:
    """The arithmetic of a section, line by line."""
    return [TELLER.arithmetic(step.sum) for step in section.steps if step.sum]


def figures(section: Section) -> list[int]:
    """What its steps add, in order; steps that add nothing left out."""
    return [step.minor for step in section.steps if step.minor]


def steps_of(section: Section) -> list[str]:
    return [step.what for step in section.steps]


def everything(cast: Cast, operator_id: int) -> str:
    """All that an operator can ever read in explanations."""
    with acting(cast.padma, operator_id):
        found: list[Any] = [[*told(one), str(one.entries)] for one in every_explanation(operator_id)]
    return str(found)
