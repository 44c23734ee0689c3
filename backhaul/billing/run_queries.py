"""Reads of billing runs for pages: what the ISP may know of its runs, and which nights were late."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backhaul.common.clock import local_date
from backhaul.common.errors import NotFound
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

NIGHT_DONE_BY = time(2, 0)  # a night begins at 00:10, and is tried again each hour
_RUN = """
    r.id, r.on_date, r.kind, r.started_at, r.finished_at, count(s.top_id) AS shards,
    count(s.finished_at) AS shards_done,
    COALESCE(sum(s.created), 0)::bigint AS created, COALESCE(sum(s.back_filled), 0)::bigint AS back_filled,
    COALESCE(sum(s.already_billed), 0)::bigint AS already_billed, COALESCE(sum(s.not_due), 0)::bigint AS not_due,
    COALESCE(sum(s.held), 0)::bigint AS held, COALESCE(sum(s.failed), 0)::bigint AS failed,
    COALESCE(sum(s.blocked), 0)::bigint AS blocked, COALESCE(sum(s.skipped), 0)::bigint AS skipped,
    COALESCE(sum(s.billed_minor) FILTER (WHERE s.top_id = r.operator_id), 0)::bigint AS billed_minor
    FROM billing_run r LEFT JOIN run_shard s ON s.operator_id = r.operator_id AND s.run_id = r.id
"""


def list_runs(limit: int = 10) -> list[dict[str, Any]]:
    """The latest billing runs of the ISP: on, kind, started, finished, counts, its own customers' sum."""
    return rows(
        f"SELECT {_RUN} WHERE r.operator_id = %s GROUP BY r.operator_id, r.id ORDER BY r.id DESC LIMIT %s",
        [_me(), limit],
    )


def get_run(run_id: int) -> dict[str, Any]:
    """One run of the acting ISP as in list_runs; raises NotFound."""
    found = rows(f"SELECT {_RUN} WHERE r.operator_id = %s AND r.id = %s GROUP BY r.operator_id, r.id", [_me(), run_id])
    if not found:
        raise NotFound("There is no such run.")
    return found[0]


def list_run_shards(run_id: int) -> list[dict[str, Any]]:
    """What a run did for the ISP's own customers and for each reseller with all below it; only the ISP's own sum."""
    return rows(
        "SELECT s.top_id, o.name, s.top_id = s.operator_id AS own, s.created, s.back_filled, s.already_billed, "
        "s.not_due, s.held, s.failed, s.blocked, s.skipped, s.finished_at, "
        "CASE WHEN s.top_id = s.operator_id THEN s.billed_minor END AS billed_minor "
        "FROM run_shard s JOIN operator o ON o.id = s.top_id "
        "WHERE s.operator_id = %s AND s.run_id = %s ORDER BY s.top_id <> s.operator_id, o.name",
        [_me(), run_id],
    )


def list_run_edges(run_id: int) -> list[dict[str, Any]]:
    """What a run charged to the funds of the ISP's children: child, net_minor, vat_minor."""
    return rows(
        "SELECT c.name AS child, c.id AS child_id, sum(m.net_minor)::bigint AS net_minor, "
        "sum(m.vat_minor)::bigint AS vat_minor "
        "FROM fund_movement m JOIN operator c ON c.id = m.child_id "
        "WHERE m.parent_id = %s AND m.request_key LIKE %s GROUP BY c.id, c.name ORDER BY c.name",
        [_me(), f"run:{run_id}:%"],
    )


def list_funds_waited_for() -> list[dict[str, Any]]:
    """Funds of the ISP's children that renewals wait for now: operator, bills, needed_minor."""
    return rows(
        "SELECT c.name AS operator, c.id AS child_id, h.bills, h.needed_minor FROM count_held_below() h "
        "JOIN operator c ON c.id = h.child_id WHERE c.parent_id = %s ORDER BY c.name",
        [_me()],
    )


def list_run_exceptions(run_id: int) -> list[dict[str, Any]]:
    """The ISP's own customers whom a run could not bill: customer, name, starts_on, reason."""
    return rows(
        "SELECT c.id AS customer_id, c.code AS customer, c.name, x.starts_on, x.reason FROM run_exception x "
        "JOIN subscription s ON s.operator_id = x.operator_id AND s.id = x.subscription_id "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "WHERE x.operator_id = %s AND x.run_id = %s ORDER BY c.code LIMIT 1000",
        [_me(), run_id],
    )


def list_run_lines(run_id: int, limit: int | None = None) -> list[dict[str, Any]]:
    """The bills that a run made for the ISP's own customers, in their order."""
    return rows(
        "SELECT c.code, c.name, i.starts_on, i.ends_on, i.net_minor, i.discount_minor, i.vat_minor, i.total_minor, "
        "i.due_on FROM invoice i JOIN customer c ON c.operator_id = i.operator_id AND c.id = i.customer_id "
        "WHERE i.operator_id = %s AND i.run_id = %s ORDER BY i.id LIMIT %s",
        [_me(), run_id, limit],
    )


def find_plan_of_run(run_id: int) -> dict[str, Any] | None:
    """The confirmed plan that a run carried out: id, same, differs (slices); None where it was bound by none."""
    found = rows(
        "SELECT p.id, count(*) FILTER (WHERE s.outcome = 'same') AS same, "
        "count(*) FILTER (WHERE s.outcome = 'differs') AS differs "
        "FROM run_plan p LEFT JOIN run_plan_slice s ON s.operator_id = p.operator_id AND s.plan_id = p.id "
        "WHERE p.operator_id = %s AND p.run_id = %s GROUP BY p.operator_id, p.id",
        [_me(), run_id],
    )
    return found[0] if found else None


def list_plans(limit: int = 5) -> list[dict[str, Any]]:
    """The latest plans: id, on_date, made_at, confirmed_at, run_id, ready, and how many bills and holds."""
    return rows(
        "SELECT id, on_date, made_at, confirmed_at, run_id, report ? 'totals' AS ready, report ? 'failed' AS failed, "
        "(report->'totals'->>'created')::bigint AS created, (report->'totals'->>'held')::bigint AS held "
        "FROM run_plan WHERE operator_id = %s ORDER BY id DESC LIMIT %s",
        [_me(), limit],
    )


def list_caught_up(*, since: datetime) -> list[dict[str, Any]]:
    """Nights begun after their date, since an instant: on_date, started_at. Each was billed at its own date."""
    begun = rows(
        "SELECT on_date, min(started_at) AS started_at FROM billing_run WHERE operator_id = %s AND kind = 'night' "
        "GROUP BY on_date HAVING min(started_at) >= %s ORDER BY on_date",
        [_me(), since],
    )
    zone = current_scope().time_zone
    return [run for run in begun if local_date(run["started_at"], zone) > run["on_date"]]


def missing_night(*, today: date, now: datetime) -> date | None:
    """The first night that should be done and is not: background work has stopped. None while all is well."""
    zone = current_scope().time_zone
    last = last_night(_me(), zone)
    if last is None:
        return None
    expected = today if now.astimezone(ZoneInfo(zone)).time() >= NIGHT_DONE_BY else today - timedelta(days=1)
    return last + timedelta(days=1) if last < expected else None


def last_night(isp_id: int, zone: str, using: str = "default") -> date | None:
    """The latest date whose night is done; one dated ahead was not that date's night.

    Dates are local by the rules of zones that the rest of the product has: the database server may have another year's.
    """
    done = rows(
        "SELECT on_date, max(started_at) AS started_at FROM billing_run "
        "WHERE operator_id = %s AND kind = 'night' AND finished_at IS NOT NULL GROUP BY on_date ORDER BY on_date DESC",
        [isp_id],
        using=using,
    )
    return next((run["on_date"] for run in done if run["on_date"] <= local_date(run["started_at"], zone)), None)


def _me() -> int:
    return current_scope().operator_id
