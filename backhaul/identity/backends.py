"""Sign-in by `name@isp-slug`, or by the bare name on a host name that belongs to the ISP (ARCHITECTURE §4.14)."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import check_password, make_password

from backhaul.identity.models import HostDirectory, IspDirectory, User


class NameAtIsp(BaseBackend):
    """Takes the same time whether the name exists or not."""

    def authenticate(self, request: Any, username: str = "", password: str = "", **_: Any) -> User | None:
        user = self._find(username.strip(), request.get_host().split(":")[0] if request else "")
        if user is None:
            make_password(password)
            return None
        return user if user.is_active and check_password(password, user.password) else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()

    def _find(self, login: str, host: str) -> User | None:
        name, at, slug = login.rpartition("@")
        if at:
            isp = IspDirectory.objects.filter(slug=slug.lower()).values_list("isp_id", flat=True).first()
        else:
            name = login
            isp = HostDirectory.objects.filter(host=host.lower()).values_list("isp_id", flat=True).first()
        if isp is None:
            return None
        return User.objects.filter(isp_id=isp, name=name.lower()).first()
