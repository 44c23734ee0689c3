"""The server that benches run on: a PostgreSQL of its own, durable as in production, thrown away at the end."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import socket
import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

EVENLY = "1 + n % 301"
BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
SETTINGS = {"shared_buffers": "2GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min", "work_mem": "64MB",
            "maintenance_work_mem": "512MB", "max_connections": "100", "random_page_cost": "1.1"}  # fmt: skip


@dataclass(frozen=True)
class BenchServer:
    """A running, set-up server with nothing in it."""

    admin_url: str
    port: int

    def admin(self) -> psycopg.Connection[Any]:
        """A superuser connection to the bench database, in cell1."""
        url = self.admin_url.rsplit("/", 1)[0] + "/backhaul"
        connection = psycopg.connect(url, autocommit=True)
        connection.execute("SET search_path = cell1, ext, public")
        return connection

    def fill(self, customers: int, months: int, owner: str = EVENLY) -> None:
        """Bench data (ARCHITECTURE §7) with funds for so many months, and the directory row of its ISP.

        `owner`: the operator of the n-th customer, as SQL.
        """
        with self.admin() as admin:
            for name in ("data.sql", "funds.sql"):
                admin.execute(script(name).format(customers=customers, months=months, owner=owner).encode())
            admin.execute(
                "INSERT INTO public.isp_directory (isp_id, slug, cell, time_zone, currency, currency_decimals) "
                "VALUES (1, 'bench', 'cell1', 'Asia/Dhaka', 'BDT', 2)"
            )
            admin.execute("VACUUM ANALYZE")
            admin.execute("CHECKPOINT")


def script(name: str) -> str:
    """Text of a file in benchmarks/."""
    return (BENCHMARKS / name).read_text(encoding="utf-8")


@contextlib.contextmanager
def bench_server(**settings: str) -> Iterator[BenchServer]:
    """Start a throw-away server and point this process's settings at it. Before Django is configured."""
    from backhaul.cli.embedded import EmbeddedPostgres
    from backhaul.cli.main import configure_django

    home = Path(tempfile.mkdtemp(prefix="backhaul-bench-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    os.environ["BACKHAUL_HOME"] = str(home)
    os.environ["DATABASE_URL"] = f"postgresql://127.0.0.1:{port}/backhaul"
    server = EmbeddedPostgres(home / "postgres", port, settings={**SETTINGS, **settings})
    try:
        server.ensure_started()
        configure_django()
        from backhaul.operators.database import setup_database

        setup_database(server.admin_url)
        yield BenchServer(server.admin_url, port)
    finally:
        from django.db import connections

        connections.close_all()
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def result(
    name: str, *, figure: float, unit: str, ratios: list[float], against: str, size: int, wall_s: float
) -> dict[str, Any]:
    """What `bench NAME --json` prints; the ratio is the median of the interleaved pairs, all of which are listed."""
    return {
        "name": name,
        "figure": round(figure, 1),
        "unit": unit,
        "ratio": round(statistics.median(ratios), 3),
        "against": against,
        "size": size,
        "wall_s": round(wall_s, 1),
        "rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "pairs": [round(ratio, 3) for ratio in ratios],
    }
