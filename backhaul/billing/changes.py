"""Package change: now, or at the next cycle (SPEC 2.7, B32)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.catalog.queries import list_packages_offered
from backhaul.common.errors import NotFound, Refusal
from backhaul.network.services import send_soon
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers import services as subscribers

Package = tuple[int, int]


class SamePackage(Refusal):
    """The service has the package already."""

    code = "same_package"


class ConnectionRefused(Refusal):
    """The plan of the package is not sold for the way in which the customer connects."""

    code = "connection_refused"


class RenewalWaits(Refusal):
    """What the service should have been billed for is not billed yet: nothing can be credited or charged on top."""

    code = "renewal_waits"


class ChangeTomorrow(Refusal):
    """A period that is billed at its end began today: it has no day yet at its old price."""

    code = "change_tomorrow"


class DowngradeWaits(Refusal):
    """The billing profile lets the service go to a cheaper package at its next cycle only."""

    code = "downgrade_waits"


class PaysFirst(Refusal):
    """The customer's advance does not cover the new period, and its profile is paid before it runs."""

    code = "pays_first"


@dataclass(frozen=True)
class Change:
    """What a change of package did, in minor units with VAT: credited for the old, billed for the new, and the fee."""

    credit_minor: int
    to_advance_minor: int
    billed_minor: int
    invoice_id: int | None
    fee_minor: int

    @property
    def net_minor(self) -> int:
        """What the customer owes more (below zero: less) by the change."""
        return self.billed_minor + self.fee_minor - self.credit_minor


def change_package(
    *, subscription_id: int, package: Package, on: date, now: datetime, custom_price_minor: int | None = None
) -> Change:
    """Change the package on `on`, which belongs to the new one: the net is charged on every edge, or nothing changes.

    `package`: (operator id, id) of one on offer. `custom_price_minor`: the service's own price of it; a price of its
    own that it had ends. An upgrade is refused below the fund's low-balance mark.
    Raises SamePackage, ConnectionRefused, StatusRefused, RenewalWaits, ChangeTomorrow, DowngradeWaits, PaysFirst,
    FundLow, FundTooLow, UpstreamShort, NoTariff.
    """
    current_scope().require("customers.edit")
    call("lock_for_charge", subscription=subscription_id)
    _refuse_what_is_not_offered(package, on)
    wanted: dict[str, Any] = {
        "subscription": subscription_id,
        "package_operator": package[0],
        "package": package[1],
        "custom_price_minor": subscribers.refuse_negative_price(custom_price_minor),
        "on": on,
    }
    if call("change_direction", **wanted) == 1:
        subscribers.refuse_low_fund(count=0)
    change = Change(**call("change_package", **wanted, now=now))
    send_soon()
    _note(subscription_id, "package_changed", now, package=package[1], on=str(on), net_minor=change.net_minor)
    return change


def plan_change(*, subscription_id: int, package: Package, on: date, now: datetime) -> date:
    """Agree on a change for the next cycle; an earlier agreement is replaced. Returns the day on which it happens.

    No money moves now: the period that begins then is billed at that day's prices.
    """
    me = current_scope().operator_id
    current_scope().require("customers.edit")
    call("lock_for_charge", subscription=subscription_id)
    _refuse_what_is_not_offered(package, on)
    service = _service(subscription_id)
    if service["left_on"] is not None:
        raise subscribers.StatusRefused("This customer has left; take it back first.")
    if (service["package_operator_id"], service["package_id"]) == package:
        raise SamePackage("The service has this package already; choose another one.")
    call("hold_plans", package_operators=[package[0]], packages=[package[1]])
    call("refuse_connection", subscription=subscription_id, package_operator=package[0], package=package[1])
    changes_on: date = max(service["ends_on"], on)
    execute("DELETE FROM planned_change WHERE operator_id = %s AND subscription_id = %s", [me, subscription_id])
    execute(
        "INSERT INTO planned_change (operator_id, subscription_id, package_operator_id, package_id, on_date, "
        "planned_at, by_actor_id) VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [me, subscription_id, *package, changes_on, now, current_scope().actor_id],
    )
    _note(subscription_id, "change_planned", now, package=package[1], on=str(changes_on))
    return changes_on


def cancel_planned_change(*, subscription_id: int, now: datetime) -> None:
    """Do away with what was agreed for the next cycle; raises NotFound where nothing was."""
    current_scope().require("customers.edit")
    if not execute(
        "DELETE FROM planned_change WHERE operator_id = %s AND subscription_id = %s",
        [current_scope().operator_id, subscription_id],
    ):
        raise NotFound("No change is planned for this service.")
    _note(subscription_id, "change_cancelled", now)


def _refuse_what_is_not_offered(package: Package, on: date) -> None:
    offered = {(row["operator_id"], row["id"]): row["name"] for row in list_packages_offered(on)}
    if package not in offered:
        names = ", ".join(offered.values()) or "none yet"
        raise NotFound("Choose a package that you can offer: %(names)s.", names=names, field="package")


def _service(subscription_id: int) -> dict[str, Any]:
    """The package of a service, and the day on which what it is billed and charged for ends."""
    found = rows(
        "SELECT s.package_operator_id, s.package_id, s.left_on, GREATEST(b.billed_until, b.charged_until) AS ends_on "
        "FROM subscription s JOIN billing_state b ON b.operator_id = s.operator_id AND b.subscription_id = s.id "
        "WHERE s.operator_id = %s AND s.id = %s",
        [current_scope().operator_id, subscription_id],
    )
    return found[0]


def _note(subscription_id: int, verb: str, at: datetime, **detail: Any) -> None:
    record_audit(verb=verb, subject_type="subscription", subject_id=subscription_id, at=at, **detail)
