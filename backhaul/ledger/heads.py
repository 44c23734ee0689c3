"""Daily heads: how the chain of each books stood at the end of each day, shown and mailed (SPEC §3, "Provable").

Who kept the mail of a day can prove later what the books then were, to anybody and without this server.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from backhaul.common.errors import InvalidInput
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope, unit_of_work
from backhaul.operators.services import record_audit

BATCH = "batch"
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,190}")
_HEADS = """
    SELECT h.on_date, h.seal_no, encode(h.hash, 'hex') AS hash, h.debits_minor, h.made_at, m.address, m.sent_at,
           m.failure
    FROM daily_head h LEFT JOIN head_mail m ON m.operator_id = h.operator_id AND m.on_date = h.on_date
    WHERE h.operator_id = %s
"""


def get_latest_head() -> dict[str, Any] | None:
    """The acting operator's last daily head: on_date, seal_no, hash (hexadecimal), debits_minor, made_at; None before
    the first. For the foot of statements.
    """
    found = list_heads(limit=1)
    return found[0] if found else None


def list_heads(*, limit: int = 31, before: date | None = None) -> list[dict[str, Any]]:
    """Daily heads of the acting operator, newest first; with their mail: address, sent_at, failure."""
    me = current_scope().operator_id
    if before is None:
        return rows(f"{_HEADS} ORDER BY h.on_date DESC LIMIT %s", [me, limit])
    return rows(f"{_HEADS} AND h.on_date < %s ORDER BY h.on_date DESC LIMIT %s", [me, before, limit])


def get_chain() -> dict[str, Any]:
    """The acting operator's chain as it is now: blocks, entries, sealed_at, hash (None where nothing is sealed yet),
    waiting (entries not sealed yet), stopped_at and stopped_why.
    """
    return rows(
        """
        SELECT b.last_seal_no AS blocks, s.sealed_at, encode(s.hash, 'hex') AS hash, b.stopped_at, b.stopped_why,
               (SELECT count(*) FROM entry e
                WHERE e.operator_id = b.operator_id AND e.xid >= b.sealed_before) AS waiting
        FROM books b LEFT JOIN seal s ON s.operator_id = b.operator_id AND s.no = b.last_seal_no
        WHERE b.operator_id = %s
        """,
        [current_scope().operator_id],
    )[0]


def get_stop() -> dict[str, Any] | None:
    """Since when and why nothing is posted in the acting operator's books: stopped_at, stopped_why; None: they hold."""
    found = rows(
        "SELECT stopped_at, stopped_why FROM books WHERE operator_id = %s AND stopped_at IS NOT NULL",
        [current_scope().operator_id],
    )
    return found[0] if found else None


def get_head_address() -> str | None:
    """Where the acting operator's heads are mailed to; None: nowhere."""
    found = rows("SELECT address FROM head_address WHERE operator_id = %s", [current_scope().operator_id])
    return found[0]["address"] if found else None


def set_head_address(*, address: str, now: datetime) -> None:
    """Mail the heads of the days to come there; an empty address ends it. Raises InvalidInput; NotInside for somebody
    from above, whose hand the heads are to prove."""
    scope = current_scope()
    scope.require("books.post")
    scope.refuse_inside()
    given = address.strip() or None
    if given is not None and not _ADDRESS.fullmatch(given):
        raise InvalidInput("Give one e-mail address, like books@example.net.", field="address")
    execute(
        "INSERT INTO head_address (operator_id, address) VALUES (%s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET address = EXCLUDED.address",
        [scope.operator_id, given],
    )
    record_audit(
        verb="books.head_address", subject_type="books", subject_id=scope.operator_id, at=now, address=given or ""
    )


def make_heads(isp: IspDirectory, *, today: date, now: datetime) -> int:
    """Note the heads of yesterday in all books of an ISP that have none yet, each with its mail; how many.

    Call it outside a unit of work, after sealing. A head names the last block that was sealed before the day ended.
    """
    yesterday = today - timedelta(days=1)
    midnight = datetime.combine(today, time(), ZoneInfo(isp.time_zone))
    with unit_of_work(isp, using=BATCH):
        waiting = rows(
            "SELECT b.operator_id FROM books b JOIN operator o ON o.id = b.operator_id "
            "WHERE o.isp_id = %s AND EXISTS (SELECT 1 FROM seal s WHERE s.operator_id = b.operator_id AND s.no = 1 "
            "AND s.sealed_at < %s) AND NOT EXISTS (SELECT 1 FROM daily_head h WHERE h.operator_id = b.operator_id "
            "AND h.on_date >= %s) ORDER BY 1",
            [isp.isp_id, midnight, yesterday],
            using=BATCH,
        )
    made = 0
    for books in waiting:
        with unit_of_work(isp, using=BATCH):
            operator_id = books["operator_id"]
            made += bool(call("make_head", BATCH, operator=operator_id, on=yesterday, until=midnight, at=now))
    return made
