"""Commands of the catalogue: plans, packages, billing profiles, tariffs, VAT; in the caller's unit of work."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backhaul.catalog import queries
from backhaul.common.errors import InvalidInput, NotAllowed, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope


class NameInUse(Refusal):
    """The operator has a plan, package or profile of that name already."""

    code = "name_in_use"


class PriceInThePast(Refusal):
    """A later version of a price would change what was charged already."""

    code = "price_in_the_past"


class PriceExists(Refusal):
    """A version of the price starts on that day already."""

    code = "price_exists"


@dataclass(frozen=True)
class ProfileRules:
    """The rules of a billing profile (SPEC §1). `validity_days` goes with the cycle "validity" only."""

    billing_type: str = "monthly"
    cycle: str = "calendar"
    cycle_day: int = 1
    validity_days: int | None = None
    due_days: int = 0
    grace_days: int = 0
    auto_suspend: bool = False
    on_suspend: str = "walled"


def add_plan(*, name: str, down_kbps: int, up_kbps: int, pool: tuple[int, int] | None = None) -> int:
    """Add a plan of the ISP: speed and pool, no price. Returns its id."""
    scope = current_scope()
    scope.require("catalog.edit")
    if scope.parent_id is not None:
        raise NotAllowed("Plans belong to the ISP; make packages over the plans that your provider sells you.")
    if down_kbps <= 0 or up_kbps <= 0:
        raise InvalidInput("Give both speeds in kbit/s, more than zero.", field="down_kbps")
    pool_operator_id, pool_id = pool or (None, None)
    return _insert(
        "plan",
        name,
        {"down_kbps": down_kbps, "up_kbps": up_kbps, "pool_operator_id": pool_operator_id, "pool_id": pool_id},
    )


def add_package(*, name: str, plan_operator_id: int, plan_id: int, price_minor: int, handed_down: bool = False) -> int:
    """Add a retail offer over a plan of the acting operator's chain; `handed_down`: those below sell it too."""
    scope = current_scope()
    scope.require("catalog.edit")
    if refuse_beyond_limit(price_minor, field="price_minor") < 0:
        raise InvalidInput("A price is not negative.", field="price_minor")
    if plan_operator_id not in scope.path or not queries.plan_exists(plan_operator_id, plan_id):
        raise NotFound("There is no such plan.", field="plan")
    return _insert(
        "package",
        name,
        {
            "plan_operator_id": plan_operator_id,
            "plan_id": plan_id,
            "price_minor": price_minor,
            "handed_down": handed_down,
        },
    )


def add_billing_profile(*, name: str, rules: ProfileRules, handed_down: bool = False) -> int:
    """Add a rule set for customers; `handed_down`: those below use it too. Returns its id."""
    current_scope().require("catalog.edit")
    if (rules.cycle == "validity") != (rules.validity_days is not None):
        raise InvalidInput(
            "A validity in days goes with the cycle “validity”, and only with it.", field="validity_days"
        )
    return _insert("billing_profile", name, {**vars(rules), "handed_down": handed_down})


def set_tariff_price(
    *, child_id: int, plan_operator_id: int, plan_id: int, starts_on: date, price_minor: int, today: date
) -> None:
    """Sell a plan to a direct child at a wholesale price from a day on; what was charged stays as it was (SPEC 2.1)."""
    current_scope().require("resellers.edit")
    if refuse_beyond_limit(price_minor, field="price_minor") < 0:
        raise InvalidInput("A price is not negative.", field="price_minor")
    call(
        "set_tariff_price",
        child=child_id,
        plan_operator=plan_operator_id,
        plan=plan_id,
        starts_on=starts_on,
        price_minor=price_minor,
        today=today,
    )


def set_vat(*, starts_on: date, registered: bool, rate_bp: int = 0, reclaims_input: bool = True) -> None:
    """Set the acting operator's VAT switches from a day on; `rate_bp` in hundredths of a percent (SPEC 2.1)."""
    if not 0 <= rate_bp <= 10_000 or (rate_bp and not registered):
        raise InvalidInput(
            "A VAT rate lies between 0 and 100 %, and only a registered seller has one.", field="rate_bp"
        )
    added = rows(
        "INSERT INTO vat_setting (operator_id, starts_on, registered, rate_bp, reclaims_input) "
        "VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING RETURNING 1",
        [current_scope().operator_id, starts_on, registered, rate_bp, reclaims_input],
    )
    if not added:
        raise PriceExists(f"A VAT rate from {starts_on} is set already; choose another day.", field="starts_on")


def _insert(table: str, name: str, values: dict[str, object]) -> int:
    if not name.strip():
        raise InvalidInput("Give it a name.", field="name")
    columns = ["operator_id", "name", *values]
    added = rows(
        f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join(['%s'] * len(columns))}) "
        "ON CONFLICT (operator_id, name) DO NOTHING RETURNING id",
        [current_scope().operator_id, name.strip(), *values.values()],
    )
    if not added:
        raise NameInUse(f"There is a “{name.strip()}” already; choose another name.", field="name")
    return int(added[0]["id"])
