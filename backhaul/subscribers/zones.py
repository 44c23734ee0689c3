"""Zones: division → district → area → zone → sub-zone → box, with places on the map (SPEC A6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.operators.functions import execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.rules import ZONE_LEVELS, clean_place, count_with_those_below

USUAL = ZONE_LEVELS.index("zone") + 1
_TREE = """
    WITH RECURSIVE tree AS (
        SELECT id, parent_id, level, name, code, latitude, longitude, ARRAY[name] AS names, ARRAY[id] AS ids
        FROM zone WHERE operator_id = %(me)s AND parent_id IS NULL AND removed_on IS NULL
        UNION ALL
        SELECT z.id, z.parent_id, z.level, z.name, z.code, z.latitude, z.longitude, t.names || z.name, t.ids || z.id
        FROM tree t JOIN zone z ON z.operator_id = %(me)s AND z.parent_id = t.id AND z.removed_on IS NULL)
"""


class ZoneExists(Refusal):
    """Another zone has that name at that place of the tree."""

    code = "zone_exists"


class ZoneInUse(Refusal):
    """The zone is not empty, or lies where it cannot go."""

    code = "zone_in_use"


@dataclass(frozen=True)
class Merged:
    """What one zone hands to another: its customers and the zones right below it."""

    customers: int
    zones: int


def list_zone_tree() -> list[dict[str, Any]]:
    """The acting operator's zones, each after the one it lies in: id, parent_id, level, kind, depth (0: on top), name,
    code, names and ids from the top to it, latitude, longitude, customers, customers_below (with the zones in it).
    """
    me = {"me": current_scope().operator_id}
    tree = rows(f"{_TREE} SELECT *, cardinality(ids) - 1 AS depth FROM tree ORDER BY names, id", me)
    counted = rows("SELECT zone_id, count(*) AS n FROM customer WHERE operator_id = %(me)s GROUP BY zone_id", me)
    own = {row["zone_id"]: row["n"] for row in counted}
    below = count_with_those_below([row["ids"] for row in tree], own)
    for row in tree:
        row["customers"], row["customers_below"] = own.get(row["id"], 0), below[row["id"]]
        row["kind"] = ZONE_LEVELS[row["level"] - 1]
    return tree


def list_zone_choices() -> list[tuple[int, str]]:
    """The zones to choose from, by id, each named with those it lies in: Dhaka › Mirpur › Box 7."""
    tree = rows(f"{_TREE} SELECT id, names FROM tree ORDER BY names, id", {"me": current_scope().operator_id})
    return [(row["id"], " › ".join(row["names"])) for row in tree]


def list_places(zone_ids: Sequence[int] | None, *, limit: int) -> list[dict[str, Any]]:
    """Customers of these zones (None: of all and of none) that have a place on the map, the newest first:
    customer_id, name, status, latitude, longitude."""
    me = current_scope().operator_id
    where = "" if zone_ids is None else " AND c.zone_id = ANY (%(zones)s)"
    return rows(
        "SELECT c.id AS customer_id, c.name, c.latitude, c.longitude, service_status(ARRAY("
        "SELECT b.reason FROM block b WHERE b.operator_id = s.operator_id AND b.subscription_id = s.id "
        "AND b.to_at IS NULL)) AS status FROM customer c "
        "JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id "
        f"WHERE c.operator_id = %(me)s AND c.latitude IS NOT NULL{where} ORDER BY c.id DESC LIMIT %(limit)s",
        {"me": me, "zones": list(zone_ids or []), "limit": limit},
    )


def add_zone(
    *,
    name: str,
    code: str = "",
    parent_id: int | None = None,
    level: int | None = None,
    latitude: Decimal | None = None,
    longitude: Decimal | None = None,
) -> int:
    """Add a zone of the acting operator; one of that name in that place is returned as it is.

    `level`: 1 (division) to 6 (box); None: a zone, or what usually lies in its parent. Raises InvalidInput, NotFound.
    """
    scope = current_scope()
    scope.require("zones.edit")
    latitude, longitude = clean_place(latitude, longitude)
    above = None if parent_id is None else int(_get(parent_id)["level"])
    level = level or (USUAL if above is None else min(max(above + 1, USUAL), len(ZONE_LEVELS)))
    _refuse_level(level, above)
    added = rows(
        "INSERT INTO zone (operator_id, parent_id, parent_level, level, name, code, latitude, longitude) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (operator_id, parent_id, name) WHERE removed_on IS NULL "
        "DO UPDATE SET name = EXCLUDED.name RETURNING id",
        [scope.operator_id, parent_id, above, level, _clean_name(name), code.strip(), latitude, longitude],
    )
    return int(added[0]["id"])


def add_zones(names: set[str]) -> tuple[list[str], dict[str, int]]:
    """Add the top zones of these names that are missing; which were added, and the ids of all of them by name."""
    me = current_scope().operator_id
    wanted = sorted(names)
    added = rows(
        "INSERT INTO zone (operator_id, name) SELECT %s, unnest(%s::text[]) "
        "ON CONFLICT (operator_id, parent_id, name) WHERE removed_on IS NULL DO NOTHING RETURNING name",
        [me, wanted],
    )
    found = rows(
        "SELECT DISTINCT ON (name) name, id FROM zone WHERE operator_id = %s AND name = ANY (%s) "
        "AND removed_on IS NULL ORDER BY name, parent_id NULLS FIRST",
        [me, wanted],
    )
    return [row["name"] for row in added], {row["name"]: row["id"] for row in found}


def change_zone(*, zone_id: int, at: datetime, name: str, code: str = "", level: int | None = None,
                latitude: Decimal | None = None, longitude: Decimal | None = None) -> None:  # fmt: skip
    """Give a zone another name, code, level or place. Raises ZoneExists, and ZoneInUse where its level does not fit."""
    scope = current_scope()
    scope.require("zones.edit")
    zone = _get(zone_id, lock=True)
    latitude, longitude = clean_place(latitude, longitude)
    if level is not None and level != zone["level"]:
        _refuse_level(level, zone["parent_level"])
        if rows("SELECT 1 FROM zone WHERE operator_id = %s AND parent_id = %s LIMIT 1", [scope.operator_id, zone_id]):
            raise ZoneInUse("Zones lie in this one; move them elsewhere before it becomes another kind.", field="level")
    _refuse_same_name(_clean_name(name), zone["parent_id"], but=zone_id)
    execute(
        "UPDATE zone SET name = %s, code = %s, level = %s, latitude = %s, longitude = %s "
        "WHERE operator_id = %s AND id = %s",
        [_clean_name(name), code.strip(), level or zone["level"], latitude, longitude, scope.operator_id, zone_id],
    )
    record_audit(verb="changed", subject_type="zone", subject_id=zone_id, at=at, was=zone["name"])


def move_zone(*, zone_id: int, parent_id: int | None, at: datetime) -> None:
    """Put a zone, with all that lies in it, into another one; None: on top. Customers stay in their zones.

    Raises ZoneInUse where its kind does not lie in one of the other's kind: nothing ever lies in itself.
    """
    scope = current_scope()
    scope.require("zones.edit")
    zone = _get(zone_id, lock=True)
    above = None if parent_id is None else int(_get(parent_id)["level"])
    if above is not None and above >= zone["level"]:
        raise ZoneInUse(
            "A %(zone_level)s does not lie in a %(above)s; choose a wider one.",
            zone_level=_called(zone["level"]),
            above=_called(above),
            field="parent",
        )
    _refuse_same_name(zone["name"], parent_id, but=zone_id)
    execute(
        "UPDATE zone SET parent_id = %s, parent_level = %s WHERE operator_id = %s AND id = %s",
        [parent_id, above, scope.operator_id, zone_id],
    )
    record_audit(verb="moved", subject_type="zone", subject_id=zone_id, at=at, was=zone["parent_id"], into=parent_id)


def plan_merge(zone_id: int, into_id: int) -> Merged:
    """What a merge would move; raises ZoneInUse where the two cannot become one."""
    me = current_scope().operator_id
    zone, into = _get(zone_id), _get(into_id)
    if zone_id == into_id:
        raise InvalidInput("Choose another zone to merge it into.", field="into")
    below = rows(
        "SELECT name, level FROM zone WHERE operator_id = %s AND parent_id = %s AND removed_on IS NULL",
        [me, zone_id],
    )
    inside = rows(f"{_TREE} SELECT ids FROM tree WHERE id = %(into)s", {"me": me, "into": into_id})
    if inside and zone_id in inside[0]["ids"]:
        raise ZoneInUse(
            "%(into_name)s lies in %(zone_name)s; move it elsewhere first.",
            into_name=into["name"],
            zone_name=zone["name"],
            field="into",
        )
    if any(row["level"] <= into["level"] for row in below):
        raise ZoneInUse(
            "What lies in %(zone_name)s does not fit into a %(into_level)s.",
            zone_name=zone["name"],
            into_level=_called(into["level"]),
            field="into",
        )
    there = rows(
        "SELECT name FROM zone WHERE operator_id = %s AND parent_id = %s AND removed_on IS NULL AND name = ANY (%s)",
        [me, into_id, [row["name"] for row in below]],
    )
    if there:
        raise ZoneExists(
            "Both have a %(there_name)s: merge or rename one of those first.", there_name=there[0]["name"], field="into"
        )
    customers = rows("SELECT count(*) AS n FROM customer WHERE operator_id = %s AND zone_id = %s", [me, zone_id])
    return Merged(customers[0]["n"], len(below))


def merge_zones(*, zone_id: int, into_id: int, on: date, at: datetime) -> Merged:
    """Everything of one zone goes to another, and the zone is gone: customers, zones in it, templates."""
    scope = current_scope()
    scope.require("zones.edit")
    _get(min(zone_id, into_id), lock=True)
    into = _get(into_id, lock=True)
    moved = plan_merge(zone_id, into_id)
    values = [into_id, scope.operator_id, zone_id]
    execute("UPDATE customer SET zone_id = %s WHERE operator_id = %s AND zone_id = %s", values)
    execute("UPDATE customer_template SET zone_id = %s WHERE operator_id = %s AND zone_id = %s", values)
    execute(
        "UPDATE zone SET parent_id = %s, parent_level = %s WHERE operator_id = %s AND parent_id = %s",
        [into_id, into["level"], scope.operator_id, zone_id],
    )
    _remove(zone_id, on)
    record_audit(verb="merged", subject_type="zone", subject_id=zone_id, at=at, into=into_id, customers=moved.customers)
    return moved


def remove_zone(*, zone_id: int, on: date, at: datetime) -> None:
    """Remove an empty zone; raises ZoneInUse where a customer, a zone or a template is in it."""
    scope = current_scope()
    scope.require("zones.edit")
    zone = _get(zone_id, lock=True)
    held = rows(
        "SELECT (SELECT count(*) FROM customer WHERE operator_id = %(me)s AND zone_id = %(zone)s) AS customers, "
        "(SELECT count(*) FROM zone WHERE operator_id = %(me)s AND parent_id = %(zone)s AND removed_on IS NULL) "
        "+ (SELECT count(*) FROM customer_template WHERE operator_id = %(me)s AND zone_id = %(zone)s "
        "AND archived_at IS NULL) AS others",
        {"me": scope.operator_id, "zone": zone_id},
    )[0]
    if held["customers"] or held["others"]:
        raise ZoneInUse(
            "%(zone_name)s is not empty: %(held_customers)s customers and %(held_others)s zones or "
            "templates are in it. Merge it into another zone instead.",
            zone_name=zone["name"],
            held_customers=held["customers"],
            held_others=held["others"],
        )
    _remove(zone_id, on)
    record_audit(verb="removed", subject_type="zone", subject_id=zone_id, at=at, was=zone["name"])


def _remove(zone_id: int, on: date) -> None:
    execute(
        "UPDATE zone SET removed_on = %s WHERE operator_id = %s AND id = %s",
        [on, current_scope().operator_id, zone_id],
    )


def _get(zone_id: int, *, lock: bool = False) -> dict[str, Any]:
    found = rows(
        "SELECT id, parent_id, parent_level, level, name, code FROM zone "
        f"WHERE operator_id = %s AND id = %s AND removed_on IS NULL{' FOR NO KEY UPDATE' if lock else ''}",
        [current_scope().operator_id, zone_id],
    )
    if not found:
        raise NotFound("There is no such zone.", field="zone")
    return found[0]


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not 1 <= len(name) <= 80:
        raise InvalidInput("Give the zone a name, at most 80 characters.", field="name")
    return name


def _refuse_level(level: int, above: int | None) -> None:
    if not 1 <= level <= len(ZONE_LEVELS):
        raise InvalidInput("Choose what kind of zone it is.", field="level")
    if above is not None and level <= above:
        raise InvalidInput(
            "A %(level)s does not lie in a %(above)s.", level=_called(level), above=_called(above), field="level"
        )


def _refuse_same_name(name: str, parent_id: int | None, *, but: int) -> None:
    if rows(
        "SELECT 1 FROM zone WHERE operator_id = %s AND parent_id IS NOT DISTINCT FROM %s AND name = %s "
        "AND removed_on IS NULL AND id <> %s",
        [current_scope().operator_id, parent_id, name, but],
    ):
        raise ZoneExists(
            "There is a %(name)s in that place already; take another name, or merge the two.", name=name, field="name"
        )


def _called(level: int) -> str:
    return ZONE_LEVELS[level - 1].replace("_", "-")
