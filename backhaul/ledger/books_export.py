"""Books as a file that anybody can check without a database (books_check.py): one JSON object a line.

First what the file is; then per books: whose they are, every block (`seal`) followed by its entries with their
postings, what is not sealed yet, the daily heads, postings of no entry, and at the end how much there was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from backhaul.operators.functions import rows

VERSION = 2
ENTRIES_AT_A_TIME = 5_000
_ENTRIES = """
    SELECT e.xid::text::bigint AS xid, json_build_object(
        'entry', e.id, 'kind', e.kind, 'source_id', e.source_id, 'effective_on', to_char(e.effective_on, 'YYYY-MM-DD'),
        'recorded_at', to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'actor_id', e.actor_id, 'transfer_id', e.transfer_id, 'reverses_id', e.reverses_id, 'reason', e.reason,
        'xid', e.xid::text::bigint,
        'postings', COALESCE(json_agg(json_build_array(
            p.n, p.debit_code, p.debit_party, p.credit_code, p.credit_party, p.amount_minor,
            to_char(p.effective_on, 'YYYY-MM-DD')) ORDER BY p.n) FILTER (WHERE p.n IS NOT NULL), '[]'))::text AS line
    FROM (SELECT * FROM entry WHERE operator_id = %s AND (xid, id) > (%s::text::xid8, %s)
          ORDER BY xid, id LIMIT %s) AS e
    LEFT JOIN posting p ON p.operator_id = e.operator_id AND p.entry_id = e.id
    GROUP BY e.operator_id, e.id, e.kind, e.source_id, e.effective_on, e.recorded_at, e.actor_id, e.transfer_id,
             e.reverses_id, e.reason, e.xid
    ORDER BY e.xid, e.id
"""
_STRAYS = """
    SELECT DISTINCT p.entry_id FROM posting p WHERE p.operator_id = %s AND NOT EXISTS (
        SELECT 1 FROM entry e WHERE e.operator_id = p.operator_id AND e.id = p.entry_id)
"""
_SEALS = """
    SELECT no AS seal, xid_from::text::bigint AS xid_from, xid_before::text::bigint AS xid_before, entries,
           amount_minor, encode(previous_hash, 'hex') AS previous_hash, encode(hash, 'hex') AS hash, sealed_at
    FROM seal WHERE operator_id = %s ORDER BY no
"""


def write_books(operators: Sequence[dict[str, Any]], *, isp: str, at: datetime, using: str) -> Iterator[str]:
    """The lines of the file with the books of these operators (id, slug, name), each line with its end.

    Call it in a unit of work in which everything is seen at one instant, by a role that reads these books.
    """
    yield _line({"file": "backhaul books", "version": VERSION, "isp": isp, "written_at": at.isoformat()})
    for operator in operators:
        yield from _books(operator, using)


def _books(operator: dict[str, Any], using: str) -> Iterator[str]:
    me = operator["id"]
    yield _line({"books": operator["slug"], "operator_id": me, "name": operator["name"]})
    entries = _entries(me, using)
    waiting = next(entries, None)
    count = 0
    for seal in rows(_SEALS, [me], using=using):
        while waiting is not None and waiting[0] < seal["xid_from"]:  # the block before is missing
            yield _line({"unsealed": operator["slug"]})
            yield waiting[1]
            count, waiting = count + 1, next(entries, None)
        yield _line(seal | {"sealed_at": seal["sealed_at"].isoformat()})
        while waiting is not None and waiting[0] < seal["xid_before"]:
            yield waiting[1]
            count, waiting = count + 1, next(entries, None)
    yield _line({"unsealed": operator["slug"]})
    while waiting is not None:
        yield waiting[1]
        count, waiting = count + 1, next(entries, None)
    heads = "SELECT on_date, seal_no, encode(hash, 'hex') AS hash, debits_minor FROM daily_head WHERE operator_id = %s "
    for head in rows(heads + "ORDER BY on_date", [me], using=using):
        yield _line({"head": head.pop("on_date").isoformat(), **head})
    for stray in rows(_STRAYS, [me], using=using):
        yield _line({"stray": stray["entry_id"]})
    yield _line({"end": operator["slug"], "entries": count})


def _entries(operator_id: int, using: str) -> Iterator[tuple[int, str]]:
    """The entries of books in the order of their transactions: transaction and line."""
    place = (0, 0)
    while True:
        found = rows(_ENTRIES, [operator_id, str(place[0]), place[1], ENTRIES_AT_A_TIME], using=using)
        for row in found:
            yield row["xid"], row["line"] + "\n"
        if len(found) < ENTRIES_AT_A_TIME:
            return
        place = (found[-1]["xid"], json.loads(found[-1]["line"])["entry"])


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"
