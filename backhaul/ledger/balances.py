"""What the acting operator's accounts hold or moved: on a day or over days, as known now or at the end of another day.

Each figure is one statement: day nets up to the last seal plus what is not folded yet, less what became known after
`known_on`, all seen at the same instant (sql/functions/balances.sql).
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backhaul.ledger.choices import METHOD_ACCOUNTS
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

EVER = date(1900, 1, 1)  # before all entries: pages take no earlier day
DEBIT_KINDS = ("asset", "expense")
RECEIVABLES = ("receivable_customers", "receivable_operators", "takings_receivable")
# Accounts of every chart that money lies in; an operator's own ones say so themselves (account.is_money).
MONEY = (*METHOD_ACCOUNTS, "cash_with_collector")


def known_before(known_on: date | None) -> datetime | None:
    """The instant at which that day ends where the ISP is; None = now."""
    if known_on is None:
        return None
    return datetime.combine(known_on + timedelta(days=1), time(), tzinfo=ZoneInfo(current_scope().time_zone))


def list_balances(*, on: date, known_on: date | None = None) -> list[dict[str, Any]]:
    """Accounts that are not empty at the end of a day, by number: code, number, name, kind, debit_minor, credit_minor.

    Where parties stand on both sides of an account (one customer's due, another's credit), both sums are shown.
    """
    return rows(
        """
        SELECT a.code, a.number, a.name, a.kind, b.debit_minor::bigint, b.credit_minor::bigint
        FROM account_balances(%(me)s, %(on)s, %(known)s) AS n
        JOIN account a ON a.operator_id = %(me)s AND a.code = n.code
        CROSS JOIN LATERAL (SELECT
            CASE WHEN a.party_kind IS NULL THEN GREATEST(n.net_minor, 0)
                 WHEN a.kind = ANY (%(debits)s) THEN n.net_minor + n.wrong_minor ELSE n.wrong_minor END AS debit_minor,
            CASE WHEN a.party_kind IS NULL THEN GREATEST(-n.net_minor, 0)
                 WHEN a.kind = ANY (%(debits)s) THEN n.wrong_minor ELSE n.wrong_minor - n.net_minor END AS credit_minor
            ) AS b
        WHERE b.debit_minor <> 0 OR b.credit_minor <> 0
        ORDER BY a.number, a.code
        """,
        {"me": _me(), "on": on, "known": known_before(known_on), "debits": list(DEBIT_KINDS)},
    )


def get_position(*, on: date) -> dict[str, int]:
    """How the operator stands at the end of a day, in four figures: money_minor (cash, bank …), due_minor (what others
    owe it), both of them parts of owned_minor (all assets), and owed_minor (what it owes others)."""
    accounts = list_balances(on=on)
    money = {account["code"] for account in list_money_accounts()}
    debits = {row["code"]: row["debit_minor"] for row in accounts if row["kind"] in ("asset", "liability")}
    return {
        "money_minor": sum(minor for code, minor in debits.items() if code in money),
        "owned_minor": sum(debits.values()),
        "due_minor": sum(minor for code, minor in debits.items() if code in RECEIVABLES),
        "owed_minor": sum(row["credit_minor"] for row in accounts if row["kind"] in ("asset", "liability")),
    }


def list_turnovers(*, from_on: date, to_on: date, known_on: date | None = None) -> list[dict[str, Any]]:
    """Accounts of income and expense that moved over days, fields as list_balances; closings of years are left out."""
    return rows(
        """
        SELECT a.code, a.number, a.name, a.kind, s.debit_minor::bigint, s.credit_minor::bigint
        FROM account_nets(%(me)s, %(from)s, %(to)s, %(known)s) AS n
        JOIN account a ON a.operator_id = %(me)s AND a.code = n.code AND a.kind IN ('income', 'expense')
        LEFT JOIN year_ends(%(me)s, %(from)s, %(to)s, %(known)s) AS y ON y.code = n.code
        CROSS JOIN LATERAL (SELECT n.debit_minor - COALESCE(y.debit_minor, 0) AS debit_minor,
                                   n.credit_minor - COALESCE(y.credit_minor, 0) AS credit_minor) AS s
        WHERE s.debit_minor <> 0 OR s.credit_minor <> 0
        ORDER BY a.number, a.code
        """,
        {"me": _me(), "from": from_on, "to": to_on, "known": known_before(known_on)},
    )


def list_movements(*, from_on: date, to_on: date, known_on: date | None = None) -> list[dict[str, Any]]:
    """Accounts that held something before [from_on, to_on] or moved in it, by number: code, number, name, kind,
    opening_minor and closing_minor (debits less credits), debit_minor, credit_minor."""
    return rows(
        """
        SELECT a.code, a.number, a.name, a.kind, m.*, m.opening_minor + m.debit_minor - m.credit_minor AS closing_minor
        FROM account a
        LEFT JOIN account_nets(%(me)s, '-infinity', %(before)s, %(known)s) AS o ON o.code = a.code
        LEFT JOIN account_nets(%(me)s, %(from)s, %(to)s, %(known)s) AS n ON n.code = a.code
        CROSS JOIN LATERAL (SELECT COALESCE(o.debit_minor - o.credit_minor, 0)::bigint AS opening_minor,
            COALESCE(n.debit_minor, 0)::bigint AS debit_minor, COALESCE(n.credit_minor, 0)::bigint AS credit_minor) AS m
        WHERE a.operator_id = %(me)s AND (m.opening_minor, m.debit_minor, m.credit_minor) <> (0, 0, 0)
        ORDER BY a.number, a.code
        """,
        {
            "me": _me(),
            "before": from_on - timedelta(days=1),
            "from": from_on,
            "to": to_on,
            "known": known_before(known_on),
        },
    )


def list_parties(code: str, *, on: date, known_on: date | None = None, limit: int) -> list[dict[str, Any]]:
    """Who holds what of an account kept by party at the end of a day, the largest first: party_id and net_minor (debits
    less credits); over all of them debit_minor, credit_minor, parties."""
    return rows(
        """
        SELECT p.party_id, p.net_minor, sum(GREATEST(p.net_minor, 0)) OVER ()::bigint AS debit_minor,
               sum(GREATEST(-p.net_minor, 0)) OVER ()::bigint AS credit_minor, count(*) OVER () AS parties
        FROM (
            SELECT party_id, sum(net)::bigint AS net_minor FROM (
                SELECT party_id, net_minor AS net FROM party_standing WHERE operator_id = %(me)s AND code = %(code)s
                UNION ALL SELECT k.party_id, d.credit_minor - d.debit_minor
                FROM party_standing k JOIN party_day d ON d.operator_id = k.operator_id AND d.party_id = k.party_id
                    AND d.code = k.code AND d.day > %(on)s
                WHERE k.operator_id = %(me)s AND k.code = %(code)s AND k.through > %(on)s
                UNION ALL SELECT party_id, debit_minor - credit_minor FROM unfolded(%(me)s, %(on)s, %(code)s)
                UNION ALL SELECT party_id, credit_minor - debit_minor
                FROM recorded_since(%(me)s, %(known)s, %(on)s, %(code)s)) AS nets
            GROUP BY party_id) AS p
        WHERE p.net_minor <> 0 ORDER BY abs(p.net_minor) DESC, p.party_id LIMIT %(limit)s
        """,
        {"me": _me(), "code": code, "on": on, "known": known_before(known_on), "limit": limit},
    )


def sum_balance(code: str, on: date, *, known_on: date | None = None) -> int:
    """What an account of the acting operator holds at the end of a day: debits less credits."""
    found = rows(
        """
        SELECT (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM account_day
                WHERE operator_id = %(me)s AND code = %(code)s AND day <= %(on)s)
             + (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM unfolded(%(me)s, %(on)s, %(code)s))
             - (SELECT COALESCE(sum(debit_minor - credit_minor), 0)
                FROM recorded_since(%(me)s, %(known)s, %(on)s, %(code)s)) AS net
        """,
        {"me": _me(), "code": code, "on": on, "known": known_before(known_on)},
    )
    return int(found[0]["net"])


def sum_party(codes: tuple[str, ...], party_id: int, on: date, *, known_on: date | None = None) -> int:
    """What one party's part of some accounts comes to at the end of a day: debits less credits."""
    found = rows(
        """
        SELECT (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM party_day
                WHERE operator_id = %(me)s AND party_id = %(party)s AND code = ANY (%(codes)s) AND day <= %(on)s)
             + (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM unfolded(%(me)s, %(on)s)
                WHERE party_id = %(party)s AND code = ANY (%(codes)s))
             - (SELECT COALESCE(sum(debit_minor - credit_minor), 0) FROM recorded_since(%(me)s, %(known)s, %(on)s)
                WHERE party_id = %(party)s AND code = ANY (%(codes)s)) AS net
        """,
        {"me": _me(), "codes": list(codes), "party": party_id, "on": on, "known": known_before(known_on)},
    )
    return int(found[0]["net"])


def list_money_accounts() -> list[dict[str, Any]]:
    """The accounts that money lies in, by number: code, number, name."""
    return rows(
        "SELECT code, number, name FROM account WHERE operator_id = %s AND kind = 'asset' "
        "AND (is_money OR code = ANY (%s)) ORDER BY number, code",
        [_me(), list(MONEY)],
    )


def _me() -> int:
    return current_scope().operator_id
