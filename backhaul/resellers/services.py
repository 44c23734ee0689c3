"""The business of reselling: founding an ISP, taking operators on, giving people access (SPEC A37)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backhaul.billing.services import queue_retry
from backhaul.catalog.services import set_vat
from backhaul.common.errors import InvalidInput, NotAllowed
from backhaul.funds.services import open_fund, recharge_fund, set_fund_limits
from backhaul.identity.models import IspDirectory
from backhaul.identity.services import create_user, enter_isp
from backhaul.operators.functions import call
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
    credit_limit_minor: int = 0
    low_balance_minor: int = 0


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
    )
    _open_accounts(operator_id)
    open_fund(child_id=operator_id, mode=terms.mode)
    set_fund_limits(
        child_id=operator_id,
        credit_limit_minor=terms.credit_limit_minor,
        low_balance_minor=terms.low_balance_minor,
    )
    with acting_for_child(operator_id):
        _furnish(identity)
    return operator_id


def recharge_child_fund(*, child_id: int, **recharge: Any) -> int:
    """Put money into a direct child's fund and retry, once that is committed, the renewals that wait for it (SPEC 2.3).

    `recharge` are the arguments of funds.services.recharge_fund. Returns the movement's id.
    """
    movement_id = recharge_fund(child_id=child_id, **recharge)
    scope = current_scope()
    queue_retry(isp_id=scope.isp_id, top_id=(*scope.path, child_id)[1])
    return movement_id


def add_staff(*, operator_id: int, role: str, **person: Any) -> int:
    """Give a person access to the acting operator or to a direct child that is being set up; returns the user's id.

    `person`: name, full_name, password, must_change_password (default: at the first sign-in) of create_user.
    """
    scope = current_scope()
    if operator_id == scope.operator_id:
        scope.require("staff.edit")
        if role == "owner" and scope.role not in ("system", "owner"):
            raise NotAllowed("Only an owner makes another owner.")
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
