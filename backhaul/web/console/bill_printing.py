"""Many bills on paper: a hundred by each process that typesets, so that memory does not grow with their number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from zipfile import ZIP_STORED, ZipFile, ZipInfo
from zoneinfo import ZoneInfo

from django.utils import timezone, translation

from backhaul.billing.bulk import Seat
from backhaul.billing.queries import find_bill_ids
from backhaul.common.clock import local_date, now
from backhaul.identity.models import IspDirectory
from backhaul.operators.progress import Progress
from backhaul.operators.scope import unit_of_work
from backhaul.payments.bill_facts import find_bill_facts
from backhaul.subscribers.exports import get_export
from backhaul.web.console.bill_filters import from_json
from backhaul.web.currency import amounts_with
from backhaul.web.paper.bills import bill_document
from backhaul.web.paper.document import Document
from backhaul.web.paper.press import join, print_each, print_together
from backhaul.web.paper.sheet import letterhead

BATCH = 100
MOST = 10_000  # in one file


def print_bills(isp: IspDirectory, who: Seat, export_id: int, written: IO[bytes], progress: Progress) -> int:
    """Write the bills of a file that was asked for; returns how many. Read and printed batch by batch."""
    with _unit(isp, who):
        export = get_export(export_id, subject="bills")
        wanted = from_json(export["wanted"])
        ids = find_bill_ids(wanted, today=local_date(now(), isp.time_zone), limit=MOST)

    def batches() -> Iterator[list[Document]]:
        for done in range(0, len(ids), BATCH):
            progress.advance(done, total=len(ids))
            with _unit(isp, who), translation.override(export["language"]):
                documents = bill_documents(isp, ids[done : done + BATCH])
            yield documents

    {"pdf": _one_pdf, "zip": _single_files}[export["file_type"]](batches(), written)
    return len(ids)


def bill_documents(isp: IspDirectory, bill_ids: list[int]) -> list[Document]:
    """Bills of the acting operator as documents, in the language that is on."""
    head = letterhead()
    found = find_bill_facts(bill_ids, today=local_date(now(), isp.time_zone))
    return [bill_document(**facts, head=head) for facts in found]


def _one_pdf(batches: Iterator[Sequence[Document]], written: IO[bytes]) -> None:
    with TemporaryDirectory(prefix="backhaul-bills-") as folder:
        parts = []
        for n, documents in enumerate(batches):
            parts.append(Path(folder, f"{n}.pdf"))
            parts[-1].write_bytes(print_together(documents))
        whole = Path(folder, "all.pdf")
        join(parts, whole)
        with whole.open("rb") as made:
            while piece := made.read(1_000_000):
                written.write(piece)


def _single_files(batches: Iterator[Sequence[Document]], written: IO[bytes]) -> None:
    with ZipFile(written, "w", ZIP_STORED) as folder:
        for documents in batches:
            for document, pdf in zip(documents, print_each(documents), strict=True):
                day = document.dated_on
                folder.writestr(ZipInfo(document.file_name, (day.year, day.month, day.day, 0, 0, 0)), pdf)


@contextmanager
def _unit(isp: IspDirectory, who: Seat) -> Iterator[None]:
    with (
        timezone.override(ZoneInfo(isp.time_zone)),
        amounts_with(isp.currency_decimals),
        unit_of_work(isp, who.operator_id, user_id=who.user_id, inside=who.inside, snapshot=True),
    ):
        yield
