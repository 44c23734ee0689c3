"""How a person keeps the list of customers: its columns, and views with a name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.common.errors import NotFound
from backhaul.subscribers.views import choose_columns, choose_view, get_list_choice, list_views, remove_view, save_view
from backhaul.web.console import given
from backhaul.web.console.customer_columns import columns_for, known_columns
from backhaul.web.console.customer_filters import kept_query
from backhaul.web.console.customer_forms import offer
from backhaul.web.console.pages import PageRequest, go, leave_to, page, refusals_to, sent, show, tell
from backhaul.web.console.undo import give_back, is_undo, undo_at


class ColumnsForm(forms.Form):
    columns = forms.MultipleChoiceField(
        label=gettext_lazy("Columns"),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "form-selectgroup-input"}),
    )


class ViewForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the view"), max_length=60)
    is_shared = forms.BooleanField(
        label=gettext_lazy("Everybody here sees it"),
        required=False,
        help_text=gettext_lazy("Otherwise it is yours alone."),
    )


@page("customers.view")
def columns(request: PageRequest) -> HttpResponse:
    """GET, POST customers/columns/?<filters>&view=: which columns the person sees from now on, in its list or in the
    view that is open."""
    may = request.scope.permissions
    opened = _view_open(request)
    shown = [column.key for column in columns_for((opened or get_list_choice())["columns"], may)]
    back = f"{reverse('customers')}?{kept_query(request, 'sort')}&view={opened['id'] if opened else ''}"
    form = ColumnsForm(sent(request), initial={"columns": shown})
    offer(form, "columns", [(key, column.label) for key, column in known_columns().items() if column.permission in may])
    if request.method == "POST" and form.is_valid():
        choose_columns(form.cleaned_data["columns"], view_id=opened["id"] if opened else None)
        return leave_to(request, back)
    title = _("Columns of “%(view)s”") % {"view": opened["name"]} if opened else _("Columns of the list")
    context = {"title": title, "note": _whose_columns(opened), "cancel_href": back}
    return show(request, "settings_form", context, form=form)


def _whose_columns(opened: dict[str, Any] | None) -> str:
    if opened is None or not opened["is_shared"]:
        return ""
    if opened["is_own"]:
        return _("Everybody who opens this view sees these columns.")
    return _("For you alone: the others see this view as it is.")


@page("customers.view")
def save(request: PageRequest) -> HttpResponse:
    """GET, POST customers/views/save/?<filters>&sort=: keep what is open under a name, with its columns."""
    if is_undo(request):
        return _as_it_was(request)
    form = ViewForm(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            query = kept_query(request, "sort")
            shown = columns_for(_columns_open(request), request.scope.permissions)
            view_id = save_view(
                name=form.cleaned_data["name"],
                query=query,
                columns=[column.key for column in shown],
                is_shared=form.cleaned_data["is_shared"],
                now=request.now,
            )
            messages.success(request, _("The view is saved."))
            return leave_to(request, f"{reverse('customers')}?{query}&view={view_id}")
    return show(
        request, "settings_form", {"title": _("Save this view"), "cancel_href": reverse("customers")}, form=form
    )


@page("customers.view")
def view(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/views/<id>/: opens it. POST: what=default, not_default or remove."""
    found = next((each for each in list_views() if each["id"] == pk), None)
    if found is None:
        raise NotFound("There is no such view.")
    if request.method != "POST":
        return leave_to(request, f"{reverse('customers')}?{found['query']}&view={pk}")
    what = request.POST.get("what", "")
    if what == "remove":
        remove_view(pk)
        was = {name: found[name] for name in ("name", "query", "columns", "is_shared", "is_default")}
        gone = {"name": found["name"], "there": False}
        undo = undo_at(request, reverse("save-view"), was=was, now=gone) if found["is_own"] else ""
        tell(request, _("The view is removed."), undo=undo)
    elif what in ("default", "not_default"):
        choose_view(pk if what == "default" else None)
        messages.success(request, _("Saved."))
    return leave_to(request, f"{reverse('customers')}?view=") if what == "remove" else go(request, "customer-view", pk)


def _as_it_was(request: PageRequest) -> HttpResponse:
    """A view that its owner removed is there again."""

    def do(was: dict[str, Any]) -> None:
        is_default = was.pop("is_default")
        view_id = save_view(**was, now=request.now)
        if is_default:
            choose_view(view_id)

    def now(left: dict[str, Any]) -> dict[str, Any]:
        return {
            "name": left["name"],
            "there": any(each["is_own"] and each["name"] == left["name"] for each in list_views()),
        }

    return give_back(request, f"{reverse('customers')}?view=", now=now, do=do)


def _view_open(request: PageRequest) -> dict[str, Any] | None:
    return next((each for each in list_views() if each["id"] == given.number(request, "view")), None)


def _columns_open(request: PageRequest) -> list[str] | None:
    chosen: list[str] | None = (_view_open(request) or get_list_choice())["columns"]
    return chosen
