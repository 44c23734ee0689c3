"""Settings → Brand: names, colour, pictures, and what documents and mails say (SPEC A13, B61)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.operators.branding import (
    HANDED_DOWN,
    LONGEST,
    OwnBrand,
    brand_of,
    get_own_brand,
    remove_pictures,
    set_brand,
    set_pictures,
)
from backhaul.operators.pictures import MOST_BYTES
from backhaul.web.console.brand_hosts import hosts_of
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.forms import latin_digits

PICTURES = {"accept": ".png,.jpg,.jpeg,.webp"}
GROUPS = (
    (gettext_lazy("Names"), ("display_name", "legal_name")),
    (gettext_lazy("Look"), ("colour", "logo", "mark")),
    (gettext_lazy("How customers reach you"), ("support_phone", "support_email", "address")),
    (gettext_lazy("Registration"), ("vat_number", "licence_number")),
    (gettext_lazy("Mails"), ("sender_name", "reply_to")),
    (gettext_lazy("Documents"), ("document_footer", "isp_information")),
)


def _line(name: str, label: Any, help_text: Any = "", *, required: bool = False) -> forms.CharField:
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=LONGEST[name])


def _lines(name: str, label: Any, help_text: Any = "") -> forms.CharField:
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(label=label, help_text=help_text, required=False, max_length=LONGEST[name], widget=widget)


class BrandForm(forms.Form):
    display_name = _line("display_name", gettext_lazy("Name to show"), required=True)
    legal_name = _line(
        "legal_name", gettext_lazy("Legal name"), gettext_lazy("As it is registered; on documents, where it differs.")
    )
    colour = forms.CharField(
        label=gettext_lazy("Colour"),
        required=False,
        max_length=7,
        widget=forms.TextInput(attrs={"placeholder": "#0b7285", "data-brand-colour": "", "autocomplete": "off"}),
        help_text=gettext_lazy(
            "Pick it, or type # and six digits. Where it could not be read, it is made darker or lighter."
        ),
    )
    logo = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        widget=forms.FileInput(attrs=PICTURES),
        help_text=gettext_lazy("PNG, JPEG or WebP, at most 1 MB. Wide ones look best on documents."),
    )
    mark = forms.FileField(
        label=gettext_lazy("Square mark"),
        required=False,
        widget=forms.FileInput(attrs=PICTURES),
        help_text=gettext_lazy("For the menu, the tab of the browser and phones; without one, the logo is used."),
    )
    support_phone = _line("support_phone", gettext_lazy("Support phone"))
    support_email = _line("support_email", gettext_lazy("Support e-mail"))
    address = _lines("address", gettext_lazy("Address"))
    vat_number = _line("vat_number", gettext_lazy("VAT registration (BIN)"))
    licence_number = _line("licence_number", gettext_lazy("Licence number"))
    sender_name = _line("sender_name", gettext_lazy("Sender of mails"), gettext_lazy("Empty: the name to show."))
    reply_to = _line("reply_to", gettext_lazy("Answers go to"), gettext_lazy("An e-mail address that somebody reads."))
    document_footer = _lines("document_footer", gettext_lazy("Foot of documents"))
    isp_information = _lines(
        "isp_information",
        gettext_lazy("On the documents of everybody below you"),
        gettext_lazy("What must be printed there, such as whose licence the service is sold under."),
    )

    def _small(self, name: str) -> Any:
        """Not read at all where it is too large."""
        file = self.cleaned_data[name]
        if file is not None and file.size > MOST_BYTES:
            raise forms.ValidationError(_("A picture has at most 1 MB. Save it smaller, or as WebP."))
        return file

    def clean_logo(self) -> Any:
        return self._small("logo")

    def clean_mark(self) -> Any:
        return self._small("mark")

    def clean_support_phone(self) -> str:
        return latin_digits(self.cleaned_data["support_phone"])

    def save(self) -> None:
        """Keep all of it. Raises Refusal."""
        given = self.cleaned_data
        pictures = {name: given[name].read() for name in ("logo", "mark") if given[name]}
        set_brand(OwnBrand(**{name: value for name, value in given.items() if name not in ("logo", "mark")}))
        if pictures:
            set_pictures(**pictures)

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The fields as the page arranges them."""
        return [(title, [self[name] for name in names if name in self.fields]) for title, names in GROUPS]


@page("brand.edit")
def brand(request: PageRequest) -> HttpResponse:
    """GET, POST settings/brand/"""
    form = _form(request)
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            form.save()
            messages.success(request, _("Saved. Pages, documents and mails look like this from now on."))
            return go(request, "brand")
    whole = brand_of()
    context = {
        "own": get_own_brand(),
        "isp_information": whole.isp_information,
        "provider": whole.given_by.get("logo", ""),
        **hosts_of(request),
    }
    return show(request, "brand", context, form=form)


def _form(request: PageRequest) -> BrandForm:
    """What the operator set, and beside what it left empty what holds instead."""
    whole, own = asdict(brand_of()), get_own_brand()
    form = BrandForm(sent(request), request.FILES if request.method == "POST" else None, initial=own)
    if request.scope.parent_id is not None:
        del form.fields["isp_information"]
    for name in HANDED_DOWN:
        if name in whole["given_by"]:
            said = {"value": whole[name], "provider": whole["given_by"][name]}
            form.fields[name].help_text = _("From your provider %(provider)s: %(value)s") % said
    return form


@page("brand.edit")
def remove(request: PageRequest) -> HttpResponse:
    """GET, POST settings/brand/pictures/remove/"""
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            remove_pictures()
            messages.success(request, _("The pictures are removed."))
            return go(request, "brand")
    panel = Panel(
        _("Remove your logo and your mark?"),
        _("Remove"),
        reverse("brand"),
        money=_("No money moves."),
        people=_("Pages and documents show those of your provider, or your name alone."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
