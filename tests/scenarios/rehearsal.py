"""A town before its November, and how a rehearsal of it is begun and looked at."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from backhaul.catalog.services import ProfileRules, add_billing_profile, add_package, add_plan
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.cli.rehearsal.play import rehearse
from backhaul.cli.rehearsal.scratch import MARK
from backhaul.common.home import Home
from backhaul.funds.services import set_edge_terms
from backhaul.network.services import register_nas
from backhaul.resellers.slabs import Slab, set_volume_slabs
from tests.builders import acting, build_customer
from tests.cast import CELL, Cast, fill_funds
from tests.scenarios.money import noon
from tests.scenarios.test_faults import BOOKS, STATE
from tests.scenarios.test_oracles import NOV_1, pay, taken_over

DAY = timedelta(days=1)


def local(day: date, hour: int, minute: int = 0) -> datetime:
    """An instant by Padma's clock (Dhaka, UTC + 6)."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) - timedelta(hours=6)


MIDNIGHT = local(NOV_1, 0)


def settle(cast: Cast) -> None:
    """Before 1 November. What is to come of it: Riverside's fund is short at once, Rival falls below its minimum in
    December, North earns a volume bonus; one of Padma's own does not pay, another's paid days run out.
    """
    fill_funds(cast, north=20_000_00, riverside=1_000_00, rival=2_500_00)
    with acting(cast.padma):
        strict = add_billing_profile(name="Strict", rules=ProfileRules(due_days=7, grace_days=2, auto_suspend=True))
        set_volume_slabs(child_id=cast.north, slabs=[Slab(2, 250)], starts_on=NOV_1, today=NOV_1 - DAY)
        set_edge_terms(child_id=cast.rival, minimum_balance_minor=1_000_00, notice_hours=24)
        register_nas(name="Tower", source_address="192.0.2.9", secret="tower-secret", at=noon(NOV_1 - DAY))
    isp = cast.padma.isp_id
    taken_over(cast, isp, profile=(isp, strict))
    taken_over(cast, isp, profile=(isp, cast.profiles["Daily 30"]))
    for operator_id, count in ((isp, 2), (cast.north, 3), (cast.riverside, 4), (cast.rival, 3)):
        for _ in range(count):
            customer = taken_over(cast, operator_id)
    pay(cast, cast.rival, customer.customer_id, 5_000_00, NOV_1 - DAY)
    people_of_meghna(cast)


def people_of_meghna(cast: Cast) -> None:
    """The other ISP has a customer, too."""
    isp = cast.meghna.isp_id
    with acting(cast.meghna):
        plan = add_plan(name="Small", down_kbps=1000, up_kbps=1000)
        package = add_package(name="Small", plan_operator_id=isp, plan_id=plan, price_minor=500_00)
        profile = add_billing_profile(name="Monthly", rules=ProfileRules())
        build_customer(cast, package=(isp, package), profile=(isp, profile))


def maker(db: EmbeddedPostgres) -> str:
    """The administrator, in the real database."""
    return make_conninfo(db.admin_url, dbname="backhaul")


def rehearsed(cast: Cast, db: EmbeddedPostgres, until: date = NOV_1, **options: Any) -> dict[str, Any]:
    """A rehearsal of Padma from midnight before 1 November on; `options` as those of play.rehearse."""
    settled: dict[str, Any] = {"now": MIDNIGHT, "until": until, "maker": maker(db)}
    return rehearse(Home.from_environment(), cast.padma, **settled | options)


@contextmanager
def looking(db: EmbeddedPostgres, database: str) -> Iterator[psycopg.Connection[Any]]:
    options = f"-c search_path={CELL},public,ext"
    with psycopg.connect(make_conninfo(db.admin_url, dbname=database, options=options), autocommit=True) as admin:
        yield admin


def scratches(db: EmbeddedPostgres) -> list[str]:
    with looking(db, "backhaul") as admin:
        return [name for (name,) in admin.execute("SELECT datname FROM pg_database") if MARK in name]


def state(db: EmbeddedPostgres, database: str, operators: list[int]) -> dict[str, list[Any]]:
    """All that is bought, owed and held, and every account, of these operators."""
    with looking(db, database) as admin:
        found = {}
        for table, columns in {**STATE, "block": "operator_id, subscription_id, reason, from_at, to_at"}.items():
            query = f"SELECT {columns} FROM {table} WHERE {columns.partition(',')[0]} = ANY (%s) ORDER BY {columns}"
            found[table] = admin.execute(query.encode(), [operators]).fetchall()
        found["books"] = [row for row in admin.execute(BOOKS) if row[0] in operators]
    return found


def fingerprint(db: EmbeddedPostgres) -> dict[str, Any]:
    """Every row and every sequence of the real database."""
    with looking(db, "backhaul") as admin:
        tables = admin.execute(
            "SELECT format('%%I.%%I', schemaname, tablename) FROM pg_tables WHERE schemaname = ANY (%s)",
            [["public", CELL]],
        ).fetchall()
        sequences = admin.execute("SELECT format('%I.%I', schemaname, sequencename) FROM pg_sequences").fetchall()
        rows = "SELECT count(*), md5(string_agg(t::text, ' ' ORDER BY t::text)) FROM {} t"
        return {name: admin.execute(rows.format(name).encode()).fetchone() for (name,) in tables} | {
            name: admin.execute(f"SELECT last_value, is_called FROM {name}".encode()).fetchone()
            for (name,) in sequences
        }
