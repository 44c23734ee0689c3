"""The business of reselling: founding an ISP, taking operators on, giving people access (SPEC A37)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backhaul.billing.guards import ease_guard
from backhaul.billing.services import queue_retry
from backhaul.catalog.services import set_vat
from backhaul.common.errors import InvalidInput
from backhaul.funds.services import (
    open_fund,
    receive_from_child,
    recharge_fund,
    set_edge_terms,
    transfer_fund,
)
from backhaul.identity.models import IspDirectory
from backhaul.identity.services import create_user, enter_isp
from backhaul.operators.functions import call
from backhaul.operators.people import refuse_role
from backhaul.operators.scope import acting_for_child, acting_for_founded, current_scope, founding_unit
from backhaul.operators.services import add_member, add_operator, set_brand
from backhaul.subscribers.rules import NumberFormat
from backhaul.subscribers.services import set_numbering

DECIMALS = {"BHD": 3, "JPY": 0, "KWD": 3, "OMR": 3, "KRW": 0, "TND": 3, "VND": 0, "IQD": 3, "JOD": 3}


@dataclass(frozen=True)
class Vat:
    """A seller's VAT switches from the day on which it begins."""

    starts_on: date
    rate_bp: int
    reclaims_input: bool = True


@dataclass(frozen=True)
class Terms:
    """What an operator may do and how far it may go: the edge's side of onboarding."""

    kind: str = "reseller"
    mode: str = "prepaid"
    may_have_children: bool = False
    edits_catalog: bool = False
    modules: frozenset[str] | None = None  # permissions; None: what is usual for its kind
    credit_limit_minor: int = 0
    low_balance_minor: int = 0
    started: bool = True
    trial_customers: int | None = None


@dataclass(frozen=True)
class Identity:
    """How an operator looks and counts its customers."""

    slug: str
    name: str
    colour: str = "#0b7285"
    numbering: NumberFormat = field(default_factory=NumberFormat)
    vat: Vat | None = None


def found_isp(
    *, identity: Identity, cell: str = "cell1", time_zone: str = "Asia/Dhaka", currency: str = "BDT"
) -> IspDirectory:
    """Found an ISP with books, numbering and brand of its own, in its own transaction; returns its directory row."""
    try:
        ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidInput(
            f"There is no time zone “{time_zone}”; write it like Asia/Dhaka.", field="time_zone"
        ) from None
    if len(currency) != 3 or not currency.isupper():
        raise InvalidInput("Give the currency by its three letters, like BDT.", field="currency")
    with founding_unit(cell):
        isp_id = add_operator(slug=identity.slug, name=identity.name, kind="isp")
        isp = enter_isp(
            isp_id=isp_id,
            slug=identity.slug,
            cell=cell,
            time_zone=time_zone,
            currency=currency,
            decimals=DECIMALS.get(currency, 2),
        )
        with acting_for_founded(isp):
            _open_accounts(isp_id)
            _furnish(identity)
    return isp


def onboard_operator(*, identity: Identity, terms: Terms) -> int:
    """Take an operator on below the acting one: tree, books, fund and guards, numbering, VAT, brand; returns its id."""
    current_scope().require("resellers.edit")
    operator_id = add_operator(
        slug=identity.slug,
        name=identity.name,
        kind=terms.kind,
        may_have_children=terms.may_have_children,
        edits_catalog=terms.edits_catalog,
        modules=terms.modules,
    )
    _open_accounts(operator_id)
    open_fund(child_id=operator_id, mode=terms.mode, started=terms.started)
    set_edge_terms(
        child_id=operator_id,
        credit_limit_minor=terms.credit_limit_minor,
        low_balance_minor=terms.low_balance_minor,
        trial_customers=terms.trial_customers,
    )
    with acting_for_child(operator_id):
        _furnish(identity)
    return operator_id


def recharge_child_fund(*, child_id: int, on: date, now: datetime, **recharge: Any) -> int:
    """Put money into a direct child's fund; its guard eases, and what waits for it is retried once that is committed.

    `recharge` are the other arguments of funds.services.recharge_fund. Returns the movement's id.
    """
    movement_id = recharge_fund(child_id=child_id, on=on, **recharge)
    _fund_is_fuller(child_id, on, now)
    return movement_id


def receive_child_payment(*, child_id: int, on: date, now: datetime, **payment: Any) -> list[int]:
    """`recharge_child_fund` for money received, split between debt and fund (funds.services.receive_from_child)."""
    movements = receive_from_child(child_id=child_id, on=on, **payment)
    _fund_is_fuller(child_id, on, now)
    return movements


def transfer_to_child(*, child_id: int, to_child_id: int, on: date, now: datetime, **transfer: Any) -> int:
    """`recharge_child_fund` out of another direct child's fund (funds.services.transfer_fund)."""
    movement_id = transfer_fund(child_id=child_id, to_child_id=to_child_id, on=on, **transfer)
    _fund_is_fuller(to_child_id, on, now)
    return movement_id


def set_child_terms(*, child_id: int, on: date, now: datetime, **terms: object) -> None:
    """Set terms of a direct child's edge (funds.services.set_edge_terms); a guard they no longer ask for is lifted."""
    set_edge_terms(child_id=child_id, **terms)
    _fund_is_fuller(child_id, on, now)


def _fund_is_fuller(child_id: int, on: date, now: datetime) -> None:
    """What more money or other terms change at once (SPEC 2.3, 2.4)."""
    ease_guard(child_id=child_id, on=on, now=now)
    scope = current_scope()
    queue_retry(isp_id=scope.isp_id, top_id=(*scope.path, child_id)[1])


def add_staff(*, operator_id: int, role: str, **person: Any) -> int:
    """Give a person access to the acting operator or to a direct child that is being set up; returns the user's id.

    `person`: name, full_name, password, must_change_password (default: at the first sign-in) of create_user.
    """
    scope = current_scope()
    scope.refuse_inside()
    if operator_id == scope.operator_id:
        scope.require("staff.edit")
        refuse_role(role)
        return _add_person(role, person)
    scope.require("resellers.edit")
    with acting_for_child(operator_id):
        return _add_person(role, person)


def _add_person(role: str, person: dict[str, Any]) -> int:
    scope = current_scope()
    user_id = create_user(isp_id=scope.isp_id, home_operator_id=scope.operator_id, **person)
    add_member(user_id=user_id, role=role)
    return user_id


def _open_accounts(operator_id: int) -> None:
    """Books from the chart template, bill and receipt numbers from 1."""
    call("open_books", operator=operator_id)
    call("open_numbering", operator=operator_id)


def _furnish(identity: Identity) -> None:
    """What every new operator owns from the start."""
    set_numbering(identity.numbering)
    set_brand(display_name=identity.name, colour=identity.colour)
    if identity.vat is not None:
        set_vat(
            starts_on=identity.vat.starts_on,
            registered=True,
            rate_bp=identity.vat.rate_bp,
            reclaims_input=identity.vat.reclaims_input,
        )
