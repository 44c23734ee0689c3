"""The list of customers: search, filters, columns, order, pages in both directions (SPEC B18, B19)."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from backhaul.billing.finding import Count, CustomerFilter, count_customers, list_customers
from backhaul.subscribers.views import get_list_choice, list_views
from backhaul.web.console import given
from backhaul.web.console.bulk_forms import offered_acts
from backhaul.web.console.customer_columns import columns_for, needs_sessions, with_standing
from backhaul.web.console.customer_filters import KEPT, filter_choices, kept_query, read_filter, read_sort
from backhaul.web.console.pages import ROWS, Page, PageRequest, leave_to, page, show
from backhaul.web.templatetags.console import count as grouped

MORE = ("profile", "connection", "online", "expires_from", "expires_until", "joined_from", "joined_until", "promised",
        "held")  # fmt: skip


@page("customers.view")
def customers(request: PageRequest) -> HttpResponse:
    """GET customers/?<filters>&sort=&view=&after=&before="""
    choice = get_list_choice()
    views = list_views()
    if not request.GET and choice["view_id"] is not None:
        default = next(view for view in views if view["id"] == choice["view_id"])
        return leave_to(request, f"{reverse('customers')}?{_address(default)}")
    view = next((each for each in views if each["id"] == given.number(request, "view")), None)
    may = request.scope.permissions
    columns = columns_for(view["columns"] if view else choice["columns"], may)
    wanted, sort = read_filter(request), read_sort(request)
    found = _page(request, wanted, sort)
    seen_at = request.now if needs_sessions(columns) else None
    listed = Page(
        [line_of(row) for row in with_standing(list(found.rows), columns, now=seen_at)],
        found.next,
        found.first,
        found.previous,
    )
    context = {
        "page": listed,
        "columns": columns,
        "filters": _shown_filters(request, wanted),
        "choices": SimpleLazyObject(lambda: filter_choices(request)),  # not for a page of results alone
        "views": [each | {"address": _address(each), "open": each is view} for each in views],
        "view": view,
        "query": kept_query(request, "sort"),
        "kept": [(name, request.GET[name][:100]) for name in KEPT if request.GET.get(name)],
        "acts": offered_acts(may),
    }
    return show(request, "customers", context)


@page("customers.view")
def count(request: PageRequest) -> HttpResponse:
    """GET customers/count/?<filters>: how many there are, asked for by the list once it stands."""
    return HttpResponse(said(count_customers(read_filter(request), order=read_sort(request))))


def said(found: Count) -> str:
    """A count in words that claim no more than is known."""
    number = grouped(found.n)
    if found.kind == "about":
        return _("about %(n)s customers") % {"n": number}
    if found.kind == "more":
        return _("more than %(n)s customers") % {"n": number}
    if found.kind == "unknown":
        return _("not counted: that takes too long")
    return ngettext("%(n)s customer", "%(n)s customers", found.n) % {"n": number}


def line_of(row: dict[str, Any]) -> dict[str, Any]:
    """A customer with its address and the line under its name."""
    code_and_mobile = " · ".join(filter(None, (row["code"], row["mobile"])))
    return row | {"code_and_mobile": code_and_mobile, "href": reverse("customer", args=[row["customer_id"]])}


def _page(request: PageRequest, wanted: CustomerFilter, sort: str) -> Page:
    """One more is read than shown: it tells whether there is a page behind."""
    after, before = (request.GET.get(name, "")[:200] or None for name in ("after", "before"))
    found = list_customers(wanted, order=sort, after=after, before=before, limit=ROWS + 1)
    if before and len(found) <= ROWS:  # back at the beginning, whole
        after = before = None
        found = list_customers(wanted, order=sort, limit=ROWS + 1)
    is_more = len(found) > ROWS
    rows = found if not is_more else (found[1:] if before else found[:-1])
    return Page(
        rows,
        rows[-1]["place"] if rows and (is_more or before) else None,
        first=not (after or before),
        previous=rows[0]["place"] if rows and (after or (before and is_more)) else None,
    )


def _address(view: dict[str, Any]) -> str:
    return "&".join(filter(None, (view["query"], f"view={view['id']}")))


def _shown_filters(request: PageRequest, wanted: CustomerFilter) -> dict[str, Any]:
    return {
        **{name: value[:100] for name, value in request.GET.items()},
        "q": wanted.search,
        "active": wanted != CustomerFilter(),
        "more": any(request.GET.get(name) for name in MORE),
    }
