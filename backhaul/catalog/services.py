"""Commands of the catalogue: plans, packages, billing profiles, tariffs, VAT; in the caller's unit of work."""

from __future__ import annotations

from datetime import date

from backhaul.catalog.naming import NameInUse
from backhaul.catalog.packages import (
    PriceInThePast,
    add_package,
    set_package_price,
    update_package,
    withdraw_package,
)
from backhaul.catalog.plans import add_plan, update_plan, withdraw_plan
from backhaul.catalog.profiles import ProfileRules, add_billing_profile, update_billing_profile
from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope

__all__ = [
    "NameInUse", "PriceInThePast", "ProfileRules", "add_billing_profile", "add_package", "add_plan",
    "set_package_price", "update_billing_profile", "update_package", "update_plan", "withdraw_package", "withdraw_plan",
]  # fmt: skip


class PriceExists(Refusal):
    """A version of the setting starts on that day already."""

    code = "price_exists"


def set_tariff_price(
    *,
    child_id: int,
    plan_operator_id: int,
    plan_id: int,
    starts_on: date,
    price_minor: int,
    today: date,
    validity_days: int | None = None,
) -> None:
    """Sell a plan to a direct child at a wholesale price from a day on; what was charged stays as it was (SPEC 2.1).

    A price that has not begun is replaced by another one for its day. The price is for a whole retail cycle or, with
    `validity_days`, for that many days, whatever the cycle (SPEC 2.2).
    """
    current_scope().require("resellers.edit")
    if refuse_beyond_limit(price_minor, field="price_minor") < 0:
        raise InvalidInput("A price is not negative.", field="price_minor")
    if validity_days is not None and not 1 <= validity_days <= 366:
        raise InvalidInput("A validity is 1 to 366 days.", field="validity_days")
    call(
        "set_tariff_price",
        child=child_id,
        plan_operator=plan_operator_id,
        plan=plan_id,
        starts_on=starts_on,
        price_minor=price_minor,
        today=today,
        validity_days=validity_days,
    )


def set_vat(
    *,
    starts_on: date,
    registered: bool,
    rate_bp: int = 0,
    reclaims_input: bool = True,
    relief_on_bad_debt: bool = False,
    today: date | None = None,
) -> None:
    """Set the acting operator's VAT switches from a day on; `rate_bp` in hundredths of a percent (SPEC 2.1).

    Of one day there is one setting; where `today` is given and that day is ahead, another one takes its place.

    Whether input VAT is reclaimed does not change for charges booked already: a refund finds it where they put it.
    """
    current_scope().require("catalog.edit")
    if not 0 <= rate_bp <= 10_000 or (rate_bp and not registered):
        raise InvalidInput(
            "A VAT rate lies between 0 and 100 %, and only a registered seller has one.", field="rate_bp"
        )
    _refuse_other_reclaim(starts_on, registered and reclaims_input)
    me, is_ahead = current_scope().operator_id, today is not None and starts_on > today
    there = rows("SELECT 1 FROM vat_setting WHERE operator_id = %s AND starts_on = %s LIMIT 1", [me, starts_on])
    if there and not is_ahead:
        raise PriceExists(
            "A VAT rate from %(starts_on)s is set already; choose another day.", starts_on=starts_on, field="starts_on"
        )
    execute(
        "INSERT INTO vat_setting (operator_id, starts_on, registered, rate_bp, reclaims_input, relief_on_bad_debt) "
        "VALUES (%s, %s, %s, %s, %s, %s)",
        [me, starts_on, registered, rate_bp, reclaims_input, relief_on_bad_debt],
    )


def _refuse_other_reclaim(starts_on: date, reclaims_input: bool) -> None:
    """Raises InvalidInput where charges were booked by the other rule on days for which this one would hold."""
    booked = rows(
        "SELECT max(c.charged_on) AS last_on FROM charge c "
        "WHERE c.child_id = %(me)s AND c.vat_minor > 0 AND c.charged_on >= %(from)s "
        "AND c.charged_on < COALESCE((SELECT min(v.starts_on) FROM vat_setting v "
        "WHERE v.operator_id = %(me)s AND v.starts_on > %(from)s), 'infinity') "
        "AND reclaims_input_on(%(me)s, c.charged_on) <> %(reclaims)s",
        {"me": current_scope().operator_id, "from": starts_on, "reclaims": reclaims_input},
    )
    if booked[0]["last_on"] is not None:
        raise InvalidInput(
            "Input VAT was booked otherwise until %(booked_last_on)s; choose a day after that.",
            booked_last_on=booked[0]["last_on"],
            field="starts_on",
        )
