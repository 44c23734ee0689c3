"""Reads of the network: who is online, sessions, requests that wait. Rows are ready to show."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from backhaul.common.errors import NotFound
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

# SPEC B6: open and not older than twice its interim interval.
_ONLINE = "s.updated_at > %s - s.interim_seconds * interval '2 seconds'"
_NAS = (
    "n.operator_id, n.id, n.name, host(n.source_address) AS source_address, host(n.change_of_authorization_address) AS "
    "change_of_authorization_address, n.change_of_authorization_port, n.interim_seconds, n.walled_pool, "
    "n.walled_address_list, n.enabled"
)
_LAST = 2**63 - 1  # no id is above


def count_online(*, now: datetime) -> dict[str, int]:
    """Logins of the operators in view: all, online, offline."""
    counted = rows(
        "SELECT (SELECT count(*) FROM radius_login) AS logins, (SELECT count(DISTINCT (s.operator_id, s.login_id)) "
        f"FROM radius_session_live s WHERE s.login_id IS NOT NULL AND {_ONLINE}) AS online",
        [now],
    )[0]
    return {**counted, "offline": counted["logins"] - counted["online"]}


def count_own_online(*, now: datetime) -> int:
    """How many logins of the acting operator are online."""
    counted = rows(
        "SELECT count(DISTINCT s.login_id) AS online FROM radius_session_live s "
        f"WHERE s.operator_id = %s AND s.login_id IS NOT NULL AND {_ONLINE}",
        [current_scope().operator_id, now],
    )
    return int(counted[0]["online"])


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


def list_sessions(
    *, now: datetime, search: str = "", login_ids: list[int] | None = None, after: int | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """A page of the acting operator's open sessions, newest first; `after` = id of the last row of the page before.

    `search`: what the user name holds, the address begins with or the MAC address holds; sessions of `login_ids`
    match too. Without login: a name that nobody has, on a router of the operator's own.
    """
    digits = re.sub(r"[^0-9a-f]", "", search.lower())
    return rows(
        "SELECT s.id, s.login_id, l.subscription_id, s.username, host(s.framed_address) AS framed_address, s.mac, "
        f"s.started_at, s.updated_at, s.input_bytes, s.output_bytes, {_ONLINE} AS online, n.name AS nas "
        "FROM radius_session_live s LEFT JOIN nas n ON n.operator_id = s.nas_operator_id AND n.id = s.nas_id "
        "LEFT JOIN radius_login l ON l.operator_id = s.operator_id AND l.id = s.login_id "
        "WHERE s.operator_id = %s AND s.id < %s AND (%s = '' OR s.login_id = ANY (%s) "
        "OR position(lower(%s) IN lower(s.username)) > 0 OR starts_with(host(s.framed_address), %s) "
        "OR (%s AND position(%s IN s.mac) > 0)) ORDER BY s.id DESC LIMIT %s",
        [now, current_scope().operator_id, _LAST if after is None else after, search, login_ids or [], search, search,
         len(digits) >= 4, digits, limit],
    )  # fmt: skip


def list_disconnects(*, open_only: bool = True, after: int | None = None, limit: int = 100) -> list[dict[str, Any]]:
    """Sessions of the acting operator that routers were to end or to change, newest first.

    `open_only`: those that have not been seen to end. `after` = id of the last row of the page before.
    """
    return rows(
        "SELECT d.id, d.operator_id, d.subscription_id, l.username, d.kind, d.reason, d.requested_at, d.attempts, "
        "d.next_try_at, d.acknowledged_at, d.seen_ended_at, d.last_error, d.done FROM disconnect_request d "
        "JOIN radius_login l ON l.operator_id = d.operator_id AND l.id = d.login_id "
        f"WHERE d.operator_id = %s AND d.id < %s{' AND NOT d.done' if open_only else ''} ORDER BY d.id DESC LIMIT %s",
        [current_scope().operator_id, _LAST if after is None else after, limit],
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


def list_nas(*, now: datetime) -> list[dict[str, Any]]:
    """Routers that the acting operator owns or was handed down, its own first; never their secrets.

    `sessions`: online now; on an own router all of them, on one handed down those of own customers.
    """
    me = current_scope().operator_id
    return rows(
        f"SELECT {_NAS}, n.operator_id = %s AS own, o.name AS owner, COALESCE(every.sessions, mine.sessions, 0) "
        "AS sessions FROM nas n JOIN operator o ON o.id = n.operator_id "
        "LEFT JOIN count_router_sessions(%s) every ON n.operator_id = %s AND every.nas_id = n.id "
        "LEFT JOIN (SELECT s.nas_operator_id, s.nas_id, count(*) AS sessions FROM radius_session_live s "
        f"WHERE s.operator_id = %s AND s.nas_operator_id <> %s AND {_ONLINE} GROUP BY 1, 2) mine "
        "ON mine.nas_operator_id = n.operator_id AND mine.nas_id = n.id ORDER BY own DESC, n.name, n.id",
        [me, now, me, me, me, now],
    )


def get_nas(nas_id: int) -> dict[str, Any]:
    """A router of the acting operator's own, without its secret; raises NotFound."""
    found = rows(
        f"SELECT {_NAS} FROM nas n WHERE n.operator_id = %s AND n.id = %s", [current_scope().operator_id, nas_id]
    )
    if not found:
        raise NotFound("There is no such router.")
    return found[0]
