"""Reads of the acting operator's own books, as rows ready to show. Each figure is one statement: day nets up to the
last seal plus what is not folded yet, seen at the same instant."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.ledger.balances import known_before, list_balances, sum_balance
from backhaul.ledger.choices import KINDS, TITLES
from backhaul.ledger.rules import Place
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

IDS_PER_CELL = 10**12
_ENTRY = """
    e.id, e.kind, e.source_id, e.effective_on, e.recorded_at, e.actor_id, e.impersonation_id, e.transfer_id, e.reason,
    e.reverses_id
    FROM entry e WHERE e.operator_id = %(me)s
"""


def get_trial_balance(*, on: date, known_on: date | None = None) -> dict[str, Any]:
    """The books at the end of a day: {"accounts": rows as list_balances, "totals": {debit_minor, credit_minor}}.

    Totals are equal, or the books are broken.
    """
    accounts = list_balances(on=on, known_on=known_on)
    totals = {side: sum(account[side] for account in accounts) for side in ("debit_minor", "credit_minor")}
    return {"accounts": accounts, "totals": totals}


def list_accounts() -> list[dict[str, Any]]:
    """The chart of accounts by number: code, number, name, kind, party_kind (customer …), closed_on, is_money."""
    return rows(
        "SELECT code, number, name, kind, party_kind, closed_on, is_money FROM account WHERE operator_id = %s "
        "ORDER BY number, code",
        [_me()],
    )


def get_account(code: str) -> dict[str, Any]:
    """One account; raises NotFound."""
    for account in list_accounts():
        if account["code"] == code:
            return account
    raise NotFound("There is no such account.", field="account")


def list_journal(
    *,
    from_on: date,
    to_on: date,
    account: str | None = None,
    kind: str | None = None,
    known_on: date | None = None,
    before: Place | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Entries of [from_on, to_on], newest first, of one `kind` and that touch `account` if given; `before` = where the
    last page ended.

    Each: id, number, kind, title, source_id, effective_on, recorded_at, actor_id, transfer_id, reason, reverses_id,
    reverses (its number or None), lines: [{code, number, account, kind, party_kind, party_id, party, debit_minor,
    credit_minor}], debits first.
    """
    entries = rows(
        f"""
        SELECT {_ENTRY} AND e.effective_on BETWEEN %(from)s AND %(to)s
          AND (%(before_on)s::date IS NULL OR (e.effective_on, e.id) < (%(before_on)s::date, %(before_id)s::bigint))
          AND (%(kind)s::text IS NULL OR e.kind = %(kind)s)
          AND (%(known)s::timestamptz IS NULL OR e.recorded_at < %(known)s)
          AND (%(code)s::text IS NULL OR EXISTS (
              SELECT 1 FROM posting p WHERE p.operator_id = e.operator_id AND p.entry_id = e.id
              AND %(code)s IN (p.debit_code, p.credit_code)))
        ORDER BY e.effective_on DESC, e.id DESC LIMIT %(limit)s
        """,
        {
            "me": _me(),
            "from": from_on,
            "to": to_on,
            "code": account,
            "kind": kind,
            "known": known_before(known_on),
            "before_on": before.effective_on if before else None,
            "before_id": before.entry_id if before else None,
            "limit": limit,
        },
    )
    return _with_lines(entries)


def get_entry(entry_id: int) -> dict[str, Any]:
    """One entry as list_journal gives it, with `reversed_by_id` and `reversed_by` (its number); raises NotFound."""
    found = rows(
        f"SELECT (SELECT r.id FROM entry r WHERE r.operator_id = %(me)s AND r.reverses_id = %(id)s) AS reversed_by_id, "
        f"{_ENTRY} AND e.id = %(id)s",
        {"me": _me(), "id": entry_id},
    )
    if not found:
        raise NotFound("There is no such entry.")
    entry = _with_lines(found)[0]
    return {**entry, "reversed_by": _number(entry["reversed_by_id"]) if entry["reversed_by_id"] else None}


def list_entries_of(sources: Sequence[tuple[str, int]]) -> list[dict[str, Any]]:
    """The entries that record these events (kind, id of the event's row), oldest first; rows as in list_journal."""
    entries = rows(
        f"SELECT {_ENTRY} AND (e.kind, e.source_id) IN (SELECT * FROM unnest(%(kinds)s::text[], %(ids)s::bigint[])) "
        "ORDER BY e.id",
        {"me": _me(), "kinds": [kind for kind, _ in sources], "ids": [id_ for _, id_ in sources]},
    )
    return _with_lines(entries)


def get_journal_span() -> tuple[date, date] | None:
    """The first and the last day that has an entry; None while there is none."""
    found = rows(
        "SELECT min(effective_on) AS first, max(effective_on) AS last FROM entry WHERE operator_id = %s", [_me()]
    )
    return (found[0]["first"], found[0]["last"]) if found[0]["first"] else None


def list_entries_after(place: Place | None, *, limit: int) -> list[dict[str, Any]]:
    """The journal in its own order, oldest first, rows as in list_journal: for exports that read all of it."""
    entries = rows(
        f"SELECT {_ENTRY} AND (e.effective_on, e.id) > (%(on)s::date, %(id)s) "
        "ORDER BY e.effective_on, e.id LIMIT %(limit)s",
        {
            "me": _me(),
            "on": place.effective_on if place else "-infinity",
            "id": place.entry_id if place else 0,
            "limit": limit,
        },
    )
    return _with_lines(entries)


def get_account_ledger(
    code: str, *, from_on: date, to_on: date, known_on: date | None = None, limit: int = 1000
) -> dict[str, Any]:
    """One account over [from_on, to_on], debits less credits: account, opening_minor, lines, closing_minor, more;
    debit_minor and credit_minor of all its lines.

    Lines, oldest first: entry_id, number, effective_on, title, reason, debit_minor, credit_minor, balance_minor.
    With more than `limit` lines only the first are given and `more` is true.
    """
    account = get_account(code)
    opening = sum_balance(code, from_on - timedelta(days=1), known_on=known_on)
    lines = rows(
        """
        SELECT l.*, %(opening)s + sum(l.debit_minor - l.credit_minor)
                   OVER (ORDER BY l.effective_on, l.entry_id)::bigint AS balance_minor,
               sum(l.debit_minor) OVER ()::bigint AS all_debit_minor,
               sum(l.credit_minor) OVER ()::bigint AS all_credit_minor
        FROM (SELECT e.id AS entry_id, e.kind, e.effective_on, e.reason,
                     COALESCE(sum(p.amount_minor) FILTER (WHERE p.debit_code = %(code)s), 0)::bigint AS debit_minor,
                     COALESCE(sum(p.amount_minor) FILTER (WHERE p.credit_code = %(code)s), 0)::bigint AS credit_minor
              FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
              WHERE e.operator_id = %(me)s AND e.effective_on BETWEEN %(from)s AND %(to)s
                AND %(code)s IN (p.debit_code, p.credit_code)
                AND (%(known)s::timestamptz IS NULL OR e.recorded_at < %(known)s)
              GROUP BY e.id, e.kind, e.effective_on, e.reason) AS l
        ORDER BY l.effective_on, l.entry_id LIMIT %(limit)s + 1
        """,
        {
            "me": _me(),
            "code": code,
            "from": from_on,
            "to": to_on,
            "known": known_before(known_on),
            "opening": opening,
            "limit": limit,
        },
    )
    for line in lines:
        line["number"] = _number(line["entry_id"])
        line["title"] = TITLES.get(line["kind"], line["kind"])
    debits, credits = (lines[0][f"all_{side}_minor"] if lines else 0 for side in ("debit", "credit"))
    return {
        "account": account,
        "opening_minor": opening,
        "lines": lines[:limit],
        "debit_minor": debits,
        "credit_minor": credits,
        "closing_minor": opening + debits - credits,
        "more": len(lines) > limit,
    }


def sort_by_kind(accounts: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """Accounts in the order of a balance sheet and income statement: (kind, its accounts), empty kinds left out."""
    grouped = [(kind, [account for account in accounts if account["kind"] == kind]) for kind in KINDS]
    return [(kind, members) for kind, members in grouped if members]


def _lines(entry_ids: list[int]) -> dict[int, list[dict[str, Any]]]:
    """The debit and credit lines of entries: postings summed per side, account and party."""
    found = rows(
        """
        SELECT p.entry_id, a.code, a.number, a.name AS account, a.kind, a.party_kind, s.party_id, o.name AS party,
               sum(s.debit)::bigint AS debit_minor, sum(s.credit)::bigint AS credit_minor
        FROM posting p
        CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor, 0),
            (p.credit_code, p.credit_party, 0, p.amount_minor)) AS s (code, party_id, debit, credit)
        JOIN account a ON a.operator_id = p.operator_id AND a.code = s.code
        LEFT JOIN operator o ON a.party_kind = 'operator' AND o.id = s.party_id
        WHERE p.operator_id = %s AND p.entry_id = ANY (%s)
        GROUP BY p.entry_id, a.code, a.number, a.name, a.kind, a.party_kind, s.party_id, o.name, (s.debit > 0)
        ORDER BY p.entry_id, (s.debit > 0) DESC, a.number, a.code, s.party_id
        """,
        [_me(), entry_ids],
    )
    lines: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for line in found:
        lines[line.pop("entry_id")].append(line)
    return lines


def _with_lines(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = _lines([entry["id"] for entry in entries])
    return [_shown(entry, lines[entry["id"]]) for entry in entries]


def _shown(entry: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        **entry,
        "number": _number(entry["id"]),
        "title": TITLES.get(entry["kind"], entry["kind"]),
        "reverses": _number(entry["reverses_id"]) if entry["reverses_id"] else None,
        "lines": lines,
    }


def _number(entry_id: int) -> int:
    """An entry's id without its cell's part: what people read."""
    return entry_id % IDS_PER_CELL


def _me() -> int:
    return current_scope().operator_id
