"""Accounting periods of the acting operator's books (SPEC A3): closing, reopening, year ends, and how months stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.ledger.choices import YEAR_CLOSE, YEAR_CLOSE_KINDS
from backhaul.ledger.period_rules import FiscalYear, closing_of, fiscal_year_of, last_of_month, month_state
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope

# Money that is on its way: what stands on these at a month's end should be handed over, settled or booked before.
ON_ITS_WAY = ("cash_with_collector", "due_from_staff", "gateway_clearing", "takings_receivable", "paid_to_provider")

# Entries of transactions after a closing ({lock}: a row of LOCKS) that lie in what it closed. What a year end posts is
# of the closing's own transaction, what a reopening takes back of the next one's: neither is among them.
LATE = """
    entry e WHERE e.operator_id = {lock}.operator_id AND e.xid > {lock}.xid AND e.effective_on <= {lock}.locked_through
      AND ({lock}.until IS NULL OR e.xid < {lock}.until)
"""
LOCKS = """
    SELECT operator_id, id, xid, locked_through, lead(xid) OVER (PARTITION BY operator_id ORDER BY id) AS until
    FROM books_lock
"""


class AlreadyClosed(Refusal):
    """The books are closed through that day, or that year is closed, already."""

    code = "already_closed"


class NotClosed(Refusal):
    """Those days are open: there is nothing to reopen."""

    code = "not_closed"


@dataclass(frozen=True)
class YearClosed:
    """What a year end did; `entry_id` is None where no income or expense account held anything."""

    lock_id: int
    entry_id: int | None


def close_books(*, through: date, now: datetime) -> int:
    """Close the acting operator's books through a day; the id of the closing.

    Postings into past days that are under way are waited for. Raises AlreadyClosed, InvalidInput for days to come.
    """
    scope = current_scope()
    scope.require("books.close")
    if through > local_date(now, scope.time_zone):  # the database allows for every time zone
        raise InvalidInput("Books are closed through today at the latest.", field="through")
    return int(call("close_books", through=through, now=now))


def reopen_books(*, through: date | None, why: str, now: datetime) -> int:
    """Open the books again: closed from now on through `through` only (None = not at all); the id of the reopening.

    Year ends after that day are taken back. Raises NotClosed, InvalidInput without a reason.
    """
    current_scope().require("books.reopen")
    return int(call("reopen_books", through=through, why=why.strip(), now=now))


def close_year(*, last_on: date, now: datetime) -> YearClosed:
    """Close a year: the books through its last day, and its result into retained earnings by one entry of that day.

    Raises AlreadyClosed, PeriodClosed where later days are closed, InvalidInput where no year ends on that day or it is
    not over.
    """
    current_scope().require("books.close")
    return YearClosed(**call("close_year", last_on=last_on, now=now))


def set_year_start(*, month: int) -> None:
    """Years of the acting operator's books begin on the first of this month (1 to 12); closed years stay closed."""
    current_scope().require("books.close")
    if not 1 <= month <= 12:
        raise InvalidInput("A year begins with a month from January to December.", field="month")
    execute("UPDATE books SET year_starts_month = %s WHERE operator_id = %s", [month, _me()])


def get_books() -> dict[str, Any]:
    """The acting operator's books: locked_through (None = all open), year_starts_month. Raises NotFound."""
    found = rows("SELECT locked_through, year_starts_month FROM books WHERE operator_id = %s", [_me()])
    if not found:
        raise NotFound("This operator has no books yet; finish its set-up first.")
    return found[0]


def get_fiscal_year(day: date) -> FiscalYear:
    """The year of the acting operator's books that a day lies in."""
    return fiscal_year_of(day, get_books()["year_starts_month"])


def is_year_closed(year: FiscalYear) -> bool:
    """Whether the result of that year stands in retained earnings."""
    return bool(rows("SELECT is_year_closed(%s, %s) AS is_closed", [_me(), year.last_on])[0]["is_closed"])


def list_locks(limit: int = 50) -> list[dict[str, Any]]:
    """Closings and reopenings, newest first: kind (close, year_close, reopen), locked_through, locked_before, why, …"""
    return rows(
        "SELECT id, kind, locked_through, locked_before, why, recorded_at, actor_id, impersonation_id "
        "FROM books_lock "
        "WHERE operator_id = %s ORDER BY id DESC LIMIT %s",
        [_me(), limit],
    )


def list_periods(year: FiscalYear, *, today: date) -> list[dict[str, Any]]:
    """The months of a year: month_on, last_on, state (open, part, closed, to_come, or before: all before the first
    entry of the books, or before `today` where there is none), entries, income_minor, expense_minor, result_minor
    (year ends left out), closing (the row of list_locks since which it is closed), late_entries (recorded after it was
    closed: something is wrong, see `backhaul verify`)."""
    locked_through, first_on = get_books()["locked_through"], first_entry_on() or today
    locks = list(reversed(list_locks(limit=10_000)))
    entries, results, late = _count_entries(year), _results(year), _count_late(year)
    periods = []
    for month_on in year.months:
        income, expense = results.get((month_on, "income"), 0), results.get((month_on, "expense"), 0)
        periods.append({
            "month_on": month_on,
            "last_on": last_of_month(month_on),
            "state": month_state(month_on, locked_through, today, first_on=first_on),
            "entries": entries.get(month_on, 0),
            "income_minor": income,
            "expense_minor": -expense,
            "result_minor": income + expense,
            "closing": closing_of(last_of_month(month_on), locks),
            "late_entries": late.get(month_on, 0),
        })  # fmt: skip
    return periods


def first_entry_on() -> date | None:
    """The day of the first entry of the acting operator's books."""
    first: date | None = rows("SELECT min(effective_on) AS first_on FROM entry WHERE operator_id = %s", [_me()])[0][
        "first_on"
    ]
    return first


def count_entries(from_on: date | None, to_on: date) -> int:
    """Entries of [from_on, to_on]; from the beginning where `from_on` is None."""
    found = rows(
        "SELECT count(*) AS entries FROM entry "
        "WHERE operator_id = %s AND effective_on >= COALESCE(%s, '-infinity'::date) AND effective_on <= %s",
        [_me(), from_on, to_on],
    )
    return int(found[0]["entries"])


def list_on_its_way(on: date) -> list[dict[str, Any]]:
    """Accounts of money on its way that are not empty at the end of a day: code, name, net_minor (debits − credits)."""
    return rows(
        """
        SELECT a.code, a.name, n.net_minor
        FROM account a CROSS JOIN LATERAL (
            SELECT COALESCE(sum(net), 0)::bigint AS net_minor FROM (
                SELECT debit_minor - credit_minor AS net FROM account_day
                WHERE operator_id = a.operator_id AND code = a.code AND day <= %(on)s
                UNION ALL SELECT debit_minor - credit_minor FROM unfolded(a.operator_id, %(on)s, a.code)) AS nets) AS n
        WHERE a.operator_id = %(me)s AND a.code = ANY (%(codes)s) AND n.net_minor <> 0 ORDER BY a.number
        """,
        {"me": _me(), "on": on, "codes": list(ON_ITS_WAY)},
    )


def list_year_end_lines(entry_id: int) -> list[dict[str, Any]]:
    """What a year end moved, by account: code, name, kind, result_minor (income above zero, expense below)."""
    return rows(
        """
        SELECT a.code, a.name, a.kind,
               sum(CASE WHEN p.debit_code = a.code THEN p.amount_minor ELSE -p.amount_minor END)::bigint AS result_minor
        FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
        JOIN account a ON a.operator_id = p.operator_id AND a.code IN (p.debit_code, p.credit_code)
            AND a.kind IN ('income', 'expense')
        WHERE e.operator_id = %s AND e.id = %s AND e.kind = %s
        GROUP BY a.code, a.name, a.kind, a.number ORDER BY a.number, a.code
        """,
        [_me(), entry_id, YEAR_CLOSE],
    )


def _count_entries(year: FiscalYear) -> dict[date, int]:
    found = rows(
        "SELECT date_trunc('month', effective_on)::date AS month_on, count(*) AS entries FROM entry "
        "WHERE operator_id = %s AND effective_on >= %s AND effective_on < %s GROUP BY 1",
        [_me(), *year],
    )
    return {row["month_on"]: row["entries"] for row in found}


def _results(year: FiscalYear) -> dict[tuple[date, str], int]:
    """Credits less debits by month and kind of account; what year ends moved is turned back."""
    found = rows(
        """
        SELECT date_trunc('month', n.day)::date AS month_on, a.kind, sum(n.credit - n.debit)::bigint AS minor
        FROM account a JOIN (
            SELECT code, day, debit_minor AS debit, credit_minor AS credit FROM account_day
            WHERE operator_id = %(me)s AND day BETWEEN %(first)s AND %(last)s
            UNION ALL
            SELECT code, day, debit_minor, credit_minor FROM unfolded(%(me)s, %(last)s) WHERE day >= %(first)s
            UNION ALL
            SELECT s.code, e.effective_on, s.credit, s.debit
            FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
            CROSS JOIN LATERAL (VALUES (p.debit_code, p.amount_minor, 0), (p.credit_code, 0, p.amount_minor))
                AS s (code, debit, credit)
            WHERE e.operator_id = %(me)s AND e.kind = ANY (%(kinds)s)
              AND e.effective_on BETWEEN %(first)s AND %(last)s) AS n ON n.code = a.code
        WHERE a.operator_id = %(me)s AND a.kind IN ('income', 'expense') GROUP BY 1, 2
        """,
        {"me": _me(), "first": year.starts_on, "last": year.last_on, "kinds": list(YEAR_CLOSE_KINDS)},
    )
    return {(row["month_on"], row["kind"]): row["minor"] for row in found}


def _count_late(year: FiscalYear) -> dict[date, int]:
    """By month, as LATE says; day by day from the newest entry that a closing knew, so that closed days cost a look
    each and not their entries. An entry that claims an older id than that only `verify` finds."""
    found = rows(
        f"""
        SELECT date_trunc('month', %(first)s::date + n)::date AS month_on, sum(late.entries)::bigint AS entries
        FROM ({LOCKS} WHERE operator_id = %(me)s) AS l
        CROSS JOIN LATERAL (SELECT COALESCE(max(k.id), 0) AS id FROM (
            SELECT id FROM entry WHERE operator_id = %(me)s AND xid <= l.xid ORDER BY xid DESC LIMIT 1) AS k) AS known
        CROSS JOIN LATERAL generate_series(0, LEAST(l.locked_through, %(last)s::date) - %(first)s::date) AS n
        CROSS JOIN LATERAL (SELECT count(*) AS entries FROM {LATE.format(lock="l")}
            AND e.effective_on = %(first)s::date + n AND e.id > known.id) AS late
        WHERE late.entries > 0 GROUP BY 1
        """,
        {"me": _me(), "first": year.starts_on, "last": year.last_on},
    )
    return {row["month_on"]: row["entries"] for row in found}


def _me() -> int:
    return current_scope().operator_id
