"""What a run did, read as "batch": per edge, short fund and shard, and against the last cycle."""

from __future__ import annotations

from typing import Any

from backhaul.billing.run_slices import BATCH, SHARD, Run
from backhaul.operators.functions import rows

MAX_EXCEPTIONS = 1000
_IN_SHARD = f"(%(top)s::bigint IS NULL OR c.id IN ({SHARD}))"
# A planned bill beside the one before it of the same service; %(first)s = an id below those of the dry run.
_DIFFERENCE = f"""
    SELECT count(*)::int AS bills, count(*) FILTER (WHERE before.total_minor IS NULL)::int AS new,
           count(*) FILTER (WHERE before.price_minor <> b.price_minor)::int AS price_changed,
           COALESCE(sum(before.total_minor), 0)::bigint AS before_minor
    FROM (SELECT DISTINCT ON (operator_id, subscription_id) operator_id, subscription_id, starts_on, price_minor
          FROM invoice WHERE operator_id IN ({SHARD}) AND id > %(first)s AND run_id = %(run)s AND kind = 'period'
          ORDER BY operator_id, subscription_id, starts_on) AS b
    LEFT JOIN LATERAL (
        SELECT p.price_minor, p.total_minor FROM invoice p
        WHERE p.operator_id = b.operator_id AND p.subscription_id = b.subscription_id AND p.kind = 'period'
          AND p.starts_on < b.starts_on ORDER BY p.starts_on DESC, p.revision DESC LIMIT 1) AS before ON true
"""
# Services whose bill ran out since the night before and that get none now, although nothing holds it for want of funds.
_GONE = f"""
    SELECT count(*)::int AS gone, COALESCE(sum(before.total_minor), 0)::bigint AS gone_minor
    FROM billing_state s
    CROSS JOIN LATERAL (
        SELECT p.total_minor FROM invoice p
        WHERE p.operator_id = s.operator_id AND p.subscription_id = s.subscription_id AND p.kind = 'period'
        ORDER BY p.starts_on DESC, p.revision DESC LIMIT 1) AS before
    WHERE s.operator_id IN ({SHARD}) AND s.billed_until <= %(on)s AND s.running_invoice_id IS NULL
      AND s.billed_until > COALESCE((SELECT max(on_date) FROM billing_run WHERE operator_id = %(isp)s
                                     AND kind = 'night' AND finished_at IS NOT NULL AND on_date < %(on)s),
                                    %(on)s - 31)
      AND NOT EXISTS (SELECT 1 FROM held_bill h
                      WHERE h.operator_id = s.operator_id AND h.subscription_id = s.subscription_id)
"""


def describe_run(run: Run, top_id: int | None = None) -> dict[str, list[dict[str, Any]]]:
    """Of a run, or of one shard of it: shards, edges (what each fund was charged), short funds, exceptions."""
    where = {"isp": run.isp.isp_id, "top": top_id, "run": run.id}
    shards = rows(
        "SELECT s.top_id, o.name, s.created, s.back_filled, s.held, s.failed, s.already_billed, s.not_due, s.blocked, "
        "s.skipped, s.billed_minor FROM run_shard s JOIN operator o ON o.id = s.top_id "
        "WHERE s.operator_id = %(isp)s AND s.run_id = %(run)s ORDER BY s.top_id",
        where,
        using=BATCH,
    )
    edges = rows(
        "SELECT c.name AS child, p.name AS parent, c.id AS child_id, p.id AS parent_id, "
        "sum(m.net_minor)::bigint AS net_minor, sum(m.vat_minor)::bigint AS vat_minor "
        "FROM fund_movement m JOIN operator c ON c.id = m.child_id JOIN operator p ON p.id = m.parent_id "
        f"WHERE m.request_key LIKE %(keys)s AND c.isp_id = %(isp)s AND {_IN_SHARD} "
        "GROUP BY c.id, c.name, p.id, p.name, c.path ORDER BY c.path",
        where | {"keys": f"run:{run.id}:%"},
        using=BATCH,
    )
    short = rows(
        "SELECT c.name AS operator, c.id AS child_id, c.parent_id, count(*) AS bills, "
        "sum(h.short_minor)::bigint AS needed_minor FROM waiting_bills() h JOIN operator c ON c.id = h.short_child_id "
        f"WHERE c.isp_id = %(isp)s AND {_IN_SHARD} "
        "GROUP BY c.id, c.name, c.parent_id ORDER BY c.id",
        where,
        using=BATCH,
    )
    exceptions = rows(
        "SELECT x.operator_id, c.code AS customer, c.name, x.starts_on, x.reason FROM run_exception x "
        "JOIN subscription s ON s.operator_id = x.operator_id AND s.id = x.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE x.run_id = %(run)s ORDER BY c.code LIMIT %(most)s",
        where | {"most": MAX_EXCEPTIONS},
        using=BATCH,
    )
    return {"shards": shards, "edges": edges, "short": short, "exceptions": exceptions}


def last_invoice_id() -> int:
    """An id below those of all invoices to come: keeps what follows from reading a shard's whole past."""
    return int(rows("SELECT nextval('invoice_id') AS id", using=BATCH)[0]["id"])


def list_bills_made(run: Run, operator_id: int, after: int) -> list[dict[str, Any]]:
    """The bills that a run made for one operator's customers, from invoice id `after` on; `invoice_id` is the last."""
    return rows(
        "SELECT i.id AS invoice_id, c.code, c.name, i.starts_on, i.ends_on, i.net_minor, i.discount_minor, "
        "i.vat_minor, i.total_minor, i.due_on FROM invoice i "
        "JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id "
        "WHERE i.operator_id = %s AND i.id > %s AND i.run_id = %s ORDER BY i.id",
        [operator_id, after, run.id],
        using=BATCH,
    )


def list_blocked(run: Run, operator_id: int) -> list[dict[str, Any]]:
    """Whom of one operator's customers the run put off, and for what reason."""
    return rows(
        "SELECT c.code, c.name, b.reason FROM block b "
        "JOIN subscription s ON s.operator_id = b.operator_id AND s.id = b.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE b.operator_id = %s AND b.from_at = %s AND b.to_at IS NULL ORDER BY c.code LIMIT %s",
        [operator_id, run.now, MAX_EXCEPTIONS],
        using=BATCH,
    )


def list_held_now(operator_id: int) -> list[dict[str, Any]]:
    """Whose renewals of one operator's customers wait, and whether for its own fund (`short_minor`) or one above."""
    return rows(
        "SELECT c.code, c.name, h.starts_on, CASE WHEN h.short_child_id = h.operator_id THEN 'fund_short' "
        "ELSE 'upstream_short' END AS reason, CASE WHEN h.short_child_id = h.operator_id THEN h.short_minor END "
        "AS short_minor FROM waiting_bills() h "
        "JOIN subscription s ON s.operator_id = h.operator_id AND s.id = h.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE h.operator_id = %s ORDER BY c.code LIMIT %s",
        [operator_id, MAX_EXCEPTIONS],
        using=BATCH,
    )


def compare_with_last_cycle(run: Run, top_id: int, first_id: int) -> dict[str, int]:
    """A shard's bills of a run beside those before them: bills, new, gone, price_changed, before_minor, gone_minor."""
    where = run.at(top_id) | {"first": first_id}
    return rows(_DIFFERENCE, where, using=BATCH)[0] | rows(_GONE, where, using=BATCH)[0]
