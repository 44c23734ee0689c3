"""The welcome sheet of a direct child: with its first password at the moment when that was made, else without."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from backhaul.catalog.queries import list_tariff_prices
from backhaul.operators.branding import brand_of
from backhaul.operators.drafts import find_draft_of
from backhaul.resellers.queries import get_reseller
from backhaul.web.console.downloads import pdf_file
from backhaul.web.console.onboarding_steps import Flow
from backhaul.web.console.pages import PageRequest, page, unit_of
from backhaul.web.paper.document import Document
from backhaul.web.paper.welcome import welcome_document


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
    login = Flow(request, draft["answers"]).told_by("login", "login").lower() if draft else ""
    document = welcome_document(
        reseller,
        prices=list_tariff_prices(pk, request.today),
        contacts={
            _("Company"): brand.display_name,
            _("Telephone"): brand.support_phone,
            _("E-mail"): brand.support_email,
            _("Address"): brand.address,
        },
        address=request.build_absolute_uri(reverse("sign-in")),
        login=f"{login}@{request.isp.slug}" if login else "",
        password=password,
        today=request.today,
    )
    return reseller["slug"], document
