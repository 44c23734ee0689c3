"""`bench documents`: bills printed from the database into one PDF, against bare typesetting of the same pages.

Times are of the processor, of this process, of those that typeset and of the server: what else runs does not count.
"""

from __future__ import annotations

import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

from backhaul.cli.bench_server import bench_server, result

OPERATOR = 1  # the ISP, which has most of the customers
OWNER = "CASE WHEN n % 10 < 9 THEN 1 ELSE 1 + n % 301 END"
LANGUAGES = ("en", "bn")


def run(customers: int = 3_000, pairs: int = 3) -> dict[str, Any]:
    """Bills a second of one processor, as the job prints them."""
    started = time.perf_counter()
    with bench_server() as server:
        server.fill(customers, 3, owner=OWNER)
        from backhaul.billing.runs import bill_isp
        from backhaul.identity.queries import get_isp_by_slug

        isp, now = get_isp_by_slug("bench"), datetime.now(UTC)
        bill_isp(isp, on=now.date(), now=now)
        with server.admin() as admin:
            admin.execute("VACUUM ANALYZE")
        times = [_pair(isp, LANGUAGES[n % 2]) for n in range(pairs)]
    report = result(
        "documents",
        figure=max(bills / whole for bills, whole, _ in times),
        unit="bills a second of processor time",
        ratios=[bare / whole for _, whole, bare in times],
        against="typesetting alone of the same pages",
        size=times[0][0],
        wall_s=time.perf_counter() - started,
    )
    heaviest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    each = {
        f"{language}, pair {n + 1}": f"{bills / whole:.0f} bills/s, typesetting alone {bills / bare:.0f}"
        for n, ((bills, whole, bare), language) in enumerate(zip(times, LANGUAGES * len(times), strict=False))
    }
    return report | {"ratios": each | {"the heaviest process of all": f"{heaviest:.0f} MB"}}


def _pair(isp: Any, language: str) -> tuple[int, float, float]:
    """How many bills; seconds for all of it, as the job does it; seconds for typesetting what that made."""
    from django.utils import translation

    from backhaul.billing.queries import BillFilter, find_bill_ids
    from backhaul.operators.scope import unit_of_work

    printing, press = (import_module(f"backhaul.web.{name}") for name in ("console.bill_printing", "paper.press"))
    batches, size = [], printing.BATCH
    with tempfile.TemporaryDirectory() as folder, translation.override(language):
        start = _processor_time()
        with unit_of_work(isp, OPERATOR):
            ids = find_bill_ids(BillFilter(), today=datetime.now(UTC).date(), limit=printing.MOST)
        parts = []
        for done in range(0, len(ids), size):
            with unit_of_work(isp, OPERATOR):
                batches.append(printing.bill_documents(isp, ids[done : done + size]))
            parts.append(Path(folder, f"{done}.pdf"))
            parts[-1].write_bytes(press.print_together(batches[-1]))
        press.join(parts, Path(folder, "all.pdf"))
        whole = _processor_time() - start
        start = _processor_time()
        for documents in batches:
            press.print_together(documents)
        return len(ids), whole, _processor_time() - start


def _processor_time() -> float:
    """Seconds of a processor so far: of this process, of those that it waited for, and of its connection's server."""
    from django.db import connection

    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        server = Path(f"/proc/{cursor.fetchone()[0]}/stat").read_text().rsplit(")", 1)[1].split()
    ticks = (int(server[11]) + int(server[12])) / os.sysconf("SC_CLK_TCK")
    return ticks + sum(each.ru_utime + each.ru_stime for each in (own, ended))
