"""A chain of operators with books and funds, a superuser's hand, and sums worked out the slow way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from backhaul.cli.embedded import EmbeddedPostgres
from backhaul.identity.models import IspDirectory
from backhaul.ledger.services import open_books
from backhaul.operators.functions import call, rows
from backhaul.operators.scope import unit_of_work
from backhaul.resellers.services import Identity, found_isp
from tests.builders import build_operator, numbers

NOW = datetime(2026, 3, 1, 6, 0, tzinfo=UTC)
DAY = date(2026, 3, 1)


@dataclass(frozen=True)
class Chain:
    """An ISP and one operator below the other; `operators` from the ISP down."""

    isp: IspDirectory
    operators: tuple[int, ...]

    @property
    def edges(self) -> list[tuple[int, int]]:
        """(parent, child) pairs from the top."""
        return list(zip(self.operators, self.operators[1:], strict=False))


def build_chain(depth: int = 3) -> Chain:
    """A new ISP with `depth` operators in a row, itself included."""
    isp = found_isp(identity=Identity(slug=f"isp-{next(numbers)}", name="Isp"))
    operators = [isp.isp_id]
    for level in range(1, depth):
        operators.append(
            build_operator(isp, operators[-1], f"level-{level}", owner=False, may_have_children=True, credit_limit_minor=10**9)
        )
    return Chain(isp, tuple(operators))


def recharge(chain: Chain, child: int, kind: str, amount: int, on: date = DAY, key: str | None = None) -> int:
    """A movement of one fund, by the child's parent."""
    parent = next(parent for parent, below in chain.edges if below == child)
    with unit_of_work(chain.isp, parent):
        movement = call(
            "recharge_fund", child=child, kind=kind, amount_minor=amount, on=on, paid="bank",
            request_key=key or f"key-{next(numbers)}", note="",
        )  # fmt: skip
    return int(movement)


def as_admin(server: EmbeddedPostgres) -> psycopg.Connection[Any]:
    """A superuser's connection in cell1: what no role of the product may do."""
    url = server.admin_url.rsplit("/", 1)[0] + "/backhaul"
    return psycopg.connect(url, autocommit=True, options="-c search_path=cell1,public,ext")


@contextmanager
def acting(chain: Chain, operator: int | None = None) -> Iterator[None]:
    """A unit of work of one of the chain's operators."""
    with unit_of_work(chain.isp, operator):
        yield


def balances_by_hand(operator: int, on: date) -> dict[str, int]:
    """Every account's debits less credits through a day, added up posting by posting."""
    found: dict[str, int] = {}
    for posting in rows(
        "SELECT debit_code, credit_code, amount_minor FROM posting WHERE operator_id = %s AND effective_on <= %s", [operator, on]
    ):
        found[posting["debit_code"]] = found.get(posting["debit_code"], 0) + posting["amount_minor"]
        found[posting["credit_code"]] = found.get(posting["credit_code"], 0) - posting["amount_minor"]
    return {code: net for code, net in found.items() if net}
