"""Billing profiles: the rules by which customers are billed, cut and brought back (SPEC §1, 2.5)."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any

from backhaul.catalog.naming import insert_named, update_named
from backhaul.common.errors import InvalidInput, NotFound
from backhaul.common.money import refuse_beyond_limit
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit

CREDIT_REASONS = ("operator", "unpaid", "short", "outage")
VALUES = {
    "billing_type": ("monthly", "daily", "free"),
    "cycle": ("calendar", "anniversary", "custom_day", "validity"),
    "on_suspend": ("walled", "reject"),
    "access": ("bill_first", "pay_first"),
    "billed": ("advance", "arrears"),
    "reactivate_when": ("full", "overdue", "share"),
    "on_late_payment": ("keeps_end", "restarts"),
    "change_period": ("days_left", "fresh"),
    "change_billed": ("at_once", "with_next"),
    "downgrade": ("credited", "not_credited", "next_cycle"),
}
LIMITS = {
    "cycle_day": (1, 31),
    "validity_days": (1, 366),
    "due_days": (0, 90),
    "grace_days": (0, 90),
    "late_fee_after_days": (0, 90),
    "round_bill_to_minor": (1, 100_000),
    "reactivate_share_bp": (1, 10_000),
}
AMOUNTS = ("suspend_if_due_over_minor", "late_fee_minor", "upgrade_fee_minor")


@dataclass(frozen=True)
class ProfileRules:
    """The rules of a billing profile. `validity_days` goes with the cycle "validity" (billing type "daily") only."""

    billing_type: str = "monthly"
    cycle: str = "calendar"
    cycle_day: int = 1
    validity_days: int | None = None
    due_days: int = 0
    grace_days: int = 0
    auto_bill: bool = True
    auto_suspend: bool = False
    on_suspend: str = "walled"
    access: str = "bill_first"
    billed: str = "advance"
    prices_include_vat: bool = False
    round_bill_to_minor: int = 1
    credit_days_for: tuple[str, ...] = ()
    suspend_if_due_over_minor: int = 0
    reactivate_when: str = "overdue"
    reactivate_share_bp: int = 10_000
    on_late_payment: str = "restarts"
    late_fee_minor: int = 0
    late_fee_after_days: int = 0
    change_period: str = "days_left"
    change_billed: str = "at_once"
    upgrade_fee_minor: int = 0
    downgrade: str = "credited"


# What to start from; every field can be changed afterwards.
PRESETS = {
    "calendar": ProfileRules(due_days=7, grace_days=3, auto_suspend=True),
    "anniversary": ProfileRules(cycle="anniversary", due_days=7, grace_days=3, auto_suspend=True),
    "pay_first": ProfileRules(billing_type="daily", cycle="validity", validity_days=30, access="pay_first"),
    "arrears": ProfileRules(billed="arrears", due_days=10, grace_days=5, auto_suspend=True),
    "free": ProfileRules(billing_type="free"),
}


def add_billing_profile(*, name: str, rules: ProfileRules, handed_down: bool = False) -> int:
    """Add a rule set for customers; `handed_down`: those below use it too. Returns its id."""
    current_scope().require("catalog.edit")
    _refuse_wrong_rules(rules)
    return insert_named("billing_profile", name, {**_columns(rules), "handed_down": handed_down})


def update_billing_profile(
    *, profile_id: int, name: str, rules: ProfileRules, handed_down: bool, on: date, now: datetime
) -> None:
    """Change an own profile. Bills are made by the new rules from each customer's next period; the rules of cutting and
    coming back hold at once; a late fee that is new is asked for bills issued from `on` on.

    The billing type and the cycle stay once services use the profile: their running periods end by them.
    """
    current_scope().require("catalog.edit")
    _refuse_wrong_rules(rules)
    before = get_billing_profile(profile_id)
    fixed = ("billing_type", "cycle", "cycle_day", "validity_days", "billed", "access")
    differs = [name for name in fixed if getattr(rules, name) != before[name]]
    if differs and call("profile_in_use", profile=profile_id):
        raise InvalidInput(
            "Customers' running periods end by this rule; add another profile and move customers to it.",
            field=differs[0],
        )
    late_from = {"late_fee_from_on": on} if rules.late_fee_minor and not before["late_fee_minor"] else {}
    update_named("billing_profile", profile_id, name, {**_columns(rules), "handed_down": handed_down, **late_from})
    changed = {key: value for key, value in asdict(rules).items() if value != before[key]}
    record_audit(verb="changed", subject_type="billing_profile", subject_id=profile_id, at=now, **changed)


def get_billing_profile(profile_id: int) -> dict[str, Any]:
    """An own profile with all its rules; raises NotFound."""
    found = rows(
        f"SELECT id, name, handed_down, {', '.join(asdict(ProfileRules()))} FROM billing_profile "
        "WHERE operator_id = %s AND id = %s",
        [current_scope().operator_id, profile_id],
    )
    if not found:
        raise NotFound("There is no such billing profile.")
    return found[0] | {"credit_days_for": tuple(found[0]["credit_days_for"])}


def rules_of(profile: dict[str, Any]) -> ProfileRules:
    """The rules in a row of get_billing_profile."""
    return ProfileRules(**{name: profile[name] for name in asdict(ProfileRules())})


def _columns(rules: ProfileRules) -> dict[str, object]:
    return {**asdict(rules), "credit_days_for": list(rules.credit_days_for)}


def _refuse_wrong_rules(rules: ProfileRules) -> None:
    given = asdict(rules)
    for name, known in VALUES.items():
        if given[name] not in known:
            raise InvalidInput("Choose one of: %(known)s.", known=", ".join(known), field=name)
    for name, (low, high) in LIMITS.items():
        if given[name] is not None and not low <= given[name] <= high:
            raise InvalidInput("Give a number from %(low)s to %(high)s.", low=low, high=high, field=name)
    for name in AMOUNTS:
        if refuse_beyond_limit(given[name], field=name) < 0:
            raise InvalidInput("An amount is not negative.", field=name)
    if not set(rules.credit_days_for) <= set(CREDIT_REASONS):
        raise InvalidInput(
            "Choose among: %(credit_reasons)s.", credit_reasons=", ".join(CREDIT_REASONS), field="credit_days_for"
        )
    _refuse_contradictions(rules)


def _refuse_contradictions(rules: ProfileRules) -> None:
    if (rules.cycle == "validity") != (rules.validity_days is not None):
        raise InvalidInput(
            "A validity in days goes with the cycle “validity”, and only with it.", field="validity_days"
        )
    if (rules.billing_type == "daily") != (rules.cycle == "validity"):
        raise InvalidInput(
            "A fixed number of days goes with the billing type “daily”, and only with it.", field="cycle"
        )
    if rules.billed == "arrears" and (rules.billing_type, rules.access) != ("monthly", "bill_first"):
        raise InvalidInput(
            "In arrears, customers are billed by the month, and first billed, then paid.", field="billed"
        )


def start_from(preset: str, **changes: Any) -> ProfileRules:
    """The rules of a preset, some of them changed."""
    return replace(PRESETS[preset], **changes)
