"""Reads of the acting operator's own books, as rows ready to show. Each figure is one statement: day nets up to the
last seal plus what is not folded yet, seen at the same instant."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.ledger.choices import KINDS, TITLES
from backhaul.ledger.rules import Place
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

IDS_PER_CELL = 10**12

# Day nets and the unfolded tail through a day, by account and (for accounts that have them) party.
_NETS = """
    SELECT d.code, NULL::bigint AS party_id, d.debit_minor - d.credit_minor AS net
    FROM account_day d JOIN account a ON a.operator_id = d.operator_id AND a.code = d.code
    WHERE d.operator_id = %(me)s AND d.day <= %(on)s AND a.party_kind IS NULL
    UNION ALL
    SELECT code, party_id, debit_minor - credit_minor FROM party_day WHERE operator_id = %(me)s AND day <= %(on)s
    UNION ALL
    SELECT code, party_id, debit_minor - credit_minor FROM unfolded(%(me)s, %(on)s)
"""


def get_trial_balance(*, on: date) -> dict[str, Any]:
    """The books at the end of a day: {"accounts": [{code, number, name, kind, debit_minor, credit_minor}], "totals"}.

    Accounts without a balance are left out. Where parties stand on both sides of an account (one
    customer's due, another's credit), both sums are shown. Totals are equal, or the books are broken.
    """
    accounts = rows(
        f"""
        SELECT a.code, a.number, a.name, a.kind, sum(GREATEST(p.net, 0))::bigint AS debit_minor,
               sum(GREATEST(-p.net, 0))::bigint AS credit_minor
        FROM (SELECT code, party_id, sum(net) AS net FROM ({_NETS}) AS nets GROUP BY code, party_id) AS p
        JOIN account a ON a.operator_id = %(me)s AND a.code = p.code
        WHERE p.net <> 0
        GROUP BY a.code, a.number, a.name, a.kind ORDER BY a.number, a.code
        """,
        {"me": _me(), "on": on},
    )
    totals = {side: sum(account[side] for account in accounts) for side in ("debit_minor", "credit_minor")}
    return {"accounts": accounts, "totals": totals}


def sum_balance(code: str, on: date) -> int:
    """What an account of the acting operator holds at the end of a day: debits less credits."""
    found = rows(
        """
        SELECT (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM account_day
                WHERE operator_id = %(me)s AND code = %(code)s AND day <= %(on)s)
             + (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM unfolded(%(me)s, %(on)s, %(code)s)) AS net
        """,
        {"me": _me(), "code": code, "on": on},
    )
    return int(found[0]["net"])


def list_accounts() -> list[dict[str, Any]]:
    """The chart of accounts by number: code, number, name, kind, party_kind (customer | operator | None), closed_on."""
    return rows(
        "SELECT code, number, name, kind, party_kind, closed_on FROM account WHERE operator_id = %s "
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
    *, from_on: date, to_on: date, account: str | None = None, before: Place | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """Entries of [from_on, to_on], newest first, that touch `account` if given; `before` = where the last page ended.

    Each: id, number, kind, title, effective_on, recorded_at, actor_id, transfer_id, reason, reverses (number or None),
    lines: [{code, number, account, kind, party_kind, party_id, party, debit_minor, credit_minor}], debits first.
    """
    entries = rows(
        """
        SELECT e.id, e.kind, e.effective_on, e.recorded_at, e.actor_id, e.transfer_id, e.reason, e.reverses_id
        FROM entry e
        WHERE e.operator_id = %(me)s AND e.effective_on BETWEEN %(from)s AND %(to)s
          AND (%(before_on)s::date IS NULL OR (e.effective_on, e.id) < (%(before_on)s::date, %(before_id)s::bigint))
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
            "before_on": before.effective_on if before else None,
            "before_id": before.entry_id if before else None,
            "limit": limit,
        },
    )
    lines = _lines([entry["id"] for entry in entries])
    return [_shown(entry, lines[entry["id"]]) for entry in entries]


def get_journal_span() -> tuple[date, date] | None:
    """The first and the last day that has an entry; None while there is none."""
    found = rows(
        "SELECT min(effective_on) AS first, max(effective_on) AS last FROM entry WHERE operator_id = %s", [_me()]
    )
    return (found[0]["first"], found[0]["last"]) if found[0]["first"] else None


def list_entries_after(place: Place | None, *, limit: int) -> list[dict[str, Any]]:
    """The journal in its own order, oldest first, rows as in list_journal: for exports that read all of it."""
    entries = rows(
        """
        SELECT id, kind, effective_on, recorded_at, actor_id, transfer_id, reason, reverses_id FROM entry
        WHERE operator_id = %(me)s AND (effective_on, id) > (%(on)s::date, %(id)s)
        ORDER BY effective_on, id LIMIT %(limit)s
        """,
        {
            "me": _me(),
            "on": place.effective_on if place else "-infinity",
            "id": place.entry_id if place else 0,
            "limit": limit,
        },
    )
    lines = _lines([entry["id"] for entry in entries])
    return [_shown(entry, lines[entry["id"]]) for entry in entries]


def get_account_ledger(code: str, *, from_on: date, to_on: date, limit: int = 1000) -> dict[str, Any]:
    """One account over [from_on, to_on], debits less credits: account, opening_minor, lines, closing_minor, more.

    Lines, oldest first: entry_id, number, effective_on, title, reason, debit_minor, credit_minor, balance_minor.
    With more than `limit` lines only the first are given and `more` is true.
    """
    account = get_account(code)
    opening = sum_balance(code, from_on - timedelta(days=1))
    lines = rows(
        """
        SELECT l.*, %(opening)s + sum(l.debit_minor - l.credit_minor)
                   OVER (ORDER BY l.effective_on, l.entry_id)::bigint AS balance_minor
        FROM (SELECT e.id AS entry_id, e.kind, e.effective_on, e.reason,
                     COALESCE(sum(p.amount_minor) FILTER (WHERE p.debit_code = %(code)s), 0)::bigint AS debit_minor,
                     COALESCE(sum(p.amount_minor) FILTER (WHERE p.credit_code = %(code)s), 0)::bigint AS credit_minor
              FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
              WHERE e.operator_id = %(me)s AND e.effective_on BETWEEN %(from)s AND %(to)s
                AND %(code)s IN (p.debit_code, p.credit_code)
              GROUP BY e.id, e.kind, e.effective_on, e.reason) AS l
        ORDER BY l.effective_on, l.entry_id LIMIT %(limit)s + 1
        """,
        {"me": _me(), "code": code, "from": from_on, "to": to_on, "opening": opening, "limit": limit},
    )
    for line in lines:
        line["number"] = _number(line["entry_id"])
        line["title"] = TITLES.get(line["kind"], line["kind"])
    return {
        "account": account,
        "opening_minor": opening,
        "lines": lines[:limit],
        "closing_minor": sum_balance(code, to_on)
        if len(lines) > limit
        else (lines[-1]["balance_minor"] if lines else opening),
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


def _shown(entry: dict[str, Any], lines: list[dict[str, Any]]) -> dict[str, Any]:
    reversed_entry = entry.pop("reverses_id")
    return {
        **entry,
        "number": _number(entry["id"]),
        "title": TITLES.get(entry["kind"], entry["kind"]),
        "reverses": _number(reversed_entry) if reversed_entry else None,
        "lines": lines,
    }


def _number(entry_id: int) -> int:
    """An entry's id without its cell's part: what people read."""
    return entry_id % IDS_PER_CELL


def _me() -> int:
    return current_scope().operator_id
