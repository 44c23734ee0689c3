"""Zones: the tree, one zone with what lies in it and its map, and what is done to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from backhaul.subscribers.rules import ZONE_LEVELS
from backhaul.subscribers.zones import (
    add_zone,
    change_zone,
    list_places,
    list_zone_tree,
    merge_zones,
    move_zone,
    plan_merge,
    remove_zone,
)
from backhaul.web.console import given
from backhaul.web.console.customer_forms import offer
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, tell
from backhaul.web.console.two_steps import Act, Preview, two_steps
from backhaul.web.console.undo import give_back, is_undo, placed, undo_at
from backhaul.web.console.zone_map import draw_map
from backhaul.web.forms import MapPlace
from backhaul.web.words import named

MOST_ROWS = 300
MOST_PLACES = 2000


class ZoneForm(MapPlace):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    level = forms.ChoiceField(label=pgettext_lazy("zone", "Kind"))
    parent = forms.ChoiceField(label=gettext_lazy("Lies in"), required=False)
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("Stands in customer ids where their format says {zone}."),
    )

    field_order = ("name", "level", "parent", "code", "latitude", "longitude")

    def __init__(self, *args: Any, tree: list[dict[str, Any]], **options: Any) -> None:
        super().__init__(*args, **options)
        offer(self, "level", [(str(n), named(kind, "zone")) for n, kind in enumerate(ZONE_LEVELS, start=1)])
        offer(self, "parent", [("", _("Nothing: it is on top")), *_choices(tree)])

    def zone(self) -> dict[str, Any]:
        """What was given, as the domain names it."""
        names = ("name", "code", "latitude", "longitude")
        return {name: self.cleaned_data[name] for name in names} | {"level": int(self.cleaned_data["level"])}


class MoveForm(forms.Form):
    parent = forms.ChoiceField(label=gettext_lazy("Lies in"), required=False)


class MergeForm(forms.Form):
    into = forms.ChoiceField(label=gettext_lazy("Merge into"))


def _choices(tree: Sequence[dict[str, Any]], *, but: int | None = None) -> list[tuple[str, str]]:
    """Zones by their whole names, without one and what lies in it."""
    return [(str(row["id"]), " › ".join(row["names"])) for row in tree if but not in row["ids"]]


@page("customers.view")
def zones(request: PageRequest) -> HttpResponse:
    """GET zones/"""
    tree = list_zone_tree()
    context = {"rows": _rows(tree), "more": len(tree) > MOST_ROWS, "map": _map(tree, None)}
    return show(request, "zones", context)


@page("customers.view")
def zone(request: PageRequest, pk: int) -> HttpResponse:
    """GET zones/<id>/"""
    tree = list_zone_tree()
    row = _one(tree, pk)
    inside = [each for each in tree if pk in each["ids"]]
    below = _rows([each for each in inside if each["id"] != pk])
    context = {
        "zone": row,
        "above": [each for each in tree if each["id"] in row["ids"] and each["id"] != pk],
        "rows": [each | {"depth": each["depth"] - row["depth"] - 1} for each in below],
        "map": _map(inside, [each["id"] for each in inside]),
    }
    return show(request, "zone", context)


def _one(tree: Sequence[dict[str, Any]], pk: int) -> dict[str, Any]:
    found = next((row for row in tree if row["id"] == pk), None)
    if found is None:
        raise Http404
    return found


def _map(tree: Sequence[dict[str, Any]], within: Sequence[int] | None) -> dict[str, Any]:
    """The map of these zones and of the customers in them; `left_off` where there are more customers than it shows."""
    placed = [row | {"href": reverse("zone", args=[row["id"]])} for row in tree if row["latitude"] is not None]
    found = list_places(within, limit=MOST_PLACES + 1)
    customers = [row | {"href": reverse("customer", args=[row["customer_id"]])} for row in found[:MOST_PLACES]]
    return draw_map(placed, customers) | ({"left_off": MOST_PLACES} if len(found) > MOST_PLACES else {})


def _rows(tree: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the tree's table: as many levels of it as are read at one glance."""
    depths = sorted({row["depth"] for row in tree})
    fits = [depth for depth in depths if sum(row["depth"] <= depth for row in tree) <= MOST_ROWS]
    deepest = fits[-1] if fits else depths[0] if depths else 0
    return [row for row in tree if row["depth"] <= deepest][: MOST_ROWS * 4]


@page("zones.edit")
def add(request: PageRequest) -> HttpResponse:
    """GET, POST zones/add/?in="""
    tree = list_zone_tree()
    inside = next((row for row in tree if row["id"] == given.number(request, "in")), None)
    level = min(max(inside["level"] + 1, 4), len(ZONE_LEVELS)) if inside else 4
    form = ZoneForm(sent(request), tree=tree, initial={"parent": inside["id"] if inside else "", "level": level})
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            added = add_zone(**form.zone(), parent_id=given.as_id(form.cleaned_data["parent"]))
            messages.success(request, _("%(name)s is added.") % form.cleaned_data)
            return go(request, "zone", added)
    context = {"title": _("Add a zone"), "submit": _("Add"), "cancel_href": reverse("zones")}
    return show(request, "settings_form", context, form=form)


@page("zones.edit")
def edit(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST zones/<id>/edit/"""
    tree = list_zone_tree()
    row = _one(tree, pk)
    if is_undo(request):
        return _as_it_was(request, pk, lambda was: change_zone(zone_id=pk, at=request.now, **placed(was)))
    form = ZoneForm(sent(request), tree=tree, initial=row)
    del form.fields["parent"]
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            change_zone(zone_id=pk, at=request.now, **form.zone())
            tell(request, _("Saved."), undo=_back_to(request, row, tuple(form.zone())))
            return go(request, "zone", pk)
    context = {"title": row["name"], "submit": _("Save"), "cancel_href": reverse("zone", args=[pk])}
    return show(request, "settings_form", context, form=form)


def _back_to(request: PageRequest, row: dict[str, Any], names: Sequence[str]) -> str:
    """The undo of a change of a zone that was as in `row`."""
    is_now = _one(list_zone_tree(), row["id"])
    was, now = ({name: each[name] for name in names} for each in (row, is_now))
    return undo_at(request, request.path, was=was, now=now)


def _as_it_was(request: PageRequest, pk: int, do: Callable[[dict[str, Any]], object]) -> HttpResponse:
    def now(left: dict[str, Any]) -> dict[str, Any]:
        row = _one(list_zone_tree(), pk)
        return {name: row[name] for name in left}

    return give_back(request, reverse("zone", args=[pk]), now=now, do=do)


@page("zones.edit")
def move(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST zones/<id>/move/"""
    tree = list_zone_tree()
    row = _one(tree, pk)
    if is_undo(request):
        return _as_it_was(request, pk, lambda was: move_zone(zone_id=pk, at=request.now, **was))
    act = Act(
        _("Move %(name)s") % row, _("Move"), reverse("zone", args=[pk]), _("Moved."),
        undo=lambda: _back_to(request, row, ("parent_id",)),
        note=_("With all that lies in it. Customers stay in their zones."),
    )  # fmt: skip

    def do(filled: dict[str, Any]) -> None:
        move_zone(zone_id=pk, parent_id=given.as_id(filled["parent"]), at=request.now)

    def look(filled: dict[str, Any]) -> Preview:
        do(filled)
        names = dict(_choices(tree))
        now_in = names.get(str(row["parent_id"]), _("on top"))
        figures: list[tuple[str, Any]] = [
            (_("Now in"), now_in),
            (_("Then in"), names.get(filled["parent"], _("on top"))),
        ]
        return Preview(figures=[*figures, (_("Customers in it"), row["customers_below"])])

    form = MoveForm(sent(request), initial={"parent": row["parent_id"]})
    offer(form, "parent", [("", _("Nothing: it is on top")), *_choices(tree, but=pk)])
    return two_steps(request, act, form, do=do, look=look)


@page("zones.edit")
def merge(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST zones/<id>/merge/"""
    tree = list_zone_tree()
    row = _one(tree, pk)
    act = Act(
        _("Merge %(name)s into another zone") % row, _("Merge"), reverse("zones"), _("Merged."), tone="danger",
        note=_("Its customers and what lies in it go to the other zone; this one is gone. It cannot be undone."),
    )  # fmt: skip

    def do(filled: dict[str, Any]) -> None:
        merge_zones(zone_id=pk, into_id=int(filled["into"]), on=request.today, at=request.now)

    def look(filled: dict[str, Any]) -> Preview:
        moved = plan_merge(pk, int(filled["into"]))
        into = dict(_choices(tree))[filled["into"]]
        return Preview(
            figures=[
                (_("Goes to"), into),
                (_("Customers that move"), moved.customers),
                (_("Zones that move"), moved.zones),
            ],
            people=_("Ids that customers have stay; new ones get the other zone's code."),
        )

    form = MergeForm(sent(request))
    offer(form, "into", [("", _("Choose a zone")), *_choices(tree, but=pk)])
    return two_steps(request, act, form, do=do, look=look)


@page("zones.edit")
def remove(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST zones/<id>/remove/"""
    row = _one(list_zone_tree(), pk)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            remove_zone(zone_id=pk, on=request.today, at=request.now)
            messages.success(request, _("%(name)s is removed.") % row)
            return go(request, "zones")
    panel = Panel(
        _("Remove %(name)s?") % row,
        _("Remove"),
        reverse("zone", args=[pk]),
        people=_("An empty zone goes; nobody is moved."),
        problem="" if not row["customers_below"] else _("Customers are in it: merge it into another zone instead."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
