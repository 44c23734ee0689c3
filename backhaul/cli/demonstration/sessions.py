"""Who is online at the end of the story: accounting records, booked by the function that FreeRADIUS calls."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

import psycopg
from django.conf import settings

from backhaul.billing.finding import CustomerFilter, list_customers
from backhaul.cli.demonstration.founding import CORE_ROUTERS, Operator
from backhaul.cli.demonstration.script import Script
from backhaul.operators.scope import unit_of_work

ONLINE = 0.72
PAST_SESSIONS = 2
EVERY = 1_000_000
GIGAWORD = 2**32
Record = tuple[str, str, list[str]]


def report_sessions(stage: list[Operator], script: Script) -> None:
    """Report some past sessions of every active customer, and that most of them are online.

    The well-known customers are not: they are there to log in, and nobody logs in twice.
    """
    records = [record for operator in stage for record in _records_of(operator, script)]
    target = settings.DATABASES["default"]
    with psycopg.connect(
        host=str(target["HOST"]),
        port=str(target["PORT"]),
        dbname=str(target["NAME"]),
        user="backhaul_radius",
        password=settings.HOME.secret("role_radius"),
    ) as radius:
        radius.cursor().executemany("SELECT public.radius_account(%s, %s, VARIADIC %s::text[])", records)


def _records_of(operator: Operator, script: Script) -> Iterator[Record]:
    router = CORE_ROUTERS["meghna" if operator.slug == "meghna" else "padma"]
    with unit_of_work(operator.isp, operator.id):
        customers = list_customers(CustomerFilter(status="active"), limit=EVERY)
    for customer in customers:
        dice = Random(f"sessions {customer['code']}")
        for ago in range(PAST_SESSIONS, 0, -1):
            stopped_at = script.now - timedelta(days=ago, minutes=dice.randint(0, 240))
            yield router, "Stop", _record(customer, f"{ago:04x}", stopped_at, dice.randint(1, 14) * 3600, dice)
        if customer["username"] not in operator.role.known and dice.random() < ONLINE:
            yield router, "Interim-Update", _record(customer, "live", script.now, dice.randint(5, 1200) * 60, dice)


def _record(customer: dict[str, Any], session: str, sent_at: datetime, seconds: int, dice: Random) -> list[str]:
    """One accounting record, as the pairs in which FreeRADIUS hands it over."""
    down = seconds * dice.randint(40_000, 900_000)
    up = down // dice.randint(8, 20)
    values = {
        "received": int(sent_at.timestamp()),
        "delay": 0,
        "username": customer["username"],
        "session": f"{customer['login_id']:x}-{session}",
        "class": "",
        "address": f"100.64.{dice.randrange(64)}.{dice.randint(2, 250)}",
        "mac": customer["mac"] or ":".join(f"{dice.randrange(256):02X}" for _ in range(6)),
        "port": "ether2",
        "seconds": seconds,
        "in": up % GIGAWORD,
        "in_giga": up // GIGAWORD,
        "out": down % GIGAWORD,
        "out_giga": down // GIGAWORD,
        "cause": "" if session == "live" else "User-Request",
    }
    return [part for key, value in values.items() for part in (key, str(value))]
