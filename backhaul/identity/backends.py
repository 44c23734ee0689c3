"""Sign-in by name or e-mail and password, as Django asks for it; the console's own way in is `sign_in`."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password

from backhaul.identity.models import User
from backhaul.identity.queries import find_person


class NameAtIsp(BaseBackend):
    """Takes the same time whether the name exists or not."""

    def authenticate(self, request: Any, username: str = "", password: str = "", **_: Any) -> User | None:
        found = find_person(username, request.get_host().split(":")[0] if request else "")
        return found if password_fits(found, password) else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def password_fits(user: User | None, password: str) -> bool:
    """Whether somebody may sign in with a password; as slow for nobody and for the disabled as for a wrong one."""
    if user is None:
        make_password(password)
        return False
    return check_password(password, user.password) and user.is_active
