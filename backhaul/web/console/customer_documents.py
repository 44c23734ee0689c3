"""Documents of a customer: the tab, taking one in, showing it, withdrawing it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.subscribers.documents import (
    MOST_BYTES,
    add_document,
    get_document,
    list_documents,
    withdraw_document,
)
from backhaul.subscribers.queries import get_customer
from backhaul.web.console.customer_page import show_tab
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.downloads import attachment, taken
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.people import by_whom
from backhaul.web.forms import KeyedForm

ENDINGS = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


class DocumentForm(KeyedForm):
    title = forms.CharField(label=gettext_lazy("What it is"), max_length=100)
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy("PDF, JPEG or PNG, at most 5 MB."),
        widget=forms.FileInput(attrs={"accept": ".pdf,.jpg,.jpeg,.png"}),
    )

    def clean_file(self) -> Any:
        """Not read at all where it is too large."""
        file = self.cleaned_data["file"]
        if file.size > MOST_BYTES:
            raise forms.ValidationError(_("A document has at most 5 MB."))
        return file


@page("customers.view")
def documents(request: PageRequest, pk: int) -> HttpResponse:
    """GET customers/<id>/documents/"""
    return _tab(request, pk, DocumentForm())


def _tab(request: PageRequest, pk: int, form: DocumentForm) -> HttpResponse:
    row = get_customer(pk)
    found = by_whom(request, list_documents(pk), "by_actor_id")
    kept = [document for document in found if document["withdrawn_at"] is None]
    withdrawn = [document | {"impersonation_id": None} for document in found if document["withdrawn_at"]]
    gone = by_whom(request, withdrawn, "withdrawn_by")
    return show_tab(request, pk, "customer-documents", {"customer": row, "kept": kept, "gone": gone}, form=form)


@page("customers.edit")
def add(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST customers/<id>/documents/add/: the tab, with what was wrong beside it."""
    form = DocumentForm(sent(request), request.FILES if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        filled = form.cleaned_data
        with refusals_to(form):
            add_document(
                customer_id=pk,
                title=filled["title"],
                content=filled["file"].read(),
                request_key=str(filled["request_key"]),
                now=request.now,
            )
            messages.success(request, _("The document is kept."))
            return go(request, "customer-documents", pk)
    return _tab(request, pk, form)


@page("customers.view")
def document(request: PageRequest, pk: int, document: int) -> HttpResponse:
    """GET customers/<id>/documents/<id>/: pictures are shown, a PDF is saved; a browser takes neither for a page. Who
    opened it stands in the log: it may be a copy of an identity card."""
    found = get_document(document, customer_id=pk)
    name = f"{found['title']}.{ENDINGS[found['content_type']]}"
    answer = attachment(name, found["content_type"])
    if found["content_type"].startswith("image/"):
        answer["Content-Disposition"] = answer["Content-Disposition"].replace("attachment", "inline", 1)
    answer["X-Content-Type-Options"] = "nosniff"
    answer.write(found["content"])
    request.done_to = ("customer", pk)
    return taken(answer, name, 1)


@page("customers.edit")
def withdraw(request: PageRequest, pk: int, document: int) -> HttpResponse:
    """GET, POST customers/<id>/documents/<id>/withdraw/"""
    found = get_document(document, customer_id=pk)
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            withdraw_document(customer_id=pk, document_id=document, now=request.now)
            messages.success(request, _("The document is withdrawn."))
            return go(request, "customer-documents", pk)
    panel = Panel(
        _("Withdraw “%(title)s”?") % found,
        _("Withdraw"),
        reverse("customer-documents", args=[pk]),
        people=_("Nobody sees the document any more. That it was there, and that you withdrew it, stays known."),
    )
    return show(request, "confirm", {"panel": panel}, form=form)
