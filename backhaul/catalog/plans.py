"""Plans: what is sold, without a price (SPEC §1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from backhaul.catalog.naming import insert_named, update_named, withdraw_named
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound
from backhaul.network.services import CONNECTION_TYPES
from backhaul.operators.functions import rows
from backhaul.operators.scope import current_scope

Pool = tuple[int, int]


def add_plan(
    *,
    name: str,
    down_kbps: int,
    up_kbps: int,
    pool: Pool | None = None,
    connection_types: Sequence[str] = CONNECTION_TYPES,
) -> int:
    """Add a plan of the ISP: speed, pool and the ways in that it is sold for, no price. Returns its id."""
    scope = current_scope()
    scope.require("catalog.edit")
    if scope.parent_id is not None:
        raise NotAllowed("Plans belong to the ISP; make packages over the plans that your provider sells you.")
    return insert_named("plan", name, _columns(down_kbps, up_kbps, pool, connection_types))


def update_plan(
    *, plan_id: int, name: str, down_kbps: int, up_kbps: int, pool: Pool | None, connection_types: Sequence[str]
) -> dict[str, Any]:
    """Write an own plan anew and return what it was (columns of get_plan). Nobody is given it, switched to it or away
    from it until the transaction ends. The services over it have the old one yet: billing's edit_plan gives them the
    new one, and is what changes a plan."""
    current_scope().require("catalog.edit")
    wanted = _columns(down_kbps, up_kbps, pool, connection_types)
    before = get_plan(plan_id, lock=True)
    update_named("plan", plan_id, name, wanted)
    return before


def withdraw_plan(*, plan_id: int, on: date, now: datetime) -> None:
    """Sell an own plan no more: no new package, no new customer over it; running services keep it."""
    current_scope().require("catalog.edit")
    withdraw_named("plan", plan_id, on, now)


def get_plan(plan_id: int, *, lock: bool = False) -> dict[str, Any]:
    """An own plan that is still sold: id, name, down_kbps, up_kbps, pool_operator_id, pool_id, pool (its name),
    connection_types. `lock`: nobody else changes it, or gives it to a service, until the transaction ends."""
    found = rows(
        "SELECT p.id, p.name, p.down_kbps, p.up_kbps, p.pool_operator_id, p.pool_id, o.name AS pool, "
        "p.connection_types FROM plan p LEFT JOIN pool o ON o.operator_id = p.pool_operator_id AND o.id = p.pool_id "
        "WHERE p.operator_id = %s AND p.id = %s AND p.withdrawn_on IS NULL"
        + (" FOR NO KEY UPDATE OF p" if lock else ""),
        [current_scope().operator_id, plan_id],
    )
    if not found:
        raise NotFound("There is no such plan.")
    return found[0]


def _columns(down_kbps: int, up_kbps: int, pool: Pool | None, connection_types: Sequence[str]) -> dict[str, Any]:
    """What is given, as columns. Raises InvalidInput, and NotFound for a pool out of sight."""
    if down_kbps <= 0 or up_kbps <= 0:
        raise InvalidInput("Give both speeds in kbit/s, more than zero.", field="down_kbps")
    if not connection_types or not set(connection_types) <= set(CONNECTION_TYPES):
        raise InvalidInput("Choose at least one connection type.", field="connection_types")
    if pool is not None and not rows("SELECT 1 FROM pool WHERE operator_id = %s AND id = %s", list(pool)):
        raise NotFound("There is no such address pool.", field="pool")
    return {
        "down_kbps": down_kbps,
        "up_kbps": up_kbps,
        "pool_operator_id": pool and pool[0],
        "pool_id": pool and pool[1],
        "connection_types": [known for known in CONNECTION_TYPES if known in connection_types],
    }
