"""The rows of new customers, many at a time: what add_customer and add_customers are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from backhaul.catalog.guards import Band, bands_on, refuse_outside
from backhaul.catalog.queries import list_billing_profiles_offered, list_packages_offered
from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.network.services import CONNECTION_TYPES, NewLogin, provision_logins
from backhaul.operators.functions import call, execute, rows
from backhaul.operators.scope import current_scope
from backhaul.subscribers.rules import (
    NumberFormat,
    anchor_day_of,
    clean_mobile,
    clean_name,
    clean_place,
    format_code,
)

Key = tuple[int, int]
_ANY = set(CONNECTION_TYPES)


class CustomerIdTaken(Refusal):
    """The next customer id in its present format is one that was given in an earlier format."""

    code = "customer_id_taken"


@dataclass(frozen=True)
class NewCustomer:
    """What is known of a customer to add. `package` and `profile` are (operator id, id) of what is offered; `custom`
    are values of the operator's own fields, by field id."""

    name: str
    username: str
    password: str
    joined_on: date
    package: tuple[int, int]
    profile: tuple[int, int]
    mobile: str = ""
    connection_type: str = "pppoe"
    zone_id: int | None = None
    address: str = ""
    mac: str | None = None
    static_ip: str | None = None
    custom_price_minor: int | None = None
    latitude: Decimal | None = None
    longitude: Decimal | None = None
    custom: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AddedCustomer:
    """A customer that add_customer made, or made at an earlier call with the same key (`repeated`)."""

    customer_id: int
    subscription_id: int
    code: str
    repeated: bool = False


@dataclass(frozen=True)
class Offer:
    """What the acting operator can sell on a day, by (operator id, id), and its zones' codes by id."""

    packages: dict[Key, dict[str, Any]]
    profiles: dict[Key, dict[str, Any]]
    zones: dict[int, str]
    bands: dict[Key, list[Band]]


def hold_plans(customers: Iterable[NewCustomer]) -> None:
    """Keep the plans of these customers' packages as they are until the transaction ends, before they are looked up:
    a plan changed in the same moment is changed before, or finds the customers."""
    packages = sorted({customer.package for customer in customers})
    call("hold_plans", package_operators=[owner for owner, _ in packages], packages=[key for _, key in packages])


def look_up_offer(on: date) -> Offer:
    """Packages, profiles and zones of the acting operator."""
    me = current_scope().operator_id
    zones = rows("SELECT id, code FROM zone WHERE operator_id = %s AND removed_on IS NULL", [me])
    packages = list_packages_offered(on)
    return Offer(
        packages={(row["operator_id"], row["id"]): row for row in packages},
        profiles={(row["operator_id"], row["id"]): row for row in list_billing_profiles_offered()},
        zones={row["id"]: row["code"] for row in zones},
        bands=bands_on([(row["plan_operator_id"], row["plan_id"]) for row in packages], on),
    )


def refuse_what_is_not_offered(customer: NewCustomer, offer: Offer) -> None:
    """Raises NotFound or InvalidInput for what the operator cannot sell to this customer."""
    known = (("package", customer.package, offer.packages), ("profile", customer.profile, offer.profiles))
    for what, key, offered in known:
        if key not in offered:
            names = ", ".join(row["name"] for row in offered.values()) or "none yet"
            raise NotFound("Choose a %(what)s that you can offer: %(names)s.", what=what, names=names, field=what)
    refuse_connection(customer.connection_type, offer.packages[customer.package])
    if customer.custom_price_minor is not None:
        refuse_negative_price(customer.custom_price_minor)
        package = offer.packages[customer.package]
        bands = offer.bands.get((package["plan_operator_id"], package["plan_id"]), [])
        refuse_outside(bands, customer.custom_price_minor, months=package["term_months"], field="custom_price")
    if customer.zone_id is not None and customer.zone_id not in offer.zones:
        raise NotFound("There is no such zone.", field="zone")


def refuse_connection(connection_type: str, package: Mapping[str, Any] | None) -> None:
    """Raises InvalidInput for a connection type that there is not, or that the plan of the package is not sold for."""
    if connection_type not in CONNECTION_TYPES:
        raise InvalidInput(
            "Choose a connection type: %(connection_types)s.",
            connection_types=", ".join(CONNECTION_TYPES),
            field="connection_type",
        )
    if package is not None and connection_type not in package["connection_types"]:
        raise InvalidInput(
            "This package is sold for %(connection_types)s only. Choose one of them, or another package.",
            connection_types=", ".join(package["connection_types"]),
            field="connection_type",
        )


def refuse_negative_price(price_minor: int | None) -> int | None:
    """The price itself; raises InvalidInput below zero and beyond what is kept here."""
    if price_minor is not None and refuse_beyond_limit(price_minor, field="custom_price") < 0:
        raise InvalidInput("A price is not negative.", field="custom_price")
    return price_minor


def lock_numbering() -> tuple[NumberFormat, int]:
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


def find_by_key(request_key: str | None) -> AddedCustomer | None:
    """The customer that an earlier call with this key made."""
    if request_key is None:
        return None
    found = rows(
        "SELECT c.id, s.id AS subscription_id, c.code FROM customer c "
        "JOIN subscription s ON s.operator_id = c.operator_id AND s.customer_id = c.id "
        "WHERE c.operator_id = %s AND c.request_key = %s",
        [current_scope().operator_id, request_key],
    )
    if not found:
        return None
    return AddedCustomer(found[0]["id"], found[0]["subscription_id"], found[0]["code"], repeated=True)


def insert_customers(
    customers: Sequence[NewCustomer],
    offer: Offer,
    numbering: NumberFormat,
    number: int,
    *,
    request_key: str | None = None,
) -> list[AddedCustomer]:
    """Write the customers under the next numbers; the subscription ids are drawn, their rows follow.

    Raises CustomerIdTaken where a format of the past and the present one come to the same id.
    """
    me = current_scope().operator_id
    codes = [
        format_code(
            numbering, number + n, zone_code=offer.zones.get(customer.zone_id or 0, ""), joined_on=customer.joined_on
        )
        for n, customer in enumerate(customers)
    ]
    places = [clean_place(customer.latitude, customer.longitude) for customer in customers]
    drawn = rows(
        "INSERT INTO customer (operator_id, code, name, mobile, address, zone_id, joined_on, username, latitude, "
        "longitude, request_key) SELECT %s, u.*, %s FROM unnest(%s::text[], %s::text[], %s::text[], %s::text[], "
        "%s::bigint[], %s::date[], %s::text[], %s::numeric[], %s::numeric[]) AS u "
        "ON CONFLICT (operator_id, code) DO NOTHING "
        "RETURNING id, code, nextval(pg_get_serial_sequence('subscription', 'id')) AS subscription_id",
        [
            me,
            request_key,
            codes,
            [clean_name(customer.name) for customer in customers],
            [clean_mobile(customer.mobile) for customer in customers],
            [customer.address.strip() for customer in customers],
            [customer.zone_id for customer in customers],
            [customer.joined_on for customer in customers],
            [customer.username.strip() for customer in customers],
            [place[0] for place in places],
            [place[1] for place in places],
        ],
    )
    ids = {row["code"]: row for row in drawn}
    if len(drawn) < len(codes):
        taken = next(code for n, code in enumerate(codes) if code not in ids or code in codes[:n])
        raise CustomerIdTaken(
            "%(taken)s is a customer's id already, from an earlier format. Change the format of customer "
            "ids: another middle, more digits, or something after the number.",
            taken=taken,
        )
    execute("UPDATE customer_numbering SET next_number = next_number + %s WHERE operator_id = %s", [len(customers), me])
    return [AddedCustomer(ids[code]["id"], ids[code]["subscription_id"], code) for code in codes]


def insert_services(
    customers: Sequence[NewCustomer], added: Sequence[AddedCustomer], offer: Offer, *, activated_on: date | None
) -> None:
    """Write one subscription for each customer."""
    anchors = [
        anchor_day_of(profile["cycle"], profile["cycle_day"], customer.joined_on)
        for customer in customers
        for profile in (offer.profiles[customer.profile],)
    ]
    execute(
        "INSERT INTO subscription (operator_id, activated_on, id, customer_id, package_operator_id, package_id, "
        "profile_operator_id, profile_id, custom_price_minor, anchor_day) "
        "SELECT %s, %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], "
        "%s::bigint[], %s::bigint[], %s::smallint[])",
        [
            current_scope().operator_id,
            activated_on,
            [one.subscription_id for one in added],
            [one.customer_id for one in added],
            [customer.package[0] for customer in customers],
            [customer.package[1] for customer in customers],
            [customer.profile[0] for customer in customers],
            [customer.profile[1] for customer in customers],
            [customer.custom_price_minor for customer in customers],
            anchors,
        ],
    )


def provision(customers: Sequence[NewCustomer], added: Sequence[AddedCustomer], offer: Offer, *, is_open: bool) -> None:
    """Make the logins, with the speed and pool of the package's plan."""
    scope = current_scope()
    logins = []
    for customer, one in zip(customers, added, strict=True):
        plan = offer.packages[customer.package]
        logins.append(
            NewLogin(
                username=customer.username,
                password=customer.password,
                subscription_id=one.subscription_id,
                down_kbps=plan["down_kbps"],
                up_kbps=plan["up_kbps"],
                pool=None if plan["pool_id"] is None else (plan["pool_operator_id"], plan["pool_id"]),
                static_ip=customer.static_ip,
                mac=customer.mac,
                connection_type=customer.connection_type,
                plan_connections=plan["connection_types"] if set(plan["connection_types"]) != _ANY else None,
                access="open" if is_open else "reject",
                reject_reason=None if is_open else "not activated",
            )
        )
    provision_logins(operator_id=scope.operator_id, isp_id=scope.isp_id, logins=logins)


def zone_code_of(zone_id: int) -> str:
    """The code of one of the acting operator's zones; raises NotFound."""
    found = rows(
        "SELECT code FROM zone WHERE operator_id = %s AND id = %s AND removed_on IS NULL",
        [current_scope().operator_id, zone_id],
    )
    if not found:
        raise NotFound("There is no such zone.", field="zone")
    return str(found[0]["code"])
