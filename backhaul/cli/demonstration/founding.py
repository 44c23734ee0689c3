"""The demo's operators are founded and furnished, each with all it has in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from backhaul.catalog.queries import list_packages_offered, list_plans
from backhaul.catalog.services import add_billing_profile, add_package, add_plan, set_tariff_price
from backhaul.cli.demonstration.cast import (
    MEGHNA,
    MEGHNA_PLANS,
    NAS_SECRET,
    NORTH,
    PADMA,
    PASSWORD,
    PLANS,
    PROFILES,
    RESELLERS,
    RIVERSIDE,
    VAT_BP,
    Prices,
    Role,
)
from backhaul.cli.demonstration.script import TIME_ZONE, Script
from backhaul.common.errors import NotFound
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import get_isp_by_slug
from backhaul.identity.services import claim_host
from backhaul.network.services import add_pool, register_nas
from backhaul.operators.queries import list_children
from backhaul.operators.scope import unit_of_work
from backhaul.operators.services import record_audit
from backhaul.resellers.beginning import Identity, Terms, Vat
from backhaul.resellers.services import add_staff, found_isp, onboard_operator
from backhaul.subscribers.rules import NumberFormat

BEGUN = "demo_begun"
HOSTS = ("localhost", "127.0.0.1")
CORE_ROUTERS = {"padma": "192.0.2.1", "meghna": "192.0.2.2"}
RESELLER_COLUMN, SUB_OPERATOR_COLUMN = 1, 2
LOW_BALANCE_MINOR = 1_000_00


@dataclass(frozen=True)
class Operator:
    """An operator on the stage. `column`: which of a plan's prices it pays; None at an ISP."""

    role: Role
    isp: IspDirectory
    id: int
    parent_id: int | None
    plans: Prices
    column: int | None
    users: Mapping[str, int]

    @property
    def slug(self) -> str:
        """Its short name, and its owner's sign-in name."""
        return self.role.slug

    @property
    def owner(self) -> int:
        """The user id of its owner."""
        return self.users[self.slug]

    @property
    def cashier(self) -> int:
        """The user id of the person who takes customers' money."""
        return self.users["collector"] if "collector" in self.role.staff else self.owner

    @property
    def paces(self) -> dict[str, str]:
        """How the well-known customers pay, by customer id."""
        paces = {"demo-walled": "never"}
        return {self.code(n): paces.get(name, "prompt") for n, name in enumerate(self.role.known, start=1)}

    def size(self, script: Script) -> int:
        """How many customers it brings along."""
        return max(len(self.role.known), 1, script.customers * self.role.share // 100)

    def code(self, number: int) -> str:
        """The customer id of its n-th customer."""
        return f"{numbering_of(self.role).prefix}{number:05d}"


def found_all(script: Script) -> list[Operator]:
    """Found what is not there yet; everybody, those who provide before those whom they provide for."""
    padma = _found(PADMA, Vat(date(script.opens_on.year - 1, 1, 1), VAT_BP))
    meghna = _found(MEGHNA, None)
    with unit_of_work(padma):
        if not list_packages_offered(script.today):
            record_audit(
                verb=BEGUN, subject_type="operator", subject_id=padma.isp_id, at=script.now, **script.as_detail()
            )
            _furnish_padma(padma.isp_id, script)
        ids = {child["slug"]: child["id"] for child in list_children()}
    with unit_of_work(padma, ids[NORTH.slug]):
        if not list_children():
            _take_on(padma.isp_id, RIVERSIDE, SUB_OPERATOR_COLUMN, script)
        ids |= {child["slug"]: child["id"] for child in list_children()}
    with unit_of_work(meghna):
        if not list_packages_offered(script.today):
            _furnish_meghna(meghna.isp_id, script)
    for host in HOSTS:
        claim_host(host=host, isp_id=padma.isp_id, operator_id=padma.isp_id)
    users = [dict(User.objects.filter(isp_id=isp.isp_id).values_list("name", "id")) for isp in (padma, meghna)]
    return [
        Operator(PADMA, padma, padma.isp_id, None, PLANS, None, users[0]),
        *(Operator(role, padma, ids[role.slug], padma.isp_id, PLANS, RESELLER_COLUMN, users[0]) for role in RESELLERS),
        Operator(RIVERSIDE, padma, ids[RIVERSIDE.slug], ids[NORTH.slug], PLANS, SUB_OPERATOR_COLUMN, users[0]),
        Operator(MEGHNA, meghna, meghna.isp_id, None, MEGHNA_PLANS, None, users[1]),
    ]


def _found(role: Role, vat: Vat | None) -> IspDirectory:
    try:
        return get_isp_by_slug(role.slug)
    except NotFound:
        return found_isp(identity=_identity(role, vat), time_zone=TIME_ZONE)


def _furnish_padma(isp_id: int, script: Script) -> None:
    """Padma's catalogue, routers, staff and resellers."""
    _stock(isp_id, PLANS, add_pool(name="home", network="100.64.0.0/18"))
    for name, rules in PROFILES.items():
        add_billing_profile(name=name, rules=rules, handed_down=True)
    _connect(script, name="Core router", source_address=CORE_ROUTERS[PADMA.slug], interim_seconds=3600)
    _connect(script, name="Test bench", source_address="127.0.0.1")
    _hire(isp_id, PADMA)
    for role in RESELLERS:
        _take_on(isp_id, role, RESELLER_COLUMN, script)


def _connect(script: Script, **router: Any) -> None:
    register_nas(at=script.now, secret=NAS_SECRET, **router)


def _furnish_meghna(isp_id: int, script: Script) -> None:
    _stock(isp_id, MEGHNA_PLANS, add_pool(name="home", network="100.72.0.0/20"))
    for name in ("Monthly 1st", "Monthly anniversary"):
        add_billing_profile(name=name, rules=PROFILES[name])
    _connect(script, name="Chandpur", source_address=CORE_ROUTERS[MEGHNA.slug], interim_seconds=3600)
    _hire(isp_id, MEGHNA)


def _stock(isp_id: int, prices: Prices, pool_id: int) -> None:
    """The acting ISP's plans and, handed down, its packages."""
    for name, (kbps, *_, retail) in prices.items():
        plan = add_plan(name=name, down_kbps=kbps, up_kbps=kbps, pool=(isp_id, pool_id))
        add_package(name=name, plan_operator_id=isp_id, plan_id=plan, price_minor=retail, handed_down=True)


def _take_on(isp_id: int, role: Role, column: int, script: Script) -> None:
    """A child of the acting operator, with its prices and its people."""
    child = onboard_operator(
        identity=_identity(role, None),
        terms=Terms(
            kind="reseller" if column == RESELLER_COLUMN else "sub_operator",
            may_have_children=role is NORTH,
            edits_catalog=role is NORTH,
            low_balance_minor=LOW_BALANCE_MINOR,
        ),
    )
    for plan in list_plans():
        set_tariff_price(
            child_id=child,
            plan_operator_id=isp_id,
            plan_id=plan["id"],
            starts_on=script.cutover_on,
            price_minor=PLANS[plan["name"]][column],
            today=script.cutover_on,
        )
    _hire(child, role)


def _hire(operator_id: int, role: Role) -> None:
    """The owner, who signs in under the operator's short name, and its staff, under the name of their role."""
    people = {role.slug: (role.owner, "owner")} | {job: (name, job) for job, name in role.staff.items()}
    for name, (full_name, job) in people.items():
        add_staff(
            operator_id=operator_id,
            name=name,
            full_name=full_name,
            password=PASSWORD,
            role=job,
            must_change_password=False,
        )


def _identity(role: Role, vat: Vat | None) -> Identity:
    return Identity(role.slug, role.name, role.colour, numbering_of(role), vat)


def numbering_of(role: Role) -> NumberFormat:
    """PAD-00001 for Padma."""
    return NumberFormat(prefix=role.slug[:3].upper() + "-")
