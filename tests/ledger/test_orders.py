"""Events that do not depend on each other leave the same books in whatever order they are recorded."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backhaul.billing.services import issue_opening_dues
from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.funds.services import recharge_fund
from backhaul.ledger import queries, services
from backhaul.ledger.events import OPENING, OWN_KINDS, OwnEvent, record_own_event
from backhaul.ledger.rules import ManualLine
from backhaul.operators.functions import rows
from backhaul.payments.services import record_payment
from conftest import clean
from tests.builders import acting, build_customer, request_key
from tests.cast import Cast, build_cast
from tests.ledger.books import DAY, NOW

DUE = 600_00
CUSTOMERS = ("padma", "north", "riverside", "riverside")  # each customer's operator
PARTIES = """
    SELECT a.code, a.party_kind, s.party, d.day, sum(s.minor)::bigint AS minor
    FROM posting p
    CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor),
                               (p.credit_code, p.credit_party, -p.amount_minor)) AS s (code, party, minor)
    JOIN account a ON a.operator_id = p.operator_id AND a.code = s.code
    JOIN unnest(%s::date[]) AS d (day) ON p.effective_on <= d.day
    WHERE p.operator_id = %s AND s.party IS NOT NULL GROUP BY 1, 2, 3, 4
"""
HAND_ACCOUNTS = ("cash", "bank", "office_expense", "owner_capital", "other_income", "paid_to_provider")

days = st.integers(-40, 0).map(lambda n: DAY + timedelta(days=n))
amounts = st.integers(1, 10**7)
operators = st.sampled_from(["padma", "north", "riverside"])
by_hand = st.tuples(st.just("by_hand"), operators, st.permutations(HAND_ACCOUNTS), amounts, days)
# What a VAT return may come to depends on what was recorded before it.
own_kinds = st.sampled_from(sorted(set(OWN_KINDS) - {OPENING, "vat_return"}))
own = st.tuples(st.just("own"), operators, own_kinds, amounts, days)
fund_kinds = st.sampled_from(["recharge", "recharge_credit", "bonus"])
funds = st.lists(
    st.tuples(st.just("fund"), st.sampled_from(["north", "riverside", "rival"]), fund_kinds, amounts, days),
    unique_by=lambda event: event[1],
    max_size=3,
)
payments = st.lists(
    st.tuples(st.just("payment"), st.integers(0, len(CUSTOMERS) - 1), st.integers(1, 2 * DUE), days),
    unique_by=lambda event: event[1],
    max_size=len(CUSTOMERS),
)
happenings = st.tuples(st.lists(st.one_of(by_hand, own), min_size=3, max_size=8), funds, payments).map(
    lambda parts: [event for part in parts for event in part]
)


class World:
    """The cast with customers who owe something; plays events, and tells what the books hold by names alone."""

    def __init__(self) -> None:
        self.cast: Cast = build_cast()
        cast = self.cast
        self.ids = {"padma": cast.padma.isp_id, "north": cast.north, "riverside": cast.riverside, "rival": cast.rival}
        self.customers = [self.customer_who_owes(name) for name in CUSTOMERS]

    def customer_who_owes(self, name: str) -> int:
        with acting(self.cast.padma, self.ids[name]):
            added = build_customer(self.cast, on=date(2026, 1, 1))
            issue_opening_dues(
                [(added.customer_id, added.subscription_id, DUE)], on=date(2026, 1, 1), due_on=DAY, now=NOW
            )
        return added.customer_id

    def play(self, events: list[tuple[Any, ...]], seal_after: int) -> None:
        for n, event in enumerate(events):
            getattr(self, event[0])(*event[1:])
            if n == seal_after:
                services.seal_all_books(self.cast.padma, now=NOW)

    def by_hand(self, name: str, accounts: list[str], amount: int, on: date) -> None:
        lines = [ManualLine(accounts[0], accounts[1], amount), ManualLine(accounts[2], accounts[0], 7)]
        with acting(self.cast.padma, self.ids[name]):
            services.post_manual_entry(
                effective_on=on, lines=lines, reason="by hand", request_key=request_key(), now=NOW
            )

    def own(self, name: str, kind: str, amount: int, on: date) -> None:
        asks = OWN_KINDS[kind]
        event = OwnEvent(
            kind,
            amount,
            on,
            "own",
            vat_minor=amount // 21 if asks.has_vat else 0,
            paid="cash" if asks.moves_money else None,
            chosen={"cost": "office_expense", "method": "bank"}.get(asks.chosen),
        )
        with acting(self.cast.padma, self.ids[name]):
            record_own_event(event, request_key=request_key(), now=NOW)

    def fund(self, child: str, kind: str, amount: int, on: date) -> None:
        with acting(self.cast.padma, self.ids["north" if child == "riverside" else "padma"]):
            recharge_fund(
                child_id=self.ids[child],
                kind=kind,
                amount_minor=amount,
                on=on,
                paid="bank" if kind == "recharge" else None,
                request_key=request_key(),
            )

    def payment(self, customer: int, amount: int, on: date) -> None:
        with acting(self.cast.padma, self.ids[CUSTOMERS[customer]]):
            record_payment(
                customer_id=self.customers[customer],
                amount_minor=amount,
                method="cash",
                received_on=on,
                now=NOW,
                request_key=request_key(),
            )

    def balances(self, asked: list[date]) -> dict[tuple[Any, ...], int]:
        """(operator, account, day) → debits less credits; (operator, account, party, day) of what is kept by party."""
        names = {number: f"customer {n}" for n, number in enumerate(self.customers)}
        parties = {"customer": names, "operator": {number: name for name, number in self.ids.items()}}
        found: dict[tuple[Any, ...], int] = {}
        for name, operator in self.ids.items():
            with acting(self.cast.padma, operator):
                for on in asked:
                    for row in queries.get_trial_balance(on=on)["accounts"]:
                        found[name, row["code"], on] = row["debit_minor"] - row["credit_minor"]
                for row in rows(PARTIES, [asked, operator]):
                    found[name, row["code"], parties[row["party_kind"]][row["party"]], row["day"]] = row["minor"]
        return {key: minor for key, minor in found.items() if minor}


@settings(
    max_examples=4,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), events=happenings)
def test_the_order_of_events_that_do_not_touch_each_other_changes_no_balance_of_any_day(
    db: EmbeddedPostgres, data: st.DataObject, events: list[tuple[Any, ...]]
) -> None:
    asked = sorted({event[-1] for event in events} | {DAY})
    seen = []
    for order in (events, data.draw(st.permutations(events), label="another order")):
        clean(db)
        world = World()
        world.play(order, seal_after=data.draw(st.integers(0, len(events)), label="sealed after"))
        seen.append(world.balances(asked))
    assert seen[0] == seen[1]
    assert {key[0] for key in seen[0]} >= {"padma", "north", "riverside"}
