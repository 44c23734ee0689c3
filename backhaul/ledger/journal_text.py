"""The journal as plain text for hledger and beancount, which judge our books independently."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from backhaul.common.money import format_minor
from backhaul.ledger import queries
from backhaul.ledger.rules import Place
from backhaul.operators.scope import current_scope

ENTRIES_AT_A_TIME = 5_000
HLEDGER_ROOTS = {
    "asset": "assets",
    "liability": "liabilities",
    "equity": "equity",
    "income": "income",
    "expense": "expenses",
}
BEANCOUNT_ROOTS = {kind: root.capitalize() for kind, root in HLEDGER_ROOTS.items()}


@dataclass(frozen=True)
class Journal:
    """What is written: whose books, in which money, between which days, and what each account holds at the end."""

    title: str
    currency: str
    decimals: int
    first_on: date
    last_on: date
    accounts: list[dict[str, Any]]
    balances: dict[str, int]

    def amount(self, minor: int) -> str:
        """Plain digits: "-1500.00"."""
        return format_minor(minor, decimals=self.decimals).replace(",", "")

    def signed(self, line: dict[str, Any]) -> str:
        """A line's amount: debits up, credits down."""
        return self.amount(line["debit_minor"] - line["credit_minor"])

    def held(self, code: str) -> str:
        """An account's balance at the end."""
        return self.amount(self.balances.get(code, 0))


def write_journal(style: str) -> Iterator[str]:
    """Pieces of the acting operator's whole journal as text for "hledger" or "beancount".

    Ends with an assertion of every account's balance as our own trial balance has it.
    Call it in a unit of work with snapshot=True, so that entries and balances are of one instant.
    """
    journal = _describe()
    yield from {"hledger": _hledger, "beancount": _beancount}[style](journal, _entries())


def _describe() -> Journal:
    scope = current_scope()
    span = queries.get_journal_span()
    first_on, last_on = span or (date(1970, 1, 1), date(1970, 1, 1))
    held = queries.get_trial_balance(on=last_on)["accounts"]
    return Journal(
        title=scope.name,
        currency=scope.currency,
        decimals=scope.currency_decimals,
        first_on=first_on,
        last_on=last_on,
        accounts=queries.list_accounts(),
        balances={account["code"]: account["debit_minor"] - account["credit_minor"] for account in held},
    )


def _entries() -> Iterator[dict[str, Any]]:
    place: Place | None = None
    while page := queries.list_entries_after(place, limit=ENTRIES_AT_A_TIME):
        yield from page
        place = Place(page[-1]["effective_on"], page[-1]["id"])


def _hledger(journal: Journal, entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    names = _names(journal.accounts, HLEDGER_ROOTS, _hledger_name)
    commodity = f"commodity {journal.currency} 1000.{'0' * journal.decimals}"
    yield f"; {_one_line(journal.title)}\ndecimal-mark .\n{commodity}\n\n"
    yield "".join(f"account {name}\n" for name in names.values())
    for entry in entries:
        about = " | ".join(filter(None, (entry["title"], _one_line(entry["reason"] or "").replace(";", ","))))
        lines = "".join(
            f"    {names[line['code']]}  {journal.currency} {journal.signed(line)}"
            + (f"  ; party:{line['party_id']}" if line["party_id"] else "")
            + "\n"
            for line in entry["lines"]
        )
        yield f"\n{entry['effective_on']} ({entry['number']}) {about}\n{lines}"
    yield f"\n{journal.last_on} Balances at the end\n" + "".join(
        f"    {name}  {journal.currency} {journal.amount(0)} = {journal.currency} {journal.held(code)}\n"
        for code, name in names.items()
    )


def _beancount(journal: Journal, entries: Iterable[dict[str, Any]]) -> Iterator[str]:
    names = _names(journal.accounts, BEANCOUNT_ROOTS, _beancount_name)
    yield f'option "title" {_quoted(journal.title)}\noption "operating_currency" "{journal.currency}"\n\n'
    yield "".join(f"{journal.first_on} open {name} {journal.currency}\n" for name in names.values())
    for entry in entries:
        lines = "".join(
            f"  {names[line['code']]}  {journal.signed(line)} {journal.currency}\n"
            + (f'    party: "{line["party_id"]}"\n' if line["party_id"] else "")
            for line in entry["lines"]
        )
        about = f"{_quoted(entry['title'])} {_quoted(entry['reason'] or '')}"
        yield f'\n{entry["effective_on"]} * {about}\n  entry: "{entry["number"]}"\n{lines}'
    morrow = journal.last_on + timedelta(days=1)
    exactly = f"~ {journal.amount(0)} {journal.currency}"
    yield "\n" + "".join(f"{morrow} balance {name}  {journal.held(code)} {exactly}\n" for code, name in names.items())


def _names(accounts: list[dict[str, Any]], roots: dict[str, str], legal: Callable[[str], str]) -> dict[str, str]:
    """Account code → a name below its kind; two that come out alike are told apart by the code."""
    names: dict[str, str] = {}
    for account in accounts:
        name = f"{roots[account['kind']]}:{legal(account['number'] + ' ' + account['name'])}"
        if name in names.values():
            name = f"{name}-{account['code'].replace('_', '-')}"
        names[account["code"]] = name
    return names


def _hledger_name(text: str) -> str:
    """Letters of any script, digits, single spaces and a few signs; never what hledger reads as syntax."""
    kept = (char if unicodedata.category(char)[0] in "LMN" or char in " .&'/-" else "-" for char in text)
    return re.sub(r"\s+", " ", "".join(kept)).strip(" -") or "account"


def _beancount_name(text: str) -> str:
    """Letters, digits and dashes; begins with a capital or a digit, as beancount demands."""
    kept = (char if unicodedata.category(char) in ("Lu", "Ll", "Lo", "Nd") else "-" for char in text.replace("'", ""))
    name = re.sub("-+", "-", "".join(kept)).strip("-")
    return name if name and unicodedata.category(name[0]) in ("Lu", "Nd") else f"A-{name}".strip("-")


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
