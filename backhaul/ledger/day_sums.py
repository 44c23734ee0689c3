"""What was recorded each day, by kind of event: sums folded as the books are sealed (sql/functions/seal.sql)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from backhaul.ledger.choices import MANUAL
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

BILLED = ("retail_invoice",)
COLLECTED = {"customer_payment": 1, "payment_reversed": -1, "advance_paid_back": -1}


@dataclass
class DaySum:
    """A day of the acting operator, or several together. `billed_minor` with VAT; reversals are taken off."""

    billed_minor: int = 0
    bills: int = 0
    collected_minor: int = 0
    payments: int = 0
    by_hand: int = 0

    def add(self, other: DaySum) -> None:
        self.billed_minor += other.billed_minor
        self.bills += other.bills
        self.collected_minor += other.collected_minor
        self.payments += other.payments
        self.by_hand += other.by_hand


def sum_days(since: date) -> dict[date, DaySum]:
    """Each day from `since` on that has any: bills of service periods, money from customers, entries by hand."""
    days: dict[date, DaySum] = defaultdict(DaySum)
    for row in rows("SELECT * FROM kinds_since(%s, %s)", [current_scope().operator_id, since]):
        kind, day = row["entry_kind"], days[row["day"]]
        if kind in BILLED:
            day.billed_minor += row["receivable_minor"]
            day.bills += row["entries"]
        elif kind in COLLECTED:
            day.collected_minor += COLLECTED[kind] * row["amount_minor"]
            day.payments += row["entries"] if COLLECTED[kind] > 0 else 0
        elif kind == MANUAL:
            day.by_hand += row["entries"]
    return days


def sum_months(days: dict[date, DaySum]) -> dict[date, DaySum]:
    """The same by the first day of the month."""
    months: dict[date, DaySum] = defaultdict(DaySum)
    for on, day in days.items():
        months[on.replace(day=1)].add(day)
    return months
