"""`bench authorize`: logins per second through FreeRADIUS on our function, against FreeRADIUS's own SQL schema."""

from __future__ import annotations

import contextlib
import os
import random
import secrets
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from backhaul.cli.bench_server import BENCHMARKS, BenchServer, bench_server, result, script
from backhaul.cli.problems import CannotReach
from backhaul.network.radius import server as radius

SECRET = "bench-secret-1"
PARALLEL = 64
STOCK_SQL = Path("/etc/freeradius/3.0/mods-config/sql/main/postgresql")
CLOSED_PER_CUSTOMER = 3


@dataclass
class Side:
    """One of the two servers, its process, and what its legs measured."""

    port: int
    process: int
    rates: list[float] = field(default_factory=list)
    cpu_us: list[float] = field(default_factory=list)


def run(customers: int = 100_000, pairs: int = 11, logins: int = 2_000) -> dict[str, Any]:
    """Interleaved pairs of `logins` PAP logins, 64 at a time, by subscribers who are offline (60 % are online).

    The stock side has what its authors ship (six queries a login), the same authentication methods as ours and, in its
    favour, the index that it lacks. `cpu_ratio` compares the processor time of server and database alone (Linux): it
    leaves out the client, which on a small machine takes its share of both legs.
    """
    if not radius.is_available() or not STOCK_SQL.is_dir():
        raise CannotReach("FreeRADIUS and its PostgreSQL module are needed: apt install freeradius-postgresql")
    started = time.perf_counter()
    sessions = customers * 6 // 10
    size = {"customers": customers, "sessions": sessions, "closed": customers * CLOSED_PER_CUSTOMER, "secret": SECRET}
    with bench_server() as server, tempfile.TemporaryDirectory(prefix="backhaul-bench-radius-") as home:
        _fill(server, size)
        with _ours(server, Path(home)) as ours, _stock(server, Path(home)) as stock:
            pick = random.Random(1)
            for pair in range(-1, pairs):
                requests = _requests(pick, sessions, customers, logins)
                for side in (ours, stock) if pair % 2 else (stock, ours):
                    _leg(side, requests, counts=pair >= 0)
    report = result(
        "authorize",
        figure=statistics.median(ours.rates),
        unit="logins/s",
        ratios=[mine / theirs for mine, theirs in zip(ours.rates, stock.rates, strict=True)],
        against="stock FreeRADIUS SQL schema with an index on open sessions by user name",
        size=customers,
        wall_s=time.perf_counter() - started,
    )
    cpu = [theirs / mine for mine, theirs in zip(ours.cpu_us, stock.cpu_us, strict=True) if mine]
    return {**report, "cpu_ratio": round(statistics.median(cpu), 3) if cpu else None}


def _fill(server: BenchServer, size: dict[str, Any]) -> None:
    with server.admin() as admin:
        admin.execute(script("authorize.sql").format(**size).encode())
        admin.execute("CREATE ROLE stock LOGIN PASSWORD 'stock'")
        admin.execute("CREATE DATABASE stock OWNER stock")
        admin.execute("VACUUM ANALYZE")
    with psycopg.connect(server.admin_url.rsplit("/", 1)[0] + "/stock", autocommit=True) as stock:
        stock.execute((STOCK_SQL / "schema.sql").read_bytes())
        stock.execute(script("stock_radius/data.sql").format(**size).encode())
        stock.execute("GRANT ALL ON ALL TABLES IN SCHEMA public TO stock")
        stock.execute("VACUUM ANALYZE")
        stock.execute("CHECKPOINT")


@contextlib.contextmanager
def _ours(server: BenchServer, home: Path) -> Iterator[Side]:
    from django.conf import settings

    database = _database(server, "backhaul", "backhaul_radius", settings.HOME.secret("role_radius"))
    port = _free_port()
    folder = radius.render_configuration(home / "ours", database=database, auth_port=port, client_seconds=3600)
    with _running(folder) as process:
        yield Side(port, process)


@contextlib.contextmanager
def _stock(server: BenchServer, home: Path) -> Iterator[Side]:
    folder, port = home / "stock", _free_port()
    folder.mkdir()
    (folder / "queries.conf").write_bytes((STOCK_SQL / "queries.conf").read_bytes())
    values = radius.listening_values(auth_port=port, listen="127.0.0.1")
    values |= {"reject_seconds": "1", "secret": SECRET, "queries": "queries.conf"}
    templates = [radius.TEMPLATES / "radiusd.conf", *sorted((BENCHMARKS / "stock_radius").glob("*.conf"))]
    radius.write_configuration(folder, templates, values, _database(server, "stock", "stock", "stock"))
    with _running(folder) as process:
        yield Side(port, process)


def _database(server: BenchServer, name: str, user: str, password: str) -> radius.Database:
    return {"host": "127.0.0.1", "port": server.port, "dbname": name, "user": user, "password": password}


@contextlib.contextmanager
def _running(folder: Path) -> Iterator[int]:
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(radius.command(folder), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + 20
            while log.seek(0) or b"Ready to process requests" not in log.read():
                if process.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise CannotReach(f"FreeRADIUS did not start: {log.read()[-500:].decode(errors='replace')}")
                time.sleep(0.05)
            yield process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


def _requests(pick: random.Random, sessions: int, customers: int, logins: int) -> bytes:
    """Logins of distinct subscribers who are offline."""
    who = pick.sample(range(sessions + 1, customers + 1), min(logins, customers - sessions))
    return "\n\n".join(
        f'User-Name = "user{n}"\nUser-Password = "pw-{n}"\nCalling-Station-Id = "{n:012x}"' for n in who
    ).encode()


def _leg(side: Side, requests: bytes, *, counts: bool) -> None:
    """One leg; the first of each side only warms up."""
    before = _cpu_seconds(side.process)
    rate = _measure(side.port, requests)
    used = _cpu_seconds(side.process) - before
    if counts:
        side.rates.append(rate)
        side.cpu_us.append(used / requests.count(b"User-Name") * 1e6)


def _cpu_seconds(radius_process: int) -> float:
    """Processor time so far of one FreeRADIUS and of all of PostgreSQL; 0 where /proc does not tell."""
    from django.conf import settings

    postmaster = (settings.HOME.path / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
    ticks = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if fields[1] == postmaster or stat.parent.name == str(radius_process):
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def _measure(port: int, requests: bytes) -> float:
    """Logins per second of one leg; every one of them must be accepted."""
    count = requests.count(b"User-Name")
    with tempfile.NamedTemporaryFile() as file:
        file.write(requests + b"\n")
        file.flush()
        start = time.perf_counter()
        done = subprocess.run(
            ["radclient", "-q", "-s", "-p", str(PARALLEL), "-r", "5", "-t", "3", "-f", file.name,
             f"127.0.0.1:{port}", "auth", SECRET],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        elapsed = time.perf_counter() - start
    accepted = done.stdout.replace(" ", "").replace("\t", "")
    if f"Accepted:{count}" not in accepted and f"Totalapproved:{count}" not in accepted:
        raise CannotReach(f"not every login was accepted: {done.stdout[-400:]}{done.stderr[-400:]}")
    return count / elapsed


def _free_port() -> int:
    while True:
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.bind(("127.0.0.1", 20_000 + 2 * secrets.randbelow(5_000)))
            return int(probe.getsockname()[1])
