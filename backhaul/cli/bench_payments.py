"""`bench payments`: single payments from 8 clients, as SQL function and through the service, against TPC-B."""

from __future__ import annotations

import multiprocessing
import os
import random
import re
import statistics
import subprocess
import time
from datetime import UTC, date, datetime
from typing import Any

from backhaul.cli.bench_server import BENCHMARKS, BenchServer, bench_server, result

CLIENTS = 8
TPCB_SCALE = 50
VARIANTS = ("function", "function_one_operator", "service", "service_one_operator")


def run(customers: int = 60_000, pairs: int = 3, seconds: int = 6) -> dict[str, Any]:
    """Interleaved rounds of TPC-B and the four variants; the headline is the function spread over all operators."""
    started = time.perf_counter()
    with bench_server() as server:
        server.fill(customers, 3)
        _bill_a_month()
        with server.admin() as admin:
            admin.execute("CREATE SEQUENCE bench_key")
            admin.execute("GRANT USAGE ON SEQUENCE bench_key TO backhaul_app")
        _pgbench(server, "postgres", "-i", "-s", str(TPCB_SCALE), "-q")
        _settle(server, customers)
        rates: dict[str, list[float]] = {name: [] for name in ("tpcb", *VARIANTS)}
        for pair in range(pairs):
            rates["tpcb"].append(_tps(_pgbench(server, "postgres", "-b", "tpcb-like", *_load(seconds))))
            for name in VARIANTS:
                rates[name].append(_measure(server, name, customers, pair, seconds))
    ratios = {name: [rate / base for rate, base in zip(rates[name], rates["tpcb"], strict=True)] for name in VARIANTS}
    report = result(
        "payments",
        figure=statistics.median(rates["function"]),
        unit="payments/s",
        ratios=ratios["function"],
        against=f"pgbench TPC-B, scale {TPCB_SCALE}, {CLIENTS} clients",
        size=customers,
        wall_s=time.perf_counter() - started,
    )
    return report | {"ratios": {name: round(statistics.median(values), 3) for name, values in ratios.items()}}


def _bill_a_month() -> None:
    """Something to pay: one open invoice for each customer that its funds cover."""
    from backhaul.billing.runs import bill_isp
    from backhaul.identity.queries import get_isp_by_slug

    bill_isp(get_isp_by_slug("bench"), on=date(2026, 10, 1), now=datetime(2026, 10, 1, tzinfo=UTC))


def _settle(server: BenchServer, customers: int) -> None:
    """Some payments, then statistics: a server in use has both, an empty table's plans would be measured otherwise."""
    script = str(BENCHMARKS / "payment.pgbench")
    variables = ["-D", f"customers={customers}", "-D", "run=warm"]
    _pgbench(server, "backhaul_app", "-n", "-f", script, *variables, "-c", "2", "-j", "2", "-T", "3")
    with server.admin() as admin:
        admin.execute("VACUUM ANALYZE")


def _measure(server: BenchServer, name: str, customers: int, pair: int, seconds: int) -> float:
    one = name.endswith("one_operator")
    if name.startswith("service"):
        return _service_rate(customers, pair, seconds, one)
    script = BENCHMARKS / ("payment_one_operator.pgbench" if one else "payment.pgbench")
    variables = ["-D", f"customers={customers}", "-D", f"run={pair}{int(one)}"]
    return _tps(_pgbench(server, "backhaul_app", "-n", "-f", str(script), *variables, *_load(seconds)))


def _load(seconds: int) -> list[str]:
    return ["-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds)]


def _pgbench(server: BenchServer, user: str, *arguments: str) -> str:
    from django.conf import settings

    from backhaul.cli.embedded import wheel_bin_dir

    password = server.admin_url.split(":")[2].split("@")[0] if user == "postgres" else settings.HOME.secret("role_app")
    path = "public" if user == "postgres" else "cell1,public,ext"
    environment = os.environ | {"PGPASSWORD": password, "PGOPTIONS": f"-c search_path={path}"}
    address = ["-h", "127.0.0.1", "-p", str(server.port), "-U", user, "backhaul"]
    done = subprocess.run(
        [str(wheel_bin_dir() / "pgbench"), *arguments, *address],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip().splitlines()[-1])
    return done.stdout


def _tps(output: str) -> float:
    found = re.search(r"tps = ([0-9.]+)", output)
    assert found is not None, output
    return float(found[1])


def _service_rate(customers: int, pair: int, seconds: int, one_operator: bool) -> float:
    """Payments per second of so many processes, each with a connection of its own, as a web server has them."""
    context = multiprocessing.get_context("spawn")
    jobs = [(n, customers, pair, seconds, one_operator) for n in range(CLIENTS)]
    with context.Pool(CLIENTS, initializer=_start_client) as pool:
        pool.map(_warm_up, range(CLIENTS), chunksize=1)
        return sum(pool.starmap(_pay_for_a_while, jobs, chunksize=1))


def _start_client() -> None:
    from backhaul.cli.main import configure_django

    configure_django()


def _warm_up(_: int) -> None:
    from backhaul.identity.queries import get_isp_by_slug

    get_isp_by_slug("bench")
    time.sleep(1.0)  # holds this client until each of the others has one too


def _pay_for_a_while(client: int, customers: int, pair: int, seconds: int, one_operator: bool) -> float:
    from backhaul.identity.queries import get_isp_by_slug
    from backhaul.payments.services import receive_payment

    isp = get_isp_by_slug("bench")
    choose = random.Random(1000 * pair + client)
    now = datetime(2026, 10, 5, 6, tzinfo=UTC)
    done, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds:
        customer = 301 * choose.randrange(customers // 301) + 5 if one_operator else choose.randint(1, customers)
        receive_payment(
            isp,
            1 + customer % 301,
            customer_id=customer,
            amount_minor=choose.randint(10_000, 90_000),
            method="cash",
            received_on=now.date(),
            now=now,
            request_key=f"s{client}-{pair}-{int(one_operator)}-{done}",
        )
        done += 1
    return done / (time.perf_counter() - start)
