"""Reads of days: what is behind each bill and charge, and what held a service off or changed its price (A29)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

AHEAD_DAYS = 3660  # changes of price are looked for so far ahead


def list_bill_days(bill_id: int) -> list[dict[str, Any]]:
    """The days behind a bill of a period, in order: day, state, reason, net_minor, charged_minor, back_minor.

    `state`: billed, credited (reason: why), off (reason: whose cause) where it was billed all the same or, in arrears,
    was not. Net of VAT and less the discount; the days add up to the bill. charged_minor: what the provider charged
    for the day, back_minor: what of that it gave back.
    """
    return rows(
        """
        SELECT b.day, b.net_minor, COALESCE(c.net_minor, 0) AS charged_minor, COALESCE(c.back_minor, 0) AS back_minor,
               CASE WHEN b.credited IS NOT NULL THEN 'credited' WHEN o.reason IS NOT NULL THEN 'off' ELSE 'billed' END
               AS state, COALESCE(b.credited, o.reason) AS reason
        FROM invoice i
        CROSS JOIN LATERAL billed_days_of(i.operator_id, i.starts_on, i.ends_on, i.id) AS b
        LEFT JOIN off_days(%(me)s, i.subscription_id, i.starts_on, i.ends_on) AS o ON o.day = b.day
        LEFT JOIN charged_days_of(%(me)s, i.starts_on, i.ends_on, %(bill)s) AS c ON c.day = b.day
        WHERE i.operator_id = %(me)s AND i.id = %(bill)s ORDER BY b.day
        """,
        {"me": current_scope().operator_id, "bill": bill_id},
    )


def list_service_history(subscription_id: int) -> list[dict[str, Any]]:
    """What held a service off and what it cost, latest first: one line of time (A29).

    `what`: block (reason, from, to, by_actor_id, why), custom_price and package_price (price_minor, NULL: the
    package's again), package (name); all with from_on and from_at.
    """
    return rows(
        """
        SELECT 'block' AS what, reason, from_on, from_at, to_on, to_at, by_actor_id, why, NULL::bigint AS price_minor,
               impersonation_id
        FROM block WHERE operator_id = %(me)s AND subscription_id = %(service)s
        UNION ALL
        SELECT 'custom_price', '', starts_on, set_at, NULL, NULL, by_actor_id, '', price_minor, impersonation_id
        FROM custom_price WHERE operator_id = %(me)s AND subscription_id = %(service)s
        UNION ALL
        SELECT 'package', p.name, h.starts_on, h.changed_at, NULL, NULL, h.by_actor_id, '', NULL, h.impersonation_id
        FROM package_history h JOIN package p ON p.operator_id = h.package_operator_id AND p.id = h.package_id
        WHERE h.operator_id = %(me)s AND h.subscription_id = %(service)s
        UNION ALL
        SELECT 'package_price', p.name, v.starts_on, v.set_at, NULL, NULL, v.by_actor_id, '', v.price_minor,
               v.impersonation_id
        FROM subscription s
        JOIN package p ON p.operator_id = s.package_operator_id AND p.id = s.package_id
        JOIN package_price v ON v.operator_id = p.operator_id AND v.package_id = p.id
        WHERE s.operator_id = %(me)s AND s.id = %(service)s
        ORDER BY from_on DESC, from_at DESC
        """,
        {"me": current_scope().operator_id, "service": subscription_id},
    )


def list_prices_ahead(subscription_id: int, today: date) -> list[dict[str, Any]]:
    """What a whole term costs a service: today's price_minor, then each later one with the day it holds from (from_on).

    Without a change of package that is planned: prices of its own end with it.
    """
    return rows(
        "SELECT from_on, price_minor FROM (SELECT from_on, price_minor, "
        "lag(price_minor) OVER (ORDER BY from_on) AS before FROM priced_days(%s, %s, %s, %s)) AS d "
        "WHERE before IS DISTINCT FROM price_minor ORDER BY from_on",
        [current_scope().operator_id, subscription_id, today, today + timedelta(days=AHEAD_DAYS)],
    )


def next_price_on(subscription_id: int, today: date) -> date:
    """The day on which a service's next period starts: from then on a new price holds, never inside a billed one."""
    found = rows(
        "SELECT GREATEST(billed_until, charged_until, %s) AS day FROM billing_state "
        "WHERE operator_id = %s AND subscription_id = %s",
        [today, current_scope().operator_id, subscription_id],
    )
    return found[0]["day"] if found else today
