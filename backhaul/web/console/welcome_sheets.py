"""The welcome sheet of a direct child: with its first password at the moment when that was made, else without; and
another first password for an owner who lost it before the first sign-in."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from backhaul.catalog.queries import list_tariff_prices
from backhaul.operators.branding import brand_of
from backhaul.operators.drafts import find_draft_of
from backhaul.resellers.queries import get_reseller
from backhaul.resellers.services import find_unused_owner, renew_first_password
from backhaul.web.console.downloads import pdf_file
from backhaul.web.console.onboarding_steps import Flow
from backhaul.web.console.pages import PageRequest, page, refusals_to, sent, show, unit_of
from backhaul.web.console.staff_forms import FirstPasswordForm
from backhaul.web.console.where import address_on_paper
from backhaul.web.paper.document import Document
from backhaul.web.paper.welcome import welcome_document


@page("resellers.edit", inside=False)
def renew_password(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/<id>/first-password/: as long as nobody of the child has signed in; shown this once."""
    reseller = get_reseller(pk)
    form = FirstPasswordForm(sent(request))
    if request.method == "POST" and form.is_valid():
        password = form.cleaned_data["password"]
        with refusals_to(form):
            login = renew_first_password(child_id=pk, password=password, at=request.now)
            request.done = True
            context = {
                "reseller": reseller,
                "renewed": True,
                "login": f"{login}@{request.isp.slug}",
                "password": password,
                "address": address_on_paper(request, request.isp.isp_id, reverse("sign-in")),
            }
            return show(request, "onboarded", context)
    context = {
        "title": _("New first password for %(name)s") % {"name": reseller["name"]},
        "note": _("For an owner who lost it before the first sign-in. The old one works no more."),
        "submit": _("Set password"),
        "cancel_href": reverse("reseller", args=[pk]),
    }
    return show(request, "settings_form", context, form=form)


@page("resellers.edit", in_unit=False)
def welcome_sheet(request: PageRequest, pk: int) -> HttpResponse:
    """GET resellers/<id>/welcome/?language=; POST with `password`, which is printed and kept nowhere."""
    asked = request.POST if request.method == "POST" else request.GET
    language = asked.get("language", "")
    with translation.override(language if language in ("en", "bn") else translation.get_language()):
        with unit_of(request):
            name, document = _sheet(request, pk, request.POST.get("password", "")[:60])
        return pdf_file(request, f"welcome-{name}.pdf", document, back=reverse("reseller", args=[pk]))


def _sheet(request: PageRequest, pk: int, password: str) -> tuple[str, Document]:
    reseller, brand, draft = get_reseller(pk), brand_of(), find_draft_of(pk)
    owner = find_unused_owner(request.scope.isp_id, pk)
    login = Flow(request, draft["answers"]).told_by("login", "login").lower() if draft else ""
    login = owner.name if owner else login
    document = welcome_document(
        reseller,
        prices=list_tariff_prices(pk, request.today),
        contacts={
            _("Company"): brand.display_name,
            _("Telephone"): brand.support_phone,
            _("E-mail"): brand.support_email,
            _("Address"): brand.address,
        },
        address=address_on_paper(request, request.isp.isp_id, reverse("sign-in")),
        login=f"{login}@{request.isp.slug}" if login else "",
        password=password,
        today=request.today,
    )
    return reseller["slug"], document
