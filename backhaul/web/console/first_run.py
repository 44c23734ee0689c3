"""The first run: on a server without an ISP, whoever has its set-up key founds one, and is its owner."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache

from backhaul.common import clock
from backhaul.common.errors import Refusal
from backhaul.common.home import Home
from backhaul.identity.models import User
from backhaul.identity.queries import is_founded
from backhaul.identity.services import claim_host
from backhaul.resellers.beginning import FirstPerson, Identity
from backhaul.resellers.services import DECIMALS, AlreadyFounded, found_isp
from backhaul.web.console import first_run_forms as of
from backhaul.web.console.access import PUBLIC, draw
from backhaul.web.console.entering import enter
from backhaul.web.console.onboarding_forms import usual_prefix
from backhaul.web.console.onboarding_steps import answers_of, as_sent, refuse_at, settled
from backhaul.web.console.pages import leave_to, sent
from backhaul.web.console.where import host_of
from backhaul.web.currency import amounts_with

SETUP_TOKEN = "setup_token"
_MAY, _ANSWERS = "may_found", "founding"
STEPS_OF = {"identity": "company", "books": "company", "ids": "counting"}  # where what a refusal is about is asked


@dataclass(frozen=True)
class Step:
    """A page of questions; `skippable`: it can be left out."""

    key: str
    title: Any
    about: Any
    build: Callable[[Founding, QueryDict | None], forms.Form]
    skippable: bool = False


class Founding:
    """The answers so far, kept in the session of the browser; the password is not among them."""

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.answers: dict[str, dict[str, list[str]]] = request.session.get(_ANSWERS, {})
        self.today = clock.local_date(clock.now(), "UTC")

    def keep(self, key: str, answers: dict[str, list[str]]) -> None:
        self.answers = self.answers | {key: answers}
        self.request.session[_ANSWERS] = self.answers

    def form(self, step: Step, given: QueryDict | None = None) -> forms.Form:
        kept = self.answers.get(step.key)
        return step.build(self, given if given is not None or not kept else as_sent(kept))

    def filled(self, key: str) -> forms.Form:
        return settled(self.form(BY_KEY[key]))

    def told(self, name: str) -> str:
        return (self.answers.get("company", {}).get(name) or [""])[0]

    @property
    def decimals(self) -> int:
        return DECIMALS.get(self.told("currency").upper(), 2)


@never_cache
def welcome(request: HttpRequest) -> HttpResponse:
    """GET, POST welcome/?token=: where the set-up key is shown; it leads on to the first step."""
    if is_founded():
        return leave_to(request, settings.LOGIN_URL)
    given = request.GET.get("token", "")
    form = of.TokenForm(sent(request))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data["token"].strip()
        form.add_error("token", gettext_lazy("This is not the key that the server printed."))
    if given and secrets.compare_digest(given.encode(), _home().secret(SETUP_TOKEN).encode()):
        request.session.cycle_key()
        request.session[_MAY] = True
    if request.session.get(_MAY):
        return leave_to(request, reverse("welcome-step", args=[STEPS[0].key]))
    return draw(request, "welcome_key", form)


welcome.permission = PUBLIC  # type: ignore[attr-defined]


@never_cache
def welcome_step(request: HttpRequest, key: str) -> HttpResponse:
    """GET, POST welcome/<step>/"""
    if is_founded():
        return leave_to(request, settings.LOGIN_URL)
    step = BY_KEY.get(key)
    if step is None:
        raise Http404
    if not request.session.get(_MAY):
        return leave_to(request, reverse("welcome"))
    founding = Founding(request)
    with amounts_with(founding.decimals):
        if request.method == "POST" and "skip" in request.POST and step.skippable:
            founding.keep(key, {"skip": ["1"]})
            return _on(request, step)
        form = founding.form(step, sent(request))
        if request.method == "POST" and form.is_valid():
            if step is STEPS[-1]:
                return _found(request, founding, form)
            founding.keep(key, answers_of(form, request.POST))
            return _on(request, step)
        return _show(request, founding, step, form)


welcome_step.permission = PUBLIC  # type: ignore[attr-defined]


def _on(request: HttpRequest, step: Step) -> HttpResponse:
    return leave_to(request, reverse("welcome-step", args=[STEPS[STEPS.index(step) + 1].key]))


def _show(request: HttpRequest, founding: Founding, step: Step, form: forms.Form) -> HttpResponse:
    place = STEPS.index(step)
    back = reverse("welcome-step", args=[STEPS[place - 1].key]) if place else ""
    return draw(
        request, "welcome_step", form, step=step, number=place + 1, of=len(STEPS), back=back, last=step is STEPS[-1],
        currency=founding.told("currency").upper(),
    )  # fmt: skip


def _found(request: HttpRequest, founding: Founding, form: forms.Form) -> HttpResponse:
    """Found the ISP with all that was answered, and sign its owner in; a refusal leads to the step it is about."""
    wrong = next((step for step in STEPS[:-1] if not _is_answered(founding, step)), None)
    if wrong is not None:
        return _show(request, founding, wrong, settled(founding.form(wrong)))
    owner = form.cleaned_data
    try:
        isp = found_isp(
            **_isp_of(founding),
            owner=FirstPerson(
                owner["login"].lower(), owner["full_name"], owner["password"], owner["email"],
                must_change_password=False,
            ),
            only_first=True,
        )  # fmt: skip
    except AlreadyFounded:
        return leave_to(request, settings.LOGIN_URL)
    except Refusal as refusal:
        step = BY_KEY.get(STEPS_OF.get(refusal.step, refusal.step), STEPS[-1])
        refused = form if step is STEPS[-1] else settled(founding.form(step))
        refuse_at(refused, refusal)
        return _show(request, founding, step, refused)
    claim_host(host=host_of(request), isp_id=isp.isp_id, operator_id=isp.isp_id)
    _home().drop_secret(SETUP_TOKEN)
    for name in (_MAY, _ANSWERS):
        request.session.pop(name, None)
    user = User.objects.get(isp_id=isp.isp_id, name=owner["login"].lower())
    return enter(request, user, reverse("dashboard"), how="password", now=clock.now())


def _is_answered(founding: Founding, step: Step) -> bool:
    return "skip" in founding.answers.get(step.key, {}) or settled(founding.form(step)).is_valid()


def _isp_of(founding: Founding) -> dict[str, Any]:
    company, counting = founding.filled("company"), founding.filled("counting")
    assert isinstance(counting, of.CountingForm) and company.is_valid() and counting.is_valid()
    who, offer = company.cleaned_data, None
    if "skip" not in founding.answers.get("offer", {}):
        asked = founding.filled("offer")
        assert isinstance(asked, of.OfferForm) and asked.is_valid()
        offer = asked.offer()
    identity = Identity(
        slug=who["slug"], name=who["name"], numbering=counting.numbering(), vat=counting.vat(),
        phone=who["phone"], address=who["address"], year_starts_month=who["month"],
    )  # fmt: skip
    return {"identity": identity, "time_zone": who["time_zone"], "currency": who["currency"], "offer": offer}


def _home() -> Home:
    return settings.HOME


STEPS = (
    Step(
        "company",
        gettext_lazy("Your company"),
        gettext_lazy("The internet provider that this server works for."),
        lambda founding, data: of.CompanyForm(data, initial={"time_zone": "Asia/Dhaka", "currency": "BDT", "month": 7}),
    ),
    Step(
        "counting",
        gettext_lazy("Customer ids and VAT"),
        gettext_lazy("How customers are counted, and whether their bills show VAT."),
        lambda founding, data: of.CountingForm(
            data,
            initial={
                "prefix": usual_prefix(founding.told("slug")),
                "digits": 5,
                "vat_starts_on": founding.today.replace(day=1),
            },
        ),
    ),
    Step(
        "offer",
        gettext_lazy("Your first package"),
        gettext_lazy("Something to sell, so that customers can be added at once. More of them later."),
        lambda founding, data: of.OfferForm(data, initial={"name": "Home 10", "mbps": 10, "profile": "calendar"}),
        skippable=True,
    ),
    Step(
        "owner",
        gettext_lazy("You"),
        gettext_lazy("The owner may do everything; other people get access later."),
        lambda founding, data: of.OwnerForm(data),
    ),
)
BY_KEY = {step.key: step for step in STEPS}
