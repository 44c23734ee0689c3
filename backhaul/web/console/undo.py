"""Undo, where it is safe: beside what was done stands a button that carries what was, signed, and what the act made of
it. It posts both to the page of an act that can give back what was; that page does so only while nobody has changed the
same since. Money is never undone this way: it is taken back by an act of its own, which stays in the books.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.core import signing
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpResponse
from django.utils.translation import gettext as _

from backhaul.common.errors import Refusal
from backhaul.operators.functions import savepoint
from backhaul.web.console.pages import PageRequest, leave_to, show

PLACE = ("latitude", "longitude")
GOOD_FOR = 3600  # seconds: who comes later looks first


class ChangedSince(Refusal):
    """What was to be given back has changed again since, or was given back already."""

    code = "changed_since"


def undo_at(request: PageRequest, address: str, *, was: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """The `undo` of `pages.tell` for an act after which what `was` is `now`; `address`: of the page that gives it back.

    Nothing where both are the same: then nothing was done.
    """
    if _plain(was) == _plain(now):
        return ""
    kept = [_plain(was), _plain(now)]
    return f"{address}#{signing.dumps(kept, salt=_salt(request, address), compress=True)}"


def is_undo(request: PageRequest) -> bool:
    """Whether such a button was pressed, not the form of the page sent."""
    return request.method == "POST" and "undo" in request.POST


def give_back(
    request: PageRequest,
    to: str,
    *,
    now: Callable[[dict[str, Any]], Mapping[str, Any]],
    do: Callable[[dict[str, Any]], object],
) -> HttpResponse:
    """Answers such a button: `do` gives back what was, if what is `now`, asked with what the act left, is still that;
    then leads on. Else the page says why nothing was done."""
    try:
        was, left = signing.loads(request.POST["undo"], salt=_salt(request, request.path), max_age=GOOD_FOR)
        with savepoint():
            if _plain(now(left)) != left:
                raise ChangedSince("It was changed again since then; look at it, and change it by hand.")
            do(was)
    except signing.BadSignature:
        return _not_undone(request, to, _("The button is too old; change it by hand."))
    except Refusal as refusal:
        return _not_undone(request, to, refusal.message)
    messages.success(request, _("Undone: it is as it was."))
    return leave_to(request, to)


def _not_undone(request: PageRequest, to: str, why: str) -> HttpResponse:
    answer = show(request, "not_undone", {"why": why, "to": to})
    answer.status_code = 422
    return answer


def placed(was: Mapping[str, Any]) -> dict[str, Any]:
    """What was, with a place on the map as numbers again."""
    return {name: Decimal(was[name]) if name in PLACE and was[name] is not None else was[name] for name in was}


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """As it comes back out of a form."""
    plain: dict[str, Any] = json.loads(json.dumps(values, cls=DjangoJSONEncoder))
    return plain


def _salt(request: PageRequest, address: str) -> str:
    """A button is good for one person, at one operator, on one page."""
    return f"undo {request.scope.operator_id} {request.user.pk} {address}"
