"""A month of a fund as both sides confirm it, what is said against its lines, requests for money (SPEC C9, C1).

All figures derive from the movements; a statement keeps those of the day it was prepared, so that what is dated into
its month later shows as a difference. Either end of the edge may do all of this; for everybody else there is no fund.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

MONTHS = 24


class MonthNotOver(Refusal):
    """A statement of a month that still runs."""

    code = "month_not_over"


class StatementDisputed(Refusal):
    """A line of the month is disputed and not settled."""

    code = "statement_disputed"


class OwnDispute(Refusal):
    """Who disputes a line does not settle it too."""

    code = "own_dispute"


class AlreadySettled(Refusal):
    """The dispute was settled before."""

    code = "already_settled"


def prepare_statement(*, child_id: int, month: date, today: date, now: datetime) -> None:
    """Write down what a finished month came to, as the movements stand; again changes nothing. Raises MonthNotOver."""
    current_scope().require("funds.confirm")
    call("prepare_statement", child=child_id, month=month, today=today, now=now)


def confirm_statement(*, child_id: int, month: date, now: datetime) -> None:
    """Confirm a prepared month for the acting operator's side, once. Raises StatementDisputed."""
    current_scope().require("funds.confirm")
    call("confirm_statement", child=child_id, month=month, now=now)


def dispute_movement(*, child_id: int, movement_id: int, what: str, now: datetime) -> int:
    """Say what is wrong with a movement; the other side answers it. Returns the dispute's id."""
    current_scope().require("funds.confirm")
    return int(call("dispute_movement", child=child_id, movement=movement_id, what=_said(what), now=now))


def settle_dispute(*, child_id: int, dispute_id: int, how: str, now: datetime) -> None:
    """Answer what the other side disputes, which settles it. Raises OwnDispute, AlreadySettled."""
    current_scope().require("funds.confirm")
    call("settle_dispute", child=child_id, dispute=dispute_id, how=_said(how), now=now)


def ask_for_recharge(*, amount_minor: int, note: str, now: datetime, request_key: str) -> None:
    """Ask the provider for a recharge of the own fund; it sees the last request until money has come in."""
    current_scope().require("funds.ask")
    call(
        "ask_for_recharge",
        amount_minor=refuse_beyond_limit(amount_minor),
        note=note.strip(),
        now=now,
        request_key=request_key,
    )


def _said(text: str) -> str:
    if not text.strip():
        raise InvalidInput("Write what you want the other side to read.", field="what")
    return text.strip()


# One line per calendar month in which anything moved, and the prepared statement beside it.
_MONTHS = """
    WITH moved AS (
        SELECT date_trunc('month', moved_on)::date AS month_on, sum(fund_minor) AS fund_minor,
               sum(owed_minor) AS owed_minor,
               COALESCE(sum(fund_minor) FILTER (WHERE fund_minor > 0), 0) AS credits_minor,
               COALESCE(-sum(fund_minor) FILTER (WHERE fund_minor < 0), 0) AS debits_minor
        FROM fund_movement WHERE child_id = %(child)s AND moved_on < %(before)s GROUP BY 1),
    spanned AS (
        SELECT month::date AS month_on FROM generate_series(
            (SELECT min(month_on) FROM moved), %(before)s::date - interval '1 month', interval '1 month') AS month),
    chained AS (
        SELECT month_on, COALESCE(credits_minor, 0)::bigint AS credits_minor,
               COALESCE(debits_minor, 0)::bigint AS debits_minor,
               sum(fund_minor) OVER (ORDER BY month_on)::bigint AS closing_minor,
               sum(owed_minor) OVER (ORDER BY month_on)::bigint AS owed_minor
        FROM spanned LEFT JOIN moved USING (month_on))
    SELECT c.month_on, c.closing_minor - c.credits_minor + c.debits_minor AS opening_minor, c.credits_minor,
           c.debits_minor, c.closing_minor, c.owed_minor, s.month_on IS NOT NULL AS prepared, s.prepared_at,
           s.opening_minor AS prepared_opening_minor, s.credits_minor AS prepared_credits_minor,
           s.debits_minor AS prepared_debits_minor, s.closing_minor AS prepared_closing_minor,
           s.owed_minor AS prepared_owed_minor, s.digest, s.parent_confirmed_at, s.parent_confirmed_by,
           s.child_confirmed_at, s.child_confirmed_by, c.closing_minor - s.closing_minor AS difference_minor,
           (s.opening_minor, s.credits_minor, s.debits_minor, s.owed_minor) <> (
               c.closing_minor - c.credits_minor + c.debits_minor, c.credits_minor, c.debits_minor, c.owed_minor
           ) AS differs,
           (SELECT count(*) FROM fund_dispute d
            JOIN fund_movement m ON m.child_id = d.child_id AND m.id = d.movement_id
            WHERE d.child_id = %(child)s AND d.settled_at IS NULL
            AND date_trunc('month', m.moved_on)::date = c.month_on) AS disputes
    FROM chained c LEFT JOIN fund_statement s ON s.child_id = %(child)s AND s.month_on = c.month_on"""


def list_statements(child_id: int, *, today: date, limit: int = MONTHS) -> list[dict[str, Any]]:
    """The months of a fund, latest first, this one included: opening + credits − debits = closing, as it stands now.

    Where the month was prepared: its figures then (`prepared_…`), who confirmed it, `difference_minor` of the closing,
    and whether any figure `differs` since: movements may cancel out in the closing, or move what is owed alone.
    """
    _know(child_id)
    return rows(
        f"{_MONTHS} ORDER BY c.month_on DESC LIMIT %(limit)s",
        {"child": child_id, "before": _next_month(today), "limit": limit},
    )


def get_statement(child_id: int, month: date) -> dict[str, Any]:
    """One month of a fund, as in list_statements; raises NotFound where nothing had moved by then."""
    _know(child_id)
    found = rows(
        f"{_MONTHS} WHERE c.month_on = %(month)s",
        {"child": child_id, "before": _next_month(month), "month": month},
    )
    if not found:
        raise NotFound("There is no such statement.")
    return found[0]


def list_lines(child_id: int, month: date) -> list[dict[str, Any]]:
    """Every movement dated into a month in the order of its days, with the balance after it (fund and owed).

    `is_late`: it was recorded after the month's statement was prepared.
    """
    return rows(
        """
        SELECT m.id, m.kind, m.fund_minor, m.owed_minor, m.net_minor, m.vat_minor, m.moved_on, m.recorded_at, m.note,
               m.paid_code, s.month_on IS NOT NULL AND m.id > COALESCE(s.last_movement_id, 0) AS is_late,
               (b.fund_minor + sum(m.fund_minor) OVER w)::bigint AS balance_minor,
               (b.owed_minor + sum(m.owed_minor) OVER w)::bigint AS owed_after_minor
        FROM fund_movement m
        LEFT JOIN fund_statement s ON s.child_id = m.child_id AND s.month_on = %(month)s
        CROSS JOIN (SELECT COALESCE(sum(fund_minor), 0) AS fund_minor, COALESCE(sum(owed_minor), 0) AS owed_minor
                    FROM fund_movement WHERE child_id = %(child)s AND moved_on < %(month)s) AS b
        WHERE m.child_id = %(child)s AND m.moved_on >= %(month)s AND m.moved_on < %(month)s + interval '1 month'
        WINDOW w AS (ORDER BY m.moved_on, m.id) ORDER BY m.moved_on, m.id
        """,
        {"child": child_id, "month": month},
    )


def sum_by_day(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of a month by day: moved_on, credits_minor, debits_minor, owed_minor, balance_minor at its end."""
    days: dict[date, dict[str, Any]] = {}
    for line in lines:
        day = days.setdefault(
            line["moved_on"],
            {"moved_on": line["moved_on"], "credits_minor": 0, "debits_minor": 0, "owed_minor": 0, "lines": 0},
        )
        day["credits_minor"] += max(0, line["fund_minor"])
        day["debits_minor"] += max(0, -line["fund_minor"])
        day["owed_minor"] += line["owed_minor"]
        day["lines"] += 1
        day["balance_minor"] = line["balance_minor"]
    return list(days.values())


def list_disputes(child_id: int, month: date) -> list[dict[str, Any]]:
    """What was said against movements of a month, oldest first; `said_by_us`: by the acting operator's side."""
    return rows(
        "SELECT d.id, d.movement_id, d.said_by_child, d.said_by_child = (d.child_id = %(me)s) AS said_by_us, d.what, "
        "d.said_at, d.settled_at, d.settled_how FROM fund_dispute d "
        "JOIN fund_movement m ON m.child_id = d.child_id AND m.id = d.movement_id "
        "WHERE d.child_id = %(child)s AND m.moved_on >= %(month)s AND m.moved_on < %(month)s + interval '1 month' "
        "ORDER BY d.id",
        {"me": current_scope().operator_id, "child": child_id, "month": month},
    )


def get_dispute(child_id: int, dispute_id: int) -> dict[str, Any]:
    """One dispute with the movement that it is about; raises NotFound."""
    found = rows(
        "SELECT d.id, d.movement_id, d.said_by_child, d.what, d.said_at, d.settled_at, m.kind, m.moved_on, "
        "m.fund_minor, m.owed_minor FROM fund_dispute d "
        "JOIN fund_movement m ON m.child_id = d.child_id AND m.id = d.movement_id "
        "WHERE d.child_id = %s AND d.id = %s",
        [child_id, dispute_id],
    )
    if not found:
        raise NotFound("There is no such dispute.")
    return found[0]


def _know(child_id: int) -> None:
    """Raises NotFound unless the acting operator is an end of that edge."""
    if not rows("SELECT 1 FROM fund WHERE child_id = %s", [child_id]):
        raise NotFound("There is no such fund.")


def _next_month(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
