"""Commands on users: people who sign in. Customers are not users."""

from __future__ import annotations

import re

from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError, transaction

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.identity.models import HostDirectory, IspDirectory, User

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
MIN_PASSWORD = 8


class NameTaken(Refusal):
    """Somebody in this ISP signs in under that name already."""

    code = "name_taken"


class SlugTaken(Refusal):
    """The short name belongs to another operator."""

    code = "slug_taken"


def enter_isp(*, isp_id: int, slug: str, cell: str, time_zone: str, currency: str, decimals: int) -> IspDirectory:
    """Write an ISP into the directory that leads to its cell; raises SlugTaken."""
    try:
        with transaction.atomic():
            return IspDirectory.objects.create(
                isp_id=isp_id, slug=slug, cell=cell, time_zone=time_zone, currency=currency, currency_decimals=decimals
            )
    except IntegrityError:
        raise SlugTaken(f"The short name “{slug}” is taken; choose another.", field="slug") from None


def claim_host(*, host: str, isp_id: int, operator_id: int) -> bool:
    """Let a host name show an operator's brand, and its ISP's people sign in there; False where it is claimed."""
    row = {"isp_id": isp_id, "operator_id": operator_id}
    return HostDirectory.objects.get_or_create(host=host.lower(), defaults=row)[1]


def create_user(
    *,
    isp_id: int,
    home_operator_id: int,
    name: str,
    full_name: str,
    password: str,
    must_change_password: bool = True,
) -> int:
    """Create a person who may sign in as `name@isp-slug`; returns the user's id. Raises NameTaken."""
    plain = name.strip().lower()
    if not _NAME.fullmatch(plain):
        raise InvalidInput(
            "Give a sign-in name of 2 to 60 small letters, digits, dots and dashes, without blanks.", field="name"
        )
    if len(password) < MIN_PASSWORD:
        raise InvalidInput(f"Give a password of at least {MIN_PASSWORD} characters.", field="password")
    try:
        with transaction.atomic():
            user = User.objects.create(
                isp_id=isp_id,
                home_operator_id=home_operator_id,
                name=plain,
                full_name=full_name.strip(),
                password=make_password(password),
                must_change_password=must_change_password,
            )
    except IntegrityError:
        raise NameTaken(f"“{plain}” is somebody else's sign-in name; choose another.", field="name") from None
    return int(user.pk)


def set_own_password(*, user_id: int, current: str, password: str) -> User:
    """Change one's own password, knowing the present one; a forced change is done with that. Raises InvalidInput."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not check_password(current, user.password):
        raise InvalidInput("This is not your present password.", field="current")
    if len(password) < MIN_PASSWORD:
        raise InvalidInput(f"Give a password of at least {MIN_PASSWORD} characters.", field="password")
    if password == current:
        raise InvalidInput("Choose a password other than the present one.", field="password")
    user.password = make_password(password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    return user
