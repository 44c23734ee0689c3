"""The chart of accounts is the operator's to edit: numbers, names, own accounts. Codes never change (SPEC A12)."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.choices import KINDS, METHOD_ACCOUNTS
from backhaul.ledger.queries import get_account, list_accounts
from backhaul.ledger.templates import TEMPLATES
from backhaul.operators.functions import execute
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

# What events post to, now or at a year's end: closed, it would stop them.
POSTED_TO = frozenset(METHOD_ACCOUNTS) | {
    code for lines in TEMPLATES.values() for line in lines for code in (line.debit, line.credit)
} | {"retained_earnings"}  # fmt: skip


class AccountInUse(Refusal):
    """The account is posted to by events or still holds something: it stays open."""

    code = "account_in_use"


def edit_account(*, code: str, number: str, name: str, now: datetime) -> None:
    """Give an account of the acting operator another number and name. Raises NotFound, InvalidInput."""
    current_scope().require("books.post")
    before = get_account(code)
    number, name = _checked(number, name, but=code)
    execute(
        "UPDATE account SET number = %s, name = %s WHERE operator_id = %s AND code = %s", [number, name, _me(), code]
    )
    _record("books.edit_account", now, code, before=[before["number"], before["name"]], after=[number, name])


def add_account(*, number: str, name: str, kind: str, is_money: bool = False, now: datetime) -> str:
    """Add an account of the acting operator's own; returns its code, made from the name. Raises InvalidInput.

    `is_money`: an asset that money lies in, such as a second bank account; the cash flow counts it.
    """
    current_scope().require("books.post")
    number, name = _checked(number, name)
    if kind not in KINDS:
        raise InvalidInput("Say what kind of account it is.", field="kind")
    if is_money and kind != "asset":
        raise InvalidInput("Money lies in assets only.", field="is_money")
    code = _free_code(name)
    execute(
        "INSERT INTO account (operator_id, code, number, name, kind, is_money) VALUES (%s, %s, %s, %s, %s, %s)",
        [_me(), code, number, name, kind, is_money],
    )
    _record("books.add_account", now, code, number=number, name=name, kind=kind)
    return code


def close_account(*, code: str, on: date, now: datetime) -> None:
    """From a day on an account takes no more entries by hand. Raises NotFound, AccountInUse."""
    current_scope().require("books.post")
    account = get_account(code)
    if reason := why_not_closed(account["code"], account["party_kind"]):
        raise AccountInUse(reason)
    if account["kind"] not in ("income", "expense") and sum_balance(code, date.max) != 0:
        raise AccountInUse(
            "%(account_name)s still holds something; move that to another account first.", account_name=account["name"]
        )
    execute("UPDATE account SET closed_on = %s WHERE operator_id = %s AND code = %s", [on, _me(), code])
    _record("books.close_account", now, code, on=on)


def open_account(*, code: str, now: datetime) -> None:
    """A closed account takes entries again. Raises NotFound."""
    current_scope().require("books.post")
    get_account(code)
    execute("UPDATE account SET closed_on = NULL WHERE operator_id = %s AND code = %s", [_me(), code])
    _record("books.open_account", now, code)


def why_not_closed(code: str, party_kind: str | None) -> str:
    """Why an account cannot be closed at all, in words; "" where it can be."""
    if party_kind is not None:
        return "This account is kept by bills, payments and recharges; it stays open."
    if code in POSTED_TO:
        return "Bills, payments and other events post to this account; it stays open."
    return ""


def _checked(number: str, name: str, *, but: str = "") -> tuple[str, str]:
    number, name = number.strip(), name.strip()
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,11}", number):
        raise InvalidInput("A number has at most 12 digits, letters, dots and dashes.", field="number")
    if not name:
        raise InvalidInput("Give the account a name.", field="name")
    for account in list_accounts():
        if account["number"] == number and account["code"] != but:
            raise InvalidInput(
                "%(account_name)s has that number already.", account_name=account["name"], field="number"
            )
    return number, name


def _free_code(name: str) -> str:
    """A code that no account has: the name in small Latin letters, or a number where it has none."""
    taken = {account["code"] for account in list_accounts()}
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = "own_" + (re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:40] or "account")
    code, n = stem, 2
    while code in taken:
        code, n = f"{stem}_{n}", n + 1
    return code


def _record(verb: str, now: datetime, code: str, **detail: object) -> None:
    record_audit(verb=verb, subject_type="account", subject_id=_me(), at=now, code=code, **detail)


def _me() -> int:
    return current_scope().operator_id
