"""What stands below the figures: the day book and the ledger of one account, as statements of the acting operator."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from django.utils.translation import gettext_noop as words

from backhaul.common.errors import NotFound
from backhaul.ledger.balances import known_before, list_parties, sum_balance
from backhaul.ledger.choices import MIRRORS, TITLES
from backhaul.ledger.queries import get_account, get_account_ledger, list_journal
from backhaul.ledger.statements import Column, Opens, Row, Section, Statement, amount
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope


def get_day_book(
    *,
    on: date,
    known_on: date | None = None,
    limit: int = 200,
    named: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = list,
) -> Statement:
    """All entries of a day: how many and how much of each kind, then the first `limit` of them with their lines.

    `named` gives the lines of entries their customers and people: the books know the ids of these only.
    Facts: entries, amount_minor.
    """
    columns = (Column(words("Entries"), "count"), Column(words("Debit")), Column(words("Credit")))
    kinds = tuple(_kind(row, on) for row in _list_kinds(on, known_on))
    entries = list_journal(from_on=on, to_on=on, known_on=known_on, limit=limit + 1)
    count, moved = (sum(amount(row, n) for row in kinds) for n in (0, 1))
    lines = [row for entry in named(entries[:limit]) for row in _entry(entry)]
    return Statement(
        name="day-book",
        title=words("Day book"),
        label=words("What happened"),
        columns=columns,
        sections=(Section(words("By kind"), kinds), Section(words("Entries"), tuple(lines))),
        totals=(Row(words("Total"), (count, moved, moved), kind="sum"),),
        from_on=on,
        to_on=on,
        known_on=known_on,
        more=len(entries) > limit,
        facts={"entries": count, "amount_minor": moved},
    )


def get_account_statement(
    code: str, *, from_on: date, to_on: date, known_on: date | None = None, limit: int = 1000
) -> Statement:
    """One account over days: opening, every entry that touched it with the balance after it, closing; each balance on
    the account's own side: credits less debits of what is owed, of equity and of income.

    Facts: opening_minor, closing_minor, debits less credits. Raises NotFound.
    """
    found = get_account_ledger(code, from_on=from_on, to_on=to_on, known_on=known_on, limit=limit)
    columns = (Column(words("On"), "day"), Column(words("Debit")), Column(words("Credit")), Column(words("Balance")))
    opening, closing = found["opening_minor"], found["closing_minor"]
    side = -1 if found["account"]["kind"] in ("liability", "equity", "income") else 1
    lines = tuple(
        Row(
            line["title"],
            (
                line["effective_on"],
                line["debit_minor"] or None,
                line["credit_minor"] or None,
                side * line["balance_minor"],
            ),
            code=str(line["number"]),
            note=line["reason"] or "",
            opens=Opens("entry", line["entry_id"]),
        )
        for line in found["lines"]
    )
    return Statement(
        name=f"account-{code}",
        title=found["account"]["name"],
        label=words("What"),
        columns=columns,
        sections=(Section("", (Row(words("Opening"), (from_on, None, None, side * opening), kind="opening"), *lines)),),
        totals=(
            Row(words("Closing"), (to_on, found["debit_minor"], found["credit_minor"], side * closing), kind="closing"),
        ),
        from_on=from_on,
        to_on=to_on,
        known_on=known_on,
        subject=found["account"]["number"],
        more=found["more"],
        beside=Opens("account-parties", code, None, to_on) if found["account"]["party_kind"] else None,
        facts={"opening_minor": opening, "closing_minor": closing},
    )


def get_parties(
    code: str,
    *,
    on: date,
    names: Callable[[str, list[int]], dict[int, str]],
    known_on: date | None = None,
    limit: int = 200,
) -> Statement:
    """One account kept by party, party by party at the end of a day, the largest first. Raises NotFound.

    `names` says what parties of a kind are called: the books know their ids only. Facts: parties.
    """
    account = get_account(code)
    kind = account["party_kind"]
    if kind is None:
        raise NotFound("This account is not kept by party.")
    found = list_parties(code, on=on, known_on=known_on, limit=limit + 1)
    known = names(kind, [row["party_id"] for row in found])
    lines = tuple(
        Row(
            known.get(row["party_id"], str(row["party_id"])),
            (max(row["net_minor"], 0) or None, max(-row["net_minor"], 0) or None),
            named=True,
            opens=_party_page(code, kind, row["party_id"], on),
        )
        for row in found[:limit]
    )
    debits, credits = (found[0][column] if found else 0 for column in ("debit_minor", "credit_minor"))
    held = sum_balance(code, on, known_on=known_on)
    return Statement(
        name=f"parties-{code}",
        title=account["name"],
        label=words("Party"),
        columns=(Column(words("Debit")), Column(words("Credit"))),
        sections=(Section("", lines),),
        totals=(Row(words("Total"), (debits, credits), kind="sum"),),
        proofs=((words("The parties come to what the account holds"), debits - credits == held),),
        to_on=on,
        known_on=known_on,
        subject=account["number"],
        more=len(found) > limit,
        facts={"parties": found[0]["parties"] if found else 0},
    )


def _party_page(code: str, kind: str, party_id: int, on: date) -> Opens | None:
    if kind == "customer":
        return Opens("customer-account", party_id, to_on=on)
    return Opens("reseller", party_id) if code in {parents for parents, _children in MIRRORS} else None


def _list_kinds(on: date, known_on: date | None) -> list[dict[str, Any]]:
    if known_on is None:
        return rows(
            "SELECT entry_kind AS kind, entries, amount_minor FROM kinds_since(%s, %s) WHERE day = %s "
            "ORDER BY amount_minor DESC, entry_kind",
            [current_scope().operator_id, on, on],
        )
    return rows(
        """
        SELECT e.kind, count(DISTINCT e.id) AS entries, sum(p.amount_minor)::bigint AS amount_minor
        FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
        WHERE e.operator_id = %(me)s AND e.effective_on = %(on)s
          AND e.recorded_at < %(known)s
        GROUP BY e.kind ORDER BY amount_minor DESC, e.kind
        """,
        {"me": current_scope().operator_id, "on": on, "known": known_before(known_on)},
    )


def _kind(row: dict[str, Any], on: date) -> Row:
    return Row(
        TITLES.get(row["kind"], row["kind"]),
        (row["entries"], row["amount_minor"], row["amount_minor"]),
        opens=Opens("journal", row["kind"], on, on),
    )


def _entry(entry: dict[str, Any]) -> list[Row]:
    """An entry as a row of its own with its lines set in below it."""
    title = Row(
        entry["title"],
        (None, None, None),
        code=str(entry["number"]),
        note=entry["reason"] or "",
        opens=Opens("entry", entry["id"]),
    )
    lines = [
        Row(
            line["account"],
            (None, line["debit_minor"] or None, line["credit_minor"] or None),
            code=line["number"],
            note=line["party"] or "",
            level=1 if line["debit_minor"] else 2,
            opens=Opens("account", line["code"], entry["effective_on"], entry["effective_on"]),
        )
        for line in entry["lines"]
    ]
    return [title, *lines]
