"""Builders for tests: through services, with sensible defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from backhaul.identity.models import IspDirectory
from backhaul.operators.scope import Scope, unit_of_work
from backhaul.resellers.beginning import Identity, Terms, Vat
from backhaul.resellers.services import add_staff, onboard_operator
from backhaul.subscribers.rules import NumberFormat
from backhaul.subscribers.services import AddedCustomer, NewCustomer, add_customer

if TYPE_CHECKING:
    from tests.cast import Cast

PASSWORD = "correct horse battery"
NOON = datetime(2026, 2, 1, 12, tzinfo=UTC)
numbers = count(1)


def request_key() -> str:
    """A key that no other call of this test process uses."""
    return f"test-{next(numbers)}"


@contextmanager
def acting(isp: IspDirectory, operator_id: int | None = None, *, user_id: int | None = None) -> Iterator[Scope]:
    """A unit of work, by its short name."""
    with unit_of_work(isp, operator_id, user_id=user_id) as scope:
        yield scope


def build_operator(
    isp: IspDirectory,
    parent_id: int,
    slug: str,
    *,
    vat: Vat | None = None,
    owner: bool = True,
    **terms: object,
) -> int:
    """An operator below `parent_id` with an owner who signs in as `<slug>@<isp>`; `terms` are the fields of Terms."""
    with acting(isp, parent_id):
        operator_id = onboard_operator(
            identity=Identity(
                slug=slug,
                name=slug.replace("-", " ").title(),
                numbering=NumberFormat(prefix=slug[:3].upper() + "-"),
                vat=vat,
            ),
            terms=Terms(**terms),  # type: ignore[arg-type]
        )
        if owner:
            build_person(operator_id, slug)
    return operator_id


def build_person(operator_id: int, name: str, role: str = "owner") -> int:
    """A person with a role at the acting operator or a direct child of it, who has changed the first password."""
    return add_staff(
        operator_id=operator_id,
        name=name,
        full_name=name.title(),
        password=PASSWORD,
        role=role,
        must_change_password=False,
    )


def new_customer(cast: Cast, **fields: Any) -> NewCustomer:
    """A customer of whoever acts, on Padma's Home 10 and Monthly 1st unless `fields` say otherwise."""
    isp = cast.padma.isp_id
    number = next(numbers)
    standard: dict[str, Any] = {
        "name": f"Customer {number}",
        "username": f"user{number}",
        "password": "secret123",
        "joined_on": date(2026, 2, 1),
        "package": (isp, cast.packages["Home 10"]),
        "profile": (isp, cast.profiles["Monthly 1st"]),
    }
    return NewCustomer(**(standard | fields))


def build_customer(
    cast: Cast, *, activate: bool = True, on: date = date(2026, 2, 1), key: str | None = None, **fields: Any
) -> AddedCustomer:
    """Add a customer of whoever acts, unbilled."""
    return add_customer(customer=new_customer(cast, **fields), activate=activate, on=on, at=NOON, request_key=key)
