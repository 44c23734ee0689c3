"""The canonical text of a block and its hash, in plain Python: what block_facts() says in SQL, for who has no database.

Nothing of Django or of the database is needed here. A block is an entry after the other by id, each followed by its
postings, below a line that says whose block it is, which one, and when it was sealed; its hash is the SHA-256 of the
hash before it and of that text, so that each hash vouches for all before it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Block:
    """Which block of whose books: entries with xid_from <= xid < xid_before, sealed at an instant."""

    operator_id: int
    no: int
    xid_from: int
    xid_before: int
    sealed_at: datetime

    def line(self) -> str:
        """The block as it is hashed, before its entries."""
        return _joined("books", self.operator_id, self.no, self.xid_from, self.xid_before, _micros(self.sealed_at))


@dataclass(frozen=True)
class Posting:
    """One pair of an entry; days are written 2026-03-01."""

    n: int
    debit_code: str
    debit_party: int | None
    credit_code: str
    credit_party: int | None
    amount_minor: int
    effective_on: str

    def line(self) -> str:
        """The posting as it is hashed."""
        return _joined(
            "posting", self.n, self.debit_code, self.debit_party, self.credit_code, self.credit_party,
            self.amount_minor, self.effective_on,
        )  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """One entry with its postings; `recorded_at` with its time zone; `xid` orders what was committed together."""

    id: int
    kind: str
    source_id: int
    effective_on: str
    recorded_at: datetime
    actor_id: int
    transfer_id: int | None
    reverses_id: int | None
    reason: str | None
    xid: int
    postings: Sequence[Posting] = ()

    def lines(self) -> list[str]:
        """The entry as it is hashed, its postings after it."""
        told = None if self.reason is None else json.dumps(self.reason, ensure_ascii=False)
        own = _joined(
            "entry", self.id, self.kind, self.source_id, self.effective_on, _micros(self.recorded_at), self.actor_id,
            self.transfer_id, self.reverses_id,
        )  # fmt: skip
        postings = sorted(self.postings, key=lambda posting: posting.n)
        return [f"{own}|{told or ''}|{self.xid}", *(posting.line() for posting in postings)]


def block_hash(block: Block, entries: Iterable[Entry], previous: bytes) -> bytes:
    """The hash of a block, whose entries may come in any order, after the block before.

    Raises ValueError where a part is written so that its text could be read as other entries with the same hash.
    """
    lines = [line for entry in sorted(entries, key=lambda entry: entry.id) for line in entry.lines()]
    text = block.line() + "\n" + "\n".join(lines)
    return sha256(previous + text.encode()).digest()


def _micros(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _joined(*parts: object) -> str:
    texts = ["" if part is None else str(part) for part in parts]
    if any(mark in text for text in texts for mark in "|\n"):
        raise ValueError(f"“{'|'.join(texts)}” is no line of books")
    return "|".join(texts)
