"""Short codes on receipts that prove them: only who knows the operator's secret can make one (SPEC C10)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from datetime import date
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope

LETTERS = 10  # of 32 each: 50 bits


def get_receipt_code(payment: dict[str, Any]) -> str:
    """The code of a payment of the acting operator, as get_payment has it, written XXXXX-XXXXX."""
    return _code(_secret(), payment["number"], payment["customer_id"], payment["amount_minor"], payment["received_on"])


def check_receipt(number: int, code: str) -> dict[str, Any]:
    """The receipt of the acting operator that has this number and this code: what it says now, nobody's name.

    amount_minor, received_on, method, taken_back. Raises NotFound for a wrong number and a wrong code alike.
    """
    found = rows(
        "SELECT p.receipt_number AS number, p.customer_id, p.amount_minor, p.received_on, p.method, EXISTS ("
        "SELECT 1 FROM payment r WHERE r.operator_id = p.operator_id AND r.reverses_id = p.id) AS taken_back "
        "FROM payment p WHERE p.operator_id = %s AND p.receipt_number = %s",
        [current_scope().operator_id, number],
    )
    given = code.strip().upper().replace("-", "").replace(" ", "").encode()
    if found:
        right = get_receipt_code(found[0]).replace("-", "").encode()
        if hmac.compare_digest(right, given):
            found[0].pop("customer_id")
            return found[0]
    raise NotFound("No receipt has this number and this code.")


def _secret() -> bytes:
    """The acting operator's own, made when it is needed first."""
    me = current_scope().operator_id
    wanted = "SELECT secret FROM receipt_secret WHERE operator_id = %s"
    found = rows(wanted, [me])
    if not found:
        execute(
            "INSERT INTO receipt_secret (operator_id, secret) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [me, secrets.token_bytes(32)],
        )
        found = rows(wanted, [me])
    return bytes(found[0]["secret"])


def _code(secret: bytes, number: int, customer_id: int, amount_minor: int, received_on: date) -> str:
    said = f"{number}|{customer_id}|{amount_minor}|{received_on.isoformat()}"
    digest = hmac.new(secret, said.encode(), hashlib.sha256).digest()
    letters = base64.b32encode(digest).decode()[:LETTERS]
    return f"{letters[:5]}-{letters[5:]}"
