"""Commands on users: people who sign in. Customers are not users."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.contrib.auth.hashers import check_password, make_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction

from backhaul.common.errors import InvalidInput, Refusal
from backhaul.identity.models import HostDirectory, IspDirectory, Passkey, User
from backhaul.identity.sessions import end_sessions_of

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,59}")
LANGUAGES = ("", "en", "bn")
THEMES = ("", "light", "dark")
MIN_PASSWORD = 8


class NameTaken(Refusal):
    """Somebody in this ISP signs in under that name already."""

    code = "name_taken"


class EmailTaken(Refusal):
    """Somebody in this ISP has that e-mail address already."""

    code = "email_taken"


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
        raise SlugTaken("The short name “%(slug)s” is taken; choose another.", slug=slug, field="slug") from None


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
    email: str = "",
    mobile: str = "",
    language: str = "",
) -> int:
    """Create a person who may sign in as `name@isp-slug`, or by the e-mail address; returns the user's id.

    Raises NameTaken, EmailTaken.
    """
    plain = name.strip().lower()
    if not _NAME.fullmatch(plain):
        raise InvalidInput(
            "Give a sign-in name of 2 to 60 small letters, digits, dots and dashes, without blanks.", field="name"
        )
    _refuse_short(password)
    address = _free_email(isp_id, email)
    try:
        with transaction.atomic():
            user = User.objects.create(
                isp_id=isp_id,
                home_operator_id=home_operator_id,
                name=plain,
                full_name=full_name.strip(),
                password=make_password(password),
                must_change_password=must_change_password,
                email=address,
                mobile=mobile.strip()[:20],
                language=_one_of(language, LANGUAGES, "language"),
            )
    except IntegrityError:
        raise NameTaken(
            "“%(plain)s” is somebody else's sign-in name; choose another.", plain=plain, field="name"
        ) from None
    return int(user.pk)


def set_own_password(*, user_id: int, current: str, password: str) -> User:
    """Change one's own password, knowing the present one; a forced change is done with that. Raises InvalidInput."""
    user = User.objects.select_for_update().get(pk=user_id)
    if not check_password(current, user.password):
        raise InvalidInput("This is not your present password.", field="current")
    if password == current:
        raise InvalidInput("Choose a password other than the present one.", field="password")
    return _keep_password(user, password)


def set_password_by_mail(*, user_id: int, fits: Callable[[User], bool], password: str) -> User | None:
    """Set a password whose owner proved the mailbox; None where the proof does not fit (any more).

    `fits` is asked while the row is locked: of two that use one proof at once, one comes too late.
    Raises InvalidInput.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().filter(pk=user_id, is_active=True).first()
        if user is None or not fits(user):
            return None
        return _keep_password(user, password)


def set_first_password(*, user_id: int, password: str, only_unused: bool = False) -> bool:
    """Give a person a new first password, to be changed at the next sign-in, and end the sessions; who may do that is
    the caller's to check. Raises InvalidInput. `only_unused`: False, and nothing done, where it has ever signed in.

    Whoever sets it could have signed in with the one before, too: the ways in that need no password, passkeys and the
    mailbox, end with it, and are the person's to add anew. The app with codes stays, for it lets nobody in alone.
    """
    with transaction.atomic():
        user = User.objects.select_for_update().get(pk=user_id)
        has_been_in = user.last_sign_in_at is not None
        if only_unused and has_been_in:
            return False
        _keep_password(user, password)
        email = "" if has_been_in else user.email
        User.objects.filter(pk=user_id).update(must_change_password=True, email=email)
        if has_been_in:
            Passkey.objects.filter(user_id=user_id).delete()
        end_sessions_of(user_id)
        return True


def set_profile(*, user_id: int, full_name: str, mobile: str, language: str, theme: str) -> User:
    """What a person says of itself and how it likes its pages. Raises InvalidInput."""
    user = User.objects.get(pk=user_id)
    user.full_name, user.mobile = full_name.strip()[:120], mobile.strip()[:20]
    user.language = _one_of(language, LANGUAGES, "language")
    user.theme = _one_of(theme, THEMES, "theme")
    user.save(update_fields=["full_name", "mobile", "language", "theme"])
    return user


def set_email(*, user_id: int, email: str) -> None:
    """The address whose mailbox was proved to be the person's, or none. Raises EmailTaken, InvalidInput."""
    user = User.objects.get(pk=user_id)
    address = _free_email(user.isp_id, email, but=user_id)
    try:
        with transaction.atomic():
            User.objects.filter(pk=user_id).update(email=address)
    except IntegrityError:
        raise _taken(address) from None


def _keep_password(user: User, password: str) -> User:
    _refuse_short(password)
    user.password = make_password(password)
    user.must_change_password = False
    user.save(update_fields=["password", "must_change_password"])
    return user


def _refuse_short(password: str) -> None:
    if len(password) < MIN_PASSWORD:
        raise InvalidInput(
            "Give a password of at least %(min_password)s characters.", min_password=MIN_PASSWORD, field="password"
        )


def _free_email(isp_id: int, email: str, *, but: int = 0) -> str:
    address = email.strip().lower()
    if not address:
        return ""
    try:
        validate_email(address)
    except ValidationError:
        raise InvalidInput("Give an e-mail address like name@example.com.", field="email") from None
    if User.objects.filter(isp_id=isp_id, email=address).exclude(pk=but).exists():
        raise _taken(address)
    return address


def _taken(address: str) -> EmailTaken:
    return EmailTaken(
        "“%(address)s” is somebody else's e-mail address here; choose another.", address=address, field="email"
    )


def _one_of(given: str, known: tuple[str, ...], field: str) -> str:
    if given not in known:
        raise InvalidInput("Choose one of those offered.", field=field)
    return given
