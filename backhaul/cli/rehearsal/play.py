"""A rehearsal from the outside: what is wished for is checked, a process is sent into a scratch database, and heard."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from psycopg.conninfo import make_conninfo

from backhaul.cli.database import without_login
from backhaul.cli.embedded import die_with_parent
from backhaul.cli.rehearsal.scratch import OWNER, database_of, maker_of, scratch_database
from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.home import Home
from backhaul.common.money import parse_minor
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows
from backhaul.operators.scope import unit_of_work

MAX_DAYS = 400
STAGE = "backhaul.cli.rehearsal.stage"


class RehearsalBrokeOff(Refusal):
    """The process in the scratch database ended without a report, or refused what was asked of it."""

    code = "rehearsal_broke_off"


@dataclass(frozen=True)
class WhatIf:
    """A recharge that is not planned: into an operator's fund, on a day."""

    operator: str
    amount_minor: int
    on: date

    @classmethod
    def parse(cls, text: str, *, decimals: int) -> WhatIf:
        """From OPERATOR=AMOUNT@DATE; raises InvalidInput."""
        operator, _, rest = text.partition("=")
        amount, _, on = rest.partition("@")
        try:
            day = date.fromisoformat(on)
        except ValueError:
            raise InvalidInput(
                "“%(text)s” is no recharge; write it like north=5000@2026-12-01", text=text, field="recharge"
            ) from None
        return cls(operator, parse_minor(amount, decimals=decimals, field="recharge"), day)


def rehearse(
    home: Home,
    isp: IspDirectory,
    *,
    now: datetime,
    until: date,
    what_if: Sequence[WhatIf] = (),
    operator: str | None = None,
    maker: str | None = None,
    heard: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """What the days through `until` would bring an ISP if they came as they are, in a copy of it: the report.

    The report is the one of stage.rehearse; of one `operator` only what it may know. `maker` (default: maker_of) is how
    to connect as who makes the copy's database; `heard` hears of each day. Raises InvalidInput, NotFound,
    MayNotCreateDatabases, RehearsalBrokeOff.
    """
    _refuse_days(local_date(now, isp.time_zone), until)
    with unit_of_work(isp, using="batch"):
        tree = {
            row["slug"]: row
            for row in rows("SELECT id, slug, path FROM operator WHERE isp_id = %s", [isp.isp_id], using="batch")
        }
    if operator is not None and operator not in tree:
        raise NotFound(
            "%(isp_slug)s has no operator “%(operator)s”.", isp_slug=isp.slug, operator=operator, field="operator"
        )
    real = home.database_url()
    wish = {
        "isp_id": isp.isp_id,
        "cell": isp.cell,
        "now": now,
        "until": until,
        "recharges": [_recharge(each, tree, local_date(now, isp.time_zone), until) for each in what_if],
        "from_database": database_of(real),
    }
    with scratch_database(maker or maker_of(home)) as scratch:
        owner = make_conninfo(without_login(real), dbname=scratch, user=OWNER, password=home.secret("role_owner"))
        address = urlsplit(without_login(real))._replace(path=f"/{scratch}").geturl()
        report = _send(wish | {"owner": owner}, address, heard)
    return report if operator is None else known_to(report, operator)


def known_to(report: dict[str, Any], operator: str) -> dict[str, Any]:
    """A report without what is not that operator's: its own bills, services and books, and the funds at its edges.

    Of a check that failed the name alone: its words may name anybody.
    """

    def its(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in found if operator in (row["operator"], row.get("parent"))]

    days = [{**day, "operators": its(day["operators"]), "funds": its(day["funds"])} for day in report["days"]]
    wrong = [{"check": found["check"], "detail": ""} for found in report["verify"]["wrong"]]
    own = {name: its(report[name]) for name in ("funds", "short", "months", "not_billed")}
    return {**report, **own, "days": days, "rows_copied": None, "verify": {**report["verify"], "wrong": wrong}}


def _refuse_days(today: date, until: date) -> None:
    if until < today:
        raise InvalidInput(
            "%(until)s is past; a rehearsal goes forward from %(today)s.", until=until, today=today, field="until"
        )
    if until > today + timedelta(days=MAX_DAYS):
        raise InvalidInput(
            "%(until)s lies more than %(max_days)s days ahead; choose an earlier day.",
            until=until,
            max_days=MAX_DAYS,
            field="until",
        )


def _recharge(wished: WhatIf, tree: dict[str, dict[str, Any]], today: date, until: date) -> dict[str, Any]:
    """As days.Recharge, in plain values."""
    child = tree.get(wished.operator)
    if child is None or len(child["path"]) == 1:
        known = ", ".join(sorted(slug for slug, row in tree.items() if len(row["path"]) > 1)) or "none"
        raise InvalidInput(
            "“%(wished_operator)s” has no fund here; there is: %(known)s.",
            wished_operator=wished.operator,
            known=known,
            field="recharge",
        )
    if not today <= wished.on <= until:
        raise InvalidInput(
            "%(wished_on)s is no day of this rehearsal (%(today)s to %(until)s).",
            wished_on=wished.on,
            today=today,
            until=until,
            field="recharge",
        )
    of_edge = {"child_id": child["id"], "parent_id": child["path"][-2], "top_id": child["path"][1]}
    return {"on": wished.on, "amount_minor": wished.amount_minor, **of_edge}


def _send(wish: dict[str, Any], address: str, heard: Callable[[str], None]) -> dict[str, Any]:
    """Let a process of its own do it, whose settings know the scratch database alone; it dies with this one."""
    process = subprocess.Popen(
        [sys.executable, "-m", STAGE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "DATABASE_URL": address},
        text=True,
        start_new_session=True,
        preexec_fn=die_with_parent(signal.SIGKILL),  # noqa: PLW1509  one system call, prepared before
    )
    answer: dict[str, Any] = {}
    try:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(wish, default=str))
        with contextlib.suppress(BrokenPipeError):  # it ended at once: what it had to say is on standard error
            process.stdin.close()
        for line in process.stdout:
            answer = json.loads(line)
            if "day" in answer:
                heard(answer["day"])
    finally:
        process.kill()
        process.wait()
    if "report" not in answer:
        raise RehearsalBrokeOff(answer.get("refused") or "The rehearsal broke off; nothing was changed.")
    report: dict[str, Any] = answer["report"]
    return report
