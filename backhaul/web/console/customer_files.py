"""The list of customers as a file: at once while that is quick, else made by a job and fetched (SPEC B19)."""

from __future__ import annotations

from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Any, cast

from django.http import FileResponse, HttpResponse
from django.urls import reverse
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from backhaul.billing.bulk import Seat
from backhaul.billing.finding import count_customers, walk_customers
from backhaul.billing.finding_conditions import as_json
from backhaul.common.errors import NotFound
from backhaul.operators.jobs import enqueue
from backhaul.subscribers.exports import PERMISSION, ask_for_export, get_export, get_part
from backhaul.subscribers.views import get_list_choice, list_views
from backhaul.web.console import given
from backhaul.web.console.customer_columns import Column, columns_for, with_standing
from backhaul.web.console.customer_filters import kept_query, read_filter, read_sort
from backhaul.web.console.customer_list import said
from backhaul.web.console.customer_sheets import WRITERS
from backhaul.web.console.downloads import UNSAFE, attachment, taken
from backhaul.web.console.jobs import follow
from backhaul.web.console.pages import PageRequest, go, page, show, unit_of
from backhaul.web.console.statement_files import XLSX

AT_ONCE = 5_000
MAKE = "backhaul.web.tasks.make_customer_file"
TYPES = {"csv": "text/csv; charset=utf-8", "xlsx": XLSX}


def export_key(export_id: int) -> str:
    """The key of the work on a file, for progress."""
    return f"customer-export:{export_id}"


@page(PERMISSION)
def make(request: PageRequest) -> HttpResponse:
    """GET, POST customers/file/?<filters>&sort=&view=&as=csv|xlsx: the file, or what it takes to have it made."""
    file_type = given.one_of(request, "as", TYPES) or "csv"
    wanted, sort, columns = read_filter(request), read_sort(request), _columns(request)
    found = count_customers(wanted, order=sort)
    if found.kind == "exact" and found.n <= AT_ONCE:
        answer = attachment(f"customers-{request.today}.{file_type}", TYPES[file_type])
        pages = (with_standing(each, columns, now=request.now) for each in walk_customers(wanted, order=sort))
        held = TemporaryFile("w+b")  # noqa: SIM115  closed below, whatever happens
        with held:
            written = WRITERS[file_type](held, pages, columns)
            held.seek(0)
            answer.write(held.read())
        return taken(answer, f"customers-{request.today}.{file_type}", written)
    if request.method == "POST":
        export_id = ask_for_export(
            file_type=file_type,
            wanted=as_json(wanted),
            sort=sort,
            columns=[column.key for column in columns],
            language=get_language() or "en",
            now=request.now,
        )
        label = f"{_('Customers')} · {file_type.upper()}"
        return have_made(request, MAKE, export_id, label, page_name="customer-export")
    back = f"{reverse('customers')}?{kept_query(request, 'sort')}"
    return show(request, "customer_file", {"said": said(found), "type": file_type.upper(), "back": back})


@page(PERMISSION)
def export(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/files/<id>/: how far the file is, and where to fetch it."""
    return show(request, "customer_export", {"export": get_export(pk)})


@page(PERMISSION, in_unit=False)
def fetch(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/files/<id>/fetch/: the file, for who asked for it."""
    return send_file(request, pk, "customers", TYPES)


def have_made(request: PageRequest, task: str, export_id: int, label: str, *, page_name: str) -> HttpResponse:
    """Leave a file that was asked for to its job, on behalf of who asked, and lead to its page; the bell follows it."""
    seat = Seat.of(request.scope, request.now).as_arguments()
    enqueue(task, isp_id=request.isp.isp_id, export_id=export_id, seat=seat)
    follow(request, "export", label, key=export_key(export_id), page=(page_name, export_id))
    return go(request, page_name, export_id)


def send_file(request: PageRequest, pk: int, subject: str, types: dict[str, str]) -> HttpResponse:
    """A file that was made, for who asked for it; `types`: the content type of each of its file types. Each fetch is
    written down, with what the file was made of."""
    written = TemporaryFile("w+b")  # noqa: SIM115  sent from the disk, however long; the answer closes it
    with unit_of(request):
        found = get_export(pk, subject=subject)
        if found["failed"] or found["ended_at"] is None:
            raise NotFound("The file is not made.")
        for part in _parts(pk):
            written.write(part)
    written.seek(0)
    name = UNSAFE.sub("-", f"{subject}-{localtime(found['asked_at']):%Y-%m-%d}.{found['file_type']}")
    answer = FileResponse(written, as_attachment=True, filename=name, content_type=types[found["file_type"]])
    asked = {key: value for key, value in found["wanted"].items() if value not in (None, "", [])}
    return cast(HttpResponse, taken(answer, name, found["items"], made_of=asked))


def _parts(export_id: int) -> Iterator[bytes]:
    n = 0
    while (part := get_part(export_id, n)) is not None:
        yield part
        n += 1


def _columns(request: PageRequest) -> list[Column]:
    """Those that the person sees in the list that the file is made of; the customer's id and mobile stand there too."""
    view: dict[str, Any] | None = next(
        (each for each in list_views() if each["id"] == given.number(request, "view")), None
    )
    shown = columns_for((view or get_list_choice())["columns"], request.scope.permissions)
    return columns_for(["code", "mobile", *(column.key for column in shown)], request.scope.permissions)
