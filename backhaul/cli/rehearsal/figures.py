"""What a rehearsal sees in its scratch database: per operator and day, per fund, per month. Read as "batch".

The scratch database holds one ISP alone, so nothing here asks which.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from backhaul.billing.run_slices import BATCH
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work

_FUNDS = """
    SELECT f.child_id, f.parent_id, f.posted_minor AS balance_minor, fund_available(f) AS available_minor, f.owed_minor,
           f.guard_step
    FROM fund f ORDER BY f.depth, f.child_id"""
# Bills numbered since the last look; numbers are gapless, ids are not given out in their order.
_BILLS = """
    SELECT i.operator_id, count(*)::int AS bills, sum(i.total_minor)::bigint AS billed_minor
    FROM unnest(%(operators)s::bigint[], %(numbers)s::bigint[]) AS last (operator_id, next_number)
    JOIN invoice i ON i.operator_id = last.operator_id AND i.number >= last.next_number GROUP BY 1"""
_BLOCKS = """
    SELECT operator_id, count(*) FILTER (WHERE reason IN ('fund_short', 'upstream_short'))::int AS cut,
           count(*) FILTER (WHERE reason = 'unpaid')::int AS suspended,
           count(*) FILTER (WHERE reason = 'expired')::int AS expired,
           count(*) FILTER (WHERE reason = 'operator_minimum')::int AS below_minimum
    FROM block WHERE id > %(last)s GROUP BY 1"""
_WAITING = "SELECT operator_id, count(*)::int AS waiting FROM waiting_bills() GROUP BY 1"
_SHORT = """
    SELECT f.child_id, f.parent_id, count(*)::int AS bills, sum(w.short_minor)::bigint AS needed_minor
    FROM waiting_bills() AS w JOIN fund f ON f.child_id = w.short_child_id GROUP BY 1, 2"""
# Income and costs of the books by month; the entry that closes a year is neither.
_MONTHS = """
    SELECT e.operator_id, to_char(e.effective_on, 'YYYY-MM') AS month,
           COALESCE(sum(s.minor) FILTER (WHERE a.kind = 'income'), 0)::bigint AS income_minor,
           -COALESCE(sum(s.minor) FILTER (WHERE a.kind = 'expense'), 0)::bigint AS costs_minor
    FROM entry e JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    CROSS JOIN LATERAL (VALUES (p.credit_code, p.amount_minor), (p.debit_code, -p.amount_minor)) AS s (code, minor)
    JOIN account a ON a.operator_id = e.operator_id AND a.code = s.code AND a.kind IN ('income', 'expense')
    WHERE e.effective_on >= date_trunc('month', %(since)s::date) AND e.effective_on <= %(until)s
      AND e.kind NOT LIKE '%%year_close'
    GROUP BY 1, 2 ORDER BY 2, 1"""
_NUMBERS = """
    SELECT o.id, COALESCE(n.next_number, 1) AS next_number
    FROM operator o LEFT JOIN invoice_numbering n ON n.operator_id = o.id"""
_NOTHING = dict.fromkeys(("bills", "billed_minor", "cut", "suspended", "expired", "below_minimum"), 0)


class Figures:
    """Looks on while the days pass, from where everything stands when it is made; then the lists tell."""

    def __init__(self, isp: IspDirectory) -> None:
        self._isp = isp
        self._days: dict[date, dict[int, dict[str, int]]] = {}
        self._waiting: dict[date, dict[int, int]] = {}
        self._balances: dict[date, list[dict[str, Any]]] = {}
        self._short: list[dict[str, Any]] = []
        with unit_of_work(isp, using=BATCH):
            self._names = {row["id"]: row["slug"] for row in _read("SELECT id, slug FROM operator ORDER BY depth, id")}
            self._began = {fund["child_id"]: fund["balance_minor"] for fund in _read(_FUNDS)}
            self._note()

    def look(self, day: date) -> None:
        """Count what was done since the last look."""
        with unit_of_work(self._isp, using=BATCH):
            last = {"operators": list(self._numbers), "numbers": list(self._numbers.values()), "last": self._last_block}
            counts = self._days.setdefault(day, {})
            for row in (*_read(_BILLS, last), *_read(_BLOCKS, last)):
                done = counts.setdefault(row.pop("operator_id"), dict(_NOTHING))
                for name, count in row.items():
                    done[name] += count
            self._waiting[day] = {row["operator_id"]: row["waiting"] for row in _read(_WAITING)}
            self._balances[day] = _read(_FUNDS)
            self._watch(day, {row["child_id"]: row for row in _read(_SHORT)})
            self._note()

    def list_days(self) -> list[dict[str, Any]]:
        """Per day: what each operator billed, which of its services went off and how many of its bills wait at the
        day's end for want of a fund; and every fund at the day's end.
        """
        return [
            {
                "on": day,
                "operators": [
                    {"operator": name, **done.get(id_, _NOTHING), "waiting": self._waiting[day].get(id_, 0)}
                    for id_, name in self._names.items()
                    if id_ in done or id_ in self._waiting[day]
                ],
                "funds": [self._named(fund) for fund in self._balances[day]],
            }
            for day, done in self._days.items()
        ]

    def list_funds(self) -> list[dict[str, Any]]:
        """Every fund as it is at the end, with what it began with, and the lowest that a day ended with."""
        last = list(self._balances.values())[-1]
        found = []
        for fund in last:
            id_ = fund["child_id"]
            ends = [(each["balance_minor"], day) for day, funds in self._balances.items() for each in funds
                    if each["child_id"] == id_]  # fmt: skip
            lowest, day = min(ends)
            low = {"began_minor": self._began[id_], "lowest_minor": lowest, "lowest_on": day}
            found.append({**self._named(fund), **low})
        return found

    def list_short(self) -> list[dict[str, Any]]:
        """When bills began to wait for want of a fund, the most that waited, and until when (None: they still do)."""
        return [self._named(short) for short in self._short]

    def list_months(self, *, since: date, until: date) -> list[dict[str, Any]]:
        """Per month and operator what its books say: income_minor, costs_minor; the first month is a whole one."""
        with unit_of_work(self._isp, using=BATCH):
            found = _read(_MONTHS, {"since": since, "until": until})
        return [self._named(row) for row in found]

    def name_of(self, operator_id: int) -> str:
        """An operator's short name."""
        return str(self._names[operator_id])

    def _note(self) -> None:
        self._numbers = {row["id"]: row["next_number"] for row in _read(_NUMBERS)}
        self._last_block = _read("SELECT COALESCE(max(id), 0) AS id FROM block")[0]["id"]

    def _watch(self, day: date, waiting: dict[int, dict[str, Any]]) -> None:
        still = {short["child_id"]: short for short in self._short if short["until"] is None}
        for child_id, short in still.items():
            if child_id not in waiting:
                short["until"] = day
        for child_id, now in waiting.items():
            if child_id not in still:
                ends = {"child_id": child_id, "parent_id": now["parent_id"]}
                self._short.append({**ends, "on": day, "until": None, "bills": 0, "needed_minor": 0})
                still[child_id] = self._short[-1]
            for name in ("bills", "needed_minor"):
                still[child_id][name] = max(still[child_id][name], now[name])

    def _named(self, row: dict[str, Any]) -> dict[str, Any]:
        """A row with short names for the ids of its operators."""
        names = {"operator_id": "operator", "child_id": "operator", "parent_id": "parent"}
        return {names.get(key, key): self._names[value] if key in names else value for key, value in row.items()}


def _read(sql: str, parameters: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return rows(sql, parameters, using=BATCH)
