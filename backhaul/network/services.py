"""Commands of the network. Each runs in the caller's unit of work; what routers must hear leaves through the outbox."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import IntegrityError

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.network import rules
from backhaul.operators.functions import call, execute, rows, savepoint
from backhaul.operators.jobs import enqueue
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

DRAIN = "backhaul.network.tasks.drain_disconnects"
CONNECTION_TYPES = ("pppoe", "hotspot", "static", "other")


class UsernameTaken(Refusal):
    """The user name is in use somewhere in the ISP; usernames are unique there."""

    code = "username_taken"


class AddressTaken(Refusal):
    """The address is in use already: a static address by another login, or a router's by another router."""

    code = "address_taken"


class PoolExists(Refusal):
    """A pool of that name, or one that overlaps its network, exists."""

    code = "pool_exists"


class RouterExists(Refusal):
    """The operator has a router of that name."""

    code = "router_exists"


@dataclass(frozen=True)
class NewLogin:
    """A login to provision. `pool` is (operator id, pool id) of a pool handed down to the operator, `plan_connections`
    the connection types of its plan (None: any), or the login is not made."""

    username: str
    password: str
    subscription_id: int | None = None
    down_kbps: int | None = None
    up_kbps: int | None = None
    pool: tuple[int, int] | None = None
    static_ip: str | None = None
    mac: str | None = None
    connection_type: str = "pppoe"
    plan_connections: Sequence[str] | None = None
    access: str = "open"
    reject_reason: str | None = None
    expires_at: datetime | None = None


def add_pool(*, name: str, framed_pool: str | None = None, network: str | None = None) -> int:
    """Add an address pool of the acting operator that routers know as `framed_pool` (default: its name); its id."""
    on_router = (framed_pool or name).strip()
    if not rules.is_router_name(on_router):
        raise InvalidInput("A pool's name on the router has letters, digits, dots and dashes.", field="framed_pool")
    cidr = rules.clean_network(network)
    overlapping = rows("SELECT name FROM pool WHERE network && %s::cidr", [cidr]) if cidr else []
    if overlapping:
        other = overlapping[0]["name"]
        raise PoolExists(
            "%(cidr)s overlaps the pool “%(other)s”; choose another network.", cidr=cidr, other=other, field="network"
        )
    added = rows(
        "INSERT INTO pool (operator_id, name, framed_pool, network) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT DO NOTHING RETURNING id",
        [current_scope().operator_id, name.strip(), on_router, cidr],
    )
    if not added:
        raise PoolExists("There is a pool “%(name)s” already; choose another name.", name=name, field="name")
    return int(added[0]["id"])


def register_nas(*, at: datetime, **settings: Any) -> int:
    """Make a router of the acting operator known by the source address of its packets; returns its id.

    `settings`: name, source_address and secret; change_of_authorization_address, change_of_authorization_port and
    interim_seconds have defaults. Raises RouterExists, and AddressTaken when packets from that address already belong
    to a router, of whichever ISP.
    """
    scope = current_scope()
    scope.require("network.edit")
    given = rules.clean_router({"name": "", "source_address": "", "secret": "", **settings})
    _direct(given["source_address"])
    added = rows(
        f"INSERT INTO nas (operator_id, {', '.join(given)}) VALUES (%s{', %s' * len(given)}) "
        "ON CONFLICT (operator_id, name) DO NOTHING RETURNING id",
        [scope.operator_id, *given.values()],
    )
    if not added:
        raise _router_exists(given["name"])
    nas_id = int(added[0]["id"])
    record_audit(verb="added", subject_type="nas", subject_id=nas_id, at=at, address=given["source_address"])
    return nas_id


def update_nas(*, nas_id: int, at: datetime, **changes: Any) -> None:
    """Change an own router: any of the settings of register_nas, or `enabled`; a secret is taken as new.

    FreeRADIUS believes what it knew for up to half a minute. Raises NotFound, RouterExists, and AddressTaken as
    register_nas does.
    """
    scope = current_scope()
    scope.require("network.edit")
    wanted = rules.clean_router(changes)
    found = rows(
        "SELECT name, host(source_address) AS source_address, host(change_of_authorization_address) AS "
        "change_of_authorization_address, change_of_authorization_port, interim_seconds, enabled FROM nas "
        "WHERE operator_id = %s AND id = %s FOR NO KEY UPDATE",
        [scope.operator_id, nas_id],
    )
    if not found:
        raise NotFound("There is no such router.")
    before = {key: found[0].get(key) for key, value in wanted.items() if key == "secret" or found[0][key] != value}
    if not before:
        return
    if "source_address" in before:
        _direct(wanted["source_address"])
    try:
        with savepoint():
            execute(
                f"UPDATE nas SET {', '.join(f'{key} = %s' for key in before)} WHERE operator_id = %s AND id = %s",
                [*(wanted[key] for key in before), scope.operator_id, nas_id],
            )
    except IntegrityError:
        raise _router_exists(wanted.get("name", "")) from None
    if "source_address" in before:
        execute("DELETE FROM nas_directory WHERE source_address = %s", [before["source_address"]])
    record_audit(verb="changed", subject_type="nas", subject_id=nas_id, at=at, before=before)


def _direct(address: str) -> None:
    """Lead packets from an address to the acting ISP's cell, unless they lead somewhere already."""
    scope = current_scope()
    if not execute(
        "INSERT INTO nas_directory (source_address, isp_id, cell) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
        [address, scope.isp_id, scope.cell],
    ):
        raise AddressTaken(
            "Packets from %(address)s belong to a router already; give this one an address of its own.",
            address=address,
            field="source_address",
        )


def _router_exists(name: str) -> RouterExists:
    return RouterExists("There is a router “%(name)s” already; choose another name.", name=name, field="name")


def provision_login(*, operator_id: int, isp_id: int, username: str, password: str, **settings: Any) -> int:
    """Create one login; `settings` are the other fields of NewLogin. Returns its id. Raises UsernameTaken."""
    login = NewLogin(username=username, password=password, **settings)
    return provision_logins(operator_id=operator_id, isp_id=isp_id, logins=[login])[0]


def provision_logins(*, operator_id: int, isp_id: int, logins: Sequence[NewLogin], using: str = "default") -> list[int]:
    """Create logins in three statements however many they are; returns their ids in order.

    Raises UsernameTaken or AddressTaken naming the first that collides, and NotFound for a pool out of sight.
    """
    _require_pools({login.pool for login in logins if login.pool}, using)
    names = [rules.clean_username(login.username) for login in logins]
    columns = [
        names,
        [login.subscription_id for login in logins],
        [login.connection_type for login in logins],
        [login.plan_connections and ",".join(login.plan_connections) for login in logins],
        [login.access for login in logins],
        [login.reject_reason for login in logins],
        [login.down_kbps for login in logins],
        [login.up_kbps for login in logins],
        [login.pool and login.pool[0] for login in logins],
        [login.pool and login.pool[1] for login in logins],
        [rules.clean_address(login.static_ip, field="static_ip") for login in logins],
        [rules.clean_mac(login.mac) for login in logins],
        [login.expires_at for login in logins],
    ]
    added = rows(
        "INSERT INTO radius_login (operator_id, isp_id, username, subscription_id, connection_type, "
        "plan_connections, access, reject_reason, down_kbps, up_kbps, pool_operator_id, pool_id, static_address, mac, "
        "expires_at) SELECT %s, %s, name, subscription_id, connection_type, string_to_array(connections, ','), access, "
        "reject_reason, down_kbps, up_kbps, pool_operator_id, pool_id, address, mac, expires_at "
        "FROM unnest(%s::text[], %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::integer[], "
        "%s::integer[], %s::bigint[], %s::bigint[], %s::inet[], %s::text[], %s::timestamptz[]) "
        "AS u (name, subscription_id, connection_type, connections, access, reject_reason, down_kbps, up_kbps, "
        "pool_operator_id, pool_id, address, mac, expires_at) "
        "ON CONFLICT DO NOTHING RETURNING id, username",
        [operator_id, isp_id, *columns],
        using,
    )
    ids = {row["username"]: int(row["id"]) for row in added}
    if len(ids) < len(logins):
        _refuse_collision(names, ids, logins)
    execute(
        "INSERT INTO radius_password (operator_id, login_id, password) "
        "SELECT %s, * FROM unnest(%s::bigint[], %s::text[])",
        [operator_id, [ids[name] for name in names], [rules.clean_password(login.password) for login in logins]],
        using,
    )
    return [ids[name] for name in names]


def set_login_access(
    *,
    operator_id: int,
    subscription_id: int,
    access: str,
    reject_reason: str | None = None,
    reason: str = "",
    at: datetime,
) -> int:
    """Open, wall in or reject a subscription's logins and queue the end of sessions that began otherwise (SPEC §5).

    Works while the router is unreachable. Returns how many logins changed; those that have this access already do not.
    """
    changed = set_login_access_many(
        subscriptions=[(operator_id, subscription_id)], access=access, reject_reason=reject_reason, reason=reason, at=at
    )
    if changed:
        send_soon()
    return changed


def set_login_access_many(
    *,
    subscriptions: Sequence[tuple[int, int]],
    access: str,
    reject_reason: str | None = None,
    reason: str = "",
    at: datetime,
    using: str = "default",
) -> int:
    """set_login_access for many subscriptions, given as (operator id, subscription id), in one statement."""
    changed = call(
        "set_login_access",
        using=using,
        operator_ids=[operator for operator, _ in subscriptions],
        subscription_ids=[subscription for _, subscription in subscriptions],
        access=access,
        reject_reason=reject_reason,
        reason=reason or {"open": "activated", "walled": "suspended"}.get(access, reject_reason or "disabled"),
        at=at,
    )
    return int(changed)


def change_password(*, operator_id: int, subscription_id: int, password: str, at: datetime) -> None:
    """Set the password of a subscription's login and end its session."""
    login = _login_of(operator_id, subscription_id)
    execute(
        "UPDATE radius_password SET password = %s WHERE operator_id = %s AND login_id = %s",
        [rules.clean_password(password), operator_id, login["id"]],
    )
    _end_sessions(operator_id, login["id"], "password changed", at)


def reveal_password(*, login_id: int, at: datetime) -> str:
    """The clear-text password of an own login; the revelation itself is written to the audit trail."""
    return str(call("reveal_radius_password", login_id=login_id, at=at))


def update_login(*, operator_id: int, subscription_id: int, at: datetime, **changes: Any) -> None:
    """Change settings of a subscription's login: any field of NewLogin but its password and access.

    A change of the rate alone reaches a running session live; what the session cannot change alive ends it.
    """
    login = _login_of(operator_id, subscription_id)
    wanted = _columns(changes)
    changed = {column: value for column, value in wanted.items() if login[column] != value}
    if not changed:
        return
    if changed.get("pool_id"):
        _require_pools({(wanted["pool_operator_id"], wanted["pool_id"])}, "default")
    if "username" in changed and call("taken_usernames", usernames=[changed["username"]]):
        raise UsernameTaken(
            "The user name “%(changed_username)s” is taken; choose another.",
            changed_username=changed["username"],
            field="username",
        )
    assignments = ", ".join(f"{column} = %s" for column in changed)
    execute(
        f"UPDATE radius_login SET {assignments} WHERE operator_id = %s AND id = %s",
        [*changed.values(), operator_id, login["id"]],
    )
    if set(changed) <= {"down_kbps", "up_kbps"}:
        call("request_rate_changes", operator_ids=[operator_id], login_ids=[login["id"]], reason="rate changed", at=at)
        send_soon()
    elif set(changed) != {"expires_at"}:
        _end_sessions(operator_id, login["id"], f"changed: {', '.join(sorted(changed))}", at)


def queue_disconnect(*, operator_id: int, subscription_id: int, reason: str, at: datetime) -> None:
    """End the running sessions of a subscription, whatever its access: the customer may log in again at once."""
    _end_sessions(operator_id, _login_of(operator_id, subscription_id)["id"], reason, at)


def send_soon() -> None:
    """Wake the sender of this ISP's Disconnect-Requests once the transaction has committed, if any of the acting
    operator's waits."""
    me = current_scope().operator_id
    if rows("SELECT 1 FROM disconnect_request WHERE operator_id = %s AND NOT done LIMIT 1", [me]):
        wake_sender()


def wake_sender() -> None:
    """Wake the sender of this ISP's Disconnect-Requests once the transaction has committed, whosever they are."""
    isp_id = current_scope().isp_id
    enqueue(DRAIN, queueing_lock=f"disconnects-{isp_id}", isp_id=isp_id)


def _login_of(operator_id: int, subscription_id: int) -> dict[str, Any]:
    found = rows(
        "SELECT id, username, down_kbps, up_kbps, pool_operator_id, pool_id, host(static_address) AS static_address, "
        "mac, connection_type, expires_at FROM radius_login WHERE operator_id = %s AND subscription_id = %s",
        [operator_id, subscription_id],
    )
    if not found:
        raise NotFound("This service has no login.")
    return found[0]


def _columns(changes: dict[str, Any]) -> dict[str, Any]:
    cleaned = dict(changes)
    if "pool" in cleaned:
        cleaned["pool_operator_id"], cleaned["pool_id"] = cleaned.pop("pool") or (None, None)
    if "static_ip" in cleaned:
        cleaned["static_address"] = rules.clean_address(cleaned.pop("static_ip"), field="static_ip")
    if "mac" in cleaned:
        cleaned["mac"] = rules.clean_mac(cleaned["mac"])
    if "username" in cleaned:
        cleaned["username"] = rules.clean_username(cleaned["username"])
    return cleaned


def _end_sessions(operator_id: int, login_id: int, reason: str, at: datetime) -> None:
    execute("UPDATE radius_login SET version = version + 1 WHERE operator_id = %s AND id = %s", [operator_id, login_id])
    call("request_disconnects", operator_ids=[operator_id], login_ids=[login_id], reason=reason, at=at)
    send_soon()


def _require_pools(pools: set[tuple[int, int]], using: str) -> None:
    """A foreign key does not ask whether the row may be seen; this does."""
    for owner, pool in pools:
        if not rows("SELECT 1 FROM pool WHERE operator_id = %s AND id = %s", [owner, pool], using):
            raise NotFound("There is no such address pool.", field="pool")


def _refuse_collision(names: list[str], added: dict[str, int], logins: Sequence[NewLogin]) -> None:
    lost = next(index for index, name in enumerate(names) if name not in added or name in names[:index])
    name, address = names[lost], logins[lost].static_ip
    if address and name not in names[:lost] and not call("taken_usernames", usernames=[name]):
        raise AddressTaken(
            "The address %(address)s of “%(name)s” is another login's; choose another.",
            address=address,
            name=name,
            field="static_ip",
        )
    raise UsernameTaken("The user name “%(name)s” is taken; choose another.", name=name, field="username")
