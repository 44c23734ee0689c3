"""What only an operator's own books know, recorded by its people: the owner's money, expenses, suppliers, assets, VAT
returns, opening balances (SPEC §3). What touches customers, funds or takings has events of its own elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from backhaul.common.errors import InvalidInput, NotFound, Refusal
from backhaul.common.money import refuse_beyond_limit
from backhaul.ledger.balances import sum_balance
from backhaul.ledger.choices import KEPT_BY_EVENTS, METHOD_ACCOUNTS, TITLES
from backhaul.ledger.queries import list_accounts
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import current_scope

OPENING = "opening_balances"


class AlreadyOpened(Refusal):
    """Opening balances are recorded once; taken back, they may be recorded anew."""

    code = "already_opened"


class NotFirst(Refusal):
    """Opening balances come before every other entry of their books."""

    code = "not_first"


class MoreVatThanOwed(Refusal):
    """A VAT return is of what the books hold on its day."""

    code = "more_vat_than_owed"


class OwnKind(NamedTuple):
    """What a kind of own event asks for. `chosen`: "cost" (an expense or asset account), "method", or nothing."""

    moves_money: bool = False
    has_vat: bool = False
    chosen: str = ""


OWN_KINDS: dict[str, OwnKind] = {
    "owner_puts_in": OwnKind(moves_money=True),
    "owner_draws": OwnKind(moves_money=True),
    "expense": OwnKind(moves_money=True, has_vat=True, chosen="cost"),
    "supplier_bill": OwnKind(has_vat=True, chosen="cost"),
    "supplier_paid": OwnKind(moves_money=True),
    "asset_bought": OwnKind(moves_money=True, has_vat=True),
    "provider_paid": OwnKind(moves_money=True),
    "provider_paid_by_owner": OwnKind(),
    "money_moved": OwnKind(moves_money=True, chosen="method"),
    "payroll": OwnKind(),
    "salaries_paid": OwnKind(moves_money=True),
    "vat_return": OwnKind(moves_money=True),
    OPENING: OwnKind(),
}


@dataclass(frozen=True)
class OwnEvent:
    """What is to be recorded. `total_minor` includes `vat_minor`, the VAT in it that is reclaimed.

    `paid`: cash, bank or mobile_wallet; `chosen`: the account it is for; both as OWN_KINDS asks.
    """

    kind: str
    total_minor: int
    on: date
    reason: str
    vat_minor: int = 0
    paid: str | None = None
    chosen: str | None = None


def record_own_event(event: OwnEvent, *, request_key: str, now: datetime) -> int:
    """Record an event of the acting operator and post its entry; returns the event's id.

    Of "vat_return" `total_minor` is what is owed before input VAT, `vat_minor` the input VAT set against it. Raises
    InvalidInput, UnknownAccount, AccountClosed, AccountOfParties, MoreVatThanOwed, PeriodClosed; KeyReused for a key
    that was sent with other figures.
    """
    asks = OWN_KINDS.get(event.kind)
    if asks is None or event.kind == OPENING:
        raise InvalidInput("There is no such kind of entry.", field="kind")
    if not 0 <= event.vat_minor <= event.total_minor:
        raise InvalidInput("The VAT is a part of the amount.", field="vat_minor")
    refuse_beyond_limit(event.total_minor)
    if event.kind == "vat_return":
        amounts = {"input_vat": event.vat_minor, "vat_paid": event.total_minor - event.vat_minor}
    elif asks.has_vat:
        amounts = {"bought": event.total_minor - event.vat_minor, "input_vat": event.vat_minor}
    else:
        amounts = {"amount": event.total_minor}
    return _record(event, amounts, request_key, now)


def record_opening_balances(
    balances: Mapping[str, int], *, on: date, reason: str, request_key: str, now: datetime
) -> int:
    """Take over what an operator has and owes: account → debits less credits; the difference is its opening balance.

    Customers' dues and advances and what lies in funds come by their own imports. Raises AlreadyOpened, NotFirst.
    """
    kept = {code: refuse_beyond_limit(minor) for code, minor in sorted(balances.items()) if minor}
    return _record(OwnEvent(OPENING, 0, on, reason), kept, request_key, now)


def _record(event: OwnEvent, amounts: Mapping[str, int], request_key: str, now: datetime) -> int:
    current_scope().require("books.post")
    made: int = call(
        "record_own_event",
        kind=event.kind,
        amounts=json.dumps(amounts),
        on=event.on,
        paid=event.paid,
        chosen=event.chosen,
        reason=_said(event.reason),
        request_key=request_key,
        now=now,
    )
    return made


def reverse_own_event(*, event_id: int, on: date, reason: str, now: datetime) -> int:
    """Take an event back, once, on its own day or a later one (opening balances: on their own); returns the id of the
    entry that does it.

    Raises NotFound, AlreadyReversed, AccountClosed, PeriodClosed, InvalidInput.
    """
    current_scope().require("books.post")
    return int(call("reverse_own_event", event=event_id, on=on, reason=_said(reason), now=now))


@dataclass(frozen=True)
class VatOwed:
    """VAT at the end of a day: what was charged to customers, what is reclaimed, and what of that can be used now."""

    charged_minor: int
    reclaimed_minor: int

    @property
    def usable_minor(self) -> int:
        """Input VAT that can be set against what is owed; what is more of it waits for the next return."""
        return max(0, min(self.charged_minor, self.reclaimed_minor))


def get_vat_owed(on: date) -> VatOwed:
    """What a VAT return of the acting operator through a day comes to."""
    return VatOwed(charged_minor=-sum_balance("vat_payable", on), reclaimed_minor=sum_balance("input_vat", on))


def list_cost_accounts(on: date) -> list[dict[str, Any]]:
    """Accounts that an expense or a supplier's bill can be for, costs first, by number: code, number, name."""
    found = [
        account
        for account in list_accounts()
        if account["kind"] in {"expense", "asset"}
        and account["party_kind"] is None
        and account["code"] not in (*METHOD_ACCOUNTS, *KEPT_BY_EVENTS)
        and (account["closed_on"] is None or account["closed_on"] > on)
    ]
    return sorted(found, key=lambda account: account["kind"] != "expense")


def list_opening_accounts(on: date) -> list[dict[str, Any]]:
    """Accounts whose balance can be taken over, by number: what there is and what is owed, not kept by party."""
    return [
        account
        for account in list_accounts()
        if account["kind"] in {"asset", "liability", "equity"}
        and account["party_kind"] is None
        and account["code"] != OPENING
        and (account["closed_on"] is None or account["closed_on"] > on)
    ]


def list_own_events(*, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
    """Recorded events, newest first: id, kind, title, effective_on, total_minor, paid_code, account, reason, actor_id,
    entry_id, reversed_on (None while it stands). `before`: the id where the last page ended."""
    return _events("o.id < COALESCE(%(before)s, 9223372036854775807)", {"before": before, "limit": limit})


def get_own_event(event_id: int) -> dict[str, Any]:
    """One recorded event as in list_own_events; raises NotFound."""
    found = _events("o.id = %(id)s", {"id": event_id, "limit": 1})
    if not found:
        raise NotFound("There is no such entry.")
    return found[0]


def _events(condition: str, parameters: dict[str, Any]) -> list[dict[str, Any]]:
    found = rows(
        f"""
        SELECT o.id, o.kind, o.effective_on, o.paid_code, a.name AS account, o.reason, e.actor_id,
               e.impersonation_id, e.id AS entry_id,
               r.effective_on AS reversed_on,
               (SELECT sum(abs(value::bigint)) FROM jsonb_each_text(o.amounts))::bigint AS total_minor
        FROM own_event o
        JOIN entry e ON e.operator_id = o.operator_id AND e.kind = o.kind AND e.source_id = o.id
        LEFT JOIN entry r ON r.operator_id = e.operator_id AND r.reverses_id = e.id
        LEFT JOIN account a ON a.operator_id = o.operator_id AND a.code = o.chosen_code
        WHERE o.operator_id = %(me)s AND {condition} ORDER BY o.id DESC LIMIT %(limit)s
        """,
        {"me": current_scope().operator_id, **parameters},
    )
    return [row | {"title": TITLES[row["kind"]]} for row in found]


def _said(text: str) -> str:
    if not text.strip():
        raise InvalidInput("Say what the entry is for.", field="reason")
    return text.strip()
