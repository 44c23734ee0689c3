"""One act on many customers: looked at first, confirmed by its digest, done in small pieces by a job (SPEC B19).

The preview does it really and takes it back; what is done afterwards is what the preview said, customer by customer, or
is left undone and says why. A job that broke off is begun again and goes on where it stopped.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from backhaul.billing.bulk_acts import BULK_ACTS, BulkAct, Effect, Piece
from backhaul.billing.finding import CustomerFilter, count_customers, select_matching
from backhaul.common.clock import local_date
from backhaul.common.errors import InvalidInput, Refusal
from backhaul.identity.models import IspDirectory
from backhaul.operators.functions import rows, savepoint
from backhaul.operators.jobs import enqueue
from backhaul.operators.progress import Progress, progress_of
from backhaul.operators.scope import Inside, Scope, current_scope, retried, unit_of_work
from backhaul.subscribers import bulk as kept
from backhaul.subscribers.bulk import Found

CARRY_OUT = "backhaul.billing.tasks.carry_out_bulk"
PERMISSION = "customers.bulk"
MOST = 100_000
MOST_WITH_MONEY = 1_000  # looked at in one transaction, in which the funds of the chain wait
SLICE = 50
LOOKED_AT_ONCE = 200
KNOWN = 1_000  # of so many it is told beforehand in which ways they connect


class TooMany(Refusal):
    """More customers than one act takes."""

    code = "too_many"


class PreviewChanged(Refusal):
    """What was confirmed is not what the preview says now, or it was confirmed before."""

    code = "preview_changed"


class CostsOtherwise(Refusal):
    """To this customer it would do something else now than the preview said."""

    code = "costs_otherwise"


@dataclass(frozen=True)
class Seat:
    """On whose behalf a job acts: the same person at the same operator, with whatever rights it has by then."""

    operator_id: int
    user_id: int | None
    inside: Inside | None = None

    @classmethod
    def of(cls, scope: Scope, now: datetime) -> Seat:
        """Whose unit of work this is."""
        user_id = scope.actor_id or None
        if scope.entry is None:
            return cls(scope.operator_id, user_id)
        return cls(scope.entry.from_operator_id, user_id, Inside(scope.operator_id, scope.entry.id, now))

    def as_arguments(self) -> dict[str, Any]:
        """What a job is told."""
        inside = self.inside and [self.inside.operator_id, self.inside.impersonation_id, self.inside.at.isoformat()]
        return {"operator_id": self.operator_id, "user_id": self.user_id, "inside": inside}

    @classmethod
    def from_arguments(cls, *, operator_id: int, user_id: int | None, inside: list[Any] | None) -> Seat:
        """The seat that a job was told."""
        entered = Inside(inside[0], inside[1], datetime.fromisoformat(inside[2])) if inside else None
        return cls(operator_id, user_id, entered)

    @property
    def acts_for(self) -> int:
        return self.inside.operator_id if self.inside else self.operator_id


def count_connections(who: CustomerFilter | list[int]) -> dict[str | None, int]:
    """How many of these customers connect in each way (None: they have no login yet); empty where they are too many to
    be looked at before a page is shown."""
    if isinstance(who, CustomerFilter):
        found = count_customers(who)
        if found.kind != "exact" or found.n > KNOWN:
            return {}
    me = current_scope().operator_id
    matching, values = _matching(who, me)
    counted = rows(
        f"SELECT l.connection_type AS way, count(*) AS n FROM ({matching}) AS m LEFT JOIN radius_login l "
        "ON l.operator_id = %(of)s AND l.subscription_id = m.subscription_id GROUP BY 1 ORDER BY 2 DESC, 1",
        values | {"of": me},
    )
    return {row["way"]: row["n"] for row in counted}


def request_bulk(*, act: str, given: dict[str, Any], who: CustomerFilter | list[int], now: datetime) -> int:
    """Leave the preview of an act on all customers that match, or on those of these ids, to a job; the run's id.

    `given`: what the act needs (why, zone_id, package and profile as [operator id, id], suspend_on). Raises TooMany,
    and InvalidInput where nobody matches.
    """
    scope = current_scope()
    scope.require(PERMISSION)
    scope.require(BULK_ACTS[act].permission)
    matching, values = _matching(who, scope.operator_id)
    run_id = kept.add_run(act=act, given=given, matching=matching, values=values, now=now)
    if run_id is None:
        raise InvalidInput("Nobody is chosen: tick some customers, or take other filters.")
    most = MOST_WITH_MONEY if BULK_ACTS[act].moves_money else MOST
    if kept.get_run(run_id)["customers"] > most:
        raise TooMany("At most %(most)s customers at once; narrow the list.", most=f"{most:,}")
    _enqueue(run_id, now)
    return run_id


def confirm_bulk(*, run_id: int, digest: str, now: datetime) -> None:
    """Let a job do what the preview with this digest said. Raises PreviewChanged."""
    scope = current_scope()
    scope.require(PERMISSION)
    run = kept.get_run(run_id, lock=True)
    scope.require(BULK_ACTS[run["act"]].permission)
    if run["state"] != "ready" or run["digest"] != digest:
        raise PreviewChanged("This was confirmed before, or is not what you looked at; reload the page.")
    kept.start_doing(run_id, now=now)
    _enqueue(run_id, now)


def go_on(*, run_id: int, now: datetime) -> None:
    """Begin the job of a run again that broke off."""
    scope = current_scope()
    scope.require(PERMISSION)
    run = kept.get_run(run_id, lock=True)
    scope.require(BULK_ACTS[run["act"]].permission)
    if run["state"] in kept.LEFT:
        kept.touch(run_id, now=now)
        _enqueue(run_id, now)


def progress_key(run_id: int, state: str) -> str:
    """The key of the work on a run, for start_progress."""
    return f"bulk:{run_id}:{state}"


def carry_out_bulk(isp: IspDirectory, seat: Seat, *, run_id: int, now: datetime) -> None:
    """Look at what a run would do, or do it once it is confirmed. Opens its own units of work."""
    with _unit(isp, seat):
        run = kept.get_run(run_id)
    if run["state"] not in kept.LEFT:
        return
    with progress_of(isp, seat.acts_for, progress_key(run_id, run["state"])) as progress:
        try:
            _work_off(isp, seat, run, now, progress)
        except Refusal as refusal:  # the person may not any more, or has gone
            with unit_of_work(isp, seat.acts_for):
                kept.end_run(run_id, now=now, failed_why=refusal.message)
            raise


def _work_off(isp: IspDirectory, seat: Seat, run: dict[str, Any], now: datetime, progress: Progress) -> None:
    while retried(lambda: _slice(isp, seat, run, now)):
        with _unit(isp, seat):
            counts = kept.sum_run(run["id"])
        left = counts["waiting"] if run["state"] == "looking" else counts["would"]
        progress.advance(run["customers"] - left, total=run["customers"])
    with _unit(isp, seat):
        is_ended = kept.get_run(run["id"], lock=True)["state"] != run["state"]
        counts = kept.sum_run(run["id"])
        if is_ended or counts["waiting" if run["state"] == "looking" else "would"]:
            return  # another job has taken the rest, and ends the run or has ended it
        finish = kept.finish_looking if run["state"] == "looking" else kept.end_run
        finish(run["id"], now=now)


def _slice(isp: IspDirectory, seat: Seat, run: dict[str, Any], now: datetime) -> int:
    """One piece of the work, in a transaction of its own; 0 where nothing is left."""
    act = BULK_ACTS[run["act"]]
    on = local_date(now, isp.time_zone)
    looking = run["state"] == "looking"
    with _unit(isp, seat) as scope:
        scope.require(PERMISSION)
        scope.require(act.permission)
        limit = (None if act.moves_money else LOOKED_AT_ONCE) if looking else SLICE
        taken = kept.take_slice(run["id"], state=run["state"], limit=limit)
        pieces = [Piece(row["subscription_id"], row["customer_id"], run["given"], on, now) for row in taken]
        if not pieces:
            return 0
        if looking:
            found = _look(act, pieces)
        else:
            expected = [Effect(row["billed_minor"], row["fund_minor"]) for row in taken]
            found = [_do(act, piece, effect) for piece, effect in zip(pieces, expected, strict=True)]
        kept.note(run["id"], found, now=now)
        return len(pieces)


class _Undo(Exception):
    pass


def _look(act: BulkAct, pieces: list[Piece]) -> list[Found]:
    """Do it to all of them, one after the other, and take all of it back."""
    found: list[Found] = []
    try:
        with savepoint():
            for piece in pieces:
                found.append(_try(act, piece, "would", "would_not"))
            raise _Undo
    except _Undo:
        return found


def _do(act: BulkAct, piece: Piece, expected: Effect) -> Found:
    """Do it to one, if it does what the preview said."""

    def as_expected(done: Piece) -> Effect:
        effect = act.do(done)
        if effect != expected:
            raise CostsOtherwise("It would come to another amount now than the preview said; look at it again.")
        return effect

    return _try(BulkAct(act.permission, as_expected), piece, "done", "refused")


def _try(act: BulkAct, piece: Piece, done: str, refused: str) -> Found:
    try:
        with savepoint():
            effect = act.do(piece)
    except Refusal as refusal:
        return Found(piece.subscription_id, refused, refusal.message)
    return Found(piece.subscription_id, done, "", effect.billed_minor, effect.fund_minor)


def _matching(who: CustomerFilter | list[int], operator_id: int) -> tuple[str, dict[str, Any]]:
    if isinstance(who, CustomerFilter):
        sql, values = select_matching(who)
        return sql, values | {"limit": MOST + 1}
    sql = "SELECT id AS subscription_id FROM subscription WHERE operator_id = %(me)s AND customer_id = ANY (%(ids)s)"
    return sql, {"me": operator_id, "ids": who}


def _unit(isp: IspDirectory, seat: Seat) -> Any:
    return unit_of_work(isp, seat.operator_id, user_id=seat.user_id, inside=seat.inside)


def _enqueue(run_id: int, now: datetime) -> None:
    scope = current_scope()
    enqueue(
        CARRY_OUT,
        queueing_lock=f"bulk:{scope.operator_id}:{run_id}",
        isp_id=scope.isp_id,
        run_id=run_id,
        seat=Seat.of(scope, now).as_arguments(),
    )
