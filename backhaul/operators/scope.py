"""The unit of work: one transaction in one cell, acting for one operator (ARCHITECTURE §4).

Owned tables can be reached nowhere else: outside a unit the cell is not on the search path, so a read raises.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

import psycopg
from django.db import OperationalError, connections, transaction

from backhaul.common.errors import NotAllowed, NotFound, Refusal
from backhaul.identity.models import IspDirectory
from backhaul.operators.rules import NOT_INSIDE, PERMISSIONS

SYSTEM = 0
TRIES = 5
UNDONE_BY_OTHERS = ("40001", "40P01")  # serialization failure, deadlock: the server took the whole transaction back
Done = TypeVar("Done")


class NotInside(NotAllowed):
    """What only an operator's own people do there: nobody from above (SPEC A31)."""

    code = "not_inside"


class EntryOver(Refusal):
    """The time inside another operator is over, or the right to be there; the person is back at the own one."""

    code = "entry_over"


@dataclass(frozen=True)
class Inside:
    """Which impersonation a unit of work acts in, as of when. `writes` although the person only looks: for stepping up
    and going back, which change nothing of the operator's."""

    operator_id: int
    impersonation_id: int
    at: datetime
    writes: bool = False


@dataclass(frozen=True)
class Entry:
    """How somebody from above works inside an operator: why, until when, and until when it may change things there
    (None: it only looks)."""

    id: int
    reason: str
    until: datetime
    changes_until: datetime | None
    from_operator_id: int

    @property
    def stepped_up(self) -> bool:
        return self.changes_until is not None


@dataclass(frozen=True)
class Scope:
    """Who acts, for which operator, in which cell, and what it may see. `visible` are own-table operator ids."""

    cell: str
    isp_id: int
    operator_id: int = 0
    name: str = ""
    path: tuple[int, ...] = ()
    visible: tuple[int, ...] = ()
    actor_id: int = SYSTEM
    role: str = "system"
    role_name: str = ""
    permissions: frozenset[str] = frozenset()
    time_zone: str = "UTC"
    currency: str = ""
    currency_decimals: int = 2
    entry: Entry | None = None

    @property
    def parent_id(self) -> int | None:
        """The provider's id; None for the ISP itself."""
        return self.path[-2] if len(self.path) > 1 else None

    def require(self, permission: str) -> None:
        """Raises NotAllowed unless the person's role includes `permission` ("context.verb")."""
        if permission not in self.permissions:
            raise NotAllowed(
                "Your role does not include “%(permission)s”; ask the owner of %(name)s.",
                permission=permission,
                name=self.name,
            )

    def refuse_inside(self) -> None:
        """Raises NotInside for somebody from above who works inside this operator."""
        if self.entry is not None:
            raise NotInside(
                "Only the people of %(name)s do this. Ask them, or go back to your own console.", name=self.name
            )


_current: ContextVar[Scope | None] = ContextVar("scope", default=None)


def current_scope() -> Scope:
    """The scope of the open unit of work; raises LookupError outside one."""
    scope = _current.get()
    if scope is None:
        raise LookupError("no unit of work is open")
    return scope


@contextmanager
def unit_of_work(
    isp: IspDirectory,
    operator_id: int | None = None,
    *,
    user_id: int | None = None,
    using: str = "default",
    snapshot: bool = False,
    inside: Inside | None = None,
) -> Iterator[Scope]:
    """Open a durable transaction for `operator_id` (default: the ISP) and yield its scope; commits at the end.

    `user_id` None = the system itself, with every permission. `snapshot`: read only, all seen as of one instant.
    `inside`: the user, of `operator_id`, works inside an operator below: that one acts, and the database lets nothing
    be written until the user has stepped up. Raises EntryOver when that is over.
    Raises NotFound when the operator does not exist in this ISP or the user is no member of it: the two look alike.
    """
    scope = Scope(cell=isp.cell, isp_id=isp.isp_id, time_zone=isp.time_zone, currency=isp.currency,
                  currency_decimals=isp.currency_decimals, actor_id=user_id or SYSTEM)  # fmt: skip
    with _begun(using, snapshot=snapshot):
        scope = _resolve(scope, operator_id or isp.isp_id, user_id, using)
        if inside is not None:
            scope = _enter(scope, inside, using)
        _set_local(scope, using)
        if inside is not None and scope.entry is not None and not (scope.entry.stepped_up or inside.writes):
            _look_only(using)
        token = _current.set(scope)
        try:
            yield scope
        finally:
            _current.reset(token)


def retried(work: Callable[[], Done]) -> Done:
    """What `work` returns: a whole transaction with its own idempotency, tried again where others undid it.

    Only deadlocks and serialization failures are, and at most five times; anything else is raised at once.
    """
    for attempt in range(1, TRIES):
        try:
            return work()
        except OperationalError as error:
            cause = error.__cause__
            if not (isinstance(cause, psycopg.Error) and cause.sqlstate in UNDONE_BY_OTHERS):
                raise
            time.sleep(random.uniform(0, 0.05 * 2**attempt))  # so that two that met do not meet again
    return work()


@contextmanager
def founding_unit(cell: str) -> Iterator[None]:
    """A unit in which no operator acts yet: only for creating an ISP."""
    with _opened(Scope(cell=cell, isp_id=0), "default"):
        yield


@contextmanager
def survey(cell: str) -> Iterator[None]:
    """A read-only unit over a whole cell, every table seen at one instant, by the alias "batch"; nobody acts in it."""
    with _opened(Scope(cell=cell, isp_id=0), "batch", snapshot=True):
        yield


@contextmanager
def acting_for_founded(isp: IspDirectory) -> Iterator[Scope]:
    """Inside a founding unit, act for the ISP that was just created; ends with the unit."""
    scope = Scope(cell=isp.cell, isp_id=isp.isp_id, operator_id=isp.isp_id, path=(isp.isp_id,), visible=(isp.isp_id,),
                  permissions=PERMISSIONS, time_zone=isp.time_zone, currency=isp.currency,
                  currency_decimals=isp.currency_decimals)  # fmt: skip
    _set_local(scope, "default")
    token = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(token)


@contextmanager
def acting_for_child(child_id: int) -> Iterator[Scope]:
    """Inside a unit, act for a direct child while it is being set up (onboarding); back to the parent at the end."""
    parent = current_scope()
    child = replace(parent, operator_id=child_id, path=(*parent.path, child_id), visible=(child_id,))
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1 FROM operator WHERE id = %s AND parent_id = %s", [child_id, parent.operator_id])
        if cursor.fetchone() is None:
            raise NotFound("There is no such operator below you.")
    token = _current.set(child)
    _set_local(child, "default")
    try:
        yield child
    finally:
        _current.reset(token)
        if not connections["default"].needs_rollback:
            _set_local(parent, "default")


@contextmanager
def _opened(scope: Scope, using: str, *, snapshot: bool = False) -> Iterator[None]:
    with _begun(using, snapshot=snapshot):
        _set_local(scope, using)
        yield


@contextmanager
def _begun(using: str, *, snapshot: bool) -> Iterator[None]:
    if _current.get() is not None:
        raise LookupError("a unit of work is already open")
    with transaction.atomic(using=using, durable=True):
        if snapshot:
            with connections[using].cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


def _resolve(scope: Scope, operator_id: int, user_id: int | None, using: str) -> Scope:
    """The operator and the person's rights there; the cell is entered in the same round trip."""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"{_path_sql(scope)}; "
            "SELECT isp_id, name, path, visible, role, role_name, permissions FROM operator_scope(%s, %s)",
            [operator_id, user_id],
        )
        cursor.nextset()
        row = cursor.fetchone()
    if row is None or row[0] != scope.isp_id:
        raise NotFound("There is no such operator.")
    _, name, path, visible, role, role_name, permissions = row
    return replace(
        scope,
        operator_id=operator_id,
        name=name,
        path=tuple(path),
        visible=tuple(visible),
        role=role,
        role_name=role_name or "",
        permissions=PERMISSIONS if user_id is None else frozenset(permissions),
    )


def _enter(home: Scope, inside: Inside, using: str) -> Scope:
    """The scope of the operator below inside which a person of `home` works, while that lasts."""
    row = None
    if "resellers.enter" in home.permissions:
        with connections[using].cursor() as cursor:
            cursor.execute(
                "SELECT name, path, visible, granted, reason, until_at, changes_until "
                "FROM entered_scope(%s, %s, %s, %s, %s)",
                [inside.operator_id, inside.impersonation_id, home.operator_id, home.actor_id, inside.at],
            )
            row = cursor.fetchone()
    if row is None:
        raise EntryOver("Your time inside the other operator is over; you are back at your own.")
    name, path, visible, granted, reason, until, changes_until = row
    return replace(
        home,
        operator_id=inside.operator_id,
        name=name,
        path=tuple(path),
        visible=tuple(visible),
        role="inside",
        role_name="",
        permissions=(home.permissions & frozenset(granted)) - NOT_INSIDE,
        entry=Entry(inside.impersonation_id, reason, until, changes_until, home.operator_id),
    )


def _look_only(using: str) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


def _set_local(scope: Scope, using: str) -> None:
    """Literal SET LOCAL in one round trip: reaches a distributed server's workers too, dies with the transaction."""
    ids = ",".join(map(str, scope.visible))
    ancestors = ",".join(map(str, scope.path[:-1]))
    acting = str(scope.operator_id) if scope.operator_id else ""
    entry = str(scope.entry.id) if scope.entry else ""
    with connections[using].cursor() as cursor:
        cursor.execute(
            f"{_path_sql(scope)}; SET LOCAL backhaul.operator = '{acting}'; "
            f"SET LOCAL backhaul.operators = '{{{ids}}}'; SET LOCAL backhaul.ancestors = '{{{ancestors}}}'; "
            f"SET LOCAL backhaul.actor = '{scope.actor_id}'; SET LOCAL backhaul.impersonation = '{entry}'"
        )


def _path_sql(scope: Scope) -> str:
    assert scope.cell.isidentifier()
    return f"SET LOCAL search_path = {scope.cell}, public, ext"
