"""Every row of the posting table, posted into real books of parent and child: its worked example comes out to the minor
unit, the two ends of an edge agree, and taking everything back leaves nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import count
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.ledger.choices import MIRRORS
from backhaul.ledger.periods import close_year, reopen_books
from backhaul.ledger.templates import TEMPLATES
from backhaul.operators.functions import rows
from conftest import clean
from tests.builders import acting, build_operator
from tests.ledger import worked, worked_on
from tests.ledger.books import DAY, NOW, Chain, as_admin, build_chain
from tests.ledger.worked import ROWS, Example, Step

EXAMPLES = [*worked.EXAMPLES, *worked_on.EXAMPLES]
KARIM, RAFIQ = 77, 99  # a customer, a collector
POST = (
    "SELECT post_event(%(who)s, %(kind)s, %(side)s, %(source)s, %(on)s, %(now)s, %(amounts)s, %(customer)s, %(other)s, "
    "%(paid)s, p_user => %(user)s, p_chosen => %(chosen)s)"
)


@dataclass
class Tree:
    """Padma above North and Rival, North above Riverside, and a superuser's hand in their books."""

    chain: Chain
    ids: dict[str, int]
    admin: psycopg.Connection[Any]
    sources: Iterator[int] = field(default_factory=lambda: count(1_000_000))

    def play(self, steps: list[Step], on: date = DAY) -> list[int]:
        """Post both sides of every event; the ids of the entries."""
        return [self.post(step, side, on, source) for step in steps for source in [next(self.sources)]
                for side in (("own",) if len(step.who) == 1 else ("parent", "child"))]  # fmt: skip

    def post(self, step: Step, side: str, on: date, source: int) -> int:
        lines = [line for line in TEMPLATES[step.kind] if line.side == side]
        assert {line.amount for line in TEMPLATES[step.kind]} >= set(step.amounts), step
        who, *other = step.who if side != "child" else step.who[::-1]
        named: dict[str, Any] = {
            "who": self.ids[who], "kind": step.kind, "side": side, "source": source, "on": on, "now": NOW,
            "amounts": Jsonb(step.amounts), "customer": KARIM, "other": self.ids[other[0]] if other else None,
            "paid": step.paid, "user": RAFIQ, "chosen": step.chosen,
        }  # fmt: skip
        found = self.admin.execute(POST, named).fetchone()
        assert found and found[0] and lines, step
        return int(found[0])

    def changes(self, entries: list[int]) -> dict[str, dict[str, int]]:
        """Operator → account, with its party → debits less credits; what comes out at nothing is left out."""
        names = {number: name for name, number in self.ids.items()}
        parties = {"customer": {KARIM: "karim"}, "user": {RAFIQ: "rafiq"}, "operator": names}
        found: dict[str, dict[str, int]] = {}
        for operator, code, party_kind, party, net in self.admin.execute(
            "SELECT p.operator_id, a.code, a.party_kind, s.party, sum(s.minor) FROM posting p "
            "CROSS JOIN LATERAL (VALUES (p.debit_code, p.debit_party, p.amount_minor), "
            "(p.credit_code, p.credit_party, -p.amount_minor)) AS s (code, party, minor) "
            "JOIN account a ON a.operator_id = p.operator_id AND a.code = s.code "
            "WHERE p.entry_id = ANY (%s) GROUP BY 1, 2, 3, 4 HAVING sum(s.minor) <> 0",
            [entries],
        ):
            account = code if party is None and party_kind is None else f"{code}:{parties[party_kind][party]}"
            found.setdefault(names[operator], {})[account] = int(net)
        return found


@pytest.fixture(scope="module")
def tree(server: EmbeddedPostgres) -> Iterator[Tree]:
    chain = build_chain(3)
    rival = build_operator(chain.isp, chain.isp.isp_id, "rival", owner=False)
    ids = dict(zip(("padma", "north", "riverside"), chain.operators, strict=True)) | {"rival": rival}
    with as_admin(server) as admin:
        yield Tree(chain, ids, admin)
    clean(server)


def named(example: Example) -> str:
    return f"{example.row}: {', '.join(step.kind for step in example.steps)}"


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_an_event_changes_the_books_of_each_end_as_computed_by_hand(tree: Tree, example: Example) -> None:
    assert tree.changes(tree.play(example.steps)) == example.changes


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_by_hand_every_books_balance_and_the_ends_of_an_edge_agree(example: Example) -> None:
    assert all(sum(accounts.values()) == 0 for accounts in example.changes.values())
    for parent, child in (worked.UPPER, worked.LOWER, worked.ASIDE):
        for above, below in MIRRORS:
            at_parent = example.changes.get(parent, {}).get(f"{above}:{child}", 0)
            assert at_parent + example.changes.get(child, {}).get(f"{below}:{parent}", 0) == 0, (above, below)


@pytest.mark.parametrize("example", EXAMPLES, ids=named)
def test_taking_every_entry_back_leaves_nothing(tree: Tree, example: Example) -> None:
    entries = tree.play(example.steps)
    taken_back = tree.admin.execute(
        "SELECT post_reversal(e, e.effective_on + 3, 'wrong', %s) FROM entry e WHERE e.id = ANY (%s)", [NOW, entries]
    ).fetchall()
    assert len(taken_back) == len(entries)
    assert tree.changes([*entries, *(row[0] for row in taken_back)]) == {}
    swapped = tree.changes([row[0] for row in taken_back])
    assert swapped == {
        who: {account: -net for account, net in accounts.items()} for who, accounts in example.changes.items()
    }


def test_a_year_end_moves_income_and_expense_to_retained_earnings_and_reopening_moves_them_back(tree: Tree) -> None:
    last_on = date(2025, 12, 31)
    tree.play(
        [
            worked.own("retail_invoice", "rival", net_less_discount=600_00, discount=100_00),
            worked.edge("wholesale_charge", worked.ASIDE, net=400_00, cost=400_00),
        ],
        on=date(2025, 12, 20),
    )
    with acting(tree.chain.isp, tree.ids["rival"]):
        closed = close_year(last_on=last_on, now=NOW)
    assert closed.entry_id is not None
    assert tree.changes([closed.entry_id]) == {
        "rival": {
            "internet_revenue": 700_00, "discounts_given": -100_00, "wholesale_cost": -400_00,
            "retained_earnings": -200_00,
        },
    }  # fmt: skip
    with acting(tree.chain.isp, tree.ids["rival"]):
        reopen_books(through=None, why="a bill was forgotten", now=NOW)
        back = rows("SELECT id FROM entry WHERE kind = 'reversal:year_close'")
    assert tree.changes([closed.entry_id, back[0]["id"]]) == {}


def test_every_row_of_the_table_has_its_example_and_every_template_is_in_one() -> None:
    assert len(ROWS) == len(set(ROWS)) == 29
    apart = {worked.YEAR_END, worked.REVERSAL}  # the two tests above: year ends have no template, reversals any
    assert {example.row for example in EXAMPLES} | apart == set(ROWS)
    assert {step.kind for example in EXAMPLES for step in example.steps} == set(TEMPLATES)


def settled_first_in_first_out(takings: list[int], settled: int) -> list[tuple[str, int]]:
    """How far each of the takings is settled, oldest first."""
    states = []
    for amount in takings:
        part = min(amount, settled)
        settled -= part
        states.append(("settled" if part == amount else "partial" if part else "pending", part))
    return states


def test_oracle_9_takings_are_settled_oldest_first_and_a_repeated_callback_changes_nothing(tree: Tree) -> None:
    """Takings 100, 200, 300; settle 250: settled, partial 150, pending, by the books of either end."""
    callbacks = [worked.edge("gateway_takings", worked.ASIDE, amount=amount) for amount in (100_00, 200_00, 300_00)]
    sources = [next(tree.sources) for _ in callbacks]

    def call_back(n: int) -> list[int]:
        return [tree.post(callbacks[n], side, DAY, sources[n]) for side in ("parent", "child")]

    entries = [entry for n in range(3) for entry in call_back(n)]
    entries += tree.play([worked.edge("takings_paid", worked.ASIDE, paid="bank", amount=250_00)])
    before = tree.changes(entries)
    assert (before["padma"]["takings_owed:rival"], before["rival"]["takings_receivable:padma"]) == (-350_00, 350_00)
    for taken, paid_off in (("credit", "debit"), ("debit", "credit")):
        code = "takings_owed" if taken == "credit" else "takings_receivable"
        moved = "SELECT amount_minor FROM posting WHERE entry_id = ANY (%s) AND {}_code = %s ORDER BY entry_id"
        takings, settled = (
            [row[0] for row in tree.admin.execute(moved.format(side).encode(), [entries, code])]
            for side in (taken, paid_off)
        )
        assert settled_first_in_first_out(takings, sum(settled)) == [
            ("settled", 100_00), ("partial", 150_00), ("pending", 0),
        ]  # fmt: skip

    count = "SELECT count(*) FROM entry UNION ALL SELECT count(*) FROM posting"
    rows_before = tree.admin.execute(count).fetchall()
    for side in ("parent", "child"):
        with pytest.raises(psycopg.errors.UniqueViolation):
            tree.post(callbacks[1], side, DAY, sources[1])
    assert tree.changes(entries) == before
    assert tree.admin.execute(count).fetchall() == rows_before
