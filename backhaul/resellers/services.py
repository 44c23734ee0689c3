"""The business of reselling: founding an ISP, taking operators on, giving people access (SPEC A37)."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from backhaul.billing.guards import ease_guard
from backhaul.billing.services import queue_retry
from backhaul.catalog.profiles import PRESETS
from backhaul.catalog.services import add_billing_profile, add_package, add_plan, set_tariff_price, set_vat
from backhaul.common.errors import InvalidInput, NotAllowed, Refusal, in_step
from backhaul.funds.services import (
    open_fund,
    receive_from_child,
    recharge_fund,
    set_edge_terms,
    transfer_fund,
)
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import list_isps, list_staff
from backhaul.identity.services import create_user, enter_isp, set_first_password
from backhaul.identity.sign_in import lift_locks
from backhaul.ledger.periods import set_year_start
from backhaul.operators.branding import OwnBrand, open_brand
from backhaul.operators.functions import call, execute
from backhaul.operators.people import refuse_role
from backhaul.operators.people_queries import list_members
from backhaul.operators.rules import OWNER
from backhaul.operators.scope import acting_for_child, acting_for_founded, current_scope, founding_unit
from backhaul.operators.services import add_member, add_operator, record_audit
from backhaul.resellers.beginning import Beginning, FirstOffer, FirstPerson, FirstRecharge, Identity, Terms
from backhaul.subscribers.services import set_numbering
from backhaul.subscribers.zones import add_zone, list_zone_tree

DECIMALS = {"BHD": 3, "JPY": 0, "KWD": 3, "OMR": 3, "KRW": 0, "TND": 3, "VND": 0, "IQD": 3, "JOD": 3}
_CURRENCY = re.compile("[A-Z]{3}")


class AlreadyFounded(Refusal):
    """There is an ISP on this server; further ones are founded by the command."""

    code = "already_founded"


def found_isp(
    *,
    identity: Identity,
    cell: str = "cell1",
    time_zone: str = "Asia/Dhaka",
    currency: str = "BDT",
    owner: FirstPerson | None = None,
    offer: FirstOffer | None = None,
    only_first: bool = False,
) -> IspDirectory:
    """Found an ISP with books, numbering and brand of its own, in its own transaction; returns its directory row.

    With an `owner` who signs in, and something to sell. `only_first`: of several at once one succeeds, the others
    raise AlreadyFounded; so does everybody where an ISP is there.
    """
    with in_step("company"):
        try:
            ZoneInfo(time_zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise InvalidInput(
                "There is no time zone “%(time_zone)s”; write it like Asia/Dhaka.",
                time_zone=time_zone,
                field="time_zone",
            ) from None
        if not _CURRENCY.fullmatch(currency):
            raise InvalidInput("Give the currency by its three letters, like BDT.", field="currency")
    with founding_unit(cell):
        if only_first:
            _refuse_second()
        with in_step("company"):
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
            if offer is not None:
                with in_step("offer"):
                    _stock(offer)
            if owner is not None:
                with in_step("owner"):
                    _add_person(OWNER, asdict(owner))
    return isp


def _refuse_second() -> None:
    """Founders who come at once wait for each other; the lock ends with the transaction."""
    execute("SELECT pg_advisory_xact_lock(hashtext('found_isp'))")
    if list_isps():
        raise AlreadyFounded(
            "This server has its internet provider already. Sign in; further ones: `backhaul found-isp`."
        )


def _stock(offer: FirstOffer) -> None:
    isp_id = current_scope().operator_id
    plan_id = add_plan(name=offer.name, down_kbps=offer.down_kbps, up_kbps=offer.up_kbps)
    add_package(
        name=offer.name, plan_operator_id=isp_id, plan_id=plan_id, price_minor=offer.price_minor, handed_down=True
    )
    add_billing_profile(name=offer.profile_name, rules=PRESETS[offer.profile], handed_down=True)


def onboard_operator(*, identity: Identity, terms: Terms, beginning: Beginning | None = None) -> int:
    """Take an operator on below the acting one: tree, books, fund and guards, numbering, VAT, brand; returns its id.

    With a `beginning` also what it pays, its zones, its owner and its first recharge: all of it or nothing. A refusal
    names its `step`: identity, mode, tariff, zones, ids, modules, guards, login, recharge.
    """
    current_scope().require("resellers.edit")
    with in_step("identity"):
        operator_id = add_operator(
            slug=identity.slug,
            name=identity.name,
            kind=terms.kind,
            may_have_children=terms.may_have_children,
            edits_catalog=terms.edits_catalog,
            modules=terms.modules,
        )
    _open_accounts(operator_id)
    with in_step("mode"):
        open_fund(child_id=operator_id, mode=terms.mode, started=terms.started)
        set_edge_terms(
            child_id=operator_id,
            credit_limit_minor=terms.credit_limit_minor,
            low_balance_minor=terms.low_balance_minor,
            trial_customers=terms.trial_customers,
        )
    with in_step("guards"):
        set_edge_terms(child_id=operator_id, **terms.edge)
    with acting_for_child(operator_id):
        _furnish(identity)
    if beginning is not None:
        _begin(operator_id, beginning)
    return operator_id


def _begin(operator_id: int, beginning: Beginning) -> None:
    with in_step("tariff"):
        for price in beginning.prices:
            set_tariff_price(child_id=operator_id, starts_on=beginning.on, today=beginning.on, **asdict(price))
    with in_step("zones"):
        _hand_zones(operator_id, beginning.zones)
    with in_step("login"):
        add_staff(operator_id=operator_id, role=OWNER, **asdict(beginning.owner))
    if beginning.recharge is not None:
        with in_step("recharge"):
            _recharge_first(operator_id, beginning, beginning.recharge)


def _hand_zones(operator_id: int, wanted: Collection[int]) -> None:
    """Zones of the child like these of the acting operator's, each in the nearest one above it that it gets too."""
    chosen = [row for row in list_zone_tree() if row["id"] in wanted]
    made: dict[int, int] = {}
    if not chosen:
        return
    with acting_for_child(operator_id):
        for row in chosen:
            above = next((made[zone] for zone in reversed(row["ids"][:-1]) if zone in made), None)
            made[row["id"]] = add_zone(
                name=row["name"],
                code=row["code"],
                parent_id=above,
                level=row["level"],
                latitude=row["latitude"],
                longitude=row["longitude"],
            )


def _recharge_first(operator_id: int, beginning: Beginning, recharge: FirstRecharge) -> None:
    money: dict[str, Any] = {
        "child_id": operator_id, "amount_minor": recharge.amount_minor, "on": beginning.on, "now": beginning.at,
        "request_key": beginning.request_key, "note": recharge.note, "paid": recharge.paid,
    }  # fmt: skip
    if recharge.kind == "recharge":
        receive_child_payment(to_debt_minor=None, **money)
    else:
        recharge_child_fund(kind=recharge.kind, **money)


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


def renew_first_password(*, child_id: int, password: str, at: datetime) -> str:
    """Give a direct child's owner another first password, as long as nobody of the child has ever signed in; returns
    the owner's sign-in name. Both audit logs tell it. Raises NotAllowed once somebody has signed in."""
    scope = current_scope()
    scope.refuse_inside()
    scope.require("resellers.edit")
    user = find_unused_owner(scope.isp_id, child_id)
    if user is None or not set_first_password(user_id=user.pk, password=password, only_unused=True):
        raise NotAllowed("Somebody of it has signed in: its people change their passwords themselves from now on.")
    with acting_for_child(child_id):
        lift_locks(user.pk)
        record_audit(verb="first_password_renewed", subject_type="user", subject_id=user.pk, at=at)
    return user.name


def find_unused_owner(isp_id: int, child_id: int) -> User | None:
    """The owner of a direct child where nobody has ever signed in; None where somebody has."""
    people = list_staff(isp_id, child_id)
    if any(user.last_sign_in_at is not None for user in people.values()):
        return None
    with acting_for_child(child_id):
        owners = [row["user_id"] for row in list_members() if row["role"] == OWNER and row["ended_at"] is None]
    return next((people[user_id] for user_id in owners if user_id in people), None)


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
    with in_step("ids"):
        set_numbering(identity.numbering)
    with in_step("identity"):
        open_brand(
            OwnBrand(
                display_name=identity.name,
                colour=identity.colour or "",
                support_phone=identity.phone,
                support_email=identity.email,
                address=identity.address,
            )
        )
        if identity.vat is not None:
            set_vat(
                starts_on=identity.vat.starts_on,
                registered=True,
                rate_bp=identity.vat.rate_bp,
                reclaims_input=identity.vat.reclaims_input,
            )
    if identity.year_starts_month is not None:
        with in_step("books"):
            set_year_start(month=identity.year_starts_month)
