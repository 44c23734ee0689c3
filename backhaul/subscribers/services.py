"""Commands on customers and the status of their services, in the caller's unit of work (SPEC §5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.common.money import format_minor
from backhaul.network.services import change_password, update_login
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.queries import get_provider_name
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.adding import (
    AddedCustomer,
    NewCustomer,
    find_by_key,
    hold_plans,
    insert_customers,
    insert_services,
    lock_numbering,
    look_up_offer,
    provision,
    refuse_negative_price,
    refuse_what_is_not_offered,
    zone_code_of,
)
from backhaul.subscribers.blocks import (
    StatusRefused,
    close_blocks,
    finish,
    has_blocks,
    insert_block,
    lock_service,
    open_block,
    set_activated,
    set_left,
)
from backhaul.subscribers.custom_fields import clean_values, list_values, write_values
from backhaul.subscribers.queries import get_customer, has_customers
from backhaul.subscribers.rules import NumberFormat, clean_mobile, clean_name, clean_place
from backhaul.subscribers.zones import add_zone, add_zones

__all__ = ["AddedCustomer", "NewCustomer", "StatusRefused", "add_zone", "add_zones", "refuse_negative_price"]

# A payment lifts "unpaid" with the collector's permission to collect, checked where it is recorded.
PERMISSION_TO_LIFT = {
    "by_hand": "customers.suspend",
    "disabled": "customers.disable",
    "left": "customers.disable",
    "not_activated": "customers.edit",
    "unpaid": None,
}


# Why no new services may be taken on, and what lifts it.
NO_NEW_SERVICES = {
    "low_balance": "Your fund with {provider} has {available_minor} left, below the mark of {mark_minor}: recharge it, "
    "then add and activate customers again.",
    "minimum_balance": "Your fund with {provider} has {available_minor} left, below its minimum: recharge it to "
    "{mark_minor}, then add and activate customers again.",
    "recharge_reversed": "{provider} took back a recharge that was used already: pay the {owed_minor} that you owe, "
    "then add and activate customers again.",
    "trial": "{provider} has not started your account yet; until then you can have {customers} customers. "
    "Ask it to start it.",
    "closed": "{provider} settled and closed this account; nothing new begins in it.",
    "provider": "{provider} cannot take new customers at the moment; ask it.",
}


class PrefixFrozen(Refusal):
    """Customer ids are in use: their prefix stays (SPEC A15)."""

    code = "prefix_frozen"


class FundLow(Refusal):
    """No new customers for now: the operator's own fund is low, guarded, in debt or on trial (SPEC 2.4)."""

    code = "fund_low"


@dataclass(frozen=True)
class Lifted:
    """What a lifted block leaves: `is_online` when nothing else holds the service off."""

    is_online: bool


def add_customer(
    *, customer: NewCustomer, activate: bool, on: date, at: datetime, request_key: str | None = None
) -> AddedCustomer:
    """Add a customer with one service and its login; bills nothing (billing's sign_up_customer does).

    Not activated: the login is rejected until lift_block("not_activated"). The same `request_key` again makes nothing.
    Raises UsernameTaken, AddressTaken, FundLow, NotFound for a package, profile or zone that is not offered.
    """
    current_scope().require("customers.edit")
    hold_plans([customer])
    offer = look_up_offer(on)
    refuse_what_is_not_offered(customer, offer)
    custom = clean_values(customer.custom)
    numbering, number = lock_numbering()
    known = find_by_key(request_key)
    if known is not None:
        return known
    refuse_low_fund()
    added = insert_customers([customer], offer, numbering, number, request_key=request_key)[0]
    insert_services([customer], [added], offer, activated_on=on if activate else None)
    if not activate:
        insert_block(added.subscription_id, "not_activated", "", on, at)
    provision([customer], [added], offer, is_open=activate)
    write_values(added.customer_id, custom)
    record_audit(
        verb="added", subject_type="customer", subject_id=added.customer_id, at=at, code=added.code, activated=activate
    )
    return added


def add_customers(*, customers: Sequence[NewCustomer], on: date, at: datetime, source: str) -> list[AddedCustomer]:
    """Add many active customers in a few statements, all or none; `source` says in the audit trail where from.

    For imports, which have checked every row: refuses like add_customer at the first that does not fit.
    """
    current_scope().require("customers.import")
    if not customers:
        return []
    refuse_low_fund(len(customers))
    hold_plans(customers)
    offer = look_up_offer(on)
    for customer in customers:
        refuse_what_is_not_offered(customer, offer)
    numbering, number = lock_numbering()
    added = insert_customers(customers, offer, numbering, number)
    insert_services(customers, added, offer, activated_on=on)
    provision(customers, added, offer, is_open=True)
    record_audit(
        verb="imported",
        subject_type="operator",
        subject_id=current_scope().operator_id,
        at=at,
        customers=len(added),
        source=source,
    )
    return added


def refuse_low_fund(count: int = 1) -> None:
    """Raises FundLow where the acting operator may not take on `count` services (0: upgrade one) now (SPEC 2.4).

    Existing customers are renewed, collected from and suspended all the same; each cause lifts by itself.
    """
    found: dict[str, Any] | None = call("why_no_new_services", count=count)
    if found is None:
        return
    decimals = current_scope().currency_decimals
    sums = {name: format_minor(found[name], decimals=decimals) for name in found if name.endswith("_minor")}
    told = NO_NEW_SERVICES[found["why"]].format(**found | sums, provider=get_provider_name())
    raise FundLow("%(told)s Customers you have stay online.", told=told)


CHANGEABLE = ("name", "mobile", "address", "zone_id", "latitude", "longitude")


def update_customer(*, customer_id: int, at: datetime, custom: Mapping[int, str] | None = None, **changes: Any) -> None:
    """Change name, mobile, address, zone_id, latitude and longitude, mac or static_ip, and `custom`: values of the
    operator's own fields. A price of its own: prices.set_custom_price. The trail keeps what was and what is."""
    scope = current_scope()
    scope.require("customers.edit")
    unknown = set(changes) - {*CHANGEABLE, "mac", "static_ip"}
    if unknown:
        raise InvalidInput("%(unknown)s cannot be changed here.", unknown=", ".join(sorted(unknown)))
    customer = get_customer(customer_id)
    known = {field["id"]: field for field in list_values(customer_id)} if custom is not None else {}
    present = {key: field["value"] for key, field in known.items()}
    values = clean_values(custom, present=present) if custom is not None else {}
    own = {key: _cleaned(key, value) for key, value in changes.items() if key in CHANGEABLE}
    if {"latitude", "longitude"} & set(own):
        place = clean_place(own.get("latitude", customer["latitude"]), own.get("longitude", customer["longitude"]))
        own |= dict(zip(("latitude", "longitude"), place, strict=True))
    if own:
        execute(
            f"UPDATE customer SET {', '.join(f'{key} = %s' for key in own)} WHERE operator_id = %s AND id = %s",
            [*own.values(), scope.operator_id, customer_id],
        )
    login = {key: value for key, value in changes.items() if key in ("mac", "static_ip")}
    if login:
        update_login(operator_id=scope.operator_id, subscription_id=customer["subscription_id"], at=at, **login)
    write_values(customer_id, values)
    asked = [*own, *login, *(known[field]["label"] for field in values)]
    is_now = _told(get_customer(customer_id)) | {known[field]["label"]: value for field, value in values.items()}
    was = _told(customer) | {field["label"]: field["value"] for field in known.values()}
    changed = sorted(key for key in asked if (is_now[key] or "") != (was[key] or ""))
    if changed:
        record_audit(
            verb="changed", subject_type="customer", subject_id=customer_id, at=at, changed=changed,
            was={key: was[key] for key in changed}, now={key: is_now[key] for key in changed},
        )  # fmt: skip


def _told(customer: dict[str, Any]) -> dict[str, Any]:
    """A customer as its trail tells of it: a zone by its name, which it has even when the zone is gone."""
    return customer | {"zone_id": customer["zone"]}


def reset_password(*, customer_id: int, password: str, at: datetime) -> None:
    """Give a customer's login a new password and end its session."""
    scope = current_scope()
    scope.require("customers.edit")
    scope.refuse_inside()
    customer = get_customer(customer_id)
    change_password(
        operator_id=scope.operator_id, subscription_id=customer["subscription_id"], password=password, at=at
    )
    record_audit(verb="password_reset", subject_type="customer", subject_id=customer_id, at=at)


def suspend_subscription(*, subscription_id: int, why: str, on: date, at: datetime, until_paid: bool = False) -> None:
    """A temporary stop by a person; walled in or rejected as the billing profile says.

    Lifted by a person or, with `until_paid`, by the payment of all that is overdue.
    """
    current_scope().require("customers.suspend")
    open_block(subscription_id, "unpaid" if until_paid else "by_hand", why, on, at)
    finish(subscription_id, "suspended", at, why=why)


def disable_subscription(*, subscription_id: int, why: str, on: date, at: datetime) -> None:
    """A full stop by a person: logins are rejected."""
    current_scope().require("customers.disable")
    open_block(subscription_id, "disabled", why, on, at)
    finish(subscription_id, "disabled", at, why=why)


def mark_left(*, subscription_id: int, why: str, on: date, at: datetime) -> None:
    """The customer is gone from this day on: logins are rejected, nothing is billed any more."""
    current_scope().require("customers.disable")
    open_block(subscription_id, "left", why, on, at)
    set_left(subscription_id, on)
    finish(subscription_id, "left", at, why=why)


def lift_block(*, subscription_id: int, reason: str, on: date, at: datetime, why: str = "") -> Lifted:
    """Lift one block for its own cause: billing's bring_back calls this, and bills what is due on the return.

    `reason`: by_hand, disabled, left (by a person), not_activated (the first activation), unpaid (a payment came); the
    others go with a recharge or a renewal. Raises StatusRefused where there is no such block, and FundLow.
    """
    if reason not in PERMISSION_TO_LIFT:
        raise StatusRefused("This block is lifted by its own cause only: a recharge or a renewal.")
    permission = PERMISSION_TO_LIFT[reason]
    if permission is not None:
        current_scope().require(permission)
    lock_service(subscription_id)
    if reason == "not_activated":
        refuse_low_fund(count=0)  # a trial counts it already
    if not close_blocks(subscription_id, [reason], on, at):
        raise StatusRefused("There is no such block on this service; reload the page to see its status.")
    if reason == "left":
        set_left(subscription_id, None)
    if reason == "not_activated":
        set_activated(subscription_id, on)
    verb = "activated" if reason == "not_activated" else "restored"
    finish(subscription_id, verb, at, lifted=reason, why=why)
    return Lifted(is_online=not has_blocks(subscription_id))


def set_numbering(numbering: NumberFormat) -> None:
    """Set how the acting operator's customer ids look; the prefix freezes with the first customer."""
    me = current_scope().operator_id
    known = rows("SELECT prefix FROM customer_numbering WHERE operator_id = %s FOR NO KEY UPDATE", [me])
    if known and known[0]["prefix"] != numbering.prefix and has_customers():
        raise PrefixFrozen("Customers have ids with this prefix; it cannot change any more.", field="prefix")
    execute(
        "INSERT INTO customer_numbering (operator_id, prefix, infix, digits, postfix) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET prefix = EXCLUDED.prefix, infix = EXCLUDED.infix, "
        "digits = EXCLUDED.digits, postfix = EXCLUDED.postfix",
        [me, numbering.prefix, numbering.infix, numbering.digits, numbering.postfix],
    )


def change_numbering(numbering: NumberFormat, *, next_number: int, at: datetime) -> None:
    """The same by a person, who chooses the first number too as long as nobody has one (SPEC A15)."""
    scope = current_scope()
    scope.require("settings.edit")
    set_numbering(numbering)
    changed = execute(
        "UPDATE customer_numbering SET next_number = %s WHERE operator_id = %s AND (next_number = %s OR NOT EXISTS "
        "(SELECT 1 FROM customer WHERE operator_id = %s))",
        [next_number, scope.operator_id, next_number, scope.operator_id],
    )
    if not changed:
        raise PrefixFrozen("Customers have numbers: they go on without a gap.", field="next_number")
    record_audit(
        verb="numbering_set", subject_type="operator", subject_id=scope.operator_id, at=at, next_number=next_number,
        **asdict(numbering),
    )  # fmt: skip


def _cleaned(key: str, value: Any) -> Any:
    if key == "zone_id":
        if value is not None:
            zone_code_of(value)
        return value
    if key == "address":
        return str(value).strip()
    if key in ("latitude", "longitude"):
        return value
    return clean_name(value) if key == "name" else clean_mobile(value)
