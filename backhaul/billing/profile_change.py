"""Another billing profile for a service: from its next period on (SPEC B20)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from backhaul.catalog.queries import list_billing_profiles_offered
from backhaul.common.errors import NotFound, Refusal
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.blocks import StatusRefused, finish
from backhaul.subscribers.rules import anchor_day_of


class SameProfile(Refusal):
    """The service is billed by this profile already."""

    code = "same_profile"


class BilledOtherwise(Refusal):
    """One profile bills before the period, the other after it: the running period belongs to the one it began under."""

    code = "billed_otherwise"


def change_profile(*, subscription_id: int, profile: tuple[int, int], on: date, now: datetime) -> None:
    """Bill a service by another profile from its next period on; what is billed stays as it is.

    `profile`: (operator id, id) of one on offer. Raises NotFound, StatusRefused, SameProfile, BilledOtherwise.
    """
    scope = current_scope()
    scope.require("customers.edit")
    if profile not in {(row["operator_id"], row["id"]) for row in list_billing_profiles_offered()}:
        raise NotFound("Choose a billing profile that you can use.", field="profile")
    call("lock_for_charge", subscription=subscription_id)
    service = _service(subscription_id, profile)
    if service["left_on"] is not None:
        raise StatusRefused("This customer has left; take it back first.")
    if (service["profile_operator_id"], service["profile_id"]) == profile:
        raise SameProfile("The service is billed by this profile already.")
    if service["was_billed"] != service["billed"]:
        raise BilledOtherwise(
            "One of the two profiles bills before the period, the other after it: take the customer back as a new one."
        )
    execute(
        "UPDATE subscription SET profile_operator_id = %s, profile_id = %s, anchor_day = %s "
        "WHERE operator_id = %s AND id = %s",
        [
            *profile,
            anchor_day_of(service["cycle"], service["cycle_day"], service["joined_on"]),
            scope.operator_id,
            subscription_id,
        ],
    )
    finish(subscription_id, "profile_changed", now, profile=profile[1], was=service["profile_id"], on=str(on))


def _service(subscription_id: int, profile: tuple[int, int]) -> dict[str, Any]:
    found = rows(
        "SELECT s.left_on, s.profile_operator_id, s.profile_id, c.joined_on, was.billed AS was_billed, "
        "p.billed, p.cycle, p.cycle_day FROM subscription s "
        "JOIN customer c ON c.operator_id = s.operator_id AND c.id = s.customer_id "
        "JOIN billing_profile was ON was.operator_id = s.profile_operator_id AND was.id = s.profile_id "
        "JOIN billing_profile p ON p.operator_id = %s AND p.id = %s WHERE s.operator_id = %s AND s.id = %s",
        [*profile, current_scope().operator_id, subscription_id],
    )
    if not found:
        raise NotFound("There is no such service.")
    return found[0]
