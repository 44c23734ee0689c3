"""Explain this amount: what a payment paid, and a month of a customer's statement."""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.billing.explain import entries_of
from backhaul.billing.explain_rules import Explanation, Money, Section, Step, Value, Word
from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope
from backhaul.payments.queries import get_payment, list_statement

ENTRIES = ("customer_payment", "payment_reversed", "advance_paid_back")


def explain_payment(payment_id: int, *, books: bool = True) -> Explanation:
    """Which bills a payment paid, in what order, and what was kept as advance; raises NotFound."""
    row = get_payment(payment_id)
    entries = entries_of([(kind, payment_id) for kind in ENTRIES])
    steps = [] if row["pays_back"] else [Step("pays_rule")]
    for part in _parts_of(payment_id):
        what = "to_bill" if part["amount_minor"] > 0 else "from_bill"
        values: dict[str, Value] = {
            "number": part["number"], "total": Money(part["total_minor"]), "day": part["due_on"],
        }  # fmt: skip
        steps.append(Step(what, values, minor=part["amount_minor"]))
    advance = sum(
        line["credit_minor"] - line["debit_minor"]
        for entry in entries for line in entry["lines"] if line["code"] == "customer_advances"
    )  # fmt: skip
    if advance:
        steps.append(Step("kept_as_advance" if advance > 0 else "out_of_advance", minor=advance))
    subject = Step("payment", {"number": row["number"], "customer": row["customer_name"], "day": row["received_on"]})
    sections = [Section("sum", steps, row["amount_minor"])]
    return Explanation(subject, row["amount_minor"], sections, (), entries if books else [])


def explain_statement(customer_id: int, month: date) -> Explanation:
    """What a customer's month of the statement is made of, from its opening to its closing; raises NotFound."""
    found = [line for line in list_statement(customer_id) if line["month"] == month]
    if not found:
        raise NotFound("There is no such month in the statement.")
    line = found[0]
    name = rows("SELECT name FROM customer WHERE operator_id = %s AND id = %s", [_me(), customer_id])[0]["name"]
    steps = [Step("opening_of", {"day": month}, minor=line["opening_minor"])]
    for event in _events(customer_id, month):
        values: dict[str, Value] = {"number": event["number"], "day": event["day"]}
        if event["word"]:
            values["kind"] = Word({"credited_on": "reason", "adjusted_on": "adjustment"}[event["what"]], event["word"])
        steps.append(Step(event["what"], values, minor=event["minor"]))
    subject = Step("statement", {"customer": name, "day": month})
    return Explanation(subject, line["closing_minor"], [Section("month", steps, line["closing_minor"])])


def _parts_of(payment_id: int) -> list[dict[str, Any]]:
    return rows(
        "SELECT i.number, i.due_on, i.total_minor, a.amount_minor FROM allocation a "
        "JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id "
        "WHERE a.operator_id = %s AND a.payment_id = %s ORDER BY i.due_on, i.number",
        [_me(), payment_id],
    )


def _events(customer_id: int, month: date) -> list[dict[str, Any]]:
    """All that changes what a customer owes in a month, by its day; `minor`: by how much."""
    return rows(
        """
        SELECT * FROM (
            SELECT CASE kind WHEN 'opening' THEN 'opening_due' ELSE 'billed_on' END AS what, '' AS word, number,
                   issued_on AS day, total_minor AS minor, 1 AS rank, id
            FROM invoice WHERE operator_id = %(me)s AND customer_id = %(customer)s
            UNION ALL
            SELECT CASE WHEN amount_minor > 0 THEN 'received' WHEN pays_back THEN 'advance_paid_back'
                        ELSE 'payment_taken_back' END, '', receipt_number, received_on, -amount_minor, 2, id
            FROM payment WHERE operator_id = %(me)s AND customer_id = %(customer)s
            UNION ALL
            SELECT 'credited_on', n.reason, i.number, n.issued_on, -n.net_minor - n.vat_minor, 3, n.id
            FROM credit_note n JOIN invoice i ON i.operator_id = n.operator_id AND i.id = n.invoice_id
            WHERE n.operator_id = %(me)s AND n.customer_id = %(customer)s
            UNION ALL
            SELECT 'adjusted_on', a.kind, i.number, a.adjusted_on, -a.net_minor - a.vat_minor, 4, a.id
            FROM adjustment a JOIN invoice i ON i.operator_id = a.operator_id AND i.id = a.invoice_id
            WHERE a.operator_id = %(me)s AND a.customer_id = %(customer)s AND a.kind <> 'recovered'
            UNION ALL
            SELECT CASE WHEN amount_minor < 0 THEN 'deposit_kept' ELSE 'deposit_kept_back' END, '', id, moved_on,
                   amount_minor, 5, id
            FROM deposit WHERE operator_id = %(me)s AND customer_id = %(customer)s AND kind = 'deposit_kept'
        ) AS events
        WHERE day >= %(month)s AND day < %(month)s + interval '1 month' ORDER BY day, rank, id
        """,
        {"me": _me(), "customer": customer_id, "month": month},
    )


def _me() -> int:
    return current_scope().operator_id
