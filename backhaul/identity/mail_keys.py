"""The keys in mails: one that sets a new password (an hour, once), one that proves a mailbox (a day, once).

Both are signed and kept nowhere. They are used up because what they were signed over changes with their use, and with
the password.
"""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.core import signing
from django.utils.crypto import constant_time_compare

from backhaul.identity.models import User
from backhaul.identity.services import set_email

EMAIL_KEY_LASTS = timedelta(days=1)
_SALT = "backhaul e-mail"
_resets = (
    PasswordResetTokenGenerator()
)  # over the password, the last sign-in and the e-mail address; an hour by settings


def reset_key(user: User) -> str:
    """What lets whoever reads the mail set a new password."""
    return _resets.make_token(user)


def reset_key_fits(user: User, key: str) -> bool:
    return user.is_active and _resets.check_token(user, key)


def email_key(user: User, email: str) -> str:
    """What proves that a person reads the mail of an address."""
    said = {"user": user.pk, "from": user.email, "to": email.strip().lower(), "by": _password_of(user)}
    return signing.dumps(said, salt=_SALT, compress=True)


def read_email_key(key: str) -> tuple[User, str] | None:
    """Who proves which address; None for what is no key, is over, or was used."""
    try:
        said = signing.loads(key, salt=_SALT, max_age=EMAIL_KEY_LASTS)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=said["user"], is_active=True, email=said["from"]).first()
    if user is None or said["from"] == said["to"] or not constant_time_compare(said["by"], _password_of(user)):
        return None
    return user, said["to"]


def use_email_key(key: str) -> User | None:
    """The address is the person's from now on; None as read_email_key. Raises EmailTaken."""
    found = read_email_key(key)
    if found is None:
        return None
    user, email = found
    set_email(user_id=user.pk, email=email)
    return user


def _password_of(user: User) -> str:
    """What changes with the password, and tells nothing of it: whoever changes it because somebody else knew it ends
    what that one asked for."""
    return user.get_session_auth_hash()[:32]
