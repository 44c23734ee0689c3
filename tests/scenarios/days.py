"""What scenarios about days need: policies, blocks as of a day, sessions on a router."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import psycopg

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import unit_of_work
from tests.builders import acting
from tests.cast import CELL, Cast


def as_owner(db: EmbeddedPostgres, sql: str, *parameters: Any) -> int:
    """A statement with nobody's rights in its way; the rows that it touched."""
    url = db.admin_url.rsplit("/", 1)[0] + "/backhaul"
    with psycopg.connect(url, autocommit=True, options=f"-c search_path={CELL},public,ext") as admin:
        return admin.execute(sql, parameters).rowcount


def edge_credits(db: EmbeddedPostgres, child_id: int, *reasons: str) -> None:
    """The edge to this child credits days off for these reasons."""
    as_owner(db, "UPDATE fund SET credit_days_for = %s WHERE child_id = %s", list(reasons), child_id)


def profile_credits(db: EmbeddedPostgres, profile_id: int, *reasons: str) -> None:
    """The profile credits days off for these reasons."""
    as_owner(db, "UPDATE billing_profile SET credit_days_for = %s WHERE id = %s", list(reasons), profile_id)


def off(cast: Cast, operator_id: int, service: int, reason: str, spell: tuple[datetime, datetime | None]) -> None:
    """A block of a service, as its commands and the runs write it; also one that is entered later."""
    begins, ends = spell
    with acting(cast.padma, operator_id):
        execute(
            "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, to_on, to_at, by_actor_id) "
            "VALUES (%s, %s, %s, %s, %s, %s, %s, 0)",
            [operator_id, service, reason, begins.date(), begins, ends and ends.date(), ends],
        )


def notes(cast: Cast, operator_id: int) -> list[dict[str, Any]]:
    """Credit notes of an operator, oldest first."""
    with acting(cast.padma, operator_id):
        return rows("SELECT * FROM credit_note ORDER BY id")


def refunds(cast: Cast, parent_id: int) -> list[dict[str, Any]]:
    """What the edges of a parent gave back, by child and day."""
    with acting(cast.padma, parent_id):
        return rows("SELECT * FROM charge_refund WHERE parent_id = %s ORDER BY child_id, from_on", [parent_id])


def credit_nights(cast: Cast, on: date, now: datetime) -> int:
    """The night's credits alone, of every shard of Padma; how many services got something."""
    with unit_of_work(cast.padma, using="batch"):
        return sum(
            call("credit_off_days", "batch", isp=cast.padma.isp_id, top=top, on=on, now=now)
            for top in (cast.padma.isp_id, cast.north, cast.rival)
        )
