"""Templates of customers: "add like this"."""

from __future__ import annotations

from datetime import date
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.catalog.queries import list_packages_offered
from backhaul.subscribers.templates import Template, archive_template, get_template, list_templates, save_template
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console.customer_forms import offer, offer_packages, offer_profiles, pair_of
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.given import as_id
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.forms import MoneyField
from backhaul.web.words import choices


class TemplateForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name of the template"), max_length=60)
    package = forms.ChoiceField(label=gettext_lazy("Package"))
    profile = forms.ChoiceField(label=gettext_lazy("Billing"))
    connection_type = forms.ChoiceField(
        label=gettext_lazy("Connection type"), choices=lambda: choices("connection"), initial="pppoe"
    )
    zone = forms.ChoiceField(label=gettext_lazy("Zone"), required=False)
    username_prefix = forms.CharField(
        label=gettext_lazy("Usernames begin with"),
        max_length=20,
        required=False,
        help_text=gettext_lazy("The next customer number follows: rv- makes rv-0042. Empty: out of the name."),
    )
    custom_price = MoneyField(label=gettext_lazy("Price of its own"), required=False, may_be_zero=True)

    def __init__(self, *args: Any, today: date, **options: Any) -> None:
        super().__init__(*args, **options)
        offer_packages(self, list_packages_offered(today))
        offer_profiles(self)
        offer(self, "zone", [("", _("No zone")), *((str(key), name) for key, name in list_zone_choices())])

    def template(self) -> Template:
        """The template that was described."""
        given = self.cleaned_data
        return Template(
            name=given["name"],
            package=pair_of(given["package"]),
            profile=pair_of(given["profile"]),
            zone_id=as_id(given["zone"]),
            connection_type=given["connection_type"],
            username_prefix=given["username_prefix"],
            custom_price_minor=given["custom_price"],
        )


@page("customers.edit")
def templates(request: PageRequest) -> HttpResponse:
    """GET customers/templates/"""
    return show(request, "customer_templates", {"templates": list_templates()})


@page("customers.edit")
def add(request: PageRequest) -> HttpResponse:
    """GET, POST customers/templates/add/"""
    return _form(request, TemplateForm(sent(request), today=request.today), None, _("Add a template"))


@page("customers.edit")
def edit(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/templates/<id>/"""
    row = get_template(pk)
    initial = row | {
        "package": f"{row['package_operator_id']}-{row['package_id']}",
        "profile": f"{row['profile_operator_id']}-{row['profile_id']}",
        "zone": row["zone_id"],
        "custom_price": row["custom_price_minor"],
    }
    return _form(request, TemplateForm(sent(request), today=request.today, initial=initial), pk, row["name"])


def _form(request: PageRequest, form: TemplateForm, pk: int | None, title: str) -> HttpResponse:
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            save_template(form.template(), template_id=pk, now=request.now)
            messages.success(request, _("Saved."))
            return go(request, "customer-templates")
    context = {"title": title, "submit": _("Save"), "cancel_href": reverse("customer-templates")}
    return show(request, "settings_form", context, form=form)


@page("customers.edit")
def archive(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/templates/<id>/archive/"""
    row = get_template(pk)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            archive_template(pk, now=request.now)
            messages.success(request, _("Done."))
            return go(request, "customer-templates")
    panel = Panel(
        _("Archive %(name)s?") % row,
        _("Archive"),
        reverse("customer-templates"),
        tone="warning",
        people=_("It is offered no more. Customers that were added by it stay as they are."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
