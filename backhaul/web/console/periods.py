"""Accounting periods: the months of a year of the books, closing and reopening them, and the year end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from backhaul.billing.proof import prove_month
from backhaul.billing.queries import count_held
from backhaul.billing.run_queries import missing_night
from backhaul.ledger.period_rules import FiscalYear, fiscal_year_of
from backhaul.ledger.periods import (
    close_books,
    close_year,
    count_entries,
    get_books,
    is_year_closed,
    list_locks,
    list_on_its_way,
    list_periods,
    list_year_end_lines,
    reopen_books,
    set_year_start,
)
from backhaul.web.console import given
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.console.two_steps import Act, Preview, bound, two_steps
from backhaul.web.forms import DayField
from backhaul.web.templatetags.console import count, dated, day, period
from backhaul.web.words import named


class CloseForm(forms.Form):
    through = DayField(label=gettext_lazy("Closed through"))


class ReopenForm(forms.Form):
    why = forms.CharField(label=gettext_lazy("Why"), max_length=500, widget=forms.Textarea(attrs={"autofocus": True}))


class YearStartForm(forms.Form):
    month = forms.TypedChoiceField(
        label=gettext_lazy("A year begins in"), coerce=int, choices=lambda: list(MONTHS.items())
    )


@page("books.view")
def periods(request: PageRequest) -> HttpResponse:
    """GET books/periods/?in=2026-07-01: the year of the books that a day lies in, month by month."""
    books = get_books()
    asked = given.day(request, "in")
    year = fiscal_year_of(asked if asked and 1900 < asked.year < 2900 else request.today, books["year_starts_month"])
    months = list_periods(year, today=request.today)
    context = {
        "year": year,
        "locked_through": books["locked_through"],
        "months": _with_closers(request, months),
        "totals": {name: sum(month[name] for month in months) for name in ("entries", "result_minor", "late_entries")},
        "next_close": _next_to_close(months, request.today),
        "year_closed": is_year_closed(year),
        "year_over": year.ends_on <= request.today,
        "begins": dated(year.starts_on, "F"),
        "before": None if months[0]["state"] == "before" else year.starts_on - timedelta(days=1),
        "after": year.ends_on if year.ends_on <= request.today else None,
        "locks": by_whom(request, list_locks(), "actor_id"),
    }
    return show(request, "periods", context)


def _next_to_close(months: list[dict[str, Any]], today: date) -> dict[str, Any] | None:
    """Of the months that are over and open the first in which something happened; in none: the last."""
    over = [month for month in months if month["state"] in ("open", "part") and month["last_on"] < today]
    return next((month for month in over if month["entries"]), over[-1] if over else None)


def _with_closers(request: PageRequest, months: list[dict[str, Any]]) -> list[dict[str, Any]]:
    closings = by_whom(request, [month["closing"] for month in months if month["closing"]], "actor_id")
    who = {closing["id"]: closing["by"] for closing in closings}
    return [month | {"by": who.get(month["closing"]["id"]) if month["closing"] else None} for month in months]


@page("books.close")
def close(request: PageRequest) -> HttpResponse:
    """GET, POST books/periods/close/?through=2026-10-31"""
    act = Act(
        _("Close the books"), _("Close"), reverse("periods"), _("The books are closed."),
        note=_("Nothing more can be recorded on that day or before it, by anybody. Corrections get a later date."),
    )  # fmt: skip
    before = get_books()["locked_through"]

    def do(values: dict[str, Any]) -> Any:
        return close_books(through=values["through"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        do(values)
        return _what_is_locked(request, before, values["through"])

    yesterday = request.today - timedelta(days=1)
    form = bound(request, CloseForm, initial={"through": given.day(request, "through") or yesterday})
    return two_steps(request, act, form, do=do, look=look)


def _what_is_locked(request: PageRequest, before: date | None, through: date) -> Preview:
    """What a closing locks, and what in it somebody should look at before."""
    first = before + timedelta(days=1) if before else None
    days = period(first, through + timedelta(days=1)) if first else _("through %(day)s") % {"day": day(through)}
    entries = count(count_entries(first, through))
    open_ends = [(str(named(row["class"], "proof")), _days(row["days"])) for row in _unproved(through, request.today)]
    preview = Preview(figures=[(_("Days that are locked"), days), (_("Entries in them"), entries), *open_ends])
    preview.effects = [(_("Still on its way: %(account)s") % {"account": _(row["name"])}, row["net_minor"])
                       for row in list_on_its_way(through)]  # fmt: skip
    missing = missing_night(today=request.today, now=request.now) if request.scope.parent_id is None else None
    if missing and missing <= through:
        preview.figures.append((_("Night that is not billed yet"), day(missing)))
    held = count_held()["own"]
    if held:
        text = ngettext("%(n)s renewal waits for funds.", "%(n)s renewals wait for funds.", held)
        preview.people = text % {"n": count(held)}
    warnings = []
    if through >= request.today:
        warnings.append(_("Today is not over: payments and bills of today could not be recorded any more."))
    if open_ends or preview.effects or held or (missing and missing <= through):
        warnings.append(_("What is open above can be recorded on a later day only, once these days are closed."))
    preview.warning = " ".join(warnings)
    return preview


def _days(days: int) -> str:
    return ngettext("%(n)s day", "%(n)s days", days) % {"n": count(days)}


def _unproved(through: date, today: date) -> list[dict[str, Any]]:
    """Service-days of the last month to be locked that nobody has billed or explained, by class."""
    month_on = through.replace(day=1)
    if month_on >= today:
        return []
    return [row for row in prove_month(month_on=month_on, today=today) if row["group"] == "exception"]


@page("books.reopen")
def reopen(request: PageRequest, month: date) -> HttpResponse:
    """GET, POST books/periods/<month>/reopen/: that month and all after it."""
    name = dated(month, "F Y")
    act = Act(
        _("Open %(month)s again") % {"month": name}, _("Open again"), reverse("periods"),
        _("The books are open again."),
        note=_("With it all later months are open. Who did it, when and why stays on record."),
        tone="danger",
    )  # fmt: skip
    before = get_books()["locked_through"]

    def do(values: dict[str, Any]) -> Any:
        return reopen_books(through=month - timedelta(days=1), why=values["why"], now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        years = [lock["locked_through"] for lock in list_locks() if lock["kind"] == "year_close"]
        closed = [on for on in sorted(set(years)) if on >= month and is_year_closed(_year_ending(on))]
        do(values)
        preview = Preview(figures=[(_("Days that are open again"), period(month, before + timedelta(days=1)))])
        preview.figures += [(_("Year end taken back"), day(on)) for on in closed]
        preview.warning = _("Statements of these days that were handed out may no longer be what the books say.")
        return preview

    return two_steps(request, act, bound(request, ReopenForm), do=do, look=look)


def _year_ending(last_on: date) -> FiscalYear:
    after = last_on + timedelta(days=1)
    return FiscalYear(after.replace(year=after.year - 1), after)


@page("books.close")
def year_end(request: PageRequest, month: date) -> HttpResponse:
    """GET, POST books/periods/<month>/year-end/: of the year that the month lies in."""
    books = get_books()
    year = fiscal_year_of(month, books["year_starts_month"])
    act = Act(
        _("Close the year %(days)s") % {"days": period(*year)}, _("Close the year"), reverse("periods"),
        _("The year is closed."),
        note=_("Income and expenses of the year go to retained earnings by one entry, and its days are locked."),
    )  # fmt: skip

    def do(values: dict[str, Any]) -> Any:
        return close_year(last_on=year.last_on, now=request.now)

    def look(values: dict[str, Any]) -> Preview:
        closed = do(values)
        lines = list_year_end_lines(closed.entry_id) if closed.entry_id else []
        preview = _what_is_locked(request, books["locked_through"], year.last_on)
        on_its_way = preview.effects
        preview.effects = [(_(line["name"]), line["result_minor"]) for line in lines]
        preview.effects.append((_("To retained earnings"), sum(line["result_minor"] for line in lines)))
        preview.effects += on_its_way
        return preview

    return two_steps(request, act, bound(request, forms.Form), do=do, look=look)


@page("books.close")
def year_start(request: PageRequest) -> HttpResponse:
    """GET, POST books/periods/year/: the month that years of the books begin with."""
    form = YearStartForm(sent(request), initial={"month": get_books()["year_starts_month"]})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            set_year_start(month=form.cleaned_data["month"])
            messages.success(request, _("Saved."))
            return go(request, "periods")
    context = {
        "title": _("Year of the books"),
        "submit": _("Save"),
        "cancel_href": reverse("periods"),
        "note": _("Years that are closed stay closed; the next year end is the last day before such a month."),
    }
    return show(request, "settings_form", context, form=form)
