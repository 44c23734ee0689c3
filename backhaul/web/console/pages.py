"""What every page of the console is: who asks, for which operator, with which permission, in one unit of work.

A view runs, and its template is drawn, inside the unit; what the domain refuses is an error of the form, 403 or 404.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec, cast
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from backhaul.common import clock
from backhaul.common.errors import NotAllowed, NotFound, Refusal
from backhaul.identity.models import IspDirectory, User
from backhaul.identity.queries import get_isp
from backhaul.operators.functions import savepoint
from backhaul.operators.scope import Scope, unit_of_work
from backhaul.web.console.frame import shell_for
from backhaul.web.currency import amounts_with
from backhaul.web.shell import Shell

SIGNED_IN = ""  # every signed-in person may
ROWS = 50
P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request that has a seat: a person, the operator it works for, and the ISP's date."""

    user: User
    isp: IspDirectory
    scope: Scope
    shell: Shell
    now: datetime
    today: date


View = Callable[Concatenate[PageRequest, P], HttpResponse]
Served = Callable[Concatenate[HttpRequest, P], HttpResponse]


def page(permission: str, *, in_unit: bool = True) -> Callable[[View[P]], Served[P]]:
    """A page for those whose role includes `permission`; others read 403, strangers are led to the sign-in.

    `in_unit` False: the view opens its own units (what commits by itself does), the permission is checked before.
    """

    def wrap(view: View[P]) -> Served[P]:
        @wraps(view)
        def served(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            answer = _serve(request, permission, in_unit, lambda seated: view(seated, *args, **kwargs))
            patch_vary_headers(answer, ["HX-Target"])
            answer["Cache-Control"] = "private, no-store"
            return answer

        served.permission = permission  # type: ignore[attr-defined]
        return served

    return wrap


def _serve(
    request: HttpRequest, permission: str, in_unit: bool, view: Callable[[PageRequest], HttpResponse]
) -> HttpResponse:
    if not request.user.is_authenticated:
        return leave_to(request, f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
    seated = cast(PageRequest, request)
    if seated.user.must_change_password and permission != SIGNED_IN:
        return leave_to(request, reverse("password"))
    seated.isp = get_isp(seated.user.isp_id)
    seated.now = clock.now()
    seated.today = clock.local_date(seated.now, seated.isp.time_zone)
    with timezone.override(ZoneInfo(seated.isp.time_zone)), amounts_with(seated.isp.currency_decimals):
        try:
            with _seat(seated, permission):
                if in_unit:
                    return view(seated)
            return view(seated)
        except NotFound as refusal:
            raise Http404(refusal.message) from refusal
        except NotAllowed as refusal:
            raise PermissionDenied(refusal.message) from refusal


@contextmanager
def _seat(request: PageRequest, permission: str) -> Iterator[None]:
    """The unit of work of the person's own operator, with the frame that pages show."""
    with ExitStack() as stack:
        try:
            request.scope = stack.enter_context(unit_of(request))
        except NotFound:
            raise PermissionDenied from None  # nobody's seat: the membership has ended
        if permission != SIGNED_IN:
            request.scope.require(permission)
        request.shell = shell_for(request, request.scope, request.user)
        yield


def unit_of(request: PageRequest, *, snapshot: bool = False) -> AbstractContextManager[Scope]:
    """A unit of work of the person's own operator, for pages that are not `in_unit`; `snapshot`: for one that reads
    all as of one instant."""
    return unit_of_work(request.isp, request.user.home_operator_id, user_id=request.user.pk, snapshot=snapshot)


def show(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, form: Form | None = None
) -> HttpResponse:
    """Draw a page; 422 when its form has errors, so that the panel keeps it open."""
    status = 422 if form is not None and form.is_bound and form.errors else 200
    return render(request, f"console/{template}.html", {**(context or {}), "form": form}, status=status)


def only_the_isp(request: PageRequest) -> None:
    """Raises NotAllowed for everybody below: what is the same for a provider's whole tree is the provider's."""
    if request.scope.parent_id is not None:
        raise NotAllowed("This is the same for all of your internet provider; ask it to change it.")


def sent(request: HttpRequest) -> QueryDict | None:
    """What a form is bound to: what was sent, were it nothing at all."""
    return request.POST if request.method == "POST" else None


def go(request: HttpRequest, name: str, *args: object) -> HttpResponse:
    """Lead the browser to a page after something was done; out of the panel too."""
    return leave_to(request, reverse(name, args=args))


def leave_to(request: HttpRequest, address: str) -> HttpResponse:
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    answer = HttpResponseRedirect(address)
    answer.status_code = 303
    return answer


@contextmanager
def refusals_to(form: Form) -> Iterator[None]:
    """What the domain refuses inside is undone and stands beside its field; nothing that was typed is lost."""
    with told_to(form), savepoint():
        yield


@contextmanager
def told_to(form: Form) -> Iterator[None]:
    """The same for what is a unit of work by itself."""
    try:
        yield
    except Refusal as refusal:
        known = refusal.field in form.fields
        form.add_error(refusal.field if known else None, refusal.message)


class _Undo(Exception):
    pass


@contextmanager
def rehearsal() -> Iterator[None]:
    """What happens inside really happens, may be looked at, and is undone at the end: an exact preview."""
    try:
        with savepoint():
            yield
            raise _Undo
    except _Undo:
        return


@dataclass(frozen=True)
class Page:
    """Rows of a keyset page; `next` goes into ?after=."""

    rows: Sequence[Any]
    next: str | int | None = None
    first: bool = True


def paged(request: HttpRequest, found: Sequence[dict[str, Any]], place: str | Callable[[dict[str, Any]], str]) -> Page:
    """A page of rows of which one more than ROWS was asked for; `place`: the key, or how to write it, of a row."""
    rows = found[:ROWS]
    after: Any = None
    if len(found) > ROWS:
        after = rows[-1][place] if isinstance(place, str) else place(rows[-1])
    return Page(rows, after, first="after" not in request.GET)
