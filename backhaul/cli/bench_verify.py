"""`bench verify`: seconds that a proof of everything takes for a million postings, beside one look at them."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import psycopg

from backhaul.cli.bench_billing import MONTHS
from backhaul.cli.bench_server import bench_server, result

SLOWEST = 8


def run(customers: int = 100_000, pairs: int = 3) -> dict[str, Any]:
    """Bill months for all customers, seal them, then time verify beside a scan of all entries with their postings."""
    started = time.perf_counter()
    with bench_server() as server:
        server.fill(customers, len(MONTHS))
        _bill_and_seal()
        with server.admin() as admin:
            admin.execute("VACUUM ANALYZE")
            postings = admin.execute("SELECT count(*) FROM posting").fetchall()[0][0]
            seconds, ratios = [], []
            for _ in range(pairs):
                parts = _verify()
                seconds.append(sum(parts.values()))
                ratios.append(_scan(admin) / seconds[-1])
    slowest = sorted(parts, key=lambda name: -parts[name])[:SLOWEST]
    report = result(
        "verify",
        figure=sorted(seconds)[len(seconds) // 2] * 1_000_000 / postings,
        unit="s per million postings",
        ratios=ratios,
        against="one scan of all entries with their postings",
        size=postings,
        wall_s=time.perf_counter() - started,
    )
    return report | {"ratios": {name: f"{parts[name]:.1f} s" for name in slowest}}


def _bill_and_seal() -> None:
    from backhaul.billing.runs import bill_isp
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.ledger.services import seal_all_books

    isp = get_isp_by_slug("bench")
    for month in MONTHS:
        now = datetime(month.year, month.month, month.day, tzinfo=UTC)
        bill_isp(isp, on=month, now=now)
        seal_all_books(isp, now=now)


def _verify() -> dict[str, float]:
    """Seconds by question; raises where something does not hold."""
    from backhaul.ledger.checks import Question, ask_cell
    from backhaul.resellers.checks import ALL

    began: list[tuple[str, float]] = []

    def told(_answered: int, question: Question) -> None:
        began.append((question.name, time.perf_counter()))

    wrong = [answer for answer in ask_cell(ALL, "cell1", told) if answer.wrong]
    if wrong:
        raise RuntimeError(f"the bench data does not hold: {wrong[:3]}")
    ends = [at for _, at in began[1:]] + [time.perf_counter()]
    return {name: end - at for (name, at), end in zip(began, ends, strict=True)}


def _scan(admin: psycopg.Connection[Any]) -> float:
    start = time.perf_counter()
    admin.execute(
        "SELECT count(*), sum(p.amount_minor) FROM entry e "
        "JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id"
    ).fetchall()
    return time.perf_counter() - start
