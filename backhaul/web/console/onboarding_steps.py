"""The steps of taking an operator on: which there are for whoever asks, their forms, and what comes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy

from backhaul.catalog.queries import list_tariff_prices
from backhaul.common.errors import Refusal
from backhaul.identity.services import SlugTaken
from backhaul.ledger.periods import get_books
from backhaul.operators.drafts import Answers
from backhaul.resellers.beginning import Beginning, FirstPerson, Identity, Terms
from backhaul.subscribers.zones import list_zone_choices
from backhaul.web.console import given
from backhaul.web.console import onboarding_forms as of
from backhaul.web.console.pages import PageRequest


@dataclass(frozen=True)
class Step:
    """`needs`: the permission of what it does; `build`: its form, given what was sent or kept."""

    key: str
    title: Any
    about: Any
    build: Callable[[Flow, Any], forms.Form]
    needs: str = "resellers.edit"


class Flow:
    """The answers so far, as whoever asks may give them."""

    def __init__(self, request: PageRequest, answers: Answers) -> None:
        self.request, self.answers = request, answers
        self.steps = [step for step in STEPS if step.needs in request.scope.permissions]

    def step(self, key: str) -> Step | None:
        return next((step for step in self.steps if step.key == key), None)

    def form(self, step: Step, sent: QueryDict | None = None) -> forms.Form:
        """The form of a step, of what was sent, was answered before, or is usual."""
        kept = self.answers.get(step.key)
        return step.build(self, sent if sent is not None else None if kept is None else as_sent(kept))

    @cached_property
    def filled(self) -> dict[str, forms.Form]:
        """The forms of all steps; one that was not answered is filled with what is usual."""
        return {step.key: settled(self.form(step)) for step in self.steps}

    @property
    def wrong(self) -> list[str]:
        """The steps that are not answered rightly."""
        return [key for key, form in self.filled.items() if not form.is_valid()]

    def said(self, key: str) -> dict[str, Any]:
        """What a step's answers mean; nothing where they are wrong."""
        form = self.filled.get(key)
        return form.cleaned_data if form is not None and form.is_valid() else {}

    @cached_property
    def plans(self) -> list[dict[str, Any]]:
        return list_tariff_prices(0, self.request.today)

    @cached_property
    def copied(self) -> dict[str, int]:
        """The prices of another child, by field, where ?copy= names one."""
        child = given.number(self.request, "copy")
        rows = list_tariff_prices(child, self.request.today) if child else []
        return {f"price_{row['plan_operator_id']}_{row['plan_id']}": row["price_minor"] for row in rows}

    def told(self, name: str) -> str:
        """An answer of the first step as it was typed."""
        return self.told_by("identity", name)

    def told_by(self, key: str, name: str) -> str:
        """An answer as it was typed."""
        return (self.answers.get(key, {}).get(name) or [""])[0]

    # -- what comes of it --------------------------------------------------------------------------------------------

    def identity(self) -> Identity:
        who, ids, books = self.said("identity"), self.filled["ids"], self.said("books")
        form = self.filled["identity"]
        assert isinstance(ids, of.IdsForm) and isinstance(form, of.IdentityForm)
        return Identity(
            slug=who["slug"],
            name=who["name"],
            colour=who["colour"] if who["own_colour"] else None,
            numbering=ids.numbering(),
            vat=form.vat(),
            phone=who["phone"],
            email=who["email"],
            address=who["address"],
            year_starts_month=books["month"],
        )

    def terms(self) -> Terms:
        """A reseller edits its own catalogue and may have children; a sub-operator does neither (SPEC §1)."""
        kind, mode, modules = self.said("identity")["kind"], self.said("mode"), self.filled["modules"]
        assert isinstance(modules, of.ModulesForm)
        is_reseller = kind == "reseller"
        return Terms(
            kind=kind,
            mode=mode["mode"],
            may_have_children=is_reseller,
            edits_catalog=is_reseller,
            modules=frozenset(modules.wanted()),
            credit_limit_minor=mode["credit_limit_minor"],
            low_balance_minor=mode["low_balance_minor"],
            started=mode["started"],
            trial_customers=mode["trial_customers"],
            edge={"charge_timing": mode["charge_timing"], **self.said("guards")},
        )

    def beginning(self, *, password: str, request_key: str) -> Beginning:
        who, tariff, money = self.said("login"), self.filled["tariff"], self.filled.get("recharge")
        assert isinstance(tariff, of.TariffForm)
        return Beginning(
            on=self.request.today,
            at=self.request.now,
            request_key=request_key,
            owner=FirstPerson(who["login"].lower(), who["full_name"], password, who["email"], who["mobile"]),
            prices=tariff.prices(),
            zones=frozenset(self.said("zones").get("zones", ())),
            recharge=money.recharge() if isinstance(money, of.FirstRechargeForm) else None,
        )


def answers_of(form: forms.Form, sent: QueryDict) -> dict[str, list[str]]:
    """What was typed into a form, as it is kept."""
    return {name: sent.getlist(name) for name in form.fields if name in sent}


def refuse_at(form: forms.Form, refusal: Refusal) -> None:
    """Put what the domain says beside the field that it is about."""
    field = "slug" if isinstance(refusal, SlugTaken) else refusal.field
    if field == "name" and "login" in form.fields:
        field = "login"
    form.add_error(field if field in form.fields else None, refusal.message)


def as_sent(kept: dict[str, list[str]]) -> QueryDict:
    """What was typed, as a form takes it."""
    sent = QueryDict(mutable=True)
    for name, values in kept.items():
        sent.setlist(name, values)
    return sent


def settled(form: forms.Form) -> forms.Form:
    """A form that was not answered, answered with what it shows."""
    if form.is_bound:
        return form
    sent = QueryDict(mutable=True)
    for bound in form:
        value = bound.value()
        shown = bound.field.prepare_value(value)
        if value is not None and value is not False:
            sent.setlist(bound.name, [str(one) for one in shown] if isinstance(shown, list) else [str(shown)])
    form.data, form.is_bound = sent, True
    return form


# -- the steps ---------------------------------------------------------------------------------------------------------


def _identity(flow: Flow, data: Any) -> forms.Form:
    may = flow.request.scope.permissions
    kind = "reseller" if flow.request.scope.parent_id is None else "sub_operator"
    usual = {"kind": kind, "colour": "#0b7285", "vat_starts_on": flow.request.today.replace(day=1)}
    return of.IdentityForm(data, with_vat="catalog.edit" in may, initial=usual)


def _modules(flow: Flow, data: Any) -> forms.Form:
    preset = flow.request.GET.get("preset", "")
    kind = flow.told("kind") or "sub_operator"
    return of.ModulesForm(None if preset else data, mine=flow.request.scope.permissions, kind=kind, preset=preset)


def _tariff(flow: Flow, data: Any) -> forms.Form:
    return of.TariffForm(None if flow.copied else data, plans=flow.plans, copied=flow.copied)


def _login(flow: Flow, data: Any) -> forms.Form:
    usual = {"login": flow.told("slug"), "email": flow.told("email"), "mobile": flow.told("phone")}
    return of.LoginForm(data, initial=usual)


STEPS = (
    Step("identity", gettext_lazy("Who it is"), gettext_lazy("Its name, and whom its customers call."), _identity),
    Step(
        "mode",
        gettext_lazy("How it pays"),
        gettext_lazy("Its fund with you: money first, or a bill afterwards."),
        lambda flow, data: of.ModeForm(data, initial={"started": True, "mode": "prepaid", "charge_timing": "upfront"}),
    ),
    Step(
        "tariff",
        gettext_lazy("What it pays"),
        gettext_lazy("Your price for each plan, for 30 days or a month. Empty: it does not sell that plan."),
        _tariff,
    ),
    Step(
        "zones",
        gettext_lazy("Zones"),
        gettext_lazy("Where its customers live: start with some of yours, or with none."),
        lambda flow, data: of.ZonesForm(data, zones=list_zone_choices()),
        needs="zones.edit",
    ),
    Step(
        "ids",
        gettext_lazy("Customer ids"),
        gettext_lazy("How the ids of its customers look; the beginning stays once there are customers."),
        lambda flow, data: of.IdsForm(data, initial={"prefix": of.usual_prefix(flow.told("slug")), "digits": 5}),
    ),
    Step(
        "modules",
        gettext_lazy("What it may do"),
        gettext_lazy("Its own people hold no more than this, and neither does anybody below it."),
        _modules,
    ),
    Step(
        "guards",
        gettext_lazy("Guards"),
        gettext_lazy("What happens, step by step, when its money with you runs low."),
        lambda flow, data: of.GuardsForm(data),
    ),
    Step(
        "login",
        gettext_lazy("First sign-in"),
        gettext_lazy("The owner. You get a first password to hand over once all is done."),
        _login,
    ),
    Step(
        "recharge",
        gettext_lazy("First recharge"),
        gettext_lazy("Money that it has brought already, if any."),
        lambda flow, data: of.FirstRechargeForm(data, initial={"kind": "recharge", "paid": "cash"}),
        needs="funds.recharge",
    ),
    Step(
        "books",
        gettext_lazy("Its books"),
        gettext_lazy("They begin empty, with the usual accounts."),
        lambda flow, data: of.BooksForm(data, initial={"month": get_books()["year_starts_month"]}),
    ),
)  # fmt: skip
