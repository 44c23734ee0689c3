"""Host names of operators: claimed, seen to lead here, used, released. Callers say for whom, by ids of their own scope.

A claim reserves nothing: several may claim a name, and it is of the first for whom it was seen to lead here.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from datetime import datetime, timedelta

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.identity.limits import within_rate
from backhaul.identity.models import HostClaim, HostDirectory

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_NOT_PUBLIC = ("localhost", "local", "internal", "lan", "home", "arpa")
MOST_CLAIMS = 10
CHECKS_AN_HOUR = 30


class HostTaken(Refusal):
    """The host name belongs to an operator already."""

    code = "host_taken"


class TooOften(Refusal):
    """More checks or claims than anybody needs."""

    code = "too_often"


def host_name(typed: str) -> str:
    """A host name as it is kept, in small letters and, beyond English, in its ASCII form. Raises InvalidInput."""
    text = typed.strip().lower().removeprefix("https://").removeprefix("http://").rstrip("/").rstrip(".")
    try:
        host = text.encode("idna").decode() if text else ""
    except UnicodeError:
        host = ""
    labels = host.split(".")
    good = len(host) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    if not good or _is_address(host) or labels[-1].isdigit() or labels[-1] in _NOT_PUBLIC:
        raise InvalidInput("Give a host name like billing.example.com, without http:// and port.", field="host")
    return host


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def start_claim(typed: str, *, isp_id: int, operator_id: int, now: datetime) -> HostClaim:
    """Claim a host name for an operator; the same claim again is the one there is. Raises InvalidInput, HostTaken."""
    host = host_name(typed)
    if HostDirectory.objects.filter(pk=host).exists():
        raise HostTaken("This host name is in use already. Whose it is can release it.", field="host")
    own = HostClaim.objects.filter(operator_id=operator_id)
    if not own.filter(host=host).exists() and own.count() >= MOST_CLAIMS:
        raise TooOften("You have many claims that were never checked; withdraw some first.", field="host")
    return HostClaim.objects.get_or_create(
        operator_id=operator_id,
        host=host,
        defaults={
            "id": secrets.token_hex(16),
            "isp_id": isp_id,
            "token": secrets.token_urlsafe(32),
            "claimed_at": now,
        },
    )[0]


def get_claim(host: str, *, operator_id: int) -> HostClaim:
    """An operator's claim; raises NotFound."""
    found = HostClaim.objects.filter(operator_id=operator_id, host=host).first()
    if found is None:
        raise NotFound("There is no such claim.")
    return found


def begin_check(host: str, *, operator_id: int, now: datetime) -> HostClaim:
    """A claim that is about to be asked for, outside any transaction, by host_check. Raises NotFound, TooOften."""
    claim = get_claim(host, operator_id=operator_id)
    if not within_rate(f"host {operator_id}", "", most=CHECKS_AN_HOUR, per=timedelta(hours=1), now=now):
        raise TooOften("That is often enough for now; DNS takes its time. Try again in an hour.")
    return claim


def settle_claim(claim: HostClaim, failure: str, now: datetime) -> bool:
    """Keep what the check said; True when the host name is the operator's now. Raises HostTaken."""
    if failure:
        HostClaim.objects.filter(pk=claim.pk).update(tried_at=now, failure=failure)
        return False
    if not HostClaim.objects.filter(pk=claim.pk).delete()[0]:
        return False  # withdrawn while it was asked for
    row = {"isp_id": claim.isp_id, "operator_id": claim.operator_id}
    kept, _ = HostDirectory.objects.get_or_create(host=claim.host, defaults=row)
    if kept.operator_id != claim.operator_id:
        raise HostTaken("Somebody else had this host name checked first.")
    return True


def proof_of(claim_id: str, host: str) -> str | None:
    """What the server answers, at a host name, for a claim of that name; None where there is no such claim."""
    return HostClaim.objects.filter(pk=claim_id, host=host.lower()).values_list("token", flat=True).first()


def list_hosts(*, isp_id: int, operator_id: int) -> list[HostDirectory]:
    """The host names in use of an operator; for the ISP, those of its whole tree."""
    found = HostDirectory.objects.filter(isp_id=isp_id).order_by("host")
    return list(found if operator_id == isp_id else found.filter(operator_id=operator_id))


def list_claims(*, isp_id: int, operator_id: int) -> list[HostClaim]:
    """The claims not yet checked of an operator; for the ISP, those of its whole tree."""
    found = HostClaim.objects.filter(isp_id=isp_id).order_by("host", "claimed_at")
    return list(found if operator_id == isp_id else found.filter(operator_id=operator_id))


def get_host_or_claim(host: str, *, isp_id: int, operator_id: int) -> HostDirectory | HostClaim:
    """What list_hosts or list_claims has of that name; raises NotFound."""
    hosts = {each.host: each for each in list_hosts(isp_id=isp_id, operator_id=operator_id)}
    claims = {each.host: each for each in list_claims(isp_id=isp_id, operator_id=operator_id)}
    found = hosts.get(host) or claims.get(host)
    if found is None:
        raise NotFound("There is no such host name.")
    return found


def release_host(host: str, *, isp_id: int, operator_id: int) -> None:
    """Give a host name or a claim up; the ISP may take those of its tree away. Raises NotFound."""
    get_host_or_claim(host, isp_id=isp_id, operator_id=operator_id)
    for model in (HostDirectory, HostClaim):
        found = model.objects.filter(host=host, isp_id=isp_id)
        (found if operator_id == isp_id else found.filter(operator_id=operator_id)).delete()
