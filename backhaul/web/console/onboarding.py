"""Taking an operator on, step by step: begun, left and found again, looked over, and done in one transaction."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from backhaul.common.errors import Refusal
from backhaul.identity.queries import has_first_password
from backhaul.operators.drafts import begin_draft, discard_draft, finish_draft, get_draft, keep_answers
from backhaul.operators.functions import savepoint
from backhaul.operators.queries import list_children
from backhaul.resellers.queries import get_reseller
from backhaul.resellers.services import onboard_operator
from backhaul.web.console.customer_forms import suggest_password
from backhaul.web.console.customer_settings import next_ids
from backhaul.web.console.customer_status import Panel
from backhaul.web.console.onboarding_forms import PRESETS, IdsForm
from backhaul.web.console.onboarding_review import review_of, warnings_of
from backhaul.web.console.onboarding_steps import Flow, Step, answers_of, refuse_at
from backhaul.web.console.pages import PageRequest, go, page, refusals_to, sent, show
from backhaul.web.console.where import address_on_paper
from backhaul.web.forms import KeyedForm

FIRST = "identity"


@page("resellers.edit")
def onboard(request: PageRequest) -> HttpResponse:
    """GET, POST resellers/add/: the first step; with its answers the draft begins."""
    flow, key = Flow(request, {}), KeyedForm(sent(request))
    step = _step(flow, FIRST)
    form = flow.form(step, sent(request))
    if request.method == "POST" and form.is_valid() and key.is_valid():
        with refusals_to(form):
            draft = begin_draft(
                step=FIRST,
                answers=answers_of(form, request.POST),
                request_key=str(key.cleaned_data["request_key"]),
                at=request.now,
            )
            return go(request, "onboard-step", draft, _after(flow, step))
    return _show(request, flow, step, form, None, key=key)


@page("resellers.edit")
def onboard_step(request: PageRequest, pk: int, key: str) -> HttpResponse:
    """GET, POST resellers/add/<draft>/<step>/?copy=&preset="""
    draft = get_draft(pk)
    if draft["child_id"] is not None:
        return go(request, "reseller", draft["child_id"])
    flow = Flow(request, draft["answers"])
    step = _step(flow, key)
    form = flow.form(step, sent(request))
    if request.method == "POST" and form.is_valid():
        if "look" in request.POST and isinstance(form, IdsForm):
            return _show(request, flow, step, form, pk, ids=next_ids(request, form.numbering(), 1))
        with refusals_to(form):
            keep_answers(draft_id=pk, step=key, answers=answers_of(form, request.POST), at=request.now)
            to = _after(flow, step)
            return go(request, "onboard-review", pk) if "review" in request.POST or not to else _on(request, pk, to)
    return _show(request, flow, step, form, pk)


@page("resellers.edit")
def onboard_review(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/add/<draft>/review/: all answers, then the operator with all it begins with, or nothing."""
    draft = get_draft(pk, lock=request.method == "POST")
    flow, password = Flow(request, draft["answers"]), request.POST.get("password", "")
    if draft["child_id"] is not None:
        return _again(request, flow, draft, password)
    if request.method == "POST" and not flow.wrong:
        try:
            with savepoint():
                child = onboard_operator(
                    identity=flow.identity(),
                    terms=flow.terms(),
                    beginning=flow.beginning(password=password, request_key=f"onboarding:{pk}"),
                )
                finish_draft(draft_id=pk, child_id=child, at=request.now)
        except Refusal as refusal:
            return _refused(request, flow, refusal, pk)
        request.done, request.done_to = True, ("reseller", child)
        return _onboarded(request, flow, child, password)
    context = {
        "flow": flow,
        "draft": pk,
        "password": suggest_password(),
        "review": review_of(flow),
        "warnings": warnings_of(flow),
        "steps": _places(flow, pk, "review"),
    }
    return show(request, "onboard_review", context)


@page("resellers.edit")
def onboard_discard(request: PageRequest, pk: int) -> HttpResponse:
    """GET, POST resellers/add/<draft>/discard/"""
    draft = get_draft(pk)
    if draft["child_id"] is not None:
        raise Http404
    form = forms.Form(sent(request))
    if request.method == "POST" and form.is_valid():
        with refusals_to(form):
            discard_draft(draft_id=pk)
            messages.success(request, _("The draft is gone."))
            return go(request, "resellers")
    name = Flow(request, draft["answers"]).told("name")
    panel = Panel(_("Discard %(name)s?") % {"name": name}, _("Discard"), reverse("resellers"),
                  people=_("What was answered so far is forgotten. Nobody was taken on."))  # fmt: skip
    return show(request, "confirm", {"panel": panel}, form=form)


def _step(flow: Flow, key: str) -> Step:
    step = flow.step(key)
    if step is None:
        raise Http404
    return step


def _after(flow: Flow, step: Step) -> str:
    """The key of the step after this one; empty after the last."""
    place = flow.steps.index(step) + 1
    return flow.steps[place].key if place < len(flow.steps) else ""


def _on(request: PageRequest, draft: int, key: str) -> HttpResponse:
    return go(request, "onboard-step", draft, key)


def _places(flow: Flow, draft: int | None, here: str) -> list[dict[str, Any]]:
    """The steps as the page lists them: where each is, and whether it was answered."""
    return [
        {
            "title": step.title,
            "href": reverse("onboard-step", args=[draft, step.key]) if draft else "",
            "here": step.key == here,
            "done": step.key in flow.answers,
        }
        for step in flow.steps
    ]


def _show(
    request: PageRequest, flow: Flow, step: Step, form: forms.Form, draft: int | None, **more: Any
) -> HttpResponse:
    place = flow.steps.index(step)
    before = flow.steps[place - 1] if place else None
    context = {
        "step": step,
        "number": place + 1,
        "of": len(flow.steps),
        "name": flow.told("name"),
        "draft": draft,
        "action": reverse("onboard-step", args=[draft, step.key]) if draft else reverse("onboard"),
        "back": reverse("onboard-step", args=[draft, before.key]) if draft and before else reverse("resellers"),
        "steps": _places(flow, draft, step.key),
        "presets": PRESETS if step.key == "modules" else (),
        "others": list_children() if step.key == "tariff" else (),
        "last": not _after(flow, step),
        **more,
    }
    if step.key == "ids" and "ids" not in context and not form.errors:
        numbering = flow.filled["ids"]
        if isinstance(numbering, IdsForm) and numbering.is_valid():
            context["ids"] = next_ids(request, numbering.numbering(), 1)
    return show(request, "onboard_step", context, form=form)


def _refused(request: PageRequest, flow: Flow, refusal: Refusal, draft: int) -> HttpResponse:
    """The page of the step that the domain refused, with all that was answered."""
    step = flow.step(refusal.step) or flow.steps[0]
    form = flow.filled[step.key]
    refuse_at(form, refusal)
    return _show(request, flow, step, form, draft)


def _onboarded(request: PageRequest, flow: Flow, child: int, password: str) -> HttpResponse:
    """What is shown this once: how the owner signs in."""
    context = {
        "reseller": get_reseller(child),
        "login": f"{flow.told_by('login', 'login').lower()}@{request.isp.slug}",
        "password": password,
        "address": address_on_paper(request, request.isp.isp_id, reverse("sign-in")),
    }
    return show(request, "onboarded", context)


def _again(request: PageRequest, flow: Flow, draft: dict[str, Any], password: str) -> HttpResponse:
    """A second click finds what the first one did, as long as nobody has signed in with the first password."""
    login = flow.told_by("login", "login").lower()
    if password and has_first_password(isp_id=request.isp.isp_id, name=login, password=password):
        return _onboarded(request, flow, draft["child_id"], password)
    return go(request, "reseller", draft["child_id"])
