"""The session's note of the operator inside which a person works (SPEC A31); what holds is in the database."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from django.middleware.csrf import rotate_token

from backhaul.operators.scope import Inside

_KEY = "inside"


def inside_of(request: HttpRequest, now: datetime, *, writes: bool = False) -> Inside | None:
    """The impersonation that the session names; whether it still holds, the unit of work finds out."""
    noted = request.session.get(_KEY)
    return Inside(operator_id=noted[0], impersonation_id=noted[1], at=now, writes=writes) if noted else None


def go_inside(request: HttpRequest, operator_id: int, impersonation_id: int) -> None:
    """From the next request on the person works inside that operator. Forms opened before are refused: they were meant
    for the own one."""
    request.session[_KEY] = [operator_id, impersonation_id]
    rotate_token(request)


def come_back(request: HttpRequest) -> None:
    """From the next request on the person works at the own operator; forms opened inside the other are refused."""
    request.session.pop(_KEY, None)
    rotate_token(request)
