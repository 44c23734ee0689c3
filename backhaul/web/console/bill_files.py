"""Many bills on paper: asked for from the list, printed by a job, fetched by who asked (issue 5, documents)."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.billing.queries import find_bill_ids
from backhaul.subscribers.exports import PERMISSIONS, ask_for_export, get_export
from backhaul.web.console import given
from backhaul.web.console.bill_filters import as_json, bill_query, read_bill_filter
from backhaul.web.console.bill_printing import MOST
from backhaul.web.console.customer_files import have_made, send_file
from backhaul.web.console.downloads import print_language
from backhaul.web.console.pages import PageRequest, page, show
from backhaul.web.templatetags.console import count

PRINT = "backhaul.web.tasks.print_bill_file"
TYPES = {"pdf": "application/pdf", "zip": "application/zip"}
BILLS = PERMISSIONS["bills"]


@page(BILLS)
def make(request: PageRequest) -> HttpResponse:
    """GET, POST bills/file/?<filters>&as=pdf|zip&lang=: what it takes to have these bills printed."""
    file_type = given.one_of(request, "as", TYPES) or "pdf"
    wanted, language = read_bill_filter(request), print_language(request)
    bills = len(find_bill_ids(wanted, today=request.today, limit=MOST + 1))
    if request.method == "POST" and 0 < bills <= MOST:
        export_id = ask_for_export(
            subject="bills",
            file_type=file_type,
            wanted=as_json(wanted),
            sort="number",
            columns=[],
            language=language,
            now=request.now,
        )
        return have_made(request, PRINT, export_id, f"{_('Bills')} · {file_type.upper()}", page_name="bill-export")
    said = ngettext("%(n)s bill", "%(n)s bills", bills) % {"n": count(bills)}
    back = f"{reverse('bills')}?{bill_query(wanted)}"
    query = "&".join(filter(None, (bill_query(wanted), f"as={file_type}")))
    context = {"said": said, "type": file_type, "bills": bills, "most": MOST, "back": back}
    context |= {"query": query, "language": language, "languages": settings.LANGUAGES}
    return show(request, "bill_file", context)


@page(BILLS)
def export(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/files/<id>/: how far the file is, and where to fetch it."""
    return show(request, "bill_export", {"export": get_export(pk, subject="bills")})


@page(BILLS, in_unit=False)
def fetch(request: PageRequest, pk: int) -> HttpResponse:
    """GET bills/files/<id>/fetch/: the file, for who asked for it."""
    return send_file(request, pk, "bills", TYPES)
