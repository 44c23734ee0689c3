"""What an operator begins with: who it is, how far it may go, what it pays, and who signs in first (SPEC A37)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from backhaul.subscribers.rules import NumberFormat


@dataclass(frozen=True)
class Vat:
    """A seller's VAT switches from the day on which it begins."""

    starts_on: date
    rate_bp: int
    reclaims_input: bool = True


@dataclass(frozen=True)
class Terms:
    """What an operator may do and how far it may go: the edge's side of onboarding.

    `edge`: further terms by the name of the fund's column, see funds.services.set_edge_terms.
    """

    kind: str = "reseller"
    mode: str = "prepaid"
    may_have_children: bool = False
    edits_catalog: bool = False
    modules: frozenset[str] | None = None  # permissions; None: what is usual for its kind
    credit_limit_minor: int = 0
    low_balance_minor: int = 0
    started: bool = True
    trial_customers: int | None = None
    edge: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Identity:
    """How an operator looks, whom its customers call, and how it counts them. Without a colour it has the one above."""

    slug: str
    name: str
    colour: str | None = None
    numbering: NumberFormat = field(default_factory=NumberFormat)
    vat: Vat | None = None
    phone: str = ""
    email: str = ""
    address: str = ""
    year_starts_month: int | None = None  # None: January


@dataclass(frozen=True)
class FirstPerson:
    """The owner who signs in first."""

    name: str
    full_name: str
    password: str
    email: str = ""
    mobile: str = ""
    must_change_password: bool = True


@dataclass(frozen=True)
class TariffPrice:
    """A plan that is sold to the new operator, and for how much."""

    plan_operator_id: int
    plan_id: int
    price_minor: int


@dataclass(frozen=True)
class FirstRecharge:
    """`kind`: recharge (`paid` by cash, bank, mobile_wallet), recharge_credit or bonus."""

    kind: str
    amount_minor: int
    paid: str | None
    note: str = ""


@dataclass(frozen=True)
class Beginning:
    """What an operator starts with beside its terms: prices, zones like these of its parent's, its owner, money."""

    on: date
    at: datetime
    request_key: str
    owner: FirstPerson
    prices: tuple[TariffPrice, ...] = ()
    zones: frozenset[int] = frozenset()
    recharge: FirstRecharge | None = None


@dataclass(frozen=True)
class FirstOffer:
    """A plan, a package over it and a billing profile, so that customers can be added at once."""

    name: str
    down_kbps: int
    up_kbps: int
    price_minor: int
    profile_name: str
    profile: str  # one of catalog.profiles.PRESETS
