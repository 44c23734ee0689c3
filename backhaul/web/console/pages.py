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
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
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
from backhaul.identity.sessions import mark_seen
from backhaul.operators.announce import tell_pages
from backhaul.operators.functions import is_read_only, savepoint
from backhaul.operators.scope import EntryOver, Inside, NotInside, Scope, unit_of_work
from backhaul.web.console.frame import shell_for
from backhaul.web.console.inside import come_back, inside_of
from backhaul.web.console.trail import has_done, is_taken, write_down
from backhaul.web.currency import amounts_with
from backhaul.web.nav import first_page_of
from backhaul.web.shell import Shell

SIGNED_IN = ""  # every signed-in person may
# What opens before a person has changed its first password: that, and what its page asks for by itself.
BEFORE_ALL = ("password", "bell", "events")
MUST_SET_UP = "must_set_up"  # in the session: the operator wants a second factor, and there is none yet
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
    inside: Inside | None  # the operator below inside which the person works now (SPEC A31)
    done: bool  # something was done although the answer leads nowhere: what must be shown once
    done_to: tuple[str, int] | None  # the kind and id of what it was done to, where its address does not name that


View = Callable[Concatenate[PageRequest, P], HttpResponse]
Served = Callable[Concatenate[HttpRequest, P], HttpResponse]


@dataclass(frozen=True)
class Kind:
    """How a page is served, see `page`."""

    permission: str
    in_unit: bool
    inside: bool
    writes: bool


def page(
    permission: str, *, in_unit: bool = True, inside: bool = True, writes: bool = False
) -> Callable[[View[P]], Served[P]]:
    """A page for those whose role includes `permission`; others read 403, strangers are led to the sign-in.

    `in_unit` False: the view opens its own units (what commits by itself does), the permission is checked before.
    `inside` False: not for somebody from above who works inside an operator (one's own password, one's own sign-in).
    `writes`: also while such a person only looks. A POST that has done something is written into the audit log.
    """
    kind = Kind(permission, in_unit, inside, writes)

    def wrap(view: View[P]) -> Served[P]:
        @wraps(view)
        def served(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
            answer = _serve(request, kind, lambda seated: view(seated, *args, **kwargs))
            patch_vary_headers(answer, ["HX-Target"])
            answer["Cache-Control"] = "private, no-store"
            return answer

        served.permission = permission  # type: ignore[attr-defined]
        return served

    return wrap


def _serve(request: HttpRequest, kind: Kind, view: Callable[[PageRequest], HttpResponse]) -> HttpResponse:
    if not request.user.is_authenticated:
        return _lead_away(request, f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}")
    seated = cast(PageRequest, request)
    if to_do := _unfinished(seated, kind):
        return _lead_away(request, reverse(to_do))
    seated.isp = get_isp(seated.user.isp_id)
    seated.now = clock.now()
    if _is_attended(request):
        mark_seen(request.session, seated.now)
    seated.today = clock.local_date(seated.now, seated.isp.time_zone)
    seated.inside, seated.done = inside_of(request, seated.now, writes=kind.writes), False
    seated.done_to = None
    with timezone.override(ZoneInfo(seated.isp.time_zone)), amounts_with(seated.isp.currency_decimals):
        try:
            return _answer(seated, kind, view)
        except EntryOver as over:
            return _back_at_own(seated, over)
        except NotFound as refusal:
            raise Http404(refusal.message) from refusal
        except NotAllowed as refusal:
            return _not_allowed(seated, refusal)
        except DatabaseError as error:
            if seated.inside is None or not is_read_only(error):
                raise
            return _looking_only(seated)


def _is_attended(request: HttpRequest) -> bool:
    """Whether a person asked, not a page that keeps itself up to date: an unwatched browser must not stay signed in."""
    by_itself = "X-Unattended" in request.headers or request.headers.get("Accept") == "text/event-stream"
    return request.method == "POST" or not by_itself


def _unfinished(request: PageRequest, kind: Kind) -> str:
    """The page of what a person has to do before the console opens: choose a password, then set a second factor up.

    Whoever gave the first password knows it too, and must not leave a way in of its own behind.
    """
    if request.user.must_change_password:
        match = request.resolver_match
        return "" if match is not None and match.url_name in BEFORE_ALL else "password"
    return "second-factor" if kind.permission != SIGNED_IN and request.session.get(MUST_SET_UP) else ""


def _answer(request: PageRequest, kind: Kind, view: Callable[[PageRequest], HttpResponse]) -> HttpResponse:
    with _seat(request, kind):
        if kind.in_unit:
            answer = view(request)
            _record(request, request.scope, kind, answer)
            return answer
    answer = view(request)
    if has_done(request, answer):
        with unit_of(request) as scope:
            _record(request, scope, kind, answer)
    return answer


def _record(request: PageRequest, scope: Scope, kind: Kind, answer: HttpResponse) -> None:
    """What was done stands in the audit log, and other pages hear of what changed."""
    if has_done(request, answer):
        write_down(request, scope, answer, request.now)
        tell_pages("" if is_taken(answer) else kind.permission)


def _not_allowed(request: PageRequest, refusal: NotAllowed) -> HttpResponse:
    """403, but for the dashboard, where every sign-in leads: who lacks it is led to the first page of the menu."""
    if isinstance(refusal, NotInside):
        return render(request, "403.html", {"why": refusal.message}, status=403)
    if request.path == reverse("dashboard"):
        return leave_to(request, first_page_of(request.scope.permissions))
    raise PermissionDenied(refusal.message) from refusal


def _looking_only(request: PageRequest) -> HttpResponse:
    """Said where somebody who only looks tried to change something: the database let nothing through."""
    status = 422 if request.headers.get("HX-Request") else 403  # what a panel shows is a page or an open form
    return render(request, "console/looking_only.html", {"shell": request.shell}, status=status)


def _lead_away(request: HttpRequest, address: str) -> HttpResponse:
    """To what comes first; a page that asked by itself stays open with what was typed, and says so (live.js)."""
    return leave_to(request, address) if _is_attended(request) else HttpResponse(status=204)


def _back_at_own(request: PageRequest, over: EntryOver) -> HttpResponse:
    """Nothing that was meant for the other operator is done at the own one. Only a person comes back, not a page."""
    if not _is_attended(request):
        return HttpResponse(status=204)
    come_back(request)
    messages.info(request, over.message)
    return leave_to(request, reverse("dashboard"))


@contextmanager
def _seat(request: PageRequest, kind: Kind) -> Iterator[None]:
    """The unit of work of the operator for which the person works, with the frame that pages show."""
    with ExitStack() as stack:
        try:
            request.scope = stack.enter_context(unit_of(request))
        except NotFound:
            raise PermissionDenied from None  # nobody's seat: the membership has ended
        if kind.permission != SIGNED_IN:
            request.scope.require(kind.permission)
        if not kind.inside:
            request.scope.refuse_inside()
        request.shell = shell_for(request, request.scope, request.user, request.now)
        yield


def unit_of(request: PageRequest, *, snapshot: bool = False) -> AbstractContextManager[Scope]:
    """A unit of work of the operator for which the person works, for pages that are not `in_unit`; `snapshot`: for one
    that reads all as of one instant."""
    return unit_of_work(
        request.isp, request.user.home_operator_id, user_id=request.user.pk, snapshot=snapshot, inside=request.inside
    )


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


def tell(request: HttpRequest, text: str, *, undo: str = "") -> None:
    """Say on the next page what was done; `undo`: the address that a button beside it posts to, where that is safe."""
    messages.success(request, text, extra_tags=undo)


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
    """Rows of a keyset page; `next` goes into ?after=, `previous` into ?before= where a list can be read backwards."""

    rows: Sequence[Any]
    next: str | int | None = None
    first: bool = True
    previous: str | None = None


def paged(request: HttpRequest, found: Sequence[dict[str, Any]], place: str | Callable[[dict[str, Any]], str]) -> Page:
    """A page of rows of which one more than ROWS was asked for; `place`: the key, or how to write it, of a row."""
    rows = found[:ROWS]
    after: Any = None
    if len(found) > ROWS:
        after = rows[-1][place] if isinstance(place, str) else place(rows[-1])
    return Page(rows, after, first="after" not in request.GET)
