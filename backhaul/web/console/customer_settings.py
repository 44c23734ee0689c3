"""What an operator keeps of its customers: fields of its own, and how customer ids look."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.subscribers.custom_fields import (
    CustomField,
    add_field,
    archive_field,
    change_field,
    get_field,
    list_fields,
)
from backhaul.subscribers.queries import get_numbering, has_customers
from backhaul.subscribers.rules import NumberFormat, format_code
from backhaul.subscribers.services import change_numbering
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, tell
from backhaul.web.console.undo import give_back, is_undo, undo_at
from backhaul.web.words import choices

SHOWN = 3


class FieldForm(forms.Form):
    label = forms.CharField(label=gettext_lazy("Label"), max_length=60)
    kind = forms.ChoiceField(label=gettext_lazy("What is typed"), choices=lambda: choices("field"))
    choices = forms.CharField(
        label=gettext_lazy("Choices"),
        required=False,
        widget=forms.Textarea,
        max_length=4000,
        help_text=gettext_lazy("One a line; for a choice only."),
    )
    is_required = forms.BooleanField(
        label=gettext_lazy("Required"), required=False, help_text=gettext_lazy("Nobody is saved without it.")
    )
    on_form = forms.BooleanField(label=gettext_lazy("On the form"), required=False, initial=True)
    on_list = forms.BooleanField(label=gettext_lazy("In the list of customers"), required=False)
    on_document = forms.BooleanField(label=gettext_lazy("On bills and receipts"), required=False)
    position = forms.IntegerField(label=gettext_lazy("Place in the order"), min_value=0, max_value=1000, initial=0)

    def field(self) -> CustomField:
        """The field that was described."""
        given = self.cleaned_data
        return CustomField(**given | {"choices": tuple(given["choices"].splitlines())})


class NumberingForm(forms.Form):
    prefix = forms.CharField(  # type: ignore[assignment]  # a field, as the domain names it
        label=gettext_lazy("Begins with"), max_length=20, required=False
    )
    infix = forms.CharField(
        label=gettext_lazy("Then"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Plain text, {zone} for the zone's code, {yyyy} and {mm} for the month of joining."),
    )
    digits = forms.IntegerField(
        label=gettext_lazy("Digits of the number"),
        min_value=1,
        max_value=12,
        help_text=gettext_lazy("Shorter numbers get zeros in front."),
    )
    postfix = forms.CharField(label=gettext_lazy("Ends with"), max_length=20, required=False)
    next_number = forms.IntegerField(label=gettext_lazy("Next number"), min_value=1, max_value=10**12)

    def numbering(self) -> NumberFormat:
        """The format that was described."""
        return NumberFormat(**{name: self.cleaned_data[name] for name in ("prefix", "infix", "digits", "postfix")})


@page("settings.edit")
def fields(request: PageRequest) -> HttpResponse:
    """GET settings/fields/"""
    words = {"on_form": _("form"), "on_list": _("list"), "on_document": _("bills and receipts")}
    found = [
        row | {"places": [word for place, word in words.items() if row[place]] or [_("nowhere")]}
        for row in list_fields(archived=True)
    ]
    return show(request, "custom_fields", {"fields": found})


@page("settings.edit")
def add(request: PageRequest) -> HttpResponse:
    """GET, POST settings/fields/add/"""
    form = FieldForm(sent(request))
    del form.fields["position"]
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            add_field(form.field(), now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "custom-fields")
    return _form(request, form, _("Add a field"))


@page("settings.edit")
def edit(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST settings/fields/<id>/"""
    row = get_field(pk)
    form = FieldForm(sent(request), initial=row | {"choices": "\n".join(row["choices"])})
    form.fields["kind"].disabled = True
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            change_field(pk, form.field(), now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "custom-fields")
    return _form(request, form, row["label"])


def _form(request: PageRequest, form: FieldForm, title: str) -> HttpResponse:
    context = {"title": title, "submit": _("Save"), "cancel_href": reverse("custom-fields")}
    return show(request, "settings_form", context, form=form)


@page("settings.edit")
def archive(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST settings/fields/<id>/archive/: out of use, or back into it."""
    row = get_field(pk)
    back = row["archived_at"] is not None
    if is_undo(request):
        return give_back(
            request,
            reverse("custom-fields"),
            now=lambda left: {"archived": back},
            do=lambda was: archive_field(pk, archived=was["archived"], now=request.now),
        )
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            archive_field(pk, archived=not back, now=request.now)
            undo = undo_at(request, request.path, was={"archived": back}, now={"archived": not back})
            tell(request, _("Done."), undo=undo)
            return go(request, "custom-fields")
    panel = Panel(
        (_("Use %(label)s again?") if back else _("Archive %(label)s?")) % row,
        _("Use again") if back else _("Archive"),
        reverse("custom-fields"),
        tone="success" if back else "warning",
        people=_("Its values are there again.") if back else _("Nobody is asked for it any more. Its values are kept."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)


@page("settings.edit")
def numbering(request: PageRequest) -> HttpResponse:
    """GET, POST settings/customer-ids/: the next three ids are shown as they will be, before anything is saved."""
    present = get_numbering() or {"prefix": "", "infix": "", "digits": 5, "postfix": "", "next_number": 1}
    is_frozen = has_customers()
    form = NumberingForm(sent(request), initial=present)
    if is_frozen:
        for name in ("prefix", "next_number"):
            form.fields[name].disabled = True
            form.fields[name].help_text = _("Customers have ids with it, so it stays.")
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            wanted, number = form.numbering(), form.cleaned_data["next_number"]
            if "look" in request.POST:
                return _numbering(request, form, next_ids(request, wanted, number))
            change_numbering(wanted, next_number=number, at=request.now)
            messages.success(request, _("Saved."))
            return go(request, "customer-ids")
    names = ("prefix", "infix", "digits", "postfix")
    as_it_is = NumberFormat(**{name: present[name] for name in names})
    return _numbering(request, form, [] if form.errors else next_ids(request, as_it_is, present["next_number"]))


def _numbering(request: PageRequest, form: NumberingForm, ids: list[str]) -> HttpResponse:
    return show(request, "customer_ids", {"ids": ids}, form=form)


def next_ids(request: PageRequest, wanted: NumberFormat, number: int) -> list[str]:
    """The next ids, for somebody who joins today in a zone of the code ZONE."""
    return [format_code(wanted, number + n, zone_code="ZONE", joined_on=request.today) for n in range(SHOWN)]
