"""Builders for tests: through services, with sensible defaults."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

from backhaul.identity.models import IspDirectory
from backhaul.operators.scope import Scope, unit_of_work
from backhaul.resellers.services import Identity, Terms, Vat, add_staff, onboard_operator
from backhaul.subscribers.rules import NumberFormat

PASSWORD = "correct horse battery"
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
