"""The statements that an accountant asks for: trial balance, income statement, balance sheet, cash flow (SPEC A12).

Each is a `Statement` of the acting operator's books, as known now or at the end of `known_on`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext_noop as words

from backhaul.ledger.balances import (
    EVER,
    known_before,
    list_balances,
    list_money_accounts,
    list_movements,
    list_turnovers,
    sum_balance,
)
from backhaul.ledger.choices import KINDS, MANUAL, MANUAL_REVERSAL, TITLES, YEAR_CLOSE
from backhaul.ledger.periods import get_fiscal_year
from backhaul.ledger.rules import period_before
from backhaul.ledger.statements import Column, Opens, Row, Section, Statement, amount, section
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

KIND_TITLES = {
    "asset": words("Assets"),
    "liability": words("Liabilities"),
    "equity": words("Equity"),
    "income": words("Income"),
    "expense": words("Expenses"),
}
DEBIT_AND_CREDIT = (Column(words("Debit")), Column(words("Credit")))


def get_trial_balance(*, on: date, known_on: date | None = None) -> Statement:
    """Every account that is not empty at the end of a day; facts: debit_minor, credit_minor."""
    accounts = list_balances(on=on, known_on=known_on)
    sections = []
    for kind in KINDS:
        found = [
            _row(account, (account["debit_minor"] or None, account["credit_minor"] or None), to_on=on)
            for account in accounts
            if account["kind"] == kind
        ]
        if found:
            sections.append(section(KIND_TITLES[kind], found, DEBIT_AND_CREDIT))
    debits, credits = (sum(account[side] for account in accounts) for side in ("debit_minor", "credit_minor"))
    return Statement(
        name="trial-balance",
        title=words("Trial balance"),
        label=words("Account"),
        columns=DEBIT_AND_CREDIT,
        sections=tuple(sections),
        totals=(Row(words("Total"), (debits, credits), kind="sum"),),
        proofs=((words("Debits equal credits"), debits == credits),),
        to_on=on,
        known_on=known_on,
        facts={"debit_minor": debits, "credit_minor": credits},
    )


def get_movements(*, from_on: date, to_on: date, known_on: date | None = None) -> Statement:
    """The trial balance over days: what every account held before, was debited and credited with, and holds after."""
    columns = (Column(words("Opening")), *DEBIT_AND_CREDIT, Column(words("Closing")))
    accounts = list_movements(from_on=from_on, to_on=to_on, known_on=known_on)
    figures = ("opening_minor", "debit_minor", "credit_minor", "closing_minor")
    sections = tuple(
        section(
            KIND_TITLES[kind],
            [
                _row(account, tuple(account[figure] or None for figure in figures), from_on=from_on, to_on=to_on)
                for account in accounts
                if account["kind"] == kind
            ],
            columns,
        )
        for kind in KINDS
    )
    opening, debits, credits, closing = (sum(account[figure] for account in accounts) for figure in figures)
    return Statement(
        name="movements",
        title=words("Movements of accounts"),
        label=words("Account"),
        columns=columns,
        sections=tuple(part for part in sections if part.rows),
        totals=(Row(words("Total"), (opening, debits, credits, closing), kind="sum"),),
        proofs=((words("Debits equal credits"), debits == credits and opening == closing == 0),),
        from_on=from_on,
        to_on=to_on,
        known_on=known_on,
        facts={"debit_minor": debits, "credit_minor": credits},
    )


def get_income_statement(*, from_on: date, to_on: date, known_on: date | None = None) -> Statement:
    """Income less expenses over days, beside the same of the period before; closings of years are no income.

    Facts: income_minor, expense_minor, result_minor, before_result_minor.
    """
    before_from, before_to = period_before(from_on, to_on)
    now = {row["code"]: row for row in list_turnovers(from_on=from_on, to_on=to_on, known_on=known_on)}
    before = {row["code"]: row for row in list_turnovers(from_on=before_from, to_on=before_to, known_on=known_on)}
    columns = (Column(words("This period")), Column(words("Period before")), Column(words("Difference")))
    sections = []
    for kind, total in (("income", words("Total income")), ("expense", words("Total expenses"))):
        accounts = [row for row in {**before, **now}.values() if row["kind"] == kind]
        lines = []
        for account in sorted(accounts, key=lambda row: (row["number"], row["code"])):
            one, other = (_own_side(found.get(account["code"])) for found in (now, before))
            lines.append(_row(account, (one, other, one - other), from_on=from_on, to_on=to_on))
        sections.append(section(KIND_TITLES[kind], lines, columns, total))
    income, expense = (_cells(part.total) for part in sections)
    result = tuple(one - other for one, other in zip(income, expense, strict=True))
    return Statement(
        name="income-statement",
        title=words("Income statement"),
        label=words("Account"),
        columns=columns,
        sections=tuple(sections),
        totals=(Row(words("Profit") if result[0] >= 0 else words("Loss"), result, kind="sum"),),
        notes=(
            words("The period before has as many days, or as many whole months, and ends the day before this one."),
        ),
        from_on=from_on,
        to_on=to_on,
        known_on=known_on,
        facts={
            "income_minor": income[0],
            "expense_minor": expense[0],
            "result_minor": result[0],
            "before_result_minor": result[1],
        },
    )


def get_balance_sheet(*, on: date, known_on: date | None = None) -> Statement:
    """What is owned, owed, and left to the owner at the end of a day; income and expenses that no year end has moved to
    retained earnings are the result, a line of equity. What stands on the other side than its account is shown there.

    Facts: assets_minor, liabilities_minor, equity_minor, result_minor.
    """
    columns = (Column(words("Amount")),)
    accounts = list_balances(on=on, known_on=known_on)
    kept = [account for account in accounts if account["kind"] in ("asset", "liability")]
    assets = [_row(row, (row["debit_minor"],), to_on=on) for row in kept if row["debit_minor"]]
    liabilities = [_row(row, (row["credit_minor"],), to_on=on) for row in kept if row["credit_minor"]]
    equity = [
        _row(row, (row["credit_minor"] - row["debit_minor"],), to_on=on) for row in accounts if row["kind"] == "equity"
    ]
    result = sum(row["credit_minor"] - row["debit_minor"] for row in accounts if row["kind"] in ("income", "expense"))
    sections = (
        section(words("Assets"), assets, columns, words("Total assets")),
        section(words("Liabilities"), liabilities, columns, words("Total liabilities")),
        section(words("Equity"), equity + _results(on, result, known_on), columns, words("Total equity")),
    )
    owned, owed, left = (_cells(part.total)[0] for part in sections)
    return Statement(
        name="balance-sheet",
        title=words("Balance sheet"),
        label=words("Account"),
        columns=columns,
        sections=sections,
        totals=(Row(words("Liabilities and equity"), (owed + left,), kind="sum"),),
        proofs=((words("Assets equal liabilities and equity"), owned == owed + left),),
        to_on=on,
        known_on=known_on,
        facts={
            "assets_minor": owned,
            "liabilities_minor": owed,
            "equity_minor": left,
            "result_minor": result,
        },
    )


def get_cash_flow(*, from_on: date, to_on: date, known_on: date | None = None) -> Statement:
    """What came into the accounts that money lies in and what went out, by kind of event; what only moved between them
    is left out. Facts: opening_minor, in_minor, out_minor, closing_minor."""
    codes = [account["code"] for account in list_money_accounts()]
    columns = (Column(words("In")), Column(words("Out")), Column(words("Balance")))
    moved = [_flow(row, from_on, to_on) for row in _list_flows(codes, from_on=from_on, to_on=to_on, known_on=known_on)]
    came, went = (sum(amount(row, n) for row in moved) for n in (0, 1))
    opening, closing = (
        sum(sum_balance(code, on, known_on=known_on) for code in codes) for on in (from_on - timedelta(days=1), to_on)
    )
    return Statement(
        name="cash-flow",
        title=words("Cash flow"),
        label=words("What moved money"),
        columns=columns,
        sections=(
            Section("", (Row(words("Opening"), (None, None, opening), kind="opening"),)),
            Section(words("Money in and out"), tuple(moved)),
        ),
        totals=(
            Row(words("Total"), (came, went, came - went), kind="sum"),
            Row(words("Closing"), (None, None, closing), kind="closing"),
        ),
        proofs=(
            (words("Opening and what came in, less what went out, is the closing"), opening + came - went == closing),
        ),
        from_on=from_on,
        to_on=to_on,
        known_on=known_on,
        facts={"opening_minor": opening, "in_minor": came, "out_minor": went, "closing_minor": closing},
    )


def _list_flows(codes: Sequence[str], *, from_on: date, to_on: date, known_on: date | None) -> list[dict[str, Any]]:
    """By kind of entry (entries by hand also by the other account): kind, number, account, in_minor, out_minor."""
    return rows(
        """
        SELECT f.kind, a.number, a.name AS account, f.in_minor, f.out_minor FROM (
            SELECT e.kind, CASE WHEN e.kind = ANY (%(by_hand)s) THEN s.other END AS other,
                   sum(s.came)::bigint AS in_minor, sum(s.went)::bigint AS out_minor
            FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
            CROSS JOIN LATERAL (SELECT
                CASE WHEN p.debit_code = ANY (%(codes)s) THEN p.credit_code ELSE p.debit_code END AS other,
                CASE WHEN p.debit_code = ANY (%(codes)s) THEN p.amount_minor ELSE 0 END AS came,
                CASE WHEN p.credit_code = ANY (%(codes)s) THEN p.amount_minor ELSE 0 END AS went) AS s
            WHERE e.operator_id = %(me)s AND e.effective_on BETWEEN %(from)s AND %(to)s
              AND (%(known)s::timestamptz IS NULL OR e.recorded_at < %(known)s)
              AND (p.debit_code = ANY (%(codes)s)) <> (p.credit_code = ANY (%(codes)s))
            GROUP BY 1, 2) AS f
        LEFT JOIN account a ON a.operator_id = %(me)s AND a.code = f.other
        ORDER BY f.in_minor - f.out_minor DESC, f.kind, a.number
        """,
        {
            "me": current_scope().operator_id,
            "codes": list(codes),
            "by_hand": [MANUAL, MANUAL_REVERSAL],
            "from": from_on,
            "to": to_on,
            "known": known_before(known_on),
        },
    )


def _flow(row: dict[str, Any], from_on: date, to_on: date) -> Row:
    return Row(
        TITLES.get(row["kind"], row["kind"]),
        (row["in_minor"] or None, row["out_minor"] or None, row["in_minor"] - row["out_minor"]),
        note=row["account"] or "",
        opens=Opens("journal", row["kind"], from_on, to_on),
    )


def _results(on: date, result: int, known_on: date | None) -> list[Row]:
    """The result that is not in retained earnings yet: of the running year, and of earlier ones not closed."""
    closed_until = _day_after_year_end(on, known_on)
    first_on = max(get_fiscal_year(on).starts_on, closed_until)
    running = list_turnovers(from_on=first_on, to_on=on, known_on=known_on)
    of_year = sum(row["credit_minor"] - row["debit_minor"] for row in running)
    earlier = words("Result of earlier years, not closed yet")
    parts = [
        (earlier, result - of_year, closed_until, first_on - timedelta(days=1)),
        (words("Result of the year"), of_year, first_on, on),
    ]
    return [
        Row(label, (minor,), opens=Opens("income-statement", "", since, until))
        for label, minor, since, until in parts
        if minor
    ]


def _day_after_year_end(on: date, known_on: date | None) -> date:
    """The day after the last year end through `on` that stands: what was earned before is in retained earnings."""
    found = rows(
        """
        SELECT max(e.effective_on) + 1 AS day FROM entry e
        WHERE e.operator_id = %(me)s AND e.kind = %(closed)s AND e.effective_on <= %(on)s
          AND (%(known)s::timestamptz IS NULL OR e.recorded_at < %(known)s)
          AND NOT EXISTS (SELECT 1 FROM entry r WHERE r.operator_id = e.operator_id AND r.reverses_id = e.id
                          AND (%(known)s::timestamptz IS NULL OR r.recorded_at < %(known)s))
        """,
        {"me": current_scope().operator_id, "closed": YEAR_CLOSE, "on": on, "known": known_before(known_on)},
    )
    day: date | None = found[0]["day"]
    return day or EVER


def _row(
    account: dict[str, Any], cells: tuple[int | None, ...], *, from_on: date | None = None, to_on: date | None = None
) -> Row:
    opens = Opens("account", account["code"], from_on, to_on)
    return Row(account["name"], cells, code=account["number"], opens=opens)


def _own_side(account: dict[str, Any] | None) -> int:
    """What an account of income brought in, or what one of expense cost."""
    if account is None:
        return 0
    net: int = account["credit_minor"] - account["debit_minor"]
    return net if account["kind"] == "income" else -net


def _cells(total: Row | None) -> tuple[int, ...]:
    return tuple(cell for cell in total.cells if isinstance(cell, int)) if total else ()
