"""A map without tiles: where boxes and customers are, drawn to scale, north on top."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from backhaul.common.digits import digits
from backhaul.web.templatetags.console import state_tone

WIDTH, HEIGHT, EDGE = 1000, 560, 40
KM_A_DEGREE = 111.32
SCALES_M = (50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000)


@dataclass(frozen=True)
class Spot:
    x: int
    y: int
    label: str
    href: str = ""
    tone: str = ""


def draw_map(zones: Sequence[dict[str, Any]], customers: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Spots of zones (name, latitude, longitude, href) and of customers (the same, and status), how many of each
    status there are, and a scale; {} where nothing has a place."""
    points = [(float(row["longitude"]), float(row["latitude"])) for row in (*zones, *customers)]
    if not points:
        return {}
    west, east = min(x for x, _y in points), max(x for x, _y in points)
    south, north = min(y for _x, y in points), max(y for _x, y in points)
    narrowing = max(0.05, math.cos(math.radians((south + north) / 2)))  # a degree of longitude is shorter up north
    across, up = max((east - west) * narrowing, 0.002), max(north - south, 0.002)
    unit = min((WIDTH - 2 * EDGE) / across, (HEIGHT - 2 * EDGE) / up)  # drawing units to a degree of latitude

    def spot(row: dict[str, Any], label: str, **look: str) -> Spot:
        x = (float(row["longitude"]) - (west + east) / 2) * narrowing * unit + WIDTH / 2
        y = ((south + north) / 2 - float(row["latitude"])) * unit + HEIGHT / 2
        return Spot(round(x), round(y), label, **look)

    metres = next((m for m in SCALES_M if m / 1000 / KM_A_DEGREE * unit >= 90), SCALES_M[-1])
    return {
        "zones": [spot(row, row["name"], href=row["href"]) for row in zones],
        "customers": [spot(row, row["name"], href=row["href"], tone=state_tone(row["status"])) for row in customers],
        "counts": sorted(Counter(row["status"] for row in customers).items()),
        "scale": {
            "label": digits(_("%s km") % (metres // 1000) if metres >= 1000 else _("%s m") % metres),
            "width": round(metres / 1000 / KM_A_DEGREE * unit),
        },
        "width": WIDTH,
        "height": HEIGHT,
    }
