"""The start of an edge, before which it charges nothing, and the closing of an operator (SPEC 2.4, A20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from backhaul.common.errors import Refusal
from backhaul.operators.functions import call
from backhaul.operators.scope import current_scope


class AlreadyStarted(Refusal):
    """The edge charges already."""

    code = "already_started"


class NotSettled(Refusal):
    """An operator with a balance, with customers or with operators below it is not closed."""

    code = "not_settled"


@dataclass(frozen=True)
class Start:
    """What the start of an edge charges at once: running services, for that day and the days left of their periods."""

    services: int
    net_minor: int
    vat_minor: int

    @property
    def total_minor(self) -> int:
        """What leaves the child's fund."""
        return self.net_minor + self.vat_minor


def preview_start(*, child_id: int, on: date) -> Start:
    """What starting a direct child's edge on a day would charge. Raises AlreadyStarted."""
    current_scope().require("resellers.edit")
    return Start(**call("start_edge", child=child_id, on=on, preview=True))


def start_edge(*, child_id: int, on: date) -> Start:
    """From this day on the edge charges; running periods below are charged for it and the days left, in one movement.

    Raises FundTooLow, and then nothing has started; AlreadyStarted.
    """
    current_scope().require("resellers.edit")
    return Start(**call("start_edge", child=child_id, on=on, preview=False))


def close_operator(*, child_id: int, on: date) -> None:
    """Close a direct child; raises NotSettled until its fund is empty both ways and nobody is left in or below it."""
    current_scope().require("resellers.edit")
    call("close_operator", child=child_id, on=on)
