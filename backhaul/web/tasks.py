"""Background jobs of pages: files too large to wait for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import IO, Any
from zoneinfo import ZoneInfo

from django.utils import timezone, translation
from procrastinate.contrib.django import app

from backhaul.billing.bulk import Seat
from backhaul.billing.finding import walk_customers
from backhaul.billing.finding_conditions import from_json
from backhaul.common.clock import now
from backhaul.identity.models import IspDirectory
from backhaul.identity.queries import get_isp, list_isps
from backhaul.operators.progress import Progress, progress_of
from backhaul.operators.scope import unit_of_work
from backhaul.subscribers.exports import drop_old_exports, fail_export, get_export, keep_export
from backhaul.web.console.bill_files import PRINT
from backhaul.web.console.bill_printing import print_bills
from backhaul.web.console.customer_columns import columns_for, with_standing
from backhaul.web.console.customer_files import MAKE, export_key
from backhaul.web.console.customer_sheets import WRITERS
from backhaul.web.currency import amounts_with

PART_BYTES = 1_000_000


Writer = Callable[[IspDirectory, Seat, int, IO[bytes], Progress], int]


@app.task(name=MAKE)
def make_customer_file(isp_id: int, export_id: int, seat: dict[str, Any]) -> None:
    """Write the list of customers as somebody wanted it."""
    _make(isp_id, export_id, seat, "customers", _write)


@app.task(name=PRINT)
def print_bill_file(isp_id: int, export_id: int, seat: dict[str, Any]) -> None:
    """Print the bills that somebody wanted, as one PDF or a ZIP of single ones."""
    _make(isp_id, export_id, seat, "bills", print_bills)


def _make(isp_id: int, export_id: int, seat: dict[str, Any], subject: str, write: Writer) -> None:
    """Have a file written, and keep it; where that fails, that is kept."""
    isp, who = get_isp(isp_id), Seat.from_arguments(**seat)
    with progress_of(isp, who.acts_for, export_key(export_id)) as progress:
        try:
            with TemporaryFile("w+b") as written:
                items = write(isp, who, export_id, written, progress)
                written.seek(0)
                parts = iter(lambda: written.read(PART_BYTES), b"")
                with unit_of_work(isp, who.operator_id, user_id=who.user_id, inside=who.inside):
                    keep_export(export_id, parts, items=items, now=now(), subject=subject)
        except Exception:
            with unit_of_work(isp, who.acts_for):
                fail_export(export_id, now=now())
            raise


def _write(isp: IspDirectory, who: Seat, export_id: int, written: IO[bytes], progress: Progress) -> int:
    """All pages as of one instant, in the language of who asked."""
    with (
        timezone.override(ZoneInfo(isp.time_zone)),
        amounts_with(isp.currency_decimals),
        unit_of_work(isp, who.operator_id, user_id=who.user_id, inside=who.inside, snapshot=True) as scope,
    ):
        export = get_export(export_id)
        columns = columns_for(export["columns"], scope.permissions)

        def pages() -> Iterator[list[dict[str, Any]]]:
            done = 0
            for page in walk_customers(from_json(export["wanted"]), order=export["sort"]):
                yield with_standing(page, columns, now=now())
                done += len(page)
                progress.advance(done)

        with translation.override(export["language"]):
            return WRITERS[export["file_type"]](written, pages(), columns)


@app.periodic(cron="50 3 * * *")
@app.task(name="backhaul.web.tasks.drop_files", queueing_lock="drop_files")
def drop_files(timestamp: int) -> None:
    """Remove files that are older than a week."""
    for isp in list_isps():
        drop_old_exports(isp, now=now())
