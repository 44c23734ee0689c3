"""Commands on the books: thin callers of the functions of *books* that write them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.identity.models import IspDirectory
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope, unit_of_work

BATCH = "batch"


class NoBooks(Refusal):
    """The operator's set-up is not finished."""

    code = "no_books"


class PeriodClosed(Refusal):
    """The books are locked through that day."""

    code = "period_closed"


class BooksStopped(Refusal):
    """The books were found changed; nothing is posted in them until they are released."""

    code = "books_stopped"


class UnknownAccount(Refusal):
    """No such code in the operator's chart of accounts."""

    code = "unknown_account"


class AccountClosed(Refusal):
    """The account takes no more entries from that day on."""

    code = "account_closed"


class AccountOfParties(Refusal):
    """Dues, advances and funds are kept by their own events, not by hand."""

    code = "account_of_parties"


class NotByHand(Refusal):
    """Only entries made by hand are taken back by hand."""

    code = "not_by_hand"


class MovedDatabase(Refusal):
    """The database runs on a cluster that set-up has not met."""

    code = "moved_database"


@dataclass
class SealReport:
    """What one round of sealing did."""

    blocks: int = 0
    entries: int = 0


def open_books(*, operator_id: int) -> None:
    """Open the books of the acting operator or of a direct child, from the chart template; again changes nothing."""
    call("open_books", operator=operator_id)


def post_manual_entry(
    *, effective_on: date, lines: Sequence[ManualLine], reason: str, request_key: str, now: datetime
) -> int:
    """Post an entry by hand into the acting operator's books; returns its id.

    Raises UnknownAccount, AccountClosed, AccountOfParties, PeriodClosed, InvalidInput. The same `request_key` again
    returns the first entry; with other figures it raises KeyReused.
    """
    current_scope().require("books.post")
    entry = call(
        "post_manual_entry",
        effective_on=effective_on,
        lines=json.dumps([line._asdict() for line in lines]),
        reason=_reason(reason),
        request_key=request_key,
        now=now,
    )
    return int(entry)


def reverse_entry(*, entry_id: int, on: date, reason: str, now: datetime) -> int:
    """Take back an entry made by hand, once, on its own day or later; returns the id of the entry that does it.

    Raises NotFound, NotByHand, AlreadyReversed, AccountClosed, PeriodClosed.
    """
    current_scope().require("books.post")
    return int(call("reverse_entry", entry=entry_id, on=on, reason=_reason(reason), now=now))


def seal_all_books(isp: IspDirectory, *, now: datetime) -> SealReport:
    """Seal and fold what is final in all books of an ISP, one block a transaction. Call it outside a unit of work."""
    report = SealReport()
    with unit_of_work(isp, using=BATCH):
        waiting = rows(
            "SELECT b.operator_id FROM books b JOIN operator o ON o.id = b.operator_id WHERE o.isp_id = %s AND EXISTS ("
            "SELECT 1 FROM entry e WHERE e.operator_id = b.operator_id AND e.xid >= b.sealed_before) ORDER BY 1",
            [isp.isp_id],
            using=BATCH,
        )
    for books in waiting:
        while True:
            with unit_of_work(isp, using=BATCH):
                sealed = int(call("seal_books", BATCH, operator=books["operator_id"], at=now))
            if sealed == 0:
                break
            report.blocks += 1
            report.entries += sealed
    return report


def _reason(text: str) -> str:
    if not text.strip():
        raise InvalidInput("Say what the entry is for.", field="reason")
    return text.strip()
