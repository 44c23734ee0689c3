"""Zones: a tree without circles, counted, moved, merged, removed only when empty."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import DatabaseError

from backhaul.common.errors import InvalidInput, NotFound
from backhaul.operators.functions import execute, rows, savepoint
from backhaul.subscribers.queries import get_customer
from backhaul.subscribers.services import update_customer
from backhaul.subscribers.zones import (
    Merged,
    ZoneExists,
    ZoneInUse,
    add_zone,
    change_zone,
    list_places,
    list_zone_choices,
    list_zone_tree,
    merge_zones,
    move_zone,
    plan_merge,
    remove_zone,
)
from tests.builders import NOON, acting, build_customer
from tests.cast import Cast

ON = NOON.date()


def grow() -> dict[str, int]:
    """Dhaka (division) > Mirpur (area) > Block A (zone) > Box 1; and Block B in Mirpur."""
    dhaka = add_zone(name="Dhaka", level=1, code="DHK")
    mirpur = add_zone(name="Mirpur", level=3, parent_id=dhaka)
    block_a, block_b = (add_zone(name=f"Block {name}", parent_id=mirpur) for name in "AB")
    box = add_zone(name="Box 1", level=6, parent_id=block_a)
    return {"dhaka": dhaka, "mirpur": mirpur, "a": block_a, "b": block_b, "box": box}


def tree() -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in list_zone_tree()}


def test_customers_are_counted_with_those_of_the_zones_below(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        for where in ("box", "box", "a", "b"):
            build_customer(cast, zone_id=zone[where])
        counted = {name: (row["customers"], row["customers_below"]) for name, row in tree().items()}
        assert counted == {"Dhaka": (0, 4), "Mirpur": (0, 4), "Block A": (1, 3), "Box 1": (2, 2), "Block B": (1, 1)}
        assert dict(list_zone_choices())[zone["box"]] == "Dhaka › Mirpur › Block A › Box 1"


def test_the_database_itself_knows_no_circle(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        with pytest.raises(ZoneInUse):
            move_zone(zone_id=zone["mirpur"], parent_id=zone["box"], at=NOON)
        with pytest.raises(DatabaseError) as refused, savepoint():
            execute("UPDATE zone SET parent_id = %s, parent_level = 6 WHERE id = %s", [zone["box"], zone["mirpur"]])
        assert isinstance(refused.value.__cause__, psycopg.errors.CheckViolation)
        with pytest.raises(DatabaseError) as refused, savepoint():  # nor may it lie about the level of its parent
            execute("UPDATE zone SET parent_id = %s, parent_level = 1 WHERE id = %s", [zone["box"], zone["mirpur"]])
        assert isinstance(refused.value.__cause__, psycopg.errors.ForeignKeyViolation)


def test_a_zone_moves_with_all_that_lies_in_it(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        uttara = add_zone(name="Uttara", level=3, parent_id=zone["dhaka"])
        move_zone(zone_id=zone["a"], parent_id=uttara, at=NOON)
        assert tree()["Box 1"]["names"] == ["Dhaka", "Uttara", "Block A", "Box 1"]
        add_zone(name="Block B", parent_id=uttara)
        with pytest.raises(ZoneExists):
            move_zone(zone_id=zone["b"], parent_id=uttara, at=NOON)
        move_zone(zone_id=zone["b"], parent_id=None, at=NOON)
        assert tree()["Block B"]["depth"] == 0 or zone["b"] in {
            row["id"] for row in list_zone_tree() if not row["depth"]
        }


def test_a_merge_moves_customers_and_zones_and_leaves_nothing_behind(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        customer = build_customer(cast, zone_id=zone["a"]).customer_id
        with pytest.raises(ZoneInUse):
            plan_merge(zone["mirpur"], zone["a"])  # it lies in it
        with pytest.raises(InvalidInput):
            plan_merge(zone["a"], zone["a"])
        assert merge_zones(zone_id=zone["a"], into_id=zone["b"], on=ON, at=NOON) == Merged(customers=1, zones=1)
        assert get_customer(customer)["zone_id"] == zone["b"]
        assert tree()["Box 1"]["names"] == ["Dhaka", "Mirpur", "Block B", "Box 1"]
        assert "Block A" not in tree()
        with pytest.raises(NotFound):
            update_customer(customer_id=customer, at=NOON, zone_id=zone["a"])
        assert add_zone(name="Block A", parent_id=zone["mirpur"]) != zone["a"]  # the name is free again


def test_only_an_empty_zone_is_removed(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        with pytest.raises(ZoneInUse):
            remove_zone(zone_id=zone["a"], on=ON, at=NOON)
        customer = build_customer(cast, zone_id=zone["b"])
        with pytest.raises(ZoneInUse):
            remove_zone(zone_id=zone["b"], on=ON, at=NOON)
        update_customer(customer_id=customer.customer_id, at=NOON, zone_id=None)
        for name in ("b", "box", "a"):
            remove_zone(zone_id=zone[name], on=ON, at=NOON)
        assert set(tree()) == {"Dhaka", "Mirpur"}


def test_a_place_is_on_the_earth_and_whole(cast: Cast) -> None:
    with acting(cast.padma, cast.riverside):
        zone = grow()
        for place in (
            (Decimal(91), Decimal(0)),
            (Decimal(0), Decimal(181)),
            (Decimal(1), None),
            (Decimal("NaN"), Decimal(0)),
        ):
            with pytest.raises(InvalidInput):
                change_zone(zone_id=zone["box"], at=NOON, name="Box 1", latitude=place[0], longitude=place[1])
        here = Decimal("23.8103004"), Decimal("90.4125")
        change_zone(zone_id=zone["box"], at=NOON, name="Box 1", latitude=here[0], longitude=here[1])
        assert tree()["Box 1"]["latitude"] == Decimal("23.810300")
        customer = build_customer(cast, zone_id=zone["box"], latitude=here[0], longitude=here[1], activate=False)
        (spot,) = list_places([zone["box"]], limit=9)
        assert (spot["customer_id"], spot["status"]) == (customer.customer_id, "not_activated")
        assert list_places([zone["b"]], limit=9) == []
        with pytest.raises(InvalidInput):
            update_customer(customer_id=customer.customer_id, at=NOON, latitude=None)


def test_another_operators_zone_is_no_parent(cast: Cast) -> None:
    with acting(cast.padma, cast.north):
        norths = add_zone(name="Norths")
    with acting(cast.padma, cast.riverside):
        zone = grow()
        for act in (
            lambda: add_zone(name="x", parent_id=norths),
            lambda: move_zone(zone_id=zone["a"], parent_id=norths, at=NOON),
            lambda: merge_zones(zone_id=zone["a"], into_id=norths, on=ON, at=NOON),
            lambda: remove_zone(zone_id=norths, on=ON, at=NOON),
        ):
            with pytest.raises(NotFound):
                act()
        assert rows("SELECT 1 FROM zone WHERE id = %s", [norths]) == []
