"""The proof of the books as pages: verification with its history, daily heads, and the file that anybody can check."""

from __future__ import annotations

from tempfile import TemporaryFile
from typing import Any, cast

from django import forms
from django.contrib import messages
from django.http import FileResponse, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backhaul.ledger.books_export import write_books
from backhaul.ledger.head_mail import can_mail
from backhaul.ledger.heads import get_chain, get_head_address, get_stop, list_heads, set_head_address
from backhaul.operators.queries import get_operator
from backhaul.resellers import verification
from backhaul.web.console.downloads import UNSAFE, taken
from backhaul.web.console.jobs import follow
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show, unit_of
from backhaul.web.console.people import by_whom
from backhaul.web.templatetags.console import dated


class AddressForm(forms.Form):
    address = forms.CharField(
        label=gettext_lazy("Mail the head of each day to"),
        required=False,
        max_length=250,
        help_text=gettext_lazy("A mailbox that nobody who runs this server reads. Leave it empty to get no mail."),
        widget=forms.EmailInput(),
    )


@page("books.view")
def verify(request: PageRequest) -> HttpResponse:
    """GET, POST books/verify/: what was found and when. POST, by the ISP: verify the whole tree now, as a job."""
    if request.method == "POST":
        run_id = verification.request_verify(now=request.now)
        follow(request, "verify", dated(request.today), key=f"verify:{run_id}", page=("verify-run", run_id))
        return go(request, "verify-run", run_id)
    of_isp = request.scope.parent_id is None
    runs: list[dict[str, Any]]
    if of_isp:
        runs = by_whom(request, verification.list_verify_runs(), "by_actor_id")
    else:
        runs = verification.list_own_verifications()
    return show(request, "verify", {"of_isp": of_isp, "runs": runs, "stop": get_stop()})


@page("books.view")
def verify_run(request: PageRequest, pk: int) -> HttpResponse:
    """GET books/verify/<id>/: the answer to each question. The ISP's asks for itself again until it is done."""
    of_isp = request.scope.parent_id is None
    run = verification.get_verify_run(pk) if of_isp else verification.get_own_verification(pk)
    return show(request, "verify_run", {"of_isp": of_isp, "run": run, "stop": get_stop()})


@page("books.view")
def heads(request: PageRequest) -> HttpResponse:
    """GET, POST books/heads/: the chain, the head of each day, and where it is mailed to."""
    address = get_head_address()
    form = AddressForm(sent(request), initial={"address": address or ""})
    if request.method == "POST":
        request.scope.require("books.post")
        if form.is_valid():
            with refusals_to(form):
                set_head_address(address=form.cleaned_data["address"], now=request.now)
                messages.success(request, _("Saved."))
                return go(request, "heads")
    context = {
        "chain": get_chain(),
        "heads": list_heads(),
        "address": address,
        "can_mail": can_mail(),
        "stop": get_stop(),
    }
    return show(request, "heads", context, form=form)


@page("books.view", in_unit=False)
def books_file(request: PageRequest) -> HttpResponse:
    """GET books/heads/file/: the acting operator's own books, for `backhaul check-books`."""
    written = TemporaryFile("w+b")  # noqa: SIM115  sent from the disk, however many entries; the answer closes it
    lines = 0
    with unit_of(request, snapshot=True) as scope:
        own = get_operator(scope.operator_id)
        for line in write_books([own], isp=request.isp.slug, at=request.now, using="default"):
            written.write(line.encode())
            lines += 1
    written.seek(0)
    name = UNSAFE.sub("-", f"books-{own['slug']}-{request.today}.jsonl")
    answer = FileResponse(written, as_attachment=True, filename=name, content_type="application/jsonl")
    return cast(HttpResponse, taken(answer, name, lines))
