"""A month of an ISP and its resellers, day by day; an independent spreadsheet of it comes to the same (issue 3)."""

from __future__ import annotations

import os
from collections import Counter
from datetime import date, datetime, time, timedelta
from random import Random
from typing import Any

import psycopg
import pytest

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.resellers.checks import verify
from tests.cast import CELL
from tests.scenarios.month.events import Player
from tests.scenarios.month.people import Month
from tests.scenarios.month.town import build_town

DAY = timedelta(days=1)
SEED = int(os.environ.get("BACKHAUL_MONTH_SEED", "2026"))
MONTHS = (date(2026, 11, 1), date(2027, 1, 1), date(2028, 2, 1))


def read(db: EmbeddedPostgres, sql: str) -> dict[tuple[Any, ...], Any]:
    """The rows of the whole cell: the last column by the others; sums over equal keys."""
    url = db.admin_url.rsplit("/", 1)[0] + "/backhaul"
    found: Counter[tuple[Any, ...]] = Counter()
    with psycopg.connect(url, options=f"-c search_path={CELL},public,ext") as admin:
        for *key, value in admin.execute(sql).fetchall():
            found[tuple(key)] += int(value)
    return {key: value for key, value in found.items() if value}


FUNDS = "SELECT child_id, 'posted', posted_minor FROM fund UNION ALL SELECT child_id, 'owed', owed_minor FROM fund"
CHARGES = """
    SELECT c.child_id, c.subscription_id, COALESCE(i.starts_on, b.billed_until), c.starts_on, c.ends_on,
           sum(c.net_minor + c.vat_minor)
    FROM charge c JOIN billing_state b ON b.operator_id = c.owner_id AND b.subscription_id = c.subscription_id
    LEFT JOIN invoice i ON i.operator_id = c.owner_id AND i.id = c.invoice_id GROUP BY 1, 2, 3, 4, 5"""
REFUNDS = """
    SELECT c.child_id, c.subscription_id, c.starts_on, c.ends_on, sum(r.net_minor + r.vat_minor)
    FROM charge_refund r JOIN charge c USING (child_id, owner_id, invoice_id, starts_on, part) GROUP BY 1, 2, 3, 4"""
BILLS = """
    SELECT subscription_id, starts_on, ends_on, due_on, 'total', total_minor FROM invoice UNION ALL
    SELECT subscription_id, starts_on, ends_on, due_on, 'vat', vat_minor FROM invoice UNION ALL
    SELECT subscription_id, starts_on, ends_on, due_on, 'discount', discount_minor FROM invoice UNION ALL
    SELECT i.subscription_id, i.starts_on, i.ends_on, i.due_on, 'open', o.open_minor
    FROM invoice_open o JOIN invoice i ON i.operator_id = o.operator_id AND i.id = o.invoice_id"""
ADVANCES = """
    SELECT s.id, a.advance_minor FROM customer_advance a
    JOIN subscription s ON s.operator_id = a.operator_id AND s.customer_id = a.customer_id"""
OFF = "SELECT subscription_id, reason, 1 FROM block WHERE to_at IS NULL"
WAITING = "SELECT subscription_id, short_child_id, 1 FROM held_bill"
# The sheet ends no month: what is unearned of a bill is revenue to it.
BOOKS = """
    SELECT operator_id, code, sum(minor) FROM (
        SELECT operator_id, debit_code AS code, amount_minor AS minor FROM posting UNION ALL
        SELECT operator_id, CASE credit_code WHEN 'unearned_revenue' THEN 'internet_revenue' ELSE credit_code END,
               -amount_minor FROM posting) AS sides
    WHERE code IN ('internet_revenue', 'wholesale_revenue', 'wholesale_cost', 'complimentary_service', 'fund',
                   'input_vat', 'operator_funds', 'receivable_customers', 'customer_advances', 'vat_payable',
                   'payable_to_provider')
    GROUP BY 1, 2"""


def same(what: str, sheet: dict[tuple[Any, ...], int], product: dict[tuple[Any, ...], Any]) -> list[str]:
    """Where the two differ, first things first."""
    sheet = {key: value for key, value in sheet.items() if value}
    keys = sorted((key for key in sheet.keys() | product.keys() if sheet.get(key) != product.get(key)), key=str)
    return [f"{what} {key}: sheet {sheet.get(key)}, product {product.get(key)}" for key in keys[:12]]


def funds_differ(sheet: Month, db: EmbeddedPostgres) -> list[str]:
    funds: dict[tuple[Any, ...], int] = {}
    for edge in sheet.edges.values():
        funds |= {(edge.id, "posted"): edge.posted, (edge.id, "owed"): edge.owed}
    return same("fund", funds, read(db, FUNDS))


def all_differ(sheet: Month, db: EmbeddedPostgres) -> list[str]:
    """Every bill, charge, refund, open due, advance, hold and block, and every operator's revenue and cost."""
    bills, charges, refunds = Counter[Any](), Counter[Any](), Counter[Any]()
    for s in sheet.services.values():
        for bill in s.bills:
            for name, minor in (
                ("total", bill.total),
                ("vat", bill.vat),
                ("discount", bill.discount),
                ("open", bill.open),
            ):
                bills[s.id, bill.start, bill.end, bill.due_on, name] += minor
        for c in s.charges:
            charges[c.edge, s.id, c.period, c.start, c.end] += c.net + c.vat
            refunds[c.edge, s.id, c.start, c.end] += c.back_net + c.back_vat
    services = sheet.services.values()
    return [
        *sheet.differs,
        *funds_differ(sheet, db),
        *same("charge", charges, read(db, CHARGES)),
        *same("refund", refunds, read(db, REFUNDS)),
        *same("bill", bills, read(db, BILLS)),
        *same("advance", {(s.id,): s.advance for s in services}, read(db, ADVANCES)),
        *same("off", {(s.id, reason): 1 for s in services for reason in s.reasons}, read(db, OFF)),
        *same("held", {(s.id, s.held[1].id): 1 for s in services if s.held}, read(db, WAITING)),
        *same("books", books_of(sheet), read(db, BOOKS)),
    ]


def books_of(sheet: Month) -> dict[tuple[Any, ...], int]:
    """Balances of accounts, debits less credits, from the sheet's bills, charges and funds (SPEC §3)."""
    books: Counter[Any] = Counter()
    for edge in sheet.edges.values():
        books[edge.id, "fund"] += edge.posted
        books[edge.id, "payable_to_provider"] -= edge.owed
        books[edge.parent, "operator_funds"] -= edge.posted
    for s in sheet.services.values():
        books[s.edge.id, "receivable_customers"] += s.due
        books[s.edge.id, "customer_advances"] -= s.advance
        for bill in s.bills:
            books[s.edge.id, "internet_revenue"] -= bill.net - bill.back_net
            books[s.edge.id, "vat_payable"] -= bill.vat - bill.back_vat
        for c in s.charges:
            edge, net, vat = sheet.edges[c.edge], c.net - c.back_net, c.vat - c.back_vat
            books[edge.parent, "wholesale_revenue"] -= net
            books[edge.parent, "vat_payable"] -= vat
            books[edge.id, "input_vat"] += vat if edge.vat_bp else 0
            gift = s.profile.kind == "free" and edge is s.edge
            books[edge.id, "complimentary_service" if gift else "wholesale_cost"] += net + (0 if edge.vat_bp else vat)
    return dict(books)


def play(db: EmbeddedPostgres, *, operators: int, customers: int, seed: int = SEED) -> None:
    """Play the month, compare the funds every day and everything at three stops and at the end."""
    print(f"BACKHAUL_MONTH_SEED={seed}")  # noqa: T201
    rng = Random(seed)
    first = rng.choice(MONTHS)
    town = build_town(rng, first, operators=operators, customers=customers)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    missed = first + rng.randint(11, 20) * DAY
    player, sheet = Player(town, db, {missed}), Month()
    resellers = [operator for operator, parent in town.parents.items() if parent is not None]
    scarce = rng.sample(resellers, len(resellers) // 3)
    town.at = datetime.combine(first, time()) - timedelta(hours=8)
    player.fill([o for o in resellers if o not in scarce], 0.9, 1.3)
    player.fill(scarce, 0.3, 0.7)
    stops = {first + 4 * DAY, first + 12 * DAY, first + 20 * DAY, last}
    for day in (first + n * DAY for n in range((last - first).days + 1)):
        a_day(player, day, scarce, customers / 1_000)
        sheet.replay(town.events)
        town.events.clear()
        differ = all_differ(sheet, db) if day in stops or funds_differ(sheet, db) else []
        assert not differ, "\n".join([f"{day}, seed {seed}", *differ])
    assert [check for check in verify([CELL]) if not check.ok] == [], f"seed {seed}"


def a_day(player: Player, day: date, scarce: list[int], size: float) -> None:
    """The night, a morning, the cut window, an afternoon; with the month's special days."""
    town, rng, number = player.town, player.rng, (day - player.town.first).days + 1
    rehearsed = player.rehearse(day) if number == 8 else None
    reports = player.night(day)
    if rehearsed is not None:
        (done,) = reports
        for name in ("created", "back_filled", "held", "billed_minor"):
            assert getattr(rehearsed, name) == getattr(done, name), name
        for name in ("edges", "short"):
            one, other = ({row["child_id"]: row for row in getattr(run, name)} for run in (rehearsed, done))
            assert one == other, name
    town.at = datetime.combine(day, time(9))
    player.payments()
    player.joins(8 * size)
    player.leaves(3 * size)
    player.suspensions(6 * size)
    player.changes(5 * size)
    player.prices(3 * size)
    if number % 3 == 2:
        player.fill(rng.sample(scarce, max(1, len(scarce) // 3)), 0.05, 0.4)
    special(player, number)
    player.cuts(day)
    town.at = datetime.combine(day, time(16))
    player.resumptions(0.2)
    if number % 4 == 0:
        player.transfer()
    if number % 7 == 3:
        player.fill(rng.sample(scarce, max(1, len(scarce) // 2)), 0.2, 0.6)


def special(player: Player, number: int) -> None:
    """What happens once."""
    town, rng = player.town, player.rng
    resellers = [operator for operator, parent in town.parents.items() if parent is not None]
    if number == 6:
        for child in rng.sample(resellers, 3):
            player.recharge(child, rng.randrange(500_00, 9_000_00), "recharge_credit")
            player.recharge(child, rng.randrange(100_00, 2_000_00), "bonus")
    if number == 9:
        for child in rng.sample(resellers, 3):
            player.recharge(child, rng.randrange(100_00, 9_000_00), "recharge_repaid")
            player.recharge(child, rng.randrange(50_00, 400_00), "deduction")
    if number == 10:
        for child in [operator for operator, told in town.terms.items() if not told["started"]]:
            player.start(child)
    if number == 14:
        for child in rng.sample(resellers, len(resellers) // 2):
            player.change_tariff(child, rng.choice(("Home 10", "Home 20")), town.on + rng.randrange(1, 6) * DAY)
    if number == 18:
        player.outage(town.on - 4 * DAY, town.on - 2 * DAY)


def test_a_month_of_300_customers_and_12_operators_comes_to_what_a_spreadsheet_says(db: EmbeddedPostgres) -> None:
    play(db, operators=12, customers=300)


@pytest.mark.long
def test_a_month_of_2000_customers_and_30_operators_comes_to_what_a_spreadsheet_says(db: EmbeddedPostgres) -> None:
    play(db, operators=29, customers=2_000)
