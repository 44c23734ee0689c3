"""Reads that an import needs."""

from __future__ import annotations

from datetime import date

from backhaul.operators.functions import rows


def find_cycle_ends(anchor_days: set[int], on: date) -> dict[int, date]:
    """For each anchor day, the end of the cycle that runs on a day, by billing's calendar."""
    found = rows(
        "SELECT day, next_anchor(%s, day) AS ends_on FROM unnest(%s::integer[]) AS day", [on, sorted(anchor_days)]
    )
    return {row["day"]: row["ends_on"] for row in found}
