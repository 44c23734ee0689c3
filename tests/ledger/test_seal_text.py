"""A block's hash worked out in Python, without a database, is the one that the database sealed it with."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import psycopg
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.seal_text import Block, Entry, Posting, block_hash
from tests.ledger.books import as_admin

OPERATOR = 7_000_000_000_001
BLOCK = Block(OPERATOR, 12, 0, 2**63 - 1, datetime(2026, 3, 1, 6, 0, 0, 7, tzinfo=UTC))
IDS = st.integers(1, 2**62)
TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
CODES = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
DAYS = st.dates(date(1000, 1, 1)).map(str)


@st.composite
def postings(draw: st.DrawFn) -> list[Posting]:
    count = draw(st.integers(0, 4))
    return [
        Posting(
            n=n, debit_code=draw(CODES), debit_party=draw(st.none() | IDS), credit_code=draw(CODES) + "_",
            credit_party=draw(st.none() | IDS), amount_minor=draw(st.integers(1, 10**15)), effective_on=draw(DAYS),
        )
        for n in range(1, count + 1)
    ]  # fmt: skip


@st.composite
def blocks(draw: st.DrawFn) -> list[Entry]:
    ids = draw(st.lists(IDS, unique=True, max_size=6))
    entries = []
    for number in ids:
        reverses = draw(st.none() | IDS)
        entries.append(
            Entry(
                id=number, kind=("reversal:" if reverses else "") + draw(CODES), source_id=number,
                effective_on=draw(DAYS), recorded_at=draw(st.datetimes(timezones=st.just(UTC))),
                actor_id=draw(IDS), transfer_id=draw(st.none() | IDS), reverses_id=reverses,
                reason=draw(st.none() | TEXTS), xid=draw(st.integers(3, 2**60)), postings=draw(postings()),
            )
        )  # fmt: skip
    return entries


def sealed_by_the_database(admin: psycopg.Connection[Any], entries: list[Entry], previous: bytes) -> bytes:
    for e in entries:
        admin.execute(
            "INSERT INTO entry (operator_id, id, kind, source_id, effective_on, recorded_at, actor_id, transfer_id, "
            "reverses_id, reason, xid) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s::text::xid8)",
            [OPERATOR, e.id, e.kind, e.source_id, e.effective_on, e.recorded_at, e.actor_id, e.transfer_id,
             e.reverses_id, e.reason, str(e.xid)],
        )  # fmt: skip
        for p in e.postings:
            admin.execute(
                "INSERT INTO posting (operator_id, entry_id, n, debit_code, debit_party, credit_code, credit_party, "
                "amount_minor, effective_on) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
                [OPERATOR, e.id, p.n, p.debit_code, p.debit_party, p.credit_code, p.credit_party, p.amount_minor,
                 p.effective_on],
            )  # fmt: skip
    found = admin.execute(
        "SELECT hash, entries, amount_minor FROM block_facts(%s, 12, '0', '9223372036854775807', %s, %s)",
        [OPERATOR, BLOCK.sealed_at, previous],
    ).fetchall()[0]
    debits = sum(posting.amount_minor for entry in entries for posting in entry.postings)
    assert found[1:] == (len(entries), debits)
    return bytes(found[0])


def test_python_and_the_database_hash_a_block_alike(server: EmbeddedPostgres) -> None:
    with as_admin(server) as admin:

        @settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
        @given(blocks(), st.binary(max_size=32))
        def alike(entries: list[Entry], previous: bytes) -> None:
            kept = list({entry.reverses_id or -entry.id: entry for entry in entries}.values())  # reversed once
            with admin.transaction(force_rollback=True):
                assert sealed_by_the_database(admin, kept, previous) == block_hash(BLOCK, kept, previous)

        alike()
