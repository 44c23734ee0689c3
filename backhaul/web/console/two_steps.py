"""Acts that are looked at before they are done: the first POST shows what will happen, the next one does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.utils.translation import gettext as _

from backhaul.billing.preview import Impact, Reach, measured
from backhaul.common.errors import Refusal
from backhaul.operators.queries import find_operator_names
from backhaul.web.console.pages import PageRequest, leave_to, refusals_to, rehearsal, sent, show, tell

Bound = TypeVar("Bound", bound=forms.Form)


@dataclass(frozen=True)
class Act:
    """What the page says: its title, the button that does it, where to go afterwards, what was done, and the
    address of what it was before."""

    title: str
    submit: str
    to: str
    done: str
    note: str = ""
    tone: str = "primary"
    history: str = ""
    undo: Callable[[], str] | None = None  # what `tell` is given for a button beside what was done, asked afterwards


@dataclass
class Preview:
    """What will happen: amounts by label (shown with their sign), figures without one, what else there is to know;
    `lines`: the debits and credits of the entry, as queries give them."""

    effects: list[tuple[str, int]] = field(default_factory=list)
    figures: list[tuple[str, Any]] = field(default_factory=list)
    lines: list[dict[str, Any]] = field(default_factory=list)
    people: str = ""
    warning: str = ""
    impact: Impact | None = None
    edges: list[dict[str, Any]] = field(default_factory=list)  # of the impact, with the children's names
    digest: str = ""  # stands for what is shown, where that is asked again before it is done


class ShownOtherwise(Refusal):
    """What was confirmed is not what it would do by now."""

    code = "shown_otherwise"


def two_steps(
    request: PageRequest,
    act: Act,
    form: forms.Form,
    *,
    do: Callable[[dict[str, Any]], object],
    look: Callable[[dict[str, Any]], Preview],
    template: str = "act",
) -> HttpResponse:
    """The page of an act. `do` carries it out with the form's values; `look` says what it does, and may do it really:
    it is undone. What the domain refuses stands beside its field, at the first step already.

    `template`: one that extends the page of acts, where its form is laid out otherwise."""
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        with refusals_to(form):
            if "confirmed" in request.POST:
                do(form.cleaned_data)
                tell(request, act.done, undo=act.undo() if act.undo else "")
                return leave_to(request, act.to)
            with rehearsal():
                preview = look(form.cleaned_data)
    return show(request, template, {"act": act, "preview": preview}, form=form)


def weighed(
    request: PageRequest,
    act: Act,
    form: forms.Form,
    *,
    do: Callable[[dict[str, Any]], object],
    reach: Callable[[dict[str, Any]], Reach],
    more: Callable[[dict[str, Any]], Preview] | None = None,
    template: str = "act",
) -> HttpResponse:
    """The page of an act that changes terms: which customers, dates and amounts it changes is shown, and confirmed by
    its digest; where it has come to differ meanwhile nothing is saved. `more`: what else to show, asked after it."""
    preview = None
    if request.method == "POST" and form.is_valid() and "change" not in request.POST:
        given = form.cleaned_data
        with refusals_to(form):
            if "confirmed" in request.POST:
                if measured(reach(given), lambda: do(given)).digest != request.POST.get("digest"):
                    raise ShownOtherwise(_("What this changes has come to differ from what was shown; look again."))
                messages.success(request, act.done)
                return leave_to(request, act.to)
            with rehearsal():
                impact = measured(reach(given), lambda: do(given))
                preview = more(given) if more else Preview()
                preview.impact, preview.edges, preview.digest = impact, _named(impact), impact.digest
    return show(request, template, {"act": act, "preview": preview}, form=form)


def _named(impact: Impact) -> list[dict[str, Any]]:
    names = find_operator_names([row["child_id"] for row in impact.edges])
    return [row | {"name": names.get(row["child_id"], "")} for row in impact.edges]


def bound(request: PageRequest, kind: type[Bound], **options: Any) -> Bound:
    """A form of what was sent, or a fresh one."""
    return kind(sent(request), **options)
