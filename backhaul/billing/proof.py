"""The completeness proof: each day of each service of a month is billed, free by a named rule, off, or an exception."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from backhaul.common.errors import InvalidInput
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

# class → billed (or going to be), free by a named rule, off (not enabled), or an exception that a person looks at
PROOF_CLASSES = {
    "billed": "billed",
    "in_arrears": "billed",
    "free_profile": "free",
    "free_price": "free",
    "free_discount": "free",
    "before_start": "free",
    "short_grace": "free",
    "cut_window": "free",
    "credited": "free",
    "off_operator": "off",
    "off_unpaid": "off",
    "off_short": "off",
    "off_other": "off",
    "held_own": "exception",
    "held_upstream": "exception",
    "no_tariff": "exception",
    "period_closed": "exception",
    "books_stopped": "exception",
    "already_billed": "exception",
    "auto_bill_off": "exception",
    "operator_blocked": "exception",
    "not_started": "exception",
    "unexplained": "exception",
}
# What the classes are called.
PROOF_WORDS = {
    "billed": _("Billed"),
    "in_arrears": _("Running, billed at the period's end"),
    "free_profile": _("Free by its billing profile"),
    "free_price": _("At a price of nothing"),
    "free_discount": _("Discounted to nothing"),
    "before_start": _("Before billing began (taken over)"),
    "short_grace": _("In grace before it was cut for want of funds"),
    "cut_window": _("Ended, not cut yet"),
    "credited": _("Billed and credited"),
    "off_operator": _("Stopped by a person or the operator's minimum"),
    "off_unpaid": _("Cut as unpaid"),
    "off_short": _("Cut for want of funds"),
    "off_other": _("Not activated, or left"),
    "held_own": _("Held: your fund does not cover it"),
    "held_upstream": _("Held: your provider cannot serve it"),
    "no_tariff": _("No price for the plan on some level"),
    "period_closed": _("Books closed on the bill's date"),
    "books_stopped": _("Books stopped: they were found not to hold"),
    "already_billed": _("Billed before, by a bill not credited in full"),
    "auto_bill_off": _("Its profile bills by hand only"),
    "operator_blocked": _("You are below your minimum balance"),
    "not_started": _("Billing was never started"),
    "unexplained": _("Nothing explains it"),
}
GROUPS = ("billed", "free", "off", "exception")
_TOTALS = """
    SELECT class, count(*) AS days, count(DISTINCT subscription_id) AS services,
           COALESCE(sum(net_minor), 0)::bigint AS net_minor, COALESCE(sum(charged_minor), 0)::bigint AS charged_minor
    FROM prove_days(%s, %s, %s) GROUP BY class
"""


def month_until(month_on: date, today: date) -> date:
    """Up to where a month can be proved: its end, or today. Raises InvalidInput for a month that has not begun."""
    ends_on = date(month_on.year + month_on.month // 12, month_on.month % 12 + 1, 1)
    if month_on >= today:
        raise InvalidInput("This month has not begun; choose an earlier one.", field="month")
    return min(ends_on, today)


def prove_month(*, month_on: date, today: date) -> list[dict[str, Any]]:
    """The acting operator's month by class: group, class, days, services, net_minor (retail), charged_minor (own edge).

    The days add up to all days of all services from joining to leaving. `month_on` is the first of the month.
    """
    return _grouped(rows(_TOTALS, [current_scope().operator_id, month_on, month_until(month_on, today)]))


def list_proof_services(
    *, month_on: date, today: date, of_class: str | None = None, after: int | None = None, limit: int | None = None
) -> list[dict[str, Any]]:
    """The services behind a class (or behind all), by id: class, customer, days, first, last, net, charged."""
    return rows(
        """
        SELECT p.subscription_id, p.class, c.id AS customer_id, c.code, c.name, p.days, p.first_on, p.last_on,
               p.net_minor, p.charged_minor
        FROM (SELECT subscription_id, class, count(*) AS days, min(day) AS first_on, max(day) AS last_on,
                     sum(net_minor)::bigint AS net_minor, sum(charged_minor)::bigint AS charged_minor
              FROM prove_days(%(me)s, %(from)s, %(until)s)
              WHERE (%(class)s::text IS NULL OR class = %(class)s)
                AND (%(after)s::bigint IS NULL OR subscription_id > %(after)s)
              GROUP BY subscription_id, class ORDER BY subscription_id, class LIMIT %(limit)s) AS p
        JOIN subscription s ON s.operator_id = %(me)s AND s.id = p.subscription_id
        JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id
        ORDER BY p.subscription_id, p.class
        """,
        {
            "me": current_scope().operator_id, "from": month_on, "until": month_until(month_on, today),
            "class": of_class, "after": after, "limit": limit,
        },
    )  # fmt: skip


def prove_isp(*, isp_id: int, month_on: date, today: date) -> list[dict[str, Any]]:
    """Every operator of an ISP in a unit of the batch role: operator, and its classes in days; no retail money."""
    until = month_until(month_on, today)
    operators = rows("SELECT id, slug, name FROM operator WHERE isp_id = %s ORDER BY path", [isp_id], using="batch")
    return [
        {
            "operator_id": operator["id"],
            "slug": operator["slug"],
            "name": operator["name"],
            "classes": [
                {key: row[key] for key in ("group", "class", "days", "services")}
                for row in _grouped(rows(_TOTALS, [operator["id"], month_on, until], using="batch"))
            ],
        }
        for operator in operators
    ]


def _grouped(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With the group of each class, in the order of the proof; a reason that a run gave stands as an exception."""
    order = list(PROOF_CLASSES)
    for row in found:
        row["group"] = PROOF_CLASSES.get(row["class"], "exception")
    return sorted(found, key=lambda row: order.index(row["class"]) if row["class"] in order else len(order))
