"""Reads of the network: who is online, sessions, requests that wait. Rows are ready to show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backhaul.operators.functions import call, rows

# SPEC B6: open and not older than twice its interim interval.
_ONLINE = "s.updated_at > %s - s.interim_seconds * interval '2 seconds'"


def count_online(*, now: datetime) -> dict[str, int]:
    """Logins of the operators in view: all, online, offline."""
    counted = rows(
        "SELECT (SELECT count(*) FROM radius_login) AS logins, (SELECT count(DISTINCT (s.operator_id, s.login_id)) "
        f"FROM radius_session_live s WHERE s.login_id IS NOT NULL AND {_ONLINE}) AS online",
        [now],
    )[0]
    return {**counted, "offline": counted["logins"] - counted["online"]}


def find_online(*, subscription_ids: list[int], now: datetime) -> set[int]:
    """Which of these subscriptions are online."""
    found = rows(
        "SELECT DISTINCT l.subscription_id FROM radius_login l JOIN radius_session_live s "
        "ON s.operator_id = l.operator_id AND s.login_id = l.id "
        f"WHERE l.subscription_id = ANY (%s) AND {_ONLINE}",
        [subscription_ids, now],
    )
    return {row["subscription_id"] for row in found}


def get_login(*, operator_id: int, subscription_id: int) -> dict[str, Any] | None:
    """The login of a subscription, without its password; None if it has none."""
    found = rows(
        "SELECT l.id, l.username, l.connection_type, l.access, l.reject_reason, l.down_kbps, l.up_kbps, "
        "p.name AS pool, host(l.static_address) AS static_address, l.mac, l.expires_at FROM radius_login l "
        "LEFT JOIN pool p ON p.operator_id = l.pool_operator_id AND p.id = l.pool_id "
        "WHERE l.operator_id = %s AND l.subscription_id = %s",
        [operator_id, subscription_id],
    )
    return found[0] if found else None


def list_live_sessions(*, operator_id: int, subscription_id: int, now: datetime) -> list[dict[str, Any]]:
    """Open sessions of a subscription, newest first; `online` is false where the router has fallen silent."""
    return rows(
        f"SELECT s.id, s.started_at, s.updated_at, s.session_seconds, s.input_bytes, s.output_bytes, "
        f"{_ONLINE} AS online, host(s.framed_address) AS framed_address, s.mac, n.name AS nas FROM radius_login l "
        "JOIN radius_session_live s ON s.operator_id = l.operator_id AND s.login_id = l.id "
        "LEFT JOIN nas n ON n.operator_id = s.nas_operator_id AND n.id = s.nas_id "
        "WHERE l.operator_id = %s AND l.subscription_id = %s ORDER BY s.started_at DESC",
        [now, operator_id, subscription_id],
    )


def list_past_sessions(*, operator_id: int, subscription_id: int, limit: int = 50) -> list[dict[str, Any]]:
    """Ended sessions of a subscription, newest first."""
    return rows(
        "SELECT h.id, h.started_at, h.stopped_at, h.session_seconds, h.input_bytes, h.output_bytes, h.ended_by, "
        "h.terminate_cause, host(h.framed_address) AS framed_address, h.mac FROM radius_login l "
        "JOIN radius_session_history h ON h.operator_id = l.operator_id AND h.login_id = l.id "
        "WHERE l.operator_id = %s AND l.subscription_id = %s ORDER BY h.stopped_at DESC LIMIT %s",
        [operator_id, subscription_id, limit],
    )


def list_pending_disconnects(*, limit: int = 100) -> list[dict[str, Any]]:
    """Requests whose sessions have not been seen to end, oldest first."""
    return rows(
        "SELECT d.id, d.operator_id, d.subscription_id, l.username, d.kind, d.reason, d.requested_at, d.attempts, "
        "d.next_try_at, d.acknowledged_at, d.last_error FROM disconnect_request d "
        "JOIN radius_login l ON l.operator_id = d.operator_id AND l.id = d.login_id "
        "WHERE NOT d.done ORDER BY d.requested_at LIMIT %s",
        [limit],
    )


def find_taken_usernames(usernames: list[str]) -> set[str]:
    """Which of these user names are in use anywhere in the acting operator's ISP."""
    return set(call("taken_usernames", usernames=usernames))


def find_taken_addresses(addresses: list[str]) -> set[str]:
    """Which of these static addresses serve a login anywhere in the acting operator's ISP."""
    return set(call("taken_addresses", addresses=addresses))


def list_pools() -> list[dict[str, Any]]:
    """Pools that the acting operator owns or was handed down."""
    return rows("SELECT operator_id, id, name, framed_pool, network::text AS network FROM pool ORDER BY name, id")


def list_nas() -> list[dict[str, Any]]:
    """Routers that the acting operator owns or was handed down; never their secrets."""
    return rows(
        "SELECT operator_id, id, name, host(source_address) AS source_address, interim_seconds, enabled FROM nas "
        "ORDER BY name, id"
    )
