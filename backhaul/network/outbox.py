"""The sender of Disconnect-Requests: claims what is due, sends it, notes the answers; accounting proves the end."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from backhaul.identity.models import IspDirectory
from backhaul.network.radius.dynamic_authorization import Answer, Request, send_requests
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work

BATCH = 500


def drain_disconnects(isp: IspDirectory, *, now: datetime, seconds: float = 3.0) -> int:
    """Send one ISP's due requests, outside any transaction; returns how many sessions routers were asked about.

    Call it outside a unit of work. A request that is not acknowledged comes due again by itself, later each time;
    one that is acknowledged too, until its session is seen to end.
    """
    asked = 0
    while True:
        with unit_of_work(isp, using="batch"):
            claimed = rows("SELECT * FROM claim_disconnects(%s, %s, %s)", [isp.isp_id, now, BATCH], using="batch")
        if not claimed:
            return asked
        answers = send_requests([_request(row) for row in claimed], now=now.timestamp(), seconds=seconds)
        with unit_of_work(isp, using="batch"):
            _record(claimed, answers, now)
        asked += len(claimed)


def close_silent_sessions(isp: IspDirectory, *, now: datetime) -> int:
    """Close the sessions of the ISP's cell that routers no longer report; returns how many."""
    with unit_of_work(isp, using="batch"):
        return int(call("close_silent_sessions", using="batch", now=now))


def _request(row: dict[str, Any]) -> Request:
    return Request(
        address=row["nas_address"],
        port=row["nas_port"],
        secret=row["secret"],
        username=row["username"],
        acct_session_id=row["acct_session_id"],
        framed_address=row["framed_address"],
        rate_limit=row["rate_limit"] if row["kind"] == "change_of_authorization" else None,
    )


def _record(claimed: list[dict[str, Any]], answers: list[Answer], now: datetime) -> None:
    """A login may have several sessions: its request is acknowledged when all are."""
    merged: dict[tuple[int, int], Answer] = {}
    for row, answer in zip(claimed, answers, strict=True):
        key = (row["operator_id"], row["request_id"])
        if key not in merged or merged[key].verdict == "acknowledged":
            merged[key] = answer
    call(
        "record_answers",
        using="batch",
        operator_ids=[operator for operator, _ in merged],
        request_ids=[request for _, request in merged],
        verdicts=[answer.verdict for answer in merged.values()],
        errors=[answer.error for answer in merged.values()],
        at=now,
    )
