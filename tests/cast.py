"""The cast: Padma → North → Riverside, Rival beside North, and Meghna, a second ISP on the same server.

The worked chain of the specification, Home 10: Padma sells it to North at 400.00, North to Riverside at 450.00, and the
customer pays 600.00. Everything is built through services.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from django.conf import settings

from backhaul.catalog.services import (
    ProfileRules,
    add_billing_profile,
    add_package,
    add_plan,
    set_tariff_price,
)
from backhaul.funds.services import recharge_fund
from backhaul.identity.models import IspDirectory
from backhaul.network.services import add_pool
from backhaul.resellers.beginning import Identity, Vat
from backhaul.resellers.services import found_isp
from backhaul.subscribers.rules import NumberFormat
from tests.builders import acting, build_operator, build_person, request_key

START = date(2026, 1, 1)
CELL: str = settings.CELLS[-1]  # the suite runs with one cell and, in the slow ring, in the last of three

# name: (down, up in kbit/s, Padma → North, North → Riverside, retail; in minor units)
PLANS = {
    "Home 10": (10_240, 10_240, 400_00, 450_00, 600_00),
    "Home 20": (20_480, 20_480, 550_00, 620_00, 800_00),
    "Home 50": (51_200, 51_200, 850_00, 950_00, 1_200_00),
    "Office 100": (102_400, 102_400, 1_800_00, 2_000_00, 2_500_00),
}
PROFILES = {
    "Monthly 1st": ProfileRules(cycle="calendar", cycle_day=1, due_days=7),
    "Monthly anniversary": ProfileRules(cycle="anniversary", due_days=7),
    "Daily 30": ProfileRules(billing_type="daily", cycle="validity", validity_days=30, access="pay_first"),
}


@dataclass
class Cast:
    """Who is there. `plans`, `packages` and `profiles` of Padma by name; ids of operators and of their owners."""

    padma: IspDirectory
    meghna: IspDirectory
    north: int
    riverside: int
    rival: int
    owners: dict[str, int]
    plans: dict[str, int] = field(default_factory=dict)
    packages: dict[str, int] = field(default_factory=dict)
    profiles: dict[str, int] = field(default_factory=dict)

    @property
    def isp(self) -> IspDirectory:
        """Padma, for short."""
        return self.padma


def build_cast(*, cell: str = CELL, vat_bp: int = 0) -> Cast:
    """Build all of them, without customers and with empty funds; `vat_bp`: everybody charges VAT at that rate."""
    vat = Vat(starts_on=START, rate_bp=vat_bp) if vat_bp else None
    padma = _found("padma", cell, vat)
    meghna = _found("meghna", cell, None)
    north = build_operator(
        padma, padma.isp_id, "north", vat=vat, owner=False, edits_catalog=True, may_have_children=True
    )
    rival = build_operator(padma, padma.isp_id, "rival", vat=vat, owner=False)
    riverside = build_operator(padma, north, "riverside", vat=vat, owner=False, kind="sub_operator")
    cast = Cast(padma, meghna, north, riverside, rival, owners={})
    with acting(padma):
        _stock(cast)
        _set_tariffs(cast, (north, rival), column=2)
        _staff(cast, {"padma": padma.isp_id, "north": north, "rival": rival})
    with acting(padma, north):
        _set_tariffs(cast, (riverside,), column=3)
        _staff(cast, {"riverside": riverside})
    with acting(meghna):
        _staff(cast, {"meghna": meghna.isp_id})
    return cast


def fill_funds(
    cast: Cast,
    *,
    north: int = 1_500_000_00,
    riverside: int = 300_000_00,
    rival: int = 0,
    on: date = START,
    paid: str = "cash",
) -> None:
    """Recharge: Padma's children by Padma, Riverside by North; nothing where the amount is zero."""
    with acting(cast.padma):
        for child_id, amount in ((cast.north, north), (cast.rival, rival)):
            _recharge(child_id, amount, on, paid)
    with acting(cast.padma, cast.north):
        _recharge(cast.riverside, riverside, on, paid)


def _recharge(child_id: int, amount_minor: int, on: date, paid: str) -> None:
    if amount_minor:
        recharge_fund(
            child_id=child_id, kind="recharge", amount_minor=amount_minor, on=on, paid=paid, request_key=request_key()
        )


def _found(slug: str, cell: str, vat: Vat | None) -> IspDirectory:
    numbering = NumberFormat(prefix=slug[:3].upper() + "-")
    return found_isp(identity=Identity(slug=slug, name=slug.title(), numbering=numbering, vat=vat), cell=cell)


def _stock(cast: Cast) -> None:
    """Padma's catalogue, handed down."""
    pool = (cast.padma.isp_id, add_pool(name="home", network="100.64.0.0/18"))
    for name, (down, up, _, _, retail) in PLANS.items():
        plan = add_plan(name=name, down_kbps=down, up_kbps=up, pool=pool)
        cast.plans[name] = plan
        cast.packages[name] = add_package(
            name=name, plan_operator_id=cast.padma.isp_id, plan_id=plan, price_minor=retail, handed_down=True
        )
    for name, rules in PROFILES.items():
        cast.profiles[name] = add_billing_profile(name=name, rules=rules, handed_down=True)


def _set_tariffs(cast: Cast, children: tuple[int, ...], *, column: int) -> None:
    for child_id in children:
        for name, plan in cast.plans.items():
            set_tariff_price(
                child_id=child_id,
                plan_operator_id=cast.padma.isp_id,
                plan_id=plan,
                starts_on=START,
                price_minor=PLANS[name][column],
                today=START,
            )


def _staff(cast: Cast, operators: dict[str, int]) -> None:
    for name, operator_id in operators.items():
        cast.owners[name] = build_person(operator_id, name)
