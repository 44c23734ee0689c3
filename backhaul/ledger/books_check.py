"""Checking a file of books (books_export.py) without a database: which block of whose books was changed.

Plain Python. A whole chain can be made anew by who changes one block; a head that was mailed before cannot: given one,
the block that it names is shown to be the one of that day, and with it everything before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backhaul.ledger.seal_text import Block, Entry, Posting, block_hash

VERSION = 2


class NotBooks(ValueError):
    """The file is none of ours, or broken off; the message is one line for the user."""


@dataclass(frozen=True)
class Pin:
    """A head as it was mailed: a day and a hash (hexadecimal)."""

    on: str
    hash: str


@dataclass
class Books:
    """What was read of one operator's books. `sound`: so many blocks hold from the first on; `proved`: by heads;
    `debits`: of all blocks up to each.
    """

    slug: str
    operator_id: int
    name: str
    hashes: dict[int, str] = field(default_factory=dict)
    debits: dict[int, int] = field(default_factory=dict)
    heads: dict[str, tuple[int, str]] = field(default_factory=dict)
    entries: int = 0
    debits_minor: int = 0
    unsealed: int = 0
    whole: bool = False
    sound: int = 0
    changed: list[str] = field(default_factory=list)
    proved: list[str] = field(default_factory=list)

    def wrong(self, block: int, what: str) -> None:
        """Note what is wrong with a block; `sound` = the blocks before the first of those."""
        self.sound = min(self.sound, block - 1)
        self.changed.append(f"{self.slug}, block {block}: {what}")


@dataclass
class Checked:
    """A file of books; `unknown`: mailed heads that fit none of several books."""

    books: list[Books] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong anywhere."""
        return not self.unknown and not any(books.changed for books in self.books)


@dataclass
class _Block:
    seal: dict[str, Any]
    entries: list[Entry] = field(default_factory=list)


def check_books(lines: Iterable[str], pins: Sequence[Pin] = ()) -> Checked:
    """Say of each books in a file what was changed, and which mailed heads (`pins`) fit. Raises NotBooks."""
    try:
        return _checked(_records(lines), pins)
    except NotBooks:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise NotBooks(f"a record of this file is not as it should be: {error!r}") from error


def _checked(records: Iterator[dict[str, Any]], pins: Sequence[Pin]) -> Checked:
    found = Checked()
    first = next(records, {})
    if first.get("file") != "backhaul books" or first.get("version") != VERSION:
        raise NotBooks("this is no file of books, or of another version; make one with: backhaul export-books")
    for record in records:
        if "books" in record:
            if any(record["operator_id"] == books.operator_id for books in found.books):
                raise NotBooks(f"the books of {record['books']} are in this file twice")
            found.books.append(Books(record["books"], record["operator_id"], record["name"]))
            _read(found.books[-1], records)
    if not found.books:
        raise NotBooks("there are no books in this file")
    for pin in pins:
        _compare(pin, found)
    return found


def _records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict):
            raise NotBooks(f"line {number} is no record of books")
        yield record


def _read(books: Books, records: Iterator[dict[str, Any]]) -> None:
    """One set of books, block by block, up to its end."""
    block: _Block | None = None
    for record in records:
        if "entry" in record:
            _take(books, block, _entry(record))
            continue
        if block is not None:
            _close(books, block)
            block = None
        if "seal" in record:
            block = _Block(record)
        elif "head" in record:
            books.heads[record["head"]] = (record["seal_no"], record["hash"])
            _check_head(books, record)
        elif "stray" in record:
            books.changed.append(f"{books.slug}: postings of an entry {record['stray']} that is not there")
        elif "end" in record:
            books.whole = record["entries"] == books.entries
            break
    if not books.whole:
        raise NotBooks(f"the books of {books.slug} break off; the file is not whole")


def _take(books: Books, block: _Block | None, entry: Entry) -> None:
    books.entries += 1
    if block is None:
        books.unsealed += 1
        return
    block.entries.append(entry)
    if not block.seal["xid_from"] <= entry.xid < block.seal["xid_before"]:
        books.wrong(block.seal["seal"], f"entry {entry.id} does not belong to it")


def _close(books: Books, block: _Block) -> None:
    """Check a block whose entries are all read: against its seal, and its seal against the one before."""
    seal, no = block.seal, block.seal["seal"]
    last, before = next(reversed(books.hashes.items()), (0, ""))
    sealed_at = datetime.fromisoformat(seal["sealed_at"])
    which = Block(books.operator_id, no, seal["xid_from"], seal["xid_before"], sealed_at)
    made = block_hash(which, block.entries, bytes.fromhex(seal["previous_hash"])).hex()
    debits = sum(posting.amount_minor for entry in block.entries for posting in entry.postings)
    if made != seal["hash"] or (len(block.entries), debits) != (seal["entries"], seal["amount_minor"]):
        books.wrong(no, "its entries were changed after it was sealed")
    elif no != last + 1 or seal["previous_hash"] != before:
        books.wrong(no, "not the next of the chain")
    if books.sound == no - 1 and not books.changed:
        books.sound = no
    books.debits_minor += debits
    books.hashes[no] = seal["hash"]
    books.debits[no] = books.debits_minor


def _check_head(books: Books, head: dict[str, Any]) -> None:
    no = head["seal_no"]
    if (books.hashes.get(no), books.debits.get(no)) != (head["hash"], head["debits_minor"]):
        books.wrong(no, f"it is not the one of which the head of {head['head']} was made")


def _compare(pin: Pin, found: Checked) -> None:
    """Find the block that a mailed head names; everything up to it is as it was then, if its chain holds."""
    for books in found.books:
        for no, made in books.hashes.items():
            if made == pin.hash:
                if books.heads.get(pin.on, (no, made)) != (no, made):
                    books.wrong(books.heads[pin.on][0], f"this is not the one whose head was mailed for {pin.on}")
                elif no <= books.sound:
                    books.proved.append(f"up to block {no} all is as it was when the head of {pin.on} was mailed")
                return
    if len(found.books) > 1:
        found.unknown.append(f"no block of these books has the hash that was mailed for {pin.on}")
        return
    books = found.books[0]
    if pin.on in books.heads:
        books.wrong(books.heads[pin.on][0], f"this is not the hash that was mailed for {pin.on}")
    else:
        books.changed.append(f"{books.slug}: no block has the hash that was mailed for {pin.on}")


def _entry(record: dict[str, Any]) -> Entry:
    return Entry(
        id=record["entry"],
        kind=record["kind"],
        source_id=record["source_id"],
        effective_on=record["effective_on"],
        recorded_at=datetime.fromisoformat(record["recorded_at"]),
        actor_id=record["actor_id"],
        transfer_id=record["transfer_id"],
        reverses_id=record["reverses_id"],
        reason=record["reason"],
        xid=record["xid"],
        postings=[Posting(*posting) for posting in record["postings"]],
    )
