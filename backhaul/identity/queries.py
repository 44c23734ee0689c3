"""Reads of the shared directories."""

from __future__ import annotations

from backhaul.common.errors import NotFound
from backhaul.identity.models import HostDirectory, IspDirectory, User


def get_isp(isp_id: int) -> IspDirectory:
    """The directory row of an ISP; raises NotFound."""
    found = IspDirectory.objects.filter(pk=isp_id).first()
    if found is None:
        raise NotFound("There is no such ISP on this server.")
    return found


def get_isp_by_slug(slug: str) -> IspDirectory:
    """The directory row of an ISP by its short name; raises NotFound naming the ones there are."""
    found = IspDirectory.objects.filter(slug=slug).first()
    if found is None:
        known = ", ".join(IspDirectory.objects.order_by("slug").values_list("slug", flat=True)) or "none yet"
        raise NotFound(
            "There is no ISP “%(slug)s” on this server (there is: %(known)s).", slug=slug, known=known, field="isp"
        )
    return found


def list_isps() -> list[IspDirectory]:
    """All ISPs of this server, by slug."""
    return list(IspDirectory.objects.order_by("slug"))


def is_founded() -> bool:
    """Whether there is an ISP on this server."""
    return IspDirectory.objects.exists()


def find_host(host: str) -> HostDirectory | None:
    """Whose host name it is; None where it belongs to nobody."""
    return HostDirectory.objects.filter(pk=host.lower()).first()


def find_hosts_of(isp_id: int) -> list[str]:
    """The host names of an ISP and of its operators, its own first."""
    found = HostDirectory.objects.filter(isp_id=isp_id).values_list("host", "operator_id")
    return [host for host, _ in sorted(found, key=lambda row: (row[1] != isp_id, row[0]))]


def find_staff_names(isp_id: int, operator_id: int, user_ids: set[int]) -> dict[int, str]:
    """Names of an operator's own staff by id, whom its pages may name."""
    found = User.objects.filter(pk__in=user_ids, isp_id=isp_id, home_operator_id=operator_id)
    return {user.pk: user.full_name or user.name for user in found}


def find_names(isp_id: int, user_ids: set[int]) -> dict[int, str]:
    """Names by id of people of an ISP, whosever they are: for who may be named there (those who came in from above)."""
    found = User.objects.filter(pk__in=user_ids, isp_id=isp_id)
    return {user.pk: user.full_name or user.name for user in found}


def has_first_password(*, isp_id: int, name: str, password: str) -> bool:
    """Whether this is still the first password of a person who has not changed it yet."""
    user = User.objects.filter(isp_id=isp_id, name=name, must_change_password=True).first()
    return user is not None and user.check_password(password)


def list_staff(isp_id: int, operator_id: int) -> dict[int, User]:
    """An operator's own staff by id, also those whose access ended."""
    return {user.pk: user for user in User.objects.filter(isp_id=isp_id, home_operator_id=operator_id)}


def find_person(login: str, host: str) -> User | None:
    """Whom a sign-in name means: `name@isp`, an e-mail address, either followed by `@isp`, or on a host name of an ISP
    just `name`. An address that people of several ISPs share means nobody until the host or `@isp` decides.
    """
    isp_id, named = _read(login, host)
    if isp_id is not None:
        return _person_in(isp_id, named)
    found = list(User.objects.filter(email=named)[:2]) if "@" in named else []
    return found[0] if len(found) == 1 else None


def name_meant(login: str, host: str) -> str:
    """As what tries at a name are counted. It does not hang on whether somebody has that name: were the tries at a
    person counted together, however it is named, and those at nobody apart, the difference would tell who exists."""
    isp_id, named = _read(login, host)
    return _meant(isp_id, named)


def names_of(user: User) -> list[str]:
    """All that name_meant says of a person."""
    meant = [_meant(user.isp_id, user.name)]
    return meant + [_meant(isp_id, user.email) for isp_id in (user.isp_id, None) if user.email]


def _meant(isp_id: int | None, named: str) -> str:
    return f"{named} of {isp_id or 'any'}"


def _read(login: str, host: str) -> tuple[int | None, str]:
    """The ISP in which somebody is looked for, where that is clear, and the name or e-mail address."""
    typed = login.strip().lower()
    before, at, after = typed.rpartition("@")
    isp_id = IspDirectory.objects.filter(slug=after).values_list("isp_id", flat=True).first() if at else None
    if isp_id is not None:
        return isp_id, before
    known = find_host(host)
    return (known.isp_id if known is not None else None), typed


def _person_in(isp_id: int, named: str) -> User | None:
    field = "email" if "@" in named else "name"
    return User.objects.filter(isp_id=isp_id, **{field: named}).first() if named else None
