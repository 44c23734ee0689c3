"""Commands on customers and the status of their services, in the caller's unit of work (SPEC §5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import format_minor
from backhaul.funds.queries import get_own_fund
from backhaul.network.services import change_password, provision_login, update_login
from backhaul.operators.functions import execute, rows
from backhaul.operators.queries import get_provider_name
from backhaul.operators.scope import current_scope
from backhaul.operators.services import record_audit
from backhaul.subscribers.blocks import (
    StatusRefused,
    close_blocks,
    finish,
    has_blocks,
    lock_service,
    open_block,
    set_activated,
    set_left,
)
from backhaul.subscribers.queries import get_customer
from backhaul.subscribers.rules import (
    CONNECTION_TYPES,
    NumberFormat,
    anchor_day_of,
    clean_mobile,
    clean_name,
    format_code,
)

# A payment lifts "unpaid" with the collector's permission to collect, checked where it is recorded.
PERMISSION_TO_LIFT = {
    "by_hand": "customers.suspend",
    "disabled": "customers.disable",
    "left": "customers.disable",
    "not_activated": "customers.edit",
    "unpaid": None,
}


class PrefixFrozen(Refusal):
    """Customer ids are in use: their prefix stays (SPEC A15)."""

    code = "prefix_frozen"


class FundLow(Refusal):
    """The operator's own fund is below its low-balance mark: no new customers until it is recharged (SPEC 2.4)."""

    code = "fund_low"


@dataclass(frozen=True)
class NewCustomer:
    """What is known of a customer to add. `package` and `profile` are (operator id, id) of what is offered."""

    name: str
    username: str
    password: str
    package: tuple[int, int]
    profile: tuple[int, int]
    mobile: str = ""
    connection_type: str = "pppoe"
    zone_id: int | None = None
    address: str = ""
    mac: str | None = None
    static_ip: str | None = None
    joined_on: date | None = None
    custom_price_minor: int | None = None


@dataclass(frozen=True)
class Lifted:
    """What a lifted block leaves: `is_online` when nothing else holds the service off."""

    is_online: bool


@dataclass(frozen=True)
class AddedCustomer:
    """A customer that add_customer made, or made at an earlier call with the same key (`repeated`)."""

    customer_id: int
    subscription_id: int
    code: str
    repeated: bool = False


def add_customer(
    *, customer: NewCustomer, activate: bool, on: date, at: datetime, request_key: str | None = None
) -> AddedCustomer:
    """Add a customer with one service and its login; bills nothing (billing's sign_up_customer does).

    Not activated: the login is rejected until lift_block("not_activated"). The same `request_key` again makes nothing.
    Raises UsernameTaken, AddressTaken, FundLow, NotFound for a package, profile or zone that is not offered.
    """
    scope = current_scope()
    scope.require("customers.edit")
    package, profile, zone_code = _check(customer, on)
    joined_on = customer.joined_on or on
    numbering, number = _lock_numbering()
    known = _find_by_key(request_key)
    if known is not None:
        return known
    refuse_low_fund()
    code = format_code(numbering, number, zone_code=zone_code, joined_on=joined_on)
    customer_id = _insert_customer(customer, code=code, joined_on=joined_on, request_key=request_key)
    subscription_id = _insert_subscription(customer, customer_id, profile, joined_on, on if activate else None)
    if not activate:
        execute(
            "INSERT INTO block (operator_id, subscription_id, reason, from_on, from_at, by_actor_id) "
            "VALUES (%s, %s, 'not_activated', %s, %s, %s)",
            [scope.operator_id, subscription_id, on, at, scope.actor_id],
        )
    provision_login(
        operator_id=scope.operator_id,
        isp_id=scope.isp_id,
        username=customer.username,
        password=customer.password,
        subscription_id=subscription_id,
        down_kbps=package["down_kbps"],
        up_kbps=package["up_kbps"],
        pool=_pool(package),
        static_ip=customer.static_ip,
        mac=customer.mac,
        connection_type=customer.connection_type,
        access="open" if activate else "reject",
        reject_reason=None if activate else "not activated",
    )
    record_audit(verb="added", subject_type="customer", subject_id=customer_id, at=at, code=code, activated=activate)
    return AddedCustomer(customer_id, subscription_id, code)


def refuse_low_fund() -> None:
    """Raises FundLow where the acting operator may not add or activate customers for want of funds (SPEC 2.4)."""
    fund = get_own_fund()
    if fund is None or not fund["low"]:
        return
    decimals = current_scope().currency_decimals
    available = format_minor(fund["available_minor"], decimals=decimals)
    mark = format_minor(fund["low_balance_minor"], decimals=decimals)
    raise FundLow(
        f"Your fund with {get_provider_name()} has {available} left, below the mark of {mark}: recharge it, "
        "then add and activate customers again. Customers you have stay online."
    )


def add_zone(*, name: str, code: str = "", parent_id: int | None = None) -> int:
    """Add a zone of the acting operator; one that exists is returned as it is."""
    if not name.strip():
        raise InvalidInput("Give the zone a name.", field="zone")
    scope = current_scope()
    scope.require("customers.edit")
    added = rows(
        "INSERT INTO zone (operator_id, parent_id, name, code) VALUES (%s, %s, %s, %s) "
        "ON CONFLICT (operator_id, parent_id, name) DO UPDATE SET name = EXCLUDED.name RETURNING id",
        [scope.operator_id, parent_id, name.strip(), code.strip()],
    )
    return int(added[0]["id"])


def update_customer(*, customer_id: int, at: datetime, **changes: Any) -> None:
    """Change name, mobile, address, zone_id, custom_price_minor (from the next period on), mac or static_ip."""
    scope = current_scope()
    scope.require("customers.edit")
    unknown = set(changes) - {"name", "mobile", "address", "zone_id", "custom_price_minor", "mac", "static_ip"}
    if unknown:
        raise InvalidInput(f"{', '.join(sorted(unknown))} cannot be changed here.")
    customer = get_customer(customer_id)
    own = {
        key: _cleaned(key, value) for key, value in changes.items() if key in ("name", "mobile", "address", "zone_id")
    }
    if own:
        execute(
            f"UPDATE customer SET {', '.join(f'{key} = %s' for key in own)} WHERE operator_id = %s AND id = %s",
            [*own.values(), scope.operator_id, customer_id],
        )
    if "custom_price_minor" in changes:
        execute(
            "UPDATE subscription SET custom_price_minor = %s WHERE operator_id = %s AND id = %s",
            [_checked_price(changes["custom_price_minor"]), scope.operator_id, customer["subscription_id"]],
        )
    login = {key: value for key, value in changes.items() if key in ("mac", "static_ip")}
    if login:
        update_login(operator_id=scope.operator_id, subscription_id=customer["subscription_id"], at=at, **login)
    record_audit(verb="changed", subject_type="customer", subject_id=customer_id, at=at, changed=sorted(changes))


def reset_password(*, customer_id: int, password: str, at: datetime) -> None:
    """Give a customer's login a new password and end its session."""
    scope = current_scope()
    scope.require("customers.edit")
    customer = get_customer(customer_id)
    change_password(
        operator_id=scope.operator_id, subscription_id=customer["subscription_id"], password=password, at=at
    )
    record_audit(verb="password_reset", subject_type="customer", subject_id=customer_id, at=at)


def suspend_subscription(*, subscription_id: int, why: str, on: date, at: datetime) -> None:
    """A temporary stop by a person, lifted by a person; walled in or rejected as the billing profile says."""
    current_scope().require("customers.suspend")
    open_block(subscription_id, "by_hand", why, on, at)
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
        refuse_low_fund()
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
    known = rows("SELECT prefix, next_number FROM customer_numbering WHERE operator_id = %s FOR NO KEY UPDATE", [me])
    if known and known[0]["next_number"] > 1 and known[0]["prefix"] != numbering.prefix:
        raise PrefixFrozen("Customers have ids with this prefix; it cannot change any more.", field="prefix")
    execute(
        "INSERT INTO customer_numbering (operator_id, prefix, infix, digits, postfix) VALUES (%s, %s, %s, %s, %s) "
        "ON CONFLICT (operator_id) DO UPDATE SET prefix = EXCLUDED.prefix, infix = EXCLUDED.infix, "
        "digits = EXCLUDED.digits, postfix = EXCLUDED.postfix",
        [me, numbering.prefix, numbering.infix, numbering.digits, numbering.postfix],
    )


def _check(customer: NewCustomer, on: date) -> tuple[dict[str, Any], dict[str, Any], str]:
    """The package and profile offered, and the zone's code; refuses what is not there."""
    package = _pick(list_packages_offered(on), customer.package, "package")
    profile = _pick(list_billing_profiles_offered(), customer.profile, "profile")
    if customer.connection_type not in CONNECTION_TYPES:
        raise InvalidInput(f"Choose a connection type: {', '.join(CONNECTION_TYPES)}.", field="connection_type")
    _checked_price(customer.custom_price_minor)
    if customer.zone_id is None:
        return package, profile, ""
    return package, profile, _zone_code(customer.zone_id)


def _pick(offered: list[dict[str, Any]], key: tuple[int, int], field: str) -> dict[str, Any]:
    for row in offered:
        if (row["operator_id"], row["id"]) == key:
            return row
    names = ", ".join(row["name"] for row in offered) or "none yet"
    raise NotFound(f"Choose a {field} that you can offer: {names}.", field=field)


def _pool(package: dict[str, Any]) -> tuple[int, int] | None:
    return None if package["pool_id"] is None else (package["pool_operator_id"], package["pool_id"])


def _zone_code(zone_id: int) -> str:
    found = rows("SELECT code FROM zone WHERE operator_id = %s AND id = %s", [current_scope().operator_id, zone_id])
    if not found:
        raise NotFound("There is no such zone.", field="zone")
    return str(found[0]["code"])


def _checked_price(price_minor: int | None) -> int | None:
    if price_minor is not None and price_minor < 0:
        raise InvalidInput("A price is not negative.", field="custom_price")
    return price_minor


def _cleaned(key: str, value: Any) -> Any:
    if key == "zone_id":
        if value is not None:
            _zone_code(value)
        return value
    if key == "address":
        return str(value).strip()
    return clean_name(value) if key == "name" else clean_mobile(value)


def _lock_numbering() -> tuple[NumberFormat, int]:
    """The operator's next customer number, its row locked until the transaction ends: so ids are gapless."""
    found = rows(
        "SELECT prefix, infix, digits, postfix, next_number FROM customer_numbering WHERE operator_id = %s "
        "FOR NO KEY UPDATE",
        [current_scope().operator_id],
    )
    if not found:
        raise NotFound("This operator's customer ids are not set up yet; finish its set-up first.")
    row = found[0]
    return NumberFormat(row["prefix"], row["infix"], row["digits"], row["postfix"]), row["next_number"]


def _find_by_key(request_key: str | None) -> AddedCustomer | None:
    if request_key is None:
        return None
    found = rows(
        "SELECT c.id, s.id AS subscription_id, c.code FROM customer c "
        "JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id "
        "WHERE c.operator_id = %s AND c.request_key = %s",
        [current_scope().operator_id, request_key],
    )
    return (
        AddedCustomer(found[0]["id"], found[0]["subscription_id"], found[0]["code"], repeated=True) if found else None
    )


def _insert_customer(customer: NewCustomer, *, code: str, joined_on: date, request_key: str | None) -> int:
    scope = current_scope()
    added = rows(
        "INSERT INTO customer (operator_id, code, name, mobile, address, zone_id, joined_on, username, request_key) "
        "VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
        [
            scope.operator_id,
            code,
            clean_name(customer.name),
            clean_mobile(customer.mobile),
            customer.address.strip(),
            customer.zone_id,
            joined_on,
            customer.username.strip(),
            request_key,
        ],
    )
    execute("UPDATE customer_numbering SET next_number = next_number + 1 WHERE operator_id = %s", [scope.operator_id])
    return int(added[0]["id"])


def _insert_subscription(
    customer: NewCustomer, customer_id: int, profile: dict[str, Any], joined_on: date, activated_on: date | None
) -> int:
    added = rows(
        "INSERT INTO subscription (operator_id, customer_id, package_operator_id, package_id, profile_operator_id, "
        "profile_id, custom_price_minor, anchor_day, activated_on) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
        "RETURNING id",
        [
            current_scope().operator_id,
            customer_id,
            *customer.package,
            *customer.profile,
            customer.custom_price_minor,
            anchor_day_of(profile["cycle"], profile["cycle_day"], joined_on),
            activated_on,
        ],
    )
    return int(added[0]["id"])
