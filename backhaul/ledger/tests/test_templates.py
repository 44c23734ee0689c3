"""The posting templates as algebra: each nets to zero in every book, and mirrors cancel over every edge of a chain."""

from __future__ import annotations

from collections import defaultdict

import pytest

from backhaul.ledger.choices import CHART, CHOSEN, METHOD_ACCOUNTS, MIRRORS, PAID, PARTY_KIND, TITLES
from backhaul.ledger.rules import Form, effect, total
from backhaul.ledger.templates import AMOUNTS, TEMPLATES, Line

EDGE_TEMPLATES = sorted(
    kind for kind, lines in TEMPLATES.items() if {line.side for line in lines} == {"parent", "child"}
)
Books = dict[tuple[int, str, int | None], Form]  # (operator, account, party) → form


def along_a_chain(lines: tuple[Line, ...], depth: int) -> Books:
    """The books of operators 0 (the ISP) … depth − 1 after the event on every edge, with inputs of its own."""
    books: dict[tuple[int, str, int | None], list[Form]] = defaultdict(list)
    for parent in range(depth - 1):
        child = parent + 1
        for side, owner, other in (("parent", parent, child), ("child", child, parent)):
            for code, form in effect(lines, side).items():
                party = other if PARTY_KIND.get(code) == "operator" else None
                books[owner, code, party].append({f"{variable} {parent}-{child}": n for variable, n in form.items()})
    return {place: total(forms) for place, forms in books.items()}


def unbalanced_books(books: Books) -> list[int]:
    operators = {operator for operator, _, _ in books}
    return [
        who for who in sorted(operators) if total(form for (operator, _, _), form in books.items() if operator == who)
    ]


def broken_mirrors(books: Books, depth: int) -> list[tuple[str, int, int]]:
    return [
        (parent_code, parent, parent + 1)
        for parent in range(depth - 1)
        for parent_code, child_code in MIRRORS
        if total([books.get((parent, parent_code, parent + 1), {}), books.get((parent + 1, child_code, parent), {})])
    ]


@pytest.mark.parametrize("kind", TEMPLATES)
def test_a_template_nets_to_zero_on_every_side(kind: str) -> None:
    for side in ("own", "parent", "child"):
        assert total(effect(TEMPLATES[kind], side).values()) == {}


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("kind", EDGE_TEMPLATES)
def test_along_a_chain_every_book_balances_and_every_mirror_cancels(kind: str, depth: int) -> None:
    books = along_a_chain(TEMPLATES[kind], depth)
    assert unbalanced_books(books) == []
    assert broken_mirrors(books, depth) == []
    assert total(books.values()) == {}
    assert bool(books) == (depth > 1)


def test_the_worked_charge_of_a_chain_is_what_the_specification_says() -> None:
    books = along_a_chain(TEMPLATES["wholesale_charge"], 3)
    assert books[0, "operator_funds", 1] == {"net 0-1": 1, "vat 0-1": 1}
    assert books[1, "fund", 0] == {"net 0-1": -1, "vat 0-1": -1}
    assert books[1, "operator_funds", 2] == {"net 1-2": 1, "vat 1-2": 1}
    assert books[1, "wholesale_revenue", None] == {"net 1-2": -1}
    assert books[1, "complimentary_service", None] == {"free_cost 0-1": 1}
    assert books[1, "wholesale_cost", None] == {"net 0-1": 1, "vat 0-1": 1, "input_vat 0-1": -1, "free_cost 0-1": -1}
    assert books[2, "input_vat", None] == {"input_vat 1-2": 1}


@pytest.mark.parametrize("kind", EDGE_TEMPLATES)
def test_the_proof_sees_a_line_that_is_lost_on_one_side(kind: str) -> None:
    for lost, line in enumerate(TEMPLATES[kind]):
        if {line.debit, line.credit} & {code for pair in MIRRORS for code in pair}:
            lines = tuple(line for n, line in enumerate(TEMPLATES[kind]) if n != lost)
            assert broken_mirrors(along_a_chain(lines, 2), 2)


def test_the_proof_sees_an_amount_that_is_not_the_mirror_s() -> None:
    wrong = tuple(
        line._replace(amount="net") if line.amount == "cost" else line for line in TEMPLATES["wholesale_charge"]
    )
    assert broken_mirrors(along_a_chain(wrong, 3), 3) == [("operator_funds", 0, 1), ("operator_funds", 1, 2)]


def test_templates_use_accounts_of_the_chart_and_amounts_that_are_defined() -> None:
    codes = {account.code for account in CHART}
    assert set(METHOD_ACCOUNTS) < codes
    assert {code for pair in MIRRORS for code in pair} < codes
    for lines in TEMPLATES.values():
        for line in lines:
            assert {line.debit, line.credit} - {PAID, CHOSEN} <= codes
            assert line.amount in AMOUNTS
    assert set(TITLES) >= set(TEMPLATES)


def test_accounts_over_an_edge_are_kept_by_operator_and_customers_by_customer() -> None:
    for parent_code, child_code in MIRRORS:
        assert PARTY_KIND[parent_code] == PARTY_KIND[child_code] == "operator"
    for kind, lines in TEMPLATES.items():
        for line in lines:
            kinds = {PARTY_KIND.get(code) for code in (line.debit, line.credit)} - {None}
            assert kinds <= ({"customer", "user"} if line.side == "own" else {"operator"}), kind
